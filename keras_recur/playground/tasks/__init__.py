"""The inputs that a person can make, one file per data set."""

from keras_recur.playground.tasks.bits import Bits
from keras_recur.playground.tasks.digit import Digit
from keras_recur.playground.tasks.grid import Grid
from keras_recur.playground.tasks.maze import Maze
from keras_recur.playground.tasks.task import Task

TASKS: dict[str, Task] = {task.data: task for task in (Bits(), Maze(), Grid(), Digit())}

__all__ = ["TASKS", "Task"]
