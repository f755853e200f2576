"""How an entry of the zoo is trained, as data."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_recur._validation import (
    check_flag,
    check_hierarchy,
    check_integer,
    check_number,
    check_one_of,
    check_positive_int,
    check_sequence,
    check_type,
)
from keras_recur.layers._walk import banks_in
from keras_recur.losses.coarse_to_fine_loss import COARSE_TO_FINE, CoarseToFineLoss
from keras_recur.losses.iteration_loss import IterationLoss, check_weights
from keras_recur.optimizers.coupled import CoupledAdam, CoupledSGD
from keras_recur.training._applications import times_applied


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Optimizer, schedule, loss and data of one training run.

    Attributes:
        optimizer: `"sgd"` or `"adam"`.
        learning_rate: After warm-up, before decay.
        epochs: Passes over the training data.
        batch_size: Examples per step.
        momentum: Of SGD. Default 0.9.
        nesterov: Of SGD. Default `False`.
        weight_decay: Coupled, as in the papers: added to the gradient, times the
            weight. Of all weights but the coefficients of template banks. Default 0.
        clip_norm: Norm to which the whole gradient is clipped. Default: not at all.
        milestones: Epochs, from 0, at which the learning rate is multiplied by
            `decay`. Default: none.
        decay: See `milestones`. Default 0.1.
        warmup: Period of the papers' exponential warm-up: the epochs before the
            `warmup`-th run at `1 - exp(-(epoch + 1) / warmup)` of the learning rate.
            With 5 these are four epochs at 0.18, 0.33, 0.45 and 0.55. Default 0: none.
        throttle: Divide the learning rate of looped weights by their iterations.
            Default `False`.
        loss_weights: Weights of the readouts, as `IterationLoss` takes them.
        gamma: For `"geometric"` weights.
        anneal_from: Weights of the readouts in the first epoch, as `loss_weights`; they
            go over to these in equal steps. Losses of different epochs, those on
            validation data too, are then sums with different weights. Default: none.
        anneal_epochs: In how many epochs: in epoch e, from 0, the weights are
            `1 - p` times the first plus `p` times `loss_weights`, with
            `p = min(1, e / anneal_epochs)`. Needed with `anneal_from`.
        hierarchy: The superclass of every class, for a loss that asks early readouts
            for the superclass alone, see `CoarseToFineLoss`. Default: none.
        coarse_to_fine: How that loss passes from superclasses to classes: `"linear"` (the default
            with a hierarchy), `"switch"` or `"power"`.
        progressive: Share alpha of the progressive loss, 0 to 1: the loss is
            (1 - alpha) times that of the full run plus alpha times that of n steps
            without and k with gradient. 0 (default) and 1 compute one of them only.
        augment: Use the data set's augmentation, where it has one. Default `True`.
        cutout: Side of the square that is cut out of every training image, in pixels
            (DeVries and Taylor 2017). Default 0: none.
        source: Where the figures come from.

    Sequences become tuples, and numbers of NumPy those of Python.

    Raises:
        ValueError: If a field is not as described, or fields do not go together:
            the progressive loss with several readouts, a hierarchy with weights that
            train the last readout alone, `gamma` without geometric weights.

    Reference:
        [Schwarzschild et al. 2022](https://arxiv.org/abs/2102.11011), appendix;
        [Bansal et al. 2022](https://arxiv.org/abs/2202.05826), section 3.2 for
        `progressive`.

    Example:

    >>> recipe = keras_recur.training.Recipe("adam", 1e-3, epochs=20, batch_size=100)
    >>> recipe.learning_rate_at(0)
    0.001
    """

    optimizer: str
    learning_rate: float
    epochs: int
    batch_size: int
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    clip_norm: float | None = None
    milestones: Sequence[int] = ()
    decay: float = 0.1
    warmup: int = 0
    throttle: bool = False
    loss_weights: str | Sequence[float] = "final"
    gamma: float = 1.0
    anneal_from: str | Sequence[float] | None = None
    anneal_epochs: int | None = None
    hierarchy: Sequence[int] = ()
    coarse_to_fine: str | None = None
    progressive: float = 0.0
    augment: bool = True
    cutout: int = 0
    source: str = ""

    def __post_init__(self):
        check_one_of("optimizer", self.optimizer, ("sgd", "adam"))
        self._check_values()
        if self.progressive and self.loss_weights != "final":
            raise ValueError(
                "The progressive loss predicts from one state and needs "
                f"loss_weights='final'. Received: loss_weights={self.loss_weights!r}."
            )
        self._check_annealing()
        nothing = not isinstance(self.loss_weights, str) and not any(self.loss_weights)
        if nothing and self.anneal_from is None:
            raise ValueError(
                "`loss_weights` must have a number above 0, or nothing is trained. "
                f"Received: loss_weights={list(self.loss_weights)}."
            )
        self._check_hierarchy()
        if self.gamma != 1 and "geometric" not in (self.loss_weights, self.anneal_from):
            raise ValueError(
                "`gamma` is the factor of geometric weights and needs loss_weights="
                "'geometric' or anneal_from='geometric'. Received: gamma="
                f"{self.gamma} with loss_weights={self.loss_weights!r}."
            )

    def _check_values(self):
        """Check each field by itself, and keep it in Python's own types."""
        checked: dict[str, Any] = {
            name: check_positive_int(name, getattr(self, name))
            for name in ("epochs", "batch_size")
        }
        for name in ("warmup", "cutout"):
            checked[name] = check_integer(name, getattr(self, name), 0)
        for name in ("nesterov", "throttle", "augment"):
            checked[name] = check_flag(name, getattr(self, name))
        checked["weight_decay"] = check_number("weight_decay", self.weight_decay, 0)
        for name in ("momentum", "progressive"):
            checked[name] = check_number(name, getattr(self, name), 0, 1)
        for name in ("learning_rate", "decay", "gamma"):
            checked[name] = check_number(name, getattr(self, name), above=0)
        if self.clip_norm is not None:
            checked["clip_norm"] = check_number(
                "clip_norm", self.clip_norm, above=0, hint="None switches it off."
            )
        if self.anneal_epochs is not None:
            checked["anneal_epochs"] = check_positive_int(
                "anneal_epochs", self.anneal_epochs
            )
        checked["milestones"] = tuple(
            check_sequence("milestones", self.milestones, _check_epoch)
        )
        empty = isinstance(self.hierarchy, list | tuple) and not self.hierarchy
        checked["hierarchy"] = () if empty else tuple(check_hierarchy(self.hierarchy))
        if self.coarse_to_fine is not None:
            check_one_of("coarse_to_fine", self.coarse_to_fine, COARSE_TO_FINE)
        check_type("source", self.source, str, "a string")
        for name in ("loss_weights", "anneal_from"):
            value = getattr(self, name)
            if name == "loss_weights" or value is not None:
                value = check_weights(name, value)
                checked[name] = value if isinstance(value, str) else tuple(value)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def _check_hierarchy(self):
        if not self.hierarchy:
            if self.coarse_to_fine is not None:
                raise ValueError(
                    "`coarse_to_fine` leads from superclasses to classes and needs a "
                    f"`hierarchy`. Received: coarse_to_fine={self.coarse_to_fine!r} without one."
                )
            return
        if self.progressive:
            raise ValueError(
                "The progressive loss predicts from one state: there is nothing for a "
                f"`hierarchy` to order. Received: progressive={self.progressive}."
            )
        if not self.every_readout:
            raise ValueError(
                "A `hierarchy` orders the readouts of several iterations, of which "
                "loss_weights='final' trains the last alone, for classes. Received: "
                f"hierarchy={self.hierarchy} with loss_weights='final'. Did you mean "
                "loss_weights='uniform'?"
            )

    def _check_annealing(self):
        if (self.anneal_from is None) != (self.anneal_epochs is None):
            given, missing = "anneal_from", "anneal_epochs"
            if self.anneal_from is None:
                given, missing = missing, given
            raise ValueError(
                "`anneal_from`, the weights that are begun with, and `anneal_epochs`, "
                "how many epochs they lead to `loss_weights`, need each other. "
                f"Received: {given}={getattr(self, given)!r} without `{missing}`."
            )
        if self.anneal_from is None:
            return
        if self.progressive:
            raise ValueError(
                "The progressive loss predicts from one state: there are no weights to "
                f"anneal. Received: anneal_from={self.anneal_from!r} with progressive="
                f"{self.progressive}. Allowed there: progressive=0."
            )
        if self.anneal_from == self.loss_weights:
            raise ValueError(
                "`anneal_from` must differ from `loss_weights`, to which it leads. "
                f"Received: {self.anneal_from!r} for both."
            )
        ends = self.anneal_from, self.loss_weights
        counts = [len(w) for w in ends if not isinstance(w, str)]
        if len(set(counts)) > 1:
            raise ValueError(
                "`anneal_from` and `loss_weights` must have as many numbers, one "
                f"per readout. Received: {counts[0]} and {counts[1]} of them."
            )

    def learning_rate_at(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        passed = sum(epoch >= milestone for milestone in self.milestones)
        rate = self.learning_rate * self.decay**passed
        if epoch + 1 < self.warmup:
            rate *= 1 - math.exp(-(epoch + 1) / self.warmup)
        return rate

    def annealed_at(self, epoch: int) -> float:
        """How much of `loss_weights` there is in an epoch, counted from 0; 1 is all."""
        return (
            1.0 if self.anneal_epochs is None else min(1.0, epoch / self.anneal_epochs)
        )

    @property
    def every_readout(self) -> bool:
        """Whether readouts before the last iteration's are trained."""
        return self.loss_weights != "final" or self.anneal_from is not None

    def loss(self, weights: str | Sequence[float] | None = None) -> IterationLoss:
        """The loss over the readouts that a model returns; `weights` can be others."""
        weights = self.loss_weights if weights is None else weights
        if self.hierarchy:
            coarse_to_fine = self.coarse_to_fine or "linear"
            return CoarseToFineLoss(self.hierarchy, coarse_to_fine, weights, self.gamma)
        return IterationLoss(weights, self.gamma)

    def make_optimizer(self, model: keras.Model) -> keras.optimizers.Optimizer:
        """The optimizer for a model; the model's loops matter for `throttle`."""
        check_type("model", model, keras.Model, "a Keras model")
        slower: dict[int, float] = {}
        if self.throttle:
            times = times_applied(model)
            slower = {variable: 1 / number for variable, number in times.items()}
        multipliers = [slower.get(id(v), 1.0) for v in model.trainable_variables]
        undecayed = {
            id(v)
            for bank in banks_in(model)
            for v in bank.undecayed
            if self.weight_decay
        }
        decayed = [id(v) not in undecayed for v in model.trainable_variables]
        common = {
            "learning_rate": self.learning_rate_at(0),
            "global_clipnorm": self.clip_norm,
            "coupled_weight_decay": self.weight_decay,
            "multipliers": multipliers if slower else None,
            "decayed": decayed if undecayed else None,
        }
        if self.optimizer == "adam":
            return CoupledAdam(**common)
        return CoupledSGD(momentum=self.momentum, nesterov=self.nesterov, **common)


def _check_epoch(name, value):
    return check_integer(name, value, 0)
