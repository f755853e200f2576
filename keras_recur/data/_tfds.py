"""Read data sets through TensorFlow Datasets, with errors that help offline."""

import os
import socket
import urllib.request
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_recur.data._splits import check_available
from keras_recur.data.data_spec import DataSpec, describe, list_datasets


def prepared_builder(name: str, data_dir: str | Path | None, download: bool) -> Any:
    """Return a TFDS builder whose data are on disk, or raise."""
    spec = describe(name)
    _leave_accelerators_to_keras()
    import tensorflow_datasets as tfds

    # TFDS reads the variable only once, when it is imported.
    data_dir = data_dir or os.environ.get("TFDS_DATA_DIR")
    # Not a pathlib.Path: it may be an address, such as gs://bucket.
    data_dir = data_dir and os.path.expanduser(os.fspath(data_dir))
    builder = tfds.builder(spec.tfds_name, data_dir=data_dir)
    if builder.is_prepared():
        return builder
    folder = os.fspath(builder.data_dir)
    if not download:
        raise FileNotFoundError(
            f"The data set {spec.name!r} is not in {folder}. It needs a download of "
            f"{spec.download_size}: pass download=True to fetch it once, or point to "
            "a local copy made by TensorFlow Datasets with data_dir=... or the "
            f"environment variable TFDS_DATA_DIR. {_without_download()}"
        )
    _check_network(spec, builder)
    try:
        builder.download_and_prepare()
    except Exception as error:
        raise RuntimeError(
            f"Downloading the data set {spec.name!r} ({spec.download_size}) into "
            f"{folder} failed: {type(error).__name__}: {error}\n"
            "Check the network, or point to a local copy with data_dir=... or the "
            f"environment variable TFDS_DATA_DIR. {_without_download()}"
        ) from error
    return builder


def read_arrays(
    builder: Any, split: str, num_examples: int | None, progress: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Read the images (`uint8`) and labels (`int32`) of a split into memory."""
    try:
        batches = _from_tf_data(builder, split, num_examples)
    except NotImplementedError:  # tf.data cannot read array_record files.
        batches = _from_data_source(builder, split, num_examples)
    if progress:
        from rich.progress import track

        batches = track(batches, description=f"Reading {builder.name} ({split})")
    images, labels = zip(*batches, strict=True)
    x, y = np.concatenate(images), np.concatenate(labels).astype("int32")
    check_available(builder.name, split, len(x), num_examples)
    return x, y


def _from_tf_data(builder: Any, split: str, num_examples: int | None) -> Any:
    dataset = builder.as_dataset(split=split, as_supervised=True, shuffle_files=False)
    if num_examples is not None:
        dataset = dataset.take(num_examples)
    return dataset.batch(1024).as_numpy_iterator()


def _from_data_source(builder: Any, split: str, num_examples: int | None) -> Any:
    source = builder.as_data_source(split=split)
    count = len(source) if num_examples is None else min(len(source), num_examples)
    for start in range(0, count, 1024):
        rows = [source[i] for i in range(start, min(start + 1024, count))]
        yield (
            np.stack([row["image"] for row in rows]),
            np.array([row["label"] for row in rows]),
        )


def _leave_accelerators_to_keras() -> None:
    """Keep TensorFlow, which only reads data here, off the GPU of another backend."""
    if keras.backend.backend() == "tensorflow":
        return
    import tensorflow as tf

    try:
        tf.config.set_visible_devices([], "GPU")
    except RuntimeError:
        pass  # TensorFlow has started, so its devices cannot change.


def _check_network(spec: DataSpec, builder: Any) -> None:
    """Raise at once if there is no network, because TFDS would retry for minutes."""
    host = spec.host
    downloads = os.path.join(os.fspath(builder.data_dir_root), "downloads")
    if host is None or urllib.request.getproxies() or os.path.isdir(downloads):
        return
    try:
        socket.getaddrinfo(host, 443)
    except OSError as error:
        raise RuntimeError(
            f"Downloading the data set {spec.name!r} ({spec.download_size}) failed: "
            f"no network, or {host} was not found ({error}). Point to "
            "a local copy made by TensorFlow Datasets with data_dir=... or the "
            f"environment variable TFDS_DATA_DIR. {_without_download()}"
        ) from error


def _without_download() -> str:
    names = [name for name in list_datasets() if not describe(name).download_size]
    return f"Data sets that need no download: {', '.join(names)}."
