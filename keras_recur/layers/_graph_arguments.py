"""Check the arguments of a `RecurrentGraph`, and expand shorthands."""

import numbers
from collections.abc import Mapping, Sequence

from keras_recur._limits import MAX_SIZE
from keras_recur._validation import check_one_of, check_sequence, check_type
from keras_recur.layers._schedule import check_names
from keras_recur.layers.transition import Transition, resnet_transitions

KINDS = ("self", "bottom_up", "top_down", "bypass")
_SHORTHANDS = {"full": KINDS, "adjacent": KINDS[:3]}


def check_states(states):
    if not isinstance(states, Mapping) or not states:
        raise ValueError(
            "`states` must map names to shapes, such as {'V1': (32, 32, 64)}. "
            f"Received: states={states!r}."
        )
    checked, ranks = {}, set()
    for name, shape in states.items():
        shape = tuple(shape) if isinstance(shape, list | tuple) else ()
        right = 1 <= len(shape) <= 3 and all(_is_int(n) for n in shape[-1:])
        for size in shape:
            right = right and (size is None or (_is_int(size) and 0 < size <= MAX_SIZE))
        if not right:
            raise ValueError(
                "A state's shape must be (height, width, channels), (length, channels) "
                "or (channels,), of positive integers. Received: "
                f"states[{name!r}]={states[name]!r}."
            )
        if not isinstance(name, str) or not name or "/" in name:
            raise ValueError(
                f"A state's name must be a string without '/'. Received: {name!r}."
            )
        checked[name] = tuple(n if n is None else int(n) for n in shape)
        ranks.add(len(shape))
    if len(ranks) > 1:
        raise ValueError(
            "All states must have the same number of axes. Received: "
            f"states={dict(states)}."
        )
    return checked


def as_transitions(given, states, steps):
    names = list(states)
    if isinstance(given, str):
        check_one_of("transitions", given, (*_SHORTHANDS, "resnet"))
        if given == "resnet":
            loops = max(steps - 2 * (len(names) - 1), 0)
            return resnet_transitions(names, [loops] + [1] * (len(names) - 1))[0]
        given = _SHORTHANDS[given]
    found = []
    for entry in check_sequence("transitions", given):
        if isinstance(entry, str):
            check_one_of("transitions", entry, KINDS)
            pairs = [(a, b) for a in names for b in names]
            found += [Transition(*p) for p in pairs if kind_of(*p, names) == entry]
            continue
        if isinstance(entry, list | tuple) and 2 <= len(entry) <= 6:
            entry = Transition(*entry)
        check_type("transitions", entry, Transition, "a list of transitions")
        found.append(entry)
    for transition in found:
        both = [transition.source, transition.target]
        check_names(names, both, repr(transition))
        shapes = [states[name] for name in both]
        if transition.shortcut and shapes[0] != shapes[1]:
            raise ValueError(
                "A shortcut needs states of equal shape. Received: shortcut=True for "
                f"{transition} between {shapes[0]} and {shapes[1]}. Leave it out."
            )
    if not found:
        raise ValueError(
            f"A graph needs transitions. Received: transitions={given!r}. Allowed: "
            "'full', 'adjacent', 'resnet', or a list that names some."
        )
    return found


def kind_of(source: str, target: str, names: Sequence[str]) -> str:
    """Return the kind of the edge between two states: one of `KINDS`."""
    distance = list(names).index(target) - list(names).index(source)
    return {0: "self", 1: "bottom_up", -1: "top_down"}.get(distance, "bypass")


def check_sharing(sharing, names, steps):
    if isinstance(sharing, str):
        return check_one_of("sharing", sharing, ("all", "none"))
    if isinstance(sharing, Mapping):
        check_names(names, list(sharing), "`sharing`")
        for value in sharing.values():
            check_one_of("sharing", value, ("all", "none"))
        return dict(sharing)
    entries: list = list(sharing) if isinstance(sharing, list | tuple) else [None]
    if all(_is_int(e) for e in entries):
        if len(entries) != steps:
            raise ValueError(
                "`sharing` must name a group for every step. Received: "
                f"{len(entries)} group ids, sharing={entries}, for steps={steps}."
            )
        return [int(e) for e in entries]
    groups = []
    for group in entries:
        triples = list(group) if isinstance(group, list | tuple) else [None]
        groups.append([tuple(t) if isinstance(t, list | tuple) else t for t in triples])
        if not all(isinstance(t, tuple) and len(t) == 3 for t in groups[-1]):
            raise ValueError(
                "`sharing` must be 'all', 'none', a group id for every step, a mapping "
                "from states to 'all' or 'none', or a list of groups of (source, "
                f"target, step). Received: sharing={sharing!r}."
            )
    return groups


def check_equal(group, kinds):
    first = group[0]
    for e in group[1:]:
        if kinds[e.transition] != kinds[first.transition]:
            raise ValueError(
                "A group of `sharing` ties transitions whose layers or shapes differ. "
                f"Received: {tuple(first[1:4])} and {tuple(e[1:4])}. Tie transitions "
                "with the same layer, between states of equal channels and equal ratio "
                "of sizes."
            )


def plain_sharing(sharing):
    """Return the argument `sharing` as JSON returns it."""
    if isinstance(sharing, list):
        return [g if _is_int(g) else [list(t) for t in g] for g in sharing]
    return sharing


def _is_int(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def fits(shape, expected):
    pairs = zip(shape, expected, strict=False)
    same = all(None in p or p[0] == p[1] for p in pairs)
    return len(shape) == len(expected) and same
