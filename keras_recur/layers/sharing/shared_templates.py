"""Sharing by template banks: every iteration's kernels are a mix of templates."""

import contextlib
import math
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_recur._keras import all_layers, symbolic_call
from keras_recur.layers._copies import copy_block, own_block
from keras_recur.layers._decompose import decompose
from keras_recur.layers._direct import DirectBlock
from keras_recur.layers._written import Written
from keras_recur.layers.iteration import iteration_scope
from keras_recur.layers.sharing._pure_template_block import PureTemplateBlock
from keras_recur.layers.sharing._template_weights import (
    add_rows,
    check_kernels,
    check_not_written,
    sized_bank,
)
from keras_recur.layers.sharing.weight_sharing import WeightSharing, check_copies
from keras_recur.layers.template_bank import TemplateBank

# Kernels that were mixed in single precision are this far from the templates' span.
_ROUNDING = 1e-5


class Fit(NamedTuple):
    """Weights of every iteration, and a `Decomposition` for each bank by its name."""

    values: list
    decompositions: dict

    @property
    def errors(self) -> dict[str, float]:
        """Norm of the loss over the norm of the kernels, by the name of the bank."""
        return {name: found.error for name, found in self.decompositions.items()}


class SharedTemplates(WeightSharing):
    """A `TemplateBank` for every shape of kernel, or a list with one bank per shape."""

    derived = True

    def __init__(self, block, iterations, value):
        super().__init__(block, iterations, value)
        check_copies(iterations, iterations, self.description)
        # It defines the computation. Its own weights are not used or tracked.
        self.prototype = own_block(block, 1)
        self.untracked = [self.prototype]
        # The loop's weights that replace the prototype's variables, by their `id`.
        self.rows_of = {}
        self.single = {}

    @classmethod
    def accepts(cls, value):
        several = isinstance(value, list | tuple) and len(value) > 0
        banks = value if several else [value]
        return all(isinstance(bank, TemplateBank) for bank in banks)

    def make_blocks(self, block):
        return []

    @property
    def description(self):
        return "a template bank"

    @property
    def endless(self):
        return self.period() is not None

    @property
    def rows_per_weight(self):
        return self.iterations

    def block_of(self, t):
        return self.prototype

    def rows(self, group):
        return 1

    def must_be_pure(self, training):
        return True

    def pure_block(self, group, training, remat, trainable):
        self._check_unchanged()
        return PureTemplateBlock(self, training, remat, trainable)

    def build(self, loop, inputs):
        prototype = self.prototype
        copies = [copy_block(prototype, t, 1) for t in range(1, self.iterations)]
        for block in (prototype, *copies):
            with iteration_scope(0, 1):
                outputs = symbolic_call(block, inputs)
        self.direct = [DirectBlock(prototype)]
        self.trainable = list(prototype.trainable_variables)
        self.mutable = list(prototype.non_trainable_variables)
        self._known = self._signature()
        check_not_written(Written().by(prototype, inputs, True, 1))
        self._make_banks()
        values = [block.variables for block in (prototype, *copies)]
        names, saved = set(), {id(v) for v in prototype.weights}
        for number, variable in enumerate(prototype.variables):
            if id(variable) in self.kernels:
                continue
            name = "_".join(variable.path.split("/")[-2:])
            if name in names:  # Keras on PyTorch zeroes gradients by path.
                name = f"{name}_{number}"
            names.add(name)
            # Savarese and Maire 2019 give every layer its own normalization.
            rows = [ops.convert_to_numpy(v[number]) for v in values]
            if id(variable) not in saved:
                self.seeds.append(keras.random.SeedGenerator(0, name=name))
                self.seeds[-1].state.assign(rows[0])
                self.single[id(variable)] = self.seeds[-1].state
            elif not keras.backend.is_float_dtype(variable.dtype):
                self.single[id(variable)] = add_rows(loop, name, variable, rows[0])
            else:
                self.rows_of[id(variable)] = add_rows(
                    loop, name, variable, np.stack(rows)
                )
        return [outputs]

    def _make_banks(self):
        """Make one bank per shape of kernel, in order of first appearance."""
        self.kernels = {}  # Number of the bank and position in it, by `id`.
        shapes = {}
        for variable in self.trainable:
            if len(variable.shape) > 1 and variable.name not in ("gamma", "beta"):
                shapes.setdefault(tuple(variable.shape), []).append(variable)
        if not shapes:
            raise ValueError(
                "A bank with no layer: the block has no kernel to mix (no trainable "
                "weight of two or more axes). Received: a block "
                f"{self.prototype.name!r} with weights "
                f"{[v.path for v in self.prototype.weights]}. Use sharing='all' or "
                "'none'."
            )
        specs = self.value
        if isinstance(specs, TemplateBank):
            specs = [specs] * len(shapes)
        if len(specs) != len(shapes):
            raise ValueError(
                "`sharing` needs a bank for every shape of kernel in the block. "
                f"Received: {len(specs)} banks for kernels of shapes {list(shapes)}."
            )
        for variables in shapes.values():
            check_kernels(variables)
        for spec, (shape, variables) in zip(specs, shapes.items(), strict=True):
            for position, variable in enumerate(variables):
                self.kernels[id(variable)] = len(self.banks), position
            count = self.iterations * len(variables)
            bank = sized_bank(spec, shape, count, variables[0])
            bank.build()
            self.banks.append(bank)

    def _check_unchanged(self):
        """Refuse a prototype whose weights have changed since it was built."""
        if self._signature() == self._known:
            return
        known = {key for key, _ in self._known}
        new = [v.path for v in self.prototype.variables if id(v) not in known]
        what = f"new weights {new}" if new else "weights that were frozen or unfrozen"
        raise ValueError(
            "The block of a loop with a template bank must keep the weights that it "
            "was built with, because the loop mixes them. Received: a block "
            f"{self.prototype.name!r} with {what}. Freeze layers before they are "
            "looped, and use LoRA or quantization with sharing='all' or after "
            "analysis.bake."
        )

    def _signature(self):
        return [(id(v), v.trainable) for v in self.prototype.variables]

    @contextlib.contextmanager
    def frozen(self):
        """Freeze the prototype, which is untracked, while a frozen loop calls it."""
        layers = all_layers(self.prototype)
        before = [layer.trainable for layer in layers]
        self.prototype.trainable = False
        try:
            yield
        finally:
            for layer, trainable in zip(layers, before, strict=True):
                layer.trainable = trainable

    def kernels_per_iteration(self, b: int) -> int:
        """Return the number of kernels of bank `b` per iteration."""
        return sum(bank == b for bank, _ in self.kernels.values())

    def period(self) -> int | None:
        """Return the period of the iterations' kernels up to scale, or `None`."""
        patterns = []
        for b, bank in enumerate(self.banks):
            labels = bank.labels
            if labels is None and bank.num_templates > 1:
                return None
            labels = labels or [0] * bank.num_layers
            size = self.kernels_per_iteration(b)
            patterns.append(list(zip(*[iter(labels)] * size, strict=True)))
        if not patterns:  # Not built yet.
            return None
        if all(bank.clusters == 1 for bank in self.banks):
            return 1
        return period_of(list(zip(*patterns, strict=True)))

    def kernel_counts(self):
        templates = sum(math.prod(bank.templates.shape) for bank in self.banks)
        mixing = [v for bank in self.banks for v in bank.undecayed]
        return templates, sum(math.prod(v.shape) for v in mixing)

    def values(self):
        mixed = [ops.convert_to_numpy(bank.mix()) for bank in self.banks]
        stacked = []
        for variable in self.prototype.weights:
            if id(variable) in self.kernels:
                b, position = self.kernels[id(variable)]
                stacked.append(mixed[b][position :: self.kernels_per_iteration(b)])
            else:
                stacked.append(ops.convert_to_numpy(self.rows_of[id(variable)]))
        return [list(values) for values in zip(*stacked, strict=True)]

    def fit(self, values: list, tolerance: float = math.inf) -> Fit:
        """Return the nearest templates. A bank may lose `tolerance` of its norm."""
        kernels = [[] for _ in self.banks]
        for row in values:
            for variable, value in zip(self.prototype.weights, row, strict=True):
                if id(variable) in self.kernels:
                    kernels[self.kernels[id(variable)][0]].append(value)
        found = {}
        for bank, stack in zip(self.banks, kernels, strict=True):
            if bank.labels is not None:
                raise ValueError(
                    "A folded bank cannot be tied again. Received: bank "
                    f"{bank.name!r} with labels={bank.labels}. Tie before folding."
                )
            fit = decompose(np.stack(stack), bank.num_templates)
            if not fit.error <= max(tolerance, _ROUNDING):
                raise ValueError(
                    f"Tying needs kernels that are mixes of {bank.num_templates} "
                    f"templates. The {len(stack)} kernels of {bank.path} differ from "
                    f"any mix by {fit.error:.3g} of their norm. Give a larger "
                    "`tolerance`, or build the pair with more templates."
                )
            found[bank.name] = fit
        return Fit(values, found)

    def assign(self, fit: Fit) -> None:
        """Assign the result of `fit`."""
        self.assign_rows(fit.values)
        for bank in self.banks:
            found = fit.decompositions[bank.name]
            bank.templates.assign(found.templates)
            bank.coefficients.assign(found.coefficients)

    def assign_rows(self, values: list) -> None:
        """Assign the values of all weights except the kernels."""
        for variable, *rows in zip(self.prototype.weights, *values, strict=True):
            if id(variable) in self.rows_of:
                self.rows_of[id(variable)].assign(np.stack(rows))


def period_of(steps: list) -> int | None:
    """Return the smallest number of steps after which they repeat, or `None`."""
    # Require one full repeat, because A B A may continue in any way.
    periods = range(1, len(steps) // 2 + 1)
    return next((p for p in periods if steps[p:] == steps[:-p]), None)
