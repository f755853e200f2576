"""Entries that a laptop trains in minutes, with `--quick`.

Networks that run on larger inputs than in training use `injection="concat"`. Wall times
are per seed on one CPU thread, as in the published entries in zoo/.
"""

import dataclasses
from typing import Any

from keras_recur.training.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class QuickEntry:
    """Settings of a quick entry. `None` means the data set's default.

    Attributes:
        recipe: Recipe of both twins.
        model: Arguments of `zoo.build`.
        recurrent: Fields of `recipe` that differ for the recurrent network.
        feedforward: Fields of `recipe` that differ for its feed-forward twin.
        size: Size of the training examples.
        num_examples: Number of training examples in each phase.
        test_sizes: Sizes of the test examples.
        test_examples: Number of test examples of each size.
        phases: Value of the curriculum's option in each phase.
    """

    recipe: Recipe
    model: dict[str, Any]
    recurrent: dict[str, Any] = dataclasses.field(default_factory=dict)
    feedforward: dict[str, Any] = dataclasses.field(default_factory=dict)
    size: int | None = None
    num_examples: int | None = None
    test_sizes: tuple[int, ...] | None = None
    test_examples: int | None = None
    phases: tuple[int, ...] | None = None


# keras-recur compare deep_thinking_1d --data prefix_sums --quick
# About 100 s (recurrent, half of it scoring) and 60 s (feed-forward) on JAX on a quiet
# core. Exact match over 20 seeds, in %, on 16, 32, 64, 128 and 512 bits: 100.0, 100.0,
# 100.0, 99.6 ± 0.3, 98.1 ± 1.9 (recurrent; 19 seeds 100.0 on all, one 62.0 on 512);
# 99.6 ± 0.2, 6.1 ± 0.7, 0.0, 0.0, 0.0 (feed-forward).
# One bit an iteration. Blocks that reach two bits learned shortcuts for 16 bits in 3 of
# 10 seeds, which fail on longer strings.
_PREFIX_SUMS = QuickEntry(
    Recipe(
        "adam",
        2e-3,
        epochs=12,
        batch_size=100,
        clip_norm=1.0,
        warmup=3,
        milestones=(9, 11),
        source="measured here",
    ),
    {
        "width": 32,
        "iterations": 20,
        "injection": "concat",
        "update": "leaky",
        "kernel_sizes": [3, 1],
        "initializer": "he_normal",
    },
    # The twin has no weights for further iterations, so it cannot use replay.
    recurrent={"loss_weights": "window", "window": 4, "replay": 0.66},
    size=16,
    num_examples=10_000,
    test_sizes=(16, 32, 64, 128, 512),
    # Scoring 512 bits takes 640 iterations.
    test_examples=100,
)

# keras-recur compare deep_thinking_2d --data mazes --quick
# Half an hour (recurrent) and a quarter (feed-forward) on TensorFlow on a busy core.
# Exact match over 3 seeds, in %, on sizes 9, 13, 17 and 33: 99.9 ± 0.1, 95.3 ± 1.3,
# 68.3 ± 7.5, 3.1 ± 2.0 (recurrent); 99.6 ± 0.1, 57.3 ± 0.7, 16.3 ± 1.2, 0.0
# (feed-forward).
_MAZES = QuickEntry(
    Recipe(
        "adam",
        2e-3,
        epochs=8,
        batch_size=32,
        clip_norm=1.0,
        warmup=2,
        milestones=(6, 7),
        source="measured here",
    ),
    {
        "width": 32,
        "iterations": 16,
        "injection": "concat",
        "update": "leaky",
        "patch": 2,
        "initializer": "he_normal",
    },
    recurrent={"loss_weights": "window", "window": 3, "replay": 0.66},
    # The twin learns its training mazes in a few epochs.
    feedforward={"epochs": 4, "milestones": (3,)},
    size=9,
    num_examples=20_000,
    test_sizes=(9, 13, 17, 33),
    # Scoring size 33 takes 128 iterations.
    test_examples=500,
)

