"""Options of several commands, and options from the fields of dataclasses."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from keras_recur._files import check_path

Name = Annotated[
    str, typer.Argument(help="Family of networks; `keras-recur list` shows all.")
]
Data = Annotated[str, typer.Option(help="Data set; `keras-recur list` shows all.")]
Output = Annotated[
    Path | None, typer.Option(help="Folder to write. Default: a folder in runs/.")
]
Quick = Annotated[
    bool,
    typer.Option("--quick", help="Small settings: minutes per network, 40 for mazes."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Resume an interrupted run.")]
Seeds = Annotated[int, typer.Option(help="Number of seeds.")]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Number of worker processes with one thread each; 0 trains in this "
        "process. Default: one per core for small networks on a CPU, or 0."
    ),
]
FirstSeed = Annotated[int, typer.Option(help="First seed.")]
Width = Annotated[int | None, typer.Option(help="Units or channels of the state.")]
Injection = Annotated[
    str | None,
    typer.Option(help="Inject the input in every iteration: add, concat or none."),
]
Size = Annotated[
    int | None, typer.Option(help="Size of training mazes, length of strings.")
]
Examples = Annotated[int | None, typer.Option(help="Number of training examples.")]
Epochs = Annotated[int | None, typer.Option(help="Number of epochs.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder of downloaded data sets.")]
Download = Annotated[
    bool, typer.Option("--download", help="Allow the download of the data set.")
]


def with_fields(command: Callable[..., Any]) -> Callable[..., Any]:
    """Replace each dataclass among the parameters with options, one per field."""
    parameters: list[inspect.Parameter] = []
    groups: dict[str, Any] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if dataclasses.is_dataclass(parameter.annotation):
            groups[name] = parameter.annotation
            parameters += inspect.signature(groups[name]).parameters.values()
        else:
            parameters.append(parameter)

    def run(**given: Any) -> Any:
        for name, kind in groups.items():
            fields = [field.name for field in dataclasses.fields(kind)]
            given[name] = kind(**{field: given.pop(field) for field in fields})
        return command(**given)

    functools.update_wrapper(run, command)
    vars(run)["__annotations__"] = {}
    vars(run)["__signature__"] = inspect.Signature(
        [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    )
    return run


def run_folder(output: Path | None, usual: str) -> Path:
    """Return the folder of a run: `output`, or `usual` in `runs`."""
    return Path("runs") / usual if output is None else check_path("output", output)
