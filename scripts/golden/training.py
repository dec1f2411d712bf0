"""Goldens of compile, fit, evaluate, predict and the *_on_batch methods: histories and weights of small models."""

from common import Golden, camel_keys, keras, layer, layer_from, np, numbers, rng, sequential, spec_json

golden = Golden("training")

FEATURES, CLASSES = 12, 3
X = numbers(500, (96, FEATURES))
RULE = numbers(501, (FEATURES, CLASSES))
LABELS = (X @ RULE + numbers(502, (96, CLASSES), 0.5)).argmax(axis=1).astype("int32")
ONE_HOT = np.eye(CLASSES, dtype="float32")[LABELS]
# 100 rows: the last of four batches of 32 has 4.
X_LONG = np.concatenate([X, numbers(503, (4, FEATURES))])
LABELS_LONG = np.concatenate([LABELS, np.array([0, 1, 2, 1], "int32")])
ONE_HOT_LONG = np.eye(CLASSES, dtype="float32")[LABELS_LONG]
X_VAL = numbers(504, (40, FEATURES))
LABELS_VAL = (X_VAL @ RULE).argmax(axis=1).astype("int32")
ONE_HOT_VAL = np.eye(CLASSES, dtype="float32")[LABELS_VAL]
BINARY = (LABELS[:, None] == 1).astype("float32")
REAL = (X @ RULE[:, :1]).astype("float32")
SAMPLE_WEIGHT = (rng(505).random(96) + 0.25).astype("float32")
SAMPLE_WEIGHT_LONG = (rng(506).random(100) + 0.25).astype("float32")
SAMPLE_WEIGHT_VAL = (rng(507).random(40) + 0.25).astype("float32")
CLASS_WEIGHT = {0: 1.0, 1: 2.5, 2: 0.5}

SOFTMAX = sequential(
    [
        layer("Input", shape=(FEATURES,)),
        layer("Dense", units=8, activation="relu"),
        layer("Dense", units=CLASSES, activation="softmax"),
    ]
)
LOGITS = sequential(
    [layer("Input", shape=(FEATURES,)), layer("Dense", units=8, activation="tanh"), layer("Dense", units=CLASSES)]
)
SIGMOID = sequential(
    [
        layer("Input", shape=(FEATURES,)),
        layer("Dense", units=6, activation="relu"),
        layer("Dense", units=1, activation="sigmoid"),
    ]
)
REGRESSION = sequential(
    [layer("Input", shape=(FEATURES,)), layer("Dense", units=6, activation="relu"), layer("Dense", units=1)]
)
DEEP = sequential(
    [layer("Input", shape=(3, 4)), layer("Flatten"), layer("Dense", units=8), layer("Activation", activation="relu")]
    + [layer("Reshape", target_shape=(4, 2)), layer("Flatten"), layer("Dense", units=CLASSES, activation="softmax")]
)
FROZEN = sequential(
    [
        layer("Input", shape=(FEATURES,)),
        {**layer("Dense", units=8, activation="relu"), "trainable": False},
        layer("Dense", units=CLASSES, activation="softmax"),
    ]
)
MODELS = {
    "softmax": SOFTMAX,
    "logits": LOGITS,
    "sigmoid": SIGMOID,
    "regression": REGRESSION,
    "deep": DEEP,
    "frozen": FROZEN,
}


def initial_weights(model):
    return [np.asarray(numbers((520 + index), variable.shape, 0.4)) for index, variable in enumerate(model.weights)]


for name, spec in MODELS.items():
    golden.fact(name, {"model": spec_json(spec), "weights": initial_weights(layer_from(spec))})


def optimizer_from(spec):
    options = dict(spec.get("options", {}))
    if "schedule" in spec:
        schedule = spec["schedule"]
        options["learning_rate"] = getattr(keras.optimizers.schedules, schedule["class"])(**schedule["options"])
    return getattr(keras.optimizers, spec["class"])(**options)


def optimizer_json(spec):
    result = {"className": spec["class"], "options": camel_keys(spec.get("options", {}))}
    if "schedule" in spec:
        result["schedule"] = {
            "className": spec["schedule"]["class"],
            "options": camel_keys(spec["schedule"]["options"]),
        }
    return result


