"""Goldens of the recurrent layers: values, gradients, masks, states, stateful batches, wrappers, configs."""

from functools import partial

from common import Golden, camel_keys, keras, np, numbers
from layer_case import layer_case, weights_for

import jax
import jax.numpy as jnp

golden = Golden("recurrent")
add = partial(layer_case, golden)

X = numbers(1, (2, 5, 3))
SHAPES = [(None, 5, 3), (None, None, 3)]
MASK = np.array([[0, 1, 1, 0, 1], [1, 1, 0, 1, 0]], "bool")

common = [
    {"units": 4},
    {"units": 3, "return_sequences": True},
    {"units": 3, "return_sequences": True, "go_backwards": True},
    {"units": 2, "go_backwards": True, "use_bias": False},
    {"units": 2, "activation": "relu"},
    {"units": 2, "activation": None, "return_sequences": True},
    {
        "units": 2,
        "kernel_regularizer": "l2",
        "recurrent_regularizer": "l1",
        "bias_regularizer": "l2",
        "kernel_constraint": "non_neg",
        "recurrent_constraint": "max_norm",
        "bias_constraint": "non_neg",
        "activity_regularizer": "l2",
    },
    {"units": 2, "kernel_initializer": "he_normal", "recurrent_initializer": "zeros", "bias_initializer": "ones"},
    {"units": 3, "dropout": 0.25, "recurrent_dropout": 0.5, "seed": 3},
    {"units": 2, "zero_output_for_mask": True, "unroll": True},
]
gated = [
    {"units": 3, "recurrent_activation": "hard_sigmoid"},
    {"units": 3, "activation": "relu", "recurrent_activation": "relu", "go_backwards": True},
]
further = {
    "LSTM": [*gated, {"units": 2, "unit_forget_bias": False}],
    "GRU": [
        *gated,
        {"units": 3, "reset_after": False},
        {"units": 3, "reset_after": False, "use_bias": False, "return_sequences": True},
        {"units": 3, "reset_after": False, "recurrent_dropout": 0.2},
    ],
    "SimpleRNN": [],
}
for name, cases in further.items():
    for index, given in enumerate([*common, *cases]):
        # Keras' SimpleRNN takes this option and drops it.
        options = {key: value for key, value in given.items() if name != "SimpleRNN" or key != "activity_regularizer"}
        add(f"{name}/{index}", name, options, X, [] if options.get("unroll") else SHAPES)


def spec(class_name, **options):
    return {"class": class_name, "options": options}


def is_spec(value):
    return isinstance(value, dict) and "class" in value


def made(value):
    """The layer that a specification stands for, other values as they are."""
    if isinstance(value, list):
        return [made(item) for item in value]
    if not is_spec(value):
        return value
    return getattr(keras.layers, value["class"])(**{key: made(item) for key, item in value["options"].items()})


def as_json(value):
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if not is_spec(value):
        return value
    options = {key: as_json(item) for key, item in value["options"].items()}
    return {"className": value["class"], "options": camel_keys(options)}


def named(class_name, label, **options):
    return spec(class_name, name=label.replace("/", "_").lower(), **options)


def sequence_case(label, given, x=X, mask=None, initial=None, shapes=((None, 5, 3),)):
    """Outputs and states of one call, and the gradients of their weighted sum."""
    layer = made(given)
    layer.build(x.shape)
    values = weights_for(layer)
    layer.set_weights(values)
    call = {} if mask is None else {"mask": jnp.asarray(mask)}

    def forward(trainable, value, states):
        state = [variable.value for variable in layer.non_trainable_variables]
        more = {} if states is None else {"initial_state": states}
        result = layer.stateless_call(trainable, state, value, **call, **more)[0]
        return jax.tree.leaves(result)

    trainable = [variable.value for variable in layer.trainable_variables]
    first = None if initial is None else jax.tree.map(jnp.asarray, initial)
    outputs, back = jax.vjp(forward, trainable, jnp.asarray(x), first)
    upstreams = [jnp.asarray(numbers(50 + index, output.shape)) for index, output in enumerate(outputs)]
    d_weights, dx, d_initial = back(upstreams)
    golden.case(
        label,
        kind="sequence",
        layer=as_json(given),
        x=x,
        mask=mask,
        initial=initial,
        weights=[{"path": variable.path, "value": value} for variable, value in zip(layer.weights, values)],
        outputs=outputs,
        upstreams=upstreams,
        dx=dx,
        dInitial=None if initial is None else jax.tree.leaves(d_initial),
        dWeights=list(d_weights),
        serialized=keras.layers.serialize(layer),
        outputShapes=[
            {"input": list(shape), "output": jax.tree.map(list, layer.compute_output_shape(shape), is_leaf=is_shape)}
            for shape in shapes
        ],
    )


