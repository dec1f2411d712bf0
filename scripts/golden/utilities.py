"""Goldens of keras.utils (to_categorical, normalize), of dtype promotion, and of automatic names."""

from unittest import mock

from common import Golden, camel_keys, keras, np, numbers, to_numpy

from keras.src.backend.common import dtypes
from keras.src.utils import naming

golden = Golden("utilities")

for index, (x, options) in enumerate(
    [
        (np.array([0, 1, 2, 3], "int32"), {}),
        (np.array([0, 1, 2, 3], "int32"), {"num_classes": 6}),
        (np.array([[1], [0], [2]], "int32"), {}),
        (np.array([[0, 2], [1, 1]], "uint8"), {"num_classes": 3}),
        (np.array([[[0], [1]], [[2], [0]]], "int32"), {}),
        (np.array([1.0, 0.0, 2.9], "float32"), {}),
        (np.array(2, "int32"), {"num_classes": 4}),
        (np.array([[3]], "int32"), {}),
    ]
):
    y = keras.utils.to_categorical(x, **options)
    # NumPy's float64 there; the values are 0 and 1.
    golden.case(f"toCategorical/{index}", fn="toCategorical", options=camel_keys(options), x=x, y=y.astype("float32"))

ZERO_ROW = numbers(1, (3, 4))
ZERO_ROW[1] = 0
INFINITY = float("inf")
for index, (x, options) in enumerate(
    [
        (numbers(2, (3, 4)), {}),
        (numbers(2, (3, 4)), {"axis": 0}),
        (numbers(3, (2, 3, 4)), {"axis": 1}),
        (numbers(3, (2, 3, 4)), {"axis": -1, "order": 1}),
        (numbers(2, (3, 4)), {"order": 3}),
        (numbers(2, (3, 4)), {"order": INFINITY}),
        (numbers(2, (3, 4)), {"order": 1, "axis": 0}),
        (ZERO_ROW, {}),
        (ZERO_ROW, {"order": 1}),
        (numbers(4, (5,)), {}),
        (np.array([[3, 4], [0, 5]], "int32"), {}),
        (numbers(2, (3, 4), 1e-4), {}),
    ]
):
    # As a tensor: on NumPy arrays Keras takes axis 0 for -1. But only there it knows the maximum norm and integers.
    by_numpy = options.get("order") == INFINITY or x.dtype.kind == "i"
    y = to_numpy(keras.utils.normalize(x if by_numpy else keras.ops.convert_to_tensor(x), **options)).astype("float32")
    golden.case(f"normalize/{index}", fn="normalize", options=camel_keys(options), x=x, y=y)

# Which dtype two tensors, or a tensor and a Python number, meet in.
DTYPES = [
    "bool",
    "uint8",
    "uint16",
    "uint32",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
]
DTYPES += ["uint64", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2"]
PYTHON = {"int": int, "float": float}


def promote(*types):
    try:
        return dtypes.result_type(*types)
    except (ValueError, TypeError):
        return None


def lattice():
    return {
        "pairs": {first: {second: promote(first, second) for second in DTYPES} for first in DTYPES},
        "withNumber": {dtype: {name: promote(dtype, kind) for name, kind in PYTHON.items()} for dtype in DTYPES},
        "alone": {dtype: promote(dtype) for dtype in DTYPES},
        "numbers": {name: promote(kind) for name, kind in PYTHON.items()},
        "triples": [
            {"dtypes": list(triple), "result": promote(*triple)}
            for triple in [
                ("bool", "int8", "uint8"),
                ("int8", "uint8", "float16"),
                ("uint32", "int32", "bool"),
                ("float16", "bfloat16", "int32"),
                ("int64", "float16", "uint8"),
                ("uint8", "uint16", "int16"),
            ]
        ],
    }


# The lattice itself, and what is left of it where Keras makes 64-bit results 32-bit (JAX and PyTorch; TensorFlow
# keeps int64 and float64).
golden.fact("resultType32", lattice())
with mock.patch.object(dtypes, "BIT64_TO_BIT32_DTYPE", {}):
    golden.fact("resultType", lattice())

# Names.
SAMPLES = [
    "Dense",
    "Conv2D",
    "LSTM",
    "GRUCell",
    "BatchNormalization",
    "RMSprop",
    "SGD",
    "MyLayer",
    "myLayer",
    "My_Layer",
    "HTTPServer2XX",
]
SAMPLES += [
    "Conv2DTranspose",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "MultiHeadAttention",
    "A",
    "aB",
    "ABc",
    "_Hidden",
    "With Space",
    "x-y",
    "Layer1",
    "GlobalMaxPooling1D",
]
golden.fact("toSnakeCase", {sample: naming.to_snake_case(sample) for sample in SAMPLES})

naming.reset_uids()
sequence = ["Dense", "Dense", "Dropout", "Dense", "dense", "Dropout", "MyLayer"]
golden.fact("autoNames", {"prefixes": sequence, "names": [naming.auto_name(prefix) for prefix in sequence]})

keras.utils.clear_session()
model = keras.Sequential(
    [
        keras.layers.Input((4,)),
        keras.layers.Dense(3),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(3, name="dense_7"),
        keras.layers.Dense(2),
    ]
)
second = keras.Sequential(
    [keras.layers.Input((4,)), keras.layers.Dense(3), keras.layers.Flatten(), keras.layers.Activation("relu")]
)
golden.fact(
    "modelNames",
    {
        "classes": [["Dense", "Dropout", "Dense", "Dense"], ["Dense", "Flatten", "Activation"]],
        "given": [[None, None, "dense_7", None], [None, None, None]],
        "models": [model.name, second.name],
        "layers": [[item.name for item in model.layers], [item.name for item in second.layers]],
        "weights": [variable.path for variable in model.weights + second.weights],
    },
)
golden.fact(
    "standardizeDtype",
    {name: keras.backend.standardize_dtype(name) for name in ["float32", "int", "bool", "int64", "bfloat16"]},
)
golden.fact(
    "config",
    {
        "epsilon": keras.config.epsilon(),
        "floatx": keras.config.floatx(),
        "imageDataFormat": keras.config.image_data_format(),
    },
)
golden.save()
