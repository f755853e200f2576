"""The experiment `sharing`."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import keras

from keras_recur._help import EXPERIMENT_TITLES
from keras_recur._validation import check_positive_int, check_sequence
from keras_recur.experiments._images import ImageExperiment, error_of
from keras_recur.experiments.sharing_page import write_sharing_page
from keras_recur.reports.page import Page
from keras_recur.runs.summary import is_finished, mean_and_error


class Case(NamedTuple):
    """Network of a panel; `shared` is "all", "none" or the only state that shares."""

    panel: str
    family: str
    time: int
    shared: str
    arguments: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.panel}-t{self.time}-{self.shared}"


@dataclasses.dataclass(frozen=True)
class SharingExperiment(ImageExperiment):
    """Measure the savings and the cost of sharing weights over time in state graphs.

    The panel `resnet` has residual networks of two states, the first of which loops, at
    several readout times. The panel `stages` has residual networks of three states that
    loop equally often, with shared weights in all, one or none of them. The panel
    `frnn` has fully recurrent networks of two states at several readout times. The
    first and last panels compare shared weights with separate weights for every step.

    Args:
        data: Name of a data set of images. Defaults to `"digits"`.
        width: Channels of the first state, which double in each further state. Defaults
            to `16`; the paper gives none.
        resnet_times: Readout times of `resnet`. A state that loops N times is read out
            at N + 3. Defaults to `(5, 7, 13, 23)`.
        stage_loops: Loops per state in `stages`. Defaults to `3`.
        frnn_times: Readout times of `frnn`, steps + 1. Defaults to `(2, 3, 5, 10)`.
        epochs: Number of epochs. Defaults to that of the recipe.
        num_examples: Number of training images. Defaults to all.
        short: Whether to use the short recipe. Defaults to `False`.
        data_dir: Folder of downloaded data sets.
        download: Whether a data set may be downloaded. Defaults to `False`.

    Raises:
        ValueError: If the data are not images, or a readout time is too early.

    Reference:
        [Liao and Poggio 2016](https://arxiv.org/abs/1604.03640), Figure 4.

    Example:

    >>> experiment = keras_recur.experiments.SharingExperiment.quick()
    >>> experiment.networks[:2]
    ('resnet-t4-all', 'resnet-t4-none')
    """

    name = "sharing"
    title = EXPERIMENT_TITLES[name]

    resnet_times: tuple[int, ...] = (5, 7, 13, 23)
    stage_loops: int = 3
    frnn_times: tuple[int, ...] = (2, 3, 5, 10)

    def __post_init__(self):
        super().__post_init__()
        for field, least in (("resnet_times", 4), ("frnn_times", 2)):
            times = tuple(
                check_sequence(field, getattr(self, field), check_positive_int)
            )
            object.__setattr__(self, field, times)
            if not times or any(t < least for t in times):
                raise ValueError(
                    f"`{field}` must contain readout times of {least} or more; the "
                    f"last state is empty before that. Received: {field}={times}."
                )
        loops = check_positive_int("stage_loops", self.stage_loops)
        object.__setattr__(self, "stage_loops", loops)

    @classmethod
    def quick(cls, **settings: Any) -> "SharingExperiment":
        small = {"width": 8, "resnet_times": (4, 7, 13), "frnn_times": (2, 3, 5)}
        return cls(**{**small, "stage_loops": 2, "short": True, **settings})

    @property
    def cases(self) -> dict[str, Case]:
        """Networks by name."""
        found = [
            Case("resnet", "multistate_resnet", t, shared, {"sharing": shared})
            for t in self.resnet_times
            for shared in ("all", "none")
        ]
        steps = 3 * self.stage_loops + 2
        found += [
            Case(
                "stages",
                "multistate_resnet",
                steps + 1,
                shared,
                {"states": 3, "loops": "equal"}
                | (
                    {"sharing": shared}
                    if shared in ("all", "none")
                    else {"shared_states": [shared]}
                ),
            )
            for shared in ("all", "V1", "V2", "V4", "none")
        ]
        found += [
            Case("frnn", "frnn", t, shared, {"states": 2, "sharing": shared})
            for t in self.frnn_times
            for shared in ("all", "none")
        ]
        return {case.name: case for case in found}

    @property
    def networks(self) -> tuple[str, ...]:
        return tuple(self.cases)

    def network(self, name: str, seed: int) -> keras.Model:
        case = self.cases[name]
        return self.graph(case.family, seed, iterations=case.time - 1, **case.arguments)

    def score(self, name: str, seed: int, model: keras.Model) -> dict[str, Any]:
        return {"error": error_of(model, self.load("test"))}

    def chance_score(self) -> dict[str, Any]:
        return {"error": self.guess}

    def format_result(self, result: dict[str, Any]) -> str:
        return f"{100 * result['error']:.1f} % test error"

    def summarize(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        summary = {}
        cases = self.cases
        for name, mine, counts in self.by_network(results):
            mean, error = mean_and_error([r["error"] for r in mine])
            training = [
                1 - r["history"]["accuracy"][-1] if is_finished(r) else self.guess
                for r in mine
            ]
            summary[name] = {
                "panel": cases[name].panel,
                "readout_time": cases[name].time,
                "shared": cases[name].shared,
                "error": mean,
                "standard_error": error,
                "training_error": mean_and_error(training)[0],
                **counts,
            }
        return summary

    @staticmethod
    def write_page(page: Page, results: dict[str, Any], plots: Path) -> None:
        write_sharing_page(page, results, plots)
