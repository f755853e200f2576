"""Command-line options that describe an entry."""

import dataclasses
from typing import TYPE_CHECKING, Any

from typer import Option

from keras_recur._files import check_path
from keras_recur.cli.loss_options import LossOptions
from keras_recur.cli.options import (
    Data,
    DataDir,
    Download,
    Epochs,
    Examples,
    Injection,
    Name,
    Quick,
    Size,
    Width,
)

if TYPE_CHECKING:
    from keras_recur.runs import Entry


@dataclasses.dataclass(frozen=True)
class EntryOptions:
    """Options that describe an entry: family, data, model and recipe."""

    name: Name
    data: Data
    quick: Quick = False
    width: Width = None
    iterations: int | None = Option(None, help="Number of applications of the block.")
    templates: str | None = Option(
        None, help="Mix kernels from this number of templates, or layers."
    )
    injection: Injection = None
    match: str = Option("depth", help="Match the twins by depth or parameters.")
    size: Size = None
    examples: Examples = None
    epochs: Epochs = None
    learning_rate: float | None = Option(None, help="Learning rate.")
    milestones: str | None = Option(
        None, help="Epochs at which the learning rate decays, as 30,40."
    )
    progressive: float | None = Option(
        None, help="Weight of the progressive loss, 0 to 1."
    )
    replay: float | None = Option(
        None, help="Share of rows that start from an earlier state, 0 to 1."
    )
    data_dir: DataDir = None
    download: Download = False

    def entry(self, losses: LossOptions | None = None) -> "Entry":
        """Return the entry, with the chosen losses."""
        from keras_recur import runs

        recipe = self._recipe()
        if losses is not None:
            recipe |= losses.fields(self.data)
        entry = runs.make_entry(
            self.name,
            self.data,
            quick=self.quick,
            size=self.size,
            num_examples=self.examples,
            model=self._model(),
            recipe=recipe,
            data_dir=self.data_dir and str(check_path("data_dir", self.data_dir)),
            download=self.download,
        )
        if losses is not None:
            losses.check(entry)
        return entry

    def _model(self):
        names = ("width", "iterations", "templates", "injection")
        model: dict[str, Any] = _given(self, names)
        if model.get("templates", "").isdigit():
            model["templates"] = int(model["templates"])
        if model.get("injection") == "none":
            model["injection"] = None
        if self.match != "depth":
            model["match"] = self.match
        return model

    def _recipe(self):
        recipe: dict[str, Any] = _given(
            self, ("epochs", "learning_rate", "progressive", "replay")
        )
        if self.milestones is not None:
            try:
                recipe["milestones"] = [int(m) for m in self.milestones.split(",") if m]
            except ValueError:
                raise ValueError(
                    "--milestones must be epochs separated by commas, such as 30,40. "
                    f"Received: {self.milestones!r}."
                ) from None
        return recipe


def _given(options, names):
    found = {name: getattr(options, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}
