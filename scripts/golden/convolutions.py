"""Goldens of the layers of convolution: values, gradients, output shapes, weights, configs; the functions behind them; a small model with its summary."""

import itertools
import os
from functools import partial

from common import Golden, camel, camel_keys, keras, np, numbers
from layer_case import layer_case

import jax
import jax.numpy as jnp

golden = Golden("convolutions")
add = partial(layer_case, golden)

X = {1: numbers(1, (2, 7, 2)), 2: numbers(2, (1, 6, 5, 2)), 3: numbers(3, (1, 3, 3, 2, 2))}
KERNEL = {1: 3, 2: (3, 2), 3: (2, 3, 1)}


def arranged(x, options):
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if options.get("data_format") == "channels_first" else x


def unknown(shape, options):
    """The shape with an unknown batch, and with unknown spatial sizes too."""
    steps = [None] * (len(shape) - 2)
    first = options.get("data_format") == "channels_first"
    return [(None, *shape[1:]), (None, shape[1], *steps) if first else (None, *steps, shape[-1])]


def layer(rank, name, index, options):
    x = arranged(X[rank], options)
    add(f"{name}/{index}", name, options, x, unknown(x.shape, options))


FULL = {
    "kernel_regularizer": "l2",
    "bias_regularizer": "l1",
    "activity_regularizer": "l2",
    "kernel_constraint": "non_neg",
    "bias_constraint": "max_norm",
    "kernel_initializer": "he_normal",
    "bias_initializer": "ones",
}
DEPTHWISE = {key.replace("kernel", "depthwise"): value for key, value in FULL.items()}
POINTWISE = {key.replace("kernel", "pointwise"): value for key, value in FULL.items() if "kernel" in key}
WAYS = [
    {},
    {"padding": "same", "activation": "tanh"},
    {"padding": "same", "strides": 2},
    {"strides": 3, "use_bias": False},
    {"padding": "same", "dilation_rate": 2},
    {"padding": "same", "strides": 2, "data_format": "channels_first"},
]

for rank in X:
    ways = WAYS if rank < 3 else WAYS[1:3] + WAYS[5:]
    base = {"filters": 2, "kernel_size": KERNEL[rank]}
    cases = [{**base, **way} for way in ways]
    # An even kernel: one zero more behind than before.
    cases.append({**base, "kernel_size": 2, "padding": "same", **FULL})
    cases.append({**base, "groups": 2, "filters": 4})
    if rank == 1:
        for way in [{}, {"strides": 2}, {"dilation_rate": 2}, {"data_format": "channels_first"}]:
            cases.append({**base, "padding": "causal", **way})
        cases.append({**base, "lora_rank": 2})
    if rank == 2:
        cases.append({**base, "strides": (1, 2), "padding": "SAME"})
        cases.append({**base, "groups": 2, "filters": 4, "padding": "same", "data_format": "channels_first"})
        cases.append({**base, "kernel_size": 1})
        cases.append({**base, "lora_rank": 2, "lora_alpha": 3})
    for index, options in enumerate(cases):
        layer(rank, f"Conv{rank}D", index, options)

    cases = [{**base, **way} for way in ways]
    cases.append({**base, "kernel_size": 4, "strides": 2, "padding": "same", **FULL})
    cases.append({**base, "kernel_size": 2, "strides": 3})
    cases.append({**base, "kernel_size": 1, "strides": 3, "padding": "same"})
    for padding, size in itertools.product(["valid", "same"], [2, 3] if rank < 3 else [3]):
        cases.append({**base, "kernel_size": size, "strides": 3, "padding": padding, "output_padding": 1})
    if rank == 2:
        cases.append({**base, "strides": (2, 3), "padding": "same", "output_padding": (0, 2)})
        cases.append({**base, "dilation_rate": (1, 2)})
    for index, options in enumerate(cases):
        layer(rank, f"Conv{rank}DTranspose", index, options)

    if rank == 3:
        continue
    base = {"kernel_size": KERNEL[rank], "depth_multiplier": 2}
    cases = [{**base, **way} for way in WAYS] + [{"kernel_size": 2, "padding": "same", **DEPTHWISE}]
    for index, options in enumerate(cases):
        layer(rank, f"DepthwiseConv{rank}D", index, options)
    cases = [{"filters": 3, **options} for options in cases]
    cases[-1] = {**cases[-1], **POINTWISE, "depth_multiplier": 3}
    for index, options in enumerate(cases):
        layer(rank, f"SeparableConv{rank}D", index, options)


def function(label, name, args, **options):
    arrays = [jnp.asarray(value) for value in args]
    y, back = jax.vjp(lambda *values: getattr(keras.ops, name)(*values, **options), *arrays)
    upstream = numbers(41, y.shape)
    golden.case(
        label,
        kind="function",
        fn=camel(name),
        args=list(args),
        options=camel_keys(options),
        y=y,
        upstream=upstream,
        slopes=list(back(jnp.asarray(upstream))),
    )


x, k = X[2], numbers(11, (3, 2, 2, 3))
function("conv/plain", "conv", (x, k))
function("conv/same", "conv", (x, k), strides=(2, 1), padding="same")
# The layers refuse strides with dilation; the functions compute it.
function("conv/dilated", "conv", (x, k), strides=2, padding="same", dilation_rate=2)
function("conv/grouped", "conv", (x, numbers(12, (2, 2, 1, 4))), padding="SAME")
function("conv/first", "conv", (arranged(x, {"data_format": "channels_first"}), k), data_format="channels_first", padding="same")
function("depthwise/plain", "depthwise_conv", (x, numbers(13, (2, 3, 2, 2))), strides=2, padding="same")
function("separable/plain", "separable_conv", (x, numbers(13, (2, 3, 2, 2)), numbers(14, (1, 1, 4, 3))), padding="same", dilation_rate=2)
t = numbers(15, (3, 2, 3, 2))
function("transpose/plain", "conv_transpose", (x, t), strides=2)
function("transpose/padding", "conv_transpose", (x, t), strides=(3, 2), padding="same", output_padding=(2, 1))
function("transpose/dilated", "conv_transpose", (x, t), strides=2, padding="same", dilation_rate=3)

# The model is written twice: here and in test/layers/convolution/model.test.ts.
keras.utils.clear_session()
os.environ["COLUMNS"] = "100"
layers = keras.layers
model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ],
    name="digits",
)
text = []
model.summary(print_fn=text.append)
golden.fact("sequential", {"summary": "\n".join(text), "serialized": keras.saving.serialize_keras_object(model)})

keras.utils.clear_session()
images = keras.Input((None, None, 3), name="images")
h = layers.Conv2D(8, 3, strides=2, padding="same", name="first")(images)
h = layers.SeparableConv2D(8, 3, padding="same", name="second")(h)
h = layers.DepthwiseConv2D(3, padding="same", name="third")(h)
up = layers.Conv2DTranspose(3, 3, strides=2, padding="same", name="up")(h)
outputs = layers.Add(name="sum")([up, images])
graph = keras.Model(images, [outputs, layers.GlobalAveragePooling2D(name="pooled")(h)], name="graph")
text = []
graph.summary(print_fn=text.append)
golden.fact("functional", {"summary": "\n".join(text), "serialized": keras.saving.serialize_keras_object(graph)})
golden.save()