def compiled(model_name, optimizer, loss, **options):
    """A fresh model with the family's weights, compiled; and the description that a test compiles from."""
    keras.utils.clear_session()
    model = layer_from(MODELS[model_name])
    model.set_weights(initial_weights(model))
    loss_object = getattr(keras.losses, loss["class"])(**loss["options"]) if isinstance(loss, dict) else loss
    model.compile(optimizer=optimizer_from(optimizer), loss=loss_object, **options)
    loss_json = {"className": loss["class"], "options": camel_keys(loss["options"])} if isinstance(loss, dict) else loss
    return model, {
        "model": model_name,
        "compile": {"optimizer": optimizer_json(optimizer), "loss": loss_json, **camel_keys(options)},
    }


def fit_case(label, model_name, optimizer, loss, x, y, fit=None, evaluate=None, **options):
    model, fields = compiled(model_name, optimizer, loss, **options)
    arguments = {"epochs": 3, "batch_size": 32, "shuffle": False, **(fit or {})}
    history = model.fit(x, y, verbose=0, **arguments)
    x_test, y_test = evaluate or (X_VAL.reshape(40, *np.shape(x)[1:]), ONE_HOT_VAL)
    test = model.evaluate(x_test, y_test, batch_size=16, verbose=0, return_dict=True)
    predictions = model.predict(x_test, batch_size=16, verbose=0)
    json_fit = {key: list(value) if isinstance(value, tuple) else value for key, value in camel_keys(arguments).items()}
    golden.case(
        label,
        kind="fit",
        **fields,
        x=x,
        y=y,
        fit=json_fit,
        history=history.history,
        epochs=history.epoch,
        weights=model.get_weights(),
        iterations=int(model.optimizer.iterations),
        evaluate={"x": x_test, "y": y_test, "batchSize": 16, "logs": test},
        predictions=predictions,
    )


SGD = {"class": "SGD", "options": {"learning_rate": 0.1, "momentum": 0.9}}
RMSPROP = {"class": "RMSprop", "options": {"learning_rate": 0.01}}
ADAM = {"class": "Adam", "options": {"learning_rate": 0.02}}
CE, SPARSE = "categorical_crossentropy", "sparse_categorical_crossentropy"
ACCURACY = {"metrics": ["accuracy"]}

for optimizer in (SGD, RMSPROP, ADAM):
    name = optimizer["class"]
    fit_case(f"{name}/whole", "softmax", optimizer, CE, X, ONE_HOT, **ACCURACY)
    fit_case(f"{name}/short", "softmax", optimizer, CE, X_LONG, ONE_HOT_LONG, **ACCURACY)
    fit_case(f"{name}/split", "softmax", optimizer, CE, X_LONG, ONE_HOT_LONG, {"validation_split": 0.2}, **ACCURACY)
    fit_case(
        f"{name}/data",
        "softmax",
        optimizer,
        CE,
        X_LONG,
        ONE_HOT_LONG,
        {"validation_data": (X_VAL, ONE_HOT_VAL)},
        **ACCURACY,
    )
    fit_case(
        f"{name}/schedule",
        "softmax",
        {
            "class": name,
            "schedule": {
                "class": "ExponentialDecay",
                "options": {"initial_learning_rate": 0.05, "decay_steps": 3, "decay_rate": 0.7},
            },
        },
        CE,
        X_LONG,
        ONE_HOT_LONG,
        **ACCURACY,
    )
    for label, options in {
        "accumulation": {"gradient_accumulation_steps": 2},
        "ema": {"use_ema": True, "ema_momentum": 0.8},
        "emaOverwrite": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3},
        "clipnorm": {"clipnorm": 0.1},
        "globalClipnorm": {"global_clipnorm": 0.1, "weight_decay": 0.01},
    }.items():
        fit_case(
            f"{name}/{label}",
            "softmax",
            {"class": name, "options": {"learning_rate": 0.05, **options}},
            CE,
            X_LONG,
            ONE_HOT_LONG,
            **ACCURACY,
        )

