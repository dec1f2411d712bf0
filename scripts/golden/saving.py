"""Model files that Keras writes, with what the models answer: test/golden/saving/files.zip and models.json.

`python scripts/golden/saving.py` writes them. Files go the other way with `scripts/golden/saving_back.py`.
"""

import json
import os
import sys
import tempfile
import zipfile

os.environ["KERAS_BACKEND"] = "jax"
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers, losses, metrics, ops, optimizers, regularizers  # noqa: E402

from saving_objects import Blocks, Regression, Scale, cubed, doubled  # noqa: E402

folder = os.path.join(os.path.dirname(__file__), "..", "..", "test", "golden", "saving")


def random(seed, *shape):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def dense_stack():
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2, name="out")])


def compiled(optimizer, loss="mse", model=None, **options):
    model = model or dense_stack()
    model.compile(optimizer, loss, **options)
    return model


def built_late():
    model = keras.Sequential([layers.Dense(3), layers.Dense(2)])
    model(random(0, 2, 4))
    return model


def two_inputs():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    x = layers.Concatenate()([layers.Dense(2)(a), layers.Dense(2)(b)])
    return keras.Model([a, b], layers.Dense(1)(x))


def dict_inputs():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    return keras.Model({"a": a, "b": b}, layers.Dense(2)(layers.Add()([a, b])))


def two_outputs():
    x = keras.Input((4,))
    hidden = layers.Dense(3, activation="tanh")(x)
    model = keras.Model(x, {"kind": layers.Dense(2, name="kind")(hidden), "age": layers.Dense(1, name="age")(hidden)})
    model.compile(
        optimizers.Adam(0.01),
        loss={"kind": "mse", "age": losses.Huber()},
        loss_weights={"kind": 1.0, "age": 0.2},
        metrics={"kind": ["mae", metrics.MeanSquaredError(name="square")], "age": "mae"},
    )
    return model


def shared():
    a, b = keras.Input((4,)), keras.Input((4,))
    tower = layers.Dense(3, activation="sigmoid", name="tower")
    return keras.Model([a, b], layers.Subtract()([tower(a), tower(b)]))


def applied_to_itself():
    x = keras.Input((3,))
    again = layers.Dense(3, name="again")
    return keras.Model(x, again(again(x)))


def nested():
    x = keras.Input((4,))
    inner_in = keras.Input((4,))
    inner = keras.Model(inner_in, layers.Dense(3)(layers.Dense(5, activation="elu")(inner_in)), name="inner")
    stack = keras.Sequential([layers.Dense(3), layers.BatchNormalization()], name="stack")
    return keras.Model(x, layers.Dense(1)(stack(inner(x))))


def nested_twice():
    x = keras.Input((4,))
    inner_in = keras.Input((4,))
    inner = keras.Model(inner_in, layers.Dense(4)(inner_in), name="inner")
    return keras.Model(x, [inner(inner(x)), inner(x)])


def stack_in_stack():
    return keras.Sequential(
        [keras.Input((4,)), keras.Sequential([layers.Dense(3), layers.Dense(3)]), layers.Dense(2)]
    )


def own_layer():
    x = keras.Input((4,))
    return keras.Model(x, layers.Dense(2)(Scale(2.0)(x)))


def own_blocks():
    x = keras.Input((4,))
    return keras.Model(x, Blocks(3)(x))


def own_model():
    model = Regression(3)
    model(random(0, 2, 4))
    return model


def own_functions():
    x = keras.Input((4,))
    return keras.Model(x, layers.Lambda(doubled)(layers.Dense(3, activation=cubed)(x)))


def penalties():
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(
                3,
                kernel_regularizer=regularizers.L1L2(0.01, 0.02),
                bias_regularizer="l2",
                activity_regularizer=regularizers.L1(0.03),
            ),
            layers.ActivityRegularization(l2=0.1),
            layers.Dense(2, kernel_regularizer=regularizers.OrthogonalRegularizer(0.1)),
        ]
    )


def limits():
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, kernel_constraint=keras.constraints.MaxNorm(1.5, axis=0), bias_constraint="non_neg"),
            layers.Dense(2, kernel_constraint=keras.constraints.MinMaxNorm(0.1, 0.9, rate=0.5)),
            layers.Dense(2, kernel_constraint="unit_norm"),
        ]
    )


def initial():
    kinds = [
        keras.initializers.RandomNormal(0.1, 0.2, seed=1),
        keras.initializers.Orthogonal(0.5, seed=2),
        keras.initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=3),
        "he_normal",
        keras.initializers.Constant(0.25),
    ]
    return keras.Sequential([keras.Input((4,))] + [layers.Dense(4, kernel_initializer=kind) for kind in kinds])


def words():
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(9, 3, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2, activation="softmax"),
        ]
    )


def masked():
    return keras.Sequential(
        [keras.Input((5, 2)), layers.Masking(0.5), layers.Dense(3), layers.GlobalAveragePooling1D()]
    )


