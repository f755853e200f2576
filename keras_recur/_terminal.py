"""Write to the terminal: text stays as it is, and errors are one sentence."""

from rich.console import Console

from keras_recur._memory import out_of_memory


def plain_console(stderr: bool = False, quiet: bool = False) -> Console:
    """Return a console that prints text unchanged, in tables too.

    It has no markup, emoji or colored numbers. Without a terminal, lines have 120
    columns.
    """
    console = Console(
        stderr=stderr, quiet=quiet, markup=False, emoji=False, highlight=False
    )
    if not console.is_terminal:
        console.width = 120
    return console


def sentence(error: BaseException) -> str:
    """Return the text of an error for the command line, without outer line breaks."""
    if out_of_memory(error):
        said = str(error).strip().partition("\n")[0][:200]
        return (
            "There is not enough memory. Use a smaller model, batch or data set, or "
            f"stop other programs.{f' The program was told: {said}' if said else ''}"
        )
    return str(error).strip() or type(error).__name__
