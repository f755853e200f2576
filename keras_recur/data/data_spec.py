"""Descriptions of data sets, and their registry."""

import dataclasses
import fnmatch
from collections.abc import Callable, Mapping
from typing import Any

from keras_recur._limits import MAX_SIZE
from keras_recur._validation import check_integer, check_name, check_type
from keras_recur.data.array_dataset import Transform
from keras_recur.data.request import Request


def multiples(size: int, phases: tuple[int, ...]) -> tuple[Any, ...]:
    """Return the default test sizes, 1 to 4 times the training size."""
    del phases
    return tuple(size * factor for factor in (1, 2, 3, 4))


@dataclasses.dataclass(frozen=True)
class DataSpec:
    """Description of a data set: its examples, metric, preparation and recipes.

    Args:
        name: Name to pass to `load`.
        make: Function of a `Request` that returns `(x, y, details)`: two arrays, and a
            dictionary with entries for `config()`.
        summary: One sentence.
        num_classes: Number of classes of each target.
        input_shape: Shape of one example at the default size.
        metric: "accuracy", "exact_match" (all targets of an example are correct) or
            "f1" (of the targets that are 1, over all examples together).
        splits: Names of the splits.
        num_examples: Default number of examples per split. For python_docs, the numbers
            are those of Python 3.11.7.
        source: Paper or code that the data set follows.
        size: Default size. Defaults to `None`, for a set with only one size.
        shape: Function from a size to the shape of one example. Required with `size`.
        check_size: Function that returns a size as an integer or raises ValueError.
            Defaults to a check for integers from 1 to 1,000,000.
        options: Options of `load` for this set. Each name has a function of the value
            (`None` for the default) and the size that returns the value to use or
            raises ValueError.
        transform: Function `(x, y, rng) -> (x, y)` that is applied to each batch; see
            `ArrayDataset`. Defaults to `None`.
        mean: Mean per channel of images in [0, 1], for normalization.
        std: Standard deviation per channel of images in [0, 1], for normalization.
        white: Value of a white pixel in raw images. Defaults to `255`.
        augmentation: The paper's augmentation, in words. Defaults to `"none"`.
        augmented: The augmentation as fields `pad` (black pixels on each side before a
            random crop) and `flip`. Defaults to `None`.
        faithful: The augmentation with `paper_faithful=True`, if it differs.
        tfds_name: Name in TensorFlow Datasets, or `None`.
        validation_slice: Slice of TensorFlow Datasets that is the validation split, or
            `None` if the set has its own.
        host: Server of the download, or `None` if unknown.
        download_size: Size of the download, in words; `None` without a download.
        package: Installed package that contains the examples, or `None`.
        streamed: Whether `make` returns finished batches, because the examples do not
            fit into memory. Defaults to `False`.
        superclasses: Superclass of each class, by name, or `None`. Classes and
            superclasses are numbered alphabetically.
        recipe: Fields of `training.Recipe` for every family, for a set that no paper
            trains on. Defaults to `None`.
        quick_recipe: Fields that replace those of `recipe` in quick entries.
        recipes_like: Data set whose paper recipes are used if no paper trains a family
            on this one. Defaults to `None`.
        curriculum: Option whose value grows over the phases of training, or `None`.
        phases: Value of that option in each phase.
        test_sizes: Function from the training size and the phases to the test sizes.
            With `curriculum`, these are pairs of size and option. Defaults to 1, 2, 3
            and 4 times the training size.

    Example:

    >>> describe("cifar10").num_classes
    10
    """

    name: str
    make: Callable[[Request], Any]
    summary: str
    num_classes: int
    input_shape: tuple[int, ...]
    metric: str
    splits: tuple[str, ...]
    num_examples: Mapping[str, int]
    source: str
    size: int | None = None
    shape: Callable[[int], tuple[int, ...]] | None = None
    check_size: Callable[[Any], int] | None = None
    options: Mapping[str, Callable[[Any, Any], Any]] = dataclasses.field(
        default_factory=dict
    )
    transform: Transform | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    white: int = 255
    augmentation: str = "none"
    augmented: Mapping[str, Any] | None = None
    faithful: Mapping[str, Any] | None = None
    tfds_name: str | None = None
    validation_slice: str | None = None
    host: str | None = None
    download_size: str | None = None
    package: str | None = None
    streamed: bool = False
    superclasses: Mapping[str, str] | None = None
    recipe: Mapping[str, Any] | None = None
    quick_recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    recipes_like: str | None = None
    curriculum: str | None = None
    phases: tuple[int, ...] = ()
    test_sizes: Callable[[int, tuple[int, ...]], tuple[Any, ...]] = multiples

    @property
    def procedural(self) -> bool:
        """Whether the examples are generated in any size, without a download."""
        return self.tfds_name is None and self.package is None

    def __str__(self) -> str:
        width = max(map(len, _SHOWN))
        return "\n".join(f"{name:<{width}}  {getattr(self, name)}" for name in _SHOWN)