fit_case("sparse", "softmax", ADAM, SPARSE, X_LONG, LABELS_LONG, evaluate=(X_VAL, LABELS_VAL), **ACCURACY)
fit_case("sparseColumn", "softmax", ADAM, SPARSE, X, LABELS[:, None], evaluate=(X_VAL, LABELS_VAL[:, None]), **ACCURACY)
fit_case(
    "logits",
    "logits",
    ADAM,
    {"class": "SparseCategoricalCrossentropy", "options": {"from_logits": True}},
    X_LONG,
    LABELS_LONG,
    evaluate=(X_VAL, LABELS_VAL),
    **ACCURACY,
)
fit_case(
    "logitsSmoothing",
    "logits",
    ADAM,
    {"class": "CategoricalCrossentropy", "options": {"from_logits": True, "label_smoothing": 0.1}},
    X,
    ONE_HOT,
    **ACCURACY,
)
fit_case(
    "sumReduction",
    "softmax",
    {"class": "SGD", "options": {"learning_rate": 0.002}},
    {"class": "CategoricalCrossentropy", "options": {"reduction": "sum"}},
    X_LONG,
    ONE_HOT_LONG,
)
fit_case(
    "binary",
    "sigmoid",
    ADAM,
    "binary_crossentropy",
    X,
    BINARY,
    evaluate=(X_VAL, (LABELS_VAL[:, None] == 1).astype("float32")),
    metrics=["accuracy", "mse"],
)
fit_case(
    "binaryFlat",
    "sigmoid",
    ADAM,
    "binary_crossentropy",
    X,
    BINARY[:, 0],
    evaluate=(X_VAL, (LABELS_VAL == 1).astype("float32")),
    **ACCURACY,
)
fit_case(
    "regression",
    "regression",
    ADAM,
    "mse",
    X,
    REAL,
    evaluate=(X_VAL, (X_VAL @ RULE[:, :1]).astype("float32")),
    metrics=["mse"],
)
fit_case("deep", "deep", SGD, CE, X_LONG.reshape(100, 3, 4), ONE_HOT_LONG, **ACCURACY)
fit_case("frozen", "frozen", ADAM, CE, X, ONE_HOT, **ACCURACY)
fit_case(
    "metricNames",
    "softmax",
    ADAM,
    CE,
    X,
    ONE_HOT,
    metrics=["acc", "categorical_accuracy", "mse", "top_k_categorical_accuracy", "categorical_crossentropy"],
)
fit_case(
    "classWeight",
    "softmax",
    SGD,
    CE,
    X_LONG,
    ONE_HOT_LONG,
    {"class_weight": CLASS_WEIGHT},
    metrics=["accuracy"],
    weighted_metrics=["accuracy"],
)
fit_case(
    "classWeightSparse",
    "softmax",
    SGD,
    SPARSE,
    X_LONG,
    LABELS_LONG,
    {"class_weight": CLASS_WEIGHT},
    evaluate=(X_VAL, LABELS_VAL),
    **ACCURACY,
)
fit_case(
    "sampleWeight",
    "softmax",
    SGD,
    CE,
    X_LONG,
    ONE_HOT_LONG,
    {"sample_weight": SAMPLE_WEIGHT_LONG},
    metrics=["accuracy"],
    weighted_metrics=["categorical_accuracy", "mse"],
)
fit_case(
    "sampleWeightSplit",
    "softmax",
    SGD,
    CE,
    X_LONG,
    ONE_HOT_LONG,
    {"sample_weight": SAMPLE_WEIGHT_LONG, "validation_split": 0.25},
    metrics=["accuracy"],
    weighted_metrics=["mse"],
)
fit_case(
    "sampleWeightValidation",
    "softmax",
    SGD,
    CE,
    X,
    ONE_HOT,
    {"sample_weight": SAMPLE_WEIGHT, "validation_data": (X_VAL, ONE_HOT_VAL, SAMPLE_WEIGHT_VAL)},
    metrics=["accuracy"],
    weighted_metrics=["mse"],
)
fit_case(
    "weightedMean",
    "softmax",
    SGD,
    {"class": "CategoricalCrossentropy", "options": {"reduction": "mean_with_sample_weight"}},
    X_LONG,
    ONE_HOT_LONG,
    {"sample_weight": SAMPLE_WEIGHT_LONG},
)
fit_case(
    "validationFreq",
    "softmax",
    SGD,
    CE,
    X,
    ONE_HOT,
    {"epochs": 5, "validation_data": (X_VAL, ONE_HOT_VAL), "validation_freq": 2},
    **ACCURACY,
)
fit_case(
    "validationFreqList",
    "softmax",
    SGD,
    CE,
    X,
    ONE_HOT,
    {"epochs": 5, "validation_data": (X_VAL, ONE_HOT_VAL), "validation_freq": [1, 4]},
    **ACCURACY,
)
fit_case(
    "validationBatch",
    "softmax",
    SGD,
    CE,
    X,
    ONE_HOT,
    {"validation_data": (X_VAL, ONE_HOT_VAL), "validation_batch_size": 7},
    **ACCURACY,
)
fit_case(
    "validationSteps",
    "softmax",
    SGD,
    CE,
    X,
    ONE_HOT,
    {"validation_data": (X_VAL, ONE_HOT_VAL), "validation_batch_size": 8, "validation_steps": 2},
    **ACCURACY,
)
fit_case("initialEpoch", "softmax", SGD, CE, X, ONE_HOT, {"initial_epoch": 2, "epochs": 4}, **ACCURACY)
fit_case("stepsPerEpoch", "softmax", SGD, CE, X, ONE_HOT, {"steps_per_epoch": 1}, **ACCURACY)
# More steps are asked for than there is data: Keras warns and ends early.
fit_case("stepsPerEpochRunsOut", "softmax", SGD, CE, X, ONE_HOT, {"steps_per_epoch": 2}, **ACCURACY)
fit_case("defaultBatch", "softmax", SGD, CE, X_LONG, ONE_HOT_LONG, {"batch_size": None}, **ACCURACY)
fit_case("batchOfAll", "softmax", SGD, CE, X_LONG, ONE_HOT_LONG, {"batch_size": 1000}, **ACCURACY)
fit_case(
    "batchOfOne",
    "softmax",
    {"class": "SGD", "options": {"learning_rate": 0.01}},
    CE,
    X,
    ONE_HOT,
    {"batch_size": 1, "epochs": 1},
    **ACCURACY,
)

