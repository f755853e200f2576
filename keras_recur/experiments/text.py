"""The experiment `text`."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_recur import data as data_room
from keras_recur._help import EXPERIMENT_TITLES
from keras_recur._validation import (
    check_keywords,
    check_number,
    check_positive_int,
    check_sequence,
    check_string,
)
from keras_recur.experiments.experiment import Experiment
from keras_recur.experiments.sample_text import sample_text
from keras_recur.experiments.text_networks import NETWORKS, text_network
from keras_recur.experiments.text_page import write_text_page
from keras_recur.reports.page import Page
from keras_recur.runs.summary import mean_and_error
from keras_recur.training.recipe import Recipe

# Windows over which each step estimates its normalization statistics.
_BATCH = 64
_LETTERS = 97
_MODEL = {"width": 256, "states": 2, "graph": "full", "affine": "shared"}


@dataclasses.dataclass(frozen=True)
class TextExperiment(Experiment):
    """Compare a state graph with a GRU of equal size on the documentation of Python.

    Both train on the same windows in the same order with the same optimizer. They are
    scored in bits per character on held-out text, and each samples some text.

    Args:
        model: Arguments of `zoo.build("frnn_text")`.
        length: Characters per window, in training and in tests. Defaults to `64`.
        epochs: Number of epochs. Defaults to `30`.
        learning_rate: Learning rate of Adam, multiplied by 0.3 after three fifths and
            after four fifths of the epochs. Defaults to `0.01`.
        num_examples: Number of training windows. Defaults to all.
        far: Length of additional test windows, in multiples of `length`. Defaults to
            `2`; `1` adds none.
        prompt: Beginning of sampled texts.
        sample_length: Characters per sampled text. Defaults to `300`.
        temperatures: Temperatures of the sampled texts. Defaults to `(0.5, 1.0)`.

    Raises:
        ValueError: If a count is below 1, or the learning rate is not positive.

    Reference:
        [Liao and Poggio 2016](https://arxiv.org/abs/1604.03640), supplement.

    Example:

    >>> keras_recur.experiments.TextExperiment.quick(epochs=2).networks
    ('graph', 'gru')
    """

    name = "text"
    title = EXPERIMENT_TITLES[name]
    # XLA takes minutes to compile such a long graph, and the steps are not faster.
    jit_compile = False if keras.backend.backend() == "tensorflow" else "auto"

    model: dict[str, Any] = dataclasses.field(default_factory=lambda: dict(_MODEL))
    length: int = 64
    epochs: int = 30
    learning_rate: float = 1e-2
    num_examples: int | None = None
    far: int = 2
    prompt: str = 'The "for" statement '
    sample_length: int = 300
    temperatures: tuple[float, ...] = (0.5, 1.0)

    def __post_init__(self):
        check_keywords("model", self.model)
        for name in ("length", "epochs", "far", "sample_length"):
            _set(self, name, check_positive_int(name, getattr(self, name)))
        if self.num_examples is not None:
            count = check_positive_int("num_examples", self.num_examples)
            _set(self, "num_examples", count)
        temperatures = check_sequence(
            "temperatures", self.temperatures, _check_temperature
        )
        _set(self, "temperatures", tuple(temperatures))
        rate = check_number(
            "learning_rate",
            self.learning_rate,
            hint="It is a positive number.",
            above=0,
        )
        _set(self, "learning_rate", rate)
        check_string("prompt", self.prompt)
        data_room.encode_text(self.prompt)
        self.recipe("graph")

    @classmethod
    def quick(cls, **settings: Any) -> "TextExperiment":
        model = {**_MODEL, "width": 128}
        return cls(**{"model": model, "length": 48, "epochs": 6, "far": 1, **settings})

    @property
    def networks(self) -> tuple[str, ...]:
        return NETWORKS

    def as_dict(self) -> dict[str, Any]:
        recipe = dataclasses.asdict(self.recipe("graph"))
        return {**dataclasses.asdict(self), "recipe": recipe}

    def network(self, name: str, seed: int, far: int = 1) -> keras.Model:
        """Return an untrained network for windows of `far` times the length."""
        model = {"states": 2, "statistics": 16, **self.model}
        # Limit the statistics, so that longer windows have the same weights.
        most = max(1, self.length - model["states"])
        model["statistics"] = min(model["statistics"], most)
        model["input_shape"] = (far * self.length,)
        return text_network(name, model, seed)

    def recipe(self, name: str) -> Recipe:
        return Recipe(
            "adam",
            self.learning_rate,
            epochs=self.epochs,
            batch_size=_BATCH,
            clip_norm=1.0,
            milestones=[math.ceil(n * self.epochs / 5) for n in (3, 4)],
            decay=0.3,
            source="measured here",
        )

    def load(self, split: str, seed: int = 0) -> data_room.ArrayDataset:
        loaded = data_room.load(
            "python_docs",
            split,
            _BATCH,
            size=self.length,
            num_examples=self.num_examples if split == "train" else None,
            seed=seed,
        )
        # Another batch size would require another compilation.
        return loaded.take(max(1, loaded.num_examples // _BATCH) * _BATCH)

    def score(self, name: str, seed: int, model: keras.Model) -> dict[str, Any]:
        bits = bits_by_position(model, self.length)
        found = {
            "bits_per_character": float(bits.mean()),
            "bits_by_position": bits.round(5).tolist(),
            "samples": [
                {
                    "temperature": temperature,
                    "text": sample_text(
                        model, self.prompt, self.sample_length, temperature, seed
                    ),
                }
                for temperature in self.temperatures
            ],
        }
        if self.far > 1:
            further = self.network(name, seed, self.far)
            further.set_weights(model.get_weights())
            bits = bits_by_position(further, self.far * self.length)
            found["bits_by_far_position"] = bits.round(5).tolist()
        return found

    def chance_score(self) -> dict[str, Any]:
        bits = math.log2(_LETTERS)
        found = {"bits_per_character": bits, "bits_by_position": [bits] * self.length}
        if self.far > 1:
            found["bits_by_far_position"] = [bits] * (self.far * self.length)
        return found

    def format_result(self, result: dict[str, Any]) -> str:
        return f"{result['bits_per_character']:.3f} bits per character"

    def summarize(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        summary: dict[str, Any] = {}
        for name, mine, counts in self.by_network(results):
            mean, error = mean_and_error([r["bits_per_character"] for r in mine])
            summary[name] = {
                "bits_per_character": mean,
                "standard_error": error,
                **counts,
            }
        return {"bits_without_context": _bits_without_context(), "networks": summary}

    @staticmethod
    def write_page(page: Page, results: dict[str, Any], plots: Path) -> None:
        write_text_page(page, results, plots)


def _check_temperature(name, value):
    hint = "It is a number of 0 or more; 0 always takes the most likely character."
    return check_number(name, value, 0, hint=hint)


def _set(experiment, name, value):
    """Set a field of a frozen dataclass."""
    object.__setattr__(experiment, name, value)


def bits_by_position(model: keras.Model, size: int) -> np.ndarray:
    """Return bits per test character by position in windows of `size` characters."""
    data = data_room.load("python_docs", "test", _BATCH, size=size)
    total = np.zeros(size)
    for x, y in (data[i] for i in range(len(data))):
        # Pad the last batch, because another size would require another compilation.
        full = np.resize(x, (data.batch_size, size))
        logits = np.asarray(model.predict_on_batch(full), "float64")[: len(x)]
        largest = logits.max(axis=-1)
        spread = np.log(np.exp(logits - largest[..., None]).sum(axis=-1)) + largest
        right = np.take_along_axis(logits, y[..., None], axis=-1)[..., 0]
        total += (spread - right).sum(axis=0)
    return total / data.num_examples / math.log(2)


def _bits_without_context():
    """Return the bits per test character of a unigram model."""
    counts = [
        np.bincount(
            data_room.python_docs(size=1, split=split)[0].ravel(), minlength=_LETTERS
        )
        for split in ("train", "test")
    ]
    known = (counts[0] + 1) / (counts[0] + 1).sum()
    return float(-(counts[1] * np.log2(known)).sum() / counts[1].sum())
