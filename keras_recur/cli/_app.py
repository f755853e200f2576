"""Commands that show their help without Keras."""

import importlib
from typing import Any

import typer
import typer.core


class App(typer.Typer):
    """Commands that import Keras when they run. Import rooms in their functions."""

    def command(self, *args: Any, **settings: Any) -> Any:
        return super().command(*args, cls=_Command, **settings)


class _Command(typer.core.TyperCommand):
    def invoke(self, ctx: Any) -> Any:
        # Also registers all classes, which saved models need.
        importlib.import_module("keras_recur._rooms")
        return super().invoke(ctx)
