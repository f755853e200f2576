"""One file per family of networks. Importing this package registers all of them."""

from keras_recur.zoo.families import (  # noqa: F401
    convnet,
    deep_thinking,
    feedback,
    frnn,
    frnn_text,
    mlp,
    multistate_resnet,
    resnet,
    scnn,
    swrn,
    swrn_bottleneck,
)
