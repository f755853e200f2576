"""DataSpec: everything the library knows about a data set, and the registry of them."""

import dataclasses
import fnmatch
from collections.abc import Callable, Mapping
from typing import Any

from keras_recur._limits import MAX_SIZE
from keras_recur._validation import check_integer, check_name, check_type
from keras_recur.data.array_dataset import Transform
from keras_recur.data.request import Request


def multiples(size: int, phases: tuple[int, ...]) -> tuple[Any, ...]:
    """Return the sizes a network is tested on by default: 1 to 4 times its own."""
    del phases
    return tuple(size * factor for factor in (1, 2, 3, 4))


@dataclasses.dataclass(frozen=True)
class DataSpec:
    """A data set: its examples, how they are scored, and how its paper prepares them.

    Args:
        name: Name to pass to `load`.
        make: Function of a `Request` that returns `(x, y, details)`: two arrays, and a
            dictionary with entries for the data set's `config()`.
        summary: One sentence.
        num_classes: Number of classes of each target.
        input_shape: Shape of one example at the default size.
        metric: "accuracy", "exact_match" (all targets of an example right) or
            "f1" (of the targets that are 1, over all examples together).
        splits: Names of the splits.
        num_examples: Default number of examples per split. For python_docs, the
            numbers of the edition of Python 3.11.7.
        source: The paper or the code that this follows.
        size: Default size. Defaults to `None`, for a set that has only one.
        shape: Function that returns the shape of one example of a size. Required with
            `size`.
        check_size: Function that returns a size as an integer, or raises ValueError.
            Defaults to a check for integers from 1 to 1,000,000.
        options: The set's own options of `load`: for each name a function of the value
            (`None` for the default) and the size that returns the value to use, or
            raises ValueError.
        transform: Function `(x, y, rng) -> (x, y)` applied to each batch; see
            `ArrayDataset`. Defaults to `None`.
        mean: Mean per channel that images in [0, 1] are normalized with.
        std: Standard deviation per channel, likewise.
        white: Value of a white pixel in raw images. Defaults to `255`.
        augmentation: The paper's augmentation, in words. Defaults to `"none"`.
        augmented: The augmentation as fields of `ImageTransform`; `None` for none.
        faithful: The augmentation with `paper_faithful=True`, where it differs.
        tfds_name: Name in TensorFlow Datasets, or `None`.
        validation_slice: Slice of TensorFlow Datasets that is the validation split, or
            `None` if the set has its own.
        host: Server that the data are downloaded from, or `None` if unknown.
        download_size: What must be downloaded, in words; `None` for nothing.
        package: The installed package that contains the examples, or `None`.
        streamed: Whether `make` returns finished batches, because the examples do not
            fit into memory. Defaults to `False`.
        superclasses: The superclass of each class, by name, or `None`. Both kinds of
            classes are numbered alphabetically.
        recipe: Fields of `training.Recipe` for every family, for a set that no paper
            trains on. Defaults to `None`: only papers' recipes.
        quick_recipe: Fields that replace those of `recipe` in quick entries.
        recipes_like: Another data set whose paper recipes are used where no paper
            trains a family on this one. Defaults to `None`.
        curriculum: The option whose value grows over the phases of a training, or
            `None` for no curriculum.
        phases: Value of that option in each phase.
        test_sizes: Function of the training size and the phases that returns the sizes
            networks are tested on, with `curriculum` as pairs of size and option.
            Defaults to the training size times 1, 2, 3 and 4.

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
        """Whether the set is made on the spot, of any size, and needs no download."""
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
        **fields: All fields of the `DataSpec` but `make`.

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
    """List the names that `load` knows.

    Args:
        pattern: Shell-style wildcard. Defaults to `"*"`, all of them.

    Returns:
        The names that match, those that need no download first.

    Raises:
        ValueError: If `pattern` is not a string.

    Example:

    >>> list_datasets("cifar*")
    ['cifar10', 'cifar100']
    """
    check_type("pattern", pattern, str, "a string")
    return [name for name in _specs if fnmatch.fnmatchcase(name, pattern)]


def describe(name: str) -> DataSpec:
    """Describe a data set.

    Args:
        name: One of `list_datasets()`.

    Returns:
        Its `DataSpec`; `print` shows it as a table.

    Raises:
        ValueError: If the name is unknown; the nearest name is given.

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
        The shape without the batch axis: `(2 * size + 6, 2 * size + 6, 3)` for
        mazes, which is 4n + 4 pixels for n x n cells; `(size, 1)` for prefix sums;
        `(size, size, 2)` for shortest paths; `(size,)` for text.

    Raises:
        ValueError: If the name is unknown, the size is not allowed, or a size
            is given for a set that has none.

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
