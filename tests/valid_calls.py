"""Small valid calls of all public functions, for tests that change one argument.

A new public class or function adds a line to `CALLS`, or to `EXCUSED` with a reason.
"""

import functools
import inspect

import keras
import keras_tuner
import numpy as np

import keras_recur
from keras_recur import (
    analysis,
    data,
    experiments,
    inference,
    runs,
    training,
    tuning,
    zoo,
)

ROOMS = [n for n in keras_recur.__all__ if inspect.ismodule(getattr(keras_recur, n))]
PUBLIC = {
    f"{room}.{name}": found
    for room in ROOMS
    for name in getattr(keras_recur, room).__all__
    if inspect.isclass(found := getattr(getattr(keras_recur, room), name))
    or inspect.isfunction(found)
}

_RESULT = "The library makes it and hands it out."
EXCUSED = {
    **dict.fromkeys(
        [
            "analysis.AccuracyBy",
            "analysis.Dynamics",
            "analysis.Separability",
            "analysis.StateSimilarity",
            "analysis.FilterReuse",
            "analysis.Lesions",
            "analysis.Trajectories",
            "analysis.PreferredImages",
            "analysis.PathIndependence",
            "analysis.Settling",
            "analysis.StopRuleChoice",
            "analysis.TemplateBankModel",
            "analysis.ExitMetrics",
            "analysis.Fold",
            "analysis.FoldCurve",
            "analysis.IterationMetrics",
            "analysis.LayerSimilarity",
            "analysis.LoopStructure",
            "analysis.BatchNormStatistics",
            "data.DataSpec",
            "data.Request",
            "layers.Iteration",
            "callbacks.Checkpoint",
            "training.TrainingDiverged",
            "tuning.Configuration",
            "inference.BreadthPrediction",
            "inference.EarlyExitPrediction",
            "zoo.Costs",
            "zoo.PairCosts",
            "zoo.Pair",
            "zoo.ReportedCounts",
        ],
        _RESULT,
    ),
    "experiments.Experiment": "It is abstract.",
    "playground.play": "It makes a page; tests/playground tests its arguments.",
    "zoo.Family": "`zoo.register_family` makes it.",
}


@functools.cache
def pair(name="deep_thinking_1d", **arguments):
    """Return a tiny pair, which is built once."""
    return zoo.build(name, **{"width": 4, "iterations": 3, "seed": 0, **arguments})


def strings():
    return pair().recurrent


def random_strings():
    return pair(injection="add", initial_state="normal").recurrent


def banked():
    return pair("scnn", templates=2, num_classes=2, input_shape=(8, 8, 3)).recurrent


def graph():
    shape = (8, 8, 1)
    return pair("frnn", input_shape=shape, width=2, states=2, iterations=2).recurrent


def images():
    return pair("mlp", input_shape=(4, 4, 1), num_classes=2).recurrent


def labeled_images():
    """Return one batch of images of two classes."""
    x = np.random.default_rng(0).normal(size=(20, 4, 4, 1)).astype("float32")
    return [(x, np.arange(20) % 2)]


@functools.cache
def examples():
    return data.load("prefix_sums", "train", 4, size=8, num_examples=8)


def batches():
    """Return one batch of strings."""
    return [data.prefix_sums(4, 8)]


@functools.cache
def arrays():
    x = np.arange(8, dtype="float32")[:, None]
    return data.ArrayDataset(x, np.arange(8) % 2, 4)


@functools.cache
def entry():
    model, recipe = {"width": 4, "iterations": 2}, {"epochs": 1, "milestones": ()}
    return runs.make_entry(
        "mlp", "digits", quick=True, num_examples=64, model=model, recipe=recipe
    )


@functools.cache
def result():
    """Return the result of a search that was not run."""
    row = {"configuration": "w8-t2-all", "width": 8, "iterations": 2, "seed": 0}
    row |= {"sharing": "all", "status": "finished", "accuracy": 0.9, "macs": 4000}
    row |= {"parameters": 90, "effective_depth": 3, "learning_rate": 0.1}
    content = {"name": "s", "family": "mlp", "data": "digits", "metric": "accuracy"}
    return tuning.SearchResult(content, [row | {"seconds": 1.0, "curve": [0.9, 0.9]}])


def block():
    return keras.layers.Dense(4)


def _recipe():
    return {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "batch_size": 4}


def _states():
    return {"V1": (8, 8, 4), "IT": (4, 4, 8)}


def _filter_reuse():
    cells = np.arange(6.0).reshape(2, 3)
    return analysis.FilterReuse([1, 2], cells, cells, cells / 4, 0.5, 9, "update")


