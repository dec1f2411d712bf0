"""Goldens of sequences: pad_sequences, NumPy's legacy shuffle, and small files like Keras' IMDb with what Keras reads of them.

The files are bytes in uint8 arrays. Those of kind 'refused' hold pickles that are no arrays of lists of whole numbers.
"""

import io
import os
import pickle
import tempfile
import zipfile
from unittest import mock

from common import ZIP_DATE, Golden, camel_keys, keras, np, rng

golden = Golden("sequences")

# padSequences.
RAGGED = [[1], [2, 3, 4], [], [5, 6, 7, 8, 9]]
VECTORS = [[[1.5, 2], [3, 4]], [], [[5, 6]], [[7, 8], [9, 10], [11, 12]]]
for index, (sequences, options) in enumerate(
    [
        (RAGGED, {}),
        (RAGGED, {"maxlen": 3}),
        (RAGGED, {"maxlen": 7}),
        (RAGGED, {"maxlen": 3, "padding": "post"}),
        (RAGGED, {"maxlen": 3, "truncating": "post"}),
        (RAGGED, {"maxlen": 3, "padding": "post", "truncating": "post", "value": -1}),
        (RAGGED, {"maxlen": 1}),
        (RAGGED, {"value": 9.9}),
        (RAGGED, {"dtype": "float32", "value": 0.5}),
        (RAGGED, {"dtype": "int64", "value": -(2**40)}),
        (RAGGED, {"dtype": "uint8", "value": 255}),
        (RAGGED, {"dtype": "bool"}),
        ([[1.9, -1.9], [2.5]], {}),
        ([[1.25], [2.5, 3.75]], {"dtype": "float64"}),
        (VECTORS, {"dtype": "float32"}),
        (VECTORS, {"maxlen": 2, "padding": "post", "dtype": "float32", "value": -1.0}),
        (VECTORS, {"maxlen": 2, "truncating": "post"}),
        ([[], []], {}),
        ([[], []], {"maxlen": 2}),
        ([], {"maxlen": 2}),
    ]
):
    y = keras.utils.pad_sequences(sequences, **options)
    golden.case(f"padSequences/{index}", kind="pad", sequences=sequences, options=camel_keys(options), y=y)

# Two shuffles of one generator after another.
for seed in (0, 1, 113, 2**31, 2**32 - 1):
    state = np.random.RandomState(seed)
    orders = []
    for length in (0, 1, 2, 10, 700):
        order = np.arange(length)
        state.shuffle(order)
        orders.append(order.astype("int32"))
    golden.case(f"shuffle/{seed}", kind="shuffle", seed=seed, orders=orders)


def lists(*lengths_and_seed):
    *lengths, seed = lengths_and_seed
    result = np.empty(len(lengths), dtype=object)
    for index, length in enumerate(lengths):
        # Numbers of one, two and four bytes.
        result[index] = [int(n) for n in rng(seed, index).integers(1, [40, 300, 90_000][index % 3], length)]
    return result


def npy(array, protocol=None, version=None, body=None):
    buffer = io.BytesIO()
    if array.dtype != object:
        np.lib.format.write_array(buffer, array, allow_pickle=False)
        return buffer.getvalue()
    header = np.lib.format.header_data_from_array_1_0(array)
    if version in (None, (1, 0)):
        np.lib.format.write_array_header_1_0(buffer, header)
    else:
        np.lib.format.write_array_header_2_0(buffer, header)
    data = bytearray(buffer.getvalue())
    if version == (3, 0):
        data[6] = 3
    return bytes(data) + (pickle.dumps(array, protocol=protocol) if body is None else body)


