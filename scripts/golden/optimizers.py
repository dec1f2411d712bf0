"""Goldens of keras.optimizers: weights after each of 12 steps over option sets, variables, configs; schedules."""

from common import Golden, camel_keys, keras, np, numbers

golden = Golden("optimizers")
STEPS = 12
SHAPES = [("kernel", (3, 2)), ("bias", (2,)), ("scale", ())]


def start():
    return [numbers((200 + index), shape).astype("float32") for index, (_, shape) in enumerate(SHAPES)]


GRADIENTS = [
    [
        np.asarray(numbers((300 + 10 * step + index), shape, 1.0 if step % 3 else 5.0))
        for index, (_, shape) in enumerate(SHAPES)
    ]
    for step in range(STEPS)
]
# Exact zeros, so that epsilon and the treatment of nothing are seen.
GRADIENTS[4] = [np.zeros_like(gradient) for gradient in GRADIENTS[4]]
golden.fact("initial", {name: value for (name, _), value in zip(SHAPES, start())})


BASE = [
    {},
    {"learning_rate": 0.1},
    {"weight_decay": 0.01},
    {"clipnorm": 1.0},
    {"clipvalue": 0.5},
    {"global_clipnorm": 1.0},
    {"use_ema": True},
    {"use_ema": True, "ema_momentum": 0.5},
    {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 3},
    {"gradient_accumulation_steps": 3},
    {"gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 2},
    {"gradient_accumulation_steps": 2, "clipnorm": 1.0, "weight_decay": 0.05},
    {"loss_scale_factor": 8.0},
    {"loss_scale_factor": 8.0, "global_clipnorm": 1.0},
    {"weight_decay": 0.01, "clipvalue": 0.3, "use_ema": True},
]
SCHEDULE = ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5})
STAIRCASE = ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5, "staircase": True})
PIECEWISE = ("PiecewiseConstantDecay", {"boundaries": [3, 7], "values": [0.1, 0.05, 0.01]})
OWN = {
    "SGD": [
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.5, "weight_decay": 0.01, "learning_rate": 0.05},
        {"momentum": 0.9, "nesterov": True, "gradient_accumulation_steps": 3},
        {"nesterov": True},
    ],
    "RMSprop": [
        {"rho": 0.5},
        {"momentum": 0.9},
        {"centered": True},
        {"centered": True, "momentum": 0.9, "rho": 0.8},
        {"epsilon": 1e-3},
        {"momentum": 0.9, "weight_decay": 0.01, "learning_rate": 0.05},
    ],
    "Adam": [
        {"beta_1": 0.5, "beta_2": 0.9},
        {"epsilon": 1e-3},
        {"amsgrad": True},
        {"amsgrad": True, "beta_2": 0.5, "learning_rate": 0.05},
        {"amsgrad": True, "weight_decay": 0.01, "gradient_accumulation_steps": 2},
    ],
}


def variables():
    return [keras.Variable(value, name=name) for (name, _), value in zip(SHAPES, start())]


def snapshot(items):
    return {name: np.array(keras.ops.convert_to_numpy(item), copy=True) for (name, _), item in zip(SHAPES, items)}


def stacked(snapshots):
    """A list of snapshots as one array per variable, steps first."""
    return {name: np.stack([items[name] for items in snapshots]) for name, _ in SHAPES}


def describe(optimizer):
    return [
        {
            "name": variable.name,
            "path": variable.path,
            "shape": variable.shape,
            "dtype": variable.dtype,
            "value": keras.ops.convert_to_numpy(variable),
        }
        for variable in optimizer.variables
    ]


def follow(optimizer):
    model = variables()
    after, rates, iterations = [], [], []
    for step in GRADIENTS:
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in step], model)
        after.append(snapshot(model))
        rates.append(float(optimizer.learning_rate))
        iterations.append(int(optimizer.iterations))
    fields = {
        "weights": stacked(after),
        "learningRates": np.array(rates, "float32"),
        "iterations": iterations,
        "variables": describe(optimizer),
    }
    if optimizer.use_ema:
        optimizer.finalize_variable_values(model)
        fields["finalized"] = snapshot(model)
    return fields


golden.fact("gradients", stacked([snapshot(step) for step in GRADIENTS]))

