"""A lock on a shared folder, for file systems without locks of their own."""

import contextlib
import os
import random
import time
import uuid
from pathlib import Path

from keras_recur._files import read_text
from keras_recur.tuning._heartbeat import Heartbeat


class FolderLock:
    """Lock that one process holds; a process that dies loses it.

    The lock is a symbolic link to the name of its process, because links are created
    as a whole or not at all on local and network file systems. It can be acquired
    again by the process that holds it. It has the methods of Optuna's file locks.

    Args:
        path: Path of the lock.
        heartbeat: Heartbeat of this process, which knows the others.
    """

    def __init__(self, path: Path, heartbeat: Heartbeat):
        self.path, self._heartbeat = path, heartbeat
        self._depth = 0

    def acquire(self) -> bool:
        """Wait for the lock."""
        if not self._depth:
            pause = 0.001
            while not self._create():
                holder = self._holder(self.path)
                if holder is not None and not self._heartbeat.alive(holder):
                    self._break(holder)
                    continue
                time.sleep(pause * random.uniform(0.5, 1))
                pause = min(2 * pause, 0.2)
        self._depth += 1
        return True

    def release(self) -> None:
        """Release the lock once."""
        self._depth -= 1
        if not self._depth and self._holder(self.path) == self._heartbeat.name:
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> "FolderLock":
        self.acquire()
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def _create(self):
        name = self._heartbeat.name
        try:
            os.symlink(name, self.path)
        except FileExistsError:
            return False
        except (OSError, NotImplementedError):
            if os.name != "nt":
                raise
            try:  # Windows reserves links for administrators.
                with self.path.open("x", encoding="utf-8") as file:
                    file.write(name)
            except FileExistsError:
                return False
        return True

    def _holder(self, path):
        """Return the name of the process that holds a lock, or `None`."""
        try:
            return os.readlink(path)
        except FileNotFoundError:
            return None
        except OSError:
            with contextlib.suppress(OSError):
                return read_text(path) or None
            return None

    def _break(self, holder):
        """Remove the lock of a dead process."""
        broken = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex}.partial")
        try:
            os.rename(self.path, broken)
        except OSError:
            return  # Another process was faster.
        found = self._holder(broken)
        if found not in (holder, None):
            # It was broken and taken by another process in the meantime.
            with contextlib.suppress(OSError):
                os.symlink(found, self.path)
        with contextlib.suppress(OSError):
            broken.unlink()
