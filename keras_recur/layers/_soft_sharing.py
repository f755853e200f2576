"""A block whose kernels are mixed from template banks, anew for every iteration.

The user's block serves as a prototype: it says what is computed, and its own weights
are neither used nor tracked. Kernels come from banks, one bank per shape of kernel.
All other weights, and the statistics, have a row per iteration: soft sharing is about
kernels, and every layer keeps a normalization of its own (Savarese and Maire 2019).
"""

import contextlib
import math
import zlib

import keras
import numpy as np
from keras import ops

from keras_recur.layers._copies import copy_block
from keras_recur.layers._each_row import EachRow
from keras_recur.layers._pure_block import PureBlock
from keras_recur.layers._written import Written
from keras_recur.layers.iteration import iteration_scope, row_of
from keras_recur.layers.template_bank import TemplateBank


class SoftSharing:
    """Prototype, banks and rows of a `SharedRecurrentBlock`. Not a layer, on purpose:

    Keras would track the prototype's weights. The loop that owns it tracks the banks,
    the rows and the seeds.

    Args:
        block: The prototype.
        iterations: How many iterations have weights.
        sharing: A `TemplateBank`, used for every shape of kernel, or a list of banks,
            one for each shape in order of appearance.
    """

    def __init__(self, block, iterations, sharing):
        self.block = block
        self.iterations = iterations
        self.sharing = sharing
        self.banks = []
        self.seeds = []
        self.rows = {}
        self.single = {}

    def build(self, loop, inputs):
        """Makes the weights, as weights of `loop`; returns the prototype's output."""
        copies = [copy_block(self.block, t, 1) for t in range(1, self.iterations)]
        for block in (self.block, *copies):
            with iteration_scope(0, 1):
                outputs = block(inputs)
        self.trainable = list(self.block.trainable_variables)
        self.mutable = list(self.block.non_trainable_variables)
        self._known = self._signature()
        _check_not_written(Written().by(self.block, inputs, True, 1))
        self._make_banks(loop)
        values = [block.variables for block in (self.block, *copies)]
        names, saved = set(), {id(v) for v in self.block.weights}
        for number, variable in enumerate(self.block.variables):
            if id(variable) in self.kernels:
                continue
            name = "_".join(variable.path.split("/")[-2:])
            if name in names:  # On PyTorch gradients are zeroed by path.
                name = f"{name}_{number}"
            names.add(name)
            rows = [keras.ops.convert_to_numpy(v[number]) for v in values]
            if id(variable) not in saved:
                self.seeds.append(keras.random.SeedGenerator(0, name=name))
                self.seeds[-1].state.assign(rows[0])
                self.single[id(variable)] = self.seeds[-1].state
            elif not keras.backend.is_float_dtype(variable.dtype):
                self.single[id(variable)] = _weight(loop, name, variable, rows[0])
            else:
                self.rows[id(variable)] = _weight(loop, name, variable, np.stack(rows))
        return outputs

    def _make_banks(self, loop):
        """Groups the prototype's kernels by shape, in order of appearance."""
        self.kernels = {}
        shapes = {}
        for variable in self.block.trainable_variables:
            if len(variable.shape) > 1 and variable.name not in ("gamma", "beta"):
                shapes.setdefault(tuple(variable.shape), []).append(variable)
        if not shapes:
            raise ValueError(
                "A bank with no layer: the block has no kernel to mix (no trainable "
                "weight of two or more axes). Received: a block "
                f"{self.block.name!r} with weights "
                f"{[v.path for v in self.block.weights]}. Use sharing='all' or 'none'."
            )
        specs = self.sharing
        if isinstance(specs, TemplateBank):
            specs = [specs] * len(shapes)
        if len(specs) != len(shapes):
            raise ValueError(
                "`sharing` needs a bank for every shape of kernel in the block. "
                f"Received: {len(specs)} banks for kernels of shapes {list(shapes)}."
            )
        for variables in shapes.values():
            _check_kernels(variables)
        for b, (spec, (shape, variables)) in enumerate(
            zip(specs, shapes.items(), strict=True)
        ):
            for position, variable in enumerate(variables):
                self.kernels[id(variable)] = b, position
            count = self.iterations * len(variables)
            bank = _sized(spec, shape, count, variables[0])
            bank.build()
            self.banks.append(bank)

    def check_unchanged(self):
        """Refuse a prototype whose weights are others than when it was built."""
        if self._signature() == self._known:
            return
        known = {key for key, _ in self._known}
        new = [v.path for v in self.block.variables if id(v) not in known]
        what = f"new weights {new}" if new else "weights that were frozen or unfrozen"
        raise ValueError(
            "The block of a loop with a template bank must keep the weights that it "
            "was built with, because the loop mixes them. Received: a block "
            f"{self.block.name!r} with {what}. Freeze layers before they are looped, "
            "and use LoRA or quantization with sharing='all' or after analysis.bake."
        )

    def _signature(self):
        return [(id(v), v.trainable) for v in self.block.variables]

    @contextlib.contextmanager
    def frozen(self):
        """Nothing passes on to the prototype that the loop is frozen: it is untracked.

        Only within, since its config must go on saying what is trained: the kernels.
        """
        layers = self.block._flatten_layers()  # Outer ones first.
        before = [layer.trainable for layer in layers]
        self.block.trainable = False
        try:
            yield
        finally:
            for layer, trainable in zip(layers, before, strict=True):
                layer.trainable = trainable

    def per_iteration(self, b):
        """How many kernels of bank `b` an iteration uses."""
        return sum(bank == b for bank, _ in self.kernels.values())

    def period(self):
        """As `period_of` the iterations' kernels, or None.

        Up to their scales. Known of folded banks, and of banks of one template. A
        single kernel has period 1 from the first iteration on.
        """
        patterns = []
        for b, bank in enumerate(self.banks):
            labels = bank.labels
            if labels is None and bank.num_templates > 1:
                return None
            labels = labels or [0] * bank.num_layers
            m = self.per_iteration(b)
            patterns.append(list(zip(*[iter(labels)] * m, strict=True)))
        if not patterns:  # Not built yet.
            return None
        if all(bank.clusters == 1 for bank in self.banks):
            return 1
        return period_of(list(zip(*patterns, strict=True)))

    def values(self):
        """What the block's weights are at every iteration: lists of NumPy arrays."""
        mixed = [ops.convert_to_numpy(bank.mix()) for bank in self.banks]
        stacked = []
        for variable in self.block.weights:
            if id(variable) in self.kernels:
                b, position = self.kernels[id(variable)]
                stacked.append(mixed[b][position :: self.per_iteration(b)])
            else:
                stacked.append(ops.convert_to_numpy(self.rows[id(variable)]))
        return [list(values) for values in zip(*stacked, strict=True)]

    def stack(self, values):
        """From such lists, the kernels of each bank in its order."""
        found = [[] for _ in self.banks]
        for row in values:
            for variable, value in zip(self.block.weights, row, strict=True):
                if id(variable) in self.kernels:
                    found[self.kernels[id(variable)][0]].append(value)
        return [np.stack(kernels) for kernels in found]

    def assign_rows(self, values):
        """Takes such lists as rows; what in them is a kernel is passed over."""
        for variable, *rows in zip(self.block.weights, *values, strict=True):
            if id(variable) in self.rows:
                self.rows[id(variable)].assign(np.stack(rows))

    def assign(self, values, decompositions):
        """Takes such lists as rows, and templates and coefficients for each bank."""
        self.assign_rows(values)
        for bank, found in zip(self.banks, decompositions, strict=True):
            bank.templates.assign(found.templates)
            bank.coefficients.assign(found.coefficients)


