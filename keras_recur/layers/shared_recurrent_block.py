"""The layer that applies a block several times."""

import numbers
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops, tree

from keras_recur._earlier_names import current_names
from keras_recur._limits import MAX_ITERATIONS, check_seed, check_size
from keras_recur._validation import check_flag, check_number, check_one_of
from keras_recur.layers._boundary import boundary_of
from keras_recur.layers._depth_samplers import sampler_of
from keras_recur.layers._frozen import KeepsFrozen
from keras_recur.layers._input_dtypes import InputDtypes
from keras_recur.layers._loop_arguments import (
    check_injected,
    check_progressive,
    check_start,
    check_state,
    dtype_of,
    policy_of,
)
from keras_recur.layers._loop_form import check_unroll, is_unrolled
from keras_recur.layers._loop_masks import LoopMasks, first_masks
from keras_recur.layers._masks import (
    attach,
    joined,
    mapped,
    masks_of,
    ranks_of,
    readable,
)
from keras_recur.layers._pure_loops import progressive_loop, pure_loop
from keras_recur.layers._rolled import python_loop, rolled_loop
from keras_recur.layers._state_path import (
    INITIAL_STATES,
    StatePath,
    add_first_states,
    check_initial_state,
    settings,
)
from keras_recur.layers._truncation import check_truncation, spans_of
from keras_recur.layers.iteration import iteration_scope
from keras_recur.layers.sharing import make_sharing
from keras_recur.layers.template_bank import TemplateBank


