"""Goldens of keras.optimizers.schedules: the rate over steps, and configs."""

from common import Golden, camel_keys, keras, np

golden = Golden("schedules")
STEPS = np.array(
    [0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 15, 19, 20, 21, 29, 30, 31, 40, 50, 75, 100, 101, 150, 1000, 100000], "int32"
)

CASES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.96, "staircase": True}),
    ("ExponentialDecay", {"initial_learning_rate": 1.0, "decay_steps": 7, "decay_rate": 1.1, "name": "own"}),
    ("PiecewiseConstantDecay", {"boundaries": [10, 20], "values": [1.0, 0.5, 0.1]}),
    ("PiecewiseConstantDecay", {"boundaries": [5], "values": [0.01, 0.02]}),
    ("PiecewiseConstantDecay", {"boundaries": [2.5, 20.0], "values": [1.0, 0.5, 0.1]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "end_learning_rate": 0.01, "power": 0.5}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "cycle": True}),
    (
        "PolynomialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 15, "end_learning_rate": 0.02, "power": 2.0, "cycle": True},
    ),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5, "staircase": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 50}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 50, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.0, "decay_steps": 40, "warmup_target": 0.1, "warmup_steps": 10}),
    (
        "CosineDecay",
        {"initial_learning_rate": 0.02, "decay_steps": 40, "alpha": 0.2, "warmup_target": 0.1, "warmup_steps": 10},
    ),
    ("CosineDecay", {"initial_learning_rate": 0.02, "decay_steps": 40, "warmup_target": 0.1}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 10}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 1.0, "m_mul": 0.5}),
    (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 3.0, "m_mul": 0.8, "alpha": 0.05},
    ),
]
for index, (name, options) in enumerate(CASES):
    schedule = getattr(keras.optimizers.schedules, name)(**options)
    rates = np.array(
        [np.asarray(schedule(keras.ops.convert_to_tensor(step, dtype="int32"))) for step in STEPS], "float32"
    )
    golden.case(
        f"{name}/{index}",
        className=name,
        options=camel_keys(options),
        steps=STEPS,
        rates=rates,
        config=schedule.get_config(),
        serialized=keras.optimizers.schedules.serialize(schedule),
    )
golden.save()
