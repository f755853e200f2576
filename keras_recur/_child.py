"""Child processes that find the same modules as this process."""

import os
import sys
import threading
import time


def child_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module in a new process."""
    # With -P, a file such as json.py in the current folder is not imported.
    return [sys.executable, "-P", "-m", module, *arguments]


def child_environment(**changes: str) -> dict[str, str]:
    """Return the environment with `changes` and the module search path."""
    places = [os.path.abspath(place) for place in sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places), **changes}


def end_with(parent: int) -> None:
    """End this process when process `parent` ends."""

    # `parent` is an argument, because the parent may have ended before this call.
    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
