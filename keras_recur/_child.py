"""Child processes of this Python, which find the modules that this process finds."""

import os
import sys
import threading
import time


def child_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module in a process of its own.

    `-P` keeps Python from putting the current folder first, where a file such as
    `json.py` would be imported in place of the library.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def child_environment(**changes: str) -> dict[str, str]:
    """Return this process's environment with changes, and its places of modules."""
    places = [os.path.abspath(place) for place in sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places), **changes}


def end_with(parent: int) -> None:
    """End this process when the one that started it is gone, however it ended.

    Args:
        parent: Its number, from itself: it may be gone by now.
    """

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
