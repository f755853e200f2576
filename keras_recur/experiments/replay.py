"""The experiment `replay`.

It removes parts of state replay: the rows that exchange their example, then all.
"""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import keras

from keras_recur._help import EXPERIMENT_TITLES
from keras_recur._limits import MAX_ITERATIONS
from keras_recur._validation import check_integer, check_sequence, check_type
from keras_recur.analysis import settling
from keras_recur.analysis._endless_steps import can_run_on
from keras_recur.experiments.experiment import Experiment
from keras_recur.experiments.replay_page import write_replay_page
from keras_recur.reports.page import Page
from keras_recur.runs.entry import Entry
from keras_recur.runs.make_entry import make_entry
from keras_recur.runs.summary import guess, mean_and_error, side, size_label
from keras_recur.training.recipe import REPLAY_OFF, Recipe

# Changes to the recipe of the entry, by network.
_CHANGES: dict[str, dict[str, Any]] = {
    "none": REPLAY_OFF,
    "same": {"replay_same": 1.0},
    "same-and-other": {},
}

# A seed solves a size with this share of right examples.
_SOLVED = 0.97
# A seed forgets if it loses more than one point in the long run.
_FORGOT = 0.01 + 1e-9  # The difference of two shares is rounded.


def _usual_entry():
    return make_entry("deep_thinking_1d", "prefix_sums", quick=True)


