"""Settings of one training run."""

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
from keras_recur.layers import Depth
from keras_recur.layers._depth_samplers import check_sampler
from keras_recur.layers._walk import banks_in
from keras_recur.losses.coarse_to_fine_loss import COARSE_TO_FINE, CoarseToFineLoss
from keras_recur.losses.iteration_loss import IterationLoss, check_weights
from keras_recur.optimizers import CoupledAdam, CoupledSGD
from keras_recur.training._applications import times_applied


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Optimizer, schedule, loss and data options of one training run.

    `batch_size`, `augment` and `cutout` describe the data. `training.fit` ignores them:
    pass them to `data.load`, as `runs.compare` does.

    Attributes:
        optimizer: `"sgd"` or `"adam"`.
        learning_rate: Learning rate after warm-up and before decay.
        epochs: Number of passes over the training data.
        batch_size: Number of examples per step.
        momentum: Momentum of SGD. Defaults to `0.9`.
        nesterov: Use Nesterov momentum in SGD. Defaults to `False`.
        weight_decay: Coupled weight decay, as in the papers: `weight_decay * weight` is
            added to the gradient. It applies to all weights except the coefficients of
            template banks. Defaults to `0.0`.
        clip_norm: Maximum norm of the whole gradient. Defaults to `None` (no clipping).
        milestones: Epochs, counted from 0, at which the learning rate is multiplied by
            `decay`. Defaults to `()`.
        decay: Factor of the learning rate at each milestone. Defaults to `0.1`.
        warmup: Period of the exponential warm-up. In the first `warmup - 1` epochs,
            counted from 0, the learning rate is multiplied by
            `1 - exp(-(epoch + 1) / warmup)`. Defaults to `0` (no warm-up).
        throttle: Divide the learning rate of looped weights by the number of
            iterations. Defaults to `False`.
        loss_weights: Readout weights, as in `IterationLoss`. Defaults to `"final"`.
        window: Number of last readouts that `"window"` weights score; all if there are
            fewer. Defaults to `None`.
        gamma: Factor of `"geometric"` weights. Defaults to `1.0`.
        anneal_from: Readout weights in the first epoch, in the form of `loss_weights`.
            The losses of different epochs, including validation losses, are then not
            comparable. Defaults to `None` (no annealing).
        anneal_epochs: Length of the annealing, required with `anneal_from`. In epoch e,
            counted from 0, the weights are `1 - p` times `anneal_from` plus `p` times
            `loss_weights`, where `p = min(1, e / anneal_epochs)`.
        hierarchy: Superclass of each class. Early readouts are then trained on
            superclasses (see `CoarseToFineLoss`). Defaults to `()` (classes only).
        coarse_to_fine: Schedule of `CoarseToFineLoss`: `"linear"` (the default with a
            hierarchy), `"switch"` or `"power"`.
        progressive: Share alpha of the progressive loss, from 0 to 1. The loss is
            (1 - alpha) times the loss of the full run plus alpha times the loss of n
            iterations without gradient and then k with gradient. Defaults to `0.0`.
        progressive_depth: How the progressive loss draws n and k: `"paper"`,
            `"uniform"` or a `layers.Depth` (see `SharedRecurrentBlock`). A dictionary
            with the arguments of a `Depth` becomes one. Defaults to `"paper"`.
        replay: Share of rows, from 0 to 1, that start from the state in which the loop
            ended in the step before (`StateReplay`). It keeps loops right when they run
            on, and needs a loop that sees its input at every iteration. Defaults to
            `0.0`.
        replay_same: Share of those rows, from 0 to 1, that keep their example.
            Defaults to `0.5`.
        replay_from: Number of steps before the first replay. Defaults to `50`.
        replay_limit: Number of steps after which a row starts afresh. Defaults to
            `None`: no limit.
        augment: Use the augmentation of the data set, if any. Defaults to `True`.
        cutout: Side in pixels of the square that is cut out of each training image
            (DeVries and Taylor 2017). Defaults to `0` (no cutout).
        source: Reference for the settings. Defaults to `""`.

    Raises:
        ValueError: If a field has an invalid value, or fields contradict each other,
            such as a progressive loss with several readouts.

    Reference:
        [Schwarzschild et al. 2022](https://arxiv.org/abs/2102.11011), appendix.
        [Bansal et al. 2022](https://arxiv.org/abs/2202.05826), section 3.2, for
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
    progressive_depth: str | Depth = "paper"
    window: int | None = None
    replay: float = 0.0
    replay_same: float = 0.5
    replay_from: int = 50
    replay_limit: int | None = None
    augment: bool = True
    cutout: int = 0
    source: str = ""

    def __post_init__(self):
        check_one_of("optimizer", self.optimizer, ("sgd", "adam"))
        self._check_values()
        if self.progressive and self.loss_weights != "final":
            raise ValueError(
                "The progressive loss reads out one state and needs "
                f"loss_weights='final'. Received: loss_weights={self.loss_weights!r}."
            )
        if self.progressive_depth != "paper" and not self.progressive:
            raise ValueError(
                "`progressive_depth` needs a progressive loss. Received: "
                f"progressive_depth={self.progressive_depth!r} with progressive=0. Set "
                "`progressive` to its share of the loss, such as 1.0."
            )
        self._check_annealing()
        nothing = not isinstance(self.loss_weights, str) and not any(self.loss_weights)
        if nothing and self.anneal_from is None:
            raise ValueError(
                "`loss_weights` must have a number above 0, or nothing is trained. "
                f"Received: loss_weights={list(self.loss_weights)}."
            )
        self._check_hierarchy()
        self._check_replay()
        named = self.loss_weights, self.anneal_from
        if (self.window is None) == ("window" in named):
            raise ValueError(
                "`window` and the weights 'window' must be given together. Received: "
                f"window={self.window} with loss_weights={self.loss_weights!r}."
            )
        if self.gamma != 1 and "geometric" not in (self.loss_weights, self.anneal_from):
            raise ValueError(
                "`gamma` scales geometric weights and needs loss_weights='geometric' "
                f"or anneal_from='geometric'. Received: gamma={self.gamma} with "
                f"loss_weights={self.loss_weights!r}."
            )

    def _check_values(self):
        """Check each field on its own and store it as a Python type."""
        checked: dict[str, Any] = {
            name: check_positive_int(name, getattr(self, name))
            for name in ("epochs", "batch_size")
        }
        for name in ("warmup", "cutout", "replay_from"):
            checked[name] = check_integer(name, getattr(self, name), 0)
        for name in ("nesterov", "throttle", "augment"):
            checked[name] = check_flag(name, getattr(self, name))
        checked["weight_decay"] = check_number("weight_decay", self.weight_decay, 0)
        for name in ("momentum", "progressive", "replay", "replay_same"):
            checked[name] = check_number(name, getattr(self, name), 0, 1)
        checked["progressive_depth"] = _sampler(self.progressive_depth)
        for name in ("learning_rate", "decay", "gamma"):
            checked[name] = check_number(name, getattr(self, name), above=0)
        if self.clip_norm is not None:
            checked["clip_norm"] = check_number(
                "clip_norm", self.clip_norm, above=0, hint="None switches it off."
            )
        for name in ("anneal_epochs", "window", "replay_limit"):
            if getattr(self, name) is not None:
                checked[name] = check_positive_int(name, getattr(self, name))
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
                    "`coarse_to_fine` needs a `hierarchy`. Received: "
                    f"coarse_to_fine={self.coarse_to_fine!r} without one."
                )
            return
        if self.progressive:
            raise ValueError(
                "`hierarchy` orders several readouts, but the progressive loss reads "
                f"out one state. Received: progressive={self.progressive}."
            )
        if not self.every_readout:
            raise ValueError(
                "`hierarchy` orders several readouts, but loss_weights='final' trains "
                f"only the last one. Received: hierarchy={self.hierarchy} with "
                "loss_weights='final'. Did you mean loss_weights='uniform'?"
            )

    def _check_replay(self):
        if self.replay and self.progressive:
            raise ValueError(
                "State replay and the progressive loss both choose where iterations "
                f"begin. Received: replay={self.replay} with "
                f"progressive={self.progressive}. Set one of them to 0."
            )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            others = field.name.startswith("replay_") and value != field.default
            if others and not self.replay:
                raise ValueError(
                    f"`{field.name}` needs `replay`, a share above 0. Received: "
                    f"{field.name}={value} with replay=0."
                )

    def _check_annealing(self):
        if (self.anneal_from is None) != (self.anneal_epochs is None):
            given, missing = "anneal_from", "anneal_epochs"
            if self.anneal_from is None:
                given, missing = missing, given
            raise ValueError(
                "`anneal_from` and `anneal_epochs` must be given together. Received: "
                f"{given}={getattr(self, given)!r} without `{missing}`."
            )
        if self.anneal_from is None:
            return
        if self.progressive:
            raise ValueError(
                "`anneal_from` anneals the weights of several readouts, but the "
                "progressive loss reads out one state. Received: anneal_from="
                f"{self.anneal_from!r} with progressive={self.progressive}. Set "
                "progressive=0."
            )
        if self.anneal_from == self.loss_weights:
            raise ValueError(
                "`anneal_from` must differ from `loss_weights`. Received: "
                f"{self.anneal_from!r} for both."
            )
        ends = self.anneal_from, self.loss_weights
        counts = [len(w) for w in ends if not isinstance(w, str)]
        if len(set(counts)) > 1:
            raise ValueError(
                "`anneal_from` and `loss_weights` must both have one number per "
                f"readout. Received: {counts[0]} and {counts[1]} numbers."
            )

    def learning_rate_at(self, epoch: int) -> float:
        """Return the learning rate of `epoch`, counted from 0."""
        passed = sum(epoch >= milestone for milestone in self.milestones)
        rate = self.learning_rate * self.decay**passed
        if epoch + 1 < self.warmup:
            rate *= 1 - math.exp(-(epoch + 1) / self.warmup)
        return rate

    def annealed_at(self, epoch: int) -> float:
        """Return the share of `loss_weights`, 0 to 1, in `epoch`, counted from 0."""
        if self.anneal_epochs is None:
            return 1.0
        return min(1.0, epoch / self.anneal_epochs)

    @property
    def every_readout(self) -> bool:
        """Whether the recipe needs a model that returns the readout of each iteration.

        State replay reads out the last iterations of any model.
        """
        if self.anneal_from is not None:
            return True
        return self.loss_weights not in ("final", "window" if self.replay else "final")

    def loss(self, weights: str | Sequence[float] | None = None) -> IterationLoss:
        """Return the loss over the readouts; `weights` replaces `loss_weights`."""
        weights = self.loss_weights if weights is None else weights
        if self.hierarchy:
            coarse_to_fine = self.coarse_to_fine or "linear"
            return CoarseToFineLoss(
                self.hierarchy, coarse_to_fine, weights, self.gamma, window=self.window
            )
        return IterationLoss(weights, self.gamma, window=self.window)

    def make_optimizer(self, model: keras.Model) -> keras.optimizers.Optimizer:
        """Return the optimizer. The loops of `model` define the throttled weights."""
        check_type("model", model, keras.Model, "a Keras model")
        slower: dict[int, float] = {}
        if self.throttle:
            times = times_applied(model)
            slower = {variable: 1 / count for variable, count in times.items()}
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


def recipe_defaults() -> dict[str, Any]:
    """Return the default of every optional field."""
    missing = dataclasses.MISSING
    fields = dataclasses.fields(Recipe)
    return {f.name: f.default for f in fields if f.default is not missing}


# Fields that change a recipe into one without state replay.
REPLAY_OFF = {k: v for k, v in recipe_defaults().items() if k.startswith("replay")}


def _sampler(value):
    """Return the sampler of the depth, also from a recipe in JSON."""
    if isinstance(value, dict):
        names = [field.name for field in dataclasses.fields(Depth)]
        if "mean" not in value or not set(value) <= set(names):
            raise ValueError(
                f"`progressive_depth` must have a `mean`, and may have {names[1:]}. "
                f"Received: progressive_depth={value!r}."
            )
        return Depth(**value)
    return check_sampler("progressive_depth", value)
