"""Checks of files that hold arrays, before memory is taken for what they declare."""

import io
import json
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import keras
import numpy as np

# A file may declare little more than it holds: Keras and NumPy write uncompressed.
FLOOR = 64 * 2**20  # bytes that nobody minds
EXPANSION = 50
MEMBERS = 10_000
LARGE = 4096  # a size in a configuration from which on weights are counted


def check_zip(path: Path, archive: zipfile.ZipFile) -> None:
    """Check what the members of a ZIP file declare: `.keras` and `.npz` files.

    Raises:
        ValueError: If there are too many of them, or one unpacks to far more than is
            stored.
    """
    members = archive.infolist()
    if len(members) > MEMBERS:
        raise ValueError(
            f"{path} holds {len(members):,} parts, and {MEMBERS:,} are allowed. It was "
            "not written by Keras."
        )
    for member in members:
        _check(path, member.filename, member.file_size, member.compress_size)


def check_text(path: Path, archive: zipfile.ZipFile, names: Iterable[str]) -> None:
    """Check that members that are read as text are not too large.

    Raises:
        ValueError: If one is larger than 64 MiB.
    """
    for name in names:
        size = archive.getinfo(name).file_size
        if size > FLOOR:
            raise ValueError(
                f"{path} declares {_readable(size)} for its part {name}, and "
                f"{_readable(FLOOR)} are allowed. It was not written by Keras."
            )


def check_weights(path: Path, file: BinaryIO | Path | None = None) -> int:
    """Check what the arrays of an HDF5 file declare, and return their bytes.

    Args:
        path: The file, for the message.
        file: The file to read. Default: `path`.

    Raises:
        ValueError: If an array declares far more than is stored.
        OSError: If it is not an HDF5 file.
    """
    total = 0

    def visit(name, found):
        nonlocal total
        if isinstance(found, h5py.Dataset):
            declared = found.size * found.dtype.itemsize if found.shape else 0
            _check(path, name, declared, found.id.get_storage_size())
            total += declared

    with h5py.File(path if file is None else file, "r") as weights:
        weights.visititems(visit)
    return total


def member(path: Path, archive: zipfile.ZipFile, name: str) -> BinaryIO:
    """Return a member of an archive as a file in which every place is near."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        return archive.open(info)  # type: ignore[return-value]
    return io.BufferedReader(_Part(path, info))


class _Part(io.RawIOBase):
    """A stored member, read where it lies: `zipfile` seeks by reading all before."""

    def __init__(self, path, info):
        self._file = open(path, "rb")  # noqa: SIM115  It is closed with this.
        self._file.seek(info.header_offset + 26)
        name, extra = (int.from_bytes(self._file.read(2), "little") for _ in "ab")
        self._start = info.header_offset + 30 + name + extra
        self._size, self._place = info.file_size, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}
        self._place = base[whence] + offset
        return self._place

    def readinto(self, buffer):
        self._file.seek(self._start + self._place)
        wanted = max(0, min(len(buffer), self._size - self._place))
        found = self._file.read(wanted)
        buffer[: len(found)] = found
        self._place += len(found)
        return len(found)

    def close(self):
        self._file.close()
        super().close()


def check_config(path: Path, text: bytes, stored: int) -> None:
    """Check that a model's configuration asks for no more than its file stores.

    Args:
        path: The file, for the message.
        text: The configuration, as JSON.
        stored: Bytes of the weights in the file.

    Raises:
        ValueError: If it is nested too deeply, or asks for far larger weights.
    """
    try:
        config = json.loads(text)
        sizes = max(_sizes(config), default=0)
    except RecursionError as error:
        raise ValueError(
            f"{path} is damaged: its configuration is nested too deeply."
        ) from error
    if sizes < LARGE:
        return
    try:
        # Variables are named and shaped in this scope, and take no memory.
        with keras.StatelessScope():
            model: Any = keras.saving.deserialize_keras_object(config)
        needed = sum(int(np.prod(w.shape)) * _itemsize(w.dtype) for w in model.weights)
    except Exception:
        return  # What it is that cannot be built, loading says.
    if needed > FLOOR and needed > 4 * stored:
        raise ValueError(
            f"{path} is damaged: its configuration asks for weights of "
            f"{_readable(needed)}, and {_readable(stored)} are stored. Save the model "
            "again."
        )


def _itemsize(dtype):
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


def _sizes(part):
    """All integers of a configuration but those that begin random numbers."""
    if isinstance(part, dict):
        for key, value in part.items():
            if "seed" not in str(key):
                yield from _sizes(value)
    elif isinstance(part, list):
        for value in part:
            yield from _sizes(value)
    elif isinstance(part, int) and not isinstance(part, bool):
        yield part


def _check(path, name, declared, stored):
    if declared > FLOOR and declared > EXPANSION * stored:
        raise ValueError(
            f"{path} declares {_readable(declared)} for its part {name}, and "
            f"{_readable(stored)} are stored. It is not read, because it would fill "
            "the memory."
        )


def _readable(size):
    if size < 1024:
        return f"{size:,} bytes"
    power = min(int(np.log2(size)) // 10, 4)
    return f"{size / 1024**power:,.1f} {('', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"
