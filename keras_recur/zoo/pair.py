"""A recurrent network and its feed-forward twin."""

import contextlib
import functools
import warnings
from pathlib import Path
from typing import Any

import keras

from keras_recur._archives import load_weights
from keras_recur._memory import out_of_memory
from keras_recur._validation import check_number
from keras_recur.zoo import tying
from keras_recur.zoo.costs import costs, trainable_parameters
from keras_recur.zoo.family import describe
from keras_recur.zoo.initializers import SeededInitializers
from keras_recur.zoo.pair_costs import PairCosts


class Pair:
    """Recurrent network and its feed-forward twin, from `zoo.build` or `zoo.load`.

    Both twins are ordinary Keras models with their own weights. Each is built on first
    use.

    Attributes:
        name: Name of the family.
        config: All arguments that `zoo.build` needs to make this pair again.
        weight_files: Files with trained weights by twin, `None` for a twin without one.
            Empty for an untrained pair.
    """

    def __init__(self, config: dict[str, Any], sharing: Any, policy: Any):
        self.name: str = config["name"]
        self.config = config
        self.weight_files: dict[str, Path | None] = {}
        self._sharing = sharing
        self._policy = policy

    @functools.cached_property
    def recurrent(self) -> keras.Model:
        """The network whose iterations share weights."""
        network = self._network(self._sharing, self.config["width"])
        self._load_weights("recurrent", network)
        return network

    @functools.cached_property
    def feedforward(self) -> keras.Model:
        """The network that has separate weights for every iteration."""
        network = self._network("none", self.feedforward_width)
        self._load_weights("feedforward", network)
        return network

    @functools.cached_property
    def feedforward_width(self) -> int:
        """Width of the feed-forward twin, smaller with `match="parameters"`."""
        width = self.config["width"]
        if self.config["match"] == "depth":
            return width
        limit = trainable_parameters(self.recurrent)
        step = describe(self.name).width_multiple
        low, high = 0, width // step
        while low < high:
            middle = (low + high + 1) // 2
            narrower = self._network("none", middle * step)
            if trainable_parameters(narrower) <= limit:
                low = middle
            else:
                high = middle - 1
        if low == 0:
            raise ValueError(
                f"Every feed-forward {self.name} has more parameters than the "
                f"recurrent one, {limit:,}. Received: width={width}. Build it wider, "
                "or with fewer iterations."
            )
        return low * step

    def costs(self, input_shape: tuple[int, ...] | None = None) -> PairCosts:
        """Count parameters, MACs, depth, neurons, synapses and memory of both twins.

        Args:
            input_shape: Shape of one example. Defaults to the shape of the pair, with
                open sizes from `zoo.describe(name).example_shape`.

        Returns:
            `PairCosts`. Printed, they are a table.
        """
        if input_shape is None:
            example = describe(self.name).example_shape
            input_shape = tuple(
                example[i] if size is None else size
                for i, size in enumerate(self.config["input_shape"])
            )
        return PairCosts(
            costs(self.recurrent, input_shape), costs(self.feedforward, input_shape)
        )

    def untie(self) -> None:
        """Copy the recurrent weights to every iteration of the feed-forward twin.

        Raises:
            ValueError: If the twins differ in width.
        """
        self._check_widths("untie")
        tying.untie(self.recurrent, self.feedforward)

    def tie(self, tolerance: float = 0.0) -> None:
        """Copy the feed-forward weights to the recurrent twin.

        Args:
            tolerance: Largest absolute difference between the copies of a weight. With
                template banks, it is relative to the norm of the kernels. Defaults to
                `0.0`.

        Raises:
            ValueError: If the copies of a weight differ, no templates fit the kernels,
                or the twins differ in width. No weight is changed then.
        """
        tolerance = check_number("tolerance", tolerance, 0)
        self._check_widths("tie")
        tying.tie(self.recurrent, self.feedforward, tolerance)

    def _network(self, sharing, width):
        config, family = self.config, describe(self.name)
        arguments = {k: config[k] for k in family.defaults if k != "templates"}
        arguments["width"] = width
        initializers = SeededInitializers(config["initializer"], config["seed"])
        with _policy_and_layout(self._policy), _short_memory_error(config):
            if sharing is None:
                sharing = initializers.bank(
                    config["templates"], config["recurrence_penalty"]
                )
            return family.network(
                initializers,
                **arguments,
                sharing=sharing,
                readout=config["readout"],
                unroll=config["unroll"],
                remat=config["remat"],
                **self._truncation(sharing),
            )

    def _truncation(self, sharing):
        # Every copy of the feed-forward twin needs gradient.
        if isinstance(sharing, str) and sharing == "none":
            return {}
        names = ("detach_every", "gradient_iterations")
        return {k: self.config[k] for k in names if k in self.config}

    def _load_weights(self, twin, network):
        file = self.weight_files.get(twin)
        if file is not None:
            load_weights(network, file)
        elif self.weight_files:
            # The caller of a cached property is 4 frames up.
            warnings.warn(
                f"The trained weights of the {twin} twin are too large to be "
                "published. It has its initial weights.",
                stacklevel=4,
            )

    def _check_widths(self, verb):
        if self.feedforward_width != self.config["width"]:
            raise ValueError(
                f"Cannot {verb} twins of different width. Received: width "
                f"{self.config['width']} and {self.feedforward_width}, matched by "
                f"{self.config['match']}. Build the pair with match='depth'."
            )

    def __repr__(self) -> str:
        keys = ("width", "depth", "iterations", "sharing", "templates", "match")
        given = [(key, self.config.get(key)) for key in (*keys, "readout")]
        given = ", ".join(f"{k}={v!r}" for k, v in given if v is not None)
        recurrent = self.recurrent.count_params()
        feedforward = self.feedforward.count_params()
        lines = [
            f"<Pair {self.name}: {given}",
            f"  recurrent     {recurrent:>13,} weights",
            f"  feed-forward  {feedforward:>13,} weights "
            f"({feedforward / recurrent:.2f} times)",
        ]
        if self.config["match"] == "parameters":
            ratio = trainable_parameters(self.feedforward)
            ratio /= trainable_parameters(self.recurrent)
            lines.append(
                f"  matched at feed-forward width {self.feedforward_width}: "
                f"{ratio:.3f} of the recurrent's parameters"
            )
        return "\n".join(lines) + ">"


@contextlib.contextmanager
def _policy_and_layout(policy):
    """Create layers with this dtype policy, and with channels last."""
    before = keras.config.dtype_policy(), keras.config.image_data_format()
    keras.config.set_dtype_policy(policy)
    keras.config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before[0])
        keras.config.set_image_data_format(before[1])


@contextlib.contextmanager
def _short_memory_error(config):
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        keys = ("name", "input_shape", "num_classes", "width", "iterations")
        sizes = ", ".join(f"{k}={config[k]!r}" for k in keys if k in config)
        raise ValueError(
            f"The network must fit into memory, but memory ran out. Received: {sizes}. "
            "Choose smaller sizes."
        ) from None
