"""Invalid values of arguments, by the name of the argument.

A new argument adds a line to `ARGUMENTS`: its kind, a key of `BAD`. An argument that
means something else in one place adds a line to `ELSEWHERE`.
"""

import numpy as np

NAN, INF = float("nan"), float("inf")


class Thing:
    """An object that no argument accepts."""

    def __repr__(self):
        return "Thing()"


THING = Thing()

# `bad_values` adds None unless the default or the annotation allows it.
BAD = {
    "positive": [0, -1, True, 2.5, NAN, INF, "3", [3], THING],
    "count": [-1, True, 2.5, NAN, INF, "3", [3], THING],
    "integer": [True, 2.5, NAN, INF, "3", [3], THING],
    "many": [0, -1, True, 2.5, NAN, INF, "3", [3], THING],
    "number": [-1, True, NAN, INF, "3", [3], THING],
    "positive number": [0, -1.0, True, NAN, INF, "3", [3], THING],
    "share": [-0.1, 1.5, True, NAN, INF, "half", [0.5], THING],
    "flag": ["yes", 2, NAN, [True], THING],
    "choice": ["no such", "", 3, True, NAN, ["a"], THING],
    "text": [3, True, NAN, ["a"], THING],
    "path": ["", " ", 3, True, NAN, ["a"], "a\0b", THING],
    "pattern": [3, True, NAN, ["a"], THING],
    "model": ["model", 3, True, [1], THING],
    "model or path": ["", 3, True, [1], THING],
    "layer": ["layer", 3, True, [1], THING],
    "function": ["function", 3, True, [1], THING],
    "functions": ["function", 3, True, [1], [THING]],
    "object": ["object", 3, True, [1], THING],
    "jobs": [-1, True, 2.5, NAN, INF, "3", "all", [3], THING],
    "path of a run": ["", "no such folder", 3, True, NAN, ["a"], THING],
    "integers": [[], [0], [-1], [2.5], [True], [NAN], ["3"], "3", 3, [[3]], THING],
    "epochs": [[-1], [2.5], [True], [NAN], ["3"], "3", 3, [[3]], THING],
    "labels": [[-1], [2.5], [True], [NAN], ["a"], "a", 3, [[3]], THING],
    "seeds": [[], [-1], [2.5], [True], [NAN], ["3"], "3", [[3]], THING],
    "numbers": [[], [NAN], [INF], ["a"], [True], "a", [[1]], THING],
    "names": [[], "a", 3, ["no such"], [3], [True], THING],
    "weights": [[], [NAN], [INF], [-1, 1], ["a"], "no such", [True], True, 3, THING],
    "multipliers": [[NAN], ["a"], "a", 3, THING],
    "batches": [3, True, "data", NAN, THING],
    "marks": ["a", [["a"]], THING],
    "numerals": ["a", 3, True, [["a"]], THING],
    "shape": [[], [0], [-1], [2.5], [True], ["3"], "3", [NAN], THING],
    "initializer": ["no such", 3, True, [1], THING],
    "size of a kernel": [0, -1, 2.5, True, "3", [], [0], NAN, THING],
    "dictionary": ["a", 3, True, [1], {3: 1}, THING],
    "group of dictionaries": ["a", 3, [1], [THING], THING],
    "mixed": [True, 3, 2.5, NAN, THING],
    "database": ["", "no database", 3, True, NAN, ["a"], THING],
    "shard": [[], [0], [0, 0], [2, 2], [-1, 2], [0.5, 2], "01", 3, [NAN, 2], THING],
    "sharing": ["some", 3, True, [-1], [0.5], ["a"], THING],
    "sharings": [[], "some", 3, ["some"], [3], [True], THING],
    "number of templates": [0, -1, True, 2.5, NAN, "some", [3], THING],
    "learning rates": [0, -1, NAN, INF, True, "fast", [], [0], [NAN], THING],
    "numbers of epochs": [0, -1, True, 2.5, NAN, INF, "3", [3], THING],
    "dtype": [3, "float17", THING],
    "anything": [],
}

