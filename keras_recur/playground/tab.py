"""The actions of one tab: from what a person does to what the tab shows."""

import dataclasses
import html
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_recur._plot_style import label
from keras_recur.inference.stop_rule import KINDS, StopRule
from keras_recur.playground.charts import draw_charts, draw_table
from keras_recur.playground.networks import Network
from keras_recur.playground.tasks import Task
from keras_recur.playground.thinking import Disturbance, Thoughts, think
from keras_recur.runs.entry import TWINS

# What a network that cannot be shown ends in, and what a person can cause.
MISTAKES = (ValueError, ImportError, OSError, MemoryError)


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the networks answered for one value."""

    value: np.ndarray
    answer: np.ndarray | None
    twins: dict[str, Thoughts]
    trained: dict[str, int]

    @property
    def last(self) -> int:
        """Number of iterations of the network that ran longest."""
        return max(map(len, self.twins.values()))


class Tab:
    """A task and the networks that solve it.

    Args:
        task: The task.
        networks: The networks to choose from.
    """

    def __init__(self, task: Task, networks: Sequence[Network]):
        self.task = task
        self.networks = {network.name: network for network in networks}

    def first_size(self) -> int:
        """Return the size of the first example."""
        if self.task.sizes is None:
            return 0
        smallest, largest, usual, step = self.task.sizes
        size = next(iter(self.networks.values())).size
        size = usual if not isinstance(size, int) else size
        return min(max(size, smallest), largest) // step * step + smallest % step

    def warning(self, value: np.ndarray) -> str:
        """Return a message if a value has no clear answer."""
        try:
            self.task.answer(value)
        except ValueError as error:
            return alert(error)
        return ""

    def think(
        self,
        value: np.ndarray,
        name: str,
        iterations: Any,
        disturbance: Disturbance,
        report: Callable[[int, int], Any],
    ) -> Seen:
        """Run the chosen network and its twin on a value."""
        if name not in self.networks:
            raise ValueError(f"Choose a network of the list. Received: {name!r}.")
        network, answer = self.networks[name], self.task.answer(value)
        x = self.task.encode(value)
        with network.lock:
            network.check_input(x)
            twins = {
                twin: think(
                    steps, x, iterations, disturbance, self.task.reduction, report
                )
                for twin, steps in network.steps.items()
            }
            trained = {twin: s.iterations for twin, s in network.steps.items()}
        return Seen(value, answer, twins, trained)

    def rules(self, thresholds: Sequence[Any], patience: Any) -> list[StopRule]:
        """Return one stop rule per kind."""
        given = dict(zip(kinds_with_threshold(), thresholds, strict=True))
        return [
            StopRule(kind, given.get(kind), patience, self.task.reduction)
            for kind in KINDS
        ]

    def pictures(
        self, seen: Seen, number: int, truth: bool
    ) -> list[tuple[np.ndarray | None, str]]:
        """Return the picture and the words of each twin after an iteration."""
        found: list[tuple[np.ndarray | None, str]] = []
        for twin in TWINS:
            thoughts = seen.twins.get(twin)
            if thoughts is None:
                found.append((None, note(f"There is no trained {label(twin)}.")))
                continue
            t = min(number, len(thoughts)) - 1
            shown = seen.answer if truth else None
            picture = self.task.picture(seen.value, thoughts.likely, t, shown)
            words = [f"<b>{label(twin).capitalize()}</b>, iteration {t + 1}"]
            if t + 1 < number:
                words[0] += " (its last)"
            elif t + 1 > seen.trained[twin]:
                words[0] += f" (trained with {seen.trained[twin]})"
            words.append(html.escape(self.task.verdict(thoughts.guess(t), shown)))
            found.append((picture, note(": ".join(filter(None, words)), safe=True)))
        return found

    def charts(
        self, seen: Seen, number: int, truth: bool, rules: Sequence[StopRule]
    ) -> str:
        """Return the signals and where each rule stops, as HTML."""
        shown = seen.answer if truth else None
        charts = draw_charts(seen.twins, rules, seen.answer, number - 1)
        return charts + draw_table(seen.twins, rules, self.task, shown)


def kinds_with_threshold() -> list[str]:
    """Return the kinds of stop rules that take a threshold."""
    found = []
    for kind in KINDS:
        usual = StopRule(kind).threshold
        try:
            StopRule(kind, (usual or 1.0) / 2)
        except ValueError:
            continue
        found.append(kind)
    return found


def alert(error: BaseException) -> str:
    """Return an error as a message in the page."""
    return f'<div class="kr-alert" role="alert">{html.escape(str(error))}</div>'


def note(text: str, safe: bool = False) -> str:
    """Return a remark as HTML; `safe` text is HTML already."""
    return f'<div class="kr-note">{text if safe else html.escape(text)}</div>'
