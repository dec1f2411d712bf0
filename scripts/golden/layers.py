"""Goldens of the first layers: outputs, gradients, output shapes, weights, configs."""

from functools import partial

from common import Golden, camel_keys, keras, np, numbers, rng
from layer_case import layer_case

golden = Golden("layers")


add = partial(layer_case, golden)

MATRIX, CUBE, FOUR = numbers(1, (4, 5)), numbers(2, (2, 3, 5)), numbers(3, (2, 2, 3, 5))
for index, (options, x) in enumerate(
    [
        ({"units": 3}, MATRIX),
        ({"units": 3}, CUBE),
        ({"units": 3}, FOUR),
        ({"units": 1}, MATRIX),
        ({"units": 3, "use_bias": False}, MATRIX),
        ({"units": 3, "use_bias": False, "activation": "tanh"}, CUBE),
        *[
            ({"units": 4, "activation": activation}, MATRIX)
            for activation in (
                "relu",
                "sigmoid",
                "softmax",
                "gelu",
                "linear",
                "selu",
                "softplus",
                "hard_sigmoid",
                "swish",
            )
        ],
        ({"units": 2, "activation": "softmax"}, CUBE),
        ({"units": 3, "activation": None, "kernel_initializer": "he_normal", "bias_initializer": "ones"}, MATRIX),
        ({"units": 3}, MATRIX[:1]),
        ({"units": 3}, np.zeros((0, 5), "float32")),
    ]
):
    add(f"Dense/{index}", "Dense", options, x, [(None, *x.shape[1:]), (*([None] * (x.ndim - 1)), x.shape[-1])])

for index, activation in enumerate(["relu", "softmax", "tanh", "linear", "leaky_relu", "log_softmax", "swish", None]):
    add(f"Activation/{index}", "Activation", {"activation": activation}, CUBE, [(None, 3), (None, None, 3)])

for index, (options, x) in enumerate(
    [
        ({}, MATRIX),
        ({}, CUBE),
        ({}, FOUR),
        ({"data_format": "channels_first"}, CUBE),
        ({"data_format": "channels_first"}, FOUR),
        ({"data_format": "channels_last"}, FOUR),
        ({}, numbers(4, (6,))),
        ({"data_format": "channels_first"}, MATRIX),
        ({}, rng(5).integers(0, 9, (2, 3, 2)).astype("int32")),
    ]
):
    add(f"Flatten/{index}", "Flatten", options, x, [(None, *x.shape[1:]), (*x.shape[:1], *([None] * (x.ndim - 1)))])

for index, (target, x, shapes) in enumerate(
    [
        ((5, 3), CUBE, [(None, 3, 5)]),
        ((-1,), CUBE, [(None, 3, 5), (None, None, 5)]),
        ((-1, 5), FOUR, [(None, 2, 3, 5), (None, None, 3, 5)]),
        ((3, -1), FOUR, [(None, 2, 3, 5)]),
        ((5, 1), MATRIX, [(None, 5)]),
        ((), numbers(6, (4, 1)), [(None, 1)]),
        ((2, 3, 5), FOUR, [(None, 2, 3, 5)]),
    ]
):
    add(f"Reshape/{index}", "Reshape", {"target_shape": target}, x, shapes)

for index, options in enumerate(
    [{"rate": 0.0}, {"rate": 0.5}, {"rate": 0.3, "noise_shape": (None, 1, 5)}, {"rate": 0.2, "seed": 7}, {"rate": 1.0}]
):
    add(f"Dropout/{index}", "Dropout", options, CUBE, [(None, 3, 5)], training=False)
    if options["rate"] == 0.0:
        add(f"Dropout/{index}/training", "Dropout", options, CUBE, [(None, 3, 5)], training=True)

for index, (name, options, x) in enumerate(
    [
        ("ReLU", {}, CUBE),
        ("ReLU", {"max_value": 0.8, "negative_slope": 0.1, "threshold": 0.3}, CUBE),
        ("LeakyReLU", {}, CUBE),
        ("LeakyReLU", {"negative_slope": 0.05}, CUBE),
        ("ELU", {}, CUBE),
        ("ELU", {"alpha": 0.4}, CUBE),
        ("PReLU", {}, CUBE),
        ("PReLU", {"shared_axes": [1], "alpha_initializer": "ones", "alpha_regularizer": "l2"}, FOUR),
        ("Softmax", {}, CUBE),
        ("Softmax", {"axis": 1}, CUBE),
        ("Softmax", {"axis": [1, 2]}, CUBE),
        ("Identity", {}, CUBE),
        ("Masking", {}, CUBE),
        ("Masking", {"mask_value": 2.5}, CUBE),
        ("GaussianNoise", {"stddev": 0.5, "seed": 3}, CUBE),
        ("ActivityRegularization", {"l1": 0.5, "l2": 0.25}, CUBE),
        ("Permute", {"dims": (2, 1)}, CUBE),
        ("Permute", {"dims": (3, 1, 2)}, FOUR),
        ("RepeatVector", {"n": 3}, MATRIX),
    ]
):
    add(f"{name}/{index}", name, options, x, [(None, *x.shape[1:])])

# Facts of dropout in training that hold for any random source: what is kept is scaled, and the noise shape repeats.
kept = {}
for rate in (0.1, 0.3, 0.5, 0.9):
    y = np.asarray(keras.layers.Dropout(rate, seed=1)(np.ones((1000, 10), "float32"), training=True))
    kept[str(rate)] = float(y.max())
golden.fact("dropoutScale", kept)
ones = np.asarray(keras.layers.Dropout(1.0)(np.ones((4, 3), "float32"), training=True))
golden.fact("dropoutOfOne", {"allZero": bool((ones == 0).all())})

# Input: shapes, dtypes, names.
for index, options in enumerate(
    [
        {"shape": (3,)},
        {"shape": (None, 4), "batch_size": 2},
        {"shape": (), "dtype": "int32", "name": "ids"},
        {"batch_shape": (8, 2)},
    ]
):
    tensor = keras.Input(**options)
    golden.case(
        f"Input/{index}",
        kind="input",
        className="Input",
        options=camel_keys(options),
        shape=list(tensor.shape),
        dtype=tensor.dtype,
    )
golden.save()
