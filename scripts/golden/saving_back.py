"""Reads in Keras what this package writes, and notes what was read: test/golden/saving/back.json.

`python scripts/golden/saving_back.py` has scripts/golden/saving-back.ts write the models of files.zip anew, loads each in Keras, and compares its
predictions, and those after one more step of training, with those of the first file. It stops at the first difference. The tests hold later files
against the layout of these.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile

os.environ["KERAS_BACKEND"] = "jax"
import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

import saving_objects  # noqa: E402, F401

here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.join(here, "..", "..", "test", "golden", "saving")


def arrays(values, keys):
    found = [np.asarray(one["data"], "float32").reshape(one["shape"]) for one in values]
    if keys:
        return dict(zip(sorted(keys), found))
    return found[0] if len(found) == 1 else found


def check(name, model, x, expected, tolerance):
    answers = keras.tree.flatten(model.predict(x, verbose=0))
    for answer, one in zip(answers, expected, strict=True):
        wanted = np.asarray(one["data"]).reshape(one["shape"])
        np.testing.assert_allclose(answer.astype("float64"), wanted, tolerance, tolerance, err_msg=name)


def nodes(data):
    found = []
    h5py.File(data).visititems(
        lambda name, node: found.append(
            f"{name} {node.dtype} {list(node.shape)}" if isinstance(node, h5py.Dataset) else name
        )
    )
    return sorted(found)


def main():
    with open(os.path.join(folder, "models.json")) as f:
        cases = json.load(f)
    back = {}
    with tempfile.TemporaryDirectory() as written:
        root = os.path.join(here, "..", "..")
        subprocess.run(["npx", "tsx", "scripts/golden/saving-back.ts", written], cwd=root, check=True)
        for name, case in cases.items():
            coarse = 1e-2 if "16" in name or "policy" in name else 2e-5
            for file in case["files"]:
                path = os.path.join(written, file)
                keras.utils.clear_session()
                if file.endswith(".weights.h5"):
                    continue
                # Keras can't read how its own older files were compiled where a loss is a name.
                modern = file.endswith(".keras")
                model = keras.models.load_model(path, compile=modern)
                x = arrays(case["x"], case["keys"])
                check(file, model, x, case["predictions"], coarse)
                assert model.compiled == ("y" in case and modern), file
                if "y" in case and modern:
                    y = arrays(case["y"], case["outputs"])
                    model.train_on_batch(x, y)
                    check(file, model, x, case["further"], coarse * 10)
                if modern:
                    with zipfile.ZipFile(path) as archive:
                        path = io.BytesIO(archive.read("model.weights.h5"))
                back[file] = nodes(path)
        model = keras.models.load_model(os.path.join(written, "dense_adam.keras"))
        model.set_weights([w * 0 for w in model.get_weights()])
        model.load_weights(os.path.join(written, "dense_adam.weights.h5"))
        case = cases["dense_adam"]
        check("dense_adam.weights.h5", model, arrays(case["x"], None), case["predictions"], 2e-5)
    with open(os.path.join(folder, "back.json"), "w") as f:
        json.dump(back, f, indent=0)
        f.write("\n")
    print(f"{len(back)} files read in Keras", file=sys.stderr)


if __name__ == "__main__":
    main()
