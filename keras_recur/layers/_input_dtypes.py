"""A layer that knows the dtypes of its inputs when it is built."""

from typing import Any

import keras
from keras import tree

from keras_recur.layers._loop_arguments import dtype_of


class InputDtypes(keras.layers.Layer):
    """Keep the dtypes of the first argument, because `build` receives only shapes."""

    _dtypes: Any = None

    def __call__(self, x, *args, **kwargs):
        if not self.built:
            self._dtypes = [dtype_of(leaf) for leaf in tree.flatten(x)]
        return super().__call__(x, *args, **kwargs)

    def get_build_config(self):
        config = super().get_build_config()
        return config and {**config, "dtypes": self._dtypes}

    def build_from_config(self, config):
        config = dict(config)
        self._dtypes = config.pop("dtypes", None)
        super().build_from_config(config)
