"""The experiment `readout-times`."""

import dataclasses
from pathlib import Path
from typing import Any

import keras

from keras_recur._help import EXPERIMENT_TITLES
from keras_recur._validation import check_integer
from keras_recur.analysis import batch_norm_statistics, update_batch_norm
from keras_recur.analysis._banks import rebuilt
from keras_recur.experiments._images import ImageExperiment, error_of
from keras_recur.experiments.readout_times_page import write_readout_times_page
from keras_recur.inference import with_iterations
from keras_recur.reports.page import Page
from keras_recur.runs.summary import mean_and_error


@dataclasses.dataclass(frozen=True)
class ReadoutTimesExperiment(ImageExperiment):
    """Train networks at one readout time and test them at others.

    A residual network of two states, the first of which loops, is trained with shared
    weights and with separate weights for every step. Both are read out at other times,
    with their normalization statistics and with statistics estimated for the new time.
    Networks with separate weights have none for later steps.

    Args:
        data: Name of a data set of images. Defaults to `"digits"`.
        width: Channels of the first state. Defaults to `16`; the paper gives none.
        trained: Readout time of training, steps + 1. Defaults to `13`, as in the paper.
        first: Earliest tested readout time. Defaults to `7`, as in the paper.
        last: Latest tested readout time. Defaults to `23`, as in the paper.
        epochs: Number of epochs. Defaults to that of the recipe.
        num_examples: Number of training images. Defaults to all.
        short: Whether to use the short recipe. Defaults to `False`.
        data_dir: Folder of downloaded data sets.
        download: Whether a data set may be downloaded. Defaults to `False`.

    Raises:
        ValueError: If the data are not images, or the times are not in order.

    Reference:
        [Liao and Poggio 2016](https://arxiv.org/abs/1604.03640), Figure 5.

    Example:

    >>> keras_recur.experiments.ReadoutTimesExperiment(trained=9, last=15).networks
    ('shared', 'not-shared')
    """

    name = "readout-times"
    title = EXPERIMENT_TITLES[name]

    trained: int = 13
    first: int = 7
    last: int = 23

    def __post_init__(self):
        super().__post_init__()
        for name, least, hint in (
            ("first", 4, "The last state is empty before that."),
            ("trained", self.first, "It is `first` or later."),
            ("last", self.trained, "It is `trained` or later."),
        ):
            time = check_integer(name, getattr(self, name), least, hint)
            object.__setattr__(self, name, time)

    @classmethod
    def quick(cls, **settings: Any) -> "ReadoutTimesExperiment":
        return cls(**{"width": 8, "short": True, **settings})

    @property
    def networks(self) -> tuple[str, ...]:
        return ("shared", "not-shared")

    def network(self, name: str, seed: int) -> keras.Model:
        sharing = "all" if name == "shared" else "none"
        return self.graph(
            "multistate_resnet", seed, iterations=self.trained - 1, sharing=sharing
        )

    def score(self, name: str, seed: int, model: keras.Model) -> dict[str, Any]:
        test, train = self.load("test"), self.load("train", seed)
        shared = name == "shared"
        last = self.last if shared else self.trained
        found: dict[str, Any] = {"errors": [], "recalibrated_errors": []}
        for time in range(self.first, last + 1):
            as_trained = with_iterations(model, time - 1)
            found["errors"].append(error_of(as_trained, test))
            if shared:
                renewed = update_batch_norm(model, train, time - 1)
            else:  # The copy keeps the weights of the first loops.
                renewed = update_batch_norm(
                    rebuilt(as_trained, lambda layer: None), train
                )
            found["recalibrated_errors"].append(error_of(renewed, test))
        found["error"] = found["errors"][self.trained - self.first]
        if shared:
            # The paper shows the first normalization of the looping transition.
            statistics = batch_norm_statistics(model)
            longest = max(statistics, key=lambda key: len(statistics[key].mean))
            found["statistics"] = {
                "layer": longest,
                "mean": statistics[longest].mean.round(5).tolist(),
                "deviation": statistics[longest].deviation.round(5).tolist(),
            }
        return found

    def chance_score(self) -> dict[str, Any]:
        curve = [self.guess] * (self.last - self.first + 1)
        return {"error": self.guess, "errors": curve, "recalibrated_errors": curve}

    def format_result(self, result: dict[str, Any]) -> str:
        return f"{100 * result['error']:.1f} % test error at t = {self.trained}"

    def summarize(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        summary = {}
        for name, mine, counts in self.by_network(results):
            curves = {}
            for key in ("errors", "recalibrated_errors"):
                columns = zip(*(r[key] for r in mine), strict=False)
                pairs = [mean_and_error(column) for column in columns]
                curves[key] = [mean for mean, _ in pairs]
                curves[f"{key}_standard_errors"] = [error for _, error in pairs]
            summary[name] = {
                "readout_times": list(
                    range(self.first, self.first + len(curves["errors"]))
                ),
                **curves,
                **counts,
            }
        return summary

    @staticmethod
    def write_page(page: Page, results: dict[str, Any], plots: Path) -> None:
        write_readout_times_page(page, results, plots)
