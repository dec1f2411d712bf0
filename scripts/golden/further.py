"""Goldens of the losses, metrics and optimizers that losses.py, metrics.py and optimizers.py leave out."""

from common import Golden, camel, camel_keys, keras, np, numbers, rng

import jax
import jax.numpy as jnp

golden = Golden("further")

# Losses: (y_true, y_pred).
REAL = numbers(500, (4, 3)), numbers(501, (4, 3), 2.0)
CUBE = numbers(502, (2, 3, 4)), numbers(503, (2, 3, 4))
POSITIVE = tuple(np.abs(array) + 0.05 for array in REAL)
FAR = REAL[0] * 30, REAL[1] * 30
BINARY = rng(504).integers(0, 2, (4, 3)).astype("float32"), REAL[1]
SIGNS = BINARY[0] * 2 - 1, REAL[1]
ONE_HOT = np.eye(3, dtype="float32")[rng(505).integers(0, 3, (4,))], REAL[1]
SHARES = tuple((array / array.sum(-1, keepdims=True)).astype("float32") for array in POSITIVE)

LOSSES = [
    ("mean_absolute_error", "MeanAbsoluteError", [(REAL, {}), (CUBE, {})]),
    ("mean_absolute_percentage_error", "MeanAbsolutePercentageError", [(REAL, {}), (POSITIVE, {}), (BINARY, {})]),
    ("mean_squared_logarithmic_error", "MeanSquaredLogarithmicError", [(REAL, {}), (POSITIVE, {})]),
    ("cosine_similarity", "CosineSimilarity", [(REAL, {}), (CUBE, {"axis": 1}), (BINARY, {})]),
    ("huber", "Huber", [(REAL, {}), (REAL, {"delta": 0.3}), (FAR, {"delta": 10.0})]),
    ("log_cosh", "LogCosh", [(REAL, {}), (FAR, {})]),
    ("hinge", "Hinge", [(SIGNS, {}), (BINARY, {}), (REAL, {})]),
    ("squared_hinge", "SquaredHinge", [(SIGNS, {}), (BINARY, {})]),
    ("categorical_hinge", "CategoricalHinge", [(ONE_HOT, {}), (SIGNS, {})]),
    ("kl_divergence", "KLDivergence", [(SHARES, {}), (BINARY, {})]),
    ("poisson", "Poisson", [(POSITIVE, {}), ((BINARY[0], POSITIVE[1]), {})]),
]
for name, class_name, cases in LOSSES:
    function = getattr(keras.losses, name)
    for index, ((y_true, y_pred), options) in enumerate(cases):
        y, pull = jax.vjp(lambda pred: function(jnp.asarray(y_true), pred, **options), jnp.asarray(y_pred))
        upstream = numbers(510, y.shape)
        loss = getattr(keras.losses, class_name)(**options)
        weights = np.abs(numbers(511, y.shape[:1])) + 0.1 if y.ndim == 1 else np.abs(numbers(511, y.shape)) + 0.1
        golden.case(
            f"loss/{class_name}/{index}",
            kind="loss",
            fn=camel(name),
            className=class_name,
            options=camel_keys(options),
            yTrue=y_true,
            yPred=y_pred,
            y=y,
            # An exact 0 or 1 stands on a kink of some of these.
            gradient={"upstream": upstream, "dPred": pull(jnp.asarray(upstream))[0]},
            sampleWeight=weights,
            weighted=float(loss(y_true, y_pred, sample_weight=weights)),
            serialized=keras.losses.serialize(loss),
        )
golden.fact("losses", {text: keras.losses.get(text).__name__ for text in ["mae", "MAE", "mape", "MAPE", "msle", "MSLE", "kld", "KLD"]})

