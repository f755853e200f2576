"""Sets of small images, read through TensorFlow Datasets or from their files."""

from typing import Any

from keras_recur.data import _fashion_mnist
from keras_recur.data._splits import SPLITS, check_available
from keras_recur.data.data_spec import register
from keras_recur.data.request import Request

_VALIDATION = "train[90%:]"
_UNCANNY = (
    "Schwarzschild et al., The Uncanny Similarity of Recurrence and Depth, ICLR 2022"
)
_SOFT = (
    "Savarese & Maire, Learning Implicitly Recurrent CNNs Through Parameter "
    "Sharing, ICLR 2019"
)
_CIFAR = {
    "input_shape": (32, 32, 3),
    "num_examples": {"train": 50_000, "validation": 5_000, "test": 10_000},
    "augmentation": "random crop 32 with padding 4, horizontal flip",
    "augmented": {"pad": 4, "flip": True},
    "host": "www.cs.toronto.edu",
}
# The paper's code flips digits and letters too.
_FLIPPED = {
    "augmentation": "none; with paper_faithful=True horizontal flips, which the "
    "paper's code applies to digits and letters too",
    "faithful": {"flip": True},
}

# The classes of CIFAR-100 by superclass, as the data set groups them.
_SUPERCLASSES = {
    "aquatic_mammals": "beaver dolphin otter seal whale",
    "fish": "aquarium_fish flatfish ray shark trout",
    "flowers": "orchid poppy rose sunflower tulip",
    "food_containers": "bottle bowl can cup plate",
    "fruit_and_vegetables": "apple mushroom orange pear sweet_pepper",
    "household_electrical_devices": "clock keyboard lamp telephone television",
    "household_furniture": "bed chair couch table wardrobe",
    "insects": "bee beetle butterfly caterpillar cockroach",
    "large_carnivores": "bear leopard lion tiger wolf",
    "large_man-made_outdoor_things": "bridge castle house road skyscraper",
    "large_natural_outdoor_scenes": "cloud forest mountain plain sea",
    "large_omnivores_and_herbivores": "camel cattle chimpanzee elephant kangaroo",
    "medium_mammals": "fox porcupine possum raccoon skunk",
    "non-insect_invertebrates": "crab lobster snail spider worm",
    "people": "baby boy girl man woman",
    "reptiles": "crocodile dinosaur lizard snake turtle",
    "small_mammals": "hamster mouse rabbit shrew squirrel",
    "trees": "maple_tree oak_tree palm_tree pine_tree willow_tree",
    "vehicles_1": "bicycle bus motorcycle pickup_truck train",
    "vehicles_2": "lawn_mower rocket streetcar tank tractor",
}


def _register(name: str, tfds_name: str, make: Any = None, **fields: Any) -> None:
    """Register a set of images and labels under its name in TensorFlow Datasets."""

    def read(request: Request) -> tuple[Any, Any, dict[str, Any]]:
        # TensorFlow Datasets is slow to import.
        from keras_recur.data import _tfds

        builder = _tfds.prepared_builder(name, request.data_dir, request.download)
        split = _VALIDATION if request.split == "validation" else request.split
        x, y = _tfds.read_arrays(builder, split, request.num_examples, request.progress)
        return x, y, {"tfds": builder.info.full_name}

    register(
        name=name,
        tfds_name=tfds_name,
        metric="accuracy",
        splits=SPLITS,
        validation_slice=_VALIDATION,
        **fields,
    )(read if make is None else make(read))


def _transposed(read):
    """Exchange rows and columns, because EMNIST stores images transposed."""

    def make(request):
        x, y, details = read(request)
        return x.transpose(0, 2, 1, 3), y, details

    return make


def _files_first(read):
    """Read the original files where they are, else use TensorFlow Datasets."""

    def make(request):
        folder = _fashion_mnist.folder_of_files(request.data_dir)
        if folder is None:
            try:
                return read(request)
            except FileNotFoundError as error:
                raise FileNotFoundError(
                    f"{error} Or put the original files, such as "
                    "train-images-idx3-ubyte.gz, into data_dir, or install the package "
                    f"{_fashion_mnist.PACKAGE} of Debian and Ubuntu."
                ) from None
        split = _VALIDATION if request.split == "validation" else request.split
        x, y = _fashion_mnist.read_split(folder, split)
        check_available("'fashion_mnist'", split, len(x), request.num_examples)
        count = slice(request.num_examples)
        return x[count], y[count], {"files": "fashion-mnist"}

    return make


_register(
    "cifar10",
    "cifar10",
    summary="Natural images of 32 x 32 pixels in 10 classes.",
    num_classes=10,
    download_size="170 MB",
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2023, 0.1994, 0.2010),
    source=_UNCANNY,
    **_CIFAR,
)
_register(
    "cifar100",
    "cifar100",
    summary="Natural images of 32 x 32 pixels in 100 classes.",
    num_classes=100,
    download_size="169 MB",
    mean=(129.3 / 255, 124.1 / 255, 112.4 / 255),
    std=(68.2 / 255, 65.4 / 255, 70.4 / 255),
    source=_SOFT,
    superclasses={
        fine: coarse
        for coarse, names in _SUPERCLASSES.items()
        for fine in names.split()
    },
    recipes_like="cifar10",
    **_CIFAR,
)
_register(
    "svhn",
    "svhn_cropped",
    summary="House-number digits of 32 x 32 pixels, cropped.",
    num_classes=10,
    input_shape=(32, 32, 3),
    num_examples={"train": 73_257, "validation": 7_326, "test": 26_032},
    download_size="1.6 GB (the extra images included, which are not used)",
    host="ufldl.stanford.edu",
    mean=(0.4377, 0.4438, 0.4728),
    std=(0.1980, 0.2010, 0.1970),
    source=_UNCANNY,
    **_FLIPPED,
)
_register(
    "emnist_balanced",
    "emnist/balanced",
    _transposed,
    summary="Handwritten digits and letters of 28 x 28 pixels, upright.",
    num_classes=47,
    input_shape=(28, 28, 1),
    num_examples={"train": 112_800, "validation": 11_280, "test": 18_800},
    download_size="562 MB",
    host="biometrics.nist.gov",
    mean=(0.1307,),
    std=(0.3081,),
    source=_UNCANNY,
    **_FLIPPED,
)
_register(
    "mnist",
    "mnist",
    summary="Handwritten digits of 28 x 28 pixels.",
    num_classes=10,
    input_shape=(28, 28, 1),
    num_examples={"train": 60_000, "validation": 6_000, "test": 10_000},
    download_size="12 MB",
    host="storage.googleapis.com",
    mean=(0.1307,),
    std=(0.3081,),
    source=_UNCANNY,
)
_register(
    "fashion_mnist",
    "fashion_mnist",
    _files_first,
    summary="Pictures of clothes of 28 x 28 pixels in 10 classes.",
    num_classes=10,
    input_shape=(28, 28, 1),
    num_examples={"train": 60_000, "validation": 6_000, "test": 10_000},
    download_size="30 MB",
    host="fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    mean=(0.2860,),
    std=(0.3530,),
    source="Xiao, Rasul & Vollgraf, Fashion-MNIST, 2017, arXiv:1708.07747",
    augmentation="random crop 28 with padding 2, horizontal flip",
    augmented={"pad": 2, "flip": True},
    recipes_like="cifar10",
)
