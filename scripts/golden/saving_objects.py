"""Classes and functions of a user's, which test/saving/objects.ts has too."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="golden")
class Scale(layers.Layer):
    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor = factor

    def build(self, input_shape):
        self.weight = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="weight")
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

    def call(self, x):
        return x * self.weight * self.factor + self.count

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="golden")
class Blocks(layers.Layer):
    """Layers in lists, dictionaries and under two names."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.tower = [layers.Dense(units), [layers.Dense(units), layers.BatchNormalization()], layers.Dense(units)]
        self.by_name = {"z": layers.Dense(units), "a": Scale(0.5)}
        self._last = layers.Dense(2)
        self.alias = self._last

    def build(self, input_shape):
        self.offset = self.add_weight(shape=(2,), initializer="zeros", name="offset")
        shape = input_shape
        for layer in (*self._stack(), self._last):
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def _stack(self):
        first, (second, third), fourth = self.tower
        return first, second, third, fourth, self.by_name["z"], self.by_name["a"]

    def call(self, x):
        for layer in self._stack():
            x = layer(x)
        return self._last(x) + self.offset

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="golden")
class Regression(keras.Model):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.hidden = layers.Dense(units, activation="relu")
        self.out = layers.Dense(1)

    def call(self, x):
        return self.out(self.hidden(x))

    def build(self, input_shape):
        self.hidden.build(input_shape)
        self.out.build((None, self.units))

    def get_config(self):
        return {"units": self.units, "name": self.name}


@keras.saving.register_keras_serializable(package="golden")
def cubed(x):
    return ops.power(x, 3)


@keras.saving.register_keras_serializable(package="golden")
def doubled(x):
    return x * 2
