"""Goldens of Embedding: values, gradients of the rows, masks, LoRA, configs."""

from functools import partial

from common import Golden, camel_keys, keras, np, numbers, rng
from layer_case import layer_case

golden = Golden("embedding")
add = partial(layer_case, golden)

IDS = rng(1).integers(0, 7, (3, 4)).astype("int32")
for index, (options, x) in enumerate(
    [
        ({}, IDS),
        ({"mask_zero": True}, IDS),
        ({"embeddings_initializer": "ones", "embeddings_regularizer": "l2", "embeddings_constraint": "unit_norm"}, IDS),
        ({}, IDS[:, 0]),
        ({}, IDS.reshape((3, 2, 2))),
        ({}, np.zeros((2, 0), "int32")),
        # The same row many times: its gradient adds up.
        ({}, np.full((5, 3), 2, "int32")),
    ]
):
    add(
        f"Embedding/{index}",
        "Embedding",
        {"input_dim": 7, "output_dim": 3, **options},
        x,
        [(None, *x.shape[1:]), (None,) * x.ndim],
    )

# Indices as other dtypes.
rows = numbers(2, (7, 3))
for dtype in ("float32", "uint8", "int8"):
    layer = keras.layers.Embedding(7, 3, weights=rows, name=f"weights_{dtype}")
    golden.case(
        f"weights/{dtype}",
        kind="weights",
        options=camel_keys({"input_dim": 7, "output_dim": 3, "name": f"weights_{dtype}"}),
        x=IDS.astype(dtype),
        rows=rows,
        y=layer(IDS.astype(dtype)),
        config=layer.get_config(),
    )

layer = keras.layers.Embedding(7, 3, mask_zero=True, name="masks")
golden.case("mask", kind="mask", x=IDS, mask=layer.compute_mask(IDS))

# By the method: the constructor of this version drops its lora_alpha.
layer = keras.layers.Embedding(7, 3, name="lora")
layer.build()
layer.enable_lora(2, lora_alpha=5)
values = [numbers(70 + index, weight.shape) for index, weight in enumerate(layer.weights)]
layer.set_weights(values)
golden.case(
    "lora",
    kind="lora",
    options=camel_keys({"input_dim": 7, "output_dim": 3, "lora_rank": 2, "lora_alpha": 5, "name": "lora"}),
    x=IDS,
    weights=[{"path": weight.path, "value": value} for weight, value in zip(layer.weights, values)],
    trainable=[weight.path for weight in layer.trainable_weights],
    y=layer(IDS),
    config=layer.get_config(),
)
golden.save()
