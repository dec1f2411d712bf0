"""Training in Keras; prints one line of JSON."""

from common import Stopwatch, job, point_data, training_metrics
from keras_setup import build, keras, report_keras


class EpochTimes(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.watch = Stopwatch()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.watch.lap()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(self.watch.lap())


def train(point):
    x, y, x_test, y_test = point_data(point)
    reviews = point["model"] in ("imdb", "lstm")
    if not reviews:
        y, y_test = keras.utils.to_categorical(y, 10), keras.utils.to_categorical(y_test, 10)
    model = build(point)
    loss = "binary_crossentropy" if reviews else "categorical_crossentropy"
    model.compile(optimizer=point["optimizer"], loss=loss, metrics=["accuracy"])
    times = EpochTimes()
    model.fit(x, y, batch_size=point["batch"], epochs=1 + point["epochs"], verbose=0, callbacks=[times])
    metrics = training_metrics(point, times.seconds)
    if len(x_test) > 0:
        _, metrics["test_accuracy"] = model.evaluate(x_test, y_test, batch_size=point["batch"], verbose=0)
    return metrics


report_keras({label: train(point) for label, point in job["points"].items()})
