"""Goldens of keras.losses: functions, classes, reductions, sample weights, masks, dtypes; values and gradients."""

import itertools

from common import Golden, camel, camel_keys, keras, np, numbers, rng

import jax
import jax.numpy as jnp
from keras.src.trainers.compile_utils import get_loss

golden = Golden("losses")


def probabilities(seed, shape, axis=-1):
    logits = numbers(seed, shape, 1.5)
    values = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return (values / values.sum(axis=axis, keepdims=True)).astype("float32")


def one_hot(classes, count, axis=-1):
    return np.moveaxis(np.eye(count, dtype="float32")[classes], -1, axis)


# What each function is tried on: (y_true, y_pred, options).
REAL = numbers(10, (4, 3)), numbers(11, (4, 3), 2.0)
REAL_CUBE = numbers(12, (2, 3, 4)), numbers(13, (2, 3, 4))
BINARY_TRUE = rng(14).integers(0, 2, (5, 4)).astype("float32")
UNIT = (1 / (1 + np.exp(-numbers(15, (5, 4), 2.0)))).astype("float32")
LOGITS = numbers(16, (5, 4), 3.0)
CLASSES = rng(17).integers(0, 4, (5,)).astype("int32")
MAP_CLASSES = rng(18).integers(0, 3, (2, 4)).astype("int32")
PROBABILITIES, SCORES = probabilities(19, (5, 4)), numbers(20, (5, 4), 2.0)
MAP, MAP_SCORES = probabilities(21, (2, 4, 3)), numbers(22, (2, 4, 3), 2.0)
MAP_AXIS_1 = np.ascontiguousarray(np.moveaxis(MAP, -1, 1))
# For sparse labels Keras on JAX takes another axis only where the sizes coincide.
SQUARE_CLASSES = rng(25).integers(0, 3, (2, 3)).astype("int32")
SQUARE, SQUARE_SCORES = probabilities(26, (2, 3, 3), 1), numbers(27, (2, 3, 3), 2.0)
# Saturated predictions: exact 0 and 1, and logits beyond what exp can hold.
EDGE_TRUE = np.array([[0, 1], [1, 0], [1, 1], [0, 0], [1, 0]], "float32")
EDGE_UNIT = np.array([[0, 1], [0, 1], [1, 0], [1, 0], [1e-8, 1 - 1e-7]], "float32")
EDGE_LOGITS = np.array([[-1000, 1000], [-1000, 1000], [1000, -1000], [0, 0], [88.8, -88.8]], "float32")
EDGE_CLASSES = np.array([1, 0, 1, 0, 0], "int32")
UNNORMALISED = np.abs(numbers(23, (5, 4))) + 0.1

