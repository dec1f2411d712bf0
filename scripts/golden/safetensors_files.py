"""Files of named arrays, of Python's safetensors and NumPy, in test/golden/saving/arrays.zip; and what both read of the files that
scripts/golden/safetensors-files.ts writes of them anew, in arrays.json: a file of those bytes is one that they read."""

import hashlib
import json
import os
import subprocess
import tempfile
import zipfile

os.environ["KERAS_BACKEND"] = "jax"
import keras  # noqa: E402
import ml_dtypes  # noqa: E402
import numpy as np  # noqa: E402
from safetensors import deserialize, safe_open  # noqa: E402
from safetensors.numpy import load_file, save_file  # noqa: E402

here = os.path.dirname(os.path.abspath(__file__))
target = os.path.join(here, "..", "..", "test", "golden", "saving")
rng = np.random.default_rng(5)

TYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
}


def values(dtype, shape):
    x = rng.normal(size=shape) * 50
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return x > 0
    return (np.abs(x) if dtype.kind == "u" else x).astype(dtype)


def numbers(x):
    """As JSON: complex numbers as pairs, 64-bit integers exact."""
    if x.dtype.kind == "c":
        x = x.view(x.real.dtype)
    if x.dtype.kind in "iub":
        return [int(one) for one in x.ravel()]
    return [float(one) for one in x.ravel().astype("float64")]


folder = tempfile.mkdtemp()
facts = {"files": {}, "read": {}}

# Every type, in shapes with no axis and with empty ones too.
arrays = {}
for name, dtype in TYPES.items():
    arrays[f"{name.lower()}/a"] = values(dtype, (2, 3))
arrays["scalar"] = np.array(1.5, "float32")
arrays["empty"] = np.zeros((0, 3), "float32")
arrays["ümläut ✓"] = np.arange(3, dtype="int32")
names = {np.dtype(dtype): name for name, dtype in TYPES.items()}
save_file(arrays, os.path.join(folder, "types.safetensors"), {"author": "golden", "note": 'quotes " and ✓'})
facts["files"]["types.safetensors"] = {
    name: {"dtype": names[x.dtype], "shape": list(x.shape), "values": numbers(x)} for name, x in arrays.items()
}

# A model's weights by their paths.
keras.utils.set_random_seed(3)
inputs = keras.Input((4,), name="x")
hidden = keras.layers.Dense(3, activation="tanh", name="hidden")(inputs)
normed = keras.layers.BatchNormalization(name="norm")(hidden)
outputs = keras.layers.Dense(2, name="out")(normed)
model = keras.Model(inputs, outputs, name="small")
for weight in model.weights:
    weight.assign(np.abs(rng.normal(size=weight.shape)).astype("float32"))
weights = {weight.path: np.asarray(weight.value) for weight in model.weights}
x = rng.normal(size=(5, 4)).astype("float32")
facts["model"] = json.loads(model.to_json())
facts["paths"] = list(weights)
facts["x"] = x.tolist()
facts["y"] = np.asarray(model(x)).tolist()
save_file(weights, os.path.join(folder, "weights.safetensors"), {"format": "np"})
np.savez(os.path.join(folder, "weights.npz"), **weights)
np.savez_compressed(os.path.join(folder, "compressed.npz"), **weights)
mixed = {name: x.astype("float16" if "kernel" in name else "float64") for name, x in weights.items()}
np.savez(os.path.join(folder, "mixed.npz"), **{name: np.asfortranarray(x) for name, x in mixed.items()})

with zipfile.ZipFile(os.path.join(target, "arrays.zip"), "w", zipfile.ZIP_DEFLATED) as out:
    for name in sorted(os.listdir(folder)):
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        with open(os.path.join(folder, name), "rb") as file:
            out.writestr(info, file.read())
with open(os.path.join(target, "arrays.json"), "w") as file:
    json.dump(facts, file)

# The way back.
back = tempfile.mkdtemp()
subprocess.run(["npx", "tsx", os.path.join(here, "safetensors-files.ts"), back], check=True, cwd=os.path.join(here, "..", ".."))


def same(found, expected):
    assert set(found) == set(expected), (sorted(found), sorted(expected))
    for name, x in expected.items():
        assert found[name].dtype == x.dtype and found[name].shape == x.shape, name
        assert found[name].tobytes() == x.tobytes(), name


path = os.path.join(back, "types.safetensors")
# NumPy has no name for the others; of them the library's own description is compared, and the bytes.
plain = {name: x for name, x in arrays.items() if hasattr(np, x.dtype.name)}
with safe_open(path, "np") as found:
    assert found.metadata() == {"author": "golden", "note": 'quotes " and ✓'}, found.metadata()
    assert set(found.keys()) == set(arrays)
    same({name: found.get_tensor(name) for name in plain}, plain)
    for name, x in arrays.items():
        part = found.get_slice(name)
        assert part.get_dtype() == names[x.dtype] and part.get_shape() == list(x.shape), name
with open(path, "rb") as file:
    for name, part in deserialize(file.read()):
        assert bytes(part["data"]) == arrays[name].tobytes(), name
same(load_file(os.path.join(back, "weights.safetensors")), weights)
for name in ("weights.npz", "compressed.npz"):
    with np.load(os.path.join(back, name)) as found:
        assert found.files == list(weights)
        same(dict(found), weights)
with np.load(os.path.join(back, "half.npz")) as found:
    same(dict(found), {name: x.astype("float16") for name, x in weights.items()})
for name in sorted(os.listdir(back)):
    with open(os.path.join(back, name), "rb") as file:
        facts["read"][name] = hashlib.sha256(file.read()).hexdigest()
with open(os.path.join(target, "arrays.json"), "w") as file:
    json.dump(facts, file)
print("read back:", ", ".join(facts["read"]))