ARGUMENTS = {
    "accuracy": "share",
    "ablate": "choice",
    "ablation_examples": "positive",
    "probe_examples": "positive",
    "similarity_examples": "positive",
    "activation_bytes": "positive number",
    "affine": "choice",
    "anneal_epochs": "positive",
    "anneal_from": "weights",
    "augment": "flag",
    "axis": "integer",
    "batch_axes": "count",
    "batch_size": "positive",
    "batches": "positive",
    "block": "layer",
    "by_class": "flag",
    "budget": "object",
    "calibration_data": "batches",
    "callbacks": "functions",
    "card": "dictionary",
    "clip_norm": "positive number",
    "coarse_to_fine": "choice",
    "codes": "numerals",
    "coefficients_initializer": "initializer",
    "coefficients_regularizer": "initializer",
    "conclude": "function",
    "components": "positive",
    "connectivity": "positive",
    "console": "object",
    "content": "dictionary",
    "coupled_weight_decay": "number",
    "curves": "dictionary",
    "cutout": "count",
    "damping": "share",
    "data": "batches",
    "data_dir": "path",
    "data_format": "choice",
    "decay": "positive number",
    "decayed": "multipliers",
    "density": "share",
    "depthwise": "flag",
    "detach_every": "positive",
    "details": "dictionary",
    "dilation_rate": "size of a kernel",
    "directory": "path",
    "download": "flag",
    "drop_remainder": "flag",
    "dtype": "dtype",
    "entry": "object",
    "epochs": "positive",
    "epochs_per_phase": "positive",
    "epsilon": "positive number",
    "equal": "choice",
    "every": "positive",
    "experiment": "object",
    "family": "choice",
    "far": "positive",
    "filters": "positive",
    "fine_tune": "function",
    "centered": "flag",
    "channels": "positive",
    "copies": "positive",
    "control": "choice",
    "drop_components": "count",
    "grid": "positive",
    "pixels": "flag",
    "reduce": "choice",
    "regularization": "positive number",
    "unit_length": "flag",
    "train": "batches",
    "test": "batches",
    "validation": "batches",
    "first": "positive",
    "first_step": "count",
    "folder": "path",
    "format": "choice",
    "found": "object",
    "fresh_seeds": "count",
    "frnn_times": "integers",
    "gamma": "positive number",
    "gradient": "positive",
    "gradient_iterations": "positive",
    "group": "function",
    "groups": "positive",
    "head": "layer",
    "hierarchy": "labels",
    "index": "count",
    "initial_state": "choice",
    "initializer": "initializer",
    "injection": "choice",
    "input_shape": "shape",
    "input_shapes": "shape",
    "iteration": "positive",
    "iterations": "many",
    "jit_compile": "choice",
    "jobs": "jobs",
    "kernel_initializer": "initializer",
    "kernel_shape": "shape",
    "kernel_size": "size of a kernel",
    "cost": "choice",
    "kind": "choice",
    "labels": "labels",
    "last": "positive",
    "layer": "choice",
    "leak_initializer": "initializer",
    "jitter": "count",
    "learning_rate": "positive number",
    "length": "positive",
    "logits": "numerals",
    "loss_weights": "weights",
    "long_run": "positive",
    "longest": "positive",
    "losses": "names",
    "macs": "positive number",
    "mask": "marks",
    "match": "choice",
    "max_boxes": "positive",
    "max_iterations": "many",
    "max_statistics": "positive",
    "max_steps": "positive",
    "max_trials": "positive",
    "mean": "positive number",
    "measure": "choice",
    "merge": "choice",
    "metric": "choice",
    "metrics": "object",
    "milestones": "epochs",
    "min_iterations": "positive",
    "model": "model",
    "momentum": "share",
    "multiples": "integers",
    "multipliers": "multipliers",
    "n": "positive",
    "name": "choice",
    "nesterov": "flag",
    "noise": "flag",
    "num_classes": "positive",
    "num_examples": "positive",
    "num_layers": "positive",
    "num_templates": "positive",
    "objective": "mixed",
    "objectives": "names",
    "on_batch": "function",
    "optimizer": "choice",
    "oracle": "choice",
    "padding": "choice",
    "pair": "object",
    "paper_faithful": "flag",
    "parameters": "positive number",
    "path": "path",
    "patience": "positive",
    "pattern": "pattern",
    "phases": "functions",
    "policy": "choice",
    "predictor": "object",
    "preprocess": "flag",
    "preprocessing": "layer",
    "progress": "flag",
    "progressive": "share",
    "progressive_depth": "choice",
    "prompt": "text",
    "prune": "flag",
    "quick": "flag",
    "quiet": "flag",
    "readout": "choice",
    "rebuild": "function",
    "recipe": "object",
    "recipes": "dictionary",
    "recurrence_penalty": "number",
    "reduction": "choice",
    "remat": "flag",
    "replay": "share",
    "replay_from": "count",
    "replay_limit": "positive",
    "replay_same": "share",
    "report": "function",
    "resnet_times": "integers",
    "result": "object",
    "resume": "flag",
    "return_sequences": "flag",
    "rows": "group of dictionaries",
    "rule": "choice",
    "run": "path of a run",
    "same": "share",
    "sample_length": "positive",
    "sampler": "object",
    "score": "text",
    "seed": "count",
    "seeds": "seeds",
    "select": "choice",
    "settling": "object",
    "shape": "shape",
    "shard": "shard",
    "share": "share",
    "sharing": "sharing",
    "short": "flag",
    "shortcut": "flag",
    "shuffle": "flag",
    "similarity": "numerals",
    "size": "positive",
    "sizes": "integers",
    "solutions": "numerals",
    "source": "text",
    "space": "choice",
    "split": "choice",
    "spread": "number",
    "stage_loops": "positive",
    "start": "choice",
    "starts": "positive",
    "state_noise": "number",
    "storage": "database",
    "state_shapes": "shape",
    "states": "dictionary",
    "statistics": "positive",
    "steps": "many",
    "steps_per_epoch": "positive",
    "steps_per_execution": "positive",
    "stop_rules": "names",
    "strength": "number",
    "strides": "size of a kernel",
    "synchronized": "flag",
    "target": "text",
    "temperature": "positive number",
    "temperatures": "numbers",
    "templates": "number of templates",
    "templates_initializer": "initializer",
    "templates_regularizer": "initializer",
    "test_examples": "positive",
    "test_iterations": "positive",
    "test_sizes": "integers",
    "text": "text",
    "threshold": "share",
    "thresholds": "numbers",
    "throttle": "flag",
    "title": "text",
    "to": "path",
    "tokens": "numerals",
    "tolerance": "share",
    "trained": "positive",
    "transform": "function",
    "transition_layer": "choice",
    "transitions": "choice",
    "twin": "choice",
    "twins": "names",
    "networks": "names",
    "units": "positive",
    "unroll": "flag",
    "unrolling": "integers",
    "validation_data": "batches",
    "validation_steps": "positive",
    "values": "group of dictionaries",
    "variants": "dictionary",
    "verbose": "choice",
    "warmup": "count",
    "weight_decay": "number",
    "weights": "weights",
    "width": "many",
    "widths": "integers",
    "window": "positive",
    "workers": "count",
    "x": "numerals",
    "y": "numerals",
}

