"""Storages of a shared study: a journal file, or a database."""

import os
import random
import time
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import JournalFileBackend

from keras_recur.tuning._folder_lock import FolderLock
from keras_recur.tuning._heartbeat import Heartbeat

JOURNAL = "study.journal"
_ATTEMPTS = 5


def open_storage(folder: Path, url: str | None, heartbeat: Heartbeat) -> Any:
    """Return the storage with this URL, or the journal file in the folder.

    Raises:
        ValueError: If the URL is invalid, or names SQLite while several processes
            share the search.
        ImportError: If the driver of the database is not installed.
        ConnectionError: If the database cannot be reached.
    """
    if url is None:
        path = folder.absolute() / JOURNAL
        lock: Any = _JournalLock(path.with_name(f".{JOURNAL}.lock"), heartbeat)
        lock.journal = path
        backend = JournalFileBackend(str(path), lock)
        return optuna.storages.JournalStorage(backend)
    if is_sqlite(check_storage(url)) and heartbeat.others():
        refuse_sqlite(url)
    for attempt in range(_ATTEMPTS):
        found = _database(url, last=attempt == _ATTEMPTS - 1)
        if found is not None:
            return found
        time.sleep(random.uniform(0.1, 1))


def _database(url, last):
    """Return the database, or `None` if another search is creating its tables."""
    from sqlalchemy import exc

    try:
        # Connections may be closed while a network trains.
        kept: Any = {"pool_pre_ping": True}
        return optuna.storages.RDBStorage(url, engine_kwargs=kept)
    except ImportError as error:
        raise ImportError(
            f"The database {hide_password(url)} needs a driver that is not installed "
            f"({error}). Install it, for example with `pip install psycopg2-binary` "
            "for PostgreSQL."
        ) from None
    except exc.DBAPIError as error:
        if not last and isinstance(error, exc.IntegrityError | exc.ProgrammingError):
            return None
        raise ConnectionError(
            f"The database {hide_password(url)} cannot be reached "
            f"({str(error).splitlines()[0]})."
        ) from None


def check_storage(url: Any) -> str:
    """Return the URL of a database."""
    from sqlalchemy import engine, exc

    try:
        if isinstance(url, str):
            engine.make_url(url)
            return url
    except exc.ArgumentError:
        pass
    raise ValueError(
        "`storage` must be the URL of a database, such as "
        f"'postgresql://user@host/name'. Received: storage={url!r}."
    )


def is_sqlite(url: str | None) -> bool:
    """Return whether a URL names SQLite."""
    return url is not None and url.startswith("sqlite")


def refuse_sqlite(url: str) -> None:
    """Raise the error for SQLite with several processes."""
    raise ValueError(
        "`storage` must not be SQLite when several processes share a search, because "
        "SQLite locks the whole file and its locks are unreliable on network file "
        f"systems. Received: storage={url!r}. Leave `storage` out to use a journal "
        "file, or use PostgreSQL."
    )


def hide_password(url: str) -> str:
    """Return a URL that can be printed."""
    import sqlalchemy

    return sqlalchemy.engine.make_url(url).render_as_string(hide_password=True)


class _JournalLock(FolderLock):
    """Lock of the journal, which removes a line that a killed process left half."""

    journal: Path

    def acquire(self) -> bool:
        super().acquire()
        try:
            with self.journal.open("rb+") as file:
                end = file.seek(0, os.SEEK_END)
                while end and not _ends_line(file, end):
                    end -= 1
                file.truncate(end)
        except BaseException:
            self.release()
            raise
        return True


def _ends_line(file, end):
    file.seek(end - 1)
    return file.read(1) == b"\n"
