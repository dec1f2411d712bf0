"""The MNIST classifier's answers in Keras, called and predicted; prints one line of JSON."""

import numpy as np
from common import latency, middle_ms
from keras_setup import build, keras, report_keras

model = build({"model": "mlp", "width": 128, "depth": 2})
model.compile()
x = np.random.default_rng(0).random((10_000, 784), "float32")
row = x[:1]
results = latency(lambda: keras.ops.convert_to_numpy(model(row, training=False)), "apply")
results |= latency(lambda: model.predict(row, verbose=0), "predict")
results["rows_ms"] = min(
    middle_ms(lambda: model.predict(x, batch_size=128, verbose=0)),
    middle_ms(lambda: model.predict(x, batch_size=10_000, verbose=0)),
)
report_keras({"answers": results})
