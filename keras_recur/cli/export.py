"""`keras-recur export`: a trained network as a file that serves on its own."""

from pathlib import Path
from typing import Annotated

import typer

from keras_recur._terminal import plain_console


def export(
    run: Annotated[
        str,
        typer.Argument(
            help="Folder of a run or search, name of a published entry, or .keras file."
        ),
    ],
    to: Annotated[
        Path, typer.Option("--output", help="What to write; it must not exist.")
    ],
    format: Annotated[
        str, typer.Option(help="tf_saved_model, onnx, litert or torch.")
    ] = "tf_saved_model",
    twin: Annotated[
        str | None, typer.Option(help="recurrent (default), feedforward or a variant.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of which seed. Default: the first.")
    ] = None,
    max_iterations: Annotated[
        int | None,
        typer.Option(
            "--max-iterations", help="Iterations at which serving stops at last."
        ),
    ] = None,
    reduction: Annotated[
        str,
        typer.Option(
            "--reduction", help="An answer is as sure as its positions: min or mean."
        ),
    ] = "min",
    preprocess: Annotated[
        bool, typer.Option(help="Put the normalisation of images into the model.")
    ] = False,
):
    """Exports a trained network, with its card, to serve without this library."""
    from keras_recur.exporting import export_run

    path = export_run(
        run,
        to,
        format,
        twin=twin,
        seed=seed,
        max_iterations=max_iterations,
        reduction=reduction,
        preprocess=preprocess,
    )
    size = sum(f.stat().st_size for f in [path, *path.rglob("*")] if f.is_file())
    console = plain_console()
    console.print(f"wrote {path}, {size / 2**20:.1f} MiB")
    if format == "tf_saved_model":
        console.print(f"Its card: {path / 'assets' / 'card.json'}")
        console.print(
            f'Serve it: served = tensorflow.saved_model.load("{path}"), then '
            "served.serve(inputs)",
        )
