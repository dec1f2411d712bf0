"""Goldens of Sequential: outputs, weights and their paths, shapes, serialized configs."""

from common import Golden, keras, layer, layer_from, np, numbers, sequential, spec_json

golden = Golden("models")

MLP = sequential(
    [layer("Input", shape=(6,)), layer("Dense", units=5, activation="relu", kernel_regularizer="l2"), layer("Dropout", rate=0.3)]
    + [layer("Dense", units=3, activation="softmax")]
)
DEFERRED = sequential([layer("Dense", units=4, activation="tanh"), layer("Flatten"), layer("Reshape", target_shape=(2, -1))])
INNER = sequential([layer("Input", shape=(6,)), layer("Dense", units=4), layer("Activation", activation="relu")], name="inner")
NESTED = sequential([layer("Input", shape=(6,)), layer("Dense", units=6), INNER, layer("Dense", units=2, use_bias=False)], name="outer")
STEPS = sequential([layer("Input", shape=(None, 6), batch_size=2), layer("Dense", units=2), layer("Reshape", target_shape=(-1, 1))])
FROZEN = sequential([layer("Input", shape=(6,)), {**layer("Dense", units=3), "trainable": False}, layer("Dense", units=1)])

MATRIX, CUBE = numbers(601, (2, 6)), numbers(602, (2, 3, 6))
for name, spec, shape, x in [
    ("mlp", MLP, None, MATRIX),
    ("deferred", DEFERRED, None, CUBE),
    ("builtByHand", DEFERRED, [None, 3, 6], CUBE),
    ("nested", NESTED, None, MATRIX),
    ("unknownSteps", STEPS, None, CUBE),
    ("frozen", FROZEN, None, MATRIX),
]:
    keras.utils.clear_session()
    model = layer_from(spec)
    if shape is not None:
        model.build(tuple(shape))
    model(x)
    values = [np.asarray(numbers(610 + index, weight.shape, 0.5)) for index, weight in enumerate(model.weights)]
    model.set_weights(values)
    golden.case(
        name,
        model=spec_json(spec),
        inputShape=shape,
        x=x,
        weights=values,
        paths=[weight.path for weight in model.weights],
        y=model(x),
        serialized=keras.layers.serialize(model),
        inputShapeAfter=list(model.input_shape),
        outputShape=list(model.output_shape),
        countParams=model.count_params(),
    )
golden.save()
