"""Read the original files of Fashion-MNIST.

They are those of github.com/zalandoresearch/fashion-mnist, which Debian's package
`dataset-fashion-mnist` installs.
"""

import gzip
import hashlib
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

PACKAGE = "dataset-fashion-mnist"
INSTALLED = Path("/usr/share/datasets/fashion-mnist")
# SHA-256 of the unpacked files: packed ones differ in the name and time they hold.
FILES = {
    "train": {
        "train-images-idx3-ubyte": (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
        ),
        "train-labels-idx1-ubyte": (
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
        ),
    },
    "test": {
        "t10k-images-idx3-ubyte": (
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
        ),
        "t10k-labels-idx1-ubyte": (
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
        ),
    },
}
_SLICE = re.compile(r"(\w+)(?:\[(-?\d+%?)?:(-?\d+%?)?\])?")


def folder_of_files(data_dir: str | Path | None) -> Path | None:
    """Return the folder with the files: `data_dir`, or that of Debian's package."""
    given = [] if data_dir is None else [Path(os.path.expanduser(data_dir))]
    folders = [*given, *(folder / "fashion-mnist" for folder in given), INSTALLED]
    first = next(iter(FILES["train"]))
    return next((f for f in folders if _file(f, first) is not None), None)


def read_split(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images (`uint8`) and labels (`int32`) of a split or of slices of splits.

    Args:
        folder: Folder of the files.
        split: As in TensorFlow Datasets, such as "test" or "train[:90%]+train[95%:]".

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file does not hold Fashion-MNIST, or a slice is invalid.
    """
    arrays, parts = {}, []
    for text in split.split("+"):
        found = _SLICE.fullmatch(text.strip())
        if found is None:
            raise ValueError(
                "A slice of 'fashion_mnist' must have the form 'train[10%:90%]' or "
                f"'train[100:2000]'. Received: {text.strip()!r}."
            )
        name, first, last = found.groups()
        if name not in arrays:
            arrays[name] = [_read(folder, *file) for file in FILES[name].items()]
        images, labels = arrays[name]
        where = slice(_place(first, len(labels)), _place(last, len(labels)))
        parts.append((images[where, ..., None], labels[where].astype("int32")))
    images, labels = zip(*parts, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _place(text, count):
    if text is None or not text.endswith("%"):
        return text and int(text)
    return round(int(text[:-1]) * count / 100)


def _file(folder, name):
    """Return the packed or unpacked file, or `None`."""
    files = (folder / f"{name}.gz", folder / name)
    return next((file for file in files if file.is_file()), None)


def _read(folder: Path, name: str, digest: str) -> Any:
    file = _file(folder, name)
    if file is None:
        raise FileNotFoundError(
            f"{folder} has some files of Fashion-MNIST but not {name}.gz. Copy all "
            "four files there."
        )
    try:
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{file} is damaged: {error}. Copy it again.") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(
            f"{file} does not hold the examples of Fashion-MNIST. Copy the original "
            f"file, for instance from Debian's package {PACKAGE}."
        )
    dimensions = content[3]
    shape = np.frombuffer(content, ">i4", dimensions, 4)
    return np.frombuffer(content, "uint8", offset=4 + 4 * dimensions).reshape(shape)
