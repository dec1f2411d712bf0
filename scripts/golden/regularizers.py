"""Goldens of keras.regularizers and keras.constraints: values, gradients, configs, names."""

from common import Golden, camel_keys, keras, np, numbers

import jax
import jax.numpy as jnp

golden = Golden("regularizers")

WEIGHTS = {
    "matrix": numbers(400, (4, 3)),
    "wide": numbers(401, (2, 5), 3.0),
    "vector": numbers(402, (6,)),
    "filters": numbers(403, (2, 2, 3, 4)),
    "zeros": np.zeros((3, 2), "float32"),
}
WEIGHTS["column of zeros"] = WEIGHTS["matrix"].copy()
WEIGHTS["column of zeros"][:, 1] = 0

REGULARIZERS = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L1", {"l1": None}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L2", {"l2": 0}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.1}),
    ("L1L2", {"l2": 0.2}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]
for index, (name, options) in enumerate(REGULARIZERS):
    regularizer = getattr(keras.regularizers, name)(**options)
    penalties = []
    for label, weight in WEIGHTS.items():
        if name == "OrthogonalRegularizer" and (weight.ndim != 2 or "zeros" in label):
            continue
        value, gradient = jax.value_and_grad(lambda x: jnp.asarray(regularizer(x)))(jnp.asarray(weight))
        # At 0 the gradient of |x| is a convention.
        penalties.append({"x": weight, "y": float(value), "gradient": None if "zeros" in label else gradient})
    golden.case(
        f"{name}/{index}",
        kind="regularizer",
        className=name,
        options=camel_keys(options),
        penalties=penalties,
        serialized=keras.regularizers.serialize(regularizer),
    )

CONSTRAINTS = [
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.5}),
    ("MaxNorm", {"max_value": 1.0, "axis": 1}),
    ("MaxNorm", {"max_value": 0.7, "axis": [0, 1, 2]}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": -1}),
    ("UnitNorm", {"axis": [0, 1]}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 0.9}),
    ("MinMaxNorm", {"min_value": 3.0, "max_value": 4.0, "rate": 0.3, "axis": 1}),
]
for index, (name, options) in enumerate(CONSTRAINTS):
    constraint = getattr(keras.constraints, name)(**options)
    axes = np.atleast_1d(options.get("axis", 0))
    golden.case(
        f"{name}/{index}",
        kind="constraint",
        className=name,
        options=camel_keys(options),
        results=[
            {"w": weight, "y": constraint(keras.ops.convert_to_tensor(weight))}
            for weight in WEIGHTS.values()
            if weight.ndim > axes.max()
        ],
        serialized=keras.constraints.serialize(constraint),
    )

golden.fact("regularizers", {text: type(keras.regularizers.get(text)).__name__ for text in ["l1", "L1", "l2", "L2", "L1L2", "orthogonal_regularizer"]})
golden.fact("constraints", {text: type(keras.constraints.get(text)).__name__ for text in ["max_norm", "MaxNorm", "non_neg", "unit_norm", "min_max_norm"]})
golden.save()
