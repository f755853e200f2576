"""The data sets that `load` knows, described in one place."""

import dataclasses
import fnmatch

from keras_recur._limits import MAX_SIZE
from keras_recur._validation import check_integer, check_name, check_type
from keras_recur.data._splits import SPLITS
from keras_recur.data.mazes import check_maze_size


@dataclasses.dataclass(frozen=True)
class DataSpec:
    """What a data set is, how it is scored, and how its paper prepares it.

    Args:
        name: Name to pass to `load`.
        summary: One sentence.
        num_classes: Number of classes of each target.
        input_shape: Shape of one example at the default size.
        metric: "accuracy", "exact_match" (all targets of an example right) or
            "f1" (of the targets that are 1, over all examples together).
        size: Default size, or `None` for a set that has only one.
        splits: Names of the splits.
        num_examples: Default number of examples per split; of python_docs, in the
            edition of Python 3.11.7.
        download_size: What must be downloaded, in words; `None` if nothing:
            procedural sets are made on the spot, others come with a package.
        mean: Mean per channel that images in [0, 1] are normalised with.
        std: Standard deviation per channel, likewise.
        augmentation: The paper's augmentation, in words.
        source: The paper or the code that this follows.
        tfds_name: Name in TensorFlow Datasets, or `None`.
        package: The installed package that brings the examples, or `None`.

    Example:

    >>> describe("cifar10").num_classes
    10
    """

    name: str
    summary: str
    num_classes: int
    input_shape: tuple[int, ...]
    metric: str
    size: int | None
    splits: tuple[str, ...]
    num_examples: dict[str, int]
    download_size: str | None
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    augmentation: str
    source: str
    tfds_name: str | None = None
    package: str | None = None

    @property
    def procedural(self) -> bool:
        """Whether the set is made on the spot, of any size, and needs no download."""
        return self.tfds_name is None and self.package is None

    def __str__(self) -> str:
        fields = dataclasses.fields(self)
        width = max(len(field.name) for field in fields)
        return "\n".join(
            f"{field.name:<{width}}  {getattr(self, field.name)}" for field in fields
        )


def list_datasets(pattern: str = "*") -> list[str]:
    """Lists the names that `load` knows.

    Args:
        pattern: Shell-style wildcard. Defaults to `"*"`, all of them.

    Returns:
        The names that match, those that need no download first.

    Raises:
        ValueError: If `pattern` is no string.

    Example:

    >>> list_datasets("cifar*")
    ['cifar10', 'cifar100']
    """
    check_type("pattern", pattern, str, "a string")
    return [name for name in _SPECS if fnmatch.fnmatchcase(name, pattern)]


def describe(name: str) -> DataSpec:
    """Describes a data set.

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
    return _SPECS[check_name("data set", name, _SPECS)]


def input_shape(name: str, size: int | None = None) -> tuple[int, ...]:
    """Returns the shape of one example.

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
    if size is None:
        return spec.input_shape
    if name == "mazes":
        return (2 * size + 6, 2 * size + 6, 3)
    shapes = {"shortest_paths": (size, size, 2), "python_docs": (size,)}
    return shapes.get(name, (size, 1))


def check_size(spec: DataSpec, size: int | None) -> int | None:
    """Returns the size to use with a data set, or raises."""
    if size is None:
        return spec.size
    if spec.size is None:
        sized = [name for name, other in _SPECS.items() if other.size is not None]
        raise ValueError(
            f"The data set {spec.name!r} has no `size`: its examples have the shape "
            f"{spec.input_shape}. Received: size={size!r}. Leave it out; the data "
            f"sets with a size are: {', '.join(sized)}."
        )
    if spec.name == "mazes":
        return check_maze_size(size)
    return check_integer(
        "size", size, 2 if spec.name == "shortest_paths" else 1, maximum=MAX_SIZE
    )


_UNCANNY = (
    "Schwarzschild et al., The Uncanny Similarity of Recurrence and Depth, ICLR 2022"
)
_ALGORITHM = "Schwarzschild et al., Can You Learn an Algorithm?, NeurIPS 2021"
_SOFT = (
    "Savarese & Maire, Learning Implicitly Recurrent CNNs Through Parameter "
    "Sharing, ICLR 2019"
)
_CROP_FLIP = "random crop 32 with padding 4, horizontal flip"
_NO_FLIP = (
    "none; with paper_faithful=True horizontal flips, which the paper's code "
    "applies to digits and letters too"
)

