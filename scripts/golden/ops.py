"""Goldens of keras.ops: values, dtypes and gradients of the functions by name, and the dtype that each gives for each dtype."""

import jax
from common import Golden, camel, camel_keys, keras, np, numbers, rng

golden = Golden("ops")

VECTOR = numbers(1, (7,))
MATRIX = numbers(2, (3, 4), 2.0)
OTHER = numbers(3, (3, 4), 2.0)
ROW = numbers(4, (4,))
CUBE = numbers(5, (2, 3, 4), 2.0)
SQUARE = numbers(6, (3, 3)) + 3 * np.eye(3, dtype="float32")
POSITIVE = np.abs(MATRIX) + np.float32(0.1)
UNIT = np.tanh(MATRIX) * np.float32(0.99)
INTEGERS = rng(7).integers(-5, 6, (3, 4)).astype("int32")
COUNTS = rng(8).integers(1, 6, (3, 4)).astype("int32")
BOOLS = rng(9).integers(0, 2, (3, 4)).astype("bool")
TIES = np.array([[1, 3, 3, 0], [2, 2, 2, 2], [5, -1, 5, 5]], "float32")
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-8, np.inf, -np.inf, np.nan], "float32")
EVEN = numbers(10, (2, 6))

# name, positional arguments, keyword arguments, positional arguments in TypeScript where they differ
CASES = []


def case(name, *args, ts=None, gradient=True, **options):
    CASES.append((name, args, options, ts, gradient))


for name in ["exp", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "arcsinh", "erf", "square", "negative"]:
    case(name, MATRIX)
for name in ["abs", "absolute", "fabs", "sign", "floor", "ceil", "trunc", "sinc", "exp2", "erfc", "cbrt", "deg2rad", "rad2deg", "i0"]:
    case(name, MATRIX)
for name in ["log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal"]:
    case(name, POSITIVE)
for name in ["arcsin", "arccos", "arctanh", "erfinv"]:
    case(name, UNIT)
case("arccosh", POSITIVE + 1)
for name in ["exp", "log", "sqrt", "sign", "floor", "reciprocal", "tanh", "sigmoid", "isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit", "logical_not", "nan_to_num", "round", "abs"]:
    case(name, SPECIAL, gradient=False)
for name in ["floor", "ceil", "exp", "sqrt", "square", "negative", "abs", "sign"]:
    case(name, COUNTS)
for name in ["relu", "relu6", "sigmoid", "softplus", "softsign", "silu", "mish", "gelu", "elu", "celu", "selu", "leaky_relu"]:
    if hasattr(keras.ops, name):
        case(name, MATRIX)
for name in ["hard_sigmoid", "hard_silu", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "log_sigmoid", "sparse_plus", "sparse_sigmoid", "squareplus"]:
    case(name, MATRIX)
case("gelu", MATRIX, approximate=False)
case("threshold", MATRIX, 0.3, -1.5)
case("softmax", CUBE, axis=1)
case("softmax", CUBE, axis=[0, 2])
case("log_softmax", CUBE)
case("glu", CUBE)
case("sparsemax", MATRIX)
case("round", MATRIX, decimals=1)
case("round", np.array([0.5, 1.5, 2.5, -0.5], "float32"))
case("round", INTEGERS * 17, decimals=-1)
case("nan_to_num", SPECIAL, nan=7.0, posinf=1.0, neginf=-1.0, gradient=False)

for name in ["add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum", "arctan2", "logaddexp", "hypot"]:
    case(name, MATRIX, OTHER)
    case(name, CUBE, ROW)
for name in ["logaddexp2", "fmax", "fmin", "fmod", "mod", "floor_divide", "power", "heaviside"]:
    case(name, POSITIVE, np.abs(OTHER) + 1)
for name in ["floor_divide", "mod", "fmod", "power", "add", "subtract", "multiply", "divide", "gcd", "lcm", "maximum"]:
    case(name, INTEGERS, COUNTS)
