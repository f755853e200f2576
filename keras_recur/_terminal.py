"""Consoles and error texts of the command line."""

import errno

from rich.console import Console

from keras_recur._memory import out_of_memory


def plain_console(stderr: bool = False, quiet: bool = False) -> Console:
    """Return a console that prints text without markup, emoji and highlighting."""
    console = Console(
        stderr=stderr, quiet=quiet, markup=False, emoji=False, highlight=False
    )
    if not console.is_terminal:
        console.width = 120
    return console


def sentence(error: BaseException) -> str:
    """Return the error text that the command line prints."""
    if out_of_memory(error):
        said = str(error).strip().partition("\n")[0][:200]
        return (
            "There is not enough memory. Use a smaller model, batch or data set, or "
            f"stop other programs.{f' The program was told: {said}' if said else ''}"
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        # HDF5 puts buffers and addresses into the text.
        place = f": {error.filename}" if error.filename else ""
        return (
            f"No space left on the disk{place}. Free some and run the same command "
            "again. Files that were complete are kept."
        )
    return str(error).strip() or type(error).__name__
