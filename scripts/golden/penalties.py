"""Goldens of training with regularizers (kernel, bias, activity) and constraints: losses in the logs of fit, evaluate and single batches."""

from common import Golden, camel_keys, keras, layer, layer_from, np, numbers, sequential, spec_json

golden = Golden("penalties")
ROWS, BATCH = 20, 8  # The last batch is short: an activity's penalty is divided by the rows of its own batch.
X = numbers(900, (ROWS, 6))
Y = np.eye(3, dtype="float32")[(X @ numbers(901, (6, 3))).argmax(axis=1)]


def config(name, **options):
    """A regularizer or constraint as its Keras config and as the TypeScript's."""
    return {"class_name": name, "config": options}


def dense(units, **options):
    return layer("Dense", units=units, **options)


def camel_spec(spec):
    """Options of options too: `class_name` stays for the config's reader."""
    described = spec_json(spec)
    for inner in described.get("layers", []):
        for key, value in inner["options"].items():
            if isinstance(value, dict) and "class_name" in value:
                inner["options"][key] = {"className": value["class_name"], "config": camel_keys(value["config"])}
    return described


INPUT = layer("Input", shape=[6])
CASES = {
    "kernelL1": [INPUT, dense(5, activation="tanh", kernel_regularizer=config("L1", l1=0.02)), dense(3, activation="softmax")],
    "kernelL2": [INPUT, dense(5, activation="tanh", kernel_regularizer=config("L2", l2=0.05)), dense(3, activation="softmax")],
    "kernelL1L2": [INPUT, dense(5, kernel_regularizer=config("L1L2", l1=0.01, l2=0.03)), dense(3, activation="softmax")],
    "kernelOrthogonal": [
        INPUT,
        dense(5, kernel_regularizer=config("OrthogonalRegularizer", factor=0.02, mode="rows")),
        dense(3, activation="softmax", kernel_regularizer=config("OrthogonalRegularizer", factor=0.05, mode="columns")),
    ],
    "biasL1": [INPUT, dense(5, bias_regularizer=config("L1", l1=0.1)), dense(3, activation="softmax", bias_regularizer=config("L2", l2=0.2))],
    "activityL2": [INPUT, dense(5, activation="tanh", activity_regularizer=config("L2", l2=0.1)), dense(3, activation="softmax")],
    "activityL1": [INPUT, dense(5, activity_regularizer=config("L1", l1=0.05)), dense(3, activation="softmax")],
    "activityOrthogonal": [
        INPUT,
        dense(5, activity_regularizer=config("OrthogonalRegularizer", factor=0.1, mode="columns")),
        dense(3, activation="softmax"),
    ],
    "activityLayer": [INPUT, dense(5, activation="relu"), layer("ActivityRegularization", l1=0.01, l2=0.02), dense(3, activation="softmax")],
    "all": [
        INPUT,
        dense(
            5,
            activation="relu",
            kernel_regularizer="l2",
            # Not L1: of a bias that the constraint holds at 0, JAX takes a slope of 1 where other backends take 0.
            bias_regularizer="l2",
            activity_regularizer=config("L1L2", l1=0.01, l2=0.01),
            kernel_constraint=config("MaxNorm", max_value=0.8, axis=0),
            bias_constraint="non_neg",
        ),
        dense(3, activation="softmax", kernel_regularizer="L1L2", kernel_constraint=config("UnitNorm", axis=0)),
    ],
    "constraints": [
        INPUT,
        dense(5, activation="relu", kernel_constraint=config("MinMaxNorm", min_value=0.2, max_value=0.6, rate=0.5, axis=0), bias_constraint="non_neg"),
        dense(3, activation="softmax", kernel_constraint="non_neg"),
    ],
}


def logs(values):
    return {key: float(value) for key, value in values.items()}


for seed, (name, stack) in enumerate(CASES.items()):
    keras.utils.clear_session()
    spec = sequential(stack)
    model = layer_from(spec)
    start = [np.asarray(numbers(910 + 10 * seed + i, weight.shape, 0.4)) for i, weight in enumerate(model.weights)]
    model.set_weights(start)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="categorical_crossentropy", metrics=["categorical_crossentropy", "accuracy"])
    history = model.fit(X, Y, epochs=3, batch_size=BATCH, shuffle=False, validation_split=0.3, verbose=0).history
    golden.case(
        name,
        model=camel_spec(spec),
        start=start,
        history={key: [float(value) for value in values] for key, values in history.items()},
        weights=[np.asarray(weight) for weight in model.weights],
        evaluate=logs(model.evaluate(X, Y, batch_size=BATCH, verbose=0, return_dict=True)),
        testOnBatch=logs(model.test_on_batch(X, Y, return_dict=True)),
        trainOnBatch=logs(model.train_on_batch(X, Y, return_dict=True)),
        losses=[float(value) for value in model.losses],
        lossesAfterCall=[float(value) for value in (model(X[:4]), model.losses)[1]],
    )

golden.fact("x", X)
golden.fact("y", Y)
golden.fact("batchSize", BATCH)
golden.save()