@dataclasses.dataclass(frozen=True)
class ReplayExperiment(Experiment):
    """Compare a loop trained with state replay to loops trained without parts of it.

    - `none`: no state replay.
    - `same`: rows that go on keep their example.
    - `same-and-other`: rows that go on keep their example or get another one, as in
      the recipe of the entry.

    First weights, loss, examples and their order are the same.

    Args:
        entry: Family, data and recipes, from `runs.make_entry`. The recipe of the
            recurrent network must have `replay` above 0 and `replay_same` below 1.
            Defaults to the quick entry of `deep_thinking_1d` on `prefix_sums`.
        sizes: Sizes of the test examples. The iterations grow with the size: a loop
            that is trained with T iterations on size n has ceil(T s / n) on size s.
            Defaults to `None`: the test sizes of the entry.
        longest: A further, larger test size, for which `LONGEST_EXAMPLES` examples
            suffice. Defaults to `None`.
        long_run: Number of iterations of a long run on the trained size. Defaults to
            `10_000`.

    Raises:
        ValueError: If the entry has no state replay or no rows with other examples, or
            an argument is invalid.

    Reference:
        [Anil et al. 2022](https://arxiv.org/abs/2211.09961), path independence.

    Example:

    >>> experiment = keras_recur.experiments.ReplayExperiment(sizes=(16, 128))
    >>> experiment.networks
    ('none', 'same', 'same-and-other')
    >>> experiment.iterations_at(128)
    160
    """

    name = "replay"
    title = EXPERIMENT_TITLES[name]

    MULTIPLES: ClassVar[tuple[int, ...]] = (1, 4, 16, 64)
    EXAMPLES: ClassVar[int] = 100
    LONGEST_EXAMPLES: ClassVar[int] = 10

    entry: Entry = dataclasses.field(default_factory=_usual_entry)
    sizes: Sequence[int] | None = None
    longest: int | None = None
    long_run: int = 10_000

    def __post_init__(self):
        check_type("entry", self.entry, Entry, "a `runs.Entry`")
        if "iterations" not in self.entry.model:
            raise ValueError(
                f"{self.entry.family} has no `iterations` to replay. Choose another "
                "family."
            )
        recipe = self.entry.recipe("recurrent")
        if not recipe.replay or recipe.replay_same == 1:
            raise ValueError(
                "The recurrent recipe of `entry` must have `replay` above 0 and "
                f"`replay_same` below 1. Received: replay={recipe.replay}, replay_same="
                f"{recipe.replay_same} for {self.entry.name}. Use a quick entry that "
                "has both, or set them in the recipe."
            )
        if self.sizes is not None:
            sizes = check_sequence("sizes", self.sizes, self._check_size, minimum=1)
            object.__setattr__(self, "sizes", tuple(sizes))
        if self.longest is not None:
            longest = self._check_size("longest", self.longest)
            object.__setattr__(self, "longest", longest)
            largest = max(side(size) for size in self.test_sizes[:-1])
            if longest <= largest:
                raise ValueError(
                    f"`longest` must be larger than the other test sizes, up to "
                    f"{largest}. Received: longest={longest}."
                )
        trained = self.entry.model["iterations"]
        long_run = check_integer(
            "long_run", self.long_run, trained, maximum=MAX_ITERATIONS
        )
        object.__setattr__(self, "long_run", long_run)

    def _check_size(self, name, value):
        if not self.entry.procedural:
            raise ValueError(
                f"`{name}` needs data whose examples can have any size. Received: "
                f"{name}={value!r} with data={self.entry.data!r}."
            )
        # Larger ones would need more than MAX_ITERATIONS.
        most = MAX_ITERATIONS * self._trained_side // self.entry.model["iterations"]
        value = check_integer(name, value, 1, maximum=most)
        self.entry.test_data(value, at_most=1)  # Errors come before the training.
        return value

    @property
    def networks(self) -> tuple[str, ...]:
        return tuple(_CHANGES)

    @property
    def test_sizes(self) -> tuple[Any, ...]:
        """All sizes of the test examples, `longest` last."""
        sizes = self.entry.test_sizes if self.sizes is None else self.sizes
        return (*sizes, *([] if self.longest is None else [self.longest]))

    @property
    def multiples(self) -> tuple[int, ...]:
        """Multiples of the trained iterations that are scored on the trained size."""
        most = MAX_ITERATIONS // self.entry.model["iterations"]
        return tuple(m for m in self.MULTIPLES if m <= most)

    @property
    def _trained_side(self):
        return side(self.entry.size or self.entry.test_sizes[0]) or 1

    def iterations_at(self, size: Any) -> int:
        """Return the number of iterations for test examples of a size."""
        growth = (side(size) or self._trained_side) / self._trained_side
        return math.ceil(self.entry.model["iterations"] * growth)

    def as_dict(self) -> dict[str, Any]:
        entry = self.entry.as_dict()
        kept = ("family", "data", "model", "size", "num_examples", "phases")
        return {
            **{key: entry[key] for key in kept},
            "sizes": list(self.test_sizes),
            "iterations": [self.iterations_at(s) for s in self.test_sizes],
            "examples": [self._count(s) for s in self.test_sizes],
            "multiples": list(self.multiples),
            "long_run": self.long_run,
            "recipe": dataclasses.asdict(self.recipe("same-and-other")),
        }

    def network(self, name: str, seed: int) -> keras.Model:
        # Without replay, a window of readouts needs a model that returns all of them.
        recipes = {**self.entry.recipes, "recurrent": self.recipe(name)}
        entry = dataclasses.replace(self.entry, recipes=recipes)
        model = entry.network("recurrent", seed)
        if not can_run_on(model):
            raise ValueError(
                "The experiment needs a loop whose weights are shared by all "
                f"iterations. Received: {self.entry.family} with {self.entry.model}."
            )
        return model

    def recipe(self, name: str) -> Recipe:
        return dataclasses.replace(self.entry.recipe("recurrent"), **_CHANGES[name])

    def load(self, split: str, seed: int = 0) -> Any:
        if split == "train":
            return self.entry.train_data("recurrent", seed)
        if split == "validation":
            return self.entry.phase_validation_data("recurrent")
        return self._test_data(self.entry.test_sizes[0])

    def _count(self, size):
        return self.LONGEST_EXAMPLES if size == self.longest else self.EXAMPLES

    def _test_data(self, size):
        return self.entry.test_data(size, at_most=self._count(size))

    def score(self, name: str, seed: int, model: keras.Model) -> dict[str, Any]:
        trained = self.entry.model["iterations"]
        marks = [m * trained for m in self.multiples]
        # A multiple is a number of iterations here.
        run = settling(model, self.load("test"), 1, [*marks, self.long_run])
        accuracies = []
        for size in self.test_sizes:
            count = self.iterations_at(size)
            found = settling(model, self._test_data(size), 1, [count])
            accuracies.append(float(found.after(count)))
        return {
            "accuracy": float(run.after(trained)),
            "accuracies": accuracies,
            "over_iterations": [float(run.after(mark)) for mark in marks],
            "long_run": float(run.after(self.long_run)),
        }

    def chance_score(self) -> dict[str, Any]:
        score = guess(self.entry.data)
        return {
            "accuracy": score,
            "accuracies": [score] * len(self.test_sizes),
            "over_iterations": [score] * len(self.multiples),
            "long_run": score,
        }

    def format_result(self, result: dict[str, Any]) -> str:
        shown = [
            f"{100 * score:.1f} % at {size_label(size)}"
            for size, score in zip(self.test_sizes, result["accuracies"], strict=True)
        ]
        shown.append(
            f"{100 * result['long_run']:.1f} % after {self.long_run:,} iterations"
        )
        return ", ".join(shown)

    def summarize(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        networks = {
            name: {
                "sizes": _means(mine, "accuracies"),
                "over_iterations": _means(mine, "over_iterations"),
                "long_run": list(mean_and_error([r["long_run"] for r in mine])),
                "solved": [
                    sum(r["accuracies"][i] >= _SOLVED for r in mine)
                    for i in range(len(self.test_sizes))
                ],
                "forgot": sum(map(_forgot, mine)),
                **counts,
            }
            for name, mine, counts in self.by_network(results)
        }
        return {"networks": networks, "effects": self._effects(results)}

    def _effects(self, results):
        """Return what the whole of replay adds at the last size, within each seed."""
        *parts, whole = self.networks
        score = {(r["seed"], r["network"]): r["accuracies"][-1] for r in results}
        effects = {}
        for part in parts:
            changes = [
                value - score[seed, part]
                for (seed, name), value in score.items()
                if name == whole and (seed, part) in score
            ]
            if changes:
                effects[part] = list(mean_and_error(changes))
        return effects

    @staticmethod
    def write_page(page: Page, results: dict[str, Any], plots: Path) -> None:
        write_replay_page(page, results, plots)


def _forgot(result):
    return result["over_iterations"][0] - result["long_run"] > _FORGOT


def _means(results, key):
    """Return mean and standard error for each item of a list."""
    columns = zip(*(r[key] for r in results), strict=True)
    return [list(mean_and_error(column)) for column in columns]
