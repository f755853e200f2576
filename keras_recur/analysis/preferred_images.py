"""Find the images that excite a filter most, after every iteration."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_recur._limits import MAX_ITERATIONS, check_size
from keras_recur._validation import (
    check_integer,
    check_number,
    check_one_of,
    check_positive_int,
    check_sequence,
)
from keras_recur.analysis._banks import rebuilt
from keras_recur.analysis._fourier_images import FourierImages, coefficients_of
from keras_recur.analysis._loop_states import LoopStates, all_states, examples

_SPREAD = 0.1  # Of the first coefficients.
_MOST = 1_000  # Copies of a step, and starts.


@dataclasses.dataclass(frozen=True)
class PreferredImages:
    """Images that excite C filters most after each of T iterations.

    Attributes:
        channels: Numbers of the filters.
        iterations: Numbers of the iterations.
        images: Images of shape `(C, T, height, width, colors)`, in the range of the
            data.
        activations: Activation of filter c after iteration u by the image made for
            iteration t, of shape `(C, T, T)`: axis 1 is t, axis 2 is u.
        natural: Largest activation by an image of the data, of shape `(C, T)`.
        examples: Number of that image, counted from 0, of shape `(C, T)`.
        natural_images: That image, of shape `(C, T, height, width, colors)`.
        silent: Whether no gradient led anywhere: such an image shows noise. The shape
            is `(C, T)`.
    """

    channels: list[int]
    iterations: list[int]
    images: np.ndarray
    activations: np.ndarray
    natural: np.ndarray
    examples: np.ndarray
    natural_images: np.ndarray
    silent: np.ndarray

    @property
    def relative(self) -> np.ndarray:
        """`activations` divided by those of the best images of the data.

        Equal values in a row: the filter keeps its role over the iterations. A
        diagonal: its role changes. It is NaN where no image of the data excites it.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            found = self.activations / self.natural[:, None]
        return np.where(self.natural[:, None] > 0, found, np.nan)

    @property
    def kept(self) -> float:
        """Share of the activation that an image for another iteration reaches.

        It is the median over filters and pairs of different iterations, NaN if there
        are none. A filter that keeps its role has a high share, but so have filters of
        untrained networks: compare it with theirs.
        """
        own = self.activations.diagonal(axis1=1, axis2=2)[:, None]
        others = ~np.eye(len(self.iterations), dtype=bool)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = (self.activations / own)[:, others]
        shares = shares[np.isfinite(shares)]
        return float(np.median(shares)) if shares.size else float("nan")

    @property
    def low_frequencies(self) -> np.ndarray:
        """Share of an image's variance below 1/8 cycles per pixel, per iteration.

        It is the mean over the filters that are not silent, NaN if all are.
        """
        height, width = self.images.shape[2:4]
        rows, columns = np.fft.fftfreq(height), np.fft.fftfreq(width)
        low = np.hypot(rows[:, None], columns[None]) < 1 / 8
        centered = self.images - self.images.mean(axis=(2, 3), keepdims=True)
        power = (abs(np.fft.fft2(centered, axes=(2, 3))) ** 2).sum(axis=-1)
        share = power[..., low].sum(axis=-1) / np.maximum(power.sum((2, 3)), 1e-30)
        count = (~self.silent).sum(axis=0)
        total = np.where(self.silent, 0, share).sum(axis=0)
        return np.where(count, total / np.maximum(count, 1), np.nan)