FUNCTIONS = {
    "mean_squared_error": [
        (*REAL, {}),
        (*REAL_CUBE, {}),
        (np.array([1.0, 2.0, -3.0], "float32"), np.array([0.5, 2.0, 1e6], "float32"), {}),
        (REAL[0][:, :1], REAL[1][:, 0], {}),
        (REAL[0][:, 0], REAL[1][:, :1], {}),
        (CLASSES, SCORES[:, :1], {}),
    ],
    "binary_crossentropy": [
        (BINARY_TRUE, UNIT, {}),
        (BINARY_TRUE, LOGITS, {"from_logits": True}),
        (BINARY_TRUE, UNIT, {"label_smoothing": 0.2}),
        (BINARY_TRUE, LOGITS, {"from_logits": True, "label_smoothing": 0.2}),
        (BINARY_TRUE, UNIT, {"axis": 0}),
        (BINARY_TRUE, LOGITS, {"from_logits": True, "axis": 0}),
        (EDGE_TRUE, EDGE_UNIT, {}),
        (EDGE_TRUE, EDGE_LOGITS, {"from_logits": True}),
        (BINARY_TRUE.reshape(5, 2, 2), UNIT.reshape(5, 2, 2), {"axis": 1}),
        (BINARY_TRUE[:, :1], UNIT[:, :1], {}),
    ],
    "categorical_crossentropy": [
        (one_hot(CLASSES, 4), PROBABILITIES, {}),
        (one_hot(CLASSES, 4), SCORES, {"from_logits": True}),
        (one_hot(CLASSES, 4), PROBABILITIES, {"label_smoothing": 0.1}),
        (one_hot(CLASSES, 4), SCORES, {"from_logits": True, "label_smoothing": 0.1}),
        (one_hot(CLASSES, 4), UNNORMALISED, {}),
        (one_hot(MAP_CLASSES, 3), MAP, {}),
        (one_hot(MAP_CLASSES, 3), MAP_SCORES, {"from_logits": True}),
        (one_hot(MAP_CLASSES, 3, 1), MAP_AXIS_1, {"axis": 1}),
        (
            one_hot(MAP_CLASSES, 3, 1),
            np.ascontiguousarray(np.moveaxis(MAP_SCORES, -1, 1)),
            {"axis": 1, "from_logits": True},
        ),
        (one_hot(MAP_CLASSES, 3, 1), MAP_AXIS_1, {"axis": -2}),
        (EDGE_TRUE, EDGE_UNIT, {}),
        (one_hot(EDGE_CLASSES, 2), EDGE_LOGITS, {"from_logits": True}),
        (probabilities(24, (5, 4)), PROBABILITIES, {}),
    ],
    "sparse_categorical_crossentropy": [
        (CLASSES, PROBABILITIES, {}),
        (CLASSES[:, None], PROBABILITIES, {}),
        (CLASSES.astype("float32"), PROBABILITIES, {}),
        (CLASSES.astype("uint8"), PROBABILITIES, {}),
        (CLASSES, SCORES, {"from_logits": True}),
        (CLASSES, UNNORMALISED, {}),
        (MAP_CLASSES, MAP, {}),
        (MAP_CLASSES[..., None], MAP, {}),
        (SQUARE_CLASSES, SQUARE, {"axis": 1}),
        (SQUARE_CLASSES[:, None, :], SQUARE, {"axis": 1}),
        (SQUARE_CLASSES, SQUARE_SCORES, {"axis": -2, "from_logits": True}),
        (CLASSES, PROBABILITIES, {"ignore_class": 2}),
        (CLASSES, SCORES, {"ignore_class": 2, "from_logits": True}),
        (np.array([0, -1, 3, -1, 1], "int32"), SCORES, {"ignore_class": -1, "from_logits": True}),
        (np.array([0, 255, 3, 255, 1], "int32"), PROBABILITIES, {"ignore_class": 255}),
        (np.full((5,), -1, "int32"), PROBABILITIES, {"ignore_class": -1}),
        (SQUARE_CLASSES, SQUARE, {"ignore_class": 0, "axis": 1}),
        (MAP_CLASSES, MAP_SCORES, {"ignore_class": 0, "from_logits": True}),
        (EDGE_CLASSES, EDGE_UNIT, {}),
        (EDGE_CLASSES, EDGE_LOGITS, {"from_logits": True}),
    ],
}
CLASS_NAMES = {
    "mean_squared_error": "MeanSquaredError",
    "binary_crossentropy": "BinaryCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
}
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None]


def saturated(y_pred):
    return y_pred is EDGE_UNIT or y_pred is EDGE_LOGITS


# Functions. The gradient at a clipped probability is a convention, so saturated probabilities give values only.
for name, cases in FUNCTIONS.items():
    function = getattr(keras.losses, name)
    for index, (y_true, y_pred, options) in enumerate(cases):
        true = jnp.asarray(y_true)
        y, pull = jax.vjp(lambda pred: function(true, pred, **options), jnp.asarray(y_pred))
        gradient = None
        if y_pred is not EDGE_UNIT:
            upstream = numbers(30, y.shape)
            gradient = {"upstream": upstream, "dPred": pull(jnp.asarray(upstream))[0]}
        golden.case(
            f"function/{name}/{index}",
            kind="function",
            fn=camel(name),
            options=camel_keys(options),
            yTrue=y_true,
            yPred=y_pred,
            y=y,
            gradient=gradient,
        )

# Classes: every reduction, with sample weights of every rank that broadcasts, with masks.
WEIGHTED = {
    "mean_squared_error": (*REAL_CUBE, {}),
    "binary_crossentropy": (BINARY_TRUE.reshape(5, 2, 2), UNIT.reshape(5, 2, 2), {"label_smoothing": 0.1}),
    "categorical_crossentropy": (one_hot(MAP_CLASSES, 3), MAP_SCORES, {"from_logits": True}),
    "sparse_categorical_crossentropy": (MAP_CLASSES, MAP, {}),
}


def add_class(label, name, y_true, y_pred, options, sample_weight=None, mask=None):
    loss = getattr(keras.losses, CLASS_NAMES[name])(**options)
    true = jnp.asarray(y_true)

    def compute(pred):
        if mask is not None:
            # Tracers take attributes, as layers that pass a mask on rely on.
            keras.src.backend.set_keras_mask(pred, jnp.asarray(mask))
        return loss(true, pred, sample_weight=sample_weight)

    y, pull = jax.vjp(compute, jnp.asarray(y_pred))
    upstream = np.asarray(numbers(31, y.shape)) if y.shape else np.float32(1)
    golden.case(
        f"class/{label}",
        kind="class",
        className=CLASS_NAMES[name],
        options=camel_keys(options),
        yTrue=y_true,
        yPred=y_pred,
        sampleWeight=sample_weight,
        mask=mask,
        y=y,
        dtype=str(y.dtype),
        gradient={"upstream": np.asarray(upstream), "dPred": pull(jnp.asarray(upstream, y.dtype))[0]},
    )


