"""Questions of the papers, as commands: several networks, one set of data, one page."""

from keras_recur._validation import check_one_of
from keras_recur.experiments.experiment import Experiment
from keras_recur.experiments.readout_times import ReadoutTimesExperiment
from keras_recur.experiments.run_experiment import run_experiment
from keras_recur.experiments.sample_text import sample_text
from keras_recur.experiments.sharing import SharingExperiment
from keras_recur.experiments.supervision import SupervisionExperiment
from keras_recur.experiments.text import TextExperiment

_EXPERIMENTS: dict[str, type[Experiment]] = {
    cls.name: cls
    for cls in (
        SharingExperiment,
        ReadoutTimesExperiment,
        TextExperiment,
    )
}


def list_experiments() -> list[str]:
    """Names of the experiments.

    Returns:
        List of names, as `keras-recur experiment` takes them.

    Example:

    >>> keras_recur.experiments.list_experiments()
    ['sharing', 'readout-times', 'text']
    """
    return list(_EXPERIMENTS)


def get_experiment(name: str) -> type[Experiment]:
    """The class of an experiment.

    Args:
        name: One of `list_experiments()`.

    Returns:
        A dataclass: its fields are the experiment's settings.

    Raises:
        ValueError: for an unknown name, with the nearest one.

    Example:

    >>> keras_recur.experiments.get_experiment("text").title
    'A state graph and a GRU model text'
    """
    return _EXPERIMENTS[check_one_of("name", name, tuple(_EXPERIMENTS))]


__all__ = [
    "Experiment",
    "ReadoutTimesExperiment",
    "SharingExperiment",
    "SupervisionExperiment",
    "TextExperiment",
    "get_experiment",
    "list_experiments",
    "run_experiment",
    "sample_text",
]