def preferred_images(
    model: keras.Model,
    data: Any,
    channels: int | Sequence[int] = 8,
    iterations: int | None = None,
    *,
    objective: str = "channel",
    steps: int = 256,
    learning_rate: float = 0.05,
    decay: float = 1.0,
    jitter: int = 2,
    copies: int = 4,
    starts: int = 3,
    num_examples: int = 1_000,
    seed: int = 0,
) -> PreferredImages:
    """Make the images that excite filters most after each iteration.

    An image is a sum of waves whose coefficients are trained in front of the frozen
    network, and is squeezed into the range of the data, for each color. All filters,
    iterations and starts are trained at once; of the starts, the best image is kept.
    Some starts are noise, and one is the best image of the data. Such pictures persuade
    more than they prove. Look at the best images of the data beside them, and at
    `relative`.

    Args:
        model: A model with a loop, whose input is one image.
        data: Batches `x` or `(x, y)` of images, in any form that `iteration_curve`
            accepts. They set the range of the pixels.
        channels: Number of filters, those with the largest mean activation, or a list
            of filters. Defaults to `8`.
        iterations: Number of iterations. Defaults to `None` (the number the model was
            built with).
        objective: `"channel"` for the mean activation over positions, or `"neuron"`
            for the position in the middle. A linear layer needs `"neuron"`: its mean
            is largest for a constant image. Defaults to `"channel"`.
        steps: Number of training steps. Defaults to `256`.
        learning_rate: Learning rate of Adam. Defaults to `0.05`.
        decay: Exponent with which waves become weaker with their frequency. Defaults
            to `1.0`.
        jitter: Largest shift of the image in a step, in pixels. Defaults to `2`.
        copies: Number of shifted copies per step. Defaults to `4`.
        starts: Number of starts from noise per filter and iteration. Defaults to `3`.
        num_examples: Number of images of the data. Defaults to `1000`.
        seed: Seed of the starts and shifts. Defaults to `0`.

    Returns:
        A `PreferredImages`.

    Raises:
        ValueError: If the model has no loop or its input is no image, if a channel does
            not exist, or if an argument is out of range.

    Reference:
        Olah, Mordvintsev and Schubert 2017, "Feature Visualization" (Distill): images
        as sums of waves.

    Example:

    >>> pair = keras_recur.zoo.build(
    ...     "mlp", input_shape=(6, 6, 1), num_classes=3, width=4, iterations=2
    ... )
    >>> x = np.random.default_rng(0).uniform(size=(20, 6, 6, 1)).astype("float32")
    >>> found = keras_recur.analysis.preferred_images(
    ...     pair.recurrent, x, channels=2, steps=3
    ... )
    >>> found.images.shape, found.activations.shape
    ((2, 2, 6, 6, 1), (2, 2, 2))
    """
    check_one_of("objective", objective, ("channel", "neuron"))
    steps = check_size("steps", steps, MAX_ITERATIONS)
    rate = check_number("learning_rate", learning_rate, above=0)
    decay = check_number("decay", decay, 0)
    jitter = check_integer("jitter", jitter, 0)
    copies = check_size("copies", copies, _MOST)
    starts = check_size("starts", starts, _MOST)
    random = np.random.default_rng(check_integer("seed", seed, 0))
    states = LoopStates(model, iterations)
    numbers = [number for number in states.iterations if number]
    natural, _ = examples(data, num_examples, model, labels=False)
    _check_images(model, natural)
    seen = _activations(states, natural, objective)
    chosen = _chosen(channels, seen)

    seen = seen[..., chosen]
    examples_of = seen.argmax(axis=1).T
    cells = len(chosen), len(numbers), starts + 1
    limits = natural.min(axis=(0, 1, 2)), natural.max(axis=(0, 1, 2))
    noise = random.normal(0, _SPREAD, (*cells[:2], starts, *natural.shape[1:]))
    known = coefficients_of(natural[examples_of.ravel()], limits, decay)
    known = known.reshape(*cells[:2], 1, *natural.shape[1:])
    first = np.concatenate([noise, known], axis=2)
    layer = FourierImages(first.reshape(-1, *natural.shape[1:]), limits, decay)

    def activations():
        found = _activations(states, layer.images(), objective)[..., chosen]
        # Of each image, only its own filter.
        found = found.reshape(len(numbers), *cells, len(chosen))
        return np.moveaxis(found.diagonal(axis1=1, axis2=4), (-1, 0), (0, -1))

    start = _own(activations())
    trained = _trained(model, states, layer, cells, chosen, objective)
    trained.compile(keras.optimizers.Adam(rate), _negative_sum)
    for _ in range(steps):
        shifts = random.integers(-jitter, jitter + 1, (copies, 2))
        trained.train_on_batch(layer.bases(shifts), np.zeros((copies, 1), "float32"))
    end = activations()
    best = _own(end).argmax(axis=2)
    images = layer.images().reshape(*cells, *natural.shape[1:])
    still = _own(end) <= start + 1e-6 * np.maximum(1, abs(start))
    return PreferredImages(
        chosen,
        numbers,
        _at(images, best),
        _at(end, best),
        seen.max(axis=1).T,
        examples_of,
        natural[examples_of],
        np.asarray(still.all(axis=2)),
    )