case("mod", MATRIX, np.float32(-1.5))
for name in ["equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "isclose"]:
    case(name, TIES, TIES.T.copy().reshape(3, 4))
    case(name, SPECIAL, SPECIAL[::-1].copy(), gradient=False)
for name in ["logical_and", "logical_or", "logical_xor"]:
    case(name, INTEGERS, BOOLS)
for name in ["bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"]:
    case(name, COUNTS, COUNTS[::-1].copy())
case("bitwise_not", INTEGERS)
case("divide_no_nan", MATRIX, np.where(BOOLS, OTHER, 0).astype("float32"))
case("clip", MATRIX, -0.5, 1.0)
case("clip", INTEGERS, -2, 3)
case("power", MATRIX, 3)
case("power", POSITIVE, 0.5)
case("power", INTEGERS, 2)
case("where", BOOLS, MATRIX, OTHER)
case("where", BOOLS, MATRIX, 0)
case("where", INTEGERS, MATRIX, ROW)
case("isin", INTEGERS, np.array([1, 2, 3], "int32"))
case("isin", INTEGERS, np.array([1, 2, 3], "int32"), invert=True)
case("select", [BOOLS, INTEGERS > 0], [MATRIX, OTHER], default=0.0)

for name in ["sum", "mean", "prod", "max", "min", "amax", "amin", "any", "all", "std", "var", "logsumexp", "median", "ptp"]:
    case(name, CUBE)
    case(name, CUBE, axis=1)
    case(name, CUBE, axis=[0, 2], keepdims=True) if name not in ("prod", "ptp") else case(name, CUBE, axis=-1, keepdims=True)
    case(name, EVEN, axis=-1)
    case(name, COUNTS, axis=0)
    case(name, BOOLS, axis=0) if name in ("sum", "prod", "any", "all", "max") else None
case("max", MATRIX, axis=1, initial=0.5)
case("min", MATRIX, axis=1, initial=-0.5)
case("max", TIES, axis=1)
case("median", np.array([1.0, np.nan, 2.0], "float32"), gradient=False)
case("count_nonzero", INTEGERS)
case("count_nonzero", INTEGERS, axis=1)
for name in ["cumsum", "cumprod"]:
    case(name, MATRIX)
    case(name, MATRIX, axis=1)
    case(name, INTEGERS.astype("int8"), axis=0)
    case(name, COUNTS, axis=0, dtype="float32")
case("average", MATRIX, axis=1, weights=ROW + 5)
case("average", MATRIX, weights=POSITIVE)
case("average", MATRIX, axis=0)
case("diff", MATRIX)
case("diff", MATRIX, n=2, axis=0)
case("norm", MATRIX)
for order in [1, 2, 3, float("inf"), float("-inf")]:
    if not np.isinf(order):
        case("norm", MATRIX, ord=order, axis=1)
case("norm", CUBE, axis=[0, 2], keepdims=True)
case("norm", SQUARE, ord="fro", axis=[0, 1])
case("norm", SQUARE, ord="nuc", axis=[0, 1], gradient=False)
case("norm", SQUARE, ord=1, axis=[0, 1])
case("norm", SQUARE, ord=2, axis=[0, 1], gradient=False)
case("moments", CUBE, [0, 1])
case("moments", CUBE, [1], keepdims=True)
case("normalize", MATRIX)
case("normalize", MATRIX, axis=0)
case("normalize", CUBE, axis=1, order=3)
case("normalize", np.zeros((2, 3), "float32"), gradient=False)
case("batch_normalization", CUBE, ROW, np.abs(ROW), -1, offset=ROW * 2, scale=ROW + 3, epsilon=0.01)
case("batch_normalization", CUBE, VECTOR[:3], np.abs(VECTOR[:3]), 1)
case("layer_normalization", CUBE, gamma=ROW, beta=ROW + 1)
case("layer_normalization", CUBE, epsilon=0.1, axis=[1, 2])
case("rms_normalization", CUBE, scale=ROW, epsilon=0.01)
case("psnr", UNIT, np.tanh(OTHER), 2.0)

for name in ["argmax", "argmin"]:
    case(name, TIES)
    case(name, TIES, axis=1)
    case(name, TIES, axis=0, keepdims=True)
    case(name, SPECIAL[4:], axis=0)
    case(name, BOOLS, axis=0)
    case(name, COUNTS.astype("uint8"), axis=0)
for name in ["sort", "argsort"]:
    case(name, TIES)
    case(name, MATRIX, axis=0)
    case(name, COUNTS)
case("sort", SPECIAL, gradient=False)
case("top_k", MATRIX, 2)
case("top_k", TIES, 3, gradient=False)
case("in_top_k", np.array([0, 1, 3], "int32"), TIES, 2)
case("in_top_k", np.array([0, 1, 3], "int32"), np.where(BOOLS, np.float32(np.nan), TIES), 1)
case("searchsorted", np.array([1, 2, 2, 5], "float32"), np.array([0, 2, 3, 9], "float32"))
case("searchsorted", np.array([1, 2, 2, 5], "float32"), np.array([0, 2, 3, 9], "float32"), side="right")
case("digitize", MATRIX, np.array([-1, 0, 2], "float32"))
case("unique", COUNTS, return_index=True, return_inverse=True, return_counts=True)
case("unique", COUNTS)
case("unique", COUNTS, size=8, fill_value=-1)
case("bincount", COUNTS[0])
case("bincount", COUNTS[0], minlength=9)
case("bincount", COUNTS[0], weights=ROW, gradient=False)
case("nonzero", INTEGERS)
case("histogram", VECTOR, bins=4, gradient=False)

case("matmul", MATRIX, OTHER.T.copy())
case("matmul", CUBE, MATRIX.T.copy())
case("matmul", MATRIX, ROW)
case("matmul", ROW, OTHER.T.copy())
case("matmul", ROW, ROW)
case("matmul", INTEGERS, COUNTS.T.copy())
case("matmul", INTEGERS.astype("int8"), COUNTS.T.copy().astype("int8"))
case("matmul", INTEGERS.astype("int8"), MATRIX.T.copy())
case("dot", CUBE, OTHER.T.copy())
case("dot", CUBE, numbers(11, (2, 4, 5)))
case("dot", ROW, 2.5)
case("dot", ROW, ROW)
case("tensordot", CUBE, numbers(12, (3, 4, 5)))
case("tensordot", CUBE, MATRIX, axes=[[1, 2], [0, 1]])
case("tensordot", MATRIX, ROW, axes=1)
case("tensordot", ROW, ROW, axes=0)
case("outer", VECTOR, MATRIX)
case("inner", MATRIX, ROW)
case("vdot", MATRIX, OTHER)
case("kron", MATRIX, SQUARE)
case("cross", SQUARE, SQUARE.T.copy())
case("cross", numbers(13, (3, 2)), numbers(14, (3, 2)))
case("inv", SQUARE)
case("det", SQUARE)
case("solve", SQUARE, MATRIX)
case("cholesky", SQUARE @ SQUARE.T)
case("svd", MATRIX, compute_uv=False)
case("cdist", MATRIX, OTHER)
for equation, operands in [
    ("ij,kj->ik", [MATRIX, OTHER]),
    ("bij,jk->bik", [CUBE, OTHER.T.copy()]),
    ("ii->i", [SQUARE]),
    ("ij->", [MATRIX]),
    ("ij,ij", [MATRIX, OTHER]),
    ("i,j->ij", [ROW, VECTOR]),
    ("...ij,...j->...i", [CUBE, ROW]),
]:
    case("einsum", equation, *operands, ts=[equation, operands])

case("reshape", MATRIX, [2, -1])
case("reshape", MATRIX, [12])
case("ravel", CUBE)
case("expand_dims", MATRIX, 1)
case("expand_dims", MATRIX, [0, -1])
case("squeeze", MATRIX.reshape(1, 3, 1, 4))
case("squeeze", MATRIX.reshape(1, 3, 1, 4), axis=2)
case("transpose", CUBE)
case("transpose", CUBE, axes=[1, 2, 0])
case("swapaxes", CUBE, 0, -1)
case("moveaxis", CUBE, 0, -1)
case("moveaxis", CUBE, [0, 1], [-1, 0])
case("broadcast_to", ROW, [2, 3, 4])
case("flip", CUBE)
case("flip", CUBE, axis=1)
case("rot90", MATRIX)
case("rot90", CUBE, k=3, axes=[1, 2])
case("roll", MATRIX, 2)
case("roll", MATRIX, -1, axis=1)
case("roll", MATRIX, [1, 2], axis=[0, 1])
case("repeat", MATRIX, 2)
case("repeat", MATRIX, 3, axis=1)
case("repeat", MATRIX, np.array([1, 0, 2], "int32"), axis=0, ts=[MATRIX, [1, 0, 2]])
case("tile", MATRIX, [2, 1])
case("tile", ROW, [2, 2])
case("tile", CUBE, 2)
case("pad", MATRIX, 1)
case("pad", MATRIX, [[1, 0], [2, 3]], constant_values=7.0)
for mode in ["reflect", "symmetric", "edge", "wrap"]:
    case("pad", MATRIX, [[1, 2], [2, 3]], mode=mode)
case("pad", ROW, [[6, 7]], mode="reflect")
case("pad", ROW, [[6, 7]], mode="symmetric")
case("diag", ROW)
case("diag", ROW, k=1)
case("diag", MATRIX, k=-1)
case("diagflat", SQUARE)
case("diagonal", CUBE, offset=1, axis1=1, axis2=2)
case("trace", MATRIX)
case("trace", INTEGERS.astype("int8"))
case("tril", CUBE)
case("triu", MATRIX, k=1)
case("concatenate", [MATRIX, OTHER])
case("concatenate", [MATRIX, INTEGERS], axis=1)
case("stack", [MATRIX, OTHER], axis=1)
case("stack", [ROW, ROW, ROW], axis=-1)
case("hstack", [MATRIX, OTHER])
case("hstack", [ROW, VECTOR])
case("vstack", [ROW, ROW])
case("dstack", [MATRIX, OTHER])
case("append", MATRIX, ROW)
case("append", MATRIX, OTHER, axis=1)
case("split", MATRIX, 2, axis=1)
case("split", VECTOR, [2, 5])
case("array_split", VECTOR, 3)
case("hsplit", MATRIX, 2)
case("vsplit", MATRIX, [1])
case("unstack", MATRIX, axis=1)
case("extract_sequences", EVEN, 3, 2)

case("take", VECTOR, np.array([0, 3, -1, 3], "int32"))
case("take", MATRIX, np.array([[0, 2], [1, -1]], "int32"), axis=1)
case("take_along_axis", MATRIX, np.array([[0], [-1], [2]], "int32"), axis=1)
case("take_along_axis", VECTOR, np.array([1, 1, 6], "int32"))
case("scatter", np.array([[0, 1], [2, 3], [0, 1]], "int32"), VECTOR[:3], [3, 4])
case("scatter", np.array([[0], [2]], "int32"), MATRIX[:2], [3, 4])
for reduction in [None, "add", "max", "min", "mul"]:
    case("scatter_update", MATRIX, np.array([[0, 1], [2, 3]], "int32"), VECTOR[:2], reduction=reduction)
    case("scatter_update", MATRIX, np.array([[2], [0]], "int32"), OTHER[:2], reduction=reduction)
case("slice", CUBE, [0, 1, 2], [2, -1, 1])
case("slice", CUBE, [1, 2, 0], [1, 1, 4])
case("slice_update", CUBE, [0, 1, 2], numbers(15, (2, 2, 1)))
case("one_hot", np.array([0, 2, -1, 5], "int32"), 4)
case("one_hot", np.array([[0, 2], [1, 1]], "int32"), 3, axis=1, dtype="int32")
case("multi_hot", np.array([[0, 2], [1, 1]], "int32"), 4)
case("multi_hot", np.array([0, 2], "int32"), 4)
case("unravel_index", np.array([5, 0, 11], "int32"), [3, 4])

case("zeros", [2, 3])
case("ones", [2], dtype="int8")
case("full", [2, 2], 7)
case("full", [2, 2], 1.5, dtype="float16")
case("zeros_like", INTEGERS)
case("ones_like", MATRIX, dtype="bool")
case("full_like", INTEGERS, 4)
case("eye", 3)
case("eye", 3, M=4, k=1, dtype="int32")
case("eye", 3, k=-2)
case("identity", 2)
case("tri", 3, M=4, k=1)
case("arange", 5, ts=[5])
case("arange", 2, 9, 3, ts=[2, 9, 3])
case("arange", 5, 0, -2, ts=[5, 0, -2])
case("arange", 0, 1, 0.3, ts=[0, 1, 0.3])
case("arange", 4, dtype="float32", ts=[4, None, None])
case("linspace", 0.0, 1.0, num=5)
case("linspace", 2.0, -1.0, num=4, endpoint=False)
case("linspace", 0.0, 7.0, num=5, dtype="int32")
case("linspace", ROW, ROW + 1, num=3, axis=-1)
case("linspace", 3.0, 5.0, num=1)
case("logspace", 0.0, 2.0, num=5)
case("meshgrid", VECTOR[:2], ROW[:3], ts=[[VECTOR[:2], ROW[:3]]])
case("meshgrid", VECTOR[:2], ROW[:3], indexing="ij", ts=[[VECTOR[:2], ROW[:3]]])
for dtype in ["int32", "bool", "float16", "uint8"]:
    case("cast", np.abs(MATRIX), dtype)
case("saturate_cast", MATRIX * 200, "uint8")
case("saturate_cast", MATRIX * 200, "int8")

PROBABILITIES = np.exp(CUBE) / np.exp(CUBE).sum(-1, keepdims=True)
TARGETS = rng(16).dirichlet(np.ones(4), (2, 3)).astype("float32")
HOT = np.eye(4, dtype="float32")[rng(17).integers(0, 4, (2, 3))]
CLASSES = rng(18).integers(0, 4, (2, 3)).astype("int32")
case("binary_crossentropy", (TARGETS > 0.3).astype("float32"), PROBABILITIES)
case("binary_crossentropy", TARGETS, CUBE * 10, from_logits=True)
case("binary_crossentropy", np.array([0, 1, 0, 1], "float32"), np.array([0, 0, 1, 1], "float32"), gradient=False)
for target in (TARGETS, HOT):
    case("categorical_crossentropy", target, PROBABILITIES)
    case("categorical_crossentropy", target, CUBE * 5, from_logits=True)
    case("categorical_crossentropy", target, PROBABILITIES * 3, axis=1)
case("categorical_crossentropy", HOT, HOT, gradient=False)
case("sparse_categorical_crossentropy", CLASSES, PROBABILITIES)
case("sparse_categorical_crossentropy", CLASSES[..., None], CUBE, from_logits=True)
case("sparse_categorical_crossentropy", CLASSES.astype("float32"), CUBE, from_logits=True)
case("sparse_categorical_crossentropy", np.array([0, 7, -1], "int32"), MATRIX, from_logits=True)


def is_float(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def result(value):
    if isinstance(value, (list, tuple)):
        return [result(item) for item in value]
    return {"y": value, "dtype": keras.backend.standardize_dtype(value.dtype)}


def tensors(value):
    if isinstance(value, np.ndarray):
        return keras.ops.convert_to_tensor(value)
    return [tensors(item) for item in value] if isinstance(value, list) and any(isinstance(i, np.ndarray) for i in value) else value


count = {}
for name, args, options, ts, gradient in CASES:
    function = getattr(keras.ops, name)
    number = count[name] = count.get(name, -1) + 1
    keywords = {
        key: tuple(value) if isinstance(value, list) and key in ("axis", "axes") and not any(isinstance(i, list) for i in value) else tensors(value)
        for key, value in options.items()
    }

    def run(*xs):
        return function(*xs, **keywords)

    given = [tensors(value) for value in args]
    output = run(*given)
    fields = {}
    # The gradient by the first float argument, weighted by a fixed upstream.
    first = next((i for i, value in enumerate(args) if is_float(value)), None)
    one = not isinstance(output, (list, tuple))
    if gradient and first is not None and one and np.asarray(output).dtype.kind == "f" and np.asarray(output).size > 0:
        upstream = np.asarray(numbers(20, np.shape(output)))

        def by(x):
            return function(*given[:first], x, *given[first + 1 :], **keywords)

        dx = jax.vjp(by, given[first])[1](jax.numpy.asarray(upstream, output.dtype))[0]
        if np.isfinite(np.asarray(dx)).all():
            fields["gradient"] = {"argument": first, "upstream": upstream, "dx": dx}
    golden.case(
        f"{name}/{number}",
        fn=camel(name),
        args=list(ts if ts is not None else args),
        options=camel_keys(options),
        result=result(list(output) if isinstance(output, (list, tuple)) else output),
        **fields,
    )

# Which dtype comes out for which.
DTYPES = ["bool", "uint8", "uint16", "uint32", "int8", "int16", "int32", "float16", "bfloat16", "float32"]
UNARY = ["exp", "log", "sqrt", "sin", "tanh", "floor", "ceil", "square", "negative", "abs", "sign", "sum", "mean", "prod", "max", "min"]
UNARY += ["any", "argmax", "argsort", "sort", "cumsum", "std", "var", "median", "logsumexp", "count_nonzero", "round", "reciprocal", "rsqrt"]
UNARY += ["isnan", "isfinite", "logical_not", "zeros_like", "relu", "sigmoid", "softmax"]
BINARY = ["add", "subtract", "multiply", "divide", "floor_divide", "mod", "power", "maximum", "minimum", "equal", "less", "logical_and"]
BINARY += ["matmul", "arctan2", "logaddexp", "where"]


def sample(dtype, shape=(2, 2)):
    return keras.ops.cast(np.ones(shape, "int32"), dtype)


def dtype_of(function, *args):
    try:
        return keras.backend.standardize_dtype(function(*args).dtype)
    except (TypeError, ValueError, NotImplementedError):
        return None


golden.fact("unaryTypes", {camel(name): {dtype: dtype_of(getattr(keras.ops, name), sample(dtype)) for dtype in DTYPES} for name in UNARY})
golden.fact(
    "binaryTypes",
    {
        camel(name): {
            first: {
                second: dtype_of(
                    (lambda a, b: keras.ops.where(np.ones((2, 2), bool), a, b)) if name == "where" else getattr(keras.ops, name),
                    sample(first),
                    sample(second),
                )
                for second in DTYPES
            }
            for first in DTYPES
        }
        for name in BINARY
    },
)
golden.save()
