"""The MNIST classifier (784-128-128-10, dropout 0.3, Adam, batch 128) in eager PyTorch; prints one line of JSON.

Batches are rows indexed out of one tensor: on data that fits in memory a DataLoader, which fetches row by row and
stacks, costs several times the step itself, and would measure itself rather than PyTorch.
"""

from common import BATCH, Stopwatch, arguments, mnist, report

watch = Stopwatch()
import torch  # noqa: E402
from torch import nn  # noqa: E402

import_s = watch.lap()


def build():
    return nn.Sequential(
        nn.Linear(784, 128),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(128, 128),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(128, 10),
    )


def train_epoch(model, optimizer, loss_of, x, y):
    """One pass in random order; loss and accuracy are kept as tensors and read once, at the end."""
    model.train()
    loss_sum, hits = torch.zeros(()), torch.zeros(())
    for rows in torch.randperm(len(x)).split(BATCH):
        inputs, labels = x[rows], y[rows]
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = loss_of(outputs, labels)
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach() * len(rows)
        hits += (outputs.detach().argmax(1) == labels).sum()
    return loss_sum.item() / len(x), hits.item() / len(x)


def main():
    options = arguments()
    torch.manual_seed(options.seed)
    if options.threads:
        torch.set_num_threads(options.threads)
    x_train, y_train, x_test, y_test = (torch.from_numpy(array) for array in mnist(options.data))
    y_train, y_test = y_train.long(), y_test.long()
    model = build()
    optimizer = torch.optim.Adam(model.parameters())
    loss_of = nn.CrossEntropyLoss()

    seconds = []
    for _ in range(1 + options.epochs):
        watch.lap()
        train_epoch(model, optimizer, loss_of, x_train, y_train)
        seconds.append(watch.lap())

    model.eval()
    with torch.no_grad():
        accuracy = (model(x_test).argmax(1) == y_test).float().mean().item()
    report("pytorch", seconds, import_s, accuracy, torch.get_num_threads(), {"torch": torch.__version__})


main()
