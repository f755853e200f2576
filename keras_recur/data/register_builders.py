"""register_builders: makes the procedural tasks known to TensorFlow Datasets."""


def register_builders() -> list[str]:
    """Makes `tfds.load("keras_recur_mazes/size_9")` and its like work.

    Importing keras_recur does not import TensorFlow Datasets; this does, and
    registers the builders `keras_recur_mazes` and `keras_recur_prefix_sums`.
    Calling it again does nothing. `load` does not need it.

    Returns:
        The names of the builders.

    Example:

    >>> keras_recur.data.register_builders()
    ['keras_recur_mazes', 'keras_recur_prefix_sums']
    """
    from keras_recur.data.builders.mazes import KerasRecurMazes
    from keras_recur.data.builders.prefix_sums import KerasRecurPrefixSums

    return [KerasRecurMazes.name, KerasRecurPrefixSums.name]
