"""The Optuna study that the equal processes of a search share."""

import contextlib
import random
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import optuna

from keras_recur.tuning import _heartbeat
from keras_recur.tuning._folder_lock import FolderLock
from keras_recur.tuning._storage import open_storage

# Seconds between looks at the work of others.
_SHORT, _LONG = 0.1, 2.0


class ClaimLost(ConnectionError):
    """Another process has taken over, because this one seemed to be dead."""


class SharedStudy:
    """Study in a storage, and claims on parts of the work.

    Use it as a context: a process whose context has ended counts as dead.

    Args:
        folder: Folder of the search, which all processes share.
        storage: URL of a database. Defaults to a journal file in the folder.
    """

    def __init__(self, folder: Path, storage: str | None = None):
        self.folder, self._url = folder, storage
        self.heartbeat = _heartbeat.Heartbeat(folder / "alive")
        # Decisions are made by one process at a time.
        self.turn = FolderLock(folder.absolute() / ".turn.lock", self.heartbeat)
        self._pause = _SHORT
        self._checked = time.monotonic()
        self.study: Any = None
        self.storage: Any = None

    def __enter__(self) -> "SharedStudy":
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.heartbeat)
            with self.turn:
                self.storage = open_storage(self.folder, self._url, self.heartbeat)
            stack.callback(self._close)
            self._ending = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._ending.close()

    def _close(self):
        if self._url is not None:
            self.storage.remove_session()
            self.storage.engine.dispose()

    def open(self, name: str, directions: Sequence[Any]) -> None:
        """Create or load the study."""
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            with self.turn:
                self.study = optuna.create_study(
                    study_name=name,
                    storage=self.storage,
                    directions=list(directions),
                    load_if_exists=True,
                )
        finally:
            optuna.logging.set_verbosity(verbosity)

    def get(self, name: str) -> Any:
        """Return an attribute of the study, or `None`."""
        return self._attributes().get(name)

    def _attributes(self):
        # `study.user_attrs` would copy all of them.
        return self.storage.get_study_user_attrs(self.study._study_id)

    def set(self, name: str, value: Any) -> None:
        """Change an attribute of the study."""
        self.study.set_user_attr(name, value)

    def claim(self, name: str) -> bool:
        """Claim a part of the work unless a living process has it."""
        return self.claim_one([name]) is not None

    def claim_one(self, names: Iterable[str]) -> str | None:
        """Claim the first part that no other living process has, and return it."""
        with self.turn:
            holders = self._attributes()
            for name in names:
                holder = holders.get(name)
                if holder == self.heartbeat.name:
                    return name
                if holder and self.heartbeat.alive(holder):
                    continue
                self.set(name, self.heartbeat.name)
                self._pause = _SHORT
                return name
        return None

    def release(self, name: str) -> None:
        """Give up a claim."""
        with self.turn:
            if self.get(name) == self.heartbeat.name:
                self.set(name, "")

    def check(self, name: str) -> None:
        """Raise `ClaimLost` if another process has taken a claim; read it rarely."""
        now = time.monotonic()
        if now - self._checked < _heartbeat.PATIENCE / 4:
            return
        if self.get(name) != self.heartbeat.name:
            raise ClaimLost(f"Another process has taken over {name}.")
        self._checked = now

    def wait(self) -> None:
        """Let other processes work for a moment, which grows until the next claim."""
        time.sleep(self._pause * random.uniform(0.5, 1))
        self._pause = min(2 * self._pause, _LONG)
