"""The blocks of a state graph: one per group of tied transitions."""

import bisect
import json
from typing import Any

import keras

from keras_recur._limits import MAX_COPIES
from keras_recur.layers import _schedule
from keras_recur.layers._branch import branch, levels
from keras_recur.layers._copies import copy_block, own_block, tied_block
from keras_recur.layers._graph_arguments import check_equal


class GraphWeights:
    """Blocks of a `RecurrentGraph`, with the block and row of each transition."""

    def __init__(self, graph: Any):
        self._graph = graph
        kinds = [self._kind(t) for t in graph.transitions]
        groups = _schedule.tied_groups(
            graph.sharing,
            graph.transitions,
            graph.schedule(graph.steps, graph.return_sequences).evaluations,
            graph.steps,
            kinds,
        )
        if len(groups) > MAX_COPIES:
            raise ValueError(
                f"A graph can have at most {MAX_COPIES:,} blocks. Received: steps="
                f"{graph.steps} with sharing={graph.sharing!r}, which needs "
                f"{len(groups):,}. Use fewer steps, or sharing='all'."
            )
        # Block number and row, by transition and age.
        self.places: dict[tuple[int, int], tuple[int, int]] = {}
        self.blocks: list[Any] = []
        self.rows: list[int] = []
        used: list[Any] = []
        for number, group in enumerate(groups):
            check_equal(group, kinds)
            rows: dict[tuple[int, int], int] = {}
            for e in group:
                age = e.age
                if graph.max_statistics is not None:
                    age = min(age, graph.max_statistics - 1)
                row = rows.setdefault((e.transition, age), len(rows))
                self.places[e.transition, e.age] = number, row
            self.rows.append(len(rows))
            self.blocks.append(self._block(group, len(rows), used))
        self._ages: dict[int, list[int]] = {}
        for transition, age in sorted(self.places):
            self._ages.setdefault(transition, []).append(age)

    def _block(self, group, rows, used):
        graph, first = self._graph, group[0]
        transition = graph.transitions[first.transition]
        endless = _schedule.is_endless(graph.sharing, first.target)
        if isinstance(transition.layer, keras.layers.Layer):
            copy = sum(layer is transition.layer for layer in used)
            used.append(transition.layer)
            if copy:
                return copy_block(transition.layer, copy, rows)
            return (tied_block if endless else own_block)(transition.layer, rows)
        name = f"{first.source}_to_{first.target}"
        seed = None if graph.seed is None else f"{graph.seed}/{name}/{first.age}"
        return branch(
            graph.states[first.source],
            graph.states[first.target],
            transition.layer or graph.transition_layer,
            affine=graph.affine,
            kernel_size=graph.kernel_size,
            initializer=graph.kernel_initializer,
            seed=seed,
            dtype=graph.dtype_policy,
            name=name if endless else f"{name}_{first.step}",
        )

    def _kind(self, transition):
        """Return a key that is equal for transitions that can share weights."""
        states = self._graph.states
        source, target = states[transition.source], states[transition.target]
        if isinstance(transition.layer, keras.layers.Layer):
            config = keras.saving.serialize_keras_object(transition.layer)
            config["config"].pop("name", None)
            return json.dumps(config, sort_keys=True, default=str), source, target
        layer = transition.layer or self._graph.transition_layer
        return layer, source[-1], target[-1], levels(source, target)

    def application(self, key: tuple[int, int]) -> tuple[keras.layers.Layer, int, int]:
        """Return the block, row and number of rows of a transition at an age."""
        graph, (number, age) = self._graph, key
        known = self._ages.get(number, [])
        transition = graph.transitions[number]
        name = f"{transition.source} -> {transition.target}"
        if not known:
            raise ValueError(
                f"The transition {name} has no weights: it cannot reach the readout "
                f"in the {graph.steps} steps that were built. Received: a run that "
                "needs it. Build with more steps, or with prune=False."
            )
        endless = _schedule.is_endless(graph.sharing, transition.target)
        if key not in self.places and not endless:
            raise ValueError(
                f"No weights exist for {name} {age} steps after its first: with "
                f"sharing={graph.sharing!r} only the {graph.steps} steps that were "
                "built have them. Received: a run of other steps. Allowed beyond "
                "those are transitions with sharing='all'."
            )
        nearest = known[max(bisect.bisect_right(known, age) - 1, 0)]
        block, row = self.places[number, nearest]
        return self.blocks[block], row, self.rows[block]
