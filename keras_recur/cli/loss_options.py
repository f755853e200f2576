"""Options of the command line that say which readouts are trained, and how."""

import dataclasses
from typing import Any

from keras_recur import data
from keras_recur._validation import check_hierarchy, check_one_of, nearest
from keras_recur.data.superclasses import with_superclasses
from keras_recur.losses.coarse_to_fine_loss import COARSE_TO_FINE
from keras_recur.runs.entry import Entry

_NAMES = ("final", "uniform", "geometric")


@dataclasses.dataclass(frozen=True)
class LossOptions:
    """What was typed, as fields of a `Recipe`; `None` where an option was left out.

    Attributes:
        loss_weights: A name, or numbers with commas between.
        gamma: For geometric weights.
        anneal_from: As `loss_weights`.
        anneal_epochs: In how many epochs.
        coarse_to_fine: From superclasses to classes.
        hierarchy: Integers with commas between.
    """

    loss_weights: str | None = None
    gamma: float | None = None
    anneal_from: str | None = None
    anneal_epochs: int | None = None
    coarse_to_fine: str | None = None
    hierarchy: str | None = None

    @property
    def given(self) -> list[str]:
        """The options that were typed."""
        values = dataclasses.asdict(self).items()
        return [f"--{k.replace('_', '-')}" for k, v in values if v is not None]

    def fields(self, on: str, progressive: float | None) -> dict[str, Any]:
        """The fields of a recipe for a data set; `progressive` as it was typed.

        Raises:
            ValueError: for what cannot be read, and options that do not go together.
        """
        found: dict[str, Any] = {
            "loss_weights": _weights("--loss-weights", self.loss_weights),
            "gamma": self._gamma(),
            "anneal_from": _weights("--anneal-from", self.anneal_from),
            "anneal_epochs": self.anneal_epochs,
            "coarse_to_fine": self.coarse_to_fine,
            "hierarchy": self._superclasses(on),
        }
        self._check_together()
        if found["hierarchy"] and self.loss_weights is None and not self.anneal_from:
            found["loss_weights"] = "uniform"
        found = {k: v for k, v in found.items() if v is not None}
        every = found.get("loss_weights", "final") != "final" or self.anneal_from
        if every and progressive is None:
            found["progressive"] = 0.0  # It predicts from one state alone.
        return found

    def check(self, entry: Entry) -> None:
        """Whether the entry has a readout for every number that was typed.

        Raises:
            ValueError: if not.
        """
        recipe = entry.recipe("recurrent")
        if not self.given or not recipe.every_readout:
            return
        if "iterations" not in entry.model:
            raise ValueError(
                f"{entry.family} has no `iterations` whose answers could be trained. "
                f"Received: {', '.join(self.given)}."
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
                    f"Received: {len(weights)} of them."
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
                "--anneal-from, the weights that are begun with, and --anneal-epochs, "
                f"how many epochs they change in, need each other. Received: {given} "
                "alone."
            )
        coarse = self.coarse_to_fine is not None or self.hierarchy is not None
        if coarse and self.loss_weights == "final" and not annealed:
            raise ValueError(
                "With --loss-weights final the last answer alone is trained, and that "
                "one is for classes: there is nothing for --coarse-to-fine and --hierarchy to "
                "order. Did you mean --loss-weights uniform?"
            )

    def _superclasses(self, on):
        classes = data.describe(on).num_classes
        if self.hierarchy is not None:
            try:
                found = [int(part) for part in self.hierarchy.split(",")]
            except ValueError:
                raise ValueError(
                    "--hierarchy must be the superclass of every class, integers with "
                    f"commas between, as 0,0,1. Received: {self.hierarchy!r}."
                ) from None
            return check_hierarchy(found, classes)
        if self.coarse_to_fine is None:
            return None
        check_one_of("coarse_to_fine", self.coarse_to_fine, COARSE_TO_FINE)
        if on not in with_superclasses():
            raise ValueError(
                f"{on} has no superclasses of its own. Give --hierarchy, the "
                f"superclass of each of its {classes} classes, as 0,0,1. Sets that "
                f"have some: {', '.join(with_superclasses())}."
            )
        return data.superclasses(on)


def _weights(option, text):
    """A name, or the numbers, of what was typed."""
    if text is None or text in _NAMES:
        return text
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"{option} must be final, uniform, geometric, or numbers with commas "
            f"between, as 0.1,0.2,0.7. Received: {text!r}.{nearest(text, _NAMES)}"
        ) from None