for name, own in OWN.items():
    for index, options in enumerate(BASE + own):
        optimizer = getattr(keras.optimizers, name)(**options)
        golden.case(f"{name}/{index}", kind="steps", className=name, options=camel_keys(options), **follow(optimizer))
    for index, (schedule, schedule_options) in enumerate([SCHEDULE, STAIRCASE, PIECEWISE]):
        for more in ({}, {"gradient_accumulation_steps": 2}):
            rate = getattr(keras.optimizers.schedules, schedule)(**schedule_options)
            optimizer = getattr(keras.optimizers, name)(learning_rate=rate, **more)
            golden.case(
                f"{name}/schedule/{index}{'/accumulation' if more else ''}",
                kind="steps",
                className=name,
                options=camel_keys(more),
                schedule={"className": schedule, "options": camel_keys(schedule_options)},
                **follow(optimizer),
            )

    # A learning rate assigned between two steps; a frozen set of variables without weight decay.
    optimizer = getattr(keras.optimizers, name)(learning_rate=0.1)
    model, after = variables(), []
    for index, step in enumerate(GRADIENTS[:4]):
        if index == 2:
            optimizer.learning_rate = 0.01
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in step], model)
        after.append(snapshot(model))
    golden.case(
        f"{name}/assignedRate",
        kind="assignedRate",
        className=name,
        options={"learningRate": 0.1},
        at=2,
        newRate=0.01,
        weights=stacked(after),
    )

    optimizer = getattr(keras.optimizers, name)(learning_rate=0.1, weight_decay=0.1)
    model, after = variables(), []
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    for step in GRADIENTS[:4]:
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in step], model)
        after.append(snapshot(model))
    golden.case(
        f"{name}/excluded",
        kind="excluded",
        className=name,
        options={"learningRate": 0.1, "weightDecay": 0.1},
        varNames=["bias"],
        weights=stacked(after),
    )

# Dynamic loss scale: steps with a non-finite gradient change nothing but the scale.
INFINITE = [[np.array(gradient, copy=True) for gradient in step] for step in GRADIENTS]
INFINITE[2][0][0, 0] = np.inf
INFINITE[3][1][1] = np.nan
INFINITE[9][2] = np.asarray(-np.inf, "float32")
golden.fact("infiniteGradients", stacked([snapshot(step) for step in INFINITE]))


def follow_loss_scale(optimizer):
    """As `follow`; on JAX the dynamic scale works through `stateless_apply` only."""
    model = variables()
    optimizer.build(model)
    state, values = [[variable.value for variable in group] for group in (optimizer.variables, model)]
    scale = [variable.name for variable in optimizer.variables].index("dynamic_scale")
    after, scales = [], []
    for step in INFINITE:
        values, state = optimizer.stateless_apply(
            state, [keras.ops.convert_to_tensor(gradient) for gradient in step], values
        )
        after.append(snapshot(values))
        scales.append(float(state[scale]))
    for variable, value in zip(optimizer.variables, state):
        variable.assign(value)
    return {"weights": stacked(after), "dynamicScales": scales, "variables": describe(optimizer)}


for index, (inner, options) in enumerate(
    [
        ({}, {}),
        ({"clipnorm": 1.0}, {"initial_scale": 16.0, "dynamic_growth_steps": 3}),
        ({}, {"initial_scale": 2.0, "dynamic_growth_steps": 2}),
    ]
):
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(learning_rate=0.1, **inner), **options)
    golden.case(
        f"LossScaleOptimizer/{index}",
        kind="lossScale",
        className="LossScaleOptimizer",
        inner={"className": "Adam", "options": camel_keys({"learning_rate": 0.1, **inner})},
        options=camel_keys(options),
        scaledLoss=float(optimizer.scale_loss(3.0)),
        **follow_loss_scale(optimizer),
    )

# Configs.
for name, options in [
    *[(name, {}) for name in OWN],
    ("SGD", {"learning_rate": 0.5, "momentum": 0.9, "nesterov": True, "clipnorm": 1.0, "name": "own"}),
    ("RMSprop", {"rho": 0.8, "centered": True, "weight_decay": 0.1, "use_ema": True, "ema_overwrite_frequency": 4}),
    (
        "Adam",
        {
            "amsgrad": True,
            "beta_1": 0.5,
            "global_clipnorm": 2.0,
            "gradient_accumulation_steps": 4,
            "loss_scale_factor": 2.0,
        },
    ),
    ("Adam", {"learning_rate": keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)}),
]:
    optimizer = getattr(keras.optimizers, name)(**options)
    plain = {
        key: value
        for key, value in options.items()
        if not isinstance(value, keras.optimizers.schedules.LearningRateSchedule)
    }
    golden.case(
        f"config/{len(golden.cases)}/{name}",
        kind="config",
        className=name,
        options=camel_keys(plain),
        schedule=None
        if plain == options
        else {
            "className": "ExponentialDecay",
            "options": {"initialLearningRate": 0.1, "decaySteps": 10, "decayRate": 0.5},
        },
        config=optimizer.get_config(),
        serialized=keras.optimizers.serialize(optimizer),
    )
optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
golden.case(
    "config/LossScaleOptimizer",
    kind="lossScaleConfig",
    className="LossScaleOptimizer",
    options={},
    config=optimizer.get_config(),
)

names = {}
for text in ["SGD", "sgd", "RMSprop", "rmsprop", "RMSProp", "Adam", "adam", "ADAM", "LossScaleOptimizer"]:
    try:
        names[text] = type(keras.optimizers.get(text)).__name__
    except (ValueError, TypeError, KeyError):
        names[text] = None
golden.fact("get", names)
golden.save()
