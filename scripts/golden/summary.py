"""Goldens of model.summary(): the exact text for Sequential models, at given widths of the terminal."""

import os

from common import Golden, camel_keys, keras, layer, layer_from, np, sequential, spec_json

golden = Golden("summary")

MLP = sequential(
    [layer("Input", shape=(784,)), layer("Dense", units=128, activation="relu"), layer("Dropout", rate=0.3)]
    + [
        layer("Dense", units=128, activation="relu"),
        layer("Dropout", rate=0.3),
        layer("Dense", units=10, activation="softmax"),
    ]
)
INNER = sequential(
    [layer("Input", shape=(8,)), layer("Dense", units=4), layer("Activation", activation="relu")], name="inner"
)
NESTED = sequential([layer("Input", shape=(8,)), layer("Dense", units=8), INNER, layer("Dense", units=2)], name="outer")
TWICE = sequential(
    [layer("Input", shape=(8,)), sequential([INNER, layer("Dense", units=3)], name="middle"), layer("Dense", units=2)]
)
FROZEN = sequential(
    [
        layer("Input", shape=(6,)),
        {**layer("Dense", units=5, name="frozen"), "trainable": False},
        layer("Dropout", rate=0.5),
        layer("Dense", units=3),
    ]
)
SHAPES = sequential(
    [
        layer("Input", shape=(28, 28)),
        layer("Flatten"),
        layer("Dense", units=12),
        layer("Reshape", target_shape=(3, 4)),
        layer("Dense", units=2),
    ]
)
LONG = sequential(
    [
        layer("Input", shape=(4,)),
        layer("Dense", units=2000, name="a_layer_with_a_name_far_too_long_for_its_column_of_the_table"),
        layer("Dense", units=1500),
    ],
    name="a_model_with_a_long_name",
)
BATCH = sequential([layer("Input", shape=(None, 5), batch_size=16), layer("Dense", units=3)])
UNBUILT = sequential([layer("Dense", units=4), layer("Dropout", rate=0.5), layer("Dense", units=2)])
EMPTY = sequential([])
HALF = sequential(
    [
        layer("Input", shape=(6,)),
        layer("Dense", units=5, dtype="mixed_float16"),
        layer("Dense", units=3, dtype="bfloat16"),
    ]
)
BRACKETS = sequential([layer("Input", shape=(2,)), layer("Dense", units=1, name="[bold]odd[1]")], name="m[0]")

CASES = [
    ("mlp", MLP, {}, {}),
    ("mlpWide", MLP, {}, {"columns": 200}),
    ("mlpNarrow", MLP, {}, {"columns": 60}),
    ("mlpTerminal80", MLP, {}, {"columns": 80}),
    ("mlpLineLength", MLP, {"line_length": 70}, {}),
    ("mlpLongerThanTerminal", MLP, {"line_length": 110}, {"columns": 100}),
    ("mlpRelativePositions", MLP, {"positions": [0.3, 0.6, 1.0]}, {}),
    ("mlpPositionsAndLength", MLP, {"line_length": 100, "positions": [0.5, 0.7, 1.0]}, {}),
    ("mlpTrainable", MLP, {"show_trainable": True}, {}),
    ("mlpRange", MLP, {"layer_range": ["dropout", "dense_1"]}, {}),
    ("mlpRangeRegex", MLP, {"layer_range": ["drop.*", "drop.*"]}, {}),
    ("mlpFitted", MLP, {}, {"optimizer": "adam"}),
    ("mlpFittedSgd", MLP, {}, {"optimizer": "sgd"}),
    ("mlpCompiled", MLP, {}, {"optimizer": "adam", "steps": 0}),
    ("nested", NESTED, {}, {}),
    ("nestedExpanded", NESTED, {"expand_nested": True}, {}),
    ("nestedExpandedTrainable", NESTED, {"expand_nested": True, "show_trainable": True}, {}),
    ("twiceNested", TWICE, {"expand_nested": True}, {}),
    ("frozen", FROZEN, {"show_trainable": True}, {}),
    ("frozenFitted", FROZEN, {}, {"optimizer": "rmsprop"}),
    ("shapes", SHAPES, {}, {}),
    ("longNames", LONG, {}, {}),
    ("longNamesNarrow", LONG, {"show_trainable": True}, {"columns": 64}),
    ("batchSize", BATCH, {}, {}),
    ("unbuilt", UNBUILT, {}, {}),
    ("unbuiltTrainable", UNBUILT, {"show_trainable": True}, {}),
    ("empty", EMPTY, {}, {}),
    ("dtypes", HALF, {}, {}),
    ("brackets", BRACKETS, {}, {}),
]


def fit_once(model):
    shape = model.input_shape[1:]
    outputs = model.output_shape[-1]
    model.fit(np.zeros((2, *shape), "float32"), np.zeros((2, outputs), "float32"), verbose=0)


for name, spec, options, setting in CASES:
    keras.utils.clear_session()
    columns = setting.get("columns", 120)
    os.environ["COLUMNS"] = str(columns)
    model = layer_from(spec)
    if "optimizer" in setting:
        model.compile(optimizer=setting["optimizer"], loss="mse")
        if setting.get("steps", 1):
            fit_once(model)
    text = []
    model.summary(print_fn=text.append, **options)
    golden.case(
        name,
        model=spec_json(spec),
        options=camel_keys(options),
        columns=columns,
        compile={"optimizer": setting["optimizer"], "loss": "mse", "fitted": bool(setting.get("steps", 1))}
        if "optimizer" in setting
        else None,
        text="\n".join(text),
    )

from keras.src.utils.summary_utils import readable_memory_size  # noqa: E402

SIZES = [
    0,
    1,
    4,
    999,
    1023,
    1024,
    1025,
    1536,
    10_000,
    1_048_575,
    1_048_576,
    5_000_000,
    2**30,
    2**30 * 3 + 7,
    2**40,
    2**50,
    2**60,
]
golden.fact("memorySizes", [{"bytes": str(size), "text": readable_memory_size(size)} for size in SIZES])
golden.save()
