"""A block applied several times: the one idea of this library, as a layer.

References: Liao and Poggio 2016 (arXiv:1604.03640), residual networks as recurrent
ones, and sets of tied weights; Savarese and Maire 2019 (arXiv:1902.09701), soft
sharing; Schwarzschild et al. 2022, "The Uncanny Similarity of
Recurrence and Depth" (arXiv:2102.11011); Bansal et al. 2022, "End-to-end Algorithm
Synthesis with Recurrent Networks" (arXiv:2202.05826), recall and progressive loss.
"""

import functools
import itertools
import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops, tree

from keras_recur._earlier_names import current_names
from keras_recur._limits import (
    MAX_COPIES,
    MAX_ITERATIONS,
    check_seed,
    check_size,
)
from keras_recur._validation import (
    check_flag,
    check_one_of,
)
from keras_recur.layers._copies import copy_block, is_shared, own_block, tied_block
from keras_recur.layers._masks import (
    attach,
    joined,
    makes_masks,
    masks_of,
    output_masks,
    packed,
    ranks_of,
    readable,
    unpacked,
)
from keras_recur.layers._pure_block import PureBlock
from keras_recur.layers._rolled import python_loop, rolled_loop
from keras_recur.layers._soft_sharing import PureSoftBlock, SoftSharing
from keras_recur.layers._written import Written
from keras_recur.layers.iteration import iteration_scope
from keras_recur.layers.template_bank import TemplateBank


