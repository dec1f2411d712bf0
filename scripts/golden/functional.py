"""Goldens of functional models (configs, summaries, outputs, training with several outputs) and of merging layers.

The graphs are written twice, here and in test/models/functional-models.ts, with the same names: what Keras makes of them is compared with what the
TypeScript makes of them.
"""

import copy
import os

from common import Golden, camel, camel_keys, keras, np, numbers, rng

layers, ops = keras.layers, keras.ops
golden = Golden("functional")
ROWS = 24


def stack():
    x = keras.Input((4,), name="x")
    h = layers.Dense(5, activation="relu")(x)
    return keras.Model(x, layers.Dense(3)(layers.Dropout(0.25)(h)))


def branches():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    x = layers.Softmax()(layers.Dropout(0.5)(layers.Dense(5)(a)))
    y = layers.Dense(5)(b)
    z = layers.Add()([x, y])
    shared = layers.Dense(4, name="shared", kernel_regularizer="l2")
    return keras.Model([a, b], {"p": shared(z), "r": layers.Reshape((5, 1))(z), "q": shared(x)}, name="branches")


def nested():
    a = keras.Input((4,), name="a")
    inner = keras.Model(a, layers.Dense(4, activation="tanh")(a), name="inner")
    stacked = keras.Sequential([keras.Input((4,)), layers.Dense(2), layers.Activation("relu")], name="stacked")
    x = keras.Input((4,), name="x")
    once = inner(x)
    twice = inner(once)
    outputs = layers.Concatenate(name="joined")([stacked(twice), once])
    return keras.Model(x, [outputs, twice])


def pair():
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    total = layers.Add(name="total")([left, right])
    inner = keras.Model({"left": left, "right": right}, [total, layers.Subtract(name="difference")([left, right])], name="pair")
    u, v = keras.Input((3,), name="u"), keras.Input((3,), name="v")
    first, second = inner({"left": u, "right": layers.Dense(3)(v)})
    return keras.Model({"u": u, "v": v}, layers.Dot(axes=1, normalize=True)([first, second]))


def operations():
    a, b = keras.Input((4,), name="a"), keras.Input((None, 4), name="b")
    h = layers.Dense(4)(a)
    x = ops.relu(ops.add(ops.multiply(h, 2.5), a))
    y = ops.mean(ops.square(b), axis=1, keepdims=True)
    z = ops.concatenate([ops.expand_dims(x, 1), y], axis=1)
    first, second = ops.split(z, 2, axis=1)
    weighted = ops.matmul(first, ops.transpose(second, (0, 2, 1)))
    return keras.Model([a, b], [ops.reshape(weighted, (-1, 1)), ops.max(z, axis=(1, 2)), ops.where(h > 0, h, 0.5)])


def shapes():
    image = keras.Input((2, 3), name="image")
    steps = keras.Input((None, 3), name="steps")
    flat = layers.Flatten()(image)
    frozen = layers.Dense(6, name="frozen", trainable=False)(flat)
    repeated = layers.Permute((2, 1))(layers.RepeatVector(3)(frozen))
    merged = layers.Multiply()([repeated, layers.Reshape((6, 1))(flat)])
    return keras.Model([image, steps], [layers.Maximum()([layers.Permute((2, 1))(merged), frozen]), layers.Average()([steps, steps])])


def training_flag():
    x = keras.Input((4,), name="x")
    h = layers.Dropout(0.5)(layers.Dense(3)(x), training=True)
    return keras.Model(inputs=x, outputs=[layers.GaussianNoise(0.1)(h), h], name="flagged", trainable=False)


def heads():
    x = keras.Input((6,), name="x")
    h = layers.Dense(5, activation="relu", name="hidden")(x)
    return keras.Model(x, [layers.Dense(3, activation="softmax", name="out_a")(h), layers.Dense(1, name="out_b")(h)])


def named_heads():
    x = keras.Input((6,), name="x")
    h = layers.Dense(5, activation="relu", name="hidden")(x)
    outputs = {"kind": layers.Dense(3, activation="softmax", name="out_a")(h), "amount": layers.Dense(1, name="out_b")(h)}
    return keras.Model({"x": x}, outputs)


GRAPHS = [stack, branches, nested, pair, operations, shapes, training_flag, heads, named_heads]
SUMMARIES = [
    ({}, 120),
    ({}, 80),
    ({"expand_nested": True, "show_trainable": True}, 140),
]


def values_for(model, seed):
    return [np.asarray(numbers(seed + i, weight.shape, 0.5)) for i, weight in enumerate(model.weights)]


