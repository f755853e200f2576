"""The command `keras-recur export`."""

from pathlib import Path
from typing import Annotated

import typer

from keras_recur._files import check_path
from keras_recur._terminal import plain_console


def export(
    run: Annotated[
        str,
        typer.Argument(
            help="Folder of a run or search, published entry, or .keras file."
        ),
    ],
    output: Annotated[Path, typer.Option(help="Output path (must not exist).")],
    format: Annotated[
        str, typer.Option(help="tf_saved_model, onnx, litert or torch.")
    ] = "tf_saved_model",
    twin: Annotated[
        str | None,
        typer.Option(help="recurrent, feedforward or a variant. Default: recurrent."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the weights. Default: the first one.")
    ] = None,
    max_iterations: Annotated[
        int | None, typer.Option(help="Maximum number of iterations.")
    ] = None,
    reduction: Annotated[
        str,
        typer.Option(help="Reduction of confidence over positions: min or mean."),
    ] = "min",
    preprocess: Annotated[
        bool,
        typer.Option("--preprocess", help="Include the normalization of images."),
    ] = False,
):
    """Export a trained network with its card, to run without this library."""
    from keras_recur.exporting import export_run

    path = export_run(
        run,
        check_path("output", output),
        format,
        twin=twin,
        seed=seed,
        max_iterations=max_iterations,
        reduction=reduction,
        preprocess=preprocess,
    )
    size = sum(f.stat().st_size for f in [path, *path.rglob("*")] if f.is_file())
    console = plain_console()
    console.print(f"Wrote {path} ({size / 2**20:.1f} MiB)")
    if format == "tf_saved_model":
        console.print(f"Card: {path / 'assets' / 'card.json'}")
        console.print(
            f'Usage: served = tensorflow.saved_model.load("{path}"), then '
            "served.serve(inputs)",
        )
