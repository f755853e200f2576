"""Write a format on another backend, in a separate process."""

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
    """Write a model in a process on the format's backend, through `.keras` files."""
    backend = FORMATS[format].backend
    modules = sorted({*_modules(model), *(_modules(front) if front else ())})
    if "__main__" in modules:
        raise ValueError(
            f"format={format!r} is written by a separate process on {backend}, which "
            "cannot import layers that are defined in a notebook or script. Received: "
            "a model with such a layer. Move its class to a module, build it from "
            "Keras's layers, or save the model and export it with "
            f"KERAS_BACKEND={backend}."
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
            # This process may have reserved the memory of the GPU.
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
    """Yield the modules of all classes in a model, except Keras's and ours."""

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
    except Exception as error:  # The caller reports it.
        said = {"type": type(error).__name__, "message": str(error)}
        write_json(place / "error.json", said)
        raise


if __name__ == "__main__":
    end_with(int(sys.argv[2]))
    _main(Path(sys.argv[1]))
