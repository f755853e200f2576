"""register_builders: makes the procedural tasks known to TensorFlow Datasets."""


def register_builders() -> list[str]:
    """Makes `tfds.load("keras_recur_mazes/size_9")` and its like work.

    Importing keras_recur does not import TensorFlow Datasets; this does, and
    registers the builders `keras_recur_mazes`, `keras_recur_prefix_sums` and
    `keras_recur_shortest_paths`. Calling it again does nothing. `load` does not
    need it.

    Returns:
        The names of the builders.

    Example:

    >>> keras_recur.data.register_builders()
    ['keras_recur_mazes', 'keras_recur_prefix_sums', 'keras_recur_shortest_paths']
    """
    from keras_recur.data.builders.mazes import KerasRecurMazes
    from keras_recur.data.builders.prefix_sums import KerasRecurPrefixSums
    from keras_recur.data.builders.shortest_paths import KerasRecurShortestPaths

    builders = (KerasRecurMazes, KerasRecurPrefixSums, KerasRecurShortestPaths)
    return [builder.name for builder in builders]