_SHOWN = (
    *("name", "summary", "num_classes", "input_shape", "metric", "size", "splits"),
    *("num_examples", "download_size", "mean", "std", "augmentation", "source"),
    *("tfds_name", "package"),
)
_specs: dict[str, DataSpec] = {}


def register(**fields: Any) -> Callable[[Callable], Callable]:
    """Register the decorated function as the `make` of a data set.

    Args:
        **fields: All fields of the `DataSpec` except `make`.

    Returns:
        A decorator that returns its function unchanged.

    Example:

    >>> @keras_recur.data.register(
    ...     name="zeros", summary="Zeros.", num_classes=2, input_shape=(1,),
    ...     metric="accuracy", splits=("train",), num_examples={"train": 8},
    ...     source="This example.", package="numpy",
    ... )
    ... def make(request):
    ...     return np.zeros((request.count, 1)), np.zeros(request.count, int), {}
    >>> len(keras_recur.data.load("zeros", batch_size=4))
    2
    """

    def add(make):
        _specs[fields["name"]] = DataSpec(make=make, **fields)
        return make

    return add


def list_datasets(pattern: str = "*") -> list[str]:
    """Return the names of the data sets that `load` accepts.

    Args:
        pattern: Shell-style wildcard. Defaults to `"*"`.

    Returns:
        List of names. Sets that need no download come first.

    Raises:
        ValueError: If `pattern` is not a string.

    Example:

    >>> list_datasets("cifar*")
    ['cifar10', 'cifar100']
    """
    check_type("pattern", pattern, str, "a string")
    return [name for name in _specs if fnmatch.fnmatchcase(name, pattern)]


def describe(name: str) -> DataSpec:
    """Return the description of a data set.

    Args:
        name: One of `list_datasets()`.

    Returns:
        A `DataSpec`. Printed, it is a table.

    Raises:
        ValueError: If the name is unknown. The message names the nearest one.

    Example:

    >>> describe("mazes").metric
    'exact_match'
    """
    return _specs[check_name("data set", name, _specs)]


def input_shape(name: str, size: int | None = None) -> tuple[int, ...]:
    """Return the shape of one example.

    Args:
        name: One of `list_datasets()`.
        size: Size of a procedural set. Defaults to `None`, its default size.

    Returns:
        The shape without the batch axis: `(2 * size + 6, 2 * size + 6, 3)` for mazes
        (4n + 4 pixels for n x n cells), `(size, 1)` for prefix sums, `(size, size, 2)`
        for shortest paths, and `(size,)` for text.

    Raises:
        ValueError: If the name is unknown, or the data set does not have this size.

    Example:

    >>> input_shape("mazes", 9), input_shape("prefix_sums", 32)
    ((24, 24, 3), (32, 1))
    """
    spec = describe(name)
    size = check_size(spec, size)
    if size is None or spec.shape is None:
        return spec.input_shape
    return spec.shape(size)


def check_size(spec: DataSpec, size: Any) -> Any:
    """Return the size to use with a data set, or raise."""
    if size is None:
        return spec.size
    if spec.size is None:
        sized = [name for name, other in _specs.items() if other.size is not None]
        raise ValueError(
            f"The data set {spec.name!r} has no `size`: its examples have the shape "
            f"{spec.input_shape}. Received: size={size!r}. Leave it out; the data "
            f"sets with a size are: {', '.join(sized)}."
        )
    if spec.check_size is not None:
        return spec.check_size(size)
    return check_integer("size", size, 1, maximum=MAX_SIZE)
