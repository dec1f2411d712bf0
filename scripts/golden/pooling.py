"""Goldens of the pooling layers: values, gradients, output shapes, masks, configs."""

import itertools
from functools import partial

from common import Golden, camel_keys, keras, np, numbers
from layer_case import layer_case

import jax
import jax.numpy as jnp

golden = Golden("pooling")
add = partial(layer_case, golden)

X = {1: numbers(1, (2, 7, 3)), 2: numbers(2, (2, 7, 6, 3)), 3: numbers(3, (2, 5, 4, 6, 2))}


def unknown(shape, last):
    """The shape with an unknown batch, and with unknown spatial sizes too."""
    steps = [None] * (len(shape) - 2)
    return [(None, *shape[1:]), (None, *steps, shape[-1]) if last else (None, shape[1], *steps)]


for rank, mode in itertools.product(X, ("Max", "Average")):
    name = f"Global{mode}Pooling{rank}D"
    for index, options in enumerate(
        [{}, {"keepdims": True}, {"data_format": "channels_first"}, {"data_format": "channels_first", "keepdims": True}]
    ):
        last = options.get("data_format") != "channels_first"
        add(f"{name}/{index}", name, options, X[rank], unknown(X[rank].shape, last))

    name = f"{mode}Pooling{rank}D"
    cases = [
        {"pool_size": 2},
        {"pool_size": 2, "padding": "same"},
        {"pool_size": 3, "strides": 2, "padding": "same"},
        {"pool_size": 3, "strides": 1},
        {"pool_size": 2, "strides": 3, "padding": "same"},
        {"pool_size": 2, "strides": 1, "padding": "same", "data_format": "channels_first"},
        {"pool_size": 2, "data_format": "channels_first"},
    ]
    if rank > 1:
        cases.append({"pool_size": (2, 3, 1)[:rank], "strides": (1, 2, 2)[:rank], "padding": "same"})
        cases.append({"pool_size": (2, 3, 1)[:rank]})
    for index, options in enumerate(cases):
        last = options.get("data_format") != "channels_first"
        # Channels in front: the first of them stand where the samples' first axis was.
        x = X[rank] if last else np.ascontiguousarray(np.moveaxis(X[rank], -1, 1))
        add(f"{name}/{index}", name, options, x, unknown(x.shape, last))

# Equal values share the gradient of a global maximum.
add("GlobalMaxPooling1D/equal", "GlobalMaxPooling1D", {}, np.ones((2, 3, 2), "float32"))

mask = np.array([[1, 1, 0, 1, 0, 0, 1], [0, 0, 0, 0, 0, 1, 0]], "bool")
for index, options in enumerate([{}, {"keepdims": True}, {"data_format": "channels_first"}]):
    layer = keras.layers.GlobalAveragePooling1D(**options)
    x = X[1] if index < 2 else np.ascontiguousarray(np.moveaxis(X[1], -1, 1))
    y, back = jax.vjp(lambda value: layer(value, mask=jnp.asarray(mask)), jnp.asarray(x))
    upstream = numbers(41, y.shape)
    golden.case(
        f"masked/{index}",
        kind="masked",
        options=camel_keys(options),
        x=x,
        mask=mask,
        y=y,
        upstream=upstream,
        dx=back(jnp.asarray(upstream))[0],
    )
golden.save()
