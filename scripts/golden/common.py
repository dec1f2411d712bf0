"""What every golden script shares: the pinned set-up of Keras, and the file that a family is written to.

Import this module before `keras`: it picks the backend.
"""

import hashlib
import io
import json
import math
import os
import re
import zipfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "0"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
# One thread: sums are taken in the same order on every machine.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import keras  # noqa: E402
import numpy as np  # noqa: E402

EXPECTED_KERAS = "3.15.1"
OUTPUT = Path(__file__).resolve().parents[2] / "test" / "golden"
# The oldest date a zip entry can hold; a fixed one keeps the bytes equal from run to run.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)

if keras.__version__ != EXPECTED_KERAS:
    raise SystemExit(f"expected keras {EXPECTED_KERAS}, got {keras.__version__}: pip install -r requirements.txt")


def camel(name):
    """`label_smoothing` -> `labelSmoothing`, `beta_1` -> `beta1`."""
    return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name)


def camel_keys(options):
    return {camel(key): value for key, value in options.items()}


def rng(*seed):
    return np.random.Generator(np.random.PCG64(seed))


def numbers(seed, shape, scale=1.0, shift=0.0):
    """Float32 values of a normal distribution, the same for the same seed."""
    values = rng(seed).standard_normal(shape) * scale + shift
    return values.astype("float32")


def to_numpy(value):
    """A NumPy array of a dtype that .npy can hold: half precision becomes float32."""
    array = np.asarray(keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else value)
    if array.dtype.name in ("bfloat16", "float16"):
        array = array.astype("float32")
    return array


def canonical(value):
    """Python values as JSON has them; numbers JSON can't hold become the strings 'NaN', 'Infinity', '-Infinity'."""
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [canonical(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if hasattr(value, "name") and not isinstance(value, (str, int, float)):
        return value.name
    return value


class Golden:
    """The cases of one family; `save` writes them to test/golden/<family>.npz.

    The archive holds one .npy per distinct array and one entry `cases.json`. In the JSON an array stands as
    `{"array": "<entry>"}`; equal arrays are stored once.
    """

    def __init__(self, family):
        self.family = family
        self.cases = []
        self.extra = {}
        self._arrays = {}
        self._by_content = {}

    def case(self, name, **fields):
        """Add one case. NumPy arrays and tensors anywhere in `fields` are stored as arrays; the rest is JSON."""
        if any(case["name"] == name for case in self.cases):
            raise ValueError(f"{self.family}: two cases are called {name}")
        self.cases.append({"name": name, **{key: self._pack(value, f"{name}/{key}") for key, value in fields.items()}})

    def fact(self, key, value):
        """Add a value that belongs to the family and to no single case."""
        self.extra[key] = self._pack(value, key)

    def _pack(self, value, path):
        if isinstance(value, np.ndarray) or keras.ops.is_tensor(value):
            return {"array": self._store(to_numpy(value), path)}
        if isinstance(value, dict):
            return {key: self._pack(item, f"{path}/{key}") for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._pack(item, f"{path}/{index}") for index, item in enumerate(value)]
        return canonical(value)

    def _store(self, array, path):
        array = np.ascontiguousarray(array) if array.ndim else array
        digest = hashlib.sha256(array.dtype.str.encode() + str(array.shape).encode() + array.tobytes()).digest()
        return self._by_content.setdefault(digest, self._add(array, path) if digest not in self._by_content else "")

    def _add(self, array, path):
        self._arrays[path] = array
        return path

    def save(self):
        document = {"family": self.family, "keras": keras.__version__, **self.extra, "cases": self.cases}
        entries = {"cases.json": (json.dumps(document, indent=1, allow_nan=False) + "\n").encode()}
        for name, array in self._arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
            entries[f"{name}.npy"] = buffer.getvalue()
        OUTPUT.mkdir(parents=True, exist_ok=True)
        path = OUTPUT / f"{self.family}.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in sorted(entries):
                info = zipfile.ZipInfo(name, ZIP_DATE)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                archive.writestr(info, entries[name], compresslevel=9)
        print(f"{path.name}: {len(self.cases)} cases, {len(self._arrays)} arrays, {path.stat().st_size / 1024:.0f} kB")


def layer_from(spec):
    """The Keras layer that `{"class": "Dense", "options": {"units": 3}}` stands for; `layers` makes it a Sequential."""
    options = dict(spec.get("options", {}))
    if "layers" in spec:
        return keras.Sequential([layer_from(inner) for inner in spec["layers"]], **options)
    if spec["class"] == "Input":
        return keras.Input(**{**options, "shape": tuple(options["shape"])})
    layer = getattr(keras.layers, spec["class"])(**options)
    layer.trainable = spec.get("trainable", True)
    return layer


def spec_json(spec):
    """The same specification with the TypeScript spelling of its options."""
    result = {"className": spec["class"], "options": camel_keys(spec.get("options", {}))}
    if "layers" in spec:
        result["layers"] = [spec_json(inner) for inner in spec["layers"]]
    if "trainable" in spec:
        result["trainable"] = spec["trainable"]
    return result


def layer(class_name, **options):
    return {"class": class_name, "options": options}


def sequential(layers, **options):
    return {"class": "Sequential", "options": options, "layers": layers}
