"""Fixtures of NumPy's file formats: .npy and .npz files as bytes, beside the values that NumPy reads from them."""

import io

from common import Golden, np, numbers, rng

golden = Golden("npy")


def file_of(array, version=(1, 0), allow_pickle=False):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version, allow_pickle=allow_pickle)
    return np.frombuffer(buffer.getvalue(), "uint8")


def plain(array):
    """C order, this machine's byte order; float16 widened, complex numbers as pairs."""
    array = np.ascontiguousarray(array).reshape(array.shape)
    if array.dtype.kind == "c":
        array = array.view(array.real.dtype).reshape(*array.shape, 2)
    if array.dtype.name == "float16":
        array = array.astype("float32")
    return array.astype(array.dtype.newbyteorder("="))


NAMES = {
    "bool": "?",
    "uint8": "u1",
    "uint16": "u2",
    "uint32": "u4",
    "uint64": "u8",
    "int8": "i1",
    "int16": "i2",
    "int32": "i4",
}
NAMES |= {"int64": "i8", "float16": "f2", "float32": "f4", "float64": "f8", "complex64": "c8", "complex128": "c16"}
INTEGERS = rng(1).integers(-(2**63), 2**63 - 1, (3, 4), endpoint=True)
SPECIAL = np.array(
    [0.0, -0.0, 1.5, -2.25, np.inf, -np.inf, np.nan, 6e-8, -6e-5, 65504.0, 1 / 3, 0.1], "float64"
).reshape(3, 4)

for name, code in NAMES.items():
    kind = np.dtype(code).kind
    values = (INTEGERS % 2 == 0) if kind == "b" else INTEGERS.astype(code) if kind in "iu" else SPECIAL.astype(code)
    if kind == "c":
        values = values + 1j * numbers(2, (3, 4)).astype(code)
        values = values.astype(code)
    for order in "<>" if np.dtype(code).itemsize > 1 else "<":
        array = values.astype(np.dtype(code).newbyteorder(order))
        for layout in ("C", "F"):
            golden.case(
                f"{name}/{'little' if order == '<' else 'big'}/{layout}",
                kind="npy",
                dtype=name,
                shape=array.shape,
                file=file_of(np.asarray(array, order=layout)),
                values=plain(array),
            )

SHAPES = [(), (1,), (0,), (5,), (2, 0, 3), (2, 3, 4), (1, 2, 1, 3, 2)]
for shape in SHAPES:
    for layout in ("C", "F"):
        array = np.asarray(numbers(3, shape), order=layout)
        golden.case(
            f"shape{shape}/{layout}", kind="npy", dtype="float32", shape=shape, file=file_of(array), values=plain(array)
        )
for version in ((2, 0), (3, 0)):
    array = numbers(4, (2, 3))
    golden.case(
        f"version{version[0]}",
        kind="npy",
        dtype="float32",
        shape=array.shape,
        file=file_of(array, version),
        values=array,
    )

REFUSED = {
    "objects": (np.array([{"a": 1}, None], dtype=object), "Python objects"),
    "strings": (np.array(["a", "bc"]), "dtype '<U2'"),
    "bytes": (np.array([b"a", b"bc"]), "dtype '|S2'"),
    "records": (np.zeros(2, dtype=[("x", "f4"), ("y", "i4")]), "descr"),
    "dates": (np.array(["2020-01-01"], dtype="datetime64[D]"), "dtype '<M8[D]'"),
    "longDoubles": (np.zeros(2, "longdouble"), "dtype"),
}
for name, (array, reason) in REFUSED.items():
    golden.case(f"refused/{name}", kind="refused", file=file_of(array, allow_pickle=True), reason=reason)


def archive(save, **arrays):
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return np.frombuffer(buffer.getvalue(), "uint8")


A, B = numbers(5, (3, 4)), rng(6).integers(0, 100, (5,)).astype("int64")
for name, save in {"stored": np.savez, "deflated": np.savez_compressed}.items():
    golden.case(f"archive/{name}", kind="npz", file=archive(save, a=A, b=B), arrays={"a": A, "b": B})

# A data set like MNIST, but small; and files that look like it and are not.
SMALL = {
    "x_train": rng(7).integers(0, 256, (6, 4, 3)).astype("uint8"),
    "y_train": rng(8).integers(0, 10, (6,)).astype("uint8"),
    "x_test": rng(9).integers(0, 256, (2, 4, 3)).astype("uint8"),
    "y_test": rng(10).integers(0, 10, (2,)).astype("uint8"),
}
golden.case("mnist/small", kind="mnist", file=archive(np.savez_compressed, **SMALL), arrays=SMALL)
WRONG = {
    "missing": (
        {key: value for key, value in SMALL.items() if key != "y_test"},
        "expected arrays x_train, y_train, x_test, y_test",
    ),
    "floats": ({**SMALL, "x_train": SMALL["x_train"].astype("float32")}, "expected x_train of uint8, got float32"),
    "lengths": ({**SMALL, "y_train": SMALL["y_train"][:5]}, "got [6, 4, 3] and [5]"),
    "rank": ({**SMALL, "x_test": SMALL["x_test"].reshape(2, 12)}, "got [2, 12] and [2]"),
}
for name, (arrays, reason) in WRONG.items():
    golden.case(f"mnist/{name}", kind="wrongMnist", file=archive(np.savez, **arrays), reason=reason)
golden.save()
