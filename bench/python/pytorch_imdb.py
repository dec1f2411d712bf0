"""The IMDb model (200 words, Embedding 256, dropout 0.3, max pooling, 128, dropout 0.5, Adam, batch 500) in eager PyTorch; prints one line of JSON.

Batches are rows indexed out of one tensor, as in pytorch_mnist.py.
"""

from common import IMDB_BATCH, IMDB_TRAIN_ROWS, Stopwatch, arguments, imdb, report

watch = Stopwatch()
import torch  # noqa: E402
from torch import nn  # noqa: E402

import_s = watch.lap()


class Reviews(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10_000, 256)
        self.first_dropout = nn.Dropout(0.3)
        self.head = nn.Sequential(nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 1))

    def forward(self, words):
        return self.head(self.first_dropout(self.embedding(words)).amax(1))


def train_epoch(model, optimizer, loss_of, x, y):
    """One pass in random order; loss and accuracy are kept as tensors and read once, at the end."""
    model.train()
    loss_sum, hits = torch.zeros(()), torch.zeros(())
    for rows in torch.randperm(len(x)).split(IMDB_BATCH):
        inputs, labels = x[rows], y[rows]
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = loss_of(outputs, labels)
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach() * len(rows)
        hits += ((outputs.detach() > 0) == (labels > 0)).sum()
    return loss_sum.item() / len(x), hits.item() / len(x)


def main():
    options = arguments()
    torch.manual_seed(options.seed)
    if options.threads:
        torch.set_num_threads(options.threads)
    x_train, y_train, x_test, y_test = (torch.from_numpy(array) for array in imdb(options.data))
    model = Reviews()
    # As Keras initialises it; PyTorch's own normal numbers are 35 times as large.
    nn.init.uniform_(model.embedding.weight, -0.05, 0.05)
    optimizer = torch.optim.Adam(model.parameters())
    loss_of = nn.BCEWithLogitsLoss()

    seconds = []
    for _ in range(1 + options.epochs):
        watch.lap()
        train_epoch(model, optimizer, loss_of, x_train, y_train)
        seconds.append(watch.lap())

    model.eval()
    with torch.no_grad():
        accuracy = ((model(x_test) > 0) == (y_test > 0)).float().mean().item()
    versions = {"torch": torch.__version__}
    threads = torch.get_num_threads()
    report("pytorch", seconds, import_s, accuracy, threads, versions, IMDB_TRAIN_ROWS // IMDB_BATCH)


main()
