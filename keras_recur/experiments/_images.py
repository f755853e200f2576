"""Base class of experiments on labeled images."""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_recur import data as data_room
from keras_recur import zoo
from keras_recur._files import check_path
from keras_recur._validation import check_flag, check_one_of, check_positive_int
from keras_recur.experiments.experiment import Experiment
from keras_recur.runs.make_entry import fitting_data, make_entry
from keras_recur.training.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class ImageExperiment(Experiment):
    """Experiment that trains state graphs on labeled images."""

    data: str = "digits"
    width: int = 16
    epochs: int | None = None
    num_examples: int | None = None
    short: bool = False
    data_dir: str | None = None
    download: bool = False

    def __post_init__(self):
        usual = zoo.describe("frnn").defaults["input_shape"]
        check_one_of("data", self.data, fitting_data(usual))
        for name in ("width", "epochs", "num_examples"):
            value = getattr(self, name)
            if value is not None or name == "width":
                object.__setattr__(self, name, check_positive_int(name, value))
        for name in ("short", "download"):
            check_flag(name, getattr(self, name))
        if self.data_dir is not None:
            path = str(check_path("data_dir", self.data_dir))
            object.__setattr__(self, "data_dir", path)

    def as_dict(self) -> dict[str, Any]:
        plain = dataclasses.asdict(self)
        # The location of the data is not part of the configuration.
        del plain["data_dir"], plain["download"]
        return {**plain, "recipe": dataclasses.asdict(self.recipe(self.networks[0]))}

    def recipe(self, name: str) -> Recipe:
        return self._entry().recipe("recurrent")

    def load(self, split: str, seed: int = 0) -> Any:
        entry = self._entry()
        if split == "train":
            return entry.train_data("recurrent", seed)
        make = entry.validation_data if split == "validation" else entry.test_data
        return make(None)

    def graph(self, family: str, seed: int, **arguments: Any) -> keras.Model:
        pair = zoo.build(
            family,
            seed=seed,
            input_shape=data_room.input_shape(self.data),
            num_classes=data_room.describe(self.data).num_classes,
            width=self.width,
            **arguments,
        )
        return pair.recurrent

    @property
    def guess(self) -> float:
        """Error of guessing."""
        return 1 - 1 / data_room.describe(self.data).num_classes

    def _entry(self):
        recipe: dict[str, Any] = {}
        if self.epochs is not None:
            recipe["epochs"] = self.epochs
            recipe["milestones"] = [2 * self.epochs // 3, 5 * self.epochs // 6]
        # Recipe and data are the same for all families of state graphs.
        return make_entry(
            "frnn",
            self.data,
            quick=self.short,
            num_examples=self.num_examples,
            model={"width": self.width},
            recipe=recipe,
            data_dir=self.data_dir,
            download=self.download,
        )


def error_of(model: keras.Model, data: Any) -> float:
    """Return the share of examples with a wrong label."""
    wrong = total = 0
    for x, y in (data[i] for i in range(len(data))):
        found = np.argmax(model.predict_on_batch(x), axis=-1)
        wrong, total = wrong + int((found != y).sum()), total + len(y)
    return wrong / total
