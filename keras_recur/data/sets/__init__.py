"""One file per data set or source. Importing this package registers all of them."""

from keras_recur.data.sets import (  # noqa: F401, I001  In the order they are listed.
    mazes,
    prefix_sums,
    shortest_paths,
    mnist1d,
    digits,
    python_docs,
    images,
    imagenet,
)
