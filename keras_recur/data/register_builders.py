"""Register the procedural tasks in TensorFlow Datasets."""


def register_builders() -> list[str]:
    """Register the procedural tasks, for `tfds.load("keras_recur_mazes/size_9")`.

    Calling it again does nothing. `data.load` does not need it. Only this
    function, not keras_recur itself, imports TensorFlow Datasets.

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