# Functions that return the arguments of a call. Those in `LONG` are slow or write
# files: they are called with bad values only.
CALLS = {
    "callbacks.SimilarityHistory": dict,
    "analysis.bake": lambda: {"model": banked()},
    "analysis.select_stop_rule": lambda: {
        "model": strings(),
        "rule": "agreement",
        "data": batches(),
    },
    "analysis.exit_metrics": lambda: {
        "predictor": inference.EarlyExitPredictor(strings(), "agreement"),
        "data": batches(),
    },
    "analysis.find_loop": lambda: {"similarity": np.ones((4, 4))},
    "analysis.fold": lambda: {"model": banked()},
    "analysis.fold_curve": lambda: {
        "model": banked(),
        "data": [(np.ones((2, 8, 8, 3)), np.zeros((2, 8, 8), int))],
        "thresholds": [0.9],
    },
    "analysis.iteration_curve": lambda: {"model": strings(), "data": batches()},
    "analysis.iteration_metrics": lambda: {"model": strings(), "data": batches()},
    "analysis.layer_similarity": lambda: {"model": banked()},
    "analysis.plot_exit_metrics": lambda: {
        "metrics": analysis.ExitMetrics(
            np.ones(2, int), np.ones(2, bool), np.ones(2), np.ones(2, bool), 1.0, 1.0, 3
        )
    },
    "analysis.plot_iteration_curves": lambda: {"curves": {"a": [0.1, 0.2]}},
    "analysis.plot_iteration_metrics": lambda: {
        "metrics": analysis.IterationMetrics(
            *(np.full(2, 0.5) for _ in range(3)), np.arange(1, 3), 0.1, 0.5
        )
    },
    "analysis.accuracy_by": lambda: {
        "model": strings(),
        "data": batches(),
        "group": lambda x, y: y[0],
    },
    "analysis.filter_reuse": lambda: {"model": strings(), "data": batches()},
    "analysis.lesions": lambda: {"model": strings(), "data": batches()},
    "analysis.path_independence": lambda: {
        "model": pair(injection="concat").recurrent,
        "data": batches(),
    },
    "analysis.dynamics": lambda: {"model": strings(), "data": batches()},
    "analysis.plot_preferred_images": lambda: {
        "found": analysis.PreferredImages(
            [0],
            [1],
            np.ones((1, 1, 4, 4, 1)),
            np.ones((1, 1, 1)),
            np.ones((1, 1)),
            np.zeros((1, 1), int),
            np.ones((1, 1, 4, 4, 1)),
            np.zeros((1, 1), bool),
        )
    },
    "analysis.plot_separability": lambda: {
        "found": {
            "mlp": analysis.Separability(
                [0, 1],
                np.ones(2),
                np.ones(2),
                np.ones(2),
                None,
                [1.0] * 2,
                [True] * 2,
                4,
                (9, 1, 9),
                None,
            )
        }
    },
    "analysis.plot_state_similarity": lambda: {
        "found": {"same": analysis.StateSimilarity(np.eye(2), ([0, 1], [0, 1]), 9)}
    },
    "analysis.preferred_images": lambda: {
        "model": images(),
        "data": labeled_images(),
        "channels": 2,
        "steps": 1,
    },
    "analysis.separability": lambda: {
        "model": images(),
        "train": labeled_images(),
        "test": labeled_images(),
    },
    "analysis.trajectories": lambda: {"model": images(), "data": labeled_images()},
    "analysis.state_similarity": lambda: {
        "first": images(),
        "second": images(),
        "data": labeled_images(),
    },
    "analysis.plot_accuracy_by": lambda: {
        "found": analysis.AccuracyBy(np.arange(2), np.ones(2), np.ones(2, int))
    },
    "analysis.plot_filter_reuse": lambda: {"found": _filter_reuse()},
    "analysis.plot_dynamics": lambda: {
        "found": {
            "mlp": analysis.Dynamics(np.ones((3, 2)), np.ones(1), np.ones(2), 0.0, 9)
        }
    },
    "analysis.plot_lesions": lambda: {
        "found": {"mlp": analysis.Lesions([1, 2], *4 * [np.ones(2)], 0.5, 9)}
    },
    "analysis.plot_trajectories": lambda: {
        "found": {
            "mlp": analysis.Trajectories(
                [0, 1], np.ones((2, 3, 2)), np.arange(3), np.ones(2) / 2, 0.5, 9
            )
        }
    },
    "analysis.plot_settling": lambda: {
        "settling": analysis.Settling(
            2, (1,), np.arange(1, 3), np.ones(2), np.ones((3, 2)), np.ones(2, int), 0.1
        )
    },
    "analysis.settling": lambda: {
        "model": strings(),
        "data": batches(),
        "multiples": [1, 2],
    },
    "analysis.plot_layer_similarity": lambda: {"model": banked()},
    "analysis.plot_pair": lambda: {"pair": pair()},
    "analysis.plot_batch_norm_statistics": lambda: {"model": graph()},
    "analysis.plot_predictions": lambda: {
        "model": strings(),
        "x": batches()[0][0][0],
        "y": batches()[0][1][0],
    },
    "analysis.update_batch_norm": lambda: {
        "model": graph(),
        "data": [(np.ones((2, 8, 8, 1), "float32"), None)],
    },
    "analysis.batch_norm_statistics": lambda: {"model": graph()},
    "analysis.convert_to_template_bank": lambda: {
        "model": pair("scnn", num_classes=2, input_shape=(8, 8, 3)).feedforward,
        "num_templates": 2,
    },
    "data.ArrayDataset": lambda: {"x": np.ones((4, 1)), "y": np.zeros(4, int)},
    "data.Curriculum": lambda: {"phases": [arrays(), arrays()], "epochs_per_phase": 2},
    "data.decode_text": lambda: {"tokens": data.encode_text("if")},
    "data.describe": lambda: {"name": "digits"},
    "data.encode_text": lambda: {"text": "if"},
    "data.input_shape": lambda: {"name": "mazes", "size": 9},
    "data.list_datasets": dict,
    "data.load": lambda: {
        "name": "prefix_sums",
        "split": "train",
        "batch_size": 4,
        "size": 8,
        "num_examples": 8,
    },
    "data.mazes": lambda: {"num_examples": 2, "size": 5},
    "data.mnist1d": lambda: {"num_examples": 2},
    "data.prefix_sums": lambda: {"num_examples": 2, "size": 4},
    "data.preprocessing": lambda: {"name": "cifar10"},
    "data.python_docs": lambda: {"num_examples": 2, "size": 8},
    "data.register": dict,
    "data.register_builders": dict,
    "data.render_mazes": lambda: dict(
        zip(("codes", "solutions"), data.mazes(2, 5), strict=True)
    ),
    "data.shortest_paths": lambda: {"num_examples": 2, "size": 8},
    "data.superclasses": lambda: {"name": "cifar100"},
    "experiments.ReadoutTimesExperiment": dict,
    "experiments.FeaturesExperiment": lambda: {"entry": entry()},
    "experiments.ReplayExperiment": dict,
    "experiments.SharingExperiment": dict,
    "experiments.SupervisionExperiment": lambda: {"entry": entry()},
    "experiments.TextExperiment": dict,
    "experiments.get_experiment": lambda: {"name": "sharing"},
    "experiments.list_experiments": dict,
    "experiments.run_experiment": lambda: {
        "experiment": experiments.TextExperiment(epochs=1, num_examples=64),
        "folder": "run",
        "seeds": [0],
    },
    "exporting.export": lambda: {"model": strings(), "path": "out"},
    "exporting.export_run": lambda: {
        "run": "deep_thinking_1d-prefix_sums",
        "path": "out",
    },
    "exporting.load_model": lambda: {"path": "model.keras"},
    "layers.Depth": lambda: {"mean": 8},
    "layers.EveryNthIteration": lambda: {"n": 2},
    "layers.LeakyUpdate": dict,
    "layers.Readout": lambda: {"head": block()},
    "inference.ReadoutPolicy": dict,
    "regularizers.RecurrenceRegularizer": dict,
    "layers.RecurrentGraph": lambda: {"states": _states()},
    "layers.SharedRecurrentBlock": lambda: {"block": block(), "iterations": 3},
    "layers.StateReplay": lambda: {"batch_size": 4},
    "layers.TemplateBank": lambda: {
        "num_templates": 2,
        "kernel_shape": (3, 3, 4, 4),
        "num_layers": 3,
    },
    "layers.TemplateConv1D": lambda: {"filters": 4, "kernel_size": 3},
    "layers.TemplateConv2D": lambda: {"filters": 4, "kernel_size": 3},
    "layers.TemplateDense": lambda: {"units": 4},
    "layers.TimeSpecificBatchNormalization": lambda: {"iterations": 3},
    "layers.Transition": lambda: {"source": "IT", "target": "V1"},
    "layers.ZeroState": lambda: {"shape": (4, 4, 2)},
    "inference.confidence": lambda: {"logits": np.ones((2, 5, 3), "float32")},
    "layers.current_iteration": dict,
    "layers.resnet_transitions": lambda: {
        "states": ["h1", "h2"],
        "unrolling": [3, 1],
    },
    "runs.Entry": lambda: {
        "family": "mlp",
        "data": "digits",
        "model": {"width": 4, "iterations": 2},
        "recipes": entry().recipes,
    },
    "runs.Progress": lambda: {"quiet": True},
    "runs.RunFolder": lambda: {"path": "run"},
    "runs.compare": lambda: {"entry": entry(), "folder": "run", "seeds": [0]},
    "runs.make_entry": lambda: {"family": "mlp", "data": "digits", "quick": True},
    "reports.write_report": lambda: {"run": runs.RunFolder("run")},
    "callbacks.Annealing": dict,
    "losses.CoarseToFineLoss": lambda: {"hierarchy": [0, 0, 1]},
    "optimizers.CoupledAdam": dict,
    "optimizers.CoupledSGD": dict,
    "metrics.ExactMatch": dict,
    "metrics.PositiveF1": dict,
    "losses.IterationLoss": dict,
    "training.Recipe": _recipe,
    "training.ReplayedData": lambda: {"data": examples()},
    "training.with_state_replay": lambda: {
        "model": pair(injection="concat").recurrent,
        "batch_size": 4,
        "input_shapes": [(8, 1)],
    },
    "training.fit": lambda: {
        "model": strings(),
        "recipe": training.Recipe(**_recipe()),
        "data": examples(),
    },
    "recipes.entry_recipes": lambda: {"family": "mlp", "data": "digits"},
    "recipes.paper_recipe": lambda: {"family": "mlp", "data": "cifar10"},
    "tuning.Budget": lambda: {"macs": 1e6},
    "tuning.GridOracle": lambda: {"values": [{"width": 8}, {"width": 16}]},
    "tuning.OptunaOracle": lambda: {
        "objective": keras_tuner.Objective("accuracy", "max")
    },
    "tuning.SearchResult": lambda: {"content": result().content, "rows": result().rows},
    "tuning.SearchSettings": lambda: {
        "family": "mlp",
        "data": "digits",
        "widths": [4],
        "iterations": [1],
    },
    "tuning.WidthIterationsHyperModel": lambda: {
        "family": "mlp",
        "widths": [4, 8],
        "iterations": [1, 2],
    },
    "tuning.load_search": lambda: {"directory": "search"},
    "tuning.plot_equal_costs": lambda: {"result": result(), "cost": "macs"},
    "tuning.plot_grid": lambda: {"result": result()},
    "tuning.plot_pareto": lambda: {"result": result()},
    "tuning.search": lambda: {
        "family": "mlp",
        "data": "digits",
        "directory": "search",
        "widths": [4],
        "iterations": [1],
        "quick": True,
    },
    "tuning.write_search_report": lambda: {"folder": "search", "result": result()},
    "inference.breadth": lambda: {
        "model": random_strings(),
        "x": np.zeros((2, 6, 1), "float32"),
        "starts": 2,
    },
    "inference.Stepwise": lambda: {"model": strings()},
    "inference.StopRule": dict,
    "inference.EarlyExitPredictor": lambda: {"model": strings(), "rule": "agreement"},
    "zoo.build": lambda: {
        "name": "mlp",
        "input_shape": (3, 3, 1),
        "num_classes": 3,
        "width": 4,
        "iterations": 2,
    },
    "zoo.costs": lambda: {"model": strings(), "input_shape": (16, 1)},
    "zoo.describe": lambda: {"name": "mlp"},
    "zoo.list_families": dict,
    "zoo.list_entries": dict,
    "zoo.register_family": dict,
    "zoo.SeededInitializers": dict,
    "zoo.load": lambda: {"name": "deep_thinking_1d-prefix_sums"},
    "inference.with_iterations": lambda: {"model": strings(), "iterations": 4},
    "inference.with_readout_policy": lambda: {"model": strings(), "policy": "last"},
}
LONG = {
    "analysis.select_stop_rule",
    "analysis.exit_metrics",
    "analysis.fold_curve",
    "analysis.plot_exit_metrics",
    "analysis.plot_iteration_metrics",
    "analysis.plot_layer_similarity",
    "analysis.plot_pair",
    "analysis.plot_batch_norm_statistics",
    "analysis.plot_predictions",
    "analysis.plot_accuracy_by",
    "analysis.plot_preferred_images",
    "analysis.plot_separability",
    "analysis.plot_filter_reuse",
    "analysis.plot_dynamics",
    "analysis.plot_lesions",
    "analysis.plot_trajectories",
    "analysis.plot_settling",
    "analysis.plot_state_similarity",
    "analysis.update_batch_norm",
    "data.register_builders",
    "experiments.run_experiment",
    "exporting.export",
    "exporting.export_run",
    "exporting.load_model",
    "runs.compare",
    "reports.write_report",
    "training.fit",
    "tuning.load_search",
    "tuning.plot_equal_costs",
    "tuning.plot_grid",
    "tuning.plot_pareto",
    "tuning.search",
    "tuning.write_search_report",
    "zoo.load",
}
