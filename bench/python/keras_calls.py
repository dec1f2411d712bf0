"""What single calls cost in keras.ops; prints one line of JSON."""

import numpy as np
from common import loop_us, middle_ms
from keras_setup import keras, report_keras

a, b = keras.ops.convert_to_tensor([1.0, 2.0]), keras.ops.convert_to_tensor([3.0, 4.0])
array = np.ones(1_000_000, "float32")
tensor = keras.ops.convert_to_tensor(array)
report_keras(
    {
        "calls": {
            "add_us": loop_us(lambda: keras.ops.add(a, b), 1_000),
            "data_in_ms": middle_ms(lambda: keras.ops.convert_to_tensor(array)),
            "data_out_ms": middle_ms(lambda: np.array(keras.ops.convert_to_numpy(tensor))),
        }
    }
)
