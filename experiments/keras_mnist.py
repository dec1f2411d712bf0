"""One training of the chapter's network in Keras, for `npm run reproduce -- --with-keras`; prints one line of JSON.

Arguments: mnist.npz, the settings as JSON (experiments/network.ts), a seed, and how many images to use.
"""

import json
import os
import sys
import time

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras  # noqa: E402

CLASSES = 10


def digits(path, limit):
    with np.load(path, allow_pickle=False) as arrays:
        rows = lambda name: arrays[name][:limit].reshape(-1, 784).astype("float32") / 255  # noqa: E731
        one_hot = lambda name: keras.utils.to_categorical(arrays[name][:limit], CLASSES)  # noqa: E731
        return rows("x_train"), one_hot("y_train"), rows("x_test"), one_hot("y_test")


def build(settings):
    inner = []
    for units in settings["hidden"]:
        inner.append(keras.layers.Dense(units, activation="relu"))
        if settings["dropout"] > 0:
            inner.append(keras.layers.Dropout(settings["dropout"]))
    model = keras.Sequential([keras.Input((784,)), *inner, keras.layers.Dense(CLASSES, activation="softmax")])
    optimizer = keras.optimizers.get(settings["optimizer"])
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def main():
    path, settings, seed, limit = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    keras.utils.set_random_seed(seed)
    x, y, x_test, y_test = digits(path, limit)
    model = build(settings)
    batch = settings["batchSize"]
    start = time.perf_counter()
    history = model.fit(x, y, batch_size=batch, epochs=settings["epochs"], validation_split=0.2, verbose=0).history
    seconds = time.perf_counter() - start
    _, test = model.evaluate(x_test, y_test, batch_size=batch, verbose=0)
    print(
        json.dumps(
            {
                "seed": seed,
                "parameters": model.count_params(),
                "seconds": seconds,
                "history": history,
                "train": history["accuracy"][-1],
                "validation": history["val_accuracy"][-1],
                "test": test,
            }
        )
    )


main()