class PureSoftBlock(PureBlock):
    """The prototype as a function of its variables, with those of an iteration."""

    def __init__(self, soft, training, remat=False, trainable=True):
        soft.check_unchanged()
        super().__init__(soft.block, 1, training, remat)
        self.soft = soft
        self.freezing = contextlib.nullcontext if trainable else soft.frozen
        self.mixed = [bank.mix() for bank in soft.banks]
        self.split = [ops.split(m, m.shape[0], axis=0) for m in self.mixed]
        self.stacked = {
            key: ops.convert_to_tensor(v.value) for key, v in soft.rows.items()
        }
        self.period = soft.period() or soft.iterations

    def start(self):
        own = [self._own(v) for v in self.soft.mutable]
        return [*[ops.copy(v.value) for v in own], ops.zeros((), "float32")]

    def finish(self, carried):
        for variable, value in zip(self.soft.mutable, carried[:-1], strict=True):
            self._own(variable).assign(value)
        return carried[-1]

    def __call__(self, index, carried, inputs, frozen=False):
        row = self._row(index)
        self.weights = [self._weight(v, row) for v in self.soft.trainable]
        mutable = list(zip(self.soft.mutable, carried[:-1], strict=True))
        values = [self._pick(v, value, row) for v, value in mutable]
        outputs, updated = super().__call__(0, [*values, carried[-1]], inputs, frozen)
        put = [
            self._put(v, value, new, row)
            for (v, value), new in zip(mutable, updated[:-1], strict=True)
        ]
        return outputs, [*put, updated[-1]]

    def _plain(self, index, weights, carried, inputs):
        with self.freezing():
            return super()._plain(index, weights, carried, inputs)

    def _own(self, variable):
        """The loop's weight that stands for a variable of the prototype."""
        key = id(variable)
        return self.soft.single[key] if key in self.soft.single else self.soft.rows[key]

    def _row(self, index):
        """Past the iterations that have weights: the last one of the same phase."""
        last, period = self.soft.iterations, self.period
        wrapped = last - period + (index - last + period) % period
        if isinstance(index, int):
            return index if index < last else wrapped
        return ops.where(index < last, index, wrapped)

    def _weight(self, variable, row):
        if id(variable) not in self.soft.kernels:
            return self._pick(variable, self.stacked.get(id(variable)), row)
        b, position = self.soft.kernels[id(variable)]
        number = row * self.soft.per_iteration(b) + position
        if isinstance(number, int):
            return ops.squeeze(self.split[b][number], 0)
        return row_of(self.mixed[b], number)

    def _pick(self, variable, value, row):
        if id(variable) in self.soft.single:
            return value
        return row_of(value, row)

    def _put(self, variable, value, new, row):
        if id(variable) in self.soft.single:
            return new
        here = ops.equal(ops.arange(value.shape[0], dtype="int32"), row)
        here = ops.reshape(here, (-1, *[1] * (len(value.shape) - 1)))
        return ops.where(here, ops.expand_dims(ops.cast(new, value.dtype), 0), value)


