"""What experiments on labelled images have in common."""

from typing import Any

import keras
import numpy as np

from keras_recur import data as data_room
from keras_recur._validation import check_one_of
from keras_recur.runs.entry import make_entry


def entry_for(family: str, settings: Any) -> Any:
    """The entry of a family on the experiment's data: its data sets and recipe."""
    recipe: dict[str, Any] = {}
    if settings.epochs is not None:
        recipe["epochs"] = settings.epochs
        recipe["milestones"] = [2 * settings.epochs // 3, 5 * settings.epochs // 6]
    return make_entry(
        family,
        settings.data,
        quick=settings.short,
        num_examples=settings.num_examples,
        model={"width": settings.width},
        recipe=recipe,
        data_dir=settings.data_dir,
        download=settings.download,
    )


def load_images(entry: Any, split: str, seed: int) -> Any:
    """Batches of a split."""
    if split == "train":
        return entry.train_data("recurrent", seed)
    return (
        entry.validation_data(None) if split == "validation" else entry.test_data(None)
    )


def error_of(model: keras.Model, data: Any) -> float:
    """The share of examples with another label than the right one."""
    wrong = total = 0
    for x, y in (data[i] for i in range(len(data))):
        found = np.argmax(model.predict_on_batch(x), axis=-1)
        wrong, total = wrong + int((found != y).sum()), total + len(y)
    return wrong / total


def check_data(data: str) -> None:
    """Raises for data that are no images with one label each."""
    images = [
        name
        for name in data_room.list_datasets()
        if len(data_room.input_shape(name)) == 3
        and not data_room.describe(name).procedural
    ]
    check_one_of("data", data, images)
