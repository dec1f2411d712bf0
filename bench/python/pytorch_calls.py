"""What single calls cost in PyTorch; prints one line of JSON."""

import numpy as np
from common import loop_us, middle_ms
from pytorch_setup import report_pytorch, torch

a, b = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
array = np.ones(1_000_000, "float32")
tensor = torch.tensor(array)
report_pytorch(
    {
        "calls": {
            "add_us": loop_us(lambda: torch.add(a, b)),
            "data_in_ms": middle_ms(lambda: torch.tensor(array)),
            "data_out_ms": middle_ms(lambda: tensor.numpy().copy()),
        }
    }
)