def npz(entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", ZIP_DATE), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def as_bytes(content):
    return np.frombuffer(content, "uint8")


X_TRAIN, X_TEST = lists(5, 12, 0, 7, 9, 1, 30, 3, 11), lists(8, 2, 6, 14, 7)
Y_TRAIN, Y_TEST = rng(1).integers(0, 2, len(X_TRAIN)), rng(2).integers(0, 2, len(X_TEST))
# Two reviews of length 0 would fail in Keras' search for the largest number.
X_TRAIN[2] = [17]


def archive(**changed):
    entries = {"x_train": npy(X_TRAIN, 3), "y_train": npy(Y_TRAIN), "x_test": npy(X_TEST, 3), "y_test": npy(Y_TEST)}
    return npz({**entries, **changed})


def load(content, **options):
    """What Keras reads of a file; the digest that it would ask for is that of the real one."""
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        file.write(content)
        file.flush()
        with mock.patch.dict(keras.datasets.imdb.load_data.__globals__, {"get_file": lambda **_: file.name}):
            (x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(path=file.name, **options)
    parts = {"xTrain": x_train, "yTrain": y_train, "xTest": x_test, "yTest": y_test}
    return {name: [[int(word) for word in one] if name[0] == "x" else int(one) for one in part] for name, part in parts.items()}


for protocol in (2, 3, 4, 5):
    content = archive(x_train=npy(X_TRAIN, protocol), x_test=npy(X_TEST, protocol))
    # Keras does not read protocol 2: the same lists, read from the other.
    read = load(archive() if protocol == 2 else content)
    golden.case(f"imdb/protocol{protocol}", kind="imdb", file=as_bytes(content), options={}, **read)
for version in ((2, 0), (3, 0)):
    content = archive(x_train=npy(X_TRAIN, 4, version))
    golden.case(f"imdb/version{version[0]}", kind="imdb", file=as_bytes(content), options={}, **load(content))
# As earlier versions of NumPy name it.
content = archive(x_train=npy(X_TRAIN, 3).replace(b"numpy._core", b"numpy.core"))
golden.case("imdb/old", kind="imdb", file=as_bytes(content), options={}, **load(content))

content = archive()
for index, options in enumerate(
    [
        {"num_words": 100},
        {"num_words": 100, "oov_char": None},
        {"num_words": 100, "skip_top": 20},
        {"skip_top": 10, "oov_char": None},
        {"maxlen": 9},
        {"maxlen": 9, "num_words": 50, "start_char": None},
        {"start_char": None},
        {"start_char": None, "index_from": 0},
        {"index_from": 0},
        {"index_from": 10, "start_char": 5, "oov_char": 7, "num_words": 60},
        {"seed": 1},
        {"seed": 0},
        {"seed": 2**32 - 1},
        {"num_words": 0, "maxlen": 0},
    ]
):
    golden.case(f"imdb/options{index}", kind="imdb", file=as_bytes(content), options=camel_keys(options), **load(content, **options))


class Call:
    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


def holding(*items):
    array = np.empty(len(items), dtype=object)
    for index, item in enumerate(items):
        array[index] = item
    return array


def array_pickle(inner):
    """The pickle of an object array of one element, with other instructions in the element's place."""
    whole = pickle.dumps(holding([7]), protocol=3)
    place = whole.index(b"]q\x0eK\x07a") if b"]q\x0eK\x07a" in whole else None
    if place is None:
        raise SystemExit("the pickle of a list looks different: look at pickletools.dis")
    return whole[:place] + inner + whole[place + 6 :]


itself = []
itself.append(itself)
shared = [1, 2]
deep = [1]
for _ in range(50):
    deep = [deep]
bomb = [1]
for _ in range(40):
    bomb = [bomb, bomb]
ONE = np.zeros(1, "int64")
refused = {
    "a call of a function": npy(holding([1]), body=pickle.dumps(Call(os.system, "exit 1"), 3)),
    "a call inside a list": npy(holding([1]), body=array_pickle(b"]cos\nsystem\nX\x06\x00\x00\x00exit 1\x85Ra")),
    "a call by protocol 4": npy(holding([1]), body=pickle.dumps(holding([Call(eval, "1")]), 4)),
    "an object of a class": npy(holding([1]), body=pickle.dumps(holding([Call(Golden, "x")]), 4)),
    "fractions": npy(holding([1.5]), 4),
    "texts": npy(holding(["word"]), 4),
    "numbers outside lists": npy(holding(1), 4),
    "None": npy(holding(None), 4),
    "truth values": npy(holding([True]), 4),
    "tuples": npy(holding((1, 2)), 4),
    "dictionaries": npy(holding([{1: 2}]), 4),
    "sets": npy(holding({1}), 4),
    "arrays": npy(holding(np.arange(3)), 4),
    "a list in itself": npy(holding(itself), 4),
    "lists in lists": npy(holding([[1]]), 4),
    "numbers and lists": npy(holding([1, [2]]), 4),
    "a list twice": npy(holding(shared, shared), 4),
    "deep lists": npy(holding(deep), 4),
    "a bomb of references": npy(holding(bomb), 4),
    "a number too large": npy(holding([2**70]), 4),
    "a large number": npy(holding([2**60]), 4),
    "protocol 0": npy(holding([1]), 0),
    "protocol 1": npy(holding([1]), 1),
    "an array of two axes": npy(np.full((2, 2), 3, dtype=object), 4),
    "a list instead of the array": npy(holding([1]), body=pickle.dumps([[1]], 4)),
    "an array of another length": npy(holding([1], [2]), body=pickle.dumps(holding([1]), 4)),
    "an array of numbers, pickled": npy(holding([1]), body=pickle.dumps(np.arange(3), 4)),
    "numbers": npy(ONE),
    "bytes after the end": npy(holding([1]), 4) + b".",
    "an empty pickle": npy(holding([1]), body=b""),
    "a pickle of nothing": npy(holding([1]), body=b"\x80\x04."),
    "ten thousand marks": npy(holding([1]), body=b"\x80\x04" + b"(" * 10_000 + b"."),
    "tuples in tuples": npy(holding([1]), body=b"\x80\x04)" + b"\x85" * 10_000 + b"."),
    "a text that claims gigabytes": npy(holding([1]), body=b"\x80\x04X\xff\xff\xff\x7fx."),
    "a long number that claims gigabytes": npy(holding([1]), body=b"\x80\x04\x8b\xff\xff\xff\x7f1."),
    "a name without end": npy(holding([1]), body=b"\x80\x04c" + b"x" * 1000),
    "a list in itself, by hand": npy(holding([1]), body=array_pickle(b"]q\x0eh\x0ea")),
    "the outer list in an inner one": npy(holding([1]), body=array_pickle(b"](h\x0de")),
    "a reference to nothing": npy(holding([1]), body=array_pickle(b"hc")),
}
for name, content in refused.items():
    golden.case(
        f"refused/{name}",
        kind="refused",
        file=as_bytes(npz({"x_train": content, "y_train": npy(ONE), "x_test": npy(holding([1]), 3), "y_test": npy(ONE)})),
    )
for name, changed in {
    "labels of another length": {"y_train": npy(np.zeros(3, "int64"))},
    "labels that are no classes": {"y_train": npy(np.full(len(X_TRAIN), 2))},
    "labels in two axes": {"y_train": npy(np.zeros((len(X_TRAIN), 1), "int64"))},
    "labels as objects": {"y_train": npy(holding(*[0] * len(X_TRAIN)), 4)},
}.items():
    golden.case(f"refused/{name}", kind="refused", file=as_bytes(archive(**changed)))
golden.save()
