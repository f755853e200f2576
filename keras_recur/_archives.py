"""Checks of the sizes that array files declare, before the arrays are read."""

import contextlib
import functools
import io
import math
import os
import threading
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import h5py
import keras
import numpy as np

# Keras and NumPy write uncompressed, so a file declares about the bytes it stores.
FLOOR = 64 * 2**20  # Bytes that are always allowed.
EXPANSION = 50
MEMBERS = 10_000


def check_zip(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse a `.keras` or `.npz` file with too many or too large members."""
    members = archive.infolist()
    if len(members) > MEMBERS:
        raise ValueError(
            f"{path} holds {len(members):,} parts, and {MEMBERS:,} are allowed. It was "
            "not written by Keras."
        )
    for member in members:
        _check(path, member.filename, member.file_size, member.compress_size)


def check_arrays(path: Path) -> None:
    """Refuse an `.npz` file whose arrays declare more bytes than are stored."""
    with zipfile.ZipFile(path) as archive:
        check_zip(path, archive)
        for part in archive.infolist():
            with archive.open(part) as file:
                version = np.lib.format.read_magic(file)
                if version not in _HEADERS:
                    continue
                shape, _, dtype = _HEADERS[version](file)
            declared = math.prod(shape) * dtype.itemsize
            if declared > part.file_size:
                raise ValueError(
                    f"its part {part.filename} declares {_readable(declared)}, and "
                    f"{_readable(part.file_size)} are stored"
                )


_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def check_text(path: Path, archive: zipfile.ZipFile, names: Iterable[str]) -> None:
    """Refuse text members that are larger than `FLOOR`."""
    for name in names:
        size = archive.getinfo(name).file_size
        if size > FLOOR:
            raise ValueError(
                f"{path} declares {_readable(size)} for its part {name}, and "
                f"{_readable(FLOOR)} are allowed. It was not written by Keras."
            )


def check_weights(path: Path, file: BinaryIO | Path | None = None) -> int:
    """Return the declared bytes of an HDF5 file, or refuse far more than are stored."""
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


def load_weights(model: keras.Model, path: Path) -> None:
    """Load weights after checking the sizes that their file declares."""
    try:
        check_weights(path)
        model.load_weights(path)
    except (OSError, KeyError) as error:
        raise ValueError(
            f"{path} is damaged or missing: {error}. Put a whole file in its place, or "
            "train the network again."
        ) from error


def member(path: Path, archive: zipfile.ZipFile, name: str) -> BinaryIO:
    """Open a member of an archive for reading, with fast seeks if it is stored."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        return archive.open(info)  # type: ignore[return-value]
    return io.BufferedReader(_Part(path, info))


class _Part(io.RawIOBase):
    """Stored member with direct seeks, where `zipfile` reads all bytes before."""

    def __init__(self, path, info):
        self._file = open(path, "rb")  # noqa: SIM115  Closed in `close`.
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


@contextlib.contextmanager
def limited_weights(path: Path, stored: int) -> Iterator[None]:
    """Refuse layers of this thread that need far more memory than `stored` bytes."""
    usual, here = keras.layers.Layer.add_weight, threading.get_ident()
    limit, asked = max(FLOOR, 8 * stored), 0

    @functools.wraps(usual)
    def add_weight(layer, shape=None, *args, **kwargs):
        nonlocal asked
        if threading.get_ident() == here:
            sizes = [shape] if isinstance(shape, int) else shape or ()
            asked += 4 * math.prod(sizes)
            if asked > limit:
                raise ValueError("too large")
        return usual(layer, shape, *args, **kwargs)

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    except Exception as error:
        if asked <= limit:
            raise
        raise ValueError(
            f"{path} is damaged: its configuration asks for weights of "
            f"{_readable(asked)} or more, and {_readable(stored)} are stored. Save the "
            "model again."
        ) from error
    finally:
        keras.layers.Layer.add_weight = usual


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