# Metrics: a few updates, with and without weights.
PROBABILITIES = (1 / (1 + np.exp(-REAL[1]))).astype("float32")
METRICS = [
    *[(class_name, options, pair) for _, class_name, [(pair, options), *_] in LOSSES if class_name not in ("Huber", "LogCosh")],
    ("RootMeanSquaredError", {}, REAL),
    ("RootMeanSquaredError", {}, CUBE),
    ("LogCoshError", {}, REAL),
    ("CosineSimilarity", {"axis": 1}, CUBE),
    *[
        (name, options, (BINARY[0], PROBABILITIES))
        for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")
        for options in ({}, {"thresholds": 0.3}, {"thresholds": [0.0, 0.5, 1.0]}, {"thresholds": [0.2, 0.7]})
    ],
]
for index, (name, options, (y_true, y_pred)) in enumerate(METRICS):
    for weighted in (False, True):
        metric = getattr(keras.metrics, name)(**options)
        binary = "Positives" in name or "Negatives" in name
        shape = (len(y_true), 1) if binary else y_true.shape[:-1]
        weights = np.abs(numbers(520, shape)) + 0.1 if weighted else None
        if weighted and name == "CosineSimilarity" and options:
            continue
        results = []
        for scale in (1.0, 0.5):
            metric.update_state(y_true, (y_pred * scale).astype("float32"), sample_weight=weights)
            results.append(metric.result())
        golden.case(
            f"metric/{name}/{index}/{'weighted' if weighted else 'plain'}",
            kind="metric",
            className=name,
            options=camel_keys(options),
            yTrue=y_true,
            yPreds=[(y_pred * scale).astype("float32") for scale in (1.0, 0.5)],
            sampleWeight=weights,
            results=results,
            variables=[{"name": variable.name, "value": keras.ops.convert_to_numpy(variable)} for variable in metric.variables],
            serialized=keras.metrics.serialize(metric),
        )

# Optimizers: as optimizers.py, over options of their own.
STEPS = 10
SHAPES = [("kernel", (3, 2)), ("bias", (2,)), ("filters", (2, 3, 4))]
START = [numbers(530 + index, shape) for index, (_, shape) in enumerate(SHAPES)]
GRADIENTS = [[numbers(540 + 10 * step + index, shape) for index, (_, shape) in enumerate(SHAPES)] for step in range(STEPS)]
golden.fact("initial", {name: value for (name, _), value in zip(SHAPES, START)})
golden.fact("gradients", {name: np.stack([step[index] for step in GRADIENTS]) for index, (name, _) in enumerate(SHAPES)})

COMMON = [{}, {"learning_rate": 0.1}, {"learning_rate": 0.1, "weight_decay": 0.05, "clipnorm": 0.5, "gradient_accumulation_steps": 2}]
OPTIMIZERS = {
    "Adadelta": [{"rho": 0.5, "epsilon": 1e-3, "learning_rate": 1.0}],
    "Adafactor": [{"relative_step": False, "learning_rate": 0.1}, {"beta_2_decay": -0.5, "clip_threshold": 0.5, "epsilon_2": 0.1}],
    "Adagrad": [{"initial_accumulator_value": 0.5, "epsilon": 1e-3, "learning_rate": 0.5}],
    "AdamW": [{"weight_decay": 0.1, "learning_rate": 0.1}, {"amsgrad": True, "learning_rate": 0.1}],
    "Adamax": [{"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3, "learning_rate": 0.1}],
    "Ftrl": [
        {"learning_rate": 0.5, "l1_regularization_strength": 0.1, "l2_regularization_strength": 0.2},
        {"learning_rate": 0.5, "l2_shrinkage_regularization_strength": 0.1, "beta": 0.3, "learning_rate_power": -0.3},
        {"initial_accumulator_value": 1.0},
    ],
    "Lamb": [{"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3, "learning_rate": 0.1}],
    "Lion": [{"beta_1": 0.5, "beta_2": 0.9, "learning_rate": 0.1}],
    "Nadam": [{"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3, "learning_rate": 0.1}],
}
for name, own in OPTIMIZERS.items():
    for index, options in enumerate(COMMON + own):
        # `keras.optimizers` does not list all of them in every release.
        optimizer = getattr(keras.optimizers, name)(**options)
        model = [keras.Variable(value, name=label) for (label, _), value in zip(SHAPES, START)]
        after = []
        for step in GRADIENTS:
            optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in step], model)
            after.append([np.array(keras.ops.convert_to_numpy(variable), copy=True) for variable in model])
        golden.case(
            f"optimizer/{name}/{index}",
            kind="optimizer",
            className=name,
            options=camel_keys(options),
            weights={label: np.stack([step[i] for step in after]) for i, (label, _) in enumerate(SHAPES)},
            variables=[
                {"name": variable.name, "path": variable.path, "shape": variable.shape, "dtype": variable.dtype, "value": keras.ops.convert_to_numpy(variable)}
                for variable in optimizer.variables
            ],
            serialized=keras.optimizers.serialize(optimizer),
        )
golden.save()
