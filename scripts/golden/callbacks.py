"""Goldens of what callbacks decide: epochs that run, learning rates, files that are written, lines of CSV, names of files, directions of metrics."""

import inspect
import os
import tempfile
import warnings

from common import Golden, camel_keys, keras, np, rng

golden = Golden("callbacks")
warnings.simplefilter("ignore")

X = np.zeros((8, 2), "float32")
Y = np.zeros((8, 1), "float32")


class Fake(keras.callbacks.Callback):
    """Puts given numbers into the logs, as if the model had reached them."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        for name, values in self.values.items():
            if epoch < len(values) and values[epoch] is not None:
                logs[name] = values[epoch]


class Fetch(keras.callbacks.Callback):
    """What stands in the logs behind all other callbacks."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(dict(logs))


def model_with(optimizer=None, metrics=None):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(optimizer=optimizer or keras.optimizers.SGD(0.5), loss="mse", metrics=metrics)
    return model


def walk(seed, count):
    """A number that wanders, with plateaus."""
    generator = rng(seed)
    return [float(value) for value in np.round(np.cumsum(generator.integers(-3, 3, count)) / 4, 2)]


def outcome(callback, values, epochs, metrics=None, batches=1):
    model = model_with(metrics=metrics)
    fetch = Fetch()
    try:
        history = model.fit(X, Y, epochs=epochs, batch_size=8 // batches, verbose=0, callbacks=[Fake(values), callback, fetch])
    except ValueError as error:
        return model, {"error": type(error).__name__}
    return model, {"epochs": history.epoch, "rates": [logs["learning_rate"] for logs in fetch.seen if "learning_rate" in logs]}


# EarlyStopping and ReduceLROnPlateau over numbers that wander, with every option.
WALKS = [walk(900 + index, 14) for index in range(6)]
STOPPING = [
    {},
    {"patience": 2},
    {"patience": 3, "min_delta": 0.3},
    {"patience": 2, "mode": "max"},
    {"patience": 2, "baseline": -0.5},
    {"patience": 1, "start_from_epoch": 4},
    {"patience": 2, "min_delta": -0.4, "mode": "max", "baseline": 0.5, "start_from_epoch": 2},
]
for index, options in enumerate(STOPPING):
    for number, values in enumerate(WALKS):
        given = {"monitor": "number", "mode": "min", **options}
        callback = keras.callbacks.EarlyStopping(**given)
        _, result = outcome(callback, {"number": values}, len(values))
        state = {"best": callback.best, "wait": callback.wait, "stoppedEpoch": callback.stopped_epoch}
        golden.case(
            f"EarlyStopping {index} {number}", kind="earlyStopping", options=camel_keys(given), values={"number": values},
            **result, state={**state, "bestEpoch": callback.best_epoch},
        )

PLATEAU = [
    {"patience": 0},
    {"patience": 1, "factor": 0.5},
    {"patience": 2, "factor": 0.2, "cooldown": 2},
    {"patience": 1, "min_lr": 0.01, "factor": 0.3},
    {"patience": 1, "mode": "max", "min_delta": 0.3},
    {"patience": 2, "factor": 0.9, "cooldown": 1, "min_delta": 0},
]
for index, options in enumerate(PLATEAU):
    for number, values in enumerate(WALKS):
        given = {"monitor": "number", "mode": "min", **options}
        callback = keras.callbacks.ReduceLROnPlateau(**given)
        _, result = outcome(callback, {"number": values}, len(values))
        state = {"best": callback.best, "wait": callback.wait, "cooldownCounter": callback.cooldown_counter}
        golden.case(
            f"ReduceLROnPlateau {index} {number}", kind="plateau", options=camel_keys(given), values={"number": values},
            **result, state=state,
        )

# mode 'auto': by the metric behind the name.
for monitor, metrics in [
    ("loss", None),
    ("val_loss", None),
    ("mae", ["mae"]),
    ("binary_accuracy", ["binary_accuracy"]),
    ("cosine_similarity", ["cosine_similarity"]),
    ("nothing", ["mae"]),
    ("nothing", None),
]:
    values = [1.0, 2.0, 0.5, 3.0, 0.1, 4.0]
    callback = keras.callbacks.EarlyStopping(monitor=monitor, patience=2)
    _, result = outcome(callback, {monitor: values}, len(values), metrics)
    golden.case(
        f"auto {monitor} {metrics}", kind="auto", options={"monitor": monitor, "patience": 2}, metrics=metrics or [],
        values={monitor: values}, **result,
    )

# LearningRateScheduler: the rates of the epochs; factors by epoch.
for factors in ([1, 0.5, 0.5, 3, 0.1], [2, 1, 1, 1, 0.25]):
    callback = keras.callbacks.LearningRateScheduler(lambda epoch, rate, factors=factors: rate * factors[epoch])
    _, result = outcome(callback, {}, len(factors))
    golden.case(f"LearningRateScheduler {factors}", kind="scheduler", factors=factors, **result)


# The hooks that come, in their order: name, number, names in the logs.
class Hooks(keras.callbacks.Callback):
    calls = []


def note(name):
    def hook(self, *args, logs=None):
        *index, logs = args if logs is None else [*args, logs]
        self.calls.append([name, index[0] if index else None, sorted(logs or {})])

    return hook


for name in dir(keras.callbacks.Callback):
    if name.startswith("on_") and name not in ("on_batch_begin", "on_batch_end"):
        setattr(Hooks, name, note(name))

for kind, steps in [("fit", 1), ("validated", 1), ("evaluate", 1), ("predict", 1)]:
    model = model_with(metrics=["mae"])
    Hooks.calls = []
    if kind == "fit":
        model.fit(X, Y, epochs=2, batch_size=4, verbose=0, callbacks=[Hooks()])
    elif kind == "validated":
        model.fit(X, Y, epochs=2, batch_size=4, verbose=0, validation_data=(X, Y), validation_freq=2, callbacks=[Hooks()])
    elif kind == "evaluate":
        model.evaluate(X, Y, batch_size=4, verbose=0, callbacks=[Hooks()])
    else:
        model.predict(X, batch_size=4, verbose=0, callbacks=[Hooks()])
    golden.case(f"hooks {kind}", kind="hooks", method=kind, calls=[list(call) for call in Hooks.calls])

SPECIAL = {
    "MeanIoU": {"num_classes": 2}, "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]}, "OneHotMeanIoU": {"num_classes": 2},
    "SensitivityAtSpecificity": {"specificity": 0.5}, "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "PrecisionAtRecall": {"recall": 0.5}, "RecallAtPrecision": {"precision": 0.5},
}  # fmt: skip
directions = []
for name in sorted(dir(keras.metrics)):
    kind = getattr(keras.metrics, name)
    if inspect.isclass(kind) and name not in ("Metric", "MeanMetricWrapper"):
        options = SPECIAL.get(name, {})
        metric = kind(**options)
        directions.append({"metric": name, "options": camel_keys(options), "direction": getattr(metric, "_direction", None)})
golden.fact("directions", directions)

# ModelCheckpoint: which files, in which order.
CHECKPOINTS = [
    ({"filepath": "m-{epoch:02d}-{number:.2f}.keras"}, 1),
    ({"filepath": "best.keras", "save_best_only": True}, 1),
    ({"filepath": "a{{b}}/{epoch}.keras", "save_best_only": True}, 1),
    ({"filepath": "{epoch:03d}.weights.h5", "save_best_only": True, "mode": "max", "save_weights_only": True}, 1),
    ({"filepath": "{epoch}.keras", "save_best_only": True, "initial_value_threshold": -0.3}, 1),
    ({"filepath": "{epoch}-{batch:02d}.keras", "save_freq": 3}, 4),
    ({"filepath": "{epoch}-{batch:02d}.keras", "save_freq": 5}, 4),
    ({"filepath": "{epoch}-{batch}-{loss:.3f}.weights.h5", "save_freq": 2, "save_weights_only": True}, 4),
]
for index, (options, batches) in enumerate(CHECKPOINTS):
    for number, values in enumerate(WALKS[:3]):
        given = {"monitor": "number", "mode": "min", **options}
        with tempfile.TemporaryDirectory() as folder:
            callback = keras.callbacks.ModelCheckpoint(**{**given, "filepath": os.path.join(folder, given["filepath"])})
            model = model_with()
            saved = []
            model.save = model.save_weights = lambda path, overwrite: saved.append(os.path.relpath(path, folder))
            model.fit(X, Y, epochs=6, batch_size=8 // batches, shuffle=False, verbose=0,
                      callbacks=[Fake({"number": values}), callback])  # fmt: skip
            best = callback.best
        golden.case(
            f"ModelCheckpoint {index} {number}", kind="modelCheckpoint", options=camel_keys(given),
            values={"number": values}, batches=batches, saved=saved, best=best,
        )

# BackupAndRestore: after which steps of a run of 3 epochs of 4 steps a backup is taken.
for save_freq in ("epoch", 1, 3, 4, 5, 7):
    with tempfile.TemporaryDirectory() as folder:
        callback = keras.callbacks.BackupAndRestore(os.path.join(folder, "b"), save_freq=save_freq)
        model = model_with()
        at, steps = [], []
        original = callback._save_model
        callback._save_model = lambda: (at.append(len(steps)), original())
        count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(batch))
        model.fit(X, Y, epochs=3, batch_size=2, verbose=0, callbacks=[count, callback])
        golden.case(f"BackupAndRestore {save_freq}", kind="backup", saveFreq=save_freq, at=at,
                    left=os.path.exists(os.path.join(folder, "b")))  # fmt: skip

