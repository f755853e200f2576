"""Command-line options that choose the trained readouts and their losses."""

import dataclasses
from typing import TYPE_CHECKING, Any

from typer import Option

from keras_recur._validation import check_hierarchy, check_one_of, nearest

if TYPE_CHECKING:
    from keras_recur.runs import Entry

_NAMES = ("final", "uniform", "geometric", "window")


@dataclasses.dataclass(frozen=True)
class LossOptions:
    """Options that become fields of a `Recipe`; `None` if they were not given."""

    loss_weights: str | None = Option(
        None,
        help="Loss weights of the readouts: final, uniform, geometric, window or "
        "numbers such as 0.1,0.9. All but final turn the progressive loss off.",
    )
    window: int | None = Option(
        None, help="Number of last readouts that the loss weights window score."
    )
    gamma: float | None = Option(None, help="Growth factor of geometric weights.")
    anneal_from: str | None = Option(None, help="Loss weights in the first epoch.")
    anneal_epochs: int | None = Option(
        None, help="Epochs until these weights reach --loss-weights."
    )
    coarse_to_fine: str | None = Option(
        None, help="Train early readouts on superclasses: linear, switch or power."
    )
    hierarchy: str | None = Option(
        None, help="Superclass of every class, as 0,0,1. Default: that of the data set."
    )
    progressive_depth: str | None = Option(
        None,
        help="Iterations of the progressive loss: paper, uniform, or the mean, spread "
        "and iterations with gradient of a random depth, as 32,0.5,8.",
    )

    @property
    def given(self) -> list[str]:
        values = dataclasses.asdict(self).items()
        return [f"--{k.replace('_', '-')}" for k, v in values if v is not None]

    def fields(self, dataset: str) -> dict[str, Any]:
        """Return the given fields of `Recipe`."""
        found: dict[str, Any] = {
            "loss_weights": _weights("--loss-weights", self.loss_weights),
            "window": self.window,
            "gamma": self._gamma(),
            "anneal_from": _weights("--anneal-from", self.anneal_from),
            "anneal_epochs": self.anneal_epochs,
            "coarse_to_fine": self.coarse_to_fine,
            "hierarchy": self._superclasses(dataset),
            "progressive_depth": _depth(self.progressive_depth),
        }
        self._check_together()
        if found["hierarchy"] and self.loss_weights is None and not self.anneal_from:
            found["loss_weights"] = "uniform"
        return {k: v for k, v in found.items() if v is not None}

    def check(self, entry: "Entry") -> None:
        """Check that the entry has one readout for every given number."""
        recipe = entry.recipe("recurrent")
        if not self.given or not recipe.every_readout:
            return
        if "iterations" not in entry.model:
            raise ValueError(
                f"{entry.family} has no `iterations`, so its readouts cannot be "
                f"trained separately. Received: {', '.join(self.given)}."
            )
        ends = {"--loss-weights": recipe.loss_weights}
        ends["--anneal-from"] = recipe.anneal_from or "final"
        for option, weights in ends.items():
            if isinstance(weights, str):
                continue
            shape = entry.network("recurrent", 0).output_shape
            if shape[1] != len(weights):
                raise ValueError(
                    f"{option} must be a number for each of the {shape[1]} readouts. "
                    f"Received: {len(weights)} numbers."
                )

    def _gamma(self):
        if self.gamma is not None and "geometric" not in (
            self.loss_weights,
            self.anneal_from,
        ):
            raise ValueError(
                "--gamma is the factor of geometric weights: add --loss-weights "
                f"geometric or --anneal-from geometric. Received: --gamma {self.gamma}."
            )
        return self.gamma

    def _check_together(self):
        annealed = self.anneal_from is not None
        if annealed != (self.anneal_epochs is not None):
            given = "--anneal-from" if annealed else "--anneal-epochs"
            raise ValueError(
                "--anneal-from (loss weights in the first epoch) and --anneal-epochs "
                "(epochs in which they change) need each other. Received: "
                f"{given} alone."
            )
        coarse = self.coarse_to_fine is not None or self.hierarchy is not None
        if coarse and self.loss_weights == "final" and not annealed:
            raise ValueError(
                "--loss-weights final trains the last readout alone, on classes, so "
                "--coarse-to-fine and --hierarchy have no effect. Did you mean "
                "--loss-weights uniform?"
            )

    def _superclasses(self, dataset):
        from keras_recur import data
        from keras_recur.data.superclasses import with_superclasses
        from keras_recur.losses.coarse_to_fine_loss import COARSE_TO_FINE

        classes = data.describe(dataset).num_classes
        if self.hierarchy is not None:
            try:
                found = [int(part) for part in self.hierarchy.split(",")]
            except ValueError:
                raise ValueError(
                    "--hierarchy must be the superclass of every class, integers "
                    "separated by commas, such as 0,0,1. Received: "
                    f"{self.hierarchy!r}."
                ) from None
            return check_hierarchy(found, classes)
        if self.coarse_to_fine is None:
            return None
        check_one_of("coarse_to_fine", self.coarse_to_fine, COARSE_TO_FINE)
        if dataset not in with_superclasses():
            raise ValueError(
                f"{dataset} has no superclasses. Give --hierarchy, the superclass of "
                f"each of its {classes} classes, such as 0,0,1. Data sets with "
                f"superclasses: {', '.join(with_superclasses())}."
            )
        return data.superclasses(dataset)


def _depth(text):
    """Return the sampler that `--progressive-depth` names."""
    from keras_recur.layers import Depth
    from keras_recur.layers._depth_samplers import SAMPLERS

    if text is None or text in SAMPLERS:
        return text
    try:
        mean, *others = [float(part) for part in text.split(",")]
        spread, gradient = [*others, *(0.5, 8)[len(others) :]]
        if gradient != int(gradient):
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(
            "--progressive-depth must be paper, uniform, or up to three numbers: mean, "
            "spread and number of iterations with gradient, such as 32,0.5,8. "
            f"Received: {text!r}.{nearest(text, SAMPLERS)}"
        ) from None
    return Depth(mean, spread, int(gradient))


def _weights(option, text):
    if text is None or text in _NAMES:
        return text
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"{option} must be final, uniform, geometric, window, or numbers separated "
            f"by commas, such as 0.1,0.2,0.7. Received: {text!r}."
            f"{nearest(text, _NAMES)}"
        ) from None
