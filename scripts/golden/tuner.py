"""What KerasTuner and scikit-learn make of hyperparameters, brackets, grids and Gaussian processes.

    pip install keras-tuner==1.4.8 scikit-learn keras==3.15.1 "jax[cpu]"
    KERAS_BACKEND=jax python scripts/golden/tuner.py
"""

import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras_tuner as kt
import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

golden = Path(__file__).parents[2] / "test" / "golden" / "tuner.json"
probabilities = [0.0, 0.1, 0.25, 0.4, 0.5, 0.66, 0.8, 0.95, 0.999]

ranges = [
    ("int", 32, 256, {"step": 32}),
    ("int", 1, 10, {}),
    ("int", 1, 1000, {"sampling": "log"}),
    ("int", 1, 1000, {"sampling": "log", "step": 10}),
    ("int", 2, 64, {"sampling": "reverse_log", "step": 2}),
    ("float", 0.0, 0.5, {}),
    ("float", 0.1, 0.5, {"step": 0.1}),
    ("float", 1e-4, 1e-1, {"sampling": "log"}),
    ("float", 1e-4, 1e-1, {"sampling": "log", "step": 10}),
    ("float", 1.0, 8.0, {"sampling": "reverse_log"}),
]


def mappings():
    found = []
    for kind, low, high, options in ranges:
        hp = kt.HyperParameters()
        (hp.Int if kind == "int" else hp.Float)("x", low, high, **options)
        parameter = hp.space[0]
        values = [parameter.prob_to_value(p) for p in probabilities]
        found.append(
            {
                "kind": kind,
                "low": low,
                "high": high,
                "options": options,
                "values": values,
                "back": [parameter.value_to_prob(value) for value in values],
                "default": parameter.default,
            }
        )
    return found


def brackets():
    found = []
    for max_epochs, factor in [(9, 3), (10, 2), (27, 4), (1, 3)]:
        oracle = kt.oracles.HyperbandOracle(objective=kt.Objective("score", "max"), max_epochs=max_epochs, factor=factor)
        count = oracle._get_num_brackets()
        found.append(
            {
                "maxEpochs": max_epochs,
                "factor": factor,
                "brackets": [
                    [[oracle._get_size(b, r), oracle._get_epochs(b, r)] for r in range(oracle._get_num_rounds(b))] for b in range(count)
                ],
            }
        )
    return found


def grid():
    """All trials of a grid with a conditional parameter, in order."""
    seen = []

    class Search(kt.GridSearch):
        def run_trial(self, trial, **_):
            hp = trial.hyperparameters
            kind = hp.Choice("kind", ["a", "b"])
            hp.Int("units", 1, 3)
            if kind == "b":
                hp.Boolean("extra", parent_name="kind", parent_values=["b"])
            seen.append({k: v for k, v in hp.values.items()})
            return float(len(seen))

    with tempfile.TemporaryDirectory() as folder:
        hp = kt.HyperParameters()
        hp.Choice("kind", ["a", "b"])
        hp.Int("units", 1, 3)
        hp.Boolean("extra", parent_name="kind", parent_values=["b"])
        search = Search(objective=kt.Objective("score", "min"), hyperparameters=hp, directory=folder, project_name="grid")
        search.search()
    return seen


def gaussian_processes():
    found = []
    random = np.random.RandomState(7)
    for dimensions, count, noise in [(1, 6, 1e-4), (2, 12, 1e-4), (3, 20, 1e-2)]:
        x = random.uniform(size=(count, dimensions))
        y = np.sin(5 * x).sum(axis=1) + 0.3 * x[:, 0]
        at = random.uniform(size=(8, dimensions))
        process = GaussianProcessRegressor(
            kernel=Matern(nu=2.5), n_restarts_optimizer=20, normalize_y=True, alpha=noise, random_state=0
        ).fit(x, y)
        mean, deviation = process.predict(at, return_std=True)
        found.append(
            {
                "noise": noise,
                "x": x.tolist(),
                "y": y.tolist(),
                "at": at.tolist(),
                "lengthScale": float(process.kernel_.length_scale),
                "mean": mean.tolist(),
                "deviation": deviation.tolist(),
            }
        )
    return found


def bayesian():
    """The best of KerasTuner's trials on a known function, by seed."""
    best = []
    for seed in range(5):

        class Search(kt.BayesianOptimization):
            def run_trial(self, trial, **_):
                hp = trial.hyperparameters
                x, y = hp.Float("x", -1.0, 1.0), hp.Float("y", -1.0, 1.0)
                return {"score": (x - 0.3) ** 2 + 2 * (y + 0.4) ** 2}

        with tempfile.TemporaryDirectory() as folder:
            search = Search(objective=kt.Objective("score", "min"), max_trials=25, seed=seed, directory=folder, project_name="bo")
            search.search()
            best.append(search.oracle.get_best_trials()[0].score)
    return best


golden.write_text(
    json.dumps(
        {
            "versions": {"keras_tuner": kt.__version__},
            "probabilities": probabilities,
            "ranges": mappings(),
            "brackets": brackets(),
            "grid": grid(),
            "gaussianProcesses": gaussian_processes(),
            "bayesianBest": bayesian(),
        },
        indent=1,
    )
    + "\n"
)
