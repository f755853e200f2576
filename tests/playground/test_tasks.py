"""Inputs made by hand: text, clicks, strokes, and their right answers."""

import numpy as np
import pytest

from keras_recur import data
from keras_recur.data.sets.digits import digits
from keras_recur.data.sets.mazes import mazes, render_mazes
from keras_recur.playground.tasks import TASKS
from keras_recur.playground.tasks._pictures import BLUE, ORANGE, PALE
from keras_recur.playground.tasks.maze import only_path

pytestmark = pytest.mark.once
BITS, MAZE, GRID, DIGIT = (
    TASKS[name] for name in ("prefix_sums", "mazes", "shortest_paths", "digits")
)
NO_PATH = """
#######
#S#...#
###.#.#
#...#.#
#.###.#
#....E#
#######
"""
RING = """
#######
#S....#
#.###.#
#.#.#.#
#.###.#
#....E#
#######
"""
LOOP_ASIDE = """
#########
#S.....E#
####.####
#...#...#
#.......#
#.#.#####
#...#####
#########
#########
"""


@pytest.mark.parametrize("name", TASKS)
def test_examples_are_those_of_the_data_set(name):
    task = TASKS[name]
    size = 16 if task.sizes is None else task.sizes[2]
    value = task.example(size, 0)
    given = {} if name == "digits" else {"size": size}
    x, y = data.load(name, "test", 1, num_examples=1, seed=0, **given)[0]
    np.testing.assert_allclose(task.encode(value), x, atol=1e-6)
    np.testing.assert_array_equal(task.answer(value), np.asarray(y)[0])


@pytest.mark.parametrize("name", TASKS)
def test_text_describes_a_value(name):
    task = TASKS[name]
    size = 0 if task.sizes is None else task.sizes[0]
    for seed in range(3):
        value = task.example(size, seed)
        np.testing.assert_array_equal(task.parse(task.text(value)), value)


@pytest.mark.parametrize(
    ("task", "text", "message"),
    [
        (BITS, "", "must have 1 to 512 bits .* Received: 0"),
        (BITS, "01021", "zeros and ones only.*'2' at position 4"),
        (BITS, "1" * 513, "must have 1 to 512 bits .* Received: 513"),
        (BITS, "<b>", "'<' at position 1"),
        (MAZE, "###", "must have 5 to 61 lines"),
        (MAZE, NO_PATH.replace("#S#", "#S"), "must be square.*Line 2 has 6"),
        (MAZE, NO_PATH.replace("S", "x"), "only the characters # . S E.*'x' in line 2"),
        (MAZE, NO_PATH.replace("S", "."), r"one start \(S\). Received: 0"),
        (MAZE, NO_PATH.replace("S#.", "E#."), r"one start|one end \(E\). Received: 2"),
        (MAZE, NO_PATH.replace("#.###.#", "..###.#"), "walls .* all around"),
        (MAZE, "\n".join(["#" * 63] * 63), "5 to 61 lines"),
        (GRID, "\n".join(["....."] * 5), r"two points \(P\). Received: 0"),
        (GRID, "\n".join(["." * 65] * 65), "5 to 64 lines"),
        (DIGIT, "1 2 3", "8 lines of 8 numbers"),
        (DIGIT, "\n".join(["0 " * 7 + "17"] * 8), "from 0 to 16. Received: '17'"),
        (DIGIT, "\n".join(["0 " * 7 + "-1"] * 8), "from 0 to 16. Received: '-1'"),
    ],
)
def test_bad_text_gives_a_message(task, text, message):
    with pytest.raises(ValueError, match=message):
        task.parse(text)


@pytest.mark.parametrize("task", [BITS, MAZE, GRID])
def test_example_refuses_sizes_beyond_the_page(task):
    for size in (task.sizes[0] - 1, task.sizes[1] + 1, 10**9):
        with pytest.raises(ValueError, match=f"Received: {size}"):
            task.example(size, 0)