# Arguments that mean something else in one function.
ELSEWHERE = {
    ("analysis.fold", "threshold"): "share",
    ("analysis.find_loop", "threshold"): "share",
    ("analysis.fold_curve", "metric"): "function",
    ("analysis.plot_accuracy_by", "name"): "text",
    ("data.ArrayDataset", "name"): "text",
    ("data.decode_text", "tokens"): "numerals",
    ("data.load", "size"): "positive",
    ("experiments.ReadoutTimesExperiment", "data"): "choice",
    ("experiments.SharingExperiment", "data"): "choice",
    ("experiments.TextExperiment", "model"): "dictionary",
    ("exporting.export", "model"): "model or path",
    ("layers.RecurrentGraph", "steps"): "many",
    ("layers.SharedRecurrentBlock", "sharing"): "sharing",
    ("layers.TemplateBank", "num_templates"): "positive",
    ("layers.Transition", "last"): "integer",
    ("analysis.preferred_images", "decay"): "number",
    ("analysis.preferred_images", "objective"): "choice",
    ("analysis.preferred_images", "steps"): "positive",
    ("analysis.state_similarity", "first"): "model",
    ("analysis.state_similarity", "second"): "model",
    ("layers.Transition", "first"): "integer",
    ("layers.resnet_transitions", "states"): "names",
    ("runs.Entry", "data"): "choice",
    ("runs.Entry", "model"): "dictionary",
    ("runs.Entry", "phases"): "epochs",
    ("runs.Progress", "console"): "object",
    ("runs.make_entry", "data"): "choice",
    ("runs.make_entry", "model"): "dictionary",
    ("runs.make_entry", "recipe"): "dictionary",
    ("reports.write_report", "run"): "object",
    ("runs.compare", "progress"): "object",
    ("experiments.run_experiment", "progress"): "object",
    ("losses.CoarseToFineLoss", "name"): "text",
    ("metrics.ExactMatch", "name"): "text",
    ("metrics.PositiveF1", "name"): "text",
    ("losses.IterationLoss", "name"): "text",
    ("recipes.entry_recipes", "data"): "choice",
    ("recipes.paper_recipe", "data"): "choice",
    ("tuning.OptunaOracle", "objective"): "mixed",
    ("tuning.GridOracle", "objective"): "mixed",
    ("tuning.WidthIterationsHyperModel", "iterations"): "integers",
    ("tuning.WidthIterationsHyperModel", "learning_rate"): "learning rates",
    ("tuning.WidthIterationsHyperModel", "sharing"): "sharings",
    ("tuning.search", "conclude"): "function",
    ("tuning.search", "data"): "choice",
    ("tuning.search", "iterations"): "integers",
    ("tuning.search", "learning_rate"): "learning rates",
    ("tuning.search", "model"): "dictionary",
    ("tuning.search", "progress"): "function",
    ("tuning.search", "recipe"): "dictionary",
    ("tuning.search", "sharing"): "sharings",
    ("tuning.search", "storage"): "text",
    ("tuning.search", "twins"): "flag",
    ("inference.StopRule", "threshold"): "positive number",
}
# Fields of these settings are arguments of `search`.
ELSEWHERE |= {
    ("tuning.SearchSettings", name): kind
    for (function, name), kind in ELSEWHERE.items()
    if function == "tuning.search" and name not in ("conclude", "progress", "storage")
}

