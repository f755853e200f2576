"""Mazes with exactly one solution, drawn from seed, size and index."""

import functools
import operator
import zlib
from typing import Any

import numpy as np

from keras_recur._memory import check_memory
from keras_recur._validation import check_flag, check_integer, check_name
from keras_recur.data._splits import BUCKETS, NUM_BUCKETS, SPLITS
from keras_recur.data.data_spec import register

WALL, CORRIDOR, START, END = 0, 1, 2, 3

PALETTE = np.array([[0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 0]], dtype="float32")
"""Color of each code: black walls, white corridors, green start, red end."""

MAX_ATTEMPTS = 2000


def mazes(
    num_examples: int,
    size: int = 9,
    split: str = "train",
    seed: int = 0,
    progress: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Make the first `num_examples` mazes of a split, as compact codes.

    A randomized depth-first search carves passages until it reaches every cell, so one
    path connects start and end, two distinct cells drawn uniformly. Row `i` depends
    only on seed, size, split and `i`. Splits share no maze, whatever the other
    arguments. Within a split, mazes of small sizes repeat: there are only 24 mazes of
    size 3. Codes take a twentieth of the memory of images. `render_mazes` turns a batch
    of them into images and targets.

    Args:
        num_examples: Number of mazes, 1 or more.
        size: Side of the maze in grid points, with the walls between cells but without
            the outer walls: an odd integer of at least 3. A maze of size 9 has 5 x 5
            cells. Defaults to `9`.
        split: "train", "validation" or "test". Defaults to `"train"`.
        seed: Integer of at least 0. Defaults to `0`.
        progress: Whether to show a progress bar. Defaults to `False`.

    Returns:
        `(codes, solutions)`, both of shape `(num_examples, size + 2, size + 2)`.
        `codes` is `uint8` with 0 for walls, 1 for corridors, 2 for the start and 3 for
        the end. `solutions` is `bool`, true on the path including start and end.

    Raises:
        ValueError: If an argument is invalid, or no maze of this size belongs to the
            split.

    Reference: Schwarzschild et al., "The Uncanny Similarity of Recurrence and Depth",
    ICLR 2022, section "Maze solving".

    Example:

    >>> codes, solutions = mazes(100, size=9, split="test")
    >>> codes.shape, solutions.dtype
    ((100, 11, 11), dtype('bool'))
    """
    num_examples = check_integer("num_examples", num_examples, 1)
    size = check_maze_size(size)
    split = check_name("split", split, SPLITS)
    seed = check_integer("seed", seed, 0)
    check_flag("progress", progress)
    # Codes and solutions of all mazes, and the neighbor table of one maze.
    needed = 2 * num_examples * (size + 2) ** 2 + 600 * ((size + 1) // 2) ** 2
    check_memory("Examples", needed, f"num_examples={num_examples}, size={size}")
    shape = (num_examples, size + 2, size + 2)
    codes, solutions = np.empty(shape, dtype="uint8"), np.empty(shape, dtype=bool)
    indices = range(num_examples)
    if progress:
        from rich.progress import track

        indices = track(indices, description=f"Mazes of size {size} ({split})")
    for i in indices:
        codes[i], solutions[i] = draw_maze(i, size, split, seed)
    return codes, solutions


def render_mazes(
    codes: np.ndarray, solutions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Render mazes as images and their solutions as targets.

    Every grid point becomes 2 x 2 pixels inside a black border of one pixel. Walls are
    black, corridors white, the start green and the end red.

    Args:
        codes: `uint8` array of shape `(batch, size + 2, size + 2)`; see `mazes`.
        solutions: Array of the same shape, nonzero on the path.

    Returns:
        `(images, targets)`: `images` is `float32` in {0, 1} of shape
        `(batch, 2 * size + 6, 2 * size + 6, 3)`. `targets` is `int32` of shape
        `(batch, 2 * size + 6, 2 * size + 6)`: 1 on the solution, 0 on other corridors,
        and -1 on walls, which losses and metrics skip as in the papers.

    Raises:
        ValueError: If the shapes differ or are not those of a batch of mazes.

    Reference: Schwarzschild et al., "Datasets for Studying Generalization from Easy to
    Hard Examples", 2021, section "Mazes".

    Example:

    >>> images, targets = render_mazes(*mazes(2, size=9))
    >>> images.shape, targets.shape, int(targets.min())
    ((2, 24, 24, 3), (2, 24, 24), -1)
    """
    codes, solutions = np.asarray(codes), np.asarray(solutions)
    if codes.ndim != 3 or codes.shape[1] != codes.shape[2]:
        raise ValueError(
            "`codes` must have the shape (batch, size + 2, size + 2). "
            f"Received: shape {codes.shape}. For a single maze pass "
            "`codes[None], solution[None]`."
        )
    if codes.shape != solutions.shape:
        raise ValueError(
            "`codes` and `solutions` must have the same shape. Received: "
            f"{codes.shape} and {solutions.shape}."
        )
    marks = np.where(codes == WALL, -1, solutions.astype(bool)).astype("int32")
    border = ((0, 0), (1, 1), (1, 1))
    codes = np.pad(codes.repeat(2, axis=1).repeat(2, axis=2), border)
    marks = np.pad(
        marks.repeat(2, axis=1).repeat(2, axis=2), border, constant_values=-1
    )
    return PALETTE[codes], marks


def check_maze_size(size: Any) -> int:
    """Return `size` if it is an odd integer of at least 3, or raise."""
    try:
        number = None if isinstance(size, bool) else operator.index(size)
    except TypeError:
        number = None
    rule = "The `size` of a maze must be an odd integer of at least 3."
    if number is None:
        raise ValueError(
            f"{rule} Received: {size!r} (of type {type(size).__name__}). "
            "For instance 9, 11 or 13."
        )
    if number < 3:
        raise ValueError(f"{rule} Received: {number}. The nearest allowed size is 3.")
    if number % 2 == 0:
        near = f"{number - 1} and {number + 1}"
        raise ValueError(f"{rule} Received: {number}. The nearest are {near}.")
    return number


def draw_maze(
    index: int, size: int, split: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw mazes for (seed, size, index) until one belongs to the split."""
    buckets = BUCKETS[split]
    side = size + 2
    for attempt in range(MAX_ATTEMPTS):
        rng = np.random.default_rng([seed, size, index, attempt])
        grid, path = _carve(size, rng)
        if zlib.crc32(grid) % NUM_BUCKETS in buckets:
            solution = np.zeros(side * side, dtype=bool)
            solution[path] = True
            codes = np.frombuffer(grid, dtype="uint8")
            return codes.reshape(side, side), solution.reshape(side, side)
    raise ValueError(
        f"None of {MAX_ATTEMPTS:,} mazes of size {size} belongs to the split "
        f"{split!r}; it seems to be empty for this size. Use a larger size."
    )


def _carve(size: int, rng: np.random.Generator) -> tuple[bytearray, list[int]]:
    """Return the flat codes of one maze, and the grid points of its solution."""
    cells, neighbors = _tables(size)
    start_index = int(rng.integers(len(cells)))
    end_index = int(rng.integers(len(cells) - 1))
    start, end = cells[start_index], cells[end_index + (end_index >= start_index)]
    # 12 is a multiple of 1 to 4, so `draw % k` is uniform for k open directions.
    draws = iter(rng.integers(12, size=len(cells) - 1, dtype="uint8").tolist())
    grid = bytearray((size + 2) ** 2)
    grid[start] = CORRIDOR
    stack, path = [start], []
    here = start
    remaining = len(cells) - 1
    while remaining:
        closed = [step for step in neighbors[here] if not grid[step[0]]]
        if not closed:
            stack.pop()
            here = stack[-1]
            continue
        here, passage = closed[next(draws) % len(closed)]
        grid[here] = grid[passage] = CORRIDOR
        stack.append(here)
        remaining -= 1
        if here == end:
            path = stack.copy()
    grid[start], grid[end] = START, END
    passages = [(a + b) // 2 for a, b in zip(path, path[1:], strict=False)]
    return grid, path + passages


@functools.lru_cache(maxsize=32)
def _tables(size: int) -> tuple[list[int], dict[int, list[tuple[int, int]]]]:
    """Return flat positions of the cells, and (neighbor, passage) pairs per cell."""
    side = size + 2
    odd = range(1, side, 2)
    cells = [row * side + column for row in odd for column in odd]
    inside = set(cells)
    neighbors = {}
    for cell in cells:
        steps = (-2 * side, -2, 2, 2 * side)
        neighbors[cell] = [
            (cell + step, cell + step // 2) for step in steps if cell + step in inside
        ]
    return cells, neighbors


def _shape(size):
    return 2 * size + 6, 2 * size + 6, 3


def _transform(codes, solutions, rng):
    del rng
    return render_mazes(codes, solutions)


def _test_sizes(size, phases):
    del phases
    return size, size + 4, size + 8


@register(
    name="mazes",
    summary="Mark the one path from start to end; walls are not scored.",
    num_classes=2,
    input_shape=_shape(9),
    metric="exact_match",
    splits=SPLITS,
    num_examples={"train": 50_000, "validation": 10_000, "test": 10_000},
    source="Schwarzschild et al., The Uncanny Similarity of Recurrence and Depth, "
    "ICLR 2022",
    size=9,
    shape=_shape,
    check_size=check_maze_size,
    transform=_transform,
    test_sizes=_test_sizes,
)
def _make(request):
    r = request
    return *mazes(r.count, r.size, r.split, r.seed, r.progress), {}
