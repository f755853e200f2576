"""The block of a loop with template banks as a pure function of its variables."""

import contextlib

from keras import ops

from keras_recur.layers._pure_block import PureBlock
from keras_recur.layers.iteration import row_of


class PureTemplateBlock(PureBlock):
    """The prototype of `SharedTemplates`, with the weights of one iteration."""

    def __init__(self, sharing, training, remat=False, trainable=True):
        super().__init__(sharing.direct[0], 1, training, remat)
        self.sharing = sharing
        self.freezing = contextlib.nullcontext if trainable else sharing.frozen
        self.mixed = [bank.mix() for bank in sharing.banks]
        self.split = [ops.split(m, m.shape[0], axis=0) for m in self.mixed]
        self.stacked = {
            key: ops.convert_to_tensor(v.value) for key, v in sharing.rows_of.items()
        }
        self.period = sharing.period() or sharing.iterations

    def start(self):
        own = [self._own(v) for v in self.sharing.mutable]
        return [*[ops.copy(v.value) for v in own], ops.zeros((), "float32")]

    def finish(self, carried):
        for variable, value in zip(self.sharing.mutable, carried[:-1], strict=True):
            self._own(variable).assign(value)
        return carried[-1]

    def __call__(self, index, carried, inputs, frozen=False):
        row = self._row(index)
        self.weights = [self._weight(v, row) for v in self.sharing.trainable]
        mutable = list(zip(self.sharing.mutable, carried[:-1], strict=True))
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
        """Return the loop's weight that replaces a variable of the prototype."""
        single, rows_of = self.sharing.single, self.sharing.rows_of
        key = id(variable)
        return single[key] if key in single else rows_of[key]

    def _row(self, index):
        """Return an iteration's row. Later iterations repeat the last period."""
        last, period = self.sharing.iterations, self.period
        wrapped = last - period + (index - last + period) % period
        if isinstance(index, int):
            return index if index < last else wrapped
        return ops.where(index < last, index, wrapped)

    def _weight(self, variable, row):
        if id(variable) not in self.sharing.kernels:
            return self._pick(variable, self.stacked.get(id(variable)), row)
        b, position = self.sharing.kernels[id(variable)]
        number = row * self.sharing.kernels_per_iteration(b) + position
        if isinstance(number, int):
            return ops.squeeze(self.split[b][number], 0)
        return row_of(self.mixed[b], number)

    def _pick(self, variable, value, row):
        if id(variable) in self.sharing.single:
            return value
        return row_of(value, row)

    def _put(self, variable, value, new, row):
        if id(variable) in self.sharing.single:
            return new
        here = ops.equal(ops.arange(value.shape[0], dtype="int32"), row)
        here = ops.reshape(here, (-1, *[1] * (len(value.shape) - 1)))
        return ops.where(here, ops.expand_dims(ops.cast(new, value.dtype), 0), value)
