"""Sharing `"all"`: one block for all iterations, a recurrent network."""

from keras_recur.layers._copies import is_shared, tied_block
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
        config = super().block_config()
        if is_shared(self.blocks[0]):
            # In a file, this number identifies a block of several loops.
            config["shared_object_id"] = id(self.blocks[0])
        return config
