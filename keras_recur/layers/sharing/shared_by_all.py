"""Sharing `"all"`: one block for all iterations, a recurrent network."""

from keras_recur.layers._copies import shared_config, tied_block
from keras_recur.layers.sharing.weight_sharing import WeightSharing


class SharedByAll(WeightSharing):
    """One block, the user's own, for all iterations."""

    name = "all"

    @classmethod
    def accepts(cls, value):
        return isinstance(value, str) and value == cls.name

    def make_blocks(self, block):
        self.blocks = [tied_block(block, self.iterations)]
        return self.blocks

    def block_config(self):
        return shared_config(self.blocks[0])