def period_of(steps: list) -> int | None:
    """The smallest number of steps after which they repeat, or None.

    One full repeat has to be seen: A B A may be the beginning of anything.
    """
    periods = range(1, len(steps) // 2 + 1)
    return next((p for p in periods if steps[p:] == steps[:-p]), None)


def _sized(spec, shape, num_layers, variable):
    """The bank of one shape, from a specification that may leave sizes open."""
    for name, found in (("kernel_shape", shape), ("num_layers", num_layers)):
        given = getattr(spec, name)
        if given is not None and given != found:
            raise ValueError(
                f"The bank's `{name}` does not fit the block. Received: {name}="
                f"{given} where the block has {found}. Leave it out: the loop knows it."
            )
    config = {**spec.get_config(), "kernel_shape": shape, "num_layers": num_layers}
    size = "x".join(map(str, shape))
    config["name"] = f"bank_{size}"
    if spec.seed is not None:  # One specification serves several shapes.
        config["seed"] = zlib.crc32(f"{spec.seed}/{size}".encode()) >> 1
    config["dtype"] = variable.dtype
    bank = type(spec).from_config(config)
    if bank.templates_regularizer is None and variable.regularizer is not None:
        bank.templates_regularizer = EachRow(variable.regularizer)
    return bank


def _check_not_written(written):
    if written:
        raise ValueError(
            "Kernels that are mixed from templates cannot be written: the block must "
            "not assign trainable weights when it is called. Received: a block that "
            f"writes {[v.path for v in written]}, as SpectralNormalization does. Use "
            "sharing='all', 'none' or groups."
        )


def _check_kernels(variables):
    """Whether one bank can stand for these kernels."""
    for variable in variables:
        if variable.constraint is not None:
            raise ValueError(
                "Kernels that are mixed from templates cannot be constrained. "
                f"Received: {variable.path} with {type(variable.constraint).__name__}. "
                "Use a regularizer, or sharing='all', 'none' or groups."
            )
    first = variables[0]
    for other in variables[1:]:
        same = _config(first.regularizer) == _config(other.regularizer)
        if not same or first.dtype != other.dtype:
            raise ValueError(
                "Kernels of one shape are mixed from one bank and must have the same "
                f"dtype and regularizer. Received: {first.path} with {first.dtype}, "
                f"{first.regularizer} and {other.path} with {other.dtype}, "
                f"{other.regularizer}."
            )


def _config(regularizer):
    """What says whether two regularizers are equal."""
    try:
        return type(regularizer), regularizer.get_config()
    except (AttributeError, NotImplementedError):
        return regularizer


def _weight(loop, name, variable, values):
    return loop.add_weight(
        name=name,
        shape=values.shape,
        initializer=lambda shape, dtype=None: ops.convert_to_tensor(values, dtype),
        dtype=variable.dtype,
        trainable=variable.trainable,
        regularizer=_per_row(variable.regularizer, values),
        constraint=_per_row(variable.constraint, values),
        aggregation=variable.aggregation,
    )


def _per_row(function, values):
    return function and EachRow(function) if math.prod(values.shape) else None
