"""A recurrent network of several states: a graph that runs step by step."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from keras_recur._earlier_names import current_names
from keras_recur._keras import symbolic_call
from keras_recur._limits import MAX_STEPS, check_seed, check_size
from keras_recur._validation import check_flag, check_one_of, check_string
from keras_recur.layers import _schedule
from keras_recur.layers._boundary import boundary_of
from keras_recur.layers._direct import DirectBlock
from keras_recur.layers._frozen import KeepsFrozen
from keras_recur.layers._graph_arguments import (
    as_transitions,
    check_sharing,
    check_states,
    fits,
    plain_sharing,
)
from keras_recur.layers._graph_weights import GraphWeights
from keras_recur.layers._keras_arguments import check_keras
from keras_recur.layers._masks import attach
from keras_recur.layers._pure_block import PureBlock
from keras_recur.layers._written import Written
from keras_recur.layers.iteration import iteration_scope
from keras_recur.layers.transition import BRANCHES

# Arguments in files of version 0.1.0.
_EARLIER_NAMES = {"layer": "transition_layer", "statistics": "max_statistics"}


@keras.saving.register_keras_serializable(package="keras_recur")
class RecurrentGraph(KeepsFrozen):
    """Run a graph of states for some steps, and return the state that is read out.

    The input is the value of the first state at step 0; the other states are empty. At
    each step, every transition reads the value of its source before the step, and each
    state merges the results that arrive at it into its new value. An empty state feeds
    nothing. A state becomes empty if no result arrives.

    With `sharing="all"` every transition has the same weights at all steps, as in a
    recurrent network. With `"none"` each step has its own weights: the feed-forward
    twin, which is a residual network if transitions are blocked in time. The
    computation and its cost are the same for every choice.

    Args:
        states: Shape of every state by name, in order from the input, without the
            batch: `(height, width, channels)`, `(length, channels)` or `(channels,)`.
        transitions: `"full"` (every pair of states, in both directions), `"adjacent"`
            (no bypass), `"resnet"` (the first state loops, the others loop once), or a
            list of `Transition` objects, tuples with the arguments of `Transition`, and
            kinds of edges: `"self"`, `"bottom_up"` (to the next state), `"top_down"`
            (to the previous state), `"bypass"`. Defaults to `"full"`.
        steps: Number of steps. Positive integer, at most 10,000. Defaults to `4`.
        merge: Merges the results that arrive at a state: `"mean"`, `"sum"`, or
            `"declared_mean"`, the sum divided by the number of transitions to the state
            at that step, which includes those from empty states. Defaults to `"mean"`.
        sharing: `"all"`, `"none"`, `steps` integers (the group of each step), a mapping
            from target states to `"all"` or `"none"` (`"all"` for missing states), or a
            list of groups, each a list of `(source, target, step)`. Transitions in no
            group have their own weights. Defaults to `"all"`.
        transition_layer: The layer of transitions without a layer: `"BRCx2"` or
            `"BRCx3"`, see `Transition`. Defaults to `"BRCx2"`.
        injection: `None`: the first state receives the input once. `"add"`: it receives
            the input at every step (an inhomogeneous system). `"sequence"`: the input
            has an axis of time after the batch, and entry s arrives at step s. A
            readout after step s depends on the entries before s, and on entry s if the
            first state is read out. Defaults to `None`.
        readout: Name of the state that is returned. Defaults to the last one.
        return_sequences: Whether to return the readout after every step, with zeros
            where it is empty. Defaults to `False`.
        affine: Scale and offset of the normalizations: `None`, `"shared"` over the
            steps, or `"per_iteration"`, one per step. Defaults to `None`.
        max_statistics: Maximum number of rows of statistics per transition. Later steps
            use the last row. Defaults to `None`: one row per step.
        kernel_size: Size of the convolutions, odd. Defaults to `3`.
        kernel_initializer: Initializer of all kernels. Defaults to `"he_normal"`.
        prune: Whether to leave out transitions that cannot reach the readout. `False`
            computes every transition with a non-empty source. Defaults to `True`.
        remat: Whether to recompute the transitions in the backward pass: less memory
            for about a third more time. Defaults to `False`.
        seed: Seed of the initial values, which differ between untied copies. Defaults
            to `None`.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        x: The input. Masks of padding are not used; Keras warns about them.
        steps: Number of steps of this call, on the same weights. Only transitions with
            sharing `"all"` can run for more steps than were built. They use the last
            row of their statistics; see `analysis.update_batch_norm`.
        return_sequences: Overrides the constructor's value for this call.
        training: Passed on to the transitions.

    Input shape:
        `(batch, *shape of the first state)`. With `injection="sequence"`,
        `(batch, time, *shape)` with `steps` or more entries.

    Output shape:
        `(batch, *shape of the readout)`, or `(batch, steps, *shape)` with
        `return_sequences`.

    Raises:
        ValueError: If the steps do not reach the readout, sizes do not halve or double,
            groups overlap or tie unequal shapes, or another argument is invalid.

    Reference:
        [Liao and Poggio 2016](https://arxiv.org/abs/1604.03640). Their readout time
        counts states, not steps: `readout_time` is `steps` + 1.

    Example:

    >>> graph = keras_recur.layers.RecurrentGraph(
    ...     {"V1": (16, 16, 8), "V2": (8, 8, 16), "V4": (4, 4, 32)}, "full", steps=4
    ... )
    >>> graph(np.ones((2, 16, 16, 8))).shape
    (2, 4, 4, 32)
    >>> graph(np.ones((2, 16, 16, 8)), steps=6, return_sequences=True).shape
    (2, 6, 4, 4, 32)
    """

    def __init__(
        self,
        states: Mapping[str, Sequence[int | None]],
        transitions: str | Sequence[Any] = "full",
        steps: int = 4,
        merge: str = "mean",
        sharing: Any = "all",
        transition_layer: str = "BRCx2",
        injection: str | None = None,
        readout: str | None = None,
        return_sequences: bool = False,
        affine: str | None = None,
        max_statistics: int | None = None,
        kernel_size: int = 3,
        kernel_initializer: Any = "he_normal",
        prune: bool = True,
        remat: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        # The transitions cast their inputs. Weights must be read in their own dtype.
        super().__init__(autocast=False, **kwargs)
        self.states = check_states(states)
        self.steps = check_size("steps", steps, MAX_STEPS)
        names = list(self.states)
        self.transitions = as_transitions(transitions, self.states, self.steps)
        self.merge = check_one_of("merge", merge, ("mean", "declared_mean", "sum"))
        self.transition_layer = check_one_of(
            "transition_layer", transition_layer, BRANCHES
        )
        self.injection = check_one_of("injection", injection, (None, "add", "sequence"))
        self.readout = names[-1] if readout is None else readout
        check_string("readout", self.readout)
        _schedule.check_names(names, [self.readout], "`readout`")
        _schedule.check_no_overlap(self.transitions, self.steps)
        self.return_sequences = check_flag("return_sequences", return_sequences)
        self.affine = check_one_of("affine", affine, (None, "shared", "per_iteration"))
        self.max_statistics = max_statistics
        if max_statistics is not None:
            self.max_statistics = check_size("max_statistics", max_statistics)
        self.kernel_size = check_size("kernel_size", kernel_size)
        if self.kernel_size % 2 == 0:
            raise ValueError(
                "`kernel_size` must be odd. Received: "
                f"kernel_size={kernel_size}. Nearest: {kernel_size + 1}."
            )
        self.kernel_initializer = check_keras(
            "kernel_initializer",
            kernel_initializer,
            keras.initializers.get,
            optional=False,
        )
        self.prune = check_flag("prune", prune)
        self.remat = check_flag("remat", remat)
        self.seed = check_seed(seed)
        self.sharing = check_sharing(sharing, names, self.steps)
        self._written = Written()
        self._schedules: dict[tuple, _schedule.Schedule] = {}
        self.graph_weights = GraphWeights(self)
        self.blocks = self.graph_weights.blocks

    @property
    def readout_time(self) -> int:
        """The paper's readout time: `steps` + 1."""
        return self.steps + 1

    @property
    def endless(self) -> bool:
        """Whether there are weights for any number of steps."""
        return all(_schedule.is_endless(self.sharing, name) for name in self.states)

    @property
    def stretches(self) -> bool:
        """Whether the readout after step s depends on the number of steps."""
        return any(t.first < 0 or t.last < -1 for t in self.transitions)

    def schedule(
        self,
        steps: int | None = None,
        every: bool | None = None,
        prune: bool | None = None,
    ) -> Any:
        """Return the `Schedule` of a run."""
        steps = self.steps if steps is None else check_size("steps", steps, MAX_STEPS)
        every = self.return_sequences if every is None else every
        prune = self.prune if prune is None else prune
        if (steps, every, prune) not in self._schedules:
            fed = range(0)
            if self.injection:
                # Only a readout of the first state would see a last entry.
                first_is_read = self.readout == next(iter(self.states))
                fed = range(1, steps + (self.injection == "add" or first_is_read))
            self._schedules[steps, every, prune] = _schedule.Schedule(
                list(self.states),
                self.transitions,
                steps,
                self.readout,
                fed,
                every,
                prune,
            )
        return self._schedules[steps, every, prune]

    def applications(self) -> dict[Any, tuple[keras.layers.Layer, int, int]]:
        """Return the block, row and number of rows of every transition and age."""
        return {key: self.application(key) for key in self.graph_weights.places}

    def application(self, key: tuple[int, int]) -> tuple[keras.layers.Layer, int, int]:
        """Return the entry of `applications` for a key, or for its last age."""
        return self.graph_weights.application(key)

    def build(self, input_shape):
        self._check_input(input_shape)
        self._direct = {}
        schedule = self.schedule(self.steps, self.return_sequences)
        for evaluation in schedule.evaluations:
            block, _, rows = self.application(evaluation.key)
            if block in self._direct:
                continue
            transition = self.transitions[evaluation.transition]
            shape = self.states[evaluation.source]
            if not isinstance(transition.layer, keras.layers.Layer):
                # Tied sizes may differ.
                shape = (*[None] * (len(shape) - 1), shape[-1])
            with iteration_scope(0, rows):
                x = keras.KerasTensor((None, *shape), self.compute_dtype)
                outputs = symbolic_call(block, x)
            self._check_output(transition, outputs)
            self._direct[block] = DirectBlock(block)
        self.restore_frozen()

    def call(self, x, steps=None, return_sequences=None, training=None):
        schedule = self.schedule(steps, return_sequences)
        collect = (
            self.return_sequences if return_sequences is None else return_sequences
        )
        self._check_input(x.shape, schedule.steps)
        # Remove the mask, which this layer does not support.
        x = attach(ops.cast(x, self.compute_dtype), [None])
        first = next(iter(self.states))
        start = x[:, 0] if self.injection == "sequence" else x
        values, collected = {first: start}, []
        bounded = boundary_of(x)
        for step in range(1, schedule.steps + 1):
            values = bounded(values)
            arrived = {
                target: [
                    self._evaluate(e, values[e.source], training) for e in arriving
                ]
                for target, arriving in schedule.arrivals[step].items()
            }
            if step in schedule.fed:
                given = x[:, step] if self.injection == "sequence" else x
                arrived.setdefault(first, []).append(given)
            declared = schedule.declared[step]
            values = {
                name: self._merged(parts, declared[name])
                for name, parts in arrived.items()
            }
            if collect:
                collected.append(values.get(self.readout))
        if not collect:
            return values[self.readout]
        empty = ops.zeros_like(next(v for v in collected if v is not None))
        collected = [empty if v is None else v for v in collected]
        return ops.stack(collected, axis=1)

    def _evaluate(self, evaluation, value, training):
        block, row, rows = self.application(evaluation.key)
        if self.remat:
            written = self._written.by(block, value, training, rows)
            pure = PureBlock(self._direct[block], rows, training, True, written)
            result, carried = pure(row, pure.start(), value)
            loss = pure.finish(carried)
            if pure.adds_losses:
                self.add_loss(loss)
        else:
            with iteration_scope(row, rows):
                result = self._direct[block](value, training=training)
        transition = self.transitions[evaluation.transition]
        self._check_output(transition, result)
        return result + value if transition.shortcut else result

    def _merged(self, parts, declared):
        total = sum(parts[1:], start=parts[0])
        count = {"sum": 1, "mean": len(parts), "declared_mean": declared}[self.merge]
        return total if count == 1 else total / count

    def _check_input(self, shape, steps=None):
        shape = tuple(shape)
        expected = (None, *next(iter(self.states.values())))
        if self.injection == "sequence":
            steps = self.steps if steps is None else steps
            needed = 1 + max(self.schedule(steps).fed, default=0)
            time = shape[1] if len(shape) > 1 else None
            if len(shape) < 2 or time is None or time < needed:
                raise ValueError(
                    "With injection='sequence' the input must have an entry for every "
                    f"step, on the axis after the batch. Received: shape {shape} for "
                    f"{steps} steps, which need {needed}. Give a longer sequence, or "
                    "run fewer steps."
                )
            expected = (None, time, *expected[1:])
        if not fits(shape, expected):
            raise ValueError(
                f"The input must have the shape of the first state. Received: {shape}. "
                f"Allowed: {expected}."
            )

    def _check_output(self, transition, outputs):
        expected = (None, *self.states[transition.target])
        if not fits(tuple(outputs.shape), expected):
            raise ValueError(
                f"{transition} must turn the shape of state {transition.source!r}, "
                f"{self.states[transition.source]}, into that of "
                f"{transition.target!r}, {expected[1:]}. Received: a layer that gives "
                f"{tuple(outputs.shape)[1:]}."
            )

    def compute_output_spec(
        self, x, steps=None, return_sequences=None, training=None
    ) -> keras.KerasTensor:
        collect = (
            self.return_sequences if return_sequences is None else return_sequences
        )
        schedule = self.schedule(steps, collect)
        self._check_input(x.shape, schedule.steps)
        for evaluation in schedule.evaluations:
            self.application(evaluation.key)
        shape = self.states[self.readout]
        shape = (x.shape[0], *([schedule.steps] if collect else []), *shape)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def plot(self, path: Any = None, steps: int | None = None) -> Any:
        """Draw the graph and its unrolling, with one color per set of shared weights.

        Args:
            path: Output file, `.png` or `.svg`. Defaults to `None`: no file.
            steps: Number of steps to unroll. Defaults to the graph's `steps`.

        Returns:
            A matplotlib `Figure`.
        """
        from keras_recur.layers._graph_plot import plot_graph

        return plot_graph(self, path, steps)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "states": {name: list(shape) for name, shape in self.states.items()},
            "transitions": [serialize(t) for t in self.transitions],
            "steps": self.steps,
            "merge": self.merge,
            "sharing": plain_sharing(self.sharing),
            "transition_layer": self.transition_layer,
            "injection": self.injection,
            "readout": self.readout,
            "return_sequences": self.return_sequences,
            "affine": self.affine,
            "max_statistics": self.max_statistics,
            "kernel_size": self.kernel_size,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "prune": self.prune,
            "remat": self.remat,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        deserialize = keras.saving.deserialize_keras_object
        config = current_names(config)
        config["transitions"] = [deserialize(t) for t in config["transitions"]]
        for earlier, name in _EARLIER_NAMES.items():
            if earlier in config:
                config[name] = config.pop(earlier)
        return cls(**config)
