"""The command line and its commands `list` and `show`."""

import contextlib
import os
import sys
from typing import Annotated, Any

import typer
import typer.core
from rich.table import Table

from keras_recur._interrupts import interruptible
from keras_recur._memory import out_of_memory
from keras_recur._terminal import plain_console, sentence
from keras_recur.cli import experiment
from keras_recur.cli._app import App
from keras_recur.cli.card import card
from keras_recur.cli.compare import compare
from keras_recur.cli.export import export
from keras_recur.cli.options import Name
from keras_recur.cli.play import play
from keras_recur.cli.search import search
from keras_recur.version import __version__


class Commands(typer.core.TyperGroup):
    """Commands that end with one sentence and exit status 130 after Ctrl-C."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with interruptible():
                return super().invoke(ctx)
        except KeyboardInterrupt as error:
            console.print(f"\n{error or 'Interrupted. Run the same command again.'}")
            raise typer.Exit(130) from None


app = App(
    cls=Commands,
    help="Recurrent networks and their feed-forward twins.",
    epilog="Exit status: 0 success, 1 error or diverged training, 2 wrong usage, "
    "130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
console = plain_console()


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"keras-recur {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version and exit.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show start-up lines of TensorFlow.")
    ] = False,
):
    """Recurrent networks and their feed-forward twins."""


@app.command("list")
def list_(
    pattern: Annotated[str, typer.Argument(help="Wildcard, such as 'deep*'.")] = "*",
):
    """List the families of networks and the data sets."""
    from keras_recur import data, zoo

    table = Table("family", "description", "shared weights", box=None)
    for name in zoo.list_families(pattern):
        family = zoo.describe(name)
        table.add_row(name, family.summary, family.shares)
    console.print(table)
    table = Table("data set", "description", "download", box=None)
    for name in data.list_datasets(pattern):
        spec = data.describe(name)
        needed = spec.package and f"none, part of {spec.package}"
        table.add_row(name, spec.summary, spec.download_size or needed or "none")
    console.print()
    console.print(table)


@app.command()
def show(name: Name):
    """Show a family: paper, shared weights, defaults, costs of both twins."""
    from keras_recur import zoo

    console.print(str(zoo.describe(name)))
    console.print()
    console.print(str(zoo.build(name).costs()))


app.command()(compare)
app.add_typer(experiment.app, name="experiment")
app.command()(search)
app.command()(export)
app.command()(card)
app.command()(play)


def main() -> None:
    """Run `keras-recur` and print each error as one sentence."""
    try:
        app()
    except SystemExit as done:
        if done.code == 130:
            _leave()
        raise
    except (ValueError, OSError, RuntimeError, ImportError, MemoryError) as error:
        _report(error)
    except Exception as error:
        if not out_of_memory(error):  # TensorFlow raises its own class.
            raise
        _report(error)


def _leave():
    """End the process at once, because JAX may crash during shutdown."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(130)


def _report(error):
    if os.environ.get("KERAS_RECUR_TRACEBACK"):
        raise error
    text = f"Error: {sentence(error)}"
    plain_console(stderr=True).print(text, style="red", soft_wrap=True)
    raise SystemExit(1) from None


if __name__ == "__main__":
    main()