def normalized():
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3),
            layers.BatchNormalization(momentum=0.5, scale=False),
            layers.LayerNormalization(axis=[-1], epsilon=1e-4),
            layers.Dense(2),
        ]
    )


def activations():
    return keras.Sequential(
        [
            keras.Input((4, 3)),
            layers.PReLU(shared_axes=[1]),
            layers.LeakyReLU(negative_slope=0.2),
            layers.ELU(alpha=0.5),
            layers.ReLU(max_value=6.0, threshold=0.1),
            layers.Activation("gelu"),
            layers.Softmax(axis=-2),
        ]
    )


def merged():
    a, b = keras.Input((4,)), keras.Input((4,))
    parts = [kind()([a, b]) for kind in (layers.Add, layers.Subtract, layers.Multiply, layers.Average)]
    parts += [kind()([a, b]) for kind in (layers.Maximum, layers.Minimum)]
    parts += [layers.Dot(axes=1, normalize=True)([a, b])]
    return keras.Model([a, b], layers.Concatenate(axis=-1)(parts))


def pooled_1d():
    x = keras.Input((8, 2))
    parts = [layers.MaxPooling1D(2)(x), layers.AveragePooling1D(3, strides=2, padding="same")(x)]
    ends = [layers.GlobalMaxPooling1D()(parts[0]), layers.GlobalAveragePooling1D(keepdims=True)(parts[1])]
    return keras.Model(x, [*parts, *ends])


def pooled_2d():
    x = keras.Input((6, 6, 2))
    parts = [layers.MaxPooling2D((2, 3))(x), layers.AveragePooling2D(2, padding="same")(x)]
    return keras.Model(x, [layers.GlobalMaxPooling2D()(parts[0]), layers.GlobalAveragePooling2D()(parts[1])])


def pooled_3d():
    x = keras.Input((4, 4, 4, 2))
    parts = [layers.MaxPooling3D(2)(x), layers.AveragePooling3D(2, strides=1)(x)]
    return keras.Model(x, [layers.GlobalMaxPooling3D()(parts[0]), layers.GlobalAveragePooling3D()(parts[1])])


def noisy():
    return keras.Sequential(
        [
            keras.Input((4, 4)),
            layers.Dropout(0.3, noise_shape=[None, 1, 4], seed=1),
            layers.SpatialDropout1D(0.2),
            layers.GaussianNoise(0.1),
            layers.GaussianDropout(0.1),
            layers.AlphaDropout(0.1),
            layers.Dense(2),
        ]
    )


def shaped():
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Reshape((2, 3)),
            layers.Permute((2, 1)),
            layers.Flatten(),
            layers.RepeatVector(2),
            layers.Identity(),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


def operations():
    x = keras.Input((4,))
    y = ops.mean(ops.square(x) + 1.0, axis=-1, keepdims=True) * layers.Dense(3)(x)
    return keras.Model(x, ops.concatenate([y, ops.tanh(y)], axis=-1))


def mixed(policy):
    return lambda: keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, dtype=policy, activation="relu"), layers.Dense(2, dtype=policy)]
    )


def mixed_policy():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(2, dtype="float32")])
        model.compile("adam", "mse")
        return model
    finally:
        keras.config.set_dtype_policy("float32")


def frozen():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(2)])
    model.layers[0].trainable = False
    model.layers[1].trainable = False
    return compiled(optimizers.Adam(0.1), model=model)


decay = optimizers.schedules.ExponentialDecay(0.1, 2, 0.9, staircase=True)
cosine = optimizers.schedules.CosineDecay(0.1, 10, warmup_target=0.2, warmup_steps=2)
steps = optimizers.schedules.PiecewiseConstantDecay([1, 3], [0.1, 0.05, 0.01])