# One batch at a time: the running values that each call returns, as a list and by name.
for label, weights in {
    "plain": {},
    "sampleWeight": {"sample_weight": SAMPLE_WEIGHT[:32]},
    "classWeight": {"class_weight": CLASS_WEIGHT},
}.items():
    model, fields = compiled("softmax", ADAM, CE, metrics=["accuracy"], weighted_metrics=["mse"])
    returned = [
        model.train_on_batch(X[start : start + 32], ONE_HOT[start : start + 32], **weights) for start in (0, 32, 64)
    ]
    by_name = model.train_on_batch(X[:32], ONE_HOT[:32], return_dict=True, **weights)
    model.reset_metrics()
    test_weights = {key: value for key, value in weights.items() if key == "sample_weight"}
    tested = [
        model.test_on_batch(X[start : start + 32], ONE_HOT[start : start + 32], **test_weights) for start in (0, 32)
    ]
    tested_by_name = model.test_on_batch(X[64:], ONE_HOT[64:], return_dict=True, **test_weights)
    golden.case(
        f"onBatch/{label}",
        kind="onBatch",
        **fields,
        x=X,
        y=ONE_HOT,
        batchSize=32,
        starts=[0, 32, 64],
        arguments=camel_keys(weights),
        train=[[float(value) for value in values] for values in returned],
        trainByName={key: float(value) for key, value in by_name.items()},
        test=[[float(value) for value in values] for values in tested],
        testByName={key: float(value) for key, value in tested_by_name.items()},
        metricsNames=model.metrics_names,
        predictOnBatch=model.predict_on_batch(X[:5]),
        weights=model.get_weights(),
    )

model, fields = compiled("softmax", ADAM, CE)
golden.case(
    "onBatch/lossOnly",
    kind="lossOnly",
    **fields,
    x=X[:32],
    y=ONE_HOT[:32],
    train=float(model.train_on_batch(X[:32], ONE_HOT[:32])),
)

# evaluate and predict alone: lists, names, steps, sample weights, a short last batch.
model, fields = compiled("softmax", ADAM, CE, metrics=["accuracy"], weighted_metrics=["mse"])
for label, options in {
    "plain": {"batch_size": 32},
    "weighted": {"batch_size": 32, "sample_weight": SAMPLE_WEIGHT_LONG},
    "steps": {"batch_size": 16, "steps": 3},
}.items():
    values = model.evaluate(X_LONG, ONE_HOT_LONG, verbose=0, **options)
    by_name = model.evaluate(X_LONG, ONE_HOT_LONG, verbose=0, return_dict=True, **options)
    golden.case(
        f"evaluate/{label}",
        kind="evaluate",
        **fields,
        x=X_LONG,
        y=ONE_HOT_LONG,
        options=camel_keys(options),
        values=[float(value) for value in values],
        logs=by_name,
    )
for label, options in {"plain": {"batch_size": 32}, "steps": {"batch_size": 16, "steps": 3}, "default": {}}.items():
    golden.case(
        f"predict/{label}",
        kind="predict",
        **fields,
        x=X_LONG,
        options=camel_keys(options),
        y=model.predict(X_LONG, verbose=0, **options),
    )
golden.save()
