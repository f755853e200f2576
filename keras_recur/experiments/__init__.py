"""Experiments from papers, which compare networks on one data set."""

from keras_recur._validation import check_one_of
from keras_recur.experiments.experiment import Experiment
from keras_recur.experiments.features import FeaturesExperiment
from keras_recur.experiments.readout_times import ReadoutTimesExperiment
from keras_recur.experiments.replay import ReplayExperiment
from keras_recur.experiments.run_experiment import run_experiment
from keras_recur.experiments.sharing import SharingExperiment
from keras_recur.experiments.supervision import SupervisionExperiment
from keras_recur.experiments.text import TextExperiment

_EXPERIMENTS: dict[str, type[Experiment]] = {
    cls.name: cls
    for cls in (
        SharingExperiment,
        ReadoutTimesExperiment,
        SupervisionExperiment,
        ReplayExperiment,
        FeaturesExperiment,
        TextExperiment,
    )
}


def list_experiments() -> list[str]:
    """Return the names of the experiments, which `keras-recur experiment` accepts.

    Example:

    >>> keras_recur.experiments.list_experiments()
    ['sharing', 'readout-times', 'supervision', 'replay', 'features', 'text']
    """
    return list(_EXPERIMENTS)


def get_experiment(name: str) -> type[Experiment]:
    """Return the class of an experiment.

    Args:
        name: One of `list_experiments()`.

    Returns:
        A dataclass whose fields are the settings of the experiment.

    Raises:
        ValueError: If the name is unknown.

    Example:

    >>> keras_recur.experiments.get_experiment("text").title
    'A state graph and a GRU model text'
    """
    return _EXPERIMENTS[check_one_of("name", name, tuple(_EXPERIMENTS))]


__all__ = [
    "Experiment",
    "FeaturesExperiment",
    "ReadoutTimesExperiment",
    "ReplayExperiment",
    "SharingExperiment",
    "SupervisionExperiment",
    "TextExperiment",
    "get_experiment",
    "list_experiments",
    "run_experiment",
]
