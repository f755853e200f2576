"""Grids with obstacles and two points to connect."""

import numpy as np

from keras_recur.data.sets._grid_search import FREE, OBSTACLE, QUERY, search
from keras_recur.data.sets.shortest_paths import grids_with_paths, render_grids
from keras_recur.playground.tasks import _pictures as draw
from keras_recur.playground.tasks._grid_text import grid_text, parse_grid
from keras_recur.playground.tasks.task import Task, check_value_size

_CHARACTERS = ".#P"
_SIZES = (5, 64, 16, 1)
_COLORS = np.array([draw.FREE, draw.WALL, draw.END], "uint8")


class Grid(Task):
    """A grid in which every shortest path between two points is marked."""

    data = "shortest_paths"
    title = "Shortest paths"
    hint = (
        "Click on a cell to add or remove an obstacle. The network marks every cell on "
        "a shortest path between the red points."
    )
    sizes = _SIZES
    reduction = "mean"
    outputs = "cells"

    def example(self, size: int, seed: int) -> np.ndarray:
        check_value_size("The grid", size, _SIZES, "cells a side")
        options = {"window": None, "density": 0.1, "connectivity": 4}
        return grids_with_paths(1, size, "test", seed, **options)[0][0]

    def parse(self, text: str) -> np.ndarray:
        smallest, largest = _SIZES[:2]
        codes = parse_grid(text, _CHARACTERS, "The grid", largest, smallest)
        count = int((codes == QUERY).sum())
        if count != 2:
            raise ValueError(f"The grid must have two points (P). Received: {count}.")
        return codes

    def text(self, value: np.ndarray) -> str:
        return grid_text(value, _CHARACTERS)

    def click(self, value: np.ndarray, x: float, y: float) -> np.ndarray:
        row, column = (min(int(part * len(value)), len(value) - 1) for part in (y, x))
        if value[row, column] == QUERY:
            raise ValueError("The two points stay. Move them in the text.")
        value = value.copy()
        value[row, column] = FREE if value[row, column] else OBSTACLE
        return value

    def encode(self, value: np.ndarray) -> np.ndarray:
        return render_grids(value[None], np.zeros_like(value[None]))[0]

    def answer(self, value: np.ndarray) -> np.ndarray:
        marked, connected = search(value[None], 4)
        if not connected[0]:
            raise ValueError(
                "No path: obstacles separate the two points. Remove one, then think."
            )
        return marked[0].astype("int32")

    def board(self, value: np.ndarray) -> np.ndarray:
        return draw.enlarged(self._cells(value))

    def picture(self, value, likely, t, answer):
        image = draw.marked(
            self._cells(value), value == FREE, likely[t, ..., 1], answer
        )
        return draw.enlarged(image)

    @staticmethod
    def _cells(value):
        return _COLORS[value]
