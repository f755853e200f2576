"""A served page, and what its pictures must be."""

import contextlib

import numpy as np

import keras_recur
from keras_recur.inference import Stepwise
from keras_recur.playground.thinking import think

RING = """
###########
#S........#
#.#######.#
#.#.......#
#.#.#######
#.#.......#
#.#######.#
#.........#
#########.#
#E........#
###########
"""


@contextlib.contextmanager
def served(*arguments, **options):
    """Serve a page and close it at the end."""
    page = keras_recur.play(*arguments, block=False, **options)
    try:
        yield page
    finally:
        page.close()


def expected(task, model, value, iterations, t, truth=True):
    """Return the picture after iteration `t`, counted from 0."""
    found = think(Stepwise(model), task.encode(value), iterations)
    answer = task.answer(value) if truth else None
    return task.picture(value, found.likely, min(t, len(found) - 1), answer)


def assert_same(picture, other):
    """Compare pictures up to the rounding of shades."""
    assert picture.shape == other.shape
    assert np.abs(picture.astype(int) - other.astype(int)).max() <= 1
