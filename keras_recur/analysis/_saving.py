"""Write figures."""

from pathlib import Path
from typing import Any

from keras_recur._files import check_path, replacing


def save_figure(figure: Any, path: str | Path | None) -> Any:
    """Write a figure as a PNG file, if a path is given, and return it."""
    if path is not None:
        with replacing(check_path("path", path)) as file:
            figure.savefig(file, format="png", dpi=130)
    return figure
