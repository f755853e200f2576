"""Hyperparameters of Liao and Poggio 2016 (arXiv:1604.03640).

CIFAR-10: 60 epochs with batches of 64; the learning rate 0.01 is divided by 10 after
epochs 40 and 50. ImageNet: one learning rate for each of 12 epochs, from 1e-1 to 1e-4
in equal ratios; the batch size is chosen here.
"""

from keras_recur.recipes._network import Recipes
from keras_recur.training.recipe import Recipe

_SOURCE = "Liao and Poggio 2016; ImageNet's batch size ours"

_CIFAR10 = Recipe(
    "sgd", 0.01, epochs=60, batch_size=64, milestones=(40, 50), source=_SOURCE
)
_IMAGENET = Recipe(
    "sgd",
    0.1,
    epochs=12,
    batch_size=256,
    milestones=tuple(range(1, 12)),
    decay=10 ** (-3 / 11),
    source=_SOURCE,
)

RECIPES: Recipes = {
    ("frnn", "cifar10"): _CIFAR10,
    ("frnn", "imagenet"): _IMAGENET,
    ("multistate_resnet", "cifar10"): _CIFAR10,
    ("multistate_resnet", "imagenet"): _IMAGENET,
}
