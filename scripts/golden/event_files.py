"""Events as TensorFlow's own summary writer puts them into files, beside the values that they were made of."""

import glob
import os
import struct
import tempfile

from common import Golden, camel_keys, keras, np, numbers, rng

import tensorflow as tf  # noqa: E402
from tensorboard.compat.proto import event_pb2  # noqa: E402
from tensorboard.plugins.hparams import summary_v2 as hparams  # noqa: E402

golden = Golden("event_files")


def written(write):
    """The records of the one file that `write` fills, and the file's name."""
    with tempfile.TemporaryDirectory() as folder:
        writer = tf.summary.create_file_writer(folder)
        with writer.as_default():
            write()
        writer.close()
        (path,) = glob.glob(f"{folder}/*")
        with open(path, "rb") as file:
            content = file.read()
    records = []
    at = 0
    while at < len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        records.append(content[at + 12 : at + 12 + length])
        at += 16 + length
    return content, records


def as_array(content):
    return np.frombuffer(content, "uint8")


def event(content):
    """Our files have their own times; so do the goldens, as the tests put theirs in."""
    parsed = event_pb2.Event.FromString(content)
    return {"bytes": as_array(content), "wallTime": parsed.wall_time, "step": parsed.step}


def case(name, kind, values, write, **options):
    _, records = written(write)
    tag = event_pb2.Event.FromString(records[1]).summary.value[0].tag
    golden.case(name, kind=kind, tag=tag, values=values, options=camel_keys(options), event=event(records[1]))


# A whole file: the framing, and the event that says the format's version.
content, records = written(lambda: tf.summary.scalar("loss", 0.5, step=7))
golden.fact("file", as_array(content))
golden.fact("records", [as_array(record) for record in records])

SCALARS = {"half": 0.5, "third": 1 / 3, "zero": 0.0, "negative": -1234567.0, "nan": float("nan"), "inf": float("inf")}
for name, value in SCALARS.items():
    case(f"scalar/{name}", "scalar", value, lambda value=value: tf.summary.scalar("epoch_loss", value, step=3), step=3)
case(
    "scalar/described",
    "scalar",
    2.0,
    lambda: tf.summary.scalar("ein/Maß", 2.0, step=2**40, description="how *far*"),
    step=2**40,
    description="how *far*",
)

HISTOGRAMS = {
    "normal": numbers(1, (40, 50)),
    "whole": rng(2).integers(-5, 60, (300,)).astype("int32"),
    "equal": np.full((7,), 0.25, "float32"),
    "one": np.array(3.0, "float32"),
    "empty": np.zeros((0,), "float32"),
    "edges": np.linspace(-1, 1, 61).astype("float64"),
    "tiny": (numbers(3, (100,)) * 1e-30).astype("float32"),
    "booleans": np.array([True, False, True]),
}
for name, data in HISTOGRAMS.items():
    case(f"histogram/{name}", "histogram", data, lambda data=data: tf.summary.histogram("w", data, step=1), step=1)
for buckets in (1, 7):
    data = numbers(4, (500,))
    case(
        f"histogram/buckets{buckets}",
        "histogram",
        data,
        lambda data=data, buckets=buckets: tf.summary.histogram("w", data, step=1, buckets=buckets),
        step=1,
        buckets=buckets,
    )

TEXTS = {"one": "**bold** größe", "list": ["a", "b", ""], "table": [["name", "value"], ["rate", "0.1"]]}
for name, text in TEXTS.items():
    case(f"text/{name}", "text", text, lambda text=text: tf.summary.text("note", text, step=0), step=0)

IMAGES = {
    "gray": numbers(5, (2, 5, 4, 1), scale=0.6, shift=0.5),
    "colour": numbers(6, (1, 3, 6, 3), scale=0.6, shift=0.5),
    "alpha": numbers(7, (1, 2, 3, 4), scale=0.6, shift=0.5),
    "bytes": rng(8).integers(0, 256, (4, 3, 2, 3)).astype("uint8"),
}
for name, data in IMAGES.items():
    _, records = written(lambda data=data: tf.summary.image("digit", data, step=2))
    pixels = tf.image.convert_image_dtype(data, tf.uint8, saturate=True).numpy()
    golden.case(
        f"image/{name}", kind="image", tag="digit", values=data, pixels=pixels, options={"step": 2}, event=event(records[1])
    )

VALUES = {"units": 128, "rate": 0.25, "optimizer": "adam", "augment": True}
golden.case(
    "hparams/start",
    kind="hparams",
    tag="_hparams_/session_start_info",
    values=VALUES,
    options={"startTimeSecs": 1.7e9},
    event=event(written(lambda: hparams.hparams(VALUES, start_time_secs=1.7e9))[1][1]),
)
golden.case(
    "hparams/trial",
    kind="hparams",
    tag="_hparams_/session_start_info",
    values={"rate": 0.5},
    options={"startTimeSecs": 1.7e9, "trialId": "first"},
    event=event(written(lambda: hparams.hparams({"rate": 0.5}, trial_id="first", start_time_secs=1.7e9))[1][1]),
)


def what_keras_writes(**options):
    """Tags of Keras' own callback by folder, with the plugin that shows them and their steps."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="relu", name="hidden"),
            keras.layers.Dense(3, activation="softmax", name="classes"),
        ],
        name="small",
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    x = numbers(9, (40, 6))
    y = np.eye(3, dtype="float32")[rng(10).integers(0, 3, 40)]
    with tempfile.TemporaryDirectory() as folder:
        board = keras.callbacks.TensorBoard(folder, **options)
        model.fit(x, y, batch_size=8, epochs=2, validation_split=0.2, verbose=0, callbacks=[board])
        found = {}
        for path in sorted(glob.glob(f"{folder}/**/*tfevents*", recursive=True)):
            tags = found.setdefault(os.path.relpath(os.path.dirname(path), folder), {})
            with open(path, "rb") as file:
                content = file.read()
            at = 0
            while at < len(content):
                (length,) = struct.unpack_from("<Q", content, at)
                parsed = event_pb2.Event.FromString(content[at + 12 : at + 12 + length])
                at += 16 + length
                for value in parsed.summary.value:
                    plugin = value.metadata.plugin_data.plugin_name
                    tags.setdefault(value.tag, {"plugin": plugin, "steps": []})["steps"].append(parsed.step)
        return found


CALLBACKS = {
    "default": {},
    "weights": {"histogram_freq": 1, "write_images": True, "write_graph": False},
    "steps": {"update_freq": "batch", "write_steps_per_second": True},
    "third": {"update_freq": 3, "histogram_freq": 2},
}
for name, options in CALLBACKS.items():
    golden.case(
        f"callback/{name}", kind="callback", tag="", options=camel_keys(options), written=what_keras_writes(**options)
    )
golden.save()
