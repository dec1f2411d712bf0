"""Model files that Keras 2 (tf_keras) writes, with what the models answer: test/golden/saving/keras2.zip and keras2.json."""

import json
import os
import sys
import tempfile
import zipfile

import numpy as np
import tf_keras as keras
from tf_keras import layers

folder = os.path.join(os.path.dirname(__file__), "..", "..", "test", "golden", "saving")


def random(seed, *shape):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def stack():
    return keras.Sequential(
        [
            layers.Dense(3, activation="relu", input_shape=(4,), kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax"),
        ]
    )


def stack_compiled():
    model = stack()
    model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy", metrics=["accuracy"])
    return model


def graph():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    tower = layers.Dense(3, name="tower")
    x = layers.Concatenate()([tower(a), tower(b)])
    return keras.Model([a, b], [layers.Dense(1, name="one")(x), layers.Dense(2, name="two")(x)])


def nested():
    x = keras.Input((4,))
    inner_in = keras.Input((4,))
    inner = keras.Model(inner_in, layers.Dense(4, activation="elu")(inner_in), name="inner")
    stacked = keras.Sequential([layers.Dense(3, input_shape=(4,))], name="stacked")
    return keras.Model(x, layers.Add()([stacked(inner(x)), stacked(inner(inner(x)))]))


def words():
    return keras.Sequential(
        [
            layers.Embedding(9, 3, mask_zero=True, input_length=6),
            layers.GlobalAveragePooling1D(),
            layers.LeakyReLU(),
            layers.Dense(1, kernel_constraint="max_norm"),
        ]
    )


models = [("stack", stack_compiled, 1), ("graph", graph, 2), ("nested", nested, 1), ("words", words, 0)]


def main():
    os.makedirs(folder, exist_ok=True)
    cases = {}
    with tempfile.TemporaryDirectory() as files:
        for index, (name, make, inputs) in enumerate(models):
            keras.utils.set_random_seed(index)
            model = make()
            if inputs == 0:
                xs = [np.random.default_rng(index).integers(0, 9, (3, 6)).astype("float32")]
            else:
                xs = [random(index + i, 3, 4) for i in range(inputs)]
            x = xs if len(xs) > 1 else xs[0]
            model.predict(x, verbose=0)
            model.set_weights([w + random(i, *w.shape) * 0.1 for i, w in enumerate(model.get_weights())])
            case = {"files": [f"{name}.h5", f"{name}.keras"]}
            if name == "stack":
                y = keras.utils.to_categorical([0, 1, 1], 2)
                model.train_on_batch(x, y)
                case["y"] = {"shape": list(y.shape), "data": y.ravel().tolist()}
                case["evaluation"] = {k: float(v) for k, v in model.evaluate(x, y, verbose=0, return_dict=True).items()}
                model.save_weights(os.path.join(files, "stack_weights.h5"))
            for file in case["files"]:
                model.save(os.path.join(files, file))
            answers = model.predict(x, verbose=0)
            answers = answers if isinstance(answers, list) else [answers]
            case["x"] = [{"shape": list(one.shape), "data": one.ravel().tolist()} for one in xs]
            case["predictions"] = [{"shape": list(one.shape), "data": one.ravel().tolist()} for one in answers]
            cases[name] = case
        names = sorted(os.listdir(files))
        with zipfile.ZipFile(os.path.join(folder, "keras2.zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in names:
                with open(os.path.join(files, name), "rb") as f:
                    archive.writestr(zipfile.ZipInfo(name), f.read(), zipfile.ZIP_DEFLATED, 9)
    with open(os.path.join(folder, "keras2.json"), "w") as f:
        json.dump(cases, f)
        f.write("\n")
    print(f"{len(cases)} models, {len(names)} files", file=sys.stderr)


if __name__ == "__main__":
    main()