# CSVLogger: the file's text.
NAN, INF = float("nan"), float("inf")
LINES = [
    {"loss": 0.1, "accuracy": 1.0, "b": 1e-5},
    {"loss": 123456789.123, "accuracy": 0.0, "b": 1e16},
    {"loss": NAN, "b": -INF, "val_loss": 0.25},
    {"loss": 1e-4, "accuracy": -0.0, "b": 1.5e300},
]
for index, (options, before) in enumerate(
    [({}, None), ({"separator": ";"}, None), ({"append": True}, None), ({"append": True}, "epoch,x\r\n0,1\r\n"),
     ({"append": False}, "old\r\n"), ({"append": True}, ""), ({"separator": "\t"}, None)]
):  # fmt: skip
    for number, lines in enumerate([LINES, [{**line, "val_loss": 0.5, 'a,b;"c': 2.0} for line in LINES]]):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "log.csv")
            if before is not None:
                with open(path, "w", newline="") as file:
                    file.write(before)
            callback = keras.callbacks.CSVLogger(path, **options)
            callback.set_model(model_with())
            for repeat in range(2):
                callback.on_train_begin()
                for epoch, line in enumerate(lines):
                    callback.on_epoch_end(epoch, dict(line))
                callback.on_train_end()
            with open(path, newline="") as file:
                text = file.read()
        golden.case(f"CSVLogger {index} {number}", kind="csv", options=camel_keys(options), before=before, lines=lines, text=text)