# Values of a kind that one argument accepts.
ALLOWED = {
    ("analysis.preferred_images", "channels"): [[3]],
    ("exporting.export", "stop_rules"): [[]],
    ("experiments.TextExperiment", "temperatures"): [[]],
    ("layers.ZeroState", "shape"): [[]],
    ("layers.TimeSpecificBatchNormalization", "epsilon"): [0],
    ("training.fit", "callbacks"): [None],
    ("training.fit", "verbose"): [True],
    ("training.fit", "jit_compile"): [True],
    ("tuning.WidthIterationsHyperModel", "iterations"): [3],
    ("tuning.WidthIterationsHyperModel", "widths"): [3],
    ("tuning.SearchSettings", "iterations"): [3],
    ("tuning.SearchSettings", "widths"): [3],
    ("tuning.search", "iterations"): [3],
    ("tuning.search", "widths"): [3],
}

# Amounts of work, which may be any number.
AMOUNTS = ["epochs", "max_trials", "fresh_seeds"]
AMOUNTS += [
    ("exporting.export", "max_iterations"),
    ("exporting.export_run", "max_iterations"),
]

# Words by which messages name these arguments.
CALLED = {
    "name": ("family", "data set", "entry", "experiment", "name"),
    "family": ("family",),
    "data": ("data", "batch"),
    "split": ("split",),
}


def bad_values(callable_name, parameter):
    """Return the bad values of an argument, or `None` if the table lacks it."""
    key = callable_name, parameter.name
    kind = ELSEWHERE.get(key, ARGUMENTS.get(parameter.name))
    if kind is None:
        return None
    allowed = ALLOWED.get(key, [])
    values = [v for v in BAD[kind] if repr(v) not in map(repr, allowed)]
    may_be_none = parameter.default is None or "None" in str(parameter.annotation)
    may_be_none = may_be_none or None in allowed
    if not may_be_none and str(parameter.annotation) not in ("typing.Any", "Any"):
        values.append(None)
    return values


def huge_values(callable_name, parameter):
    """Return valid numbers that exceed the memory or time of any machine."""
    key = callable_name, parameter.name
    if parameter.name in AMOUNTS or key in AMOUNTS:
        return []
    kind = ELSEWHERE.get(key, ARGUMENTS.get(parameter.name))
    if kind in ("positive", "count", "integer", "many", "size of a kernel"):
        return [10**9]
    return [[10**9]] if kind in ("integers", "shape") else []


def named(message, argument):
    """Return whether a message names an argument."""
    return any(word in message for word in (argument, *CALLED.get(argument, ())))


def unusual(value):
    """Return an equal value of another common type, or the value itself."""
    if isinstance(value, bool):
        return np.bool_(value)
    if isinstance(value, int):
        return np.int64(value)
    if isinstance(value, float):
        return np.float64(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, list):
        whole = value and all(type(v) is int for v in value)
        return np.array(value) if whole else tuple(value)
    return value
