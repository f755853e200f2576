"""Start child processes that find the same modules as this process."""

import os
import sys
import threading
import time


def child_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module in a separate process.

    `-P` keeps Python from importing a file such as `json.py` from the current folder.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def child_environment(**changes: str) -> dict[str, str]:
    """Return this process's environment with changes and its module paths."""
    places = [os.path.abspath(place) for place in sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places), **changes}


def end_with(parent: int) -> None:
    """End this process when its parent process has ended.

    Args:
        parent: Process number of the parent, which may have ended already.
    """

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
