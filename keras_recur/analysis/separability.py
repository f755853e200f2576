"""Measure what a linear probe can read from the states of a loop."""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import tree

from keras_recur._validation import (
    check_flag,
    check_integer,
    check_number,
    check_one_of,
    check_positive_int,
)
from keras_recur.analysis._control_labels import control_labels, flat
from keras_recur.analysis._logits import class_labels
from keras_recur.analysis._loop_states import LoopStates, examples
from keras_recur.analysis._plain import as_lists
from keras_recur.analysis._positions import Positions, head_by_position
from keras_recur.analysis._probe import fit_probe, reduced
from keras_recur.analysis.iteration_curve import iteration_curve

# Inverse strengths of the penalty from which the validation examples choose.
_STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


@dataclasses.dataclass(frozen=True)
class Separability:
    """Accuracy of a linear probe on the state after every iteration.

    Attributes:
        iterations: Numbers of iterations. 0 is the state in which the loop starts.
        accuracy: Accuracy of the probes on the test examples.
        train_accuracy: Accuracy on the examples on which they were fitted.
        head: Accuracy of the network's own head, NaN before the first iteration.
        pixels: Accuracy of a probe on the inputs themselves.
        regularization: Chosen strength `C` of each probe.
        converged: Whether the solver of each probe converged within 1,000 steps.
        features: Number of features that a probe reads.
        examples: Numbers of fitting, validation and test examples. With
            `reduce="positions"` these are numbers of labels.
        control: Labels of a control task, as in `separability`.
    """

    iterations: list[int]
    accuracy: np.ndarray
    train_accuracy: np.ndarray
    head: np.ndarray
    pixels: float | None
    regularization: list[float]
    converged: list[bool]
    features: int
    examples: tuple[int, int, int]
    control: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return JSON data that `from_dict` reads."""
        plain: dict[str, Any] = dataclasses.asdict(self)
        plain["examples"] = list(self.examples)
        return plain | {name: as_lists(plain[name]) for name in _ARRAYS}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Separability":
        """Return the result from the data of `as_dict`."""
        found: dict[str, Any] = {f.name: plain[f.name] for f in dataclasses.fields(cls)}
        found["examples"] = tuple(found["examples"])
        for name in _ARRAYS:
            found[name] = np.asarray(found[name], "float64")
        return cls(**found)


_ARRAYS = ("accuracy", "train_accuracy", "head")


def separability(
    model: keras.Model,
    train: Any,
    test: Any,
    *,
    validation: Any = None,
    reduce: str = "mean",
    grid: int = 4,
    regularization: float | None = None,
    control: str | None = None,
    pixels: bool = False,
    num_examples: int = 5_000,
    iterations: int | None = None,
    seed: int = 0,
) -> Separability:
    """Fit a linear probe to the state after every iteration of a frozen network.

    A probe is a multinomial logistic regression on standardized features. States of all
    iterations have the same size, so the accuracies can be compared. Compare them also
    with those of the untrained network and of the pixels: random filters separate
    classes as well.

    Args:
        model: A model with a loop that gives one class per example, or one per
            position with `reduce="positions"`.
        train: Batches `(x, y)` on which the probes are fitted, in any form that
            `iteration_curve` accepts. They may be the training data of the network.
        test: Batches `(x, y)` that neither the network nor the probes have seen.
        validation: Batches `(x, y)` that choose the regularization. Defaults to `None`
            (a tenth of the fitting examples, drawn at random and not fitted).
        reduce: Features of a state: `"mean"` over positions, `"grid"` for means over
            `grid` x `grid` fields, or `"all"`. States without positions are read as
            they are. `"positions"` fits one probe to the states of all positions and
            the labels that they cover, or one for each label of a position that covers
            several. Accuracies are then shares of labels, of which those below 0 are
            left out. Defaults to `"mean"`.
        grid: Fields per side of `"grid"`. Defaults to `4`.
        regularization: Inverse strength `C` of the squared penalty. Defaults to `None`:
            the best of 0.001 to 10 on the validation examples.
        control: Labels of a control task that a probe can only memorize:
            `"shuffled"`, or `"clusters"`, which gives each of 100 clusters of the
            inputs a random class. Defaults to `None` (the labels).
        pixels: Whether a probe is also fitted to the inputs. Defaults to `False`.
        num_examples: Most examples to fit, and most to test. The states of all their
            positions are kept with `reduce="positions"`. Defaults to `5000`.
        iterations: Number of iterations. Defaults to `None` (the number the model was
            built with).
        seed: Seed of the validation examples and the control task. Defaults to `0`.

    Returns:
        A `Separability`.

    Raises:
        ValueError: If the labels are not one class per example (or position), if there
            are fewer than two classes, if a class has too few fitting examples, if a
            state is not finite or has no `grid` x `grid` positions, or if an argument
            is out of range. `"positions"` takes no `pixels` and no `"clusters"`.

    Reference:
        [Alain and Bengio 2016](https://arxiv.org/abs/1610.01644);
        [Hewitt and Liang 2019](https://arxiv.org/abs/1909.03368), control tasks.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "mlp", input_shape=(4, 4, 1), num_classes=2, width=8, iterations=3
    ... )
    >>> x = np.random.default_rng(0).normal(size=(100, 4, 4, 1)).astype("float32")
    >>> y = (x.mean(axis=(1, 2, 3)) > 0).astype(int)
    >>> found = keras_recur.analysis.separability(
    ...     pair.recurrent, (x[:60], y[:60]), (x[60:], y[60:])
    ... )
    >>> found.iterations, found.accuracy.shape
    ([0, 1, 2, 3], (4,))
    """
    check_one_of("reduce", reduce, ("mean", "grid", "all", "positions"))
    grid = check_positive_int("grid", grid)
    check_one_of("control", control, (None, "shuffled", "clusters"))
    check_flag("pixels", pixels)
    if reduce == "positions" and (pixels or control == "clusters"):
        raise ValueError(
            "`reduce`='positions' has no probe of pixels and no clusters of inputs. "
            f"Received: pixels={pixels}, control={control!r}."
        )
    random = np.random.default_rng(check_integer("seed", seed, 0))
    strengths: tuple[float, ...] = _STRENGTHS
    if regularization is not None:
        strengths = (check_number("regularization", regularization, above=0),)
    states = LoopStates(model, iterations)
    parts = {"train": examples(train, num_examples, model, name="train")}
    parts["test"] = examples(test, num_examples, model, name="test")
    if validation is None:
        parts |= _split(*parts["train"], random)
    else:
        parts["validation"] = examples(
            validation, num_examples, model, name="validation"
        )
    inputs = {name: x for name, (x, _) in parts.items()}
    labels = {name: y for name, (_, y) in parts.items()}
    if reduce == "positions":
        features = {name: states.read(x) for name, x in inputs.items()}
        shape = features["test"].shape[2:-1]
        rows = {name: Positions(name, y, shape) for name, y in labels.items()}
        labels = {name: found.labels for name, found in rows.items()}
        _check_classes(labels)
        scores = head_by_position(model, *parts["test"], iterations)
    else:
        rows = {}
        labels = {name: class_labels(name, y) for name, y in labels.items()}
        _check_classes(labels)
        scores = iteration_curve(model, (inputs["test"], labels["test"]), iterations)
        features = {
            name: states.read(x, lambda state: reduced(state, reduce, grid))
            for name, x in inputs.items()
        }
    head = np.array([np.nan, *scores])
    if control:
        labels = control_labels(control, inputs, labels, random)

    def fit(features):
        return fit_probe(features, labels, strengths)

    for i, number in enumerate(states.iterations):
        if not all(np.isfinite(part[i]).all() for part in features.values()):
            raise ValueError(
                "A probe needs finite states. Received: states with NaN or infinity "
                f"after {number} iterations of the `model`. Use fewer `iterations`, or "
                "a model whose training did not diverge."
            )
    found = [
        fit(
            {
                name: rows[name].features(part[i]) if rows else part[i]
                for name, part in features.items()
            }
        )
        for i in range(len(states.iterations))
    ]
    shown = None
    if pixels:
        shown = fit({name: flat(x) for name, x in inputs.items()}).accuracy
    accuracy, fitted, chosen, converged = zip(*found, strict=True)
    return Separability(
        list(states.iterations),
        np.array(accuracy),
        np.array(fitted),
        head[states.iterations],
        shown,
        list(chosen),
        list(converged),
        features["train"].shape[-1],
        (len(labels["train"]), len(labels["validation"]), len(labels["test"])),
        control,
    )


def _split(x, y, random):
    """Keep a tenth of the examples for the choice of the regularization."""
    # Drawn at random, because data may be sorted by class.
    order, kept = random.permutation(len(y)), max(1, len(y) // 10)

    def part(rows):
        return tree.map_structure(lambda leaf: leaf[rows], x), y[rows]

    return {"train": part(order[kept:]), "validation": part(order[:kept])}


def _check_classes(labels):
    classes, counts = np.unique(labels["train"], return_counts=True)
    if len(classes) < 2:
        raise ValueError(
            "`train` must have examples of two classes or more to fit a probe. "
            f"Received: {len(labels['train'])} examples of the classes "
            f"{classes.tolist()}. Shuffle the data, or raise `num_examples`."
        )
    if counts.min() < 2:
        raise ValueError(
            "`train` must have two examples or more of every class. Received: one of "
            f"class {classes[counts.argmin()]}. Raise `num_examples`."
        )
    for name in ("validation", "test"):
        unknown = np.setdiff1d(labels[name], classes)
        if len(unknown):
            raise ValueError(
                f"`train` must have examples of every class of `{name}`. Received: "
                f"none of class {unknown[0]}. Shuffle the data, or raise "
                "`num_examples`."
            )