# SwapEMAWeights: weights and averages at each hook that others may look at.
class Look(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.rows = []

    def look(self):
        self.rows.append(np.concatenate([np.asarray(w).ravel() for w in self.model.trainable_variables]))

    def on_epoch_end(self, epoch, logs=None):
        self.look()

    def on_test_begin(self, logs=None):
        self.look()


XE = rng(930).standard_normal((8, 2)).astype("float32")
YE = rng(931).standard_normal((8, 1)).astype("float32")
for swap in (False, True):
    for validation in (False, True):
        model = model_with(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
        look = Look()
        model.fit(XE, YE, epochs=3, batch_size=4, shuffle=False, verbose=0, validation_data=(XE, YE) if validation else None,
                  callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=swap), look])  # fmt: skip
        look.look()
        golden.case(f"SwapEMAWeights {swap} {validation}", kind="swap", options={"swapOnEpoch": swap}, validation=validation,
                    rows=np.stack(look.rows))  # fmt: skip
golden.fact("swapData", {"x": XE, "y": YE})

# Python's format specifications, as file names use them.
FORMATS = [
    "{epoch}", "{epoch:02d}", "{epoch:5}", "{epoch:<5}|", "{epoch:^7d}|", "{epoch:+d}", "{epoch: d}", "{epoch:06,d}", "{epoch:x}",
    "{epoch:#X}", "{epoch:08b}", "{epoch:o}", "{epoch:.2f}", "{epoch:e}", "{epoch:%}", "{epoch:g}", "{epoch:n}", "{epoch:*>6}",
    "{loss}", "{loss:.2f}", "{loss:.0f}", "{loss:8.3f}", "{loss:08.3f}", "{loss:+.1f}", "{loss:.3e}", "{loss:E}", "{loss:g}",
    "{loss:.3g}", "{loss:.10g}", "{loss:.3}", "{loss:.1%}", "{loss:_>12.4f}", "{loss:,.2f}", "{loss:_.1f}", "{loss:=+9.2f}", "{loss:#.0f}",
    "{loss:#g}", "{loss:G}", "{loss:F}", "{loss:015,.2f}", "{loss:n}", "{loss!r}", "{loss!s}", "{{{epoch}}}", "a{{b}}",
]  # fmt: skip
REFUSED = ["{epoch:.2d}", "{loss:d}", "{loss:x}", "{loss:s}", "{epoch:q}", "{nothing}", "{epoch", "epoch}", "{}", "{0}", "{loss:5,}.{"]
VALUES = [(1, 0.5), (12345, 1234567.891), (7, 1e-7), (3, 2.5), (4, 0.125), (10, float("nan")), (11, float("inf")), (2, 1e22), (5, 123.0),
          (6, -0.00005), (8, -3.75), (9, 0.0), (100000, 99999.95), (1000000, 1e16)]  # fmt: skip
for template in FORMATS:
    results = [{"epoch": epoch, "loss": loss, "text": template.format(epoch=epoch, loss=loss)} for epoch, loss in VALUES]
    golden.case(f"format {template}", kind="format", template=template, results=results)
for template in REFUSED:
    try:
        template.format(epoch=1, loss=0.5)
    except (KeyError, ValueError, IndexError) as error:
        golden.case(f"refused {template}", kind="refused", template=template, error=type(error).__name__)

golden.save()