def is_shape(value):
    return isinstance(value, (tuple, list)) and all(size is None or isinstance(size, int) for size in value)


states = {"LSTM": 2, "GRU": 1, "SimpleRNN": 1}
variants = [
    {"return_sequences": True, "return_state": True},
    {"return_state": True, "go_backwards": True},
    {"return_sequences": True, "return_state": True, "go_backwards": True, "zero_output_for_mask": True},
    {"zero_output_for_mask": True},
]
for name, count in states.items():
    extra = [{"activation": "relu"}]
    for index, options in enumerate([*variants, *extra]):
        label = f"{name}/sequence/{index}"
        initial = [numbers(60 + state, (2, 4)) for state in range(count)]
        shapes = [] if options.get("zero_output_for_mask") else [(None, 5, 3)]
        if index != 3:
            sequence_case(f"{label}/plain", named(name, f"{label}/plain", units=4, **options), initial=initial, shapes=shapes)
        sequence_case(
            f"{label}/masked", named(name, f"{label}/masked", units=4, **options), mask=MASK, initial=initial, shapes=shapes
        )
        if index > 0:
            continue
        sequence_case(f"{label}/zeros", named(name, f"{label}/zeros", units=4, **options), mask=MASK, shapes=shapes)

cells = {
    "lstm": spec("LSTMCell", units=4, name="one"),
    "gru": spec("GRUCell", units=4, name="one", reset_after=False),
    "simple": spec("SimpleRNNCell", units=4, name="one", activation="relu"),
    "stack": spec(
        "StackedRNNCells",
        name="stack",
        cells=[
            spec("LSTMCell", units=4, name="first"),
            spec("GRUCell", units=3, name="second"),
            spec("SimpleRNNCell", units=2, name="third"),
        ],
    ),
}
for name, cell in cells.items():
    for mask in (None, MASK):
        label = f"RNN/{name}/{'plain' if mask is None else 'masked'}"
        given = named("RNN", label, cell=cell, return_sequences=True, return_state=True)
        # What Keras says of a stack's states is not what it answers.
        sequence_case(label, given, mask=mask, shapes=[] if name == "stack" else [(None, 5, 3)])
        if mask is None:
            continue
        label = f"{label}/last"
        given = named("RNN", label, cell=cell, go_backwards=True)
        sequence_case(label, given, mask=mask)

for index, (options, mask) in enumerate(
    [
        ({}, None),
        ({"merge_mode": "sum"}, MASK),
        ({"merge_mode": "mul"}, None),
        ({"merge_mode": "ave"}, MASK),
        ({"merge_mode": None}, MASK),
    ]
):
    for name, inner in {
        "lstm": spec("LSTM", units=2, name="inner"),
        "steps": spec("GRU", units=2, name="inner", return_sequences=True),
        "states": spec("SimpleRNN", units=2, name="inner", return_sequences=True, return_state=True),
    }.items():
        if name != "steps" and index in (1, 2, 3):
            continue
        label = f"Bidirectional/{index}/{name}"
        sequence_case(label, named("Bidirectional", label, layer=inner, **options), mask=mask)
label = "Bidirectional/own"
sequence_case(
    label,
    named(
        "Bidirectional",
        label,
        layer=spec("LSTM", units=2, name="inner", return_state=True),
        backward_layer=spec("LSTM", units=2, name="other", activation="relu", return_state=True, go_backwards=True),
    ),
    initial=[numbers(70 + state, (2, 2)) for state in range(4)],
)

for index, inner in enumerate([spec("Dense", units=2, name="inner"), spec("LayerNormalization", name="inner")]):
    label = f"TimeDistributed/{index}"
    sequence_case(label, named("TimeDistributed", label, layer=inner), shapes=[(None, 5, 3), (None, None, 3)])

# Batches that go on from one another; the states are set to 0 after the second.
for name in states:
    layer = getattr(keras.layers, name)(units=3, stateful=True, return_sequences=True, name=f"stateful_{name.lower()}")
    batches = np.stack([numbers((80, step), (2, 4, 3)) for step in range(3)])
    layer.build(batches[0].shape)
    values = weights_for(layer)
    layer.set_weights(values)
    outputs = []
    for step, batch in enumerate(batches):
        if step == 2:
            layer.reset_states()
        outputs.append(np.asarray(layer(jnp.asarray(batch))))
    golden.case(
        f"{name}/stateful",
        kind="stateful",
        layer={"className": name, "options": {"units": 3, "stateful": True, "returnSequences": True}},
        weights=values,
        batches=batches,
        outputs=np.stack(outputs),
        states=[np.asarray(state) for state in layer.states],
        paths=[state.path for state in layer.states],
    )
golden.save()
