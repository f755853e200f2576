"""Paths, text files, JSON files and locks."""

import contextlib
import glob
import json
import math
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import filelock


def check_path(name: str, value: Any) -> Path:
    """Return `value` as a path, with `~` expanded to the home folder."""
    usable = isinstance(value, str | os.PathLike) and str(value).strip()
    if not usable or "\0" in str(value):
        raise ValueError(
            f"`{name}` must be a path, a nonempty string or a pathlib.Path. Received: "
            f"{name}={value!r} (of type {type(value).__name__})."
        )
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"`{name}` names a home folder that cannot be found. Received: "
            f"{name}={str(value)!r}. Give the whole path."
        ) from error


def read_text(path: str | Path) -> str:
    """Return the content of a text file, read as UTF-8 in every locale."""
    return Path(path).read_text(encoding="utf-8")


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file, whole or not at all."""
    with replacing(path) as file:
        file.write(text.encode())


def replace_between(text: str, begin: str, end: str, new: str) -> str:
    """Return `text` with `new` on the lines between two markers."""
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(
            f"The text must contain the lines {begin!r} and {end!r}, in this order. "
            "Add them where the new text belongs."
        )
    return f"{before}{begin}\n{new}\n{end}{after}"


def read_json(path: str | Path, kind: type = dict) -> Any:
    """Return the content of a JSON file, which must be of type `kind`."""
    try:
        content = json.loads(read_text(path))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(content, kind):
        what = {dict: "an object", list: "an array"}[kind]
        raise ValueError(f"it must hold {what}, not {type(content).__name__}")
    return content


def to_json(content: Any) -> str:
    """Return JSON text, with null for NaN and infinity, and a line per list of numbers.

    Lists of strings, lists and dictionaries have a line for each item.
    """
    text = json.dumps(_plain(content), indent=1, allow_nan=False) + "\n"
    return re.sub(r'\[\n[^][{}"]*\]', _one_line, text)


def _one_line(found):
    return f"[{' '.join(found[0][1:-1].split())}]"


def write_json(path: str | Path, content: Any) -> None:
    """Write a JSON file, whole or not at all."""
    write_text(path, to_json(content))


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for writing that replaces `path` when it is complete."""
    path = check_path("path", path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:  # An interrupt may come as soon as the file is there.
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def remove_partial(path: Path) -> None:
    """Remove what killed processes wrote of a file; nobody else may be writing it."""
    for left in path.parent.glob(f"{glob.escape(path.name)}.*.partial"):
        with contextlib.suppress(OSError):
            left.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: str | Path, wait: float = 0) -> Iterator[None]:
    """Lock a folder against other processes, at most until this process ends.

    The lock is awaited for `wait` seconds.
    """
    path = Path(folder) / ".lock"
    with trying(path, wait) as mine:
        if not mine:
            holder = ""
            with contextlib.suppress(OSError):
                holder = read_text(path).strip()
            raise ValueError(
                f"Another process is writing to {folder}"
                f"{f' (process {holder})' if holder else ''}. Wait until it ends, "
                "stop it, or choose another folder."
            )
        yield


@contextlib.contextmanager
def trying(path: Path, wait: float = 0) -> Iterator[bool]:
    """Lock a file, and yield whether it is locked or another process holds it."""
    lock = filelock.FileLock(path, timeout=wait)
    try:
        lock.acquire()
    except filelock.Timeout:
        yield False
        return
    try:
        path.write_text(f"{os.getpid()}\n", encoding="utf-8")
        yield True
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


@contextlib.contextmanager
def making(target: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `target` when its content is complete."""
    place = target.parent / f".{target.name}.partial"
    place.mkdir(parents=True, exist_ok=True)
    with locked(place):
        try:
            made = place / target.name
            # A process that was killed may have left files.
            shutil.rmtree(made, ignore_errors=True)
            made.unlink(missing_ok=True)
            yield made
            os.replace(made, target)
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _plain(content):
    import numpy as np

    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    if isinstance(content, np.ndarray | np.generic):
        return _plain(content.tolist())
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
