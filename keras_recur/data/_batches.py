"""Read any data that `model.fit` takes, one batch of NumPy arrays at a time."""

import contextlib
import itertools
import math
import random
import sys
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import tree

BATCH_SIZE = 128
MOST_BATCHES = 10_000
_FORMS = (
    "an ArrayDataset, a PyDataset, a tf.data.Dataset, a DataLoader, a generator, a "
    "list of batches, or arrays (x, y)"
)


def batches(data: Any, what: str = "score") -> Iterator[tuple[Any, np.ndarray]]:
    """Yield `(x, y)` for every batch as NumPy arrays; `what` is a verb for errors."""
    empty = True
    for batch in raw_batches(data):
        x, y = _pair(batch)
        if len(y):
            empty = False
            yield x, y
    if empty:
        raise ValueError(f"`data` has no examples to {what}.")


def inputs(data: Any) -> Iterator[Any]:
    """Yield `x` for every batch, with or without labels. The data may be endless."""
    for batch in raw_batches(data, endless=True):
        x = batch[0] if isinstance(batch, tuple | list) and batch else batch
        x = tree.map_structure(to_numpy, x)
        for part in tree.flatten(x):
            if not part.ndim or part.dtype.kind in "OSU":
                raise ValueError(
                    "`data` must yield batches of arrays, x or (x, y). Received: a "
                    f"batch that is {batch!r}."
                )
        yield x


def raw_batches(data: Any, endless: bool = False) -> Iterator[Any]:
    """Return an iterator over unchanged batches. Endless data need `endless=True`."""
    if is_arrays(data) or _is_array(data):
        return _sliced(data)
    check_form("data", data)
    length = length_of(data)
    if length is None and not endless:
        if isinstance(data, keras.utils.PyDataset):
            raise _endless("a PyDataset without a length")
        if isinstance(data, itertools.repeat | itertools.count | itertools.cycle):
            raise _endless(f"an itertools.{type(data).__name__}")
    if length == math.inf and not endless:
        raise _endless("a tf.data.Dataset that repeats forever")
    if hasattr(data, "__getitem__"):  # A PyDataset as an iterator would never end.
        numbers = itertools.count() if length is None else range(int(length))
        return (data[i] for i in numbers)
    return _until_the_end(data) if length is None and not endless else iter(data)


def length_of(data):
    """Return the number of batches, or `None` if it is unknown."""
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches
    if hasattr(data, "cardinality") and int(data.cardinality()) == -1:
        return math.inf
    try:
        return len(data)
    except (TypeError, NotImplementedError):
        return None


def is_arrays(data: Any) -> bool:
    """Return whether the data are `(x, y)` or `(x, y, sample_weight)` of arrays."""
    return (
        isinstance(data, tuple)
        and len(data) in (2, 3)
        and all(_is_array(part) for part in (*tree.flatten(data[0]), *data[1:]))
    )


def is_one_shot(data: Any) -> bool:
    """Return whether data can be read only once, such as a generator."""
    return hasattr(data, "__next__")


def first_batch(data: Any) -> tuple[Any, Any]:
    """Return the first batch, or `None`, and data that still contain it."""
    if is_arrays(data):
        return data, data
    if is_one_shot(data):
        first = next(data, None)
        return first, data if first is None else _after(first, data)
    with _same_random_numbers():
        return next(_first(data), None), data


def _first(data):
    if isinstance(data, keras.utils.PyDataset):
        return (data[i] for i in range(1))
    examples: Any = getattr(data, "dataset", None)
    size = getattr(data, "batch_size", None)
    if size and hasattr(data, "collate_fn") and hasattr(examples, "__getitem__"):
        # A DataLoader would start its workers and load more than this batch.
        count = min(size, len(examples))
        rows = [examples[i] for i in range(count)]
        return iter([data.collate_fn(rows)] if rows else [])
    return iter(data.take(1) if hasattr(data, "cardinality") else data)


def _after(first, rest):
    yield first
    yield from rest


@contextlib.contextmanager
def _same_random_numbers():
    states = random.getstate(), np.random.get_state()
    torch = sys.modules.get("torch")
    torch_state = torch.get_rng_state() if torch else None
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        if torch:
            torch.set_rng_state(torch_state)


def to_numpy(x: Any) -> Any:
    """Return a tensor of any backend and device as a NumPy array."""
    if isinstance(x, np.ndarray):
        return x
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        return (x.float() if str(x.dtype) == "torch.bfloat16" else x).numpy()
    return np.asarray(x)


def _is_array(x):
    return bool(getattr(x, "shape", ())) and hasattr(x, "dtype")


def _pair(batch):
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
        kind = type(batch).__name__
        if isinstance(batch, tuple | list):
            kind += f" of {len(batch)}"
        raise ValueError(
            f"`data` must yield batches (x, y). Received: a batch that is a {kind}. "
            "Pass arrays as a tuple, data=(x, y)."
        )
    if len(batch) == 3 and batch[2] is not None:
        raise ValueError(
            "`data` must yield batches (x, y): scores weigh all examples equally. "
            "Received: batches (x, y, sample_weight). Leave the weights out."
        )
    if batch[1] is None or isinstance(batch[1], dict):
        kind = "None" if batch[1] is None else "a dictionary"
        raise ValueError(
            f"`data` must yield batches (x, y) with one array of labels. Received: y "
            f"is {kind}. Score models with several outputs one output at a time."
        )
    x, y = tree.map_structure(to_numpy, batch[0]), to_numpy(batch[1])
    sizes = [np.shape(part)[:1] for part in tree.flatten(x)]
    if not y.ndim or any(size != y.shape[:1] for size in sizes):
        shapes = [np.shape(part) for part in tree.flatten(x)]
        raise ValueError(
            "`data` must yield batches (x, y) with as many labels as examples. "
            f"Received: x of shape {', '.join(map(str, shapes))}, y of shape {y.shape}."
            " Use data.ArrayDataset(x, y) or a DataLoader to make batches."
        )
    return x, y


def _sliced(data):
    parts = tree.flatten(data)
    if len({len(part) for part in parts}) != 1:
        raise ValueError(
            "Arrays must hold the same number of examples. Received: shapes "
            f"{[tuple(part.shape) for part in parts]}."
        )
    for start in range(0, len(parts[0]), BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        yield tree.map_structure(lambda x, rows=rows: x[rows], data)


def _until_the_end(data):
    for number, batch in enumerate(data):
        if number == MOST_BATCHES:
            raise _endless(f"data without a length, with more than {number:,} batches")
        yield batch


def _endless(what):
    return ValueError(
        f"`data` must end. Received: {what}. Limit them with data.take(n) "
        "or itertools.islice(data, n). Data of more than "
        f"{MOST_BATCHES:,} batches need a length, as a PyDataset has."
    )


def check_form(name: str, data: Any) -> None:
    """Refuse an object that has no batches."""
    batches = hasattr(data, "__iter__") or hasattr(data, "__getitem__")
    if batches and not isinstance(data, str | bytes | dict) and not callable(data):
        return
    shown = repr(data)
    shown = shown if len(shown) <= 200 else f"{shown[:200]}..."
    hint = " Call it first." if callable(data) else ""
    raise ValueError(
        f"`{name}` must be {_FORMS}. Received: {shown} (of type "
        f"{type(data).__name__}).{hint}"
    )
