"""The MNIST classifier (784-128-128-10, dropout 0.3, Adam, batch 128) in Keras; prints one line of JSON.

KERAS_BACKEND picks the backend: tensorflow, jax or torch.
"""

import os

from common import BATCH, Stopwatch, arguments, mnist, processors, report

options = arguments()
if options.threads and os.environ.get("KERAS_BACKEND") == "jax":
    # XLA takes the size of its thread pool from this variable.
    os.environ["NPROC"] = str(options.threads)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

watch = Stopwatch()
import keras  # noqa: E402

import_s = watch.lap()


class EpochTimes(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        watch.lap()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(watch.lap())


def build():
    model = keras.Sequential(
        [
            keras.layers.Input((784,)),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def set_threads(backend, threads):
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    elif backend == "torch":
        import torch

        torch.set_num_threads(threads)


def framework_version(backend):
    return {backend: __import__(backend).__version__}


def main():
    backend = keras.backend.backend()
    if options.threads:
        set_threads(backend, options.threads)
    keras.utils.set_random_seed(options.seed)
    x_train, y_train, x_test, y_test = mnist(options.data)
    y_train, y_test = keras.utils.to_categorical(y_train, 10), keras.utils.to_categorical(y_test, 10)
    model = build()
    times = EpochTimes()
    model.fit(x_train, y_train, batch_size=BATCH, epochs=1 + options.epochs, shuffle=True, verbose=0, callbacks=[times])
    _, accuracy = model.evaluate(x_test, y_test, batch_size=BATCH, verbose=0)
    versions = {"keras": keras.__version__, **framework_version(backend)}
    report(f"keras-{backend}", times.seconds, import_s, accuracy, options.threads or processors(), versions)


main()