def inputs_for(model):
    def one(i, tensor):
        shape = tuple(5 if size is None else size for size in tensor.shape[1:])
        return np.asarray(numbers(700 + i, (2, *shape)))

    return [one(i, tensor) for i, tensor in enumerate(model.inputs)]


def shape_tree(tree):
    if isinstance(tree, dict):
        return {key: shape_tree(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [shape_tree(value) for value in tree]
    return list(tree)


def flat(outputs):
    return [np.asarray(value) for value in keras.tree.flatten(outputs)]


for graph in GRAPHS:
    keras.utils.clear_session()
    model = graph()
    weights = values_for(model, 720)
    model.set_weights(weights)
    x = inputs_for(model)
    texts = []
    for options, columns in SUMMARIES:
        os.environ["COLUMNS"] = str(columns)
        lines = []
        model.summary(print_fn=lines.append, **options)
        texts.append({"options": camel_keys(options), "columns": columns, "text": "\n".join(lines)})
    given = dict(zip(sorted(model.input), x, strict=True)) if isinstance(model.input, dict) else x
    serialized = keras.saving.serialize_keras_object(model)
    golden.case(
        camel(graph.__name__),
        kind="graph",
        serialized=serialized,
        revivedPaths=[weight.path for weight in keras.saving.deserialize_keras_object(copy.deepcopy(serialized)).weights],
        summaries=texts,
        layers=[one.name for one in model.layers],
        operations=[one.name for one in model.operations],
        paths=[weight.path for weight in model.weights],
        trainable=[weight.path for weight in model.trainable_weights],
        weights=weights,
        x=x,
        y=None if graph is training_flag else flat(model(given if len(x) > 1 or isinstance(given, dict) else x[0])),
        outputNames=model.output_names,
        inputShape=shape_tree(model.input_shape),
        outputShape=shape_tree(model.output_shape),
    )

X = numbers(740, (ROWS, 6))
KIND = np.eye(3, dtype="float32")[(X @ numbers(741, (6, 3))).argmax(axis=1)]
AMOUNT = (X @ numbers(742, (6, 1))).astype("float32")
WEIGHTS_A = (rng(743).random(ROWS) + 0.25).astype("float32")
WEIGHTS_B = (rng(744).random(ROWS) + 0.25).astype("float32")
CE = "categorical_crossentropy"
LISTS, NAMES = [KIND, AMOUNT], {"out_a": KIND, "out_b": AMOUNT}
KEYS = {"kind": KIND, "amount": AMOUNT}

TRAINING = [
    ("lossesByList", heads, LISTS, {"loss": [CE, "mse"]}, {}),
    ("oneLossForAll", heads, LISTS, {"loss": "mse"}, {}),
    ("lossesByName", heads, NAMES, {"loss": {"out_b": "mae", "out_a": CE}, "loss_weights": {"out_b": 0.25, "out_a": 2.0}}, {}),
    ("lossWeightsByList", heads, LISTS, {"loss": [CE, "mse"], "loss_weights": [0.5, 2.0]}, {}),
    ("oneOutputWithoutLoss", heads, LISTS, {"loss": [CE, None], "metrics": [["accuracy"], ["mae"]]}, {}),
    (
        "metricsByName",
        heads,
        NAMES,
        {"loss": {"out_a": CE, "out_b": "mse"}, "metrics": {"out_b": "mae", "out_a": ["accuracy", "mse"]}},
        {"validation_split": 0.25},
    ),
    ("metricsByList", heads, LISTS, {"loss": [CE, "mse"], "metrics": [["accuracy"], ["mse", "mae"]]}, {}),
    ("metricsForOneOutput", heads, LISTS, {"loss": [CE, "mse"], "metrics": {"out_a": ["accuracy"]}}, {}),
    (
        "sampleWeights",
        heads,
        LISTS,
        {"loss": [CE, "mse"], "metrics": [["accuracy"], ["mae"]], "weighted_metrics": [["accuracy"], ["mae"]]},
        {"sample_weight": [WEIGHTS_A, WEIGHTS_B]},
    ),
    (
        "sampleWeightsByKey",
        named_heads,
        KEYS,
        {"loss": {"kind": CE, "amount": "mse"}, "weighted_metrics": {"kind": ["accuracy"], "amount": ["mae"]}},
        {"sample_weight": {"kind": WEIGHTS_A, "amount": WEIGHTS_B}},
    ),
    (
        "outputsByKey",
        named_heads,
        KEYS,
        {"loss": {"kind": CE, "amount": "mse"}, "metrics": {"kind": ["accuracy"], "amount": ["mae"]}},
        {"validation_data": True},
    ),
    ("outputsByKeyOneLoss", named_heads, KEYS, {"loss": "mse", "loss_weights": None}, {}),
]


def pack(value):
    return [pack(one) for one in value] if isinstance(value, list) else value


for name, graph, y, options, fit in TRAINING:
    keras.utils.clear_session()
    model = graph()
    start = values_for(model, 760)
    model.set_weights(start)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.05), **options)
    x = {"x": X} if graph is named_heads else X
    arguments = dict(fit)
    if "validation_data" in arguments:
        arguments["validation_data"] = (x, y)
    history = model.fit(x, y, epochs=3, batch_size=10, shuffle=False, verbose=0, **arguments)
    golden.case(
        name,
        kind="training",
        graph=camel(graph.__name__),
        x=x,
        y=pack(y),
        compile=camel_keys(options),
        fit={**camel_keys(fit), "epochs": 3, "batchSize": 10, "shuffle": False},
        start=start,
        history=history.history,
        weights=model.get_weights(),
        evaluate=model.evaluate(x, y, batch_size=7, verbose=0, return_dict=True),
        trainOnBatch={key: float(value) for key, value in model.train_on_batch(x, y, return_dict=True).items()},
    )

