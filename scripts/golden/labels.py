"""Goldens of what fit takes beside the usual: labels for outputs with a loss alone, arrays of one, losses as metrics; and the options of calls in configs."""

from common import Golden, camel_keys, keras, layer_from, np, numbers, rng, spec_json

layers, losses = keras.layers, keras.losses
golden = Golden("labels")
ROWS = 24


def heads():
    x = keras.Input((6,), name="x")
    h = layers.Dense(5, activation="relu", name="hidden")(x)
    return keras.Model(x, [layers.Dense(3, activation="softmax", name="out_a")(h), layers.Dense(1, name="out_b")(h)])


def named_heads():
    x = keras.Input((6,), name="x")
    h = layers.Dense(5, activation="relu", name="hidden")(x)
    outputs = {"kind": layers.Dense(3, activation="softmax", name="out_a")(h), "amount": layers.Dense(1, name="out_b")(h)}
    return keras.Model({"x": x}, outputs)


def stack():
    return keras.Sequential([keras.Input((6,)), layers.Dense(5, activation="relu"), layers.Dense(3, activation="softmax")])


X = numbers(740, (ROWS, 6))
NUMBERS = (X @ numbers(741, (6, 3))).argmax(axis=1).astype("int32")
KIND = np.eye(3, dtype="float32")[NUMBERS]
AMOUNT = (X @ numbers(742, (6, 1))).astype("float32")
WEIGHTS = (rng(743).random(ROWS) + 0.25).astype("float32")
CE = "categorical_crossentropy"


def loss(name, /, **options):
    """A loss as an object here and as its class and options in the file."""
    return {"object": getattr(losses, name)(**options), "className": name, "options": camel_keys(options)}


def objects(value):
    if isinstance(value, dict) and "object" in value:
        return value["object"]
    if isinstance(value, dict):
        return {key: objects(item) for key, item in value.items()}
    return [objects(item) for item in value] if isinstance(value, list) else value


def described(value):
    if isinstance(value, dict):
        return {key: described(item) for key, item in value.items() if key != "object"}
    return [described(item) for item in value] if isinstance(value, list) else value


TRAINING = [
    ("listOfOne", heads, X, [KIND], {"loss": [CE, None]}, {}),
    ("oneAlone", heads, X, KIND, {"loss": [CE, None]}, {}),
    ("theSecond", heads, X, [AMOUNT], {"loss": [None, "mse"]}, {}),
    ("nullForOther", heads, X, [KIND, None], {"loss": [CE, None]}, {}),
    ("byName", heads, X, {"out_a": KIND}, {"loss": [CE, None]}, {}),
    ("metricOfThatOutput", heads, X, [KIND], {"loss": [CE, None], "metrics": [["accuracy"], None]}, {}),
    ("metricOfTheOther", heads, X, [KIND], {"loss": [CE, None], "metrics": [None, ["mae"]]}, {}),
    ("keyOfOne", named_heads, X, {"kind": KIND}, {"loss": {"kind": CE}}, {}),
    ("keysOfAll", named_heads, X, {"kind": KIND, "amount": AMOUNT}, {"loss": {"kind": CE}}, {}),
    ("weighted", heads, X, [KIND], {"loss": [CE, None], "loss_weights": [0.5, 2.0]}, {"sample_weight": WEIGHTS}),
    ("arrayOfOneInput", stack, [X], KIND, {"loss": CE}, {}),
    ("arraysOfOne", stack, [X], [KIND], {"loss": CE, "metrics": ["accuracy"]}, {}),
    ("oneWeight", stack, X, KIND, {"loss": CE, "loss_weights": 0.5}, {}),
    ("lossAsMetric", stack, X, KIND, {"loss": CE, "metrics": [loss("MeanSquaredError")]}, {}),
    ("lossWithOptionsAsMetric", stack, X, KIND, {"loss": CE, "metrics": [loss("CategoricalCrossentropy", name="smooth", label_smoothing=0.2)]}, {}),
    ("lossesAsMetrics", stack, X, KIND, {"loss": CE, "metrics": [loss("Huber"), "accuracy", loss("LogCosh")]}, {}),
    ("lossOfClassNumbersAsMetric", stack, X, NUMBERS, {"loss": "sparse_categorical_crossentropy", "metrics": [loss("SparseCategoricalCrossentropy")]}, {}),
    ("lossAsWeightedMetric", stack, X, KIND, {"loss": CE, "weighted_metrics": [loss("MeanSquaredError")]}, {}),
]

for name, model_of, x, y, compile_options, fit in TRAINING:
    keras.utils.clear_session()
    model = model_of()
    start = [np.asarray(numbers(750 + i, weight.shape, 0.5)) for i, weight in enumerate(model.weights)]
    model.set_weights(start)
    model.compile(optimizer=keras.optimizers.SGD(0.05), **objects(compile_options))
    history = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0, **fit).history
    golden.case(
        name,
        kind="training",
        graph={"heads": "heads", "named_heads": "namedHeads", "stack": "stack"}[model_of.__name__],
        x=x,
        y=y,
        compile=camel_keys(described(compile_options)),
        fit=camel_keys(fit),
        start=start,
        history={key: [float(value) for value in values] for key, values in history.items()},
        weights=[np.asarray(weight) for weight in model.weights],
    )

IMAGE, STEPS, FLAT = [5, 5, 4], [5, 4], [4]
CALLS = [
    ("BatchNormalization", {}, FLAT),
    ("BatchNormalization", {}, FLAT, {"training": True}),
    ("Dropout", {"rate": 0.1}, FLAT),
    ("Dropout", {"rate": 0.1}, FLAT, {"training": True}),
    ("SpatialDropout1D", {"rate": 0.1}, STEPS),
    ("SpatialDropout2D", {"rate": 0.1}, IMAGE),
    ("GaussianDropout", {"rate": 0.1}, FLAT),
    ("GaussianNoise", {"stddev": 0.1}, FLAT),
    ("AlphaDropout", {"rate": 0.1}, FLAT),
    ("Softmax", {}, FLAT),
    ("Softmax", {}, FLAT, {"training": True}),
    ("LayerNormalization", {}, FLAT),
    ("Masking", {}, STEPS),
    ("ActivityRegularization", {"l1": 0.1}, FLAT),
    ("LeakyReLU", {}, FLAT),
    ("ELU", {}, FLAT),
    ("PReLU", {}, FLAT),
    ("ReLU", {}, FLAT),
    ("Flatten", {}, STEPS),
    ("GlobalMaxPooling1D", {}, STEPS),
    ("GlobalAveragePooling1D", {}, STEPS),
    ("GlobalAveragePooling2D", {}, IMAGE),
    ("MaxPooling1D", {}, STEPS),
    ("AveragePooling1D", {"pool_size": 2}, STEPS),
    ("Dense", {"units": 2}, FLAT),
]
for name, options, shape, *call in CALLS:
    keras.utils.clear_session()
    x = keras.Input(tuple(shape))
    spec = {"class": name, "options": options}
    model = keras.Model(x, layer_from(spec)(x, **(call[0] if call else {})))
    golden.case(
        f"{name}{'In training' if call else ''}",
        kind="call",
        layer=spec_json(spec),
        shape=shape,
        call=call[0] if call else {},
        kwargs=model.get_config()["layers"][-1]["inbound_nodes"][0]["kwargs"],
    )
golden.save()