@keras.saving.register_keras_serializable(package="keras_recur")
class SharedRecurrentBlock(keras.layers.Layer):
    """Applies a block `iterations` times; `sharing` says which times share weights.

    With `sharing="all"` one set of weights is looped: a recurrent network. With
    `"none"` every iteration has a copy of its own: the feed-forward twin. Between
    them lie groups: `sharing=[0, 0, 1, 1]` ties the first two iterations and the last
    two; and `sharing=TemplateBank(k)` makes every iteration's kernels a learned mix of
    k templates, with all other weights the iteration's own. The computation is the
    same for every choice, and so is its cost; only the number of parameters differs.

    Choosing a loop:

    - `unroll=True` (default) is a plain Python loop. It works with every block and
      exports everywhere. Compile time and program size grow with the iterations.
    - `unroll=False` compiles one body for all iterations of a group, which pays from
      some dozens of iterations on. On JAX on a CPU the gradient of a convolution in
      a rolled loop is 20 to 45 times slower; on PyTorch both are the same loop.
    - `remat=True` keeps only the states between iterations for the backward pass and
      recomputes the rest: memory of one iteration instead of all, for about a third
      more time. Use this, and not `keras.remat` or `RematScope` around a block, which
      crash on JAX and update batch statistics twice elsewhere.
    - On a CPU, XLA (JAX, or `jit_compile=True` on TensorFlow) gets two things wrong:
      it merges what `remat` recomputes, so that nothing is saved; and it recomputes
      the sums of unrolled residual blocks all the way from the first iteration, so
      that steps of dozens of iterations take seconds. Both end with the environment
      variable `XLA_FLAGS="--xla_disable_hlo_passes=fusion,cse_barrier_expander"`, set
      before Keras is imported; networks of many small operations get slower by it.

    Args:
        block: A Keras layer, or a Sequential or Functional of such, that maps a state
            to a state of the same shape and dtype. A state is a tensor, or a nest of
            tensors. With `sharing="all"` the loop applies this block itself, so two
            loops of one block share its weights, as everywhere in Keras. With any
            other sharing the loop has copies of its own and leaves the block alone.
        iterations: How often the block is applied. Positive integer, at most
            100,000.
        sharing: `"all"` (default), `"none"`, a sequence of `iterations` integers, the
            group of each iteration, or a `TemplateBank`. The first copy starts with
            the block's weights if the block is built. The others start with fresh
            weights; where the block's initializers have seeds, from seeds derived of
            them; and weights of the block that are not trained are copied. There can
            be at most 10,000 copies. The bank given is a specification: each shape of
            kernel in the block gets a bank of its own like it (`loop.banks`), and a
            list of banks is taken shape by shape. With a bank, kernels start as its
            initializers say, and the regularizer of the block's kernels applies once,
            to the templates.
        injection: Shows the block an input again at every iteration ("recall"):
            `"add"` adds it to the state, `"concat"` concatenates it to the state
            along the last axis. `None` (default) does not.
        return_sequences: Return the state after every iteration, not only the last.
        unroll: See above. Default `True`.
        remat: See above. Default `False`.
        seed: Seed of the draws of `progressive` calls. Integer, or `None` (default)
            to draw one.
        **kwargs: `name`, `trainable`, and `dtype`, which defaults to the block's
            dtype policy.

    Call arguments:
        x: The first state.
        injected: What `injection` shows. Default: `x`, the first state.
        iterations: Another number of iterations for this call, on the same weights.
            Untied, grouped and mixed blocks can run fewer, but not more; a folded
            bank whose kernels repeat, in full once at least, goes on with its period.
        start: The number of iterations that led to `x`, for a run in parts: this call
            goes on with the weights and statistics of the following ones. `iterations`
            are then those of this call, by default all that remain. Where all
            iterations share their weights, it may be a scalar tensor. Default 0.
        return_sequences: Another choice for this call.
        unroll: Another choice for this call: a long run for inference compiles much
            faster rolled.
        progressive: In training, run n iterations without gradient and then k with,
            n uniform in 0 .. iterations - 1 and k in 1 .. iterations - n, drawn anew at
            each call (Bansal et al. 2022, section 3.2). In inference, and by default,
            all iterations are run.
        mask: Mask of padding, in the state's structure. Default: the mask that Keras
            has attached to `x`; where it has none, that of `injected`. The block gets
            it as from a call by hand: the first iteration sees this mask, every other
            one what the block before has made of it. The output has the last one, or,
            with `return_sequences`, all of them stacked as the states are.
        training: Passed on to the block.

    Input shape:
        The state's: `(batch, ...)`, or a nest of such.

    Output shape:
        The state's, or `(batch, iterations, ...)` with `return_sequences`.

    Raises:
        ValueError: for an argument outside of what is listed, for a block that
            changes its state's structure, shape or dtype, for more iterations
            than untied or grouped weights exist for, and for a `start` without the
            input that `injection` shows; for a block that cannot be copied where
            `sharing` needs copies; with a bank, for kernels with constraints, for
            layers that write trainable weights when they are called, and for weights
            that the block grows after it was built, such as those of LoRA.

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
        unroll: bool = True,
        remat: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        if not isinstance(block, keras.layers.Layer):
            raise ValueError(
                "`block` must be a Keras layer, or a Sequential or Functional of such. "
                f"Received: block={block!r} (of type {type(block).__name__})."
            )
        kwargs.setdefault("dtype", _policy_of(block))
        # The block casts for itself; here weights must be read in their own dtype.
        super().__init__(autocast=False, **kwargs)
        self.iterations = check_size("iterations", iterations, MAX_ITERATIONS)
        self.soft: Any = None
        if _is_bank(sharing):
            _check_copies(self.iterations, self.iterations, "a template bank")
            self.soft = SoftSharing(own_block(block, 1), self.iterations, sharing)
        elif not isinstance(sharing, str):
            sharing = _group_ids(sharing)
        self._sharing = None if self.soft else sharing
        self.banks, self._seeds = [], []
        self.injection = check_one_of("injection", injection, (None, "add", "concat"))
        self.return_sequences = check_flag("return_sequences", return_sequences)
        self.unroll = check_flag("unroll", unroll)
        self.remat = check_flag("remat", remat)
        self.seed = check_seed(seed)
        self._dtypes = self._inputs = None
        self._written = Written()
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

        # groups[t] is the block of iteration t, positions[t] its turn in that block.
        ids = [0] * self.iterations if self.soft else self._sharing
        self.groups = _groups_of(ids, self.iterations)
        self.positions, self.group_sizes = _turns(self.groups)
        self.blocks = []
        if self._sharing == "all":
            self.blocks = [tied_block(block, self.iterations)]
        elif not self.soft:
            self.blocks = [own_block(block, self.group_sizes[0])] + [
                copy_block(block, copy, size)
                for copy, size in enumerate(self.group_sizes[1:], start=1)
            ]

    @property
    def sharing(self):
        """As it was given; group ids as a list."""
        return self.soft.sharing if self.soft else self._sharing

    def __dir__(self):
        # Keras saves every layer that it finds here, and the prototype is none of it.
        names = super().__dir__()
        return [n for n in names if n != "block" or not self.__dict__.get("soft")]

    @property
    def block(self) -> keras.layers.Layer:
        """The block of the first iteration; with a bank, the prototype of all."""
        return self.soft.block if self.soft else self.blocks[0]

    @property
    def endless(self) -> bool:
        """Whether there are weights for any number of iterations."""
        return len(self.blocks) == 1 or bool(self.soft and self.soft.period())

    def block_of(self, t: int) -> keras.layers.Layer:
        """The block of iteration t; with a bank, the prototype of all."""
        return self.soft.block if self.soft else self.blocks[self.groups[t]]

    def applications(self) -> dict[Any, tuple[keras.layers.Layer, int, int]]:
        """By iteration: its block, its row in weights with rows, and their number."""
        return {
            t: (self.block_of(t), self.positions[t], self.group_sizes[group])
            for t, group in enumerate(self.groups)
        }

    def application(self, t: int) -> tuple[keras.layers.Layer, int, int]:
        """The same for one iteration; past the last one, for the last."""
        return self.applications()[min(t, self.iterations - 1)]

    def __call__(self, x, *args, **kwargs):
        if not self.built:  # `build` is told the shapes only.
            self._dtypes = [_dtype(leaf) for leaf in tree.flatten(x)]
        return readable(super().__call__(x, *args, **kwargs))

    def get_build_config(self):
        config = super().get_build_config()
        return config and {**config, "dtypes": self._dtypes}

    def build_from_config(self, config):
        config = dict(config)
        self._dtypes = config.pop("dtypes", None)
        super().build_from_config(config)

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
        self._check_injected(state, injected)
        inputs = self.inject(state, state if injected is None else injected)
        self._inputs = inputs
        if self.soft:
            outputs = self.soft.build(self, inputs)
            self._check_state(state, outputs, dtypes=False)
            self._know_masks(inputs)
            self.banks, self._seeds = self.soft.banks, self.soft.seeds
            return
        for block, size in zip(self.blocks, self.group_sizes, strict=True):
            with iteration_scope(0, size):
                outputs = block(inputs)
            # Not the dtype: on PyTorch, Keras traces custom layers without autocast.
            self._check_state(state, outputs, dtypes=False)
        self._know_masks(inputs)

    def _know_masks(self, inputs):
        # A list, since Keras would turn a dict that it finds into one of its own.
        self._asks = [functools.partial(output_masks, self.block, inputs)]
        nothing = (None,) * len(tree.flatten(inputs))
        self._ranks: dict[Any, Any] = {}
        if not makes_masks(self.block):
            self._ranks[nothing] = nothing

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
        training=None,
    ):
        groups, positions = self.schedule(iterations, start)
        self._check_start(start, injected, progressive)
        collect = (
            self.return_sequences if return_sequences is None else return_sequences
        )
        unroll = self.unroll if unroll is None else unroll
        _check_progressive(progressive, collect)
        masks = self.first_masks(x, injected, mask)
        state = tree.map_structure(self._cast, x)
        if injected is not None:
            injected = tree.map_structure(ops.convert_to_tensor, injected)
            self._check_injected(state, injected)
        injected = (
            state if injected is None else tree.map_structure(self._cast, injected)
        )
        state = attach(state, masks)
        plan = groups, positions, start
        if progressive and training:
            return self._progressive(state, injected, plan)
        if self.remat or self.soft or not unroll or self._writes_in_place(training):
            loop = python_loop if unroll else rolled_loop
            return self._pure(loop, state, injected, plan, collect, training)
        states = []
        for t, (group, position) in enumerate(zip(groups, positions, strict=True)):
            inputs = self.inject(state, injected)
            with iteration_scope(position, self.group_sizes[group], start + t):
                new_state = self.blocks[group](inputs, training=training)
            self._check_state(state, new_state)
            state = new_state
            if collect:
                states.append(state)
        if not collect:
            return state
        return joined(ops.stack, states, 1)

    def first_masks(self, x: Any, injected: Any, mask: Any) -> list[Any]:
        """The masks of the first state's tensors: those given, or those attached."""
        masks = masks_of(x)
        if mask is not None:
            given = tree.flatten(mask)
            if len(given) != len(masks):
                raise ValueError(
                    "`mask` must have the state's structure. Received: a mask of "
                    f"{len(given)} tensors for a state of {len(masks)}."
                )
            masks = [a if g is None else g for a, g in zip(masks, given, strict=True)]
        if injected is not None:
            shown = masks_of(injected)
            masks = [s if m is None else m for m, s in zip(masks, shown, strict=True)]
        return masks

    def mask_slots(self, masks: list[Any]) -> list[int | None]:
        """Which tensors of a state have a mask at any iteration: its rank, or `None`.

        Args:
            masks: The masks of the first state's tensors.
        """
        slots, ranks = ranks_of(masks), ranks_of(masks)
        for _ in range(len(slots) + 1):
            ranks = self._ranks_after(ranks)
            slots = tuple(s or r for s, r in zip(slots, ranks, strict=True))
        return list(slots)

    def _ranks_after(self, ranks):
        """Ranks of the masks after an iteration. The block is asked with symbols."""
        if ranks not in self._ranks:
            with iteration_scope(0, 1 if self.soft else self.group_sizes[0]):
                self._ranks[ranks] = self._asks[0](ranks)
        return self._ranks[ranks]

    def compute_mask(self, inputs, previous_mask):
        """The mask after the last iteration, where the block passes masks on."""
        masks = tree.flatten(previous_mask)
        if all(mask is None for mask in masks):
            return None
        kept = self._ranks_after(ranks_of(masks))
        if not any(kept):
            return None
        masks = [m if k else None for m, k in zip(masks, kept, strict=True)]
        return tree.pack_sequence_as(inputs, masks)

    def _pure(self, loop, state, injected, plan, collect, training):
        """The rolled loop, and the rematerialized one: pure steps, run by run."""
        groups, positions, start = plan
        collected = []
        slots = self.mask_slots(masks_of(state))
        for group, run in _runs(groups):
            pure = self._pure_block(group, training)
            first = positions[run[0]]
            pure.offset = start + run[0] - first

            def step(index, state, carried, pure=pure, first=first):
                inputs = self.inject(state, injected)
                new_state, carried = pure(first + index, carried, inputs)
                self._check_state(state, new_state)
                return new_state, carried

            state, carried, states = loop(
                step, state, pure.start(), len(run), collect, slots
            )
            self._finish(pure, carried)
            collected.append(states)
        if not collect:
            return state
        return joined(
            lambda s, axis: ops.swapaxes(ops.concatenate(s, axis), 0, 1), collected, 0
        )

    def _progressive(self, state, injected, plan):
        groups, positions, _ = plan
        total = len(groups)
        slots = self.mask_slots(masks_of(state))
        draws = keras.random.uniform((2,), dtype="float32", seed=self.seed_generator)
        n = ops.cast(ops.floor(draws[0] * total), "int32")
        rest = ops.cast(total - n, "float32")
        k = 1 + ops.cast(ops.floor(draws[1] * rest), "int32")
        for group, run in _runs(groups):
            pure = self._pure_block(group, True)
            pure.offset = run[0] - positions[run[0]]
            carried = pure.start()
            for t in run:

                def step(
                    state, masks, carried, frozen, pure=pure, position=positions[t]
                ):
                    inputs = self.inject(unpacked(state, slots, masks), injected)
                    new_state, carried = pure(position, carried, inputs, frozen)
                    self._check_state(state, new_state)
                    return new_state, packed(new_state, slots), carried

                # A branch is not computed when it is not taken, forward or backward.
                phase = ops.cast(t >= n, "int32") + ops.cast(t >= n + k, "int32")
                state, masks, carried = ops.switch(
                    phase,
                    [
                        functools.partial(step, frozen=True),
                        functools.partial(step, frozen=False),
                        lambda *passed: passed,
                    ],
                    state,
                    packed(state, slots),
                    carried,
                )
                state = unpacked(state, slots, masks)
            self._finish(pure, carried)
        return state

    def _pure_block(self, group, training):
        if self.soft:
            return PureSoftBlock(self.soft, training, self.remat, self.trainable)
        block, size = self.blocks[group], self.group_sizes[group]
        written = self._written.by(block, self._inputs, training, size)
        return PureBlock(block, size, training, self.remat, written)

    def _writes_in_place(self, training):
        """Whether a block writes trainable weights that PyTorch still has to read.

        There the weights of earlier iterations would be gone in the backward pass.
        """
        if keras.backend.backend() != "torch" or not training:
            return False
        blocks = zip(self.blocks, self.group_sizes, strict=True)
        return any(self._written.by(b, self._inputs, True, n) for b, n in blocks)

    def _finish(self, pure, carried):
        loss = pure.finish(carried)
        if pure.adds_losses:
            self.add_loss(loss)

    def schedule(self, iterations, start=0):
        """Block and turn of every iteration of a call, as two lists."""
        known = isinstance(start, numbers.Integral)
        if iterations is None:
            iterations = self.iterations - (start if known else 0)
        if iterations != self.iterations or not known:
            iterations = check_size("iterations", iterations, MAX_ITERATIONS)
        if self.endless:
            return [0] * iterations, [start + t for t in range(iterations)]
        if not known:
            raise ValueError(
                "`start` can be a tensor only where all iterations share their "
                f"weights. Received: start={start} for a loop with sharing="
                f"{self.sharing!r}. Give an integer."
            )
        if start + iterations > self.iterations:
            sharing = "a template bank" if self.soft else f"sharing={self.sharing!r}"
            raise ValueError(
                f"`iterations` can be at most {self.iterations} here: with "
                f"{sharing} there are no weights for more. Received: "
                f"iterations={iterations}{f', start={start}' if start else ''}. Only "
                "sharing='all' runs any number, and a bank of one template, or one "
                "that folds into a loop."
            )
        part = slice(start, start + iterations)
        return self.groups[part], self.positions[part]

    def _check_start(self, start, injected, progressive):
        if isinstance(start, numbers.Integral) and start == 0:
            return
        if isinstance(start, numbers.Integral) and start < 0:
            raise ValueError(
                "`start` must be the number of iterations that were run before, 0 or "
                f"more. Received: start={start}."
            )
        if progressive or (self.injection and injected is None):
            what = "progressive=True" if progressive else "no `injected`"
            raise ValueError(
                "A run that goes on in the middle cannot be progressive, and with "
                "`injection` needs the first input again, as `injected`. Received: "
                f"start={start}, injection={self.injection!r}, {what}."
            )

    def _cast(self, x):
        x = ops.convert_to_tensor(x)
        floating = keras.backend.is_float_dtype(x.dtype)
        return ops.cast(x, self.compute_dtype) if floating else x

    def inject(self, state, injected):
        """What the block is called on; its masks are the state's."""
        if self.injection is None:
            return state
        if self.injection == "add":
            shown = tree.map_structure(ops.add, state, injected)
        else:
            shown = tree.map_structure(
                lambda s, i: ops.concatenate([s, i], axis=-1), state, injected
            )
        return attach(shown, masks_of(state))

    def _check_injected(self, state, injected):
        if self.injection is None:
            if injected is not None:
                raise ValueError(
                    "`injected` needs `injection='add'` or `injection='concat'`. "
                    "Received: injection=None."
                )
            return
        if injected is None:
            return
        same = _structure(state) == _structure(injected)
        last = 0 if self.injection == "add" else -1
        for s, i in zip(tree.flatten(state), tree.flatten(injected), strict=False):
            same = same and _compatible(
                s.shape[: last or None], i.shape[: last or None]
            )
        if not same:
            raise ValueError(
                f"`injected` must have the state's structure and shape for "
                f"injection={self.injection!r}"
                f"{' but for the last axis' if last else ''}. Received: injected="
                f"{_shapes(injected)} for a state {_shapes(state)}."
            )

    def _check_state(self, before, after, dtypes=True):
        same = _structure(before) == _structure(after)
        for old, new in zip(tree.flatten(before), tree.flatten(after), strict=False):
            same = same and _compatible(old.shape, new.shape)
            same = same and (not dtypes or _dtype(old) == _dtype(new))
        if not same:
            raise ValueError(
                "The block must keep its state's structure, shape and dtype. "
                f"Received: a block {self.block.name!r} that turns {_shapes(before)} "
                f"into {_shapes(after)}. Let its last layer have as many units or "
                "filters as the state, 'same' padding, stride 1 and the loop's dtype "
                "policy."
            )

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
        training=None,
    ):
        self._check_injected(x, injected)
        groups, _ = self.schedule(iterations, start)
        collect = (
            self.return_sequences if return_sequences is None else return_sequences
        )
        _check_progressive(progressive, collect)

        def spec(state):
            shape, dtype = tuple(state.shape), _dtype(state)
            if collect:
                shape = (shape[0], len(groups), *shape[1:])
            if keras.backend.is_float_dtype(dtype):
                dtype = self.compute_dtype
            return keras.KerasTensor(shape, dtype=dtype)

        outputs = tree.map_structure(spec, x)
        ranks = ranks_of(self.first_masks(x, injected, mask))
        seen = [None] * len(ranks)
        for _ in groups[: len(ranks) + 1]:
            ranks = self._ranks_after(ranks)
            seen = [s or r for s, r in zip(seen, ranks, strict=True)]
        for leaf, rank in zip(
            tree.flatten(outputs), seen if collect else ranks, strict=True
        ):
            if rank:
                shape = leaf.shape[: rank + 1 if collect else rank]
                attach(leaf, [keras.KerasTensor(shape, "bool")])
        return outputs

    def get_config(self):
        block = keras.saving.serialize_keras_object(self.block)
        if self._sharing == "all" and is_shared(self.block):
            # In a file, loops of one block find each other's by this number.
            block["shared_object_id"] = id(self.block)
        return {
            **super().get_config(),
            "block": block,
            "iterations": self.iterations,
            "sharing": keras.saving.serialize_keras_object(self.sharing)
            if self.soft
            else self.sharing,
            "injection": self.injection,
            "return_sequences": self.return_sequences,
            "unroll": self.unroll,
            "remat": self.remat,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        block = keras.saving.deserialize_keras_object(config.pop("block"))
        if _is_serialized_bank(config["sharing"]):
            config["sharing"] = keras.saving.deserialize_keras_object(config["sharing"])
        return cls(block, **current_names(config))


def _is_bank(sharing):
    several = isinstance(sharing, list | tuple) and len(sharing) > 0
    return all(isinstance(s, TemplateBank) for s in (sharing if several else [sharing]))


def _is_serialized_bank(sharing):
    return isinstance(sharing, dict) or (
        isinstance(sharing, list) and bool(sharing) and isinstance(sharing[0], dict)
    )


def _policy_of(block):
    """The policy of what the block computes: a Sequential's is its last layer's."""
    inner = getattr(block, "layers", None)
    return _policy_of(inner[-1]) if inner else block.dtype_policy


def _check_copies(copies, iterations, sharing):
    if copies > MAX_COPIES:
        raise ValueError(
            f"A loop can have at most {MAX_COPIES:,} iterations with weights of their "
            f"own. Received: iterations={iterations} with {sharing}. Use fewer, or "
            "sharing='all'."
        )


def _groups_of(sharing, iterations):
    """The group of every iteration, numbered in order of first appearance."""
    if isinstance(sharing, str):
        if check_one_of("sharing", sharing, ("all", "none")) == "all":
            return [0] * iterations
        _check_copies(iterations, iterations, "sharing='none'")
        return list(range(iterations))
    if len(sharing) != iterations:
        raise ValueError(
            "`sharing` must name a group for every iteration. Received: "
            f"{len(sharing)} group ids, sharing={sharing}, for iterations={iterations}."
        )
    numbers_of = {group: n for n, group in enumerate(dict.fromkeys(sharing))}
    _check_copies(len(numbers_of), iterations, "as many groups")
    return [numbers_of[group] for group in sharing]


def _turns(groups):
    """The turn of every iteration in its group, and the sizes of the groups."""
    turns, sizes = [], [0] * (max(groups) + 1)
    for group in groups:
        turns.append(sizes[group])
        sizes[group] += 1
    return turns, sizes


def _group_ids(sharing):
    """Group ids as a list of plain integers, which a config can hold."""
    ids = list(sharing) if isinstance(sharing, Iterable) else []
    right = [isinstance(i, numbers.Integral) and not isinstance(i, bool) for i in ids]
    if not isinstance(sharing, Iterable) or not all(right):
        raise ValueError(
            "`sharing` must be 'all', 'none', a sequence of group ids, integers, or a "
            "TemplateBank. "
            f"Received: sharing={sharing!r}."
        )
    return [int(i) for i in ids]


def _runs(groups):
    """Consecutive iterations of one group: `(group, [iteration, ...])`."""
    for group, run in itertools.groupby(range(len(groups)), key=groups.__getitem__):
        yield group, list(run)


def _check_progressive(progressive, collect):
    if progressive and collect:
        raise ValueError(
            "A progressive call predicts from one state and cannot return a "
            "sequence. Received: progressive=True, return_sequences=True."
        )


def _dtype(x):
    return keras.backend.standardize_dtype(
        getattr(x, "dtype", None) or type(x).__name__
    )


def _structure(nest):
    return tree.map_structure(lambda _: None, nest)


def _shapes(nest):
    return tree.map_structure(lambda x: f"{_dtype(x)}{tuple(x.shape)}", nest)


def _compatible(a, b):
    pairs = zip(a, b, strict=False)
    return len(a) == len(b) and all(None in p or p[0] == p[1] for p in pairs)
