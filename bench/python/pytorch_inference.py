"""The MNIST classifier's answers in PyTorch under inference mode; prints one line of JSON."""

from common import latency, middle_ms
from pytorch_setup import build, report_pytorch, torch

model = build({"model": "mlp", "width": 128, "depth": 2}).eval()
x = torch.rand(10_000, 784)
row = x[:1]


def by_batches():
    return torch.cat([torch.softmax(model(batch), 1) for batch in x.split(128)])


with torch.inference_mode():
    results = latency(lambda: torch.softmax(model(row), 1), "apply")
    whole = middle_ms(lambda: torch.softmax(model(x), 1))
    results["rows_ms"] = min(whole, middle_ms(by_batches))
report_pytorch({"answers": results})
