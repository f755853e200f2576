"""The interface of a kind of sharing."""

import itertools
import numbers
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from keras_recur._keras import symbolic_call
from keras_recur._limits import MAX_COPIES, MAX_ITERATIONS, check_size
from keras_recur.layers._direct import DirectBlock
from keras_recur.layers._pure_block import PureBlock
from keras_recur.layers._written import Written
from keras_recur.layers.iteration import iteration_scope


class WeightSharing:
    """Weights of the iterations of a loop. The base class has one block per group.

    Attributes:
        value: The argument `sharing`. Keras must be able to serialize it.
        name: The string that asks for this kind, or `None`.
        derived: Whether the block's weights are computed from weights of the loop.
            Such a kind overrides `fit`, `assign` and `values`.
        groups: For each iteration, the number of its group.
        turns: For each iteration, its turn in its group.
        group_sizes: For each group, its number of iterations.
        blocks: One block per group, or none if the weights are derived.
        direct: For each group, what calls its block. It exists after `build`.
        banks: The template banks.
        seeds: Seed generators of the loop.
        untracked: Layers that the loop calls but Keras does not track.
    """

    name: str | None = None
    derived = False

    def __init__(self, block: keras.layers.Layer, iterations: int, value: Any):
        self.iterations = iterations
        self.value = value
        self.groups = self._groups()
        self.turns, self.group_sizes = _turns(self.groups)
        self.blocks: list[Any] = []
        self.direct: list[DirectBlock] = []
        self.banks: list[Any] = []
        self.seeds: list[Any] = []
        self.untracked: list[Any] = []
        self._inputs = None
        self._written = Written()

    @classmethod
    def accepts(cls, value: Any) -> bool:
        """Return whether `value` of the argument `sharing` asks for this kind."""
        raise NotImplementedError

    def _groups(self) -> list[int]:
        """Return the group of every iteration, numbered by first appearance."""
        return [0] * self.iterations

    def make_blocks(self, block: keras.layers.Layer) -> list[keras.layers.Layer]:
        """Return the blocks that the loop tracks: one per group."""
        raise NotImplementedError

    @property
    def description(self) -> str:
        """The name of this sharing in errors."""
        return f"sharing={self.value!r}"

    @property
    def endless(self) -> bool:
        """Whether there are weights for any number of iterations."""
        return len(self.group_sizes) == 1

    @property
    def rows_per_weight(self) -> int:
        """Number of rows that the loop has for each plain weight of the block."""
        return 1

    def block_of(self, t: int) -> keras.layers.Layer:
        """Return the block of iteration t."""
        return self.blocks[self.groups[t]]

    def block_config(self) -> dict[str, Any]:
        """Return the serialized block."""
        return keras.saving.serialize_keras_object(self.block_of(0))

    def rows(self, group: int) -> int:
        """Return the number of iterations that the group's block is built for."""
        return self.group_sizes[group]

    def build(self, loop: keras.layers.Layer, inputs: Any) -> list[Any]:
        """Create all weights; return the symbolic outputs of the blocks."""
        self._inputs = inputs
        outputs = []
        for group, block in enumerate(self.blocks):
            with iteration_scope(0, self.rows(group)):
                outputs.append(symbolic_call(block, inputs))
        self.direct = [DirectBlock(block) for block in self.blocks]
        return outputs

    def must_be_pure(self, training: Any) -> bool:
        """Return whether the iterations can only run as pure functions."""
        # On PyTorch, writes would overwrite values that the backward pass still reads.
        if keras.backend.backend() != "torch" or not training:
            return False
        return any(self._written_by(group, True) for group in range(len(self.blocks)))

    def pure_block(
        self, group: int, training: Any, remat: bool, trainable: bool
    ) -> PureBlock:
        """Return the group's block as a pure function of its variables."""
        written = self._written_by(group, training)
        rows = self.rows(group)
        return PureBlock(self.direct[group], rows, training, remat, written)

    def _written_by(self, group, training):
        block = self.blocks[group]
        return self._written.by(block, self._inputs, training, self.rows(group))

    def kernel_counts(self) -> tuple[int, int] | None:
        """Return the numbers of template weights and of coefficients, if `derived`."""
        return None

    def values(self) -> list[list[Any]]:
        """Return the block's weights at every iteration, as lists of NumPy arrays."""
        return [
            [keras.ops.convert_to_numpy(w) for w in self.block_of(t).weights]
            for t in range(self.iterations)
        ]

    def fit(self, values: list[list[Any]], tolerance: float) -> Any:
        """Return loop weights whose iterations have these `values`, if `derived`."""
        raise NotImplementedError

    def assign(self, fit: Any) -> None:
        """Assign the loop weights that `fit` returned."""
        raise NotImplementedError

    def schedule(self, iterations, start=0) -> tuple[list[int], list[Any]]:
        """Return the group and the turn of every iteration of a call."""
        known = isinstance(start, numbers.Integral)
        if iterations is None:
            iterations = self.iterations - (start if known else 0)
        if iterations != self.iterations or not known:
            iterations = check_size("iterations", iterations, MAX_ITERATIONS)
        if self.endless:
            return [0] * iterations, [start + t for t in range(iterations)]
        if not known:
            raise ValueError(
                "`start` can be a tensor only where all iterations share their "
                f"weights. Received: start={start} for a loop with sharing="
                f"{self.value!r}. Give an integer."
            )
        if start + iterations > self.iterations:
            raise ValueError(
                f"`iterations` can be at most {self.iterations} here: with "
                f"{self.description} there are no weights for more. Received: "
                f"iterations={iterations}{f', start={start}' if start else ''}. Use "
                "sharing='all', a bank of one template, or a bank that folds into a "
                "loop."
            )
        part = slice(start, start + iterations)
        return self.groups[part], self.turns[part]


def check_copies(copies: int, iterations: int, sharing: str) -> None:
    """Raise a `ValueError` if a loop needs too many copies of its block."""
    if copies > MAX_COPIES:
        raise ValueError(
            f"A loop can have at most {MAX_COPIES:,} iterations with weights of their "
            f"own. Received: iterations={iterations} with {sharing}. Use fewer, or "
            "sharing='all'."
        )


def runs(groups: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """Yield `(group, iterations)` for consecutive iterations of one group."""
    for group, run in itertools.groupby(range(len(groups)), key=groups.__getitem__):
        yield group, list(run)


def _turns(groups):
    """Return the turn of every iteration in its group, and the group sizes."""
    turns, sizes = [], [0] * (max(groups) + 1)
    for group in groups:
        turns.append(sizes[group])
        sizes[group] += 1
    return turns, sizes
