"""Load any data set with one function."""

import re
from pathlib import Path
from typing import Any

from keras_recur._files import check_path
from keras_recur._validation import (
    check_flag,
    check_integer,
    check_name,
    check_one_of,
)
from keras_recur.data._shards import check_shard
from keras_recur.data._transforms import ImageTransform
from keras_recur.data.array_dataset import ArrayDataset
from keras_recur.data.data_spec import DataSpec, check_size, describe, list_datasets
from keras_recur.data.request import Request

_SLICE = re.compile(r"(\w+)(\[[^\[\]]*\])?")


def load(
    name: str,
    split: str = "train",
    batch_size: int = 128,
    *,
    size: int | None = None,
    num_examples: int | None = None,
    augment: bool | None = None,
    cutout: int = 0,
    paper_faithful: bool = False,
    seed: int = 0,
    shuffle: bool | None = None,
    shard: tuple[int, int] | None = None,
    data_dir: str | Path | None = None,
    download: bool = False,
    progress: bool = False,
    **options: Any,
) -> ArrayDataset | Any:
    """Load a data set in batches that `model.fit` takes on every backend.

    Procedural sets (mazes, prefix_sums, shortest_paths) are generated, digits come with
    scikit-learn, and python_docs comes with Python. All other sets are read through
    TensorFlow Datasets. Batches are pairs of NumPy arrays: `float32` inputs (`int32`
    for text, one number per character) and `int32` targets. Images are normalized as in
    their papers. Targets below 0, such as the walls of mazes, are not scored.

    Training splits drop an incomplete last batch, as the papers do, unless it is the
    only one. ImageNet does not fit into memory. It is a `tf.data.Dataset`, whose order
    is not restored after an interruption.

    Args:
        name: One of `list_datasets()`.
        split: "train", "validation" or "test" (ImageNet: "train" or "validation"). Sets
            of TensorFlow Datasets also accept slices of train and test, such as
            "train[:90%]". If such a set has no validation split, "validation" is
            "train[90%:]", while "train" contains all images: train on "train[:90%]" to
            select on "validation". In all other sets, splits share no example. Slices
            of train count as training: pass `augment=False, shuffle=False` to evaluate
            on one. Defaults to `"train"`.
        batch_size: Examples per batch. Defaults to `128`.
        size: Side of the mazes (odd, 3 or more), length of the strings of prefix_sums,
            side of the grids of shortest_paths (2 or more), or length of the windows of
            python_docs. Defaults to `None`: 9, 16, 32 and 64, respectively.
        num_examples: Number of examples, from the first. Defaults to `None`: all, or
            `describe(name).num_examples` for procedural sets.
        augment: Whether to augment as the paper does. Defaults to `None`: only training
            splits, if the paper augments.
        cutout: Side in pixels of a square that is set to the mean color in every
            training image (DeVries and Taylor 2017), for sets of small images.
            Defaults to `0`, which cuts out nothing.
        paper_faithful: Whether to follow the paper where this library deviates from it:
            flipped digits and letters in SVHN and EMNIST. Defaults to `False`.
        seed: Seed of procedural examples, of the order and of the augmentation.
            Defaults to `0`.
        shuffle: Whether to shuffle in every epoch. Defaults to `None`: only training
            splits.
        shard: Index of this process, from 0, and number of processes that train
            together, such as `(0, 2)`. Each process gets an equal part of every batch,
            so `batch_size` counts the examples of all. Defaults to `None`: whole
            batches.
        data_dir: Folder of TensorFlow Datasets; `~` is the home folder. Defaults to
            `None`: the environment variable `TFDS_DATA_DIR` or, without it, the default
            of TensorFlow Datasets.
        download: Whether to download missing data. Defaults to `False`: the error for
            missing data states the size of the download.
        progress: Whether to show a progress bar. Defaults to `False`.
        **options: Options of the data set, each `None` by default. shortest_paths has
            `window`, `density` and `connectivity`, which `data.shortest_paths`
            describes.

    Returns:
        An `ArrayDataset`; for ImageNet a `tf.data.Dataset`.

    Raises:
        ValueError: If an argument is invalid. The message names the nearest allowed
            value.
        FileNotFoundError: If the data are missing and `download` is false.
        RuntimeError: If the download fails.

    Reference: the papers in `describe(name).source`; preprocessing of Schwarzschild et
    al., ICLR 2022, appendix on training.

    Example:

    >>> train = load("mazes", "train", 50, size=9, num_examples=1000)
    >>> x, y = train[0]
    >>> x.shape, y.shape
    ((50, 24, 24, 3), (50, 24, 24))
    """
    spec = describe(name)
    size = check_size(spec, size)
    batch_size = check_integer("batch_size", batch_size, 1)
    seed = check_integer("seed", seed, 0)
    if num_examples is not None:
        num_examples = check_integer("num_examples", num_examples, 1)
    options = _check_options(spec, size, options)
    training = _check_split(spec, split)
    cutout = check_integer("cutout", cutout, 0)
    if cutout and (spec.mean is None or spec.streamed):
        raise ValueError(
            f"`cutout` is for sets of small images. Received: cutout={cutout} for "
            f"{name!r}. Leave it out."
        )
    check_flag("paper_faithful", paper_faithful)
    check_flag("download", download)
    check_flag("progress", progress)
    if data_dir is not None:
        check_path("data_dir", data_dir)
    shuffle = training if shuffle is None else check_flag("shuffle", shuffle)
    augment = None if augment is None else check_flag("augment", augment)
    augmentation = _check_augment(spec, augment, paper_faithful, training)
    shard = check_shard(shard, batch_size)
    request = Request(
        num_examples=num_examples,
        default=spec.num_examples.get(split, 0),
        split=split,
        size=size,
        seed=seed,
        options=options,
        batch_size=batch_size,
        shard=shard,
        augment=augmentation is not None,
        shuffle=shuffle,
        training=training,
        data_dir=data_dir,
        download=download,
        progress=progress,
    )
    made = spec.make(request)
    if spec.streamed:
        return made
    x, y, details = made
    transform = spec.transform
    if spec.mean is not None and spec.std is not None:
        transform = ImageTransform(
            spec.mean,
            spec.std,
            white=spec.white,
            cutout=cutout if training else 0,
            **(augmentation or {}),
        )
    details = {
        "split": split,
        "size": size,
        **options,
        "augment": "none" if augmentation is None else spec.augmentation,
        **({"cutout": cutout} if cutout else {}),
        "paper_faithful": paper_faithful,
        "source": spec.source,
        **details,
    }
    return ArrayDataset(
        x,
        y,
        batch_size,
        shuffle=shuffle,
        seed=seed,
        transform=transform,
        drop_remainder=training and len(x) >= batch_size,
        shard=shard,
        name=name,
        num_classes=spec.num_classes,
        metric=spec.metric,
        details=details,
    )


