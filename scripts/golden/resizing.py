"""Goldens of the layers that pad, crop and enlarge: values, gradients, output shapes, configs."""

from functools import partial

from common import Golden, np, numbers
from layer_case import layer_case

golden = Golden("resizing")
X = {1: numbers(1, (2, 5, 2)), 2: numbers(2, (1, 4, 5, 2)), 3: numbers(3, (1, 3, 4, 3, 2))}


def layer(rank, name, index, options):
    first = options.get("data_format") == "channels_first"
    x = np.ascontiguousarray(np.moveaxis(X[rank], -1, 1)) if first else X[rank]
    steps = [None] * rank
    shapes = [(None, *x.shape[1:]), (None, x.shape[1], *steps) if first else (None, *steps, x.shape[-1])]
    layer_case(golden, f"{name}/{index}", name, options, x, shapes)


FIRST = {"data_format": "channels_first"}
PAIRS = {1: (2, 1), 2: ((1, 0), (0, 3)), 3: ((0, 1), (2, 0), (1, 1))}
for rank in X:
    cases = [{}, {"padding": 2}, {"padding": PAIRS[rank], **FIRST}]
    cases += [{"padding": (1, 2, 0)[:rank]}] if rank > 1 else []
    for index, options in enumerate(cases):
        layer(rank, f"ZeroPadding{rank}D", index, options)
    crops = {1: (2, 1), 2: ((1, 0), (0, 3)), 3: ((0, 1), (2, 0), (1, 1))}
    cases = [{}, {"cropping": 1}, {"cropping": crops[rank]}]
    cases += [{"cropping": crops[rank], **FIRST}, {"cropping": (1, 0, 1)[:rank]}] if rank > 1 else []
    for index, options in enumerate(cases):
        layer(rank, f"Cropping{rank}D", index, options)
    cases = [{}, {"size": 3}]
    cases += [{"size": (1, 3, 2)[:rank], **FIRST}] if rank > 1 else []
    if rank == 2:
        cases += [{"size": (2, 3), "interpolation": "bilinear"}, {"interpolation": "BILINEAR", **FIRST}]
    for index, options in enumerate(cases):
        layer(rank, f"UpSampling{rank}D", index, options)
golden.save()