def _own(activations):
    """Return the activations after the iterations for which the images are made."""
    return activations.diagonal(axis1=1, axis2=3).transpose(0, 2, 1)


def _at(values, place):
    """Return values of shape `(C, T, starts, ...)` at the start `place[c, t]`."""
    place = place.reshape(*place.shape, *(1,) * (values.ndim - 2))
    return np.take_along_axis(values, place, axis=2)[:, :, 0]


def _check_images(model, natural):
    shape = getattr(natural, "shape", ())
    if len(shape) != 4 or len(getattr(model, "inputs", [1])) != 1:
        raise ValueError(
            "`data` must be images of shape (height, width, colors), and `model` must "
            f"take one image. Received: inputs of shape {tuple(shape[1:])} for "
            f"{model.name!r}."
        )


def _chosen(channels, seen):
    """Return the filters: those that are given, or those with the largest activity."""
    there = seen.shape[-1]
    if not isinstance(channels, list | tuple):
        count = check_positive_int("channels", channels)
        order = np.argsort(-seen.mean(axis=(0, 1)), kind="stable")
        return sorted(order[:count].tolist())

    def check(name, value):
        return check_integer(name, value, 0, maximum=there - 1)

    return check_sequence("channels", channels, check, minimum=1)


def _activations(states, images, objective):
    """Return the activation of all filters, of shape `(T, images, filters)`."""

    def measured(state):
        return ops.convert_to_numpy(_measured(state, objective))

    found = states.read(images, measured)
    keep = [place for place, number in enumerate(states.iterations) if number]
    return found[keep]


def _measured(state, objective):
    """Return the activation of the filters from states of shape `(n, ..., filters)`."""
    for _ in range(len(state.shape) - 2):
        middle = state.shape[1] // 2
        state = ops.mean(state, 1) if objective == "channel" else state[:, middle]
    return state


def _trained(model, states, layer, cells, chosen, objective):
    """Return a model from shifted bases to the activations of all images.

    It has a copy of the network, so that the model keeps its flags and gradients.
    """
    network = rebuilt(model, lambda layer: None)
    network.trainable = False
    every = all_states(network, states)
    filters, times, starts = cells
    own = np.arange(filters * times * starts)
    places = [number - 1 for number in states.iterations if number]
    iteration = own // starts % times
    channel = np.array(chosen)[own // (times * starts)]

    def activations(state):
        """Pick the filter and the iteration of each image."""
        # The state has the shape (copies x images, T, ..., filters).
        found = ops.stack([_measured(state[:, t], objective) for t in places])
        found = ops.reshape(found, (times, -1, len(own), found.shape[-1]))
        found = ops.moveaxis(found, 1, 0)
        wanted = np.zeros((times, len(own), found.shape[-1]), "float32")
        wanted[iteration, own, channel] = 1.0
        chosen = ops.cast(found, "float32") * ops.convert_to_tensor(wanted)
        return ops.sum(chosen, axis=(1, 3))

    shapes = [(size, size) for size in layer.sides]
    inputs = [keras.Input(shape) for shape in shapes]
    return keras.Model(
        inputs,
        keras.layers.Lambda(activations, output_shape=(len(own),))(
            every(layer(inputs))
        ),
    )


def _negative_sum(_, activations):
    return -ops.sum(activations, axis=1)