def _check_options(
    spec: DataSpec, size: int | None, given: dict[str, Any]
) -> dict[str, Any]:
    """Return the value of each option of the data set, given or default."""
    for key, value in given.items():
        others = [n for n in list_datasets() if key in describe(n).options]
        if key in spec.options or (others and value is None):
            continue
        if not others:
            check_one_of("option", key, _every_option())
        listed = " or ".join(map(repr, others))
        raise ValueError(
            f"`{key}` is an option of {listed}, not of {spec.name!r}. Received: "
            f"{key}={value!r}. Leave it out, or load {listed}."
        )
    return {key: check(given.get(key), size) for key, check in spec.options.items()}


def _every_option() -> list[str]:
    """Return all keyword arguments that `load` accepts for some data set."""
    own = [key for name in list_datasets() for key in describe(name).options]
    return [*(load.__kwdefaults__ or {}), *own]


def _check_split(spec: DataSpec, split: str) -> bool:
    """Check the split and return whether it is a training split."""
    whole = spec.tfds_name is None or split in spec.splits
    if not isinstance(split, str) or whole:
        return check_name(f"split of {spec.name!r}", split, spec.splits) == "train"
    parts = [_SLICE.fullmatch(part.strip()) for part in split.split("+")]
    names = [part.group(1) if part else split for part in parts]
    sliceable = list(spec.splits)
    if spec.validation_slice:
        sliceable.remove("validation")
    for name in names:
        if name == "validation" and name not in sliceable:
            raise ValueError(
                f"The validation split of {spec.name!r} is the slice "
                f"{spec.validation_slice!r} and cannot be sliced again. Received: "
                f"{split!r}. Slice 'train' instead, for instance 'train[95%:]'."
            )
        if name not in sliceable:
            allowed = [*spec.splits, *(f"{name}[:90%]" for name in sliceable)]
            check_name(f"split of {spec.name!r}", name, allowed)
    return all(name == "train" for name in names)


def _check_augment(
    spec: DataSpec, augment: bool | None, paper_faithful: bool, training: bool
) -> dict[str, Any] | None:
    """Return the augmentation as fields of `ImageTransform`, or `None`."""
    if paper_faithful and spec.tfds_name is None:
        raise ValueError(
            f"`paper_faithful` changes nothing for {spec.name!r}. Received: "
            "paper_faithful=True. Leave it out."
        )
    found = spec.augmented
    if paper_faithful and spec.faithful is not None:
        found = spec.faithful
    if augment and found is None:
        fix = ", or pass paper_faithful=True for its flips" if spec.faithful else ""
        raise ValueError(
            f"The data set {spec.name!r} has no augmentation by default. Received: "
            f"augment=True. Leave `augment` out{fix}."
        )
    wanted = training if augment is None else augment
    return dict(found) if wanted and found is not None else None