for name, (y_true, y_pred, options) in WEIGHTED.items():
    loss_shape = y_pred.shape[:-1]
    weights = {
        "none": None,
        "scalar": np.array(0.5, "float32"),
        "batch": np.abs(numbers(32, loss_shape[:1])) + 0.1,
        "column": np.abs(numbers(33, (loss_shape[0], 1))) + 0.1,
        "full": np.abs(numbers(34, loss_shape)) + 0.1,
        "zeros": np.zeros(loss_shape, "float32"),
        "trailing": (np.abs(numbers(35, (*loss_shape, 1))) + 0.1),
    }
    masks = {"nomask": None, "mask": rng(36).integers(0, 2, loss_shape).astype("bool")}
    masks["mask"][0, 0] = True
    masks["masked"] = np.zeros(loss_shape, "bool")
    for reduction, (weight_name, weight), (mask_name, mask) in itertools.product(
        REDUCTIONS, weights.items(), masks.items()
    ):
        if mask is not None and weight_name not in ("none", "full"):
            continue
        if mask_name == "masked" and reduction not in ("sum_over_batch_size", "mean_with_sample_weight"):
            continue
        # A weight per row broadcasts against [rows, columns] only where the sizes happen to fit: Keras refuses it.
        if weight_name == "batch" and loss_shape[0] != loss_shape[1]:
            continue
        add_class(
            f"{name}/{reduction}/{weight_name}/{mask_name}",
            name,
            y_true,
            y_pred,
            {**options, "reduction": reduction},
            weight,
            mask,
        )

# Rows only: the usual case, a weight per row.
ROWS = {
    "mean_squared_error": (*REAL, {}),
    "binary_crossentropy": (BINARY_TRUE, LOGITS, {"from_logits": True}),
    "categorical_crossentropy": (one_hot(CLASSES, 4), PROBABILITIES, {"label_smoothing": 0.1}),
    "sparse_categorical_crossentropy": (CLASSES, SCORES, {"from_logits": True, "ignore_class": 2}),
}
for name, (y_true, y_pred, options) in ROWS.items():
    for reduction in REDUCTIONS:
        for weight_name, shape in {"none": None, "row": (len(y_pred),), "column": (len(y_pred), 1)}.items():
            weight = None if shape is None else np.abs(numbers(37, shape)) + 0.1
            add_class(
                f"{name}/rows/{reduction}/{weight_name}",
                name,
                y_true,
                y_pred,
                {**options, "reduction": reduction},
                weight,
            )

# dtype of the result.
for name, (y_true, y_pred, options) in ROWS.items():
    for dtype in ("float16", "bfloat16", "float32"):
        add_class(f"{name}/dtype/{dtype}", name, y_true, y_pred, {**options, "dtype": dtype})

# What 'crossentropy' becomes, by the shapes of the data.
for index, (text, true_shape, pred_shape) in enumerate(
    itertools.chain.from_iterable(
        [
            (text, (5, 1), (5, 1)),
            (text, (5,), (5, 1)),
            (text, (5, 3), (5, 3)),
            (text, (5,), (5, 3)),
            (text, (5, 1), (5, 3)),
        ]
        for text in ("crossentropy", "ce", "mse", "CategoricalCrossentropy")
    )
):
    loss = get_loss(text, np.zeros(true_shape, "float32"), np.zeros(pred_shape, "float32"))
    golden.case(
        f"resolve/{text}/{index}",
        kind="resolve",
        identifier=text,
        yTrueShape=true_shape,
        yPredShape=pred_shape,
        className=type(loss).__name__,
        lossName=loss.name,
    )

# Configs and names.
for class_name in CLASS_NAMES.values():
    for index, options in enumerate([{}, {"reduction": "sum", "name": "own_name"}]):
        loss = getattr(keras.losses, class_name)(**options)
        golden.case(
            f"config/{class_name}/{index}",
            kind="config",
            className=class_name,
            options=camel_keys(options),
            config=loss.get_config(),
            serialized=keras.losses.serialize(loss),
        )
names = {}
for text in (
    ["mse", "MSE", "mean_squared_error", "MeanSquaredError", "meanSquaredError", "bce", "BCE"]
    + list(CLASS_NAMES)
    + list(CLASS_NAMES.values())
):
    try:
        found = keras.losses.get(text)
        names[text] = getattr(found, "__name__", None) or type(found).__name__
    except ValueError:
        names[text] = None
golden.fact("get", names)
golden.save()
