"""Superclasses of the classes of a data set."""

from keras_recur._validation import check_one_of
from keras_recur.data.data_spec import describe, list_datasets


def superclasses(name: str) -> tuple[int, ...]:
    """Return the superclass of every class of a data set.

    Args:
        name: `"cifar100"`, which has 20 superclasses of five classes each.

    Returns:
        An integer per class, from 0, as `CoarseToFineLoss` and
        `analysis.iteration_metrics` take.

    Raises:
        ValueError: If the data set has no superclasses.

    Reference:
        Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".

    Example:

    >>> found = keras_recur.data.superclasses("cifar100")
    >>> len(found), max(found), found[:3]
    (100, 19, (4, 1, 14))
    """
    check_one_of("name", name, with_superclasses())
    coarse = describe(name).superclasses or {}
    names = sorted(set(coarse.values()))
    return tuple(names.index(coarse[fine]) for fine in sorted(coarse))


def with_superclasses() -> list[str]:
    """Return the names of the data sets that have superclasses."""
    return [name for name in list_datasets() if describe(name).superclasses]