# keras-recur compare scnn --data shortest_paths --quick
# 147 s (recurrent) and 128 s (feed-forward). F1 over 5 seeds on 1,000 examples, in %:
# size 24, windows 17 and 33: 83.6 ± 6.1, 40.5 ± 5.4 (recurrent);
# 86.7 ± 1.1, 37.7 ± 1.6 (feed-forward). Size 48, the same windows: 83.5 ± 6.6,
# 33.0 ± 4.0 (recurrent); 86.8 ± 1.1, 30.0 ± 2.0 (feed-forward).
_SHORTEST_PATHS = QuickEntry(
    Recipe("adam", 1e-2, epochs=20, batch_size=32, source="measured here"),
    {"width": 16, "iterations": 20},
    size=24,
    num_examples=1_000,
    # Scoring 40 iterations on four sizes would take as long as training.
    test_examples=200,
    phases=(5, 9, 13, 17),
)

_DIGITS = Recipe(
    "sgd",
    0.1,
    epochs=12,
    batch_size=32,
    clip_norm=1.0,
    milestones=(8, 10),
    source="measured here",
)

# keras-recur compare feedback --data digits --quick
# 336 s (recurrent) and 413 s (feed-forward). Accuracy over 3 seeds, in %: 98.7 ± 0.3
# (recurrent), 98.9 ± 0.2 (feed-forward), 95.0 ± 2.3 (recurrent, one average).
_FEEDBACK = QuickEntry(
    dataclasses.replace(
        _DIGITS, epochs=30, milestones=(20, 25), loss_weights="uniform"
    ),
    {"width": 8, "iterations": 4},
)


def _images(epochs: int = 8, learning_rate: float = 2e-3, **model: Any) -> QuickEntry:
    """Return an entry on a third of the images of Fashion-MNIST, or as many curves.

    On MNIST-1D, mlp has 79.4 ± 0.2 and 82.2 ± 0.2 % over 10 seeds (10 s each on JAX).
    On Fashion-MNIST, accuracy over 3 seeds, in %, recurrent and feed-forward: mlp 86.0
    ± 0.1 and 85.8 ± 0.1 (50 s each on TensorFlow on a busy core), convnet 86.5 ± 0.1
    and 87.6 ± 0.2, resnet_bn 86.8 ± 0.1 and 88.1 ± 0.1 (4 minutes each), swrn 88.5 ±
    0.1 and 89.2 ± 0.2, frnn 83.5 ± 0.7 and 86.9 ± 0.2, multistate_resnet 82.4 ± 0.5 and
    84.6 ± 0.1 (4 to 7 minutes each).
    """
    recipe = Recipe(
        "adam",
        learning_rate,
        epochs=epochs,
        batch_size=128,
        clip_norm=1.0,
        warmup=1,
        milestones=(epochs * 5 // 8, epochs * 7 // 8),
        source="measured here",
    )
    return QuickEntry(recipe, model, num_examples=20_000, test_examples=10_000)


QUICK: dict[tuple[str, str], QuickEntry] = {
    ("deep_thinking_1d", "prefix_sums"): _PREFIX_SUMS,
    ("deep_thinking_2d", "mazes"): _MAZES,
    ("scnn", "shortest_paths"): _SHORTEST_PATHS,
    ("feedback", "digits"): _FEEDBACK,
    ("frnn", "digits"): QuickEntry(_DIGITS, {"width": 8, "iterations": 4, "states": 2}),
    ("multistate_resnet", "digits"): QuickEntry(_DIGITS, {"width": 8, "iterations": 7}),
    ("mlp", "fashion_mnist"): _images(epochs=30, width=200, iterations=5),
    ("convnet", "fashion_mnist"): _images(
        epochs=16, width=16, iterations=4, initializer="he_normal"
    ),
    ("resnet_bn", "fashion_mnist"): _images(width=16, iterations=4),
    # With fewer layers, no convolutions of several iterations share a bank.
    ("swrn", "fashion_mnist"): _images(epochs=5, width=1, depth=22),
    ("frnn", "fashion_mnist"): _images(width=8, iterations=4, states=2),
    ("multistate_resnet", "fashion_mnist"): _images(width=8, iterations=7),
    ("mlp", "mnist1d"): _images(24, 1e-2, width=64, iterations=4),
}


def shortened(recipe: Recipe) -> Recipe:
    """Return a recipe with a 25th of the epochs, for pairs without a quick entry."""
    epochs = max(2, recipe.epochs // 25)
    steps = tuple(max(1, m * epochs // recipe.epochs) for m in recipe.milestones)
    return dataclasses.replace(
        recipe, epochs=epochs, milestones=steps, warmup=min(recipe.warmup, 2)
    )
