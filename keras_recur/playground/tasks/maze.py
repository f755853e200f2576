"""Mazes whose walls open and shut with a click."""

from collections import deque

import numpy as np

from keras_recur.data.sets.mazes import CORRIDOR, END, START, WALL, mazes, render_mazes
from keras_recur.playground.tasks import _pictures as draw
from keras_recur.playground.tasks._grid_text import grid_text, parse_grid
from keras_recur.playground.tasks.task import Task, check_value_size

_CHARACTERS = "#.SE"
_SIZES = (3, 59, 9, 2)
_COLORS = np.array([draw.WALL, draw.FREE, draw.START, draw.END], "uint8")


class Maze(Task):
    """A maze with one path from start to end."""

    data = "mazes"
    title = "Maze"
    hint = (
        "Click on the maze to open or close a wall. The network marks the path from "
        "green to red."
    )
    sizes = _SIZES
    reduction = "mean"
    outputs = "corridor pixels"

    def example(self, size: int, seed: int) -> np.ndarray:
        check_value_size("The maze", size, _SIZES, "grid points a side")
        # Mazes of size 3 are few, and none of them is in the test split.
        return mazes(1, size, "test" if size > 3 else "train", seed)[0][0]

    def parse(self, text: str) -> np.ndarray:
        largest = _SIZES[1] + 2
        codes = parse_grid(text, _CHARACTERS, "The maze", largest, 5)
        edge = np.concatenate([codes[[0, -1]].ravel(), codes[:, [0, -1]].ravel()])
        if edge.any():
            raise ValueError("The maze must have walls (#) all around.")
        for code, name in ((START, "start (S)"), (END, "end (E)")):
            count = int((codes == code).sum())
            if count != 1:
                raise ValueError(f"The maze must have one {name}. Received: {count}.")
        return codes

    def text(self, value: np.ndarray) -> str:
        return grid_text(value, _CHARACTERS)

    def click(self, value: np.ndarray, x: float, y: float) -> np.ndarray:
        pixels = 2 * len(value) + 2
        column, row = (int(part * pixels - 1) // 2 for part in (x, y))
        last = len(value) - 1
        if not (0 < row < last and 0 < column < last):
            raise ValueError("The walls around the maze stay.")
        if value[row, column] in (START, END):
            raise ValueError("The start and the end stay. Move them in the text.")
        value = value.copy()
        value[row, column] = WALL if value[row, column] else CORRIDOR
        return value

    def encode(self, value: np.ndarray) -> np.ndarray:
        return render_mazes(value[None], np.zeros_like(value[None]))[0]

    def answer(self, value: np.ndarray) -> np.ndarray:
        path = only_path(value)
        return render_mazes(value[None], path[None])[1][0]

    def board(self, value: np.ndarray) -> np.ndarray:
        return draw.enlarged(self._pixels(value))

    def picture(self, value, likely, t, answer):
        there = np.pad((value == CORRIDOR).repeat(2, 0).repeat(2, 1), 1)
        image = draw.marked(self._pixels(value), there, likely[t, ..., 1], answer)
        return draw.enlarged(image)

    @staticmethod
    def _pixels(value):
        return _COLORS[np.pad(value.repeat(2, 0).repeat(2, 1), 1)]


def only_path(codes: np.ndarray) -> np.ndarray:
    """Return the cells of the only path from start to end, or raise an error."""
    side = codes.shape[1]
    free = (codes != WALL).ravel()
    start = int((codes == START).argmax())
    before = _reached(free, side, start)
    here = int((codes == END).argmax())
    if here not in before:
        raise ValueError(
            "No path: walls separate the start from the end. Open a wall, then think."
        )
    path = [here]
    while path[-1] != start:
        path.append(before[path[-1]])
    # A second path would join two cells of this path without its steps.
    steps = {frozenset(pair) for pair in zip(path, path[1:], strict=False)}
    on_path, seen = set(path), set()
    for cell in path:
        if cell in seen:
            raise ValueError(
                "More than one path: the network learned mazes with exactly one path "
                "from start to end. Close a wall, then think."
            )
        seen |= on_path & set(_reached(free, side, cell, steps))
    marked = np.zeros(codes.size, bool)
    marked[path] = True
    return marked.reshape(codes.shape)


def _reached(free, side, start, closed=()):
    """Return every cell that a breadth-first search reaches, and the one before it."""
    before, waiting = {start: start}, deque([start])
    while waiting:
        here = waiting.popleft()
        for near in (here - side, here - 1, here + 1, here + side):
            if free[near] and near not in before:
                if not closed or frozenset((here, near)) not in closed:
                    before[near] = here
                    waiting.append(near)
    return before
