"""Goldens of keras.metrics: state and result after every update, with sample weights, thresholds, top-k; configs."""

import inspect

from common import Golden, camel, camel_keys, keras, np, numbers, rng

golden = Golden("metrics")
UPDATES = 3


def softmax(logits):
    values = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (values / values.sum(axis=-1, keepdims=True)).astype("float32")


def one_hot(classes, count):
    return np.eye(count, dtype="float32")[classes]


def values(seed, shape):
    return [(numbers((seed + step), shape, 2.0),) for step in range(UPDATES)]


def pairs(make):
    return [make(step) for step in range(UPDATES)]


def with_weights(updates, shape, seed=50):
    return [(*update, np.abs(numbers(seed + step, shape)) + 0.1) for step, update in enumerate(updates)]


# Binary labels and probabilities: exact thresholds (0.5), 0 and 1 are among them.
BINARY = pairs(
    lambda s: (
        rng(60, s).integers(0, 2, (6, 3)).astype("float32"),
        np.round(rng(61, s).random((6, 3)), 1).astype("float32"),
    )
)
BINARY_FLAT = [(true[:, 0], pred[:, 0]) for true, pred in BINARY]
BINARY_INT = [(true.astype("int32"), pred) for true, pred in BINARY]
BINARY_COLUMN = [(true[:, :1], pred[:, 0]) for true, pred in BINARY]
LOGITS = pairs(lambda s: (rng(62, s).integers(0, 2, (6, 3)).astype("float32"), numbers(70 + s, (6, 3), 3.0)))
LABELS = pairs(
    lambda s: (rng(63, s).integers(0, 3, (6,)).astype("float32"), rng(64, s).integers(0, 3, (6,)).astype("float32"))
)
LABELS_2D = pairs(
    lambda s: (rng(65, s).integers(0, 2, (4, 5)).astype("int32"), rng(66, s).integers(0, 2, (4, 5)).astype("int32"))
)
CLASSES = pairs(lambda s: (rng(67, s).integers(0, 7, (8,)).astype("int32"), softmax(numbers(80 + s, (8, 7), 1.5))))
CLASSES_COLUMN = [(true[:, None], pred) for true, pred in CLASSES]
ONE_HOT = [(one_hot(true, 7), pred) for true, pred in CLASSES]
CLASS_LOGITS = [(true, numbers(83 + step, (8, 7), 2.0)) for step, (true, _) in enumerate(CLASSES)]
ONE_HOT_LOGITS = [(one_hot(true, 7), pred) for true, pred in CLASS_LOGITS]
MAPS = pairs(lambda s: (rng(68, s).integers(0, 4, (3, 5)).astype("int32"), softmax(numbers(90 + s, (3, 5, 4), 1.5))))
MAPS_ONE_HOT = [(one_hot(true, 4), pred) for true, pred in MAPS]
# Ties: the k-th best score is held by several classes.
TIES = [
    (
        np.array([0, 1, 2, 3], "int32"),
        np.array(
            [[0.25, 0.25, 0.25, 0.25], [0.4, 0.3, 0.3, 0.0], [0.1, 0.4, 0.1, 0.4], [0.0, 0.0, 0.5, 0.5]], "float32"
        ),
    )
]
TIES_ONE_HOT = [(one_hot(true, 4), pred) for true, pred in TIES]
REAL = pairs(lambda s: (numbers(100 + s, (5, 4)), numbers(110 + s, (5, 4))))
REAL_CUBE = pairs(lambda s: (numbers(120 + s, (2, 3, 4)), numbers(130 + s, (2, 3, 4))))
EMPTY_POSITIVES = [(np.zeros((4,), "float32"), np.array([0.1, 0.2, 0.3, 0.4], "float32"))] * 2

