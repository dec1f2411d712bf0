"""Goldens of keras.initializers: values of the deterministic ones, parameters of the random ones, configs."""

import math
from unittest import mock

from common import Golden, camel_keys, keras, np

from keras.src.backend import random as keras_random
from keras.src.initializers import random_initializers

golden = Golden("initializers")

# By value.
FIXED = [
    ("Zeros", {}, [(3,), (2, 3), (), (0, 2)]),
    ("Ones", {}, [(3,), (2, 3, 2), ()]),
    ("Constant", {}, [(2, 2)]),
    ("Constant", {"value": 2.5}, [(3,), (2, 3), ()]),
    ("Constant", {"value": -7}, [(2, 2)]),
    ("Identity", {}, [(3, 3), (2, 4), (4, 2), (1, 1)]),
    ("Identity", {"gain": 0.5}, [(3, 3), (2, 3)]),
    ("Identity", {"gain": -2.0}, [(2, 2)]),
]
for name, options, shapes in FIXED:
    for dtype in ("float32", "int32", "bool") if name in ("Zeros", "Ones") else ("float32",):
        for shape in shapes:
            initializer = getattr(keras.initializers, name)(**options)
            text = ",".join(f"{key}={value}" for key, value in options.items())
            golden.case(
                f"value/{name}({text})/{'x'.join(map(str, shape)) or 'scalar'}/{dtype}",
                kind="value",
                className=name,
                options=camel_keys(options),
                shape=shape,
                dtype=dtype,
                y=initializer(shape, dtype=dtype),
            )

WINDOWS = ["barthann", "bartlett", "blackman", "blackmanharris", "bohman", "boxcar", "cosine", "exponential", "flattop"]
WINDOWS += ["hamming", "hann", "lanczos", "nuttall", "parzen", "taylor", "triang", "tukey"]
STFT = [{}, {"side": "imag"}, {"window": None}, {"window": None, "side": "imag"}, {"scaling": None}]
STFT += [{"scaling": "spectrum"}, {"periodic": True}, {"window": "hamming", "scaling": "spectrum", "periodic": True}]
STFT += [{"window": window, "scaling": None} for window in WINDOWS]
STFT += [{"window": window, "scaling": None, "periodic": True} for window in WINDOWS]
for index, options in enumerate(STFT):
    for length in (8, 9):
        shape = (length, 1, 5)
        try:
            y = keras.initializers.STFT(**options)(shape)
        except ValueError:
            continue
        golden.case(
            f"value/STFT/{index}/{length}",
            kind="value",
            className="STFT",
            options=options,
            shape=shape,
            dtype="float32",
            y=y,
        )

# By parameters: what the initializer asks of the random source.
SHAPES = [(), (7,), (784, 128), (3, 3, 16, 32), (5, 8, 4), (2, 3, 4, 5, 6), (0, 4)]


def requested(initializer, shape):
    """The distribution and its parameters for which `initializer` asks, without drawing a number."""
    seen = {}

    def catch(distribution):
        def draw(shape, mean=0.0, stddev=1.0, minval=0.0, maxval=1.0, dtype=None, seed=None):
            seen["distribution"] = distribution
            if distribution == "uniform":
                seen.update(minval=minval, maxval=maxval)
            else:
                seen.update(mean=mean, stddev=stddev)
            return np.zeros(shape, "float32")

        return draw

    names = {"normal": "normal", "truncated_normal": "truncatedNormal", "uniform": "uniform"}
    with mock.patch.multiple(keras_random, **{name: catch(ours) for name, ours in names.items()}):
        initializer(shape)
    return seen


