"""What the peers' scripts share: arguments, data, and the one line of JSON that each prints.

Import it before the framework, so that the time to import is measured from here.
"""

import argparse
import json
import os
import statistics
import sys
import time

import numpy as np

BATCH = 128
TRAIN_ROWS = 48_000  # The last fifth of the 60,000 is for validation, as with validation_split=0.2.


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", help="the workload's .npz file")
    parser.add_argument("--epochs", type=int, default=5, help="epochs measured, after a first one that warms up")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="compute threads; 0 leaves the framework's choice")
    return parser.parse_args()


IMDB_BATCH = 500
IMDB_TRAIN_ROWS = 10_000  # Twenty steps an epoch: the slowest contestant needs 15 s for them.
IMDB_TEST_ROWS = 5_000


def imdb(path):
    """Rows of 200 word numbers, int32, and labels 0 or 1 as float32 [rows, 1]: training rows, then test rows."""
    with np.load(path, allow_pickle=False) as arrays:
        train, test = slice(IMDB_TRAIN_ROWS), slice(IMDB_TEST_ROWS)
        x_train, y_train = arrays["x_train"][train], arrays["y_train"][train].astype("float32")
        return x_train, y_train, arrays["x_test"][test], arrays["y_test"][test].astype("float32")


def mnist(path):
    """Rows of 784 float32 from 0 to 1, and class numbers: training rows, then test rows."""
    with np.load(path, allow_pickle=False) as arrays:
        x_train = arrays["x_train"][:TRAIN_ROWS].reshape(-1, 784).astype("float32") / 255
        x_test = arrays["x_test"].reshape(-1, 784).astype("float32") / 255
        return x_train, arrays["y_train"][:TRAIN_ROWS], x_test, arrays["y_test"]


def processors():
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def peak_rss_mb():
    """Largest resident memory of this process so far."""
    try:
        # Unlike getrusage, not inherited from the process that started this one.
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 1024)


class Stopwatch:
    """Time since it was made or last read."""

    def __init__(self):
        self.start = time.perf_counter()

    def lap(self):
        now = time.perf_counter()
        passed, self.start = now - self.start, now
        return passed


def report(name, epoch_seconds, import_s, test_accuracy, threads, versions, steps=-(-TRAIN_ROWS // BATCH)):
    """Prints the result; the first epoch is told apart, since frameworks compile in it."""
    first, *measured = epoch_seconds
    s_per_epoch = statistics.median(measured)
    print(
        json.dumps(
            {
                "name": name,
                "us_per_step": s_per_epoch / steps * 1e6,
                "us_per_step_of_each_epoch": [seconds / steps * 1e6 for seconds in measured],
                "s_per_epoch": s_per_epoch,
                "first_epoch_s": first,
                "import_s": import_s,
                "peak_rss_mb": peak_rss_mb(),
                "test_accuracy": test_accuracy,
                "threads": threads,
                "versions": {"python": sys.version.split()[0], "numpy": np.__version__, **versions},
            }
        )
    )
