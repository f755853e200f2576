"""Training on a sequence of data sets."""

from collections.abc import Sequence
from typing import Any

from keras_recur._validation import check_integer, check_sequence, check_type
from keras_recur.data._epoch_dataset import EpochDataset
from keras_recur.data.array_dataset import ArrayDataset


def _check_phase(name, value):
    return check_type(name, value, ArrayDataset, "an ArrayDataset")


class Curriculum(EpochDataset):
    """Sequence of data sets for training, each used for some epochs.

    The batches of an epoch do not depend on earlier epochs. The last phase does not
    end.

    Args:
        phases: One `ArrayDataset` per phase, all with the same number of batches.
        epochs_per_phase: Epochs before the next phase begins, 1 or more.

    Raises:
        ValueError: If `phases` is empty, or the phases differ in batches or metric.

    Reference:
        Bengio et al., "Curriculum Learning", ICML 2009.

    Example:

    >>> easy, hard = (
    ...     keras_recur.data.load("shortest_paths", window=w, size=16, num_examples=256)
    ...     for w in (5, 9)
    ... )
    >>> curriculum = keras_recur.data.Curriculum([easy, hard], epochs_per_phase=10)
    >>> curriculum.epoch = 10
    >>> curriculum.phase, len(curriculum)
    (1, 2)
    """

    def __init__(self, phases: Sequence[ArrayDataset], epochs_per_phase: int):
        super().__init__()
        self.phases = check_sequence("phases", phases, _check_phase)
        self.epochs_per_phase = check_integer("epochs_per_phase", epochs_per_phase, 1)
        alike = {(len(p), p.metric, p.num_classes) for p in self.phases}
        if len(alike) != 1:
            found = [(len(p), p.metric) for p in self.phases]
            raise ValueError(
                "`phases` must be one or more data sets with the same number of "
                f"batches and the same metric. Received: {found}. Load each with the "
                "same `num_examples` and `batch_size`."
            )
        self.metric = self.phases[0].metric
        self.num_classes = self.phases[0].num_classes
        self._epoch = 0

    @property
    def epoch(self) -> int:
        """The current epoch, 0 or more. It can be set."""
        return self._epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._epoch = check_integer("epoch", value, 0)
        for phase in self.phases:
            phase.epoch = value

    @property
    def phase(self) -> int:
        """The index of the phase of `epoch`, from 0."""
        return min(self._epoch // self.epochs_per_phase, len(self.phases) - 1)

    def __len__(self) -> int:
        return len(self.phases[0])

    def __getitem__(self, index: int) -> Any:
        return self.phases[self.phase][index]

    def config(self) -> dict[str, Any]:
        """Return a description of the data in JSON types, for result files."""
        return {
            "epochs_per_phase": self.epochs_per_phase,
            "phases": [phase.config() for phase in self.phases],
        }
