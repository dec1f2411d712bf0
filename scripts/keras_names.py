"""Writes scripts/keras-api.txt: every public name of the installed Keras, one object a line, its other names behind it.

Run from the repository's root: python scripts/keras_names.py
"""

import os
import pathlib
import types

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras  # noqa: E402

# Where an object has names in several modules, the first of these gives its line; modules that are not listed come last, save these.
FIRST = ["", "layers", "activations", "losses", "metrics", "optimizers", "initializers", "ops", "utils", "saving"]
LAST = ["backend", "preprocessing", "mixed_precision"]
# Kept by Keras for programs of Keras 2 alone.
LEGACY = ["legacy", "optimizers.legacy", "utils.legacy"]


def public_names(module, prefix):
    for name in dir(module):
        if name.startswith("_"):
            continue
        value = getattr(module, name)
        path = f"{prefix}.{name}".lstrip(".")
        if not isinstance(value, types.ModuleType):
            yield path, value
        elif value.__name__.startswith("keras.") and ".src" not in value.__name__ and path not in LEGACY:
            yield from public_names(value, path)


def rank(path, value):
    module = path.rpartition(".")[0]
    top = module.split(".")[0]
    place = FIRST.index(top) if top in FIRST else 99 if top in LAST else 50
    own_name = path.rpartition(".")[2] == getattr(value, "__name__", None)
    return module.count(".") if module else -1, place, not own_name, path


def main():
    objects = {}
    for path, value in public_names(keras, ""):
        # Constants (strings, None) may be one object in Python without being the same thing.
        key = id(value) if callable(value) else path
        objects.setdefault(key, (value, []))[1].append(path)
    lines = [" ".join(sorted(paths, key=lambda path: rank(path, value))) for value, paths in objects.values()]
    target = pathlib.Path(__file__).with_name("keras-api.txt")
    head = f"# Public names of Keras {keras.__version__}, written by keras_names.py. A line: the name, then other names of the same object.\n"
    target.write_text(head + "\n".join(sorted(lines)) + "\n")


if __name__ == "__main__":
    main()
