"""Keras on the backend that KERAS_BACKEND names, the time that its import took, and the models."""

import os

from common import Stopwatch, job, processors, report

if job["threads"] and os.environ["KERAS_BACKEND"] == "jax":
    # XLA takes the size of its thread pool from this variable.
    os.environ["NPROC"] = str(job["threads"])

watch = Stopwatch()
import keras  # noqa: E402
from keras import layers  # noqa: E402

import_s = watch.lap()
backend = keras.backend.backend()


def set_threads(threads):
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    elif backend == "torch":
        import torch

        torch.set_num_threads(threads)


if job["threads"]:
    set_threads(job["threads"])
keras.utils.set_random_seed(job["seed"])


def mlp(point):
    inner = []
    for _ in range(point["depth"]):
        inner += [layers.Dense(point["width"], activation="relu"), layers.Dropout(0.3)]
    return [layers.Input((784,)), *inner, layers.Dense(10, activation="softmax")]


def cnn(point):
    return [
        layers.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]


def imdb(point):
    return [
        layers.Input((200,), dtype="int32"),
        layers.Embedding(10_000, 256),
        layers.Dropout(0.3),
        layers.GlobalMaxPooling1D(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(1, activation="sigmoid"),
    ]


def lstm(point):
    return [
        layers.Input((80,), dtype="int32"),
        layers.Embedding(10_000, 128),
        layers.LSTM(64),
        layers.Dense(1, activation="sigmoid"),
    ]


def build(point):
    """The model, uncompiled."""
    makers = {"mlp": mlp, "cnn": cnn, "imdb": imdb, "lstm": lstm}
    return keras.Sequential(makers[point["model"]](point))


def report_keras(results):
    versions = {"keras": keras.__version__, backend: __import__(backend).__version__}
    report(results, import_s, job["threads"] or processors(), versions)
