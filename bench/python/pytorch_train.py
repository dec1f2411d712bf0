"""Training in PyTorch; prints one line of JSON.

Batches are rows indexed out of one tensor: on data that fits in memory a DataLoader, which fetches row by row and
stacks, costs several times the step itself, and would measure itself rather than PyTorch.
"""

from common import Stopwatch, job, point_data, training_metrics
from pytorch_setup import build, nn, optimizer_of, report_pytorch, torch


def tensors(point):
    x, y, x_test, y_test = (torch.from_numpy(array) for array in point_data(point))
    if point["model"] == "cnn":
        # Channels first, PyTorch's own order.
        x, x_test = (images.permute(0, 3, 1, 2).contiguous() for images in (x, x_test))
    if point["model"] in ("mlp", "cnn"):
        y, y_test = y.long(), y_test.long()
    return x, y, x_test, y_test


def hits(outputs, labels):
    """How many are right: of digits the largest logit, of reviews the sign."""
    if outputs.shape[1] == 1:
        return ((outputs > 0) == (labels > 0)).sum()
    return (outputs.argmax(1) == labels).sum()


def train_epoch(model, optimizer, loss_of, x, y, batch):
    """One pass in random order; loss and accuracy are kept as tensors and read once, at the end."""
    model.train()
    loss_sum, right = torch.zeros(()), torch.zeros(())
    for rows in torch.randperm(len(x)).split(batch):
        inputs, labels = x[rows], y[rows]
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = loss_of(outputs, labels)
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach() * len(rows)
        right += hits(outputs.detach(), labels)
    return loss_sum.item() / len(x), right.item() / len(x)


def train(point):
    x, y, x_test, y_test = tensors(point)
    model = build(point)
    optimizer = optimizer_of(point["optimizer"], model.parameters())
    loss_of = nn.BCEWithLogitsLoss() if point["model"] in ("imdb", "lstm") else nn.CrossEntropyLoss()
    seconds = []
    for _ in range(1 + point["epochs"]):
        watch = Stopwatch()
        train_epoch(model, optimizer, loss_of, x, y, point["batch"])
        seconds.append(watch.lap())
    metrics = training_metrics(point, seconds)
    if len(x_test) > 0:
        model.eval()
        with torch.no_grad():
            right = sum(hits(model(xs), ys) for xs, ys in zip(x_test.split(1000), y_test.split(1000)))
            metrics["test_accuracy"] = right.item() / len(x_test)
    return metrics


report_pytorch({label: train(point) for label, point in job["points"].items()})
