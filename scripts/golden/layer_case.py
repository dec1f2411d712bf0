"""One case of a layer: outputs, gradients, output shapes, weights, configs, in the form that `goldenLayerSuite` reads."""

from common import camel_keys, keras, np, numbers

import jax
import jax.numpy as jnp


def weights_for(layer):
    values = [np.asarray(numbers((400 + index), variable.shape, 0.7)) for index, variable in enumerate(layer.weights)]
    # A variance is positive.
    return [
        np.abs(value) + np.float32(0.5) if variable.name == "moving_variance" else value
        for variable, value in zip(layer.weights, values)
    ]


def layer_case(golden, label, class_name, options, x, compute_shapes=(), training=None):
    name = label.replace("/", "_").lower()
    layer = getattr(keras.layers, class_name)(name=name, **options)
    layer.build(x.shape)
    values = weights_for(layer)
    layer.set_weights(values)
    call = {} if training is None else {"training": training}

    def forward(trainable, value):
        return layer.stateless_call(
            trainable, [variable.value for variable in layer.non_trainable_variables], value, **call
        )[0]

    y = layer(jnp.asarray(x), **call)
    gradient = None
    trainable = [variable.value for variable in layer.trainable_variables]
    upstream = jnp.asarray(numbers(41, y.shape))
    if np.issubdtype(x.dtype, np.floating):
        d_weights, dx = jax.vjp(forward, trainable, jnp.asarray(x))[1](upstream)
        gradient = {"upstream": upstream, "dx": dx, "dWeights": list(d_weights)}
    elif trainable:
        # Whole numbers have no gradient of their own.
        (d_weights,) = jax.vjp(lambda weights: forward(weights, jnp.asarray(x)), trainable)[1](upstream)
        gradient = {"upstream": upstream, "dx": None, "dWeights": list(d_weights)}
    golden.case(
        label,
        kind="layer",
        className=class_name,
        options=camel_keys({"name": name, **options}),
        call=call,
        x=x,
        weights=[
            {
                "name": variable.name,
                "path": variable.path,
                "shape": variable.shape,
                "dtype": variable.dtype,
                "value": value,
            }
            for variable, value in zip(layer.weights, values)
        ],
        y=y,
        gradient=gradient,
        outputShapes=[
            {
                "input": list(shape),
                "output": list(getattr(keras.layers, class_name)(**options).compute_output_shape(shape)),
            }
            for shape in (x.shape, *compute_shapes)
        ],
        config=layer.get_config(),
        serialized=keras.layers.serialize(layer),
        countParams=layer.count_params(),
    )
