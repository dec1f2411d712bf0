"""Files that try to lead a reader astray, made with h5py and Keras: test/golden/saving/hostile.zip."""

import os
import tempfile
import zipfile

os.environ["KERAS_BACKEND"] = "jax"
import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

folder = os.path.join(os.path.dirname(__file__), "..", "..", "test", "golden", "saving")
kernel = np.ones((2, 2), "float32")


def weights(path, put):
    """The weights of Sequential([Input([2]), Dense(2)]), the kernel put there by `put`."""
    with h5py.File(path, "w") as f:
        f.create_group("vars").attrs["name"] = "sequential"
        group = f.create_group("layers/dense/vars")
        group.attrs["name"] = "dense"
        group["1"] = np.zeros(2, "float32")
        put(f, group)


def virtual(f, group):
    layout = h5py.VirtualLayout((2, 2), "float32")
    layout[:] = h5py.VirtualSource("/etc/passwd", "data", (2, 2))
    group.create_virtual_dataset("0", layout)


def circle(f, group):
    group["0"] = kernel
    for name in "abcd":
        f[name] = f["/"]


def deep(f, group):
    group["0"] = kernel
    f.create_group("/".join(["g"] * 100))


def external(f, group):
    group.create_dataset("0", (2, 2), "float32", external=[("/etc/passwd", 0, 16)])


def main():
    cases = {
        "good": lambda f, g: g.__setitem__("0", kernel),
        "external-link": lambda f, g: g.__setitem__("0", h5py.ExternalLink("/etc/passwd", "/data")),
        "soft-link": lambda f, g: g.__setitem__("0", h5py.SoftLink("/layers/dense/vars/1")),
        "external-group": lambda f, g: f["layers"].move("dense", "other")
        or f["layers"].__setitem__("dense", h5py.ExternalLink("/etc/passwd", "/data")),
        "virtual": virtual,
        "external-storage": external,
        "circle": circle,
        "deep": deep,
        "claims-much": lambda f, g: g.create_dataset("0", (1 << 20, 1 << 20), "float32", chunks=(1024, 1024)),
        "bomb": lambda f, g: g.create_dataset(
            "0", (1 << 22,), "float32", data=np.zeros(1 << 22, "float32"), compression="gzip", compression_opts=9
        ),
        "texts": lambda f, g: g.create_dataset("0", data=np.array([b"a", b"b"])),
        "pairs": lambda f, g: g.create_dataset("0", (2, 2), np.dtype([("a", "f4"), ("b", "i4")])),
        "compressed": lambda f, g: g.create_dataset("0", data=kernel, compression="gzip", shuffle=True, fletcher32=True),
    }
    with tempfile.TemporaryDirectory() as files:
        for name, put in cases.items():
            weights(os.path.join(files, f"{name}.weights.h5"), put)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Dense(2)])
        model.save(os.path.join(files, "lambda.keras"))
        model.save(os.path.join(files, "lambda.h5"))
        with zipfile.ZipFile(os.path.join(folder, "hostile.zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in sorted(os.listdir(files)):
                with open(os.path.join(files, name), "rb") as f:
                    archive.writestr(zipfile.ZipInfo(name), f.read(), zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main()
