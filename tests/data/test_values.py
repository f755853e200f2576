"""Values that no data set can have are refused, by the name of the argument."""

from pathlib import Path

import numpy as np
import pytest

from keras_recur import analysis, data, zoo
from keras_recur.data import _tfds

pytestmark = pytest.mark.once

HUGE = 10**12
TOO_LARGE = {
    "mazes": lambda: data.mazes(HUGE, 3),
    "a maze": lambda: data.mazes(1, 10**9 + 1),
    "prefix_sums": lambda: data.prefix_sums(HUGE, 16),
    "a string": lambda: data.prefix_sums(1, 10**15),
    "shortest_paths": lambda: data.shortest_paths(HUGE, 4),
    "a grid": lambda: data.shortest_paths(1, 10**9),
    "load mazes": lambda: data.load("mazes", num_examples=HUGE),
    "load a maze": lambda: data.load("mazes", size=10**9 + 1, num_examples=1),
    "load strings": lambda: data.load("prefix_sums", size=10**9),
    "load a grid": lambda: data.load("shortest_paths", size=2**70, num_examples=1),
}


BY_LIMIT = ("a string", "a grid", "load strings", "load a grid")


@pytest.mark.parametrize("case", TOO_LARGE)
def test_sizes_beyond_the_memory_are_refused_before_it_is_taken(case):
    message = "fit into memory.*(num_examples|size)="
    if case in BY_LIMIT:
        message = "`size` must be an integer from [12] to 1000000. Received: size="
    with pytest.raises(ValueError, match=message):
        TOO_LARGE[case]()


def curve(**arguments):
    return analysis.plot_iteration_curves({"a": [0.1, 0.2]}, **arguments)


REFUSED = {
    "phases of no data": (lambda: data.Curriculum([1, "a"], 1), r"`phases\[0\]`"),
    "phases of none": (lambda: data.Curriculum(None, 1), "`phases`"),
    "a pattern": (lambda: data.list_datasets(3), "`pattern`"),
    "a folder": (lambda: data.load("prefix_sums", data_dir=3), "`data_dir`"),
    "progress": (lambda: data.mazes(1, 3, progress="yes"), "`progress`"),
    "objects": (lambda: data.ArrayDataset([object()], [0]), "`x`"),
    "ragged": (lambda: data.ArrayDataset([[1], [1, 2]], [0, 1]), "`x`"),
    "one class": (lambda: data.ArrayDataset([0], [0], num_classes=1), "`num_classes`"),
    "a transform": (lambda: data.ArrayDataset([0], [0], transform=3), "`transform`"),
    "details": (lambda: data.ArrayDataset([0], [0], details="x"), "`details`"),
    "a path": (lambda: curve(path=3), "`path`"),
    "no path": (lambda: curve(path=""), "`path`"),
    "a score": (lambda: curve(score=None), "`score`"),
    "a curve": (lambda: analysis.plot_iteration_curves({"a": ["x"]}), "curves.'a'."),
    "a similarity": (lambda: analysis.find_loop("x"), "`similarity`"),
    "no pair": (lambda: analysis.plot_pair(3), "`pair`"),
    "no metrics": (lambda: analysis.plot_exit_metrics(3), "`metrics`"),
    "no model": (lambda: analysis.iteration_curve(3, []), "`model`"),
    "no model to count": (lambda: zoo.costs(3), "`model`"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_values_are_refused(case):
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_unusual_values_are_taken():
    first = data.ArrayDataset(
        [[1.0], [2.0]], (0, 1), np.int64(2), num_classes=np.int32(2), seed=np.uint8(1)
    )
    assert data.Curriculum((first,), np.int64(1)).num_classes == 2
    assert data.load("prefix_sums", num_examples=np.int64(3), size=8, data_dir=Path())
    assert analysis.find_loop([[1, 0], [0, 1]], np.int64(1)).labels == [0, 1]


@pytest.mark.parametrize("given", ["~/kept", Path("~/kept"), None])
def test_a_tilde_in_the_folder_of_downloads_is_the_home_folder(
    given, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TFDS_DATA_DIR", "~/kept")
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "kept")):
        _tfds.prepared_builder("mnist", given, False)