_SPECS = {
    spec.name: spec
    for spec in (
        DataSpec(
            name="mazes",
            summary="Mark the one path from start to end; walls are not scored.",
            num_classes=2,
            input_shape=(24, 24, 3),
            metric="exact_match",
            size=9,
            splits=SPLITS,
            num_examples={"train": 50_000, "validation": 10_000, "test": 10_000},
            download_size=None,
            mean=None,
            std=None,
            augmentation="none",
            source=_UNCANNY,
        ),
        DataSpec(
            name="prefix_sums",
            summary="For each bit of a string, the parity of all bits up to it.",
            num_classes=2,
            input_shape=(16, 1),
            metric="exact_match",
            size=16,
            splits=SPLITS,
            num_examples={"train": 10_000, "validation": 10_000, "test": 10_000},
            download_size=None,
            mean=None,
            std=None,
            augmentation="none",
            source=_ALGORITHM,
        ),
        DataSpec(
            name="shortest_paths",
            summary="Mark all cells on a shortest path between two points of a grid.",
            num_classes=2,
            input_shape=(32, 32, 2),
            metric="f1",
            size=32,
            splits=SPLITS,
            num_examples={"train": 5_000, "validation": 1_000, "test": 1_000},
            download_size=None,
            mean=None,
            std=None,
            augmentation="none",
            source=_SOFT,
        ),
        DataSpec(
            name="digits",
            summary="Real handwritten digits of 8 x 8 pixels, which work offline.",
            num_classes=10,
            input_shape=(8, 8, 1),
            metric="accuracy",
            size=None,
            splits=SPLITS,
            num_examples={"train": 1_097, "validation": 200, "test": 500},
            download_size=None,
            mean=(0.3053,),
            std=(0.3760,),
            augmentation="random shift by up to 1 pixel",
            source="Alpaydin & Kaynak 1998, UCI; the 1,797 images in scikit-learn",
            package="scikit-learn",
        ),
        DataSpec(
            name="python_docs",
            summary="Text of Python's documentation: for each character, the next one.",
            num_classes=97,
            input_shape=(64,),
            metric="accuracy",
            size=64,
            splits=SPLITS,
            num_examples={"train": 4_955, "validation": 291, "test": 583},
            download_size=None,
            mean=None,
            std=None,
            augmentation="none",
            source="The Python Language Reference, as pydoc_data.topics has it",
        ),
        DataSpec(
            name="cifar10",
            summary="Natural images of 32 x 32 pixels in 10 classes.",
            num_classes=10,
            input_shape=(32, 32, 3),
            metric="accuracy",
            size=None,
            splits=SPLITS,
            num_examples={"train": 50_000, "validation": 5_000, "test": 10_000},
            download_size="170 MB",
            mean=(0.4914, 0.4822, 0.4465),
            std=(0.2023, 0.1994, 0.2010),
            augmentation=_CROP_FLIP,
            source=_UNCANNY,
            tfds_name="cifar10",
        ),
        DataSpec(
            name="cifar100",
            summary="Natural images of 32 x 32 pixels in 100 classes.",
            num_classes=100,
            input_shape=(32, 32, 3),
            metric="accuracy",
            size=None,
            splits=SPLITS,
            num_examples={"train": 50_000, "validation": 5_000, "test": 10_000},
            download_size="169 MB",
            mean=(129.3 / 255, 124.1 / 255, 112.4 / 255),
            std=(68.2 / 255, 65.4 / 255, 70.4 / 255),
            augmentation=_CROP_FLIP,
            source=_SOFT,
            tfds_name="cifar100",
        ),
        DataSpec(
            name="svhn",
            summary="House-number digits of 32 x 32 pixels, cropped.",
            num_classes=10,
            input_shape=(32, 32, 3),
            metric="accuracy",
            size=None,
            splits=SPLITS,
            num_examples={"train": 73_257, "validation": 7_326, "test": 26_032},
            download_size="1.6 GB (the extra images included, which are not used)",
            mean=(0.4377, 0.4438, 0.4728),
            std=(0.1980, 0.2010, 0.1970),
            augmentation=_NO_FLIP,
            source=_UNCANNY,
            tfds_name="svhn_cropped",
        ),
        DataSpec(
            name="emnist_balanced",
            summary="Handwritten digits and letters of 28 x 28 pixels, upright.",
            num_classes=47,
            input_shape=(28, 28, 1),
            metric="accuracy",
            size=None,
            splits=SPLITS,
            num_examples={"train": 112_800, "validation": 11_280, "test": 18_800},
            download_size="562 MB",
            mean=(0.1307,),
            std=(0.3081,),
            augmentation=_NO_FLIP,
            source=_UNCANNY,
            tfds_name="emnist/balanced",
        ),
        DataSpec(
            name="mnist",
            summary="Handwritten digits of 28 x 28 pixels.",
            num_classes=10,
            input_shape=(28, 28, 1),
            metric="accuracy",
            size=None,
            splits=SPLITS,
            num_examples={"train": 60_000, "validation": 6_000, "test": 10_000},
            download_size="12 MB",
            mean=(0.1307,),
            std=(0.3081,),
            augmentation="none",
            source=_UNCANNY,
            tfds_name="mnist",
        ),
        DataSpec(
            name="imagenet",
            summary="ImageNet 2012: photographs in 1,000 classes, streamed.",
            num_classes=1000,
            input_shape=(224, 224, 3),
            metric="accuracy",
            size=None,
            splits=("train", "validation"),
            num_examples={"train": 1_281_167, "validation": 50_000},
            download_size="144 GB, by hand after registering at image-net.org",
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            augmentation="random resized crop to 224, horizontal flip",
            source=_SOFT,
            tfds_name="imagenet2012",
        ),
    )
}
