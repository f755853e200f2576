"""Writing a format on another backend: in a process of its own, which Keras fixes."""

import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from keras_recur._child import child_command, child_environment, end_with
from keras_recur._files import read_json, write_json
from keras_recur.exporting._formats import FORMATS
from keras_recur.exporting.load_model import load_model

_OURS = ("keras", "keras_recur", "builtins")


def on_its_backend(format: str, model: Any, path: Path, front: Any, settings: dict):
    """Has a model written by the format's backend, which gets it as `.keras` files."""
    backend = FORMATS[format].backend
    modules = sorted({*_modules(model), *(_modules(front) if front else ())})
    if "__main__" in modules:
        raise ValueError(
            f"format={format!r} is written by Keras on {backend}, in a "
            "process of its own, where a layer that is defined in a notebook or script "
            "is not known. Received: a model with such a layer. Put its class into a "
            "module (a file to import), or make the layer of Keras's layers "
            "(keras.Sequential, keras.Model), or export where the backend is "
            f"{backend!r}: save the model, set KERAS_BACKEND={backend}, load it there."
        )
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        model.save(place / "model.keras")
        if front is not None:
            front.save(place / "front.keras")
        plan = {"format": format, "path": str(path.absolute())}
        plan |= {"modules": modules, "settings": settings}
        write_json(place / "plan.json", plan)
        done = subprocess.run(
            child_command(__name__, str(place), str(os.getpid())),
            # The GPU may be full of this process's memory.
            env=child_environment(KERAS_BACKEND=backend, CUDA_VISIBLE_DEVICES=""),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
        error = place / "error.json"
        if error.exists():
            said = read_json(error)
            kind = ValueError if said["type"] == "ValueError" else RuntimeError
            raise kind(said["message"])
        if done.returncode:
            raise RuntimeError(
                f"The process that writes on {backend} ended with exit status "
                f"{done.returncode}:\n{done.stderr[-2000:]}"
            )


def _modules(model: Any) -> Iterator[str]:
    """The modules of all classes that a model is made of, but Keras's and ours."""

    def walk(part):
        if isinstance(part, dict):
            known = keras.saving.get_registered_object(part.get("registered_name"))
            module = known.__module__ if known else part.get("module")
            if "class_name" in part and module:
                if module.partition(".")[0] not in _OURS:
                    yield module
            part = list(part.values())
        if isinstance(part, list | tuple):
            for inner in part:
                yield from walk(inner)

    yield from walk(keras.saving.serialize_keras_object(model))


def _main(place: Path) -> None:
    plan = read_json(place / "plan.json")
    try:
        for module in plan["modules"]:
            importlib.import_module(module)
        model, front = (
            load_model(file) if file.exists() else None
            for file in (place / "model.keras", place / "front.keras")
        )
        write = FORMATS[plan["format"]].write
        write(model, Path(plan["path"]), front, **plan["settings"])
    except Exception as error:  # Whatever it is, the caller is told.
        said = {"type": type(error).__name__, "message": str(error)}
        write_json(place / "error.json", said)
        raise


if __name__ == "__main__":
    end_with(int(sys.argv[2]))
    _main(Path(sys.argv[1]))
