"""Goldens of the normalizing layers: values, gradients, configs, and moving statistics over steps of training."""

from functools import partial

from common import Golden, camel_keys, keras, np, numbers, rng
from layer_case import layer_case, weights_for

import jax
import jax.numpy as jnp

golden = Golden("normalization")
add = partial(layer_case, golden)

MATRIX = numbers(1, (6, 4), 2.0, 1.0)
CUBE = numbers(2, (3, 5, 4), 1.5, -1.0)
IMAGE = numbers(3, (2, 4, 3, 5))

for index, (options, x) in enumerate(
    [
        ({}, MATRIX),
        ({}, CUBE),
        ({}, IMAGE),
        ({"axis": 1}, MATRIX),
        ({"axis": 1}, CUBE),
        ({"axis": 1}, IMAGE),
        ({"axis": -2}, IMAGE),
        ({"axis": 0}, MATRIX),
        ({"momentum": 0.5, "epsilon": 0.1}, MATRIX),
        ({"center": False}, MATRIX),
        ({"scale": False}, CUBE),
        ({"center": False, "scale": False}, IMAGE),
        ({"gamma_regularizer": "l2", "beta_regularizer": "l1", "gamma_constraint": "non_neg"}, MATRIX),
        ({"beta_initializer": "ones", "moving_mean_initializer": "he_normal"}, MATRIX),
        ({"trainable": False}, MATRIX),
    ]
):
    for training in (False, True):
        label = f"BatchNormalization/{index}/{'training' if training else 'inference'}"
        shapes = [] if options.get("axis") == 0 else [(None, *x.shape[1:])]
        add(label, "BatchNormalization", options, x, shapes, training=training)

for index, (options, x) in enumerate(
    [
        ({}, MATRIX),
        ({}, CUBE),
        ({"axis": 1}, CUBE),
        ({"axis": [1, 2]}, CUBE),
        ({"axis": [2, 1]}, CUBE),
        ({"axis": -2, "epsilon": 0.1}, IMAGE),
        ({"center": False}, MATRIX),
        ({"scale": False}, MATRIX),
        ({"gamma_regularizer": "l2", "beta_constraint": "non_neg"}, MATRIX),
    ]
):
    add(f"LayerNormalization/{index}", "LayerNormalization", options, x, [(None, *x.shape[1:])])

# Moving statistics and outputs over steps of training, then outputs of inference; with masks, first-step gradients too.
for index, (options, shape, masked) in enumerate(
    [
        ({}, (8, 3), False),
        ({"momentum": 0.8}, (8, 3), False),
        ({"momentum": 0.8, "axis": 1}, (4, 3, 5), False),
        ({"momentum": 0.0}, (2, 3, 4, 2), False),
        ({"momentum": 0.8}, (4, 6, 3), True),
        ({"momentum": 0.8, "scale": False}, (8, 3), True),
        ({"dtype": "mixed_bfloat16", "momentum": 0.8}, (8, 3), False),
    ]
):
    name = f"steps_{index}"
    layer = keras.layers.BatchNormalization(name=name, **options)
    layer.build(shape)
    values = weights_for(layer)
    layer.set_weights(values)
    batches = np.stack([numbers((50, index, step), shape, 1.0 + step, 0.5 * step) for step in range(4)])
    mask = rng(60, index).random(shape[:-1]) < 0.6 if masked else None
    call = {} if mask is None else {"mask": jnp.asarray(mask)}

    def forward(trainable, value):
        state = [variable.value for variable in layer.non_trainable_variables]
        return layer.stateless_call(trainable, state, value, training=True, **call)[0]

    upstream = numbers(42, shape)
    trainable = [variable.value for variable in layer.trainable_variables]
    y, back = jax.vjp(forward, trainable, jnp.asarray(batches[0]))
    d_weights, dx = back(jnp.asarray(upstream, y.dtype))
    outputs, means, variances = [], [], []
    for batch in batches:
        outputs.append(np.asarray(layer(jnp.asarray(batch), training=True, **call).astype("float32")))
        means.append(np.asarray(layer.moving_mean))
        variances.append(np.asarray(layer.moving_variance))
    golden.case(
        f"steps/{index}",
        kind="steps",
        options=camel_keys({"name": name, **options}),
        weights=values,
        batches=batches,
        mask=mask,
        outputs=np.stack(outputs),
        movingMean=np.stack(means),
        movingVariance=np.stack(variances),
        inference=layer(jnp.asarray(batches[0]), training=False),
        upstream=upstream,
        dx=dx,
        dWeights=list(d_weights),
    )
golden.save()
