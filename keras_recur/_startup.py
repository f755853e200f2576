"""Fast and quiet start of the command line. This module must not import Keras."""

import contextlib
import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def on_command_line() -> bool:
    """Return whether this process runs `keras-recur` or `python -m keras_recur`."""
    module = sys.orig_argv[1:3] == ["-m", "keras_recur"]
    return module or Path(sys.argv[0]).stem == "keras-recur"


def quiet_tensorflow() -> None:
    """Hide TensorFlow's start-up messages, unless --verbose is given."""
    if "--verbose" in sys.argv or os.environ.setdefault(_LEVEL, "3") != "3":
        return
    sys.meta_path.insert(0, _QuietTensorFlow())


class _QuietTensorFlow(importlib.abc.MetaPathFinder):
    """Import hook that hides TensorFlow messages that ignore the log level."""

    _searching = False  # Whether the other finders are searching.

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname != "tensorflow" or self._searching:
            return None
        self._searching = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._searching = False
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module):
                with _hidden_errors():
                    load(module)

            spec.loader.exec_module = exec_module  # pyright: ignore[reportAttributeAccessIssue]
        return spec


@contextlib.contextmanager
def _hidden_errors() -> Iterator[None]:
    """Discard standard error, including that of compiled code."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
