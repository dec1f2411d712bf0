"""Goldens of Dropout's siblings: outputs of inference, configs, and what holds in training for any source of random numbers."""

from functools import partial

from common import Golden, keras, np, numbers
from layer_case import layer_case

golden = Golden("dropouts")
add = partial(layer_case, golden)

X = {name: numbers(index, (2, *[3, 4, 2][: index + 1], 5)) for index, name in enumerate(["1D", "2D", "3D"])}
for name, x in X.items():
    for index, options in enumerate([{"rate": 0.5}, {"rate": 0.2, "seed": 7}, {"rate": 0.0}]):
        add(f"SpatialDropout{name}/{index}", f"SpatialDropout{name}", options, x, [(None, *x.shape[1:])])
for name in ("2D", "3D"):
    options = {"rate": 0.5, "data_format": "channels_first"}
    add(f"SpatialDropout{name}/first", f"SpatialDropout{name}", options, X[name])
for index, options in enumerate([{"rate": 0.5}, {"rate": 0.2, "seed": 7}, {"rate": 0.0}]):
    add(f"GaussianDropout/{index}", "GaussianDropout", options, X["1D"], [(None, 3, 5)])
    add(f"AlphaDropout/{index}", "AlphaDropout", options, X["1D"], [(None, 3, 5)], training=False)
add("AlphaDropout/noise", "AlphaDropout", {"rate": 0.5, "noise_shape": (None, 1, 5)}, X["1D"], [(None, 3, 5)])

# The two values that AlphaDropout makes of ones, smaller first.
values = {}
for rate in (0.1, 0.5, 0.9):
    y = np.asarray(keras.layers.AlphaDropout(rate, seed=1)(np.ones((1000, 10), "float32"), training=True))
    values[str(rate)] = np.unique(y)
golden.fact("alphaDropoutOfOnes", values)
golden.save()