RANDOM = [
    ("RandomNormal", {}),
    ("RandomNormal", {"mean": 1.5, "stddev": 0.2}),
    ("TruncatedNormal", {}),
    ("TruncatedNormal", {"mean": -1.0, "stddev": 2.0}),
    ("RandomUniform", {}),
    ("RandomUniform", {"minval": -2.0, "maxval": 3.0}),
    *[(name, {}) for name in ("GlorotUniform", "GlorotNormal", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform")],
    ("HeUniform", {"input_axes": [0], "output_axes": [1, 2]}),
    ("GlorotNormal", {"input_axes": [0, 1], "output_axes": [2]}),
    ("VarianceScaling", {}),
]
for mode in ("fan_in", "fan_out", "fan_avg"):
    for distribution in ("truncated_normal", "untruncated_normal", "uniform", "normal"):
        for scale in (1.0, 2.5):
            RANDOM.append(("VarianceScaling", {"scale": scale, "mode": mode, "distribution": distribution}))
RANDOM.append(("VarianceScaling", {"mode": "fan_in", "input_axes": [2], "output_axes": [0, 1]}))

for name, options in RANDOM:
    initializer = getattr(keras.initializers, name)(seed=0, **options)
    # Axes are given for rank 3.
    shapes = [(5, 8, 4)] if "input_axes" in options else SHAPES
    for shape in shapes:
        text = ",".join(f"{key}={value}" for key, value in options.items())
        golden.case(
            f"random/{name}({text})/{'x'.join(map(str, shape)) or 'scalar'}",
            kind="random",
            className=name,
            options=camel_keys(options),
            shape=shape,
            parameters=requested(initializer, shape),
        )

for index, (shape, axes) in enumerate(
    [(shape, {}) for shape in SHAPES]
    + [((4, 5, 6), {"input_axes": [0], "output_axes": [1, 2]}), ((4, 5, 6), {"input_axes": [-1], "output_axes": [0]})]
    + [((4, 5, 6), {"input_axes": [], "output_axes": [2]})]
):
    fan_in, fan_out = random_initializers.compute_fans(shape, **axes)
    golden.case(f"fans/{index}", kind="fans", shape=shape, options=camel_keys(axes), fanIn=fan_in, fanOut=fan_out)

# Where a truncated normal is cut (in standard deviations), and the deviation that is left.
cut = np.abs(np.asarray(keras_random.truncated_normal((200_000,), seed=1))).max()
golden.fact("truncatedNormal", {"cut": round(float(cut), 2), "remainingStddev": 0.87962566103423978})
golden.fact("orthogonal", {"shapes": [[4, 4], [6, 3], [3, 6], [2, 3, 4], [3, 3, 2, 40]], "gains": [1.0, 0.5, -2.0]})

# Configs: Keras' own keys, since these are what files hold.
CONFIGS = [
    *[(name, {}) for name in ("Zeros", "Ones", "Constant", "Identity", "STFT", "Orthogonal", "VarianceScaling")],
    *[(name, {}) for name in ("RandomNormal", "RandomUniform", "TruncatedNormal", "GlorotUniform", "GlorotNormal")],
    *[(name, {}) for name in ("HeNormal", "HeUniform", "LecunNormal", "LecunUniform")],
    ("Constant", {"value": 2.5}),
    ("Identity", {"gain": 0.5}),
    ("STFT", {"side": "imag", "window": "hamming", "scaling": None, "periodic": True}),
    ("Orthogonal", {"gain": 0.5, "seed": 3}),
    ("RandomNormal", {"mean": 1.5, "stddev": 0.2, "seed": 3}),
    ("VarianceScaling", {"scale": 2.5, "mode": "fan_avg", "distribution": "normal", "seed": 1}),
    ("VarianceScaling", {"distribution": "uniform", "input_axes": [0], "output_axes": [1, 2]}),
    ("HeNormal", {"seed": 5, "input_axes": [0], "output_axes": [1]}),
]
for index, (name, options) in enumerate(CONFIGS):
    initializer = getattr(keras.initializers, name)(**options)
    golden.case(
        f"config/{index}/{name}",
        kind="config",
        className=name,
        options=camel_keys(options),
        config=initializer.get_config(),
        serialized=keras.initializers.serialize(initializer),
    )

names = {}
for text in sorted(set(dir(keras.initializers)) | {"normal", "uniform", "one", "zero", "ones", "zeros"}):
    if text.startswith("_") or text in ("get", "serialize", "deserialize", "Initializer"):
        continue
    try:
        names[text] = type(keras.initializers.get(text)).__name__
    except (ValueError, TypeError, KeyError):
        names[text] = None
golden.fact("get", names)
assert math.isclose(golden.extra["truncatedNormal"]["cut"], 2.0)
golden.save()
