"""Export a model to files that run without this library."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_recur._files import check_path, making
from keras_recur._limits import MAX_COUNT, check_size
from keras_recur._validation import check_one_of, check_sequence, check_type
from keras_recur.analysis._banks import banks_of
from keras_recur.analysis.bake import bake
from keras_recur.exporting._card import card_of
from keras_recur.exporting._formats import FORMATS, require
from keras_recur.exporting._other_backend import on_its_backend
from keras_recur.exporting.load_model import load_model
from keras_recur.inference._graph import draws_random_numbers, functional_copy
from keras_recur.inference.confidence import REDUCTIONS
from keras_recur.inference.stop_rule import KINDS, StopRule
from keras_recur.layers import SharedRecurrentBlock
from keras_recur.layers._walk import loops_in


def export(
    model: keras.Model | str | os.PathLike[str],
    path: str | os.PathLike[str],
    format: str = "tf_saved_model",
    *,
    max_iterations: int | None = None,
    reduction: str = "min",
    stop_rules: Sequence[StopRule | str] = (),
    preprocessing: keras.layers.Layer | None = None,
    card: Mapping[str, Any] | None = None,
) -> Path:
    """Export a model to run without this library and without Keras.

    Template banks are baked first. Every backend can write every format, if necessary
    in a separate process on another backend.

    Formats:

    - `"tf_saved_model"` (default): a folder for TensorFlow (Serving), with the
      functions below. It takes some seconds more on JAX and PyTorch.
    - `"onnx"`: a file for ONNX Runtime, with `serve` only. It needs `tf2onnx`.
    - `"litert"`: a `.tflite` file for phones, with `serve` only.
    - `"torch"`: a `.pt2` file for PyTorch without Keras, with `serve` only. It needs
      `torch`.

    A SavedModel, `served = tensorflow.saved_model.load(path)`, has these functions.
    Keep `served` as long as they are used:

    - `served.serve(inputs)`: the prediction of the model, for any batch size, and for
      any input size that the model accepts.
    - `served.serve_iterations(inputs, iterations)`: the prediction after another number
      of iterations, as with `inference.with_iterations`. The graph has one loop, or one
      branch per number of iterations for state graphs and networks with several loops.
    - `served.serve_all(inputs)`: a dictionary of `logits` and `confidence` after every
      iteration, with the axis of iterations after the batch.
    - `served.serve_until(inputs, confidence)`: a dictionary of `logits`, `iterations`,
      `stopped` and `confidence`. Each example stops after the first iteration that
      reaches this confidence, or after `max_iterations`.
    - `served.serve_until_agreed(inputs, patience)`: the same, but each example stops
      after `patience` iterations in a row that do not change its prediction.

    - `served.serve_until_kl(inputs, threshold)`: the same for a rule of `stop_rules`.
      Others are named after their kinds, too.

    If the model draws random first states or noise, every function takes a seed, a
    scalar int32, as its last argument: `served.serve(inputs, 0)`. The other formats
    refuse such a model.

    All functions after `serve_iterations` need a model with a `Readout`, and those that
    stop early also need a model that `inference.Stepwise` can run. The asset
    `card.json` (`served.card.asset_path`) lists the functions, and the reasons for
    missing ones.

    Args:
        model: A Functional or Sequential model, or the path of a `.keras` file.
        path: Output path, which must not exist. Files end in `.onnx`, `.tflite` or
            `.pt2`.
        format: See above. Defaults to `"tf_saved_model"`.
        max_iterations: Maximum number of iterations of the functions that stop early,
            and of `serve_iterations` if it has branches. Defaults to the iterations of
            the model.
        reduction: `"min"` or `"mean"`, as in `inference.confidence`. Use `"mean"` for
            mazes: walls are not trained, so their confidence is meaningless. Defaults
            to `"min"`.
        stop_rules: Further rules for functions that stop early: `StopRule` objects or
            kinds, `"kl"`, `"residual"`, `"change"` or `"acceleration"`. Defaults to
            none.
        preprocessing: A layer or model for raw inputs that becomes part of the file,
            such as `data.preprocessing("cifar10")`. A layer receives `float32` inputs
            of the model's shape.
        card: Plain data, as in JSON, to add to `card.json`.

    Returns:
        The path.

    Raises:
        ValueError: If the model cannot be written, the path exists or has the wrong
            ending, the format is unknown, no weights exist for `max_iterations`, or
            a format without a seed gets a model that draws random numbers.
        ImportError: If a package that the format needs is not installed.
        RuntimeError: If the converter of the format fails on the model.

    Example:

    >>> import tensorflow as tf
    >>> pair = keras_recur.zoo.build("deep_thinking_1d", width=4, iterations=3)
    >>> path = keras_recur.export(pair.recurrent, "strings")
    >>> served = tf.saved_model.load(str(path))
    >>> served.serve_iterations(np.zeros((2, 16, 1), "float32"), 20).shape
    (2, 16, 2)
    """
    check_one_of("format", format, FORMATS)
    target = _check_path(path, format)
    if max_iterations is not None:
        max_iterations = check_size("max_iterations", max_iterations, MAX_COUNT)
    if card is not None:
        check_type("card", card, Mapping, "a dictionary of plain data")
    if isinstance(model, str | os.PathLike):
        model = load_model(check_path("model", model))
    checked: Any = _checked(model)
    model = checked
    if format != "tf_saved_model" and draws_random_numbers(model):
        raise ValueError(
            f"format={format!r} has no input for a seed. Received: {checked.name!r}, "
            "which draws random first states or noise in every call. Use "
            "format='tf_saved_model', whose functions take a seed."
        )
    require(format)
    front = None if preprocessing is None else _front(preprocessing, model)
    settings = {
        "max_iterations": max_iterations,
        "reduction": check_one_of("reduction", reduction, REDUCTIONS),
        "stop_rules": [dataclasses.asdict(rule) for rule in _rules(stop_rules)],
        "card": card_of(model, front, card or {}),
    }
    if any(True for _ in banks_of(model)) and not _endless(model):
        model = bake(model)
    # An interruption or a full disk leaves nothing at the target.
    with making(target) as made:
        if FORMATS[format].backend == keras.backend.backend():
            FORMATS[format].write(model, made, front, **settings)
        else:
            on_its_backend(format, model, made, front, settings)
    return target


def _rules(stop_rules):
    def check(name, rule):
        rule = rule if isinstance(rule, StopRule) else StopRule(_kind(name, rule))
        _kind(name, rule.kind)
        return rule

    return check_sequence("stop_rules", stop_rules, check)


def _kind(name, kind):
    # The others always have a function.
    return check_one_of(name, kind, [k for k in KINDS if k not in _ALWAYS])


_ALWAYS = ("confidence", "agreement")


def _check_path(path, format):
    target, ending = check_path("path", path), FORMATS[format].ending
    if target.suffix != ending and (ending or target.suffix in _ENDINGS):
        allowed = f"end in {ending!r}" if ending else "be the name of a folder"
        raise ValueError(
            f"`path` must {allowed} for format={format!r}. Received: "
            f"path={str(path)!r}. To fix it: {str(target.with_suffix(ending))!r}."
        )
    if target.exists():
        raise ValueError(
            f"{target} exists, and nothing is overwritten. Choose another `path`, or "
            "remove it first."
        )
    return target


_ENDINGS = {known.ending for known in FORMATS.values()} | {".keras", ".h5"}


def _checked(model):
    """Return the built model, not compiled."""
    if isinstance(model, keras.Model) and not model.built:
        raise ValueError(
            f"The model {model.name!r} is not built, so its weights and the shape of "
            "its inputs are not known. Call it once, or begin it with "
            "keras.Input(shape)."
        )
    return functional_copy(model)


def _endless(model):
    """Return whether banks stay because baked kernels allow fewer iterations."""
    loops = [
        loop
        for loop in loops_in(model)
        if isinstance(loop, SharedRecurrentBlock) and loop.weight_sharing.derived
    ]
    return bool(loops) and all(loop.endless for loop in loops)


def _front(preprocessing, model):
    """Return the model that is applied to raw inputs."""
    if isinstance(preprocessing, keras.Model) and preprocessing.built:
        front = functional_copy(preprocessing)
    elif not isinstance(preprocessing, keras.layers.Layer):
        raise ValueError(
            "`preprocessing` must be a Keras layer or model. Received: "
            f"preprocessing={preprocessing!r} (of type {type(preprocessing).__name__})."
            " Write a layer that calls your function."
        )
    else:
        if len(model.inputs) != 1:
            raise ValueError(
                "For a model with several inputs, `preprocessing` must be a model that "
                "returns all of them. Received: a layer, for "
                f"{len(model.inputs)} inputs."
            )
        inputs = keras.Input(model.inputs[0].shape[1:], dtype="float32", name="raw")
        front = keras.Model(inputs, preprocessing(inputs), name="preprocessing")
    made = [tuple(x.shape[1:]) for x in keras.tree.flatten(front.output)]
    taken = [tuple(x.shape[1:]) for x in model.inputs]
    if len(made) != len(taken) or not all(map(_fits, made, taken)):
        raise ValueError(
            f"`preprocessing` must return the model's input shapes, {taken}. Received: "
            f"{made}."
        )
    return front


def _fits(made, taken):
    return len(made) == len(taken) and all(
        None in (a, b) or a == b for a, b in zip(made, taken, strict=True)
    )
