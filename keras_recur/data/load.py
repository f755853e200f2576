"""load: one call for every data set, on every backend."""

import re
from pathlib import Path
from typing import Any

from keras_recur._files import check_path
from keras_recur._validation import check_flag, check_integer, check_name
from keras_recur.data import datasets
from keras_recur.data._digits import digits
from keras_recur.data._transforms import (
    ImageTransform,
    render_mazes,
    render_shortest_paths,
)
from keras_recur.data.array_dataset import ArrayDataset
from keras_recur.data.datasets import DataSpec
from keras_recur.data.mazes import mazes
from keras_recur.data.prefix_sums import prefix_sums
from keras_recur.data.python_docs import edition, python_docs
from keras_recur.data.shortest_paths import (
    DEFAULT_CONNECTIVITY,
    DEFAULT_DENSITY,
    check_connectivity,
    check_density,
    check_window,
    grids_with_paths,
)

_SLICE = re.compile(r"(\w+)(\[[^\[\]]*\])?")


def load(
    name: str,
    split: str = "train",
    batch_size: int = 128,
    *,
    size: int | None = None,
    num_examples: int | None = None,
    window: int | None = None,
    density: float | None = None,
    connectivity: int | None = None,
    augment: bool | None = None,
    cutout: int = 0,
    paper_faithful: bool = False,
    seed: int = 0,
    shuffle: bool | None = None,
    data_dir: str | Path | None = None,
    download: bool = False,
    progress: bool = False,
) -> ArrayDataset | Any:
    """Loads a data set in batches that `model.fit` takes on every backend.

    Procedural sets (mazes, prefix_sums, shortest_paths) are made on the spot, digits
    come with scikit-learn, and python_docs with Python: these need no network. The
    others are read through TensorFlow Datasets. Images are normalised, as in their
    papers. Batches are pairs of NumPy arrays: `float32` inputs (`int32` for text, the
    numbers of its characters) and `int32` targets. Targets below 0 (the walls of
    mazes) are not scored.

    Training splits leave out a last batch that is not full, as the papers do,
    unless it is the only one. ImageNet does not fit into memory: it comes as a
    `tf.data.Dataset`, whose order after an interruption is not reproduced.

    Args:
        name: One of `list_datasets()`.
        split: "train", "validation" or "test" (ImageNet: "train" or
            "validation"). Sets read through TensorFlow Datasets also take its
            slices of train and test, such as "train[:90%]". Their "validation"
            is the last tenth of the training images, "train[90%:]", while
            "train" is all of them: train on "train[:90%]" if you select on
            "validation"; in all others the splits share no example. Slices of train
            count as training: pass `augment=False, shuffle=False` to evaluate on
            one. Defaults to `"train"`.
        batch_size: Examples per batch. Defaults to `128`.
        size: Size of a procedural set: side of the mazes (odd, 3 or more), length
            of the strings, side of the grids of shortest_paths (2 or more), or
            length of the windows of python_docs. Defaults to `None`: 9, 16, 32
            and 64.
        num_examples: How many examples, from the first. Defaults to `None`: all
            there are; 50,000 mazes to train on and 10,000 in each other split,
            10,000 strings in each, 5,000 grids to train on and 1,000 in each
            other split. Of digits there are 1,097, 200 and 500, of python_docs as
            many windows as its text has, without overlap.
        window: Of shortest_paths alone: side of the window that each of the two
            points has around the other, odd, from 3 to `2 * size - 1`. Defaults to
            `None`: 21, or the largest that the grid allows.
        density: Of shortest_paths alone: probability of an obstacle, at least 0
            and below 1. Defaults to `None`: 0.1.
        connectivity: Of shortest_paths alone: 4, or 8 for diagonal steps too.
            Defaults to `None`: 4.
        augment: Whether to augment as the paper does. Defaults to `None`: for
            training splits where the paper augments.
        cutout: Side of a square that is set to the mean colour in every training
            image (DeVries and Taylor 2017), in pixels; 0 for none. Only for sets of
            small images. Defaults to `0`.
        paper_faithful: Whether to follow the paper where this library does
            better by default: flipped digits and letters in SVHN and EMNIST.
            Defaults to `False`.
        seed: Seed of procedural examples, of the order and of the augmentation.
            Defaults to `0`.
        shuffle: Whether to shuffle anew in every epoch. Defaults to `None`: for
            training splits.
        data_dir: Folder of TensorFlow Datasets data; `~` is the home folder. Defaults
            to `None`: the environment variable `TFDS_DATA_DIR`, else its own default.
            Sets that need no download leave it unused.
        download: Whether to download what is absent. Defaults to `False`: an
            absent set is an error that says how large it is.
        progress: Whether to show a progress bar. Defaults to `False`.

    Returns:
        An `ArrayDataset`; for ImageNet a `tf.data.Dataset`.

    Raises:
        ValueError: If an argument is not as described; the nearest allowed
            value is given.
        FileNotFoundError: If the data are absent and `download` is false.
        RuntimeError: If the download failed.

    Reference: the papers named by `describe(name).source`; preprocessing of
    Schwarzschild et al., ICLR 2022, appendix on training.

    Example:

    >>> train = load("mazes", "train", 50, size=9, num_examples=1000)
    >>> x, y = train[0]
    >>> x.shape, y.shape
    ((50, 24, 24, 3), (50, 24, 24))
    """
    spec = datasets.describe(name)
    size = datasets.check_size(spec, size)
    batch_size = check_integer("batch_size", batch_size, 1)
    seed = check_integer("seed", seed, 0)
    if num_examples is not None:
        num_examples = check_integer("num_examples", num_examples, 1)
    options = _check_options(spec, size, window, density, connectivity)
    training = _check_split(spec, split)
    cutout = check_integer("cutout", cutout, 0)
    if cutout and (spec.procedural or name == "imagenet"):
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
    augment = _check_augment(spec, augment, paper_faithful, training)
    details = {
        "split": split,
        "size": size,
        **options,
        "augment": spec.augmentation if augment else "none",
        **({"cutout": cutout} if cutout else {}),
        "paper_faithful": paper_faithful,
        "source": spec.source,
    }
    if spec.procedural:
        count = num_examples or spec.num_examples[split]
        if name == "mazes":
            x, y = mazes(count, size or 9, split, seed, progress)
            transform = render_mazes
        elif name == "shortest_paths":
            x, y = grids_with_paths(
                count, size or 32, split, seed, **options, progress=progress
            )
            transform = render_shortest_paths
        elif name == "python_docs":
            x, y = python_docs(num_examples, size or 64, split)
            transform = None
            details |= edition()
        else:
            x, y = prefix_sums(count, size or 16, split, seed)
            transform = None
    elif name == "digits":
        x, y = digits(split, num_examples)
        transform = image_transform(spec, augment, cutout if training else 0)
    else:
        from keras_recur.data import _tfds

        builder = _tfds.prepared_builder(spec, data_dir, download)
        if name == "imagenet":
            from keras_recur.data._imagenet import imagenet_pipeline

            return imagenet_pipeline(
                builder,
                spec,
                split,
                batch_size,
                augment=augment,
                shuffle=shuffle,
                drop_remainder=training,
                num_examples=num_examples,
                seed=seed,
            )
        tfds_split = "train[90%:]" if split == "validation" else split
        x, y = _tfds.read_arrays(builder, tfds_split, num_examples, progress)
        if name == "emnist_balanced":  # stored with rows and columns exchanged
            x = x.transpose(0, 2, 1, 3)
        transform = image_transform(spec, augment, cutout if training else 0)
        details["tfds"] = builder.info.full_name
    return ArrayDataset(
        x,
        y,
        batch_size,
        shuffle=shuffle,
        seed=seed,
        transform=transform,
        drop_remainder=training and len(x) >= batch_size,
        name=name,
        num_classes=spec.num_classes,
        metric=spec.metric,
        details=details,
    )


