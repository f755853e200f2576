"""Entries, which combine a pair, its data, and a recipe for each twin."""

import dataclasses
from typing import Any

from keras_recur import data as data_room
from keras_recur import zoo
from keras_recur._earlier_names import current_names
from keras_recur._files import check_path
from keras_recur._shapes import plain_name
from keras_recur._validation import (
    check_flag,
    check_keywords,
    check_positive_int,
    check_sequence,
    check_type,
)
from keras_recur.layers import TemplateBank
from keras_recur.training.recipe import Recipe

TWINS = ("recurrent", "feedforward")


@dataclasses.dataclass(frozen=True)
class Entry:
    """An entry of the zoo, before it is trained.

    Attributes:
        family: Name of a family of `zoo`.
        data: Name of a data set of `data`.
        model: Arguments of `zoo.build`.
        recipes: A `Recipe` for each twin: `"recurrent"` and `"feedforward"`.
        size: Size of the training examples, for procedural tasks.
        num_examples: Number of training examples per phase. Defaults to `None`: all.
        test_sizes: Sizes of the test examples. With a curriculum, pairs of size and
            the option that grows over its phases, such as `(size, window)`.
        test_examples: Number of test examples of each size. Defaults to `None`: all.
        test_iterations: Largest number of iterations in tests. Defaults to `1`.
        data_dir: Folder of downloaded data sets.
        download: Whether a data set may be downloaded. Defaults to `False`.
        variants: Further recurrent networks by name, as changes to `model`. They use
            the recipe of the recurrent twin.
        phases: Value of the curriculum's option in each phase. The epochs of the recipe
            are divided among the phases. Defaults to `()`: no curriculum.
    """

    family: str
    data: str
    model: dict[str, Any]
    recipes: dict[str, Recipe]
    size: int | None = None
    num_examples: int | None = None
    test_sizes: tuple[Any, ...] = (None,)
    test_examples: int | None = None
    test_iterations: int = 1
    data_dir: str | None = None
    download: bool = False
    variants: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    phases: tuple[int, ...] = ()

    def __post_init__(self):
        zoo.describe(self.family)
        data_room.describe(self.data)
        check_keywords("model", self.model)
        check_type("recipes", self.recipes, dict, "a dictionary of recipes")
        for twin in TWINS:
            recipe = self.recipes.get(twin)
            check_type(f"recipes[{twin!r}]", recipe, Recipe, "a `training.Recipe`")
        check_type("variants", self.variants, dict, "a dictionary")
        for name, changes in self.variants.items():
            # The name becomes a folder.
            wrong = plain_name(name)
            if wrong:
                raise ValueError(f"A name in `variants` {wrong}. Received: {name!r}.")
            check_keywords(f"variants[{name!r}]", changes)
        check_sequence("test_sizes", self.test_sizes, _check_test_size, minimum=1)
        check_sequence("phases", self.phases, check_positive_int)
        check_positive_int("test_iterations", self.test_iterations)
        for name in ("size", "num_examples", "test_examples"):
            if getattr(self, name) is not None:
                check_positive_int(name, getattr(self, name))
        if self.data_dir is not None:
            check_path("data_dir", self.data_dir)
        check_flag("download", self.download)

    @property
    def name(self) -> str:
        """Name of the published folder, `family-data`."""
        return f"{self.family}-{self.data}"

    def pair(self, seed: int) -> zoo.Pair:
        """Return the untrained pair of a seed."""
        return zoo.build(self.family, **self.model, seed=seed)

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of both twins and all variants."""
        return (*TWINS, *self.variants)

    @property
    def has_banks(self) -> bool:
        """Whether the networks have template banks, which are folded after training."""
        given = {**zoo.describe(self.family).defaults, **self.model}
        return any(
            isinstance(found["sharing"], dict | TemplateBank)
            if found.get("sharing") is not None
            else found.get("templates") is not None
            for found in ({**given, **v} for v in ({}, *self.variants.values()))
        )

    def network(self, name: str, seed: int) -> Any:
        """Return an untrained network with all readouts that its recipe trains."""
        model = {**self.model, **self.variants.get(name, {})}
        if self.recipe(name).every_readout:
            model["readout"] = "all"
        twin = name if name in TWINS else "recurrent"
        return getattr(zoo.build(self.family, **model, seed=seed), twin)

    def recipe(self, name: str) -> Recipe:
        """Return the recipe of a network."""
        return self.recipes[name if name in TWINS else "recurrent"]

    def train_data(self, twin: str, seed: int) -> Any:
        """Return training examples, whose order and content depend on the seed."""
        recipe = self.recipe(twin)

        def load(size):
            return data_room.load(
                self.data,
                "train",
                recipe.batch_size,
                num_examples=self.num_examples,
                augment=None if recipe.augment else False,
                cutout=recipe.cutout,
                seed=seed,
                **self._common(size),
            )

        if not self.phases:
            return load(self.size)
        return self._curriculum(recipe, load)

    def phase_validation_data(self, twin: str) -> Any:
        """Return validation examples of the phase to which each epoch belongs."""
        if not self.phases:
            return self.validation_data(self.size)
        return self._curriculum(self.recipe(twin), self.validation_data)

    def _curriculum(self, recipe, load):
        sets = [load((self.size, value)) for value in self.phases]
        return data_room.Curriculum(sets, max(1, recipe.epochs // len(sets)))

    def validation_data(self, size: Any) -> Any:
        """Return the examples of one size that select the number of iterations."""
        spec = data_room.describe(self.data)
        # Validation slices are part of the training examples.
        split = "test" if spec.validation_slice else "validation"
        most = min(500, self.test_examples or 500, spec.num_examples[split])
        return data_room.load(
            self.data,
            split,
            50,
            num_examples=most,
            **self._common(size),
        )

    def test_data(self, size: Any, at_most: int | None = None) -> Any:
        """Return test examples of one size, all of them or the first `at_most`."""
        spec = data_room.describe(self.data)
        split = "test" if "test" in spec.splits else "validation"
        count = self.test_examples
        if at_most is not None:
            count = min(at_most, count or at_most, spec.num_examples[split])
        return data_room.load(
            self.data,
            split,
            50,
            num_examples=count,
            **self._common(size),
        )

    @property
    def procedural(self) -> bool:
        """Whether the examples are generated and can have any size."""
        return data_room.describe(self.data).procedural

    def as_dict(self) -> dict[str, Any]:
        """Return JSON data that `from_dict` reads."""
        plain = dataclasses.asdict(self)
        # The folder of the data does not change what is trained.
        del plain["data_dir"], plain["download"]
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Entry":
        """Return the entry from the data of `as_dict`."""
        recipes = {k: Recipe(**current_names(v)) for k, v in plain["recipes"].items()}
        sizes = tuple(
            tuple(s) if isinstance(s, list) else s for s in plain["test_sizes"]
        )
        phases = tuple(plain.get("phases", ()))
        variants = {k: current_names(v) for k, v in plain.get("variants", {}).items()}
        own = {
            "model": current_names(plain["model"]),
            "recipes": recipes,
            "test_sizes": sizes,
            "variants": variants,
            "phases": phases,
        }
        return cls(**{**plain, **own})

    @property
    def metric(self) -> str:
        """Name of the metric: "accuracy", "exact_match" or "f1"."""
        return data_room.describe(self.data).metric

    def _common(self, size):
        common: dict[str, Any] = {"size": size}
        if isinstance(size, tuple):
            option = data_room.describe(self.data).curriculum or "window"
            common = {"size": size[0], option: size[1]}
        if not self.procedural:
            common |= {"data_dir": self.data_dir, "download": self.download}
        return common


def _check_test_size(name, value):
    """Check a size, a pair `(size, option)`, or `None` for data of one size."""
    if isinstance(value, list | tuple):
        check_sequence(name, value, check_positive_int, minimum=2)
    elif value is not None:
        check_positive_int(name, value)
