"""The networks that the page shows, from published entries, runs and models."""

import functools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from keras_recur import zoo
from keras_recur._validation import nearest
from keras_recur.exporting.load_model import load_model
from keras_recur.inference.stepwise import Stepwise
from keras_recur.playground.tasks import TASKS
from keras_recur.runs.entry import TWINS, Entry
from keras_recur.runs.run_folder import RunFolder
from keras_recur.runs.trained_network import finished_seeds, trained_network
from keras_recur.zoo.entries import entry_folder, read_entry

Models = dict[str, keras.Model]


class Network:
    """A recurrent network, its twin if there is one, and what they were trained on.

    Args:
        name: Name in the page.
        data: Name of the data set.
        load: Returns the Keras models by their names in `TWINS`.
        size: Size of the training examples. Defaults to `None`: unknown.

    Attributes:
        lock: Lock that is held while a network runs.
    """

    def __init__(
        self,
        name: str,
        data: str,
        load: Callable[[], Models],
        size: Any = None,
    ):
        self.name, self.data, self.size = name, data, size
        self.lock = threading.Lock()
        self._load = load

    @functools.cached_property
    def steps(self) -> dict[str, Stepwise]:
        """The networks in their parts, loaded on first use."""
        return {twin: Stepwise(model) for twin, model in self._models.items()}

    @functools.cached_property
    def _models(self):
        return self._load()

    def check_input(self, x: Any) -> None:
        """Refuse an input whose shape the network does not take."""
        for model in self._models.values():
            shape = tuple(model.input_shape[1:])
            fits = len(shape) == x.ndim - 1 and all(
                size in (None, given)
                for size, given in zip(shape, x.shape[1:], strict=True)
            )
            if not fits:
                raise ValueError(
                    f"{self.name} takes inputs of shape {shape}. This input has the "
                    f"shape {x.shape[1:]}. Choose another size."
                )


def find_networks(source: Any, task: str | None) -> list[Network]:
    """Return the networks of `keras_recur.play`, whose first arguments these are."""
    if source is None:
        return [_published(name) for name in _playable(task)]
    if isinstance(source, zoo.Pair):
        data = _needed(task, "a pair")
        return [Network(source.name, data, lambda: _twins(source))]
    if isinstance(source, keras.Model):
        return [_of_models(task, {"recurrent": source})]
    if isinstance(source, tuple | list):
        return [_of_models(task, dict(zip(TWINS, source, strict=True)))]
    path, name = Path(source), os.fspath(source)
    if path.suffix == ".keras":
        return [Network(path.name, _needed(task, "a file"), lambda: _file(path))]
    if (path / "run.json").exists():
        return _of_run(RunFolder(path), task)
    if name in zoo.list_entries():
        return [_published(name, task)]
    known = _playable(None)
    raise ValueError(
        "`model` must be a published entry, the folder of a run of `keras-recur "
        f"compare`, a `.keras` file, a pair or a Keras model. Received: {name!r}. "
        f"Published: {', '.join(known)}.{nearest(name, known)}"
    )


def _playable(task):
    """Return the published entries whose inputs can be made by hand."""
    found = {
        n: read_entry(entry_folder(n))["entry"]["data"] for n in zoo.list_entries()
    }
    return [n for n, data in found.items() if data in ((task,) if task else TASKS)]


def _published(name, task=None):
    entry = Entry.from_dict(read_entry(entry_folder(name))["entry"])
    data = _same(task, entry.data, name)
    return Network(name, data, lambda: _twins(zoo.load(name)), entry.size)


def _twins(pair):
    """Return the twins of a pair, without one whose weights are not published."""
    files = pair.weight_files
    there = [twin for twin in TWINS if not files or files.get(twin) is not None]
    return {twin: getattr(pair, twin) for twin in there}


def _of_models(task, models):
    for model in models.values():
        if not isinstance(model, keras.Model):
            raise ValueError(
                "`model` must be a Keras model, or a recurrent network and its twin. "
                f"Received: {model!r} (of type {type(model).__name__})."
            )
    network = next(iter(models.values()))
    return Network(network.name, _needed(task, "a model"), lambda: models)


def _file(path):
    return {"recurrent": load_model(path)}


def _of_run(folder, task):
    if folder.of_experiment():
        raise ValueError(
            f"{folder.path} is the folder of an experiment, which has many networks. "
            "Play with a run of `keras-recur compare`, or with a model in Python."
        )
    entry = folder.entry()
    data = _same(task, entry.data, str(folder.path))
    seeds = sorted({s for twin in TWINS for s in finished_seeds(folder, twin)})
    if not seeds:
        raise ValueError(
            f"No network has finished in {folder.path}. Resume its command with "
            "--resume."
        )
    return [
        Network(
            f"{folder.path.resolve().name}, seed {seed}",
            data,
            functools.partial(_trained, folder, seed),
            entry.size,
        )
        for seed in seeds
    ]


def _trained(folder, seed):
    return {
        twin: trained_network(folder, twin, seed)
        for twin in TWINS
        if seed in finished_seeds(folder, twin)
    }


def _needed(task, what):
    if task is None:
        raise ValueError(
            f"`task` must be given with {what}: the data set of its inputs. Allowed: "
            f"{', '.join(TASKS)}."
        )
    return task


def _same(task, data, name):
    if task is not None and task != data:
        raise ValueError(
            f"`task` must be the data set of {name}, {data!r}. Received: task={task!r}."
        )
    if data not in TASKS:
        raise ValueError(
            f"The page has inputs for {', '.join(TASKS)}. Received: {name} with "
            f"{data!r}."
        )
    return data
