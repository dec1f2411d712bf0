"""Goldens of keras.activations: values and gradients of every function, with every option."""

from common import Golden, camel, camel_keys, keras, np, numbers

import jax

golden = Golden("activations")

# Kinks of the piecewise functions (0, +-0.5, +-1, +-2.5, +-3, 6) are among the values.
VALUES = np.array(
    [0.0, -0.0, 1e-8, -1e-8, 0.1, -0.1, 0.5, -0.5, 0.75, -0.75, 1.0, -1.0, 2.0, -2.0, 2.5, -2.5, 3.0, -3.0]
    + [4.5, -4.5, 6.0, -6.0, 10.0, -10.0, 30.0, -30.0, 90.0, -90.0, 1000.0, -1000.0],
    dtype="float32",
)
SPECIAL = np.array([np.nan, np.inf, -np.inf], dtype="float32")
# A gradient at a kink is a convention of the backend, so gradients are taken beside the kinks.
SMOOTH = np.array(
    [0.05, -0.05, 0.3, -0.3, 0.45, -0.45, 0.7, -0.7, 0.95, -0.95, 1.3, -1.3, 2.2, -2.2, 2.8, -2.8, 3.7, -3.7]
    + [5.5, -5.5, 7.5, -7.5, 12.0, -12.0, 40.0, -40.0, 120.0, -120.0],
    dtype="float32",
)
COTANGENT = numbers(1, SMOOTH.shape)

ELEMENTWISE = {
    "relu": [
        {},
        {"negative_slope": 0.1},
        {"max_value": 6.0},
        {"threshold": 0.6},
        {"negative_slope": 0.1, "max_value": 5.0, "threshold": 0.6},
        {"negative_slope": 0.2, "threshold": -0.4},
        {"max_value": 0.0},
    ],
    "leaky_relu": [{}, {"negative_slope": 0.3}, {"negative_slope": 0.0}],
    "relu6": [{}],
    "elu": [{}, {"alpha": 0.5}, {"alpha": 2.0}],
    "selu": [{}],
    "celu": [{}, {"alpha": 0.5}, {"alpha": 2.0}],
    "softplus": [{}],
    "softsign": [{}],
    "soft_shrink": [{}, {"threshold": 0.2}, {"threshold": 2.0}],
    "hard_shrink": [{}, {"threshold": 0.2}, {"threshold": 2.0}],
    "sparse_plus": [{}],
    "silu": [{}],
    "squareplus": [{}, {"b": 1}, {"b": 0.5}],
    "gelu": [{}, {"approximate": True}, {"approximate": False}],
    "tanh": [{}],
    "tanh_shrink": [{}],
    "hard_tanh": [{}],
    "threshold": [{"threshold": 0.6, "default_value": 20.0}, {"threshold": -2.0, "default_value": -7.5}],
    "sigmoid": [{}],
    "exponential": [{}],
    "hard_sigmoid": [{}],
    "log_sigmoid": [{}],
    "sparse_sigmoid": [{}],
    "hard_silu": [{}],
    "linear": [{}],
    "mish": [{}],
}
# Their required parameters are positional in the TypeScript interface too.
POSITIONAL = {"threshold": ["threshold", "default_value"]}

MATRIX = numbers(2, (4, 6), 2.0)
CUBE = numbers(3, (2, 4, 6), 3.0)
LARGE = np.array([[1000.0, 1000.0, -1000.0, 0.0], [-1e4, -1e4, -1e4, -1e4], [0.0, 0.0, 0.0, 0.0]], dtype="float32")
ALONG_AXIS = {
    "softmax": [
        (MATRIX, {}),
        (MATRIX, {"axis": 0}),
        (CUBE, {"axis": 1}),
        (CUBE, {"axis": -2}),
        (CUBE, {"axis": [1, 2]}),
        (CUBE, {"axis": [0, 2]}),
        (LARGE, {}),
    ],
    "log_softmax": [(MATRIX, {}), (MATRIX, {"axis": 0}), (CUBE, {"axis": 1}), (CUBE, {"axis": -2}), (LARGE, {})],
    "glu": [(MATRIX, {}), (MATRIX, {"axis": 0}), (CUBE, {"axis": 1}), (CUBE, {"axis": -3})],
    "sparsemax": [(MATRIX, {}), (MATRIX, {"axis": 0}), (CUBE, {"axis": 1}), (CUBE, {}), (LARGE, {})],
}


def differentiate(function, x, cotangent, options):
    return jax.vjp(lambda value: function(value, **options), jax.numpy.asarray(x))[1](jax.numpy.asarray(cotangent))[0]


def add(name, index, x, options, **arrays):
    positional = [options[key] for key in POSITIONAL.get(name, [])]
    named = {key: value for key, value in options.items() if key not in POSITIONAL.get(name, [])}
    golden.case(
        f"{name}/{index}", fn=camel(name), kerasName=name, args=positional, options=camel_keys(named), x=x, **arrays
    )


for name, variants in ELEMENTWISE.items():
    function = getattr(keras.activations, name)
    for index, options in enumerate(variants):
        x = keras.ops.convert_to_tensor(VALUES)
        add(
            name,
            index,
            VALUES,
            options,
            y=function(x, **options),
            special={"x": SPECIAL, "y": function(keras.ops.convert_to_tensor(SPECIAL), **options)},
            gradient={"x": SMOOTH, "upstream": COTANGENT, "dx": differentiate(function, SMOOTH, COTANGENT, options)},
        )

for name, variants in ALONG_AXIS.items():
    function = getattr(keras.activations, name)
    for index, (x, options) in enumerate(variants):
        python_options = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
        y = function(keras.ops.convert_to_tensor(x), **python_options)
        cotangent = numbers(4, y.shape)
        dx = differentiate(function, x, cotangent, python_options)
        add(name, index, x, options, y=y, gradient={"x": x, "upstream": cotangent, "dx": dx})

known = {name for name in dir(keras.activations) if not name.startswith("_")} - {"deserialize", "get", "serialize"}
covered = set(ELEMENTWISE) | set(ALONG_AXIS)
aliases = {name: getattr(keras.activations, name).__name__ for name in sorted(known - covered)}
if not set(aliases.values()) <= covered:
    raise SystemExit(f"not covered: {sorted(set(aliases.values()) - covered)}")

golden.fact("aliases", aliases)
golden.fact(
    "serialized", {name: keras.activations.serialize(getattr(keras.activations, name)) for name in sorted(known)}
)
strings = sorted(known | {"swish", "hard_swish", "ReLU", "relu"})
resolved = {}
for text in strings:
    try:
        resolved[text] = keras.activations.get(text).__name__
    except ValueError:
        resolved[text] = None
golden.fact("get", resolved)
golden.save()