def _check_options(
    spec: DataSpec,
    size: int | None,
    window: int | None,
    density: float | None,
    connectivity: int | None,
) -> dict[str, Any]:
    """Returns the options of shortest_paths, or raises if another set has some."""
    given = {"window": window, "density": density, "connectivity": connectivity}
    if spec.name == "shortest_paths":
        return {
            "window": check_window(window, size or 32),
            "density": check_density(DEFAULT_DENSITY if density is None else density),
            "connectivity": check_connectivity(
                DEFAULT_CONNECTIVITY if connectivity is None else connectivity
            ),
        }
    for key, value in given.items():
        if value is not None:
            raise ValueError(
                f"`{key}` has no meaning for {spec.name!r}: it is an option of "
                f"'shortest_paths'. Received: {key}={value!r}. Leave it out, or load "
                "'shortest_paths'."
            )
    return {}


def _check_split(spec: DataSpec, split: str) -> bool:
    """Checks the split and returns whether it is one to train on."""
    whole = spec.tfds_name is None or split in spec.splits
    if not isinstance(split, str) or whole:
        return check_name(f"split of {spec.name!r}", split, spec.splits) == "train"
    parts = [_SLICE.fullmatch(part.strip()) for part in split.split("+")]
    names = [part.group(1) if part else split for part in parts]
    sliceable = [name for name in spec.splits if name != "validation"]
    if spec.name == "imagenet":
        sliceable = list(spec.splits)
    for name in names:
        if name == "validation" and name not in sliceable:
            raise ValueError(
                f"The validation split of {spec.name!r} is the slice 'train[90%:]' "
                f"and can not be sliced again. Received: {split!r}. Slice 'train' "
                "instead, for instance 'train[95%:]'."
            )
        if name not in sliceable:
            allowed = [*spec.splits, *(f"{name}[:90%]" for name in sliceable)]
            check_name(f"split of {spec.name!r}", name, allowed)
    return all(name == "train" for name in names)


def _check_augment(
    spec: DataSpec, augment: bool | None, paper_faithful: bool, training: bool
) -> bool:
    """Checks both arguments and returns whether to augment."""
    flips = spec.name in ("svhn", "emnist_balanced")
    if paper_faithful and spec.package:
        raise ValueError(
            f"`paper_faithful` has no meaning for {spec.name!r}, which no paper here "
            "trains on. Received: paper_faithful=True. Leave it out."
        )
    if paper_faithful and spec.procedural:
        raise ValueError(
            f"`paper_faithful` has no meaning for {spec.name!r}, whose examples are "
            "made by this library (for mazes: with a unique solution, which the "
            "paper's own did not always have). Received: paper_faithful=True. "
            "Leave it out."
        )
    possible = not spec.augmentation.startswith("none") or (flips and paper_faithful)
    if augment and not possible:
        fix = "pass paper_faithful=True for its flips, or " if flips else ""
        raise ValueError(
            f"The data set {spec.name!r} has no augmentation by default. Received: "
            f"augment=True. To fix it, {fix}leave `augment` out."
        )
    return possible and (training if augment is None else augment)


def image_transform(
    spec: DataSpec, augment: bool = False, cutout: int = 0
) -> ImageTransform:
    """What is done to the images of a data set; by default, to those of tests."""
    mean, std = spec.mean or (0.0,), spec.std or (1.0,)
    if spec.name == "digits":
        return ImageTransform(mean, std, pad=int(augment), cutout=cutout, white=16)
    pad = 4 if augment and spec.name.startswith("cifar") else 0
    return ImageTransform(mean, std, pad=pad, flip=augment, cutout=cutout)