# name, what makes the model, shapes of the inputs; compiled models are trained for two steps before they are saved.
models = [
    ("dense_adam", lambda: compiled(optimizers.Adam(0.01), metrics=["mae", metrics.RootMeanSquaredError()])),
    ("built_late", built_late),
    ("two_inputs", two_inputs),
    ("dict_inputs", dict_inputs),
    ("two_outputs", two_outputs),
    ("shared", shared),
    ("applied_to_itself", applied_to_itself),
    ("nested", nested),
    ("nested_twice", nested_twice),
    ("stack_in_stack", stack_in_stack),
    ("own_layer", own_layer),
    ("own_blocks", own_blocks),
    ("own_model", own_model),
    ("own_functions", own_functions),
    ("penalties", lambda: compiled("sgd", model=penalties())),
    ("limits", lambda: compiled("sgd", model=limits())),
    ("initial", initial),
    ("words", words),
    ("masked", masked),
    ("normalized", lambda: compiled("rmsprop", model=normalized())),
    ("activations", activations),
    ("merged", merged),
    ("pooled_1d", pooled_1d),
    ("pooled_2d", pooled_2d),
    ("pooled_3d", pooled_3d),
    ("noisy", noisy),
    ("shaped", shaped),
    ("operations", operations),
    ("mixed_float16", mixed("mixed_float16")),
    ("mixed_bfloat16", mixed("mixed_bfloat16")),
    ("float16", mixed("float16")),
    ("bfloat16", mixed("bfloat16")),
    ("float64", mixed("float64")),
    ("mixed_policy", mixed_policy),
    ("frozen", frozen),
    ("sgd", lambda: compiled(optimizers.SGD(decay, momentum=0.9, nesterov=True, clipnorm=0.5))),
    ("rmsprop", lambda: compiled(optimizers.RMSprop(steps, centered=True, momentum=0.5))),
    ("adamw", lambda: compiled(optimizers.AdamW(cosine, use_ema=True, ema_overwrite_frequency=3))),
    ("amsgrad", lambda: compiled(optimizers.Adam(0.01, amsgrad=True, gradient_accumulation_steps=2))),
    ("adagrad", lambda: compiled(optimizers.Adagrad(0.1), loss=losses.MeanAbsoluteError())),
    ("adadelta", lambda: compiled(optimizers.Adadelta(0.5, global_clipnorm=1.0))),
    ("adamax", lambda: compiled(optimizers.Adamax(0.05, clipvalue=0.1))),
    ("nadam", lambda: compiled(optimizers.Nadam(0.01))),
    ("ftrl", lambda: compiled(optimizers.Ftrl(0.1, l1_regularization_strength=0.01))),
    ("lion", lambda: compiled(optimizers.Lion(0.01))),
    ("lamb", lambda: compiled(optimizers.Lamb(0.01))),
    ("adafactor", lambda: compiled(optimizers.Adafactor(0.01))),
    ("scaled", lambda: compiled(optimizers.LossScaleOptimizer(optimizers.Adam(0.01), initial_scale=8.0))),
]
legacy = ["dense_adam", "two_inputs", "nested", "own_layer", "normalized", "frozen"]


def data_for(model, seed):
    if isinstance(model, keras.Sequential):
        tree = model.inputs[0]
    elif hasattr(model, "_inputs_struct"):
        tree = model._inputs_struct
    else:
        return random(seed, 3, 4)

    def one(symbol):
        shape = [3, *symbol.shape[1:]]
        if symbol.dtype == "int32":
            return np.random.default_rng(seed).integers(0, 9, shape).astype("int32")
        return random(seed, *shape)

    return keras.tree.map_structure(one, tree)


def plain(tree):
    """Arrays as { shape, data }, so that structure and numbers read alike everywhere."""
    return keras.tree.map_structure(
        lambda x: json.dumps({"shape": list(x.shape), "data": np.asarray(x).astype("float64").ravel().tolist()}), tree
    )


def listed(tree):
    return [json.loads(one) for one in keras.tree.flatten(plain(tree))]


def main():
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory() as files:
        cases = write(files)
        names = sorted(os.listdir(files))
        # HDF5 files are mostly padding: together and compressed they are small.
        with zipfile.ZipFile(os.path.join(folder, "files.zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in names:
                with open(os.path.join(files, name), "rb") as f:
                    archive.writestr(zipfile.ZipInfo(name), f.read(), zipfile.ZIP_DEFLATED, 9)
    with open(os.path.join(folder, "models.json"), "w") as f:
        json.dump(cases, f)
        f.write("\n")
    print(f"{len(cases)} models, {len(names)} files", file=sys.stderr)


def write(files):
    cases = {}
    for index, (name, make) in enumerate(models):
        keras.utils.clear_session()
        keras.utils.set_random_seed(index)
        model = make()
        x = data_for(model, index)
        predictions = model.predict(x, verbose=0)
        y = keras.tree.map_structure(lambda one: random(index + 100, *one.shape), predictions)
        # Values of weights that start as zeros or ones say little.
        if not model.compiled:
            model.set_weights([w + random(i, *w.shape).astype(w.dtype) * 0.1 for i, w in enumerate(model.get_weights())])
        else:
            for _ in range(2):
                model.train_on_batch(x, y)
        model.save(os.path.join(files, f"{name}.keras"))
        written = [f"{name}.keras"]
        if name in legacy:
            model.save(os.path.join(files, f"{name}.h5"))
            written.append(f"{name}.h5")
        if name == "dense_adam":
            model.save_weights(os.path.join(files, f"{name}.weights.h5"))
        case = {"files": written, "x": listed(x), "predictions": listed(model.predict(x, verbose=0))}
        case["keys"] = list(x) if isinstance(x, dict) else None
        if model.compiled:
            case["y"] = listed(y)
            case["outputs"] = list(y) if isinstance(y, dict) else None
            case["evaluation"] = {k: float(v) for k, v in model.evaluate(x, y, verbose=0, return_dict=True).items()}
            model.train_on_batch(x, y)
            case["further"] = listed(model.predict(x, verbose=0))
        cases[name] = case
    return cases


if __name__ == "__main__":
    main()
