"""The experiment `features`: what the iterations of both twins see."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
from keras import tree

from keras_recur import data as data_room
from keras_recur._help import EXPERIMENT_TITLES
from keras_recur._validation import check_integer, check_type
from keras_recur.analysis import (
    dynamics,
    filter_reuse,
    lesions,
    preferred_images,
    separability,
    state_similarity,
)
from keras_recur.analysis._loop_states import examples
from keras_recur.analysis._plain import as_lists
from keras_recur.experiments.experiment import Experiment
from keras_recur.experiments.features_figures import probes_of
from keras_recur.experiments.features_page import write_features_page
from keras_recur.inference import Stepwise
from keras_recur.inference._graph import last_loop
from keras_recur.reports.page import Page
from keras_recur.runs.entry import TWINS, Entry
from keras_recur.runs.make_entry import make_entry
from keras_recur.runs.summary import guess, mean_and_error
from keras_recur.training.recipe import Recipe


def _usual_entry():
    return make_entry("resnet_bn", "fashion_mnist", quick=True)


@dataclasses.dataclass(frozen=True)
class FeaturesExperiment(Experiment):
    """Compare what a recurrent network and its twin represent in each iteration.

    Both twins are trained as in the entry. Linear probes and the dynamics of the states
    are measured in each of them and in the network before its training, the ablation of
    filters and of iterations after training only. The similarity of states is measured
    between networks of different seeds, because twins of one seed begin with the same
    weights: of twins, of the same network, and of a network before training. If the
    data are images of classes, preferred images are made for both twins of the first
    seed. If they have a label for each position, such as mazes, probes read the
    positions. A tenth of the test examples, which nothing else uses, choose the
    regularization of probes.

    Args:
        entry: Family, data and recipes, from `runs.make_entry`. Defaults to the quick
            entry of `resnet_bn` on `fashion_mnist`.
        probe_examples: Number of examples on which a probe is fitted, and on which it
            is tested. Defaults to `4_000`.
        ablation_examples: Number of test examples of the ablation of filters. Defaults
            to `2_000`.
        similarity_examples: Number of test examples of the similarity of states.
            Defaults to `1_000`.

    Raises:
        ValueError: If a number is out of range, or the family is a state graph, whose
            channels cannot be compared.

    Reference:
        [Schwarzschild et al. 2021](https://arxiv.org/abs/2102.11011), whose abstract
        makes the claim. Probes, ablation and similarity are measured as we define them.

    Example:

    >>> entry = keras_recur.runs.make_entry("mlp", "digits", quick=True)
    >>> keras_recur.experiments.FeaturesExperiment(entry).networks
    ('recurrent', 'feedforward')
    """

    name = "features"
    title = EXPERIMENT_TITLES[name]
    keeps_weights: ClassVar[bool] = True

    entry: Entry = dataclasses.field(default_factory=_usual_entry)
    probe_examples: int = 4_000
    ablation_examples: int = 2_000
    similarity_examples: int = 1_000

    def __post_init__(self):
        check_type("entry", self.entry, Entry, "a `runs.Entry`")
        for name in ("probe_examples", "ablation_examples", "similarity_examples"):
            # The similarity needs four examples.
            count = check_integer(name, getattr(self, name), 4)
            object.__setattr__(self, name, count)
        last_loop(self.network(TWINS[0], 0), "The experiment `features`")

    @property
    def networks(self) -> tuple[str, ...]:
        return TWINS

    def as_dict(self) -> dict[str, Any]:
        entry = self.entry.as_dict()
        kept = ("family", "data", "model", "num_examples", "test_examples")
        kept += ("size",) if self.entry.procedural else ()
        counts = ("probe_examples", "ablation_examples", "similarity_examples")
        return {
            **{key: entry[key] for key in kept},
            **{key: getattr(self, key) for key in counts},
            "recipe": entry["recipes"]["recurrent"],
            "feedforward_recipe": entry["recipes"]["feedforward"],
        }

    def network(self, name: str, seed: int) -> keras.Model:
        return self.entry.network(name, seed)

    def recipe(self, name: str) -> Recipe:
        return self.entry.recipe(name)

    def load(self, split: str, seed: int = 0) -> Any:
        if split == "train":
            return self.entry.train_data("recurrent", seed)
        if split == "validation":
            return self.entry.phase_validation_data("recurrent")
        return self.entry.test_data(self.entry.size)

    def _unchanged_training_data(self):
        """Return training images without augmentation, on which probes are fitted."""
        entry = self.entry
        return data_room.load(
            entry.data,
            "train",
            100,
            num_examples=min(self.probe_examples, self._count("train")),
            augment=False,
            shuffle=False,
            size=entry.size,
            data_dir=entry.data_dir,
            download=entry.download,
        )

    def _count(self, split):
        return data_room.describe(self.entry.data).num_examples[split]

    @property
    def _reductions(self):
        """Features of states that probes read."""
        return ("positions",) if self.entry.procedural else ("mean", "grid")

    def _unseen_data(self):
        """Return test examples, and those that choose the regularization of probes."""
        x, y = examples(self.load("test"), self._count("test"), name="test")
        rows = len(y) - max(1, len(y) // 10)

        def part(rows):
            return tree.map_structure(lambda leaf: leaf[rows], x), y[rows]

        return part(slice(rows)), part(slice(rows, None))

    def score(self, name: str, seed: int, model: keras.Model) -> dict[str, Any]:
        train, (test, validation) = self._unchanged_training_data(), self._unseen_data()
        untrained = self.network(name, seed)
        found: dict[str, Any] = {}
        for reduce in self._reductions:
            options = {"reduce": reduce, "num_examples": self.probe_examples}
            options["validation"] = validation
            probes = separability(model, train, test, **options)
            floor = separability(untrained, train, test, **options)
            found[f"probe_{reduce}"] = as_lists(probes.accuracy)
            found[f"untrained_probe_{reduce}"] = as_lists(floor.accuracy)
            found["head"] = as_lists(probes.head)
            found["iterations"] = list(map(int, probes.iterations))
            found["label_counts"] = list(probes.examples)
        count = self.ablation_examples
        reuse = filter_reuse(model, test, num_examples=count)
        zero = filter_reuse(model, test, ablate="zero", num_examples=count)
        cuts = lesions(model, test, num_examples=count)
        moved = dynamics(model, test, num_examples=self.similarity_examples)
        before = dynamics(untrained, test, num_examples=self.similarity_examples)
        return {
            **found,
            "accuracy": reuse.accuracy,
            "accuracy_examples": reuse.examples,
            "importance": np.asarray(reuse.importance).tolist(),
            "importance_error": np.asarray(reuse.error).tolist(),
            "zero_importance": np.asarray(zero.importance).tolist(),
            "reuse": _number(reuse.reuse),
            "rank_correlation": _number(reuse.rank_correlation),
            "zero_rank_correlation": _number(zero.rank_correlation),
            "lesion_loss": as_lists(cuts.lesion_loss),
            "swap_loss": as_lists(cuts.swap_loss),
            "change": as_lists(moved.change[1]),
            "growth": as_lists(moved.growth),
            "untrained_change": as_lists(before.change[1]),
            "untrained_growth": as_lists(before.growth),
        }

    def chance_score(self) -> dict[str, Any]:
        """Return what a network gives that guesses: no probe and no filter helps."""
        count = Stepwise(self.network(TWINS[0], 0)).iterations
        classes = data_room.describe(self.entry.data).num_classes
        probes = [1 / classes] * (count + 1)
        names = [f"probe_{reduce}" for reduce in self._reductions]
        lists = ["importance", "importance_error", "zero_importance"]
        lists += ["lesion_loss", "swap_loss", "change", "growth"]
        lists += ["untrained_change", "untrained_growth", "label_counts"]
        return {
            **dict.fromkeys([*names, *(f"untrained_{n}" for n in names)], probes),
            "head": [None, *probes[1:]],
            "iterations": list(range(count + 1)),
            "accuracy": guess(self.entry.data),
            "accuracy_examples": 0,
            **dict.fromkeys(["reuse", "rank_correlation", "zero_rank_correlation"]),
            **dict.fromkeys(lists, []),
        }

    def together(self, load: Any, seeds: list[int]) -> dict[str, Any]:
        """Return the similarity of states of each pair of seeds, and preferred images.

        With images, it also has the accuracy of a probe of the pixels.
        """
        test, validation = self._unseen_data()
        found: dict[str, Any] = {}

        def add(kind, seed, other, first, second):
            def compared(drop_components=0):
                return state_similarity(
                    first,
                    second,
                    test,
                    num_examples=self.similarity_examples,
                    drop_components=drop_components,
                )

            result = compared()
            # It takes longer, so one order of two seeds must do.
            rest = _number(compared(1).level) if seed < other else None
            row = {
                "seed": seed,
                "other": other,
                "matrix": as_lists(result.matrix),
                "order_score": _number(result.order_score),
                "without_first_component": rest,
            }
            found.setdefault(kind, []).append(row)

        networks = {name: {s: load(name, s) for s in seeds} for name in TWINS}
        untrained = {seed: self.network(TWINS[0], seed) for seed in seeds}
        recurrent, feedforward = networks.values()
        for seed, other in itertools.permutations(seeds, 2):
            add("twins", seed, other, recurrent[seed], feedforward[other])
            add("untrained", seed, other, recurrent[seed], untrained[other])
            for name, trained in networks.items() if seed < other else ():
                add(f"{name} seeds", seed, other, trained[seed], trained[other])
        if not self.entry.procedural:
            found["pixels"] = separability(
                recurrent[seeds[0]],
                self._unchanged_training_data(),
                test,
                validation=validation,
                num_examples=self.probe_examples,
                pixels=True,
            ).pixels
            first = {name: trained[seeds[0]] for name, trained in networks.items()}
            first["untrained"] = untrained[seeds[0]]
            found["preferred"] = [
                {
                    "network": name,
                    "seed": seeds[0],
                    **_preferred(network, test, whole=name in TWINS),
                }
                for name, network in first.items()
            ]
        return found

    def format_result(self, result: dict[str, Any]) -> str:
        probe = result[probes_of(result)[0]]
        first, last = probe[0], probe[-1]
        return (
            f"{100 * result['accuracy']:.1f} %, probes {100 * first:.1f} % before the "
            f"first iteration and {100 * last:.1f} % after the last"
        )

    def summarize(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        names = ("accuracy", "reuse", "rank_correlation", "zero_rank_correlation")
        networks = {}
        for name, mine, counts in self.by_network(results):
            probes = probes_of(mine[0])
            curves = (*probes, f"untrained_{probes[0]}", "head")
            means = {key: _mean([r[key] for r in mine]) for key in names}
            for key in ("lesion_loss", "swap_loss"):
                losses = [np.mean(r[key]) if r[key] else None for r in mine]
                means[key] = _mean(losses)
            over = {
                key: [_mean(c) for c in zip(*(r[key] for r in mine), strict=True)]
                for key in curves
            }
            networks[name] = {**means, **over, **counts}
        return {"networks": networks}

    @staticmethod
    def write_page(page: Page, results: dict[str, Any], plots: Path) -> None:
        write_features_page(page, results, plots)


def _preferred(model, data, whole):
    """Return `kept` of preferred images of four filters, and the `whole`, for JSON."""
    found = preferred_images(model, data, channels=4)
    plain = dataclasses.asdict(found) if whole else {}
    return {**{k: _short(v) for k, v in plain.items()}, "kept": _number(found.kept)}


def _short(values):
    """Return lists with three digits, as float32 has many in a file."""
    array = np.asarray(values)
    return (array if array.dtype.kind != "f" else array.astype(float).round(3)).tolist()


def _mean(values):
    """Return mean and standard error of the known values, `None` if there is none."""
    known = [value for value in values if value is not None]
    return list(mean_and_error(known)) if known else None


def _number(value):
    return float(value) if np.isfinite(value) else None
