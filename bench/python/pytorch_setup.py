"""PyTorch, the time that its import took, the models and the optimizers."""

import os

from common import Stopwatch, job, report

watch = Stopwatch()
import torch  # noqa: E402
from torch import nn  # noqa: E402

import_s = watch.lap()
torch.manual_seed(job["seed"])
if job["threads"]:
    torch.set_num_threads(job["threads"])


class Reviews(nn.Module):
    """Embedding, dropout and the largest number of each feature over the words."""

    def __init__(self):
        super().__init__()
        self.embedding = embedding(256)
        self.first_dropout = nn.Dropout(0.3)
        self.head = nn.Sequential(nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 1))

    def forward(self, words):
        return self.head(self.first_dropout(self.embedding(words)).amax(1))


class Recurrent(nn.Module):
    """Embedding and the last output of an LSTM."""

    def __init__(self):
        super().__init__()
        self.embedding = embedding(128)
        self.lstm = nn.LSTM(128, 64, batch_first=True)
        self.head = nn.Linear(64, 1)

    def forward(self, words):
        outputs, _ = self.lstm(self.embedding(words))
        return self.head(outputs[:, -1])


def embedding(features):
    layer = nn.Embedding(10_000, features)
    # As Keras initialises it; PyTorch's own normal numbers are 35 times as large.
    nn.init.uniform_(layer.weight, -0.05, 0.05)
    return layer


def mlp(width, depth):
    layers, features = [], 784
    for _ in range(depth):
        layers += [nn.Linear(features, width), nn.ReLU(), nn.Dropout(0.3)]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, 10))


def cnn():
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10)),
    )


def keras_weights(layer):
    """Keras' initial weights, so that accuracies compare; PyTorch's own are smaller."""
    if isinstance(layer, (nn.Linear, nn.Conv2d)):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)


def build(point):
    """A model that answers logits, compiled if the environment says so."""
    makers = {"imdb": Reviews, "lstm": Recurrent, "cnn": cnn}
    model = mlp(point["width"], point["depth"]) if point["model"] == "mlp" else makers[point["model"]]()
    model.apply(keras_weights)
    return torch.compile(model) if os.environ.get("BENCH_COMPILE") else model


def optimizer_of(name, weights):
    """With Keras' defaults, and fused into one kernel where PyTorch has one for the processor."""
    if name == "sgd":
        return torch.optim.SGD(weights, lr=0.01, fused=True)
    if name == "rmsprop":
        return torch.optim.RMSprop(weights, lr=0.001, alpha=0.9, eps=1e-7, foreach=True)
    return torch.optim.Adam(weights, lr=0.001, eps=1e-7, fused=True)


def report_pytorch(results):
    report(results, import_s, torch.get_num_threads(), {"torch": torch.__version__})