MATRIX, OTHER, COLUMN = numbers(780, (2, 3)), numbers(781, (2, 3)), numbers(782, (2, 1))
STEPS, STEPS_B = numbers(783, (2, 4, 3)), numbers(784, (2, 4, 3))
MASK = np.array([[True, True, False, False], [True, False, True, False]])
MASK_B = np.array([[True, False, True, False], [True, True, True, False]])
MERGES = []
for kind in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"):
    MERGES += [
        (kind, {}, [MATRIX, OTHER], None),
        (kind, {}, [MATRIX, COLUMN], None),
        (kind, {}, [STEPS, MATRIX], None),
        (kind, {}, [STEPS, STEPS_B], [MASK, MASK_B]),
        (kind, {}, [STEPS, STEPS_B], [MASK, None]),
        (kind, {}, [STEPS, STEPS_B], [None, MASK_B]),
    ]
    if kind != "Subtract":
        MERGES += [(kind, {}, [MATRIX, OTHER, MATRIX * OTHER], None), (kind, {}, [STEPS, STEPS_B, STEPS], [MASK, MASK_B, MASK_B])]
MERGES += [
    ("Concatenate", {}, [MATRIX, COLUMN], None),
    ("Concatenate", {"axis": 1}, [STEPS, STEPS_B, STEPS], None),
    ("Concatenate", {"axis": 1}, [STEPS, STEPS_B], [MASK, MASK_B]),
    ("Concatenate", {"axis": 1}, [STEPS, STEPS_B], [MASK, None]),
    ("Concatenate", {"axis": -1}, [STEPS, STEPS_B], [MASK, MASK_B]),
    ("Concatenate", {"axis": 2}, [STEPS, STEPS_B], [None, MASK]),
    ("Dot", {"axes": 1}, [MATRIX, OTHER], None),
    ("Dot", {"axes": 1, "normalize": True}, [MATRIX, OTHER], None),
    ("Dot", {"axes": -1}, [STEPS, STEPS_B], None),
    ("Dot", {"axes": (1, 1)}, [STEPS, STEPS_B], None),
    ("Dot", {"axes": (2, 1), "normalize": True}, [STEPS, MATRIX], None),
    ("Dot", {"axes": (1, 2)}, [MATRIX, STEPS], None),
    ("Dot", {"axes": (2, 3)}, [STEPS, numbers(785, (2, 5, 2, 3))], None),
    ("Dot", {"axes": (1, 1)}, [numbers(786, (2, 4, 2, 3)), STEPS], None),
    ("Dot", {"axes": 2}, [STEPS, STEPS_B], [MASK, MASK_B]),
]
from keras.src import backend  # noqa: E402

for number, (kind, options, given, masks) in enumerate(MERGES):
    keras.utils.clear_session()
    tensors = [ops.convert_to_tensor(value) for value in given]
    for tensor, mask in zip(tensors, masks or [], strict=False):
        if mask is not None:
            backend.set_keras_mask(tensor, ops.convert_to_tensor(mask))
    one = getattr(layers, kind)(**options)
    y = one(tensors)
    unknown = [(None, *value.shape[1:]) for value in given]
    golden.case(
        f"{kind}/{number}",
        kind="merge",
        className=kind,
        options=camel_keys({key: list(value) if isinstance(value, tuple) else value for key, value in options.items()}),
        x=[np.asarray(value) for value in given],
        masks=masks,
        y=y,
        mask=backend.get_keras_mask(y),
        outputShape=list(one.compute_output_shape(unknown)),
        serialized=keras.saving.serialize_keras_object(one),
    )
golden.save()
