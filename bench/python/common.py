"""What the peers' programs share: the job, data, clocks, and the one line of JSON that each prints.

Import it before the framework, so that the time to import is measured from here.
"""

import json
import os
import sys
import time

import numpy as np

LSTM_WORDS = 80

job = json.loads(sys.argv[1])


def point_data(point):
    """Inputs and labels of a training: x, y, and as many test rows as asked. Labels of digits are class numbers."""
    reviews = point["model"] in ("imdb", "lstm")
    rows, test_rows = point["steps"] * point["batch"], point.get("testRows", 0)
    with np.load(job["data"]["imdb" if reviews else "mnist"], allow_pickle=False) as arrays:
        parts = [arrays[name][:count] for name, count in
                 (("x_train", rows), ("y_train", rows), ("x_test", test_rows), ("y_test", test_rows))]  # fmt: skip
    x, y, x_test, y_test = parts
    if not reviews:
        return pixels(x, point["model"]), y, pixels(x_test, point["model"]), y_test
    if point["model"] == "lstm":
        x, x_test = (np.ascontiguousarray(words[:, -LSTM_WORDS:]) for words in (x, x_test))
    return x, y.astype("float32"), x_test, y_test.astype("float32")


def pixels(images, model):
    """From 0 to 1; in rows of 784, or as pictures [28, 28, 1] for a convolution."""
    return images.reshape((-1, 28, 28, 1) if model == "cnn" else (-1, 784)).astype("float32") / 255


def training_metrics(point, epoch_seconds):
    """The first epoch is told apart, since frameworks compile in it."""
    first, *measured = epoch_seconds
    return {"first_epoch_s": first, "us_per_step": [seconds / point["steps"] * 1e6 for seconds in measured]}


def latency(call, prefix):
    """50th and 99th percentile of a call's microseconds, over `job["seconds"]` and at least 20 calls."""
    for _ in range(5):
        call()
    times = []
    end = time.perf_counter() + job["seconds"]
    while time.perf_counter() < end or len(times) < 20:
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e6)
    p50, p99 = np.percentile(times, [50, 99])
    return {f"{prefix}_p50_us": float(p50), f"{prefix}_p99_us": float(p99)}


def middle_ms(call):
    """The middle of the milliseconds that a call takes."""
    return latency(call, "call")["call_p50_us"] / 1000


def loop_us(call, repeats=5_000):
    """Microseconds of a cheap call, the middle of seven loops of it."""
    runs = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        runs.append((time.perf_counter() - start) * 1e6 / repeats)
    return sorted(runs)[3]


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


def report(results, import_s, threads, versions):
    """Prints what was measured, by label."""
    print(
        json.dumps(
            {
                "import_s": import_s,
                "peak_rss_mb": peak_rss_mb(),
                "threads": threads,
                "versions": {"python": sys.version.split()[0], "numpy": np.__version__, **versions},
                "results": results,
            }
        )
    )