def test_only_path_equals_that_of_the_data_set():
    codes, solutions = mazes(50, 13, "test")
    for maze, solution in zip(codes, solutions, strict=True):
        np.testing.assert_array_equal(only_path(maze), solution)


def test_maze_without_a_path_gives_a_message():
    with pytest.raises(ValueError, match="^No path"):
        MAZE.answer(MAZE.parse(NO_PATH))


def test_maze_with_two_paths_gives_a_message():
    with pytest.raises(ValueError, match="^More than one path"):
        MAZE.answer(MAZE.parse(RING))


def test_loop_beside_the_path_is_no_second_path():
    codes = MAZE.parse(LOOP_ASIDE)
    path = np.zeros_like(codes)
    path[1, 1:8] = 1
    np.testing.assert_array_equal(only_path(codes), path)


def test_two_paths_are_those_that_a_search_through_all_paths_finds():
    rng = np.random.default_rng(0)
    found = {"one": 0, "none": 0, "more": 0}
    for seed in range(60):
        codes = MAZE.example(5, seed)
        for _ in range(2):
            row, column = rng.integers(1, 6, 2)
            if codes[row, column] < 2:
                codes[row, column] ^= 1
        count = _count_paths(codes)
        try:
            only_path(codes)
            said = "one"
        except ValueError as error:
            said = "none" if str(error).startswith("No path") else "more"
        assert said == {0: "none", 1: "one"}.get(count, "more")
        found[said] += 1
    assert min(found.values()) >= 3


def _count_paths(codes):
    def walk(here, visited):
        if codes[here] == 3:
            return 1
        row, column = here
        return sum(
            walk(near, visited | {near})
            for near in (
                (row - 1, column),
                (row + 1, column),
                (row, column - 1),
                (row, column + 1),
            )
            if codes[near] and near not in visited
        )

    start = tuple(np.argwhere(codes == 2)[0])
    return walk(start, {start})


def test_click_opens_and_closes_the_wall_under_the_pointer():
    codes = MAZE.example(9, 0)
    pixels = 2 * 9 + 6
    for row, column in ((1, 2), (4, 5), (9, 9)):
        if codes[row, column] > 1:
            continue
        for x, y in ((1.1, 1.1), (2.9, 2.9)):
            place = (2 * column + x) / pixels, (2 * row + y) / pixels
            once = MAZE.click(codes, *place)
            different = np.argwhere(once != codes)
            np.testing.assert_array_equal(different, [[row, column]])
            np.testing.assert_array_equal(MAZE.click(once, *place), codes)
    with pytest.raises(ValueError, match="around the maze stay"):
        MAZE.click(codes, 0.0, 0.5)
    row, column = np.argwhere(codes == 2)[0]
    with pytest.raises(ValueError, match="start and the end stay"):
        MAZE.click(codes, (2 * column + 2) / pixels, (2 * row + 2) / pixels)


def test_click_changes_one_cell_of_a_grid():
    codes = GRID.example(16, 0)
    (row, column), *_ = np.argwhere(codes == 0)
    place = (column + 0.5) / 16, (row + 0.5) / 16
    once = GRID.click(codes, *place)
    np.testing.assert_array_equal(np.argwhere(once != codes), [[row, column]])
    np.testing.assert_array_equal(GRID.click(once, *place), codes)
    row, column = np.argwhere(codes == 2)[0]
    with pytest.raises(ValueError, match="points stay"):
        GRID.click(codes, (column + 0.5) / 16, (row + 0.5) / 16)
    GRID.click(GRID.example(16, 0), 1.0, 1.0)  # The edge belongs to the last cell.


def test_grid_without_a_path_gives_a_message():
    rows = ["P#...", "##...", ".....", ".....", "....P"]
    with pytest.raises(ValueError, match="^No path"):
        GRID.answer(GRID.parse("\n".join(rows)))