@keras.saving.register_keras_serializable(package="keras_recur")
class SharedRecurrentBlock(KeepsFrozen, InputDtypes):
    """Apply a block `iterations` times, with shared or separate weights.

    With `sharing="all"` all iterations share one set of weights: a recurrent network.
    With `"none"` every iteration has its own copy: the feed-forward twin. With
    `sharing=[0, 0, 1, 1]` the first two iterations share weights, and so do the last
    two. With `sharing=TemplateBank(k)` each iteration has kernels that are a learned
    mix of k templates, and its own other weights. The computation and its cost are the
    same for every choice. Only the number of parameters differs.

    Kinds of loop:

    - `unroll=True` is a plain Python loop. It works with every block and exports
      everywhere. Compile time and program size grow with the iterations.
    - `unroll=False` compiles one body for all iterations of a group. It pays off for
      dozens of iterations. On JAX on a CPU, the gradient of a convolution in a rolled
      loop is 20 to 45 times slower. On PyTorch both are the same loop.
    - `unroll="auto"` (default) rolls calls in inference that run 64 or more iterations
      on the same weights, on JAX and TensorFlow. For 400 iterations on a CPU, the first
      call then takes 0.5 s instead of 5 to 12 s. All other calls are unrolled.
    - `remat=True` recomputes each iteration in the backward pass. It needs the memory
      of one iteration, and about a third more time. Do not wrap a block in
      `keras.remat` or `RematScope`: they crash on JAX and update batch statistics twice
      on other backends.
    - On a CPU, XLA (JAX, or `jit_compile=True` on TensorFlow) undoes `remat`, which
      then saves no memory. To avoid this, set
      `XLA_FLAGS="--xla_disable_hlo_passes=cse_barrier_expander"` in the environment
      before Keras is imported.

    Args:
        block: A Keras layer or model that maps a state to a state of the same shape and
            dtype. A state is a tensor or a nest of tensors. With `sharing="all"` two
            loops of one block share its weights. With any other sharing, each loop
            makes copies and does not change the block.
        iterations: Number of iterations. Positive integer, at most 100,000.
        sharing: `"all"`, `"none"`, a sequence of integers (the group of each
            iteration), a `TemplateBank`, or a list of banks, one per shape of kernel in
            order of appearance. At most 10,000 copies are allowed. The first copy
            starts with the weights of a built block. The others get fresh weights and
            derived seeds, and copy only weights that are not trained. A bank is a
            specification: `loop.banks` has one such bank for each shape of kernel. The
            regularizer of the block's kernels applies to the templates, once. Defaults
            to `"all"`.
        injection: Shows the block an input again at every iteration ("recall"):
            `"add"` adds it to the state, `"concat"` concatenates it to the state along
            the last axis, `None` leaves it out. Defaults to `None`.
        return_sequences: Whether to return the state after every iteration. Defaults to
            `False`.
        unroll: See above. Defaults to `"auto"`.
        remat: See above. Defaults to `False`.
        seed: Seed of `progressive` calls, first states and noise. Defaults to `None`: a
            random seed.
        initial_state: State before the first iteration: `"input"` is `x`. The others
            need `injection` and take the shape and dtype of `x`: `"zeros"`; `"normal"`,
            drawn in every call, also in inference, for every example and position;
            `"fixed_normal"`, one value per channel, drawn once and never trained.
            Normal values are truncated and have a standard deviation of 1. Integer
            tensors of a state are always those of `x`. Defaults to `"input"`.
        damping: Share of the old state that remains in every iteration, from 0 to
            below 1: the new state is `damping * state + (1 - damping) *
            block(state)`. Defaults to `0.0`: none.
        state_noise: Standard deviation of the normal noise that is added to the state
            after every iteration in training. Defaults to `0.0`.
        detach_every: Number m of iterations after which training stops the gradient of
            the state, counted from the last iteration. Losses of several readouts then
            train m iterations each. Defaults to `None`: the gradient of a readout
            reaches all iterations before it.
        gradient_iterations: Number of iterations with gradient in training: the last
            ones of every m, or of all without `detach_every`. The others run without
            gradient and store no activations, but update batch statistics. All weights
            need an iteration with gradient, so `sharing="none"` and template banks
            refuse it. Defaults to `None`: all of them.
        **kwargs: `name`, `trainable`, and `dtype`, which defaults to the block's dtype
            policy.

    Call arguments:
        x: The first state.
        injected: The input that `injection` shows. Defaults to `x`.
        iterations: Number of iterations of this call, on the same weights. Untied,
            grouped and mixed blocks can run fewer iterations, but not more. A folded
            bank can run more if its kernels repeat with a period.
        start: Number of iterations that led to `x`. The call runs the iterations after
            them, by default all that remain. It may be a scalar tensor if all
            iterations share their weights. Defaults to `0`.
        return_sequences: Overrides the constructor's value for this call.
        unroll: Overrides the constructor's value for this call.
        progressive: How to draw n iterations without gradient and then k with gradient
            in training. `"paper"` or `True` draws n uniformly from
            0 .. iterations - 1 and k from 1 .. iterations - n. `"uniform"` draws the
            total n + k from 1 .. iterations and k from 1 .. n + k. A `Depth` draws the
            total around a mean. In inference all iterations run. Defaults to `False`.
        mask: Mask of padding, in the state's structure, for the first iteration.
            Defaults to the mask that Keras has attached to `x`, or else to `injected`.
            Each later iteration receives the mask that the block returned. The output
            has the last mask, or all of them with `return_sequences`.
        initial_state: Overrides the constructor's value for this call. With a `start`
            above 0 or a tensor, the first state is always `x`.
        noise: Whether to add `state_noise`. Defaults to `None`: only in training.
        training: Passed on to the block.

    Input shape:
        The state's: `(batch, ...)`, or a nest of such shapes.

    Output shape:
        The state's, or `(batch, iterations, ...)` with `return_sequences`.

    Raises:
        ValueError: If an argument is invalid, the block changes its state's structure,
            shape or dtype, weights are missing, or it cannot be copied or mixed.

    Reference:
        [Liao and Poggio 2016](https://arxiv.org/abs/1604.03640), tied weights;
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), soft sharing;
        [Schwarzschild et al. 2022](https://arxiv.org/abs/2102.11011), recurrence
        instead of depth; [Bansal et al. 2022](https://arxiv.org/abs/2202.05826), recall
        and, in section 3.2, the progressive loss;
        [Equilibrium Reasoners 2026](https://arxiv.org/abs/2605.21488), random first
        states, damping (there `1 - lambda`) and noise.

    Example:

    >>> block = keras.Sequential([
    ...     keras.layers.Conv2D(16, 3, padding="same"),
    ...     keras.layers.BatchNormalization(),
    ...     keras.layers.ReLU(),
    ... ])
    >>> loop = keras_recur.layers.SharedRecurrentBlock(block, iterations=6)
    >>> x = np.ones((2, 8, 8, 16))
    >>> loop(x).shape
    (2, 8, 8, 16)
    >>> loop(x, iterations=20, return_sequences=True).shape
    (2, 20, 8, 8, 16)
    """

    def __init__(
        self,
        block: keras.layers.Layer,
        iterations: int,
        sharing: str | Sequence[int] | TemplateBank | Sequence[TemplateBank] = "all",
        injection: str | None = None,
        return_sequences: bool = False,
        unroll: bool | str = "auto",
        remat: bool = False,
        seed: int | None = None,
        initial_state: str = "input",
        damping: float = 0.0,
        state_noise: float = 0.0,
        detach_every: int | None = None,
        gradient_iterations: int | None = None,
        **kwargs: Any,
    ):
        if not isinstance(block, keras.layers.Layer):
            raise ValueError(
                "`block` must be a Keras layer, or a Sequential or Functional model. "
                f"Received: block={block!r} (of type {type(block).__name__})."
            )
        kwargs.setdefault("dtype", policy_of(block))
        # The block casts its inputs. Weights must be read in their own dtype.
        super().__init__(autocast=False, **kwargs)
        self.iterations = check_size("iterations", iterations, MAX_ITERATIONS)
        self.weight_sharing = make_sharing(block, self.iterations, sharing)
        self.banks, self._seeds = [], []
        self.injection = check_one_of("injection", injection, (None, "add", "concat"))
        self.return_sequences = check_flag("return_sequences", return_sequences)
        self.unroll = check_unroll(unroll)
        self.remat = check_flag("remat", remat)
        self.seed = check_seed(seed)
        self.initial_state = check_one_of(
            "initial_state", initial_state, INITIAL_STATES
        )
        check_initial_state(initial_state, injection)
        self.damping = check_number("damping", damping, 0, below=1)
        self.state_noise = check_number("state_noise", state_noise, 0)
        self.first_states: list[Any] = []
        self.detach_every, self.gradient_iterations = check_truncation(
            detach_every, gradient_iterations, self.weight_sharing
        )
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True
        self.blocks = self.weight_sharing.make_blocks(block)

    def __dir__(self):
        # Keras saves every layer that it finds here, except for untracked ones.
        names = super().__dir__()
        if self.untracked_layers():
            names = [name for name in names if name != "block"]
        return names

    @property
    def sharing(self):
        """The argument `sharing`, with group ids as a list."""
        return self.weight_sharing.value

    @property
    def block(self) -> keras.layers.Layer:
        """The block of the first iteration, or the prototype with a bank."""
        return self.block_of(0)

    @property
    def groups(self) -> list[int]:
        """For each iteration, the number of its group."""
        return self.weight_sharing.groups

    @property
    def endless(self) -> bool:
        """Whether there are weights for any number of iterations."""
        return self.weight_sharing.endless

    def block_of(self, t: int) -> keras.layers.Layer:
        """Return the block of iteration t, or the prototype with a bank."""
        return self.weight_sharing.block_of(t)

    def applications(self) -> dict[Any, tuple[keras.layers.Layer, int, int]]:
        """Return the block, turn and number of turns of every iteration."""
        kind = self.weight_sharing
        return {
            t: (self.block_of(t), kind.turns[t], kind.group_sizes[group])
            for t, group in enumerate(self.groups)
        }

    def application(self, t: int) -> tuple[keras.layers.Layer, int, int]:
        """Return the entry of `applications` for iteration t, or for the last one."""
        return self.applications()[min(t, self.iterations - 1)]

    def schedule(
        self, iterations: int | None, start: Any = 0
    ) -> tuple[list[int], list[Any]]:
        """Return the group and the turn of every iteration of a call."""
        return self.weight_sharing.schedule(iterations, start)

    def __call__(self, x, *args, **kwargs):
        return readable(super().__call__(x, *args, **kwargs))

    def build(self, x_shape, injected_shape=None):
        def spec(shape, dtype=self.compute_dtype):
            floating = keras.backend.is_float_dtype(dtype)
            return keras.KerasTensor(shape, self.compute_dtype if floating else dtype)

        state = tree.map_shape_structure(spec, x_shape)
        if self._dtypes:
            leaves = zip(tree.flatten(state), self._dtypes, strict=True)
            leaves = [spec(leaf.shape, dtype) for leaf, dtype in leaves]
            state = tree.pack_sequence_as(state, leaves)
        injected = None
        if injected_shape is not None:
            injected = tree.map_shape_structure(spec, injected_shape)
        check_injected(self.injection, state, injected)
        self.first_states = add_first_states(self, state)
        inputs = self.inject(state, state if injected is None else injected)
        for outputs in self.weight_sharing.build(self, inputs):
            # On PyTorch, Keras traces custom layers without autocast, in other dtypes.
            self.check_state(state, outputs, dtypes=False)
        rows = self.weight_sharing.rows(0)
        self._masks = LoopMasks(self.block, inputs, rows)
        self.banks, self._seeds = self.weight_sharing.banks, self.weight_sharing.seeds
        self.restore_frozen()

    def call(
        self,
        x,
        injected=None,
        iterations=None,
        start=0,
        return_sequences=None,
        unroll=None,
        progressive=False,
        mask=None,
        initial_state=None,
        noise=None,
        training=None,
    ):
        groups, turns = self.schedule(iterations, start)
        check_start(start, self.injection, injected, progressive)
        collect, sampler = self._modes(return_sequences, progressive, len(groups))
        unroll = self.unroll if unroll is None else check_unroll(unroll)
        unroll = is_unrolled(unroll, groups, training)
        masks = first_masks(x, injected, mask)
        state = tree.map_structure(self._cast, x)
        if injected is None:
            injected = state
        else:
            injected = tree.map_structure(ops.convert_to_tensor, injected)
            check_injected(self.injection, state, injected)
            injected = tree.map_structure(self._cast, injected)
        noise = bool(training) if noise is None else check_flag("noise", noise)
        path = StatePath(self, self._starts_from(initial_state, start), noise)
        state = path.first(attach(state, masks))
        if sampler and training:
            return progressive_loop(self, path, sampler, state, injected, groups, turns)
        # A rolled loop is compiled as one iteration.
        bounded = boundary_of(injected if unroll else None)
        spans = spans_of(self, len(groups), training)
        pure = self.remat or not unroll or any(frozen for _, frozen in spans)
        if pure or self.weight_sharing.must_be_pure(training):
            steps = groups, turns, spans, start
            loop = python_loop if unroll else rolled_loop
            return pure_loop(
                self, path, loop, bounded, state, injected, *steps, collect, training
            )
        states = []
        for t, (group, turn) in enumerate(zip(groups, turns, strict=True)):
            if t and spans[t] != spans[t - 1]:
                state = mapped(ops.stop_gradient, state)
            state, inputs = bounded((state, self.inject(state, injected)))
            with iteration_scope(turn, self.weight_sharing.rows(group), start + t):
                new_state = self.weight_sharing.direct[group](inputs, training=training)
            self.check_state(state, new_state)
            state = path.after(state, new_state, start + t)
            if collect:
                states.append(state)
        if not collect:
            return state
        return joined(ops.stack, states, 1)

    def first_state(self, x: Any, initial_state: str | None = None) -> Any:
        """Return the state from which a call with `x` starts."""
        masks = masks_of(x)
        x = attach(tree.map_structure(self._cast, x), masks)
        return StatePath(self, self._starts_from(initial_state, 0), False).first(x)

    def _starts_from(self, initial_state, start):
        if initial_state is None:
            initial_state = self.initial_state
        else:
            check_one_of("initial_state", initial_state, INITIAL_STATES)
            check_initial_state(initial_state, self.injection)
        at_start = isinstance(start, numbers.Integral) and start == 0
        return initial_state if at_start else "input"

    def pure_block(self, group: int, training: Any) -> Any:
        """Return the block of a group as a pure function of its variables."""
        return self.weight_sharing.pure_block(
            group, training, self.remat, self.trainable
        )

    def finish(self, pure: Any, carried: Any) -> None:
        """Assign the carried values to their variables, and add the block's losses."""
        loss = pure.finish(carried)
        if pure.adds_losses:
            self.add_loss(loss)

    def _cast(self, x):
        x = ops.convert_to_tensor(x)
        floating = keras.backend.is_float_dtype(x.dtype)
        return ops.cast(x, self.compute_dtype) if floating else x

    def _modes(self, return_sequences, progressive, count):
        """Return whether to collect the states, and the sampler of the depth."""
        collect = self.return_sequences
        if return_sequences is not None:
            collect = return_sequences
        sampler = sampler_of(progressive, count)
        check_progressive(self, progressive, collect)
        return collect, sampler

    def inject(self, state: Any, injected: Any) -> Any:
        """Return the input of the block. Its masks are the state's."""
        if self.injection is None:
            return state
        if self.injection == "add":
            shown = tree.map_structure(ops.add, state, injected)
        else:
            shown = tree.map_structure(
                lambda s, i: ops.concatenate([s, i], axis=-1), state, injected
            )
        return attach(shown, masks_of(state))

    def check_state(self, before: Any, after: Any, dtypes: bool = True) -> None:
        """Check that the block has kept the state's structure, shape and dtype."""
        check_state(self.block.name, before, after, dtypes)

    def mask_slots(self, masks: list[Any]) -> list[int | None]:
        """Return the rank of each tensor's mask, `None` if it never has one."""
        return self._masks.slots(masks)

    def compute_mask(self, inputs, previous_mask):
        """Return the mask after the last iteration, if the block passes masks on."""
        masks = tree.flatten(previous_mask)
        if all(mask is None for mask in masks):
            return None
        kept = self._masks.after(ranks_of(masks))
        if not any(kept):
            return None
        masks = [m if k else None for m, k in zip(masks, kept, strict=True)]
        return tree.pack_sequence_as(inputs, masks)

    def compute_output_spec(
        self,
        x,
        injected=None,
        iterations=None,
        start=0,
        return_sequences=None,
        unroll=None,
        progressive=False,
        mask=None,
        initial_state=None,
        noise=None,
        training=None,
    ):
        check_injected(self.injection, x, injected)
        self._starts_from(initial_state, start)
        count = len(self.schedule(iterations, start)[0])
        collect, _ = self._modes(return_sequences, progressive, count)

        def spec(state):
            shape, dtype = tuple(state.shape), dtype_of(state)
            if collect:
                shape = (shape[0], count, *shape[1:])
            if keras.backend.is_float_dtype(dtype):
                dtype = self.compute_dtype
            return keras.KerasTensor(shape, dtype=dtype)

        outputs = tree.map_structure(spec, x)
        masks = first_masks(x, injected, mask)
        self._masks.attach_specs(outputs, masks, count, collect)
        return outputs

    def untracked_layers(self) -> list[keras.layers.Layer]:
        """Return the layers that the loop calls but Keras does not track."""
        kind = self.__dict__.get("weight_sharing")  # Absent while Keras constructs.
        return kind.untracked if kind else []

    def get_config(self):
        return {
            **super().get_config(),
            "block": self.weight_sharing.block_config(),
            "iterations": self.iterations,
            "sharing": keras.saving.serialize_keras_object(self.sharing),
            "injection": self.injection,
            "return_sequences": self.return_sequences,
            "unroll": self.unroll,
            "remat": self.remat,
            "seed": self.seed,
            **settings(self),
            "detach_every": self.detach_every,
            "gradient_iterations": self.gradient_iterations,
        }

    @classmethod
    def from_config(cls, config):
        config = current_names(config)
        for name in ("block", "sharing"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)
