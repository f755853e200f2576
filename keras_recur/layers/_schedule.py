"""The schedule of a state graph: the transitions that run at each step."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from keras_recur._validation import nearest

# Largest number of steps that an error suggests.
_TRIED = 200


class Evaluation(NamedTuple):
    """One transition at one step."""

    transition: int  # Number in the graph's list.
    source: str
    target: str
    step: int  # From 1.
    age: int  # Steps since the transition's first, which stretching does not change.

    @property
    def key(self) -> tuple[int, int]:
        """The transition and age that identify its weights."""
        return self.transition, self.age


class Schedule:
    """The transitions that a run of `steps` steps evaluates."""

    def __init__(
        self,
        states: Sequence[str],
        transitions: Sequence[Any],
        steps: int,
        readout: str,
        fed: range = range(0),  # Steps after 0 at which input arrives.
        every: bool = False,  # Whether the readout of every step is used.
        prune: bool = True,
    ):
        self.steps = steps
        self.populated, possible, self.declared = _populate(
            states[0], transitions, steps, fed
        )
        if readout not in self.populated[steps]:
            raise ValueError(_unreached(states, transitions, steps, readout, fed))
        wanted = [set() for _ in range(steps + 1)]
        wanted[steps].add(readout)
        self.evaluations = []
        for step in range(steps, 0, -1):
            if every:
                wanted[step].add(readout)
            kept = [e for e in possible[step] if not prune or e.target in wanted[step]]
            self.evaluations[:0] = kept
            wanted[step - 1].update(e.source for e in kept)
        self.fed = [s for s in fed if not prune or states[0] in wanted[s]]
        # Evaluations by step and target, in order of the states.
        self.arrivals: list[dict[str, list[Evaluation]]] = [
            {} for _ in range(steps + 1)
        ]
        for e in sorted(self.evaluations, key=lambda e: states.index(e.target)):
            self.arrivals[e.step].setdefault(e.target, []).append(e)

    def contributing(self) -> set[tuple[str, str]]:
        """Return the pairs of states between which a transition is evaluated."""
        return {(e.source, e.target) for e in self.evaluations}


def _populate(first, transitions, steps, fed):
    """Return by step the populated states, possible evaluations and declared inputs."""
    populated, possible, declared = [{first}], [[]], [{}]
    ranges = [t.range(steps) for t in transitions]
    for step in range(1, steps + 1):
        arriving, count = [], {}
        for number, (transition, times) in enumerate(
            zip(transitions, ranges, strict=True)
        ):
            if step not in times:
                continue
            count[transition.target] = count.get(transition.target, 0) + 1
            if transition.source in populated[-1]:
                arriving.append(
                    Evaluation(
                        number,
                        transition.source,
                        transition.target,
                        step,
                        step - times.start,
                    )
                )
        reached = {e.target for e in arriving}
        if step in fed:
            reached.add(first)
            count[first] = count.get(first, 0) + 1
        populated.append(reached)
        possible.append(arriving)
        declared.append(count)
    return populated, possible, declared


def _unreached(states, transitions, steps, readout, fed):
    most = max([steps, *(abs(n) for t in transitions for n in (t.first, t.last))])
    most = min(most, _TRIED)
    reached = []
    for number in range(1, most + len(states) + 1):
        again = range(1, number + 1) if len(fed) else range(0)
        populated, *_ = _populate(states[0], transitions, number, again)
        if readout in populated[number]:
            reached.append(number)
    hint = "No number of steps reaches it: add a transition that leads to it."
    if reached:
        nearest_one = next((n for n in reached if n > steps), reached[-1])
        hint = f"It would be reached after {nearest_one} steps."
    return (
        f"The readout, state {readout!r}, is empty after {steps} "
        f"step{'s' * (steps != 1)}: no path of transitions leads there from "
        f"{states[0]!r} in that time. Received: steps={steps}. {hint}"
    )


def check_names(states: Sequence[str], names: Sequence[Any], where: str) -> None:
    """Raise a `ValueError` if a name is not a state's."""
    for name in names:
        if name not in states:
            raise ValueError(
                f"Unknown state in {where}. Received: {name!r}. Allowed: "
                f"{', '.join(repr(s) for s in states)}.{nearest(name, states)}"
            )


def check_no_overlap(transitions: Sequence[Any], steps: int) -> None:
    """Raise a `ValueError` if two transitions join the same states at the same step."""
    seen: set[tuple[str, str, int]] = set()
    for transition in transitions:
        for step in transition.range(steps):
            triple = transition.source, transition.target, step
            if triple in seen:
                raise ValueError(
                    "Two transitions lead from and to the same states at the same "
                    f"step. Received twice: {triple}. Give them steps that do not "
                    "overlap, or one layer that does both."
                )
            seen.add(triple)


def tied_groups(
    sharing: Any,
    transitions: Sequence[Any],
    evaluations: Sequence[Evaluation],
    steps: int,
    kinds: Sequence[Any],
) -> list[list[Evaluation]]:
    """Return the evaluations in groups of tied weights, by first appearance."""
    # Only explicit groups tie transitions of different kinds.
    lists = _explicit(sharing, transitions, steps)
    groups: dict[Any, list[Evaluation]] = {}
    for evaluation in evaluations:
        kind = kinds[evaluation.transition]
        key = _group(sharing, evaluation, lists, kind)
        groups.setdefault(key, []).append(evaluation)
    return list(groups.values())


def is_endless(sharing: Any, target: str) -> bool:
    """Return whether transitions to this state have weights for any step."""
    if isinstance(sharing, dict):
        sharing = sharing.get(target, "all")
    return sharing == "all"


def _group(sharing, evaluation, lists, kind):
    pair = evaluation.source, evaluation.target
    alone = (*pair, evaluation.step)
    if is_endless(sharing, evaluation.target):
        return (*pair, kind)
    if lists is not None:
        return lists.get(alone, alone)
    if isinstance(sharing, list):
        return (*pair, kind, sharing[evaluation.step - 1])
    return alone


def _explicit(sharing, transitions, steps):
    """Return `{(source, target, step): group}` if groups are listed, else `None`."""
    if not isinstance(sharing, list) or (sharing and isinstance(sharing[0], int)):
        return None
    declared = {(t.source, t.target, s) for t in transitions for s in t.range(steps)}
    known: dict[tuple, int] = {}
    for number, group in enumerate(sharing):
        for triple in group:
            if triple not in declared:
                raise ValueError(
                    "A group of `sharing` names a transition that does not exist. "
                    f"Received: {triple!r}. Allowed are (source, target, step) with a "
                    f"step of 1 to {steps} at which the transition exists."
                    f"{_near(triple, declared)}"
                )
            if triple in known:
                raise ValueError(
                    f"Groups of `sharing` overlap. Received: {triple!r} in group "
                    f"{known[triple]} and group {number}. Join the groups, or take it "
                    "out of one."
                )
            known[triple] = number
    return known


def _near(triple, declared):
    same = sorted(t for t in declared if t[:2] == tuple(triple[:2]))
    if not same:
        return ""
    steps = [t[2] for t in same]
    return f" That transition exists at steps {min(steps)} to {max(steps)}."