def test_strokes_fill_the_bitmap_as_in_the_data_set():
    ink = np.zeros((280, 280))
    ink[40:200, 100:120] = 1.0  # A bar eight times as high as wide.
    value = DIGIT.strokes(ink)
    expected = np.zeros((8, 8), int)
    expected[:, 3:5] = 8
    np.testing.assert_array_equal(value, expected)
    assert not DIGIT.strokes(np.zeros((280, 280))).any()


def test_strokes_repeat_a_digit_that_fills_its_bitmap():
    value = digits("test")[0][0, ..., 0]
    sharp = np.where(value > 8, 16, 0)
    rows, columns = np.flatnonzero(sharp.any(1)), np.flatnonzero(sharp.any(0))
    assert rows[0] == 0 and rows[-1] == 7
    drawn = DIGIT.strokes(sharp.repeat(35, 0).repeat(35, 1) / 16)
    left = (8 - len(columns)) // 2
    middle = slice(left, left + len(columns))
    np.testing.assert_array_equal(drawn[:, middle], sharp[:, columns])


def test_empty_drawing_gives_a_message():
    with pytest.raises(ValueError, match="canvas is empty"):
        DIGIT.encode(np.zeros((8, 8), "uint8"))


def test_label_is_known_for_test_images_only():
    value = DIGIT.example(0, 3)
    assert int(DIGIT.answer(value)) == digits("test")[1][3]
    value[0, 0] ^= 1
    assert DIGIT.answer(value) is None


@pytest.mark.parametrize("name", ["mazes", "shortest_paths"])
def test_picture_colors_right_wrong_and_missing_marks(name):
    task = TASKS[name]
    value = task.example(9, 0)
    answer = task.answer(value)
    guess = np.maximum(answer, 0)
    spots = np.argwhere(answer == 1)
    free = _free(task, value, answer)
    missing, wrong = spots[len(spots) // 2], np.argwhere(free & (answer == 0))[0]
    guess[tuple(missing)], guess[tuple(wrong)] = 0, 1
    likely = np.eye(2)[guess][None]
    picture = task.picture(value, likely, 0, answer)
    times = len(picture) // len(answer)

    def color(spot):
        row, column = spot
        return tuple(picture[row * times, column * times])

    assert color(missing) == PALE and color(wrong) == ORANGE
    right = next(s for s in np.argwhere(free & (guess == 1) & (answer == 1)))
    assert color(right) == BLUE
    blank = task.picture(value, likely, 0, None)
    assert tuple(blank[wrong[0] * times, wrong[1] * times]) == BLUE
    total = int((answer >= 0).sum())
    assert task.verdict(guess, answer).startswith(f"{total - 2} of {total} ")
    assert task.verdict(np.maximum(answer, 0), answer).endswith("(solved)")


def _free(task, value, answer):
    if task is GRID:
        return value == 0
    image = render_mazes(value[None], np.zeros_like(value[None]))[0][0]
    return (answer >= 0) & (image.min(-1) == 1)


def test_picture_of_bits_has_a_row_per_iteration():
    value = BITS.parse("1101")
    answer = BITS.answer(value)
    likely = np.zeros((2, 4, 2))
    likely[0, :, 0] = 1.0  # All zeros, then the right answer.
    likely[1] = np.eye(2)[answer]
    first, second = (BITS.picture(value, likely, t, answer) for t in (0, 1))
    assert first.shape == second.shape
    count = [int((p == ORANGE).all(-1).sum()) for p in (first, second)]
    assert count[0] > count[1] > 0  # The history still shows the first errors.
    assert not (BITS.picture(value, likely, 1, None) == ORANGE).all(-1).any()


def test_pictures_of_the_largest_inputs_are_small():
    for task in (BITS, MAZE, GRID):
        value = task.example(task.sizes[1], 0)
        answer = task.answer(value)
        likely = np.full((3, *answer.shape, 2), 0.5, "float32")
        for picture in (task.picture(value, likely, 2, answer), task.board(value)):
            assert picture.dtype == np.uint8 and max(picture.shape) <= 1100