CASES = [
    *[
        (name, options, updates)
        for name in ("Mean", "Sum")
        for options, updates in [
            ({}, values(1, (5,))),
            ({}, values(2, (3, 4))),
            ({}, values(3, ())),
            ({}, with_weights(values(4, (5,)), (5,))),
            ({}, with_weights(values(5, (3, 4)), (3,))),
            ({}, with_weights(values(6, (3, 4)), (3, 4))),
            ({}, with_weights(values(6, (3, 4)), (3, 1))),
            ({}, with_weights(values(7, (2, 3, 4)), (2, 3))),
            ({}, with_weights(values(7, (2, 3, 4)), (2,))),
            ({}, with_weights(values(8, (5,)), ())),
            ({}, [(np.array([1.0, 2.0], "float32"), np.zeros((2,), "float32"))]),
            ({}, [(np.array([1, 2, 4], "int32"),), (np.array([True, False]),)]),
            ({"name": "own"}, values(9, (4,))),
        ]
    ],
    ("Accuracy", {}, LABELS),
    ("Accuracy", {}, LABELS_2D),
    ("Accuracy", {}, with_weights(LABELS, (6,))),
    ("Accuracy", {}, with_weights(LABELS_2D, (4,))),
    ("Accuracy", {}, with_weights(LABELS_2D, (4, 5))),
    ("BinaryAccuracy", {}, BINARY),
    ("BinaryAccuracy", {}, BINARY_FLAT),
    ("BinaryAccuracy", {}, BINARY_INT),
    ("BinaryAccuracy", {}, BINARY_COLUMN),
    ("BinaryAccuracy", {"threshold": 0.8}, BINARY),
    ("BinaryAccuracy", {"threshold": 0.0}, LOGITS),
    ("BinaryAccuracy", {}, with_weights(BINARY, (6,))),
    ("BinaryAccuracy", {}, with_weights(BINARY_FLAT, (6,))),
    ("CategoricalAccuracy", {}, ONE_HOT),
    ("CategoricalAccuracy", {}, MAPS_ONE_HOT),
    ("CategoricalAccuracy", {}, TIES_ONE_HOT),
    ("CategoricalAccuracy", {}, with_weights(ONE_HOT, (8,))),
    ("CategoricalAccuracy", {}, with_weights(MAPS_ONE_HOT, (3, 5))),
    ("SparseCategoricalAccuracy", {}, CLASSES),
    ("SparseCategoricalAccuracy", {}, CLASSES_COLUMN),
    ("SparseCategoricalAccuracy", {}, MAPS),
    ("SparseCategoricalAccuracy", {}, TIES),
    ("SparseCategoricalAccuracy", {}, with_weights(CLASSES, (8,))),
    ("SparseCategoricalAccuracy", {}, with_weights(CLASSES_COLUMN, (8,))),
    ("SparseCategoricalAccuracy", {}, with_weights(MAPS, (3,))),
    *[("TopKCategoricalAccuracy", options, ONE_HOT) for options in ({}, {"k": 1}, {"k": 3}, {"k": 7})],
    ("TopKCategoricalAccuracy", {"k": 2}, TIES_ONE_HOT),
    ("TopKCategoricalAccuracy", {"k": 2}, MAPS_ONE_HOT),
    ("TopKCategoricalAccuracy", {"k": 2}, with_weights(ONE_HOT, (8,))),
    *[("SparseTopKCategoricalAccuracy", options, CLASSES) for options in ({}, {"k": 1}, {"k": 3}, {"k": 7})],
    ("SparseTopKCategoricalAccuracy", {"k": 3}, CLASSES_COLUMN),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, TIES),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, MAPS),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, with_weights(CLASSES, (8,))),
    (
        "SparseTopKCategoricalAccuracy",
        {"k": 3, "from_sorted_ids": True},
        [(true, np.argsort(-pred).astype("int32")) for true, pred in CLASSES],
    ),
    ("MeanSquaredError", {}, REAL),
    ("MeanSquaredError", {}, REAL_CUBE),
    ("MeanSquaredError", {}, with_weights(REAL, (5,))),
    ("MeanSquaredError", {}, with_weights(REAL_CUBE, (2, 3))),
    ("BinaryCrossentropy", {}, BINARY),
    ("BinaryCrossentropy", {"from_logits": True}, LOGITS),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, BINARY),
    ("BinaryCrossentropy", {}, with_weights(BINARY, (6,))),
    ("CategoricalCrossentropy", {}, ONE_HOT),
    ("CategoricalCrossentropy", {"from_logits": True}, ONE_HOT_LOGITS),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, ONE_HOT),
    ("CategoricalCrossentropy", {}, with_weights(ONE_HOT, (8,))),
    ("CategoricalCrossentropy", {}, MAPS_ONE_HOT),
    ("SparseCategoricalCrossentropy", {}, CLASSES),
    ("SparseCategoricalCrossentropy", {}, CLASSES_COLUMN),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, CLASS_LOGITS),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, CLASSES),
    ("SparseCategoricalCrossentropy", {}, with_weights(CLASSES, (8,))),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, with_weights(CLASSES, (8,))),
    ("SparseCategoricalCrossentropy", {}, MAPS),
]
for name in ("Precision", "Recall"):
    CASES += [
        (name, {}, BINARY),
        (name, {}, BINARY_FLAT),
        (name, {}, BINARY_INT),
        (name, {"thresholds": 0.3}, BINARY),
        (name, {"thresholds": 0}, [(true, 1 / (1 + np.exp(-pred))) for true, pred in LOGITS]),
        (name, {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, BINARY),
        (name, {"thresholds": [0.2, 0.9]}, BINARY),
        (name, {"thresholds": [0.2, 0.9]}, with_weights(BINARY, (6, 1))),
        (name, {}, with_weights(BINARY_FLAT, (6,))),
        (name, {}, with_weights(BINARY, (6, 3))),
        (name, {}, with_weights(BINARY, (6, 1))),
        (name, {"top_k": 1}, ONE_HOT),
        (name, {"top_k": 3}, ONE_HOT),
        (name, {"top_k": 3}, with_weights(ONE_HOT, (8, 1))),
        (name, {"top_k": 3, "class_id": 2}, ONE_HOT),
        (name, {"class_id": 1}, BINARY),
        (name, {"class_id": 1, "thresholds": [0.3, 0.6]}, BINARY),
        (name, {"class_id": 1}, with_weights(BINARY, (6, 1))),
        (name, {"top_k": 2, "thresholds": [0.1, 0.4]}, MAPS_ONE_HOT),
        (name, {}, EMPTY_POSITIVES),
        (name, {"name": "own"}, BINARY),
    ]

FUNCTIONS = {
    "mean_squared_error": keras.losses.mean_squared_error,
    "categorical_accuracy": keras.metrics.categorical_accuracy,
    "binary_crossentropy": keras.losses.binary_crossentropy,
}
WRAPPED = [
    ("mean_squared_error", {}, REAL),
    ("mean_squared_error", {}, with_weights(REAL, (5,))),
    ("categorical_accuracy", {}, ONE_HOT),
    ("binary_crossentropy", {"from_logits": True}, LOGITS),
]


def follow(metric, updates):
    """Everything a test needs to see after each update, then after a reset and one more update."""
    result = {"updates": [], "results": [], "states": []}
    for update in updates:
        arguments = (
            ["values"]
            if isinstance(metric, (keras.metrics.Sum, keras.metrics.Mean))
            and not isinstance(metric, keras.metrics.MeanMetricWrapper)
            else ["yTrue", "yPred"]
        )
        arrays = list(update)
        weight = arrays.pop() if len(arrays) > len(arguments) else None
        metric.update_state(*[keras.ops.convert_to_tensor(array) for array in arrays], sample_weight=weight)
        result["updates"].append({**dict(zip(arguments, arrays)), "sampleWeight": weight})
        result["results"].append(metric.result())
        result["states"].append({variable.name: keras.ops.convert_to_numpy(variable) for variable in metric.variables})
    # Steps first: one array instead of one per update.
    result["results"] = np.stack([keras.ops.convert_to_numpy(value) for value in result["results"]])
    result["states"] = {key: np.stack([state[key] for state in result["states"]]) for key in result["states"][0]}
    metric.reset_state()
    result["afterReset"] = metric.result()
    return result


counters = {}
for name, options, updates in CASES:
    index = counters[name] = counters.get(name, -1) + 1
    metric = getattr(keras.metrics, name)(**options)
    golden.case(
        f"{name}/{index}",
        kind="class",
        className=name,
        options=camel_keys(options),
        metricName=metric.name,
        **follow(metric, updates),
    )
for index, (name, options, updates) in enumerate(WRAPPED):
    metric = keras.metrics.MeanMetricWrapper(FUNCTIONS[name], name="wrapped", **options)
    golden.case(
        f"MeanMetricWrapper/{index}",
        kind="wrapper",
        className="MeanMetricWrapper",
        fn=camel(name),
        options=camel_keys(options),
        metricName=metric.name,
        **follow(metric, updates),
    )

# The plain functions.
for name, options, (true, pred) in [
    ("binary_accuracy", {}, BINARY[0]),
    ("binary_accuracy", {"threshold": 0.3}, BINARY[0]),
    ("categorical_accuracy", {}, ONE_HOT[0]),
    ("categorical_accuracy", {}, MAPS_ONE_HOT[0]),
    ("sparse_categorical_accuracy", {}, CLASSES[0]),
    ("sparse_categorical_accuracy", {}, CLASSES_COLUMN[0]),
    ("sparse_categorical_accuracy", {}, MAPS[0]),
    ("top_k_categorical_accuracy", {}, ONE_HOT[0]),
    ("top_k_categorical_accuracy", {"k": 2}, MAPS_ONE_HOT[0]),
    ("sparse_top_k_categorical_accuracy", {}, CLASSES[0]),
    ("sparse_top_k_categorical_accuracy", {"k": 2}, MAPS[0]),
]:
    index = counters[name] = counters.get(name, -1) + 1
    y = getattr(keras.metrics, name)(keras.ops.convert_to_tensor(true), keras.ops.convert_to_tensor(pred), **options)
    golden.case(
        f"function/{name}/{index}",
        kind="function",
        fn=camel(name),
        options=camel_keys(options),
        yTrue=true,
        yPred=pred,
        y=y,
        dtype=str(y.dtype),
    )

# Which metric 'accuracy' and its relatives become, by the shapes and dtypes of the data.
from keras.src.trainers.compile_utils import get_metric  # noqa: E402

for index, (text, y_true, y_pred) in enumerate(
    [
        (text, np.zeros(true, dtype), np.zeros(pred, "float32"))
        for text in ("accuracy", "acc", "Accuracy", "mse", "categorical_crossentropy")
        for true, pred, dtype in [
            ((5, 1), (5, 1), "float32"),
            ((5,), (5,), "float32"),
            ((5, 3), (5, 3), "float32"),
            ((5, 3), (5, 3), "int32"),
            ((5,), (5, 3), "int32"),
            ((5, 1), (5, 3), "int32"),
            ((5, 4), (5, 4, 3), "int32"),
            ((5, 4, 3), (5, 4, 3), "float32"),
            ((5,), (5, 1), "float32"),
        ]
    ]
):
    metric = get_metric(text, y_true, y_pred)
    golden.case(
        f"resolve/{text}/{index}",
        kind="resolve",
        identifier=text,
        yTrueShape=y_true.shape,
        yTrueDtype=str(y_true.dtype),
        yPredShape=y_pred.shape,
        className=type(metric).__name__,
        metricName=metric.name,
    )

# Configs.
for name in sorted({name for name, _, _ in CASES}):
    for index, options in enumerate([{}, {"name": "own_name"}]):
        metric = getattr(keras.metrics, name)(**options)
        golden.case(
            f"config/{name}/{index}",
            kind="config",
            className=name,
            options=camel_keys(options),
            config=metric.get_config(),
            serialized=keras.metrics.serialize(metric),
            variables=[
                {"name": variable.name, "shape": variable.shape, "dtype": variable.dtype}
                for variable in metric.variables
            ],
        )

names = {}
for text in dir(keras.metrics):
    if text.startswith("_") or text in ("get", "serialize", "deserialize", "Metric", "MeanMetricWrapper"):
        continue
    if inspect.isclass(getattr(keras.metrics, text)) and text not in {name for name, _, _ in CASES}:
        continue
    try:
        found = keras.metrics.get(text)
        names[text] = getattr(found, "__name__", None) or type(found).__name__
    except (ValueError, TypeError):
        names[text] = None
for text in ("mse", "MSE", "bce", "BCE"):
    found = keras.metrics.get(text)
    names[text] = getattr(found, "__name__", None) or type(found).__name__
golden.fact("get", names)
golden.save()
