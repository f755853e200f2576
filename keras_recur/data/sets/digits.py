"""Handwritten digits of scikit-learn, 1,797 images of 8 x 8 pixels.

They are the test set of Alpaydin and Kaynak's "Optical recognition of handwritten
digits" (UCI). The copy does not name the 13 writers, so the splits below share writers.
"""

from typing import Any

import numpy as np

from keras_recur.data._splits import SPLITS, check_available
from keras_recur.data.data_spec import register

# The splits are cut from the shuffled examples in this order.
_COUNTS = {"test": 500, "validation": 200, "train": 1_097}
_SPLIT_SEED = 1998


def digits(split: str, num_examples: int | None = None) -> tuple[Any, Any]:
    """Return the images (`uint8`, 0 to 16) and labels of a split, in a fixed order."""
    check_available("'digits'", split, _COUNTS[split], num_examples)
    images, labels = _all()
    order = _stratified(labels)
    start = 0
    for name, count in _COUNTS.items():
        if name == split:
            break
        start += count
    chosen = order[start : start + (num_examples or _COUNTS[split])]
    return images[chosen], labels[chosen]


def _all():
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "The data set 'digits' comes with scikit-learn, which is not installed. "
            "Install it: pip install scikit-learn."
        ) from error
    found = load_digits()
    return found.images.astype("uint8")[..., None], found.target.astype("int32")


def _stratified(labels):
    """Shuffle all examples so that every interval has its share of each digit."""
    rng = np.random.default_rng(_SPLIT_SEED)
    place = np.empty(len(labels))
    for digit in np.unique(labels):
        mine = rng.permutation(np.flatnonzero(labels == digit))
        place[mine] = (np.arange(len(mine)) + rng.random(len(mine))) / len(mine)
    return np.argsort(place, kind="stable")


@register(
    name="digits",
    summary="Real handwritten digits of 8 x 8 pixels, which work offline.",
    num_classes=10,
    input_shape=(8, 8, 1),
    metric="accuracy",
    splits=SPLITS,
    num_examples={name: _COUNTS[name] for name in SPLITS},
    source="Alpaydin & Kaynak 1998, UCI; the 1,797 images in scikit-learn",
    mean=(0.3053,),
    std=(0.3760,),
    white=16,
    augmentation="random shift by up to 1 pixel",
    augmented={"pad": 1},
    package="scikit-learn",
    # Epochs and decay of Liao and Poggio 2016 (arXiv:1604.03640); a fifth in quick.
    recipe={
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "epochs": 60,
        "batch_size": 32,
        "clip_norm": 1.0,
        "milestones": (40, 50),
        "source": "measured here",
    },
    quick_recipe={"epochs": 12, "milestones": (8, 10)},
)
def _make(request):
    return *digits(request.split, request.num_examples), {}
