"""The papers' hyperparameters, per family, data set and twin.

References: Schwarzschild et al. 2022 (arXiv:2102.11011), released code
github.com/Arjung27/DeepThinking; Schwarzschild et al. 2021 (arXiv:2106.04537) and
Bansal et al. 2022 (arXiv:2202.05826), released code github.com/aks2203/deep-thinking;
Savarese and Maire 2019 (arXiv:1902.09701), released code
github.com/lolemacs/soft-sharing, which has no shortest-path task; Liao and Poggio
2016 (arXiv:1604.03640); Zamir et al. 2017 (arXiv:1612.09508), released code
github.com/StanfordVL/feedback-networks, whose loss is the sum over iterations.
"""

from typing import Any

from keras_recur._validation import (
    check_one_of,
    check_positive_int,
    check_string,
    nearest,
)
from keras_recur.training.recipe import Recipe

_UNCANNY = {"optimizer": "sgd", "weight_decay": 2e-4, "warmup": 5}
_SOURCE = "released code of Schwarzschild et al. 2022"

# (family, data): learning rates (feed-forward, recurrent by iterations), milestones,
# epochs. A rate by iterations is that of the largest key not above them.
_CLASSIFICATION: dict[tuple[str, str], tuple[float, dict[int, float], tuple, int]] = {
    ("mlp", "cifar10"): (0.01, {1: 0.01}, (100, 150), 200),
    ("mlp", "emnist_balanced"): (0.01, {1: 0.01}, (100, 150), 150),
    ("mlp", "svhn"): (0.01, {1: 0.01}, (50, 125), 150),
    ("convnet", "cifar10"): (0.05, {1: 0.01}, (50, 100, 150), 200),
    ("convnet", "emnist_balanced"): (0.05, {1: 0.01}, (50, 100, 150), 200),
    ("convnet", "svhn"): (0.05, {1: 0.05, 3: 0.04, 4: 0.03}, (50, 100, 150), 200),
    ("resnet", "cifar10"): (0.1, {1: 0.1, 4: 0.01}, (100, 150, 175), 200),
    ("resnet", "svhn"): (0.1, {1: 0.1, 4: 0.01}, (100, 150, 175), 200),
    ("resnet", "emnist_balanced"): (0.1, {1: 0.1, 4: 0.01}, (50, 150, 175), 200),
    ("resnet_bn", "cifar10"): (0.1, {1: 0.1}, (100, 150, 175), 200),
    ("resnet_bn", "emnist_balanced"): (0.1, {1: 0.1}, (60, 120), 160),
    ("resnet_bn", "svhn"): (0.1, {1: 0.1}, (60, 120), 160),
}

# Mazes: learning rate and decay factor of the recurrent network, by iterations.
_MAZES = {
    9: {1: (0.1, 0.1), 2: (0.05, 0.1), 3: (0.02, 0.1), 4: (0.01, 0.1)}
    | {5: (0.002, 0.5), 6: (0.002, 0.25), 8: (0.001, 0.25), 10: (0.001, 0.25)},
    11: {1: (0.1, 0.1), 2: (0.05, 0.1), 3: (0.05, 0.1), 4: (0.04, 0.1)}
    | {5: (0.008, 0.5), 6: (0.006, 0.25), 8: (0.006, 0.25), 10: (0.004, 0.25)},
    13: {1: (0.1, 0.1), 2: (0.05, 0.1), 3: (0.04, 0.1), 4: (0.02, 0.1)}
    | {5: (0.01, 0.1), 6: (0.006, 0.25), 8: (0.004, 0.25), 10: (0.006, 0.25)},
}


def paper_recipe(
    family: str,
    data: str,
    *,
    twin: str = "recurrent",
    iterations: int = 1,
    injection: str | None = None,
    size: int | None = None,
) -> Recipe:
    """The hyperparameters that the papers' code trains a network with.

    Args:
        family: Name of a family of the zoo.
        data: Name of a data set.
        twin: `"recurrent"` (default) or `"feedforward"`.
        iterations: Iterations of the network: recurrent networks get lower learning
            rates the more there are.
        injection: As the network was built. With recall (`"concat"`) the recipe of
            Bansal et al. 2022, progressive loss included for the recurrent twin.
        size: Size of the mazes: 9, 11 or 13; others take the nearest. Default 9.

    Returns:
        A `Recipe`.

    Raises:
        ValueError: If an argument is not as described, or the papers train no such
            network on such data.

    Example:

    >>> keras_recur.recipes.paper_recipe("mlp", "cifar10").learning_rate
    0.01
    """
    check_string("family", family)
    check_string("data", data)
    check_one_of("twin", twin, ("recurrent", "feedforward"))
    iterations = check_positive_int("iterations", iterations)
    check_one_of("injection", injection, (None, "add", "concat"))
    if size is not None:
        size = check_positive_int("size", size)
    recurrent = twin == "recurrent"
    if (family, data) == ("deep_thinking_2d", "mazes"):
        return _maze_recipe(recurrent, iterations, injection, size or 9)
    if (family, data) == ("deep_thinking_1d", "prefix_sums"):
        return _prefix_sums_recipe(recurrent, injection)
    if (family, data) in (("swrn", "cifar10"), ("swrn", "cifar100")):
        return Recipe(
            "sgd",
            0.1,
            epochs=200,
            batch_size=128,
            nesterov=True,
            weight_decay=5e-4,
            milestones=(60, 120, 160),
            decay=0.2,
            cutout=16,
            source="released code of Savarese and Maire 2019",
        )
    if family in ("frnn", "multistate_resnet") and data in ("cifar10", "imagenet"):
        rates: dict[str, Any] = {"epochs": 60, "milestones": (40, 50), "batch_size": 64}
        if data == "imagenet":
            # A rate for each of 12 epochs, from 1e-1 to 1e-4 in equal ratios.
            rates = {"epochs": 12, "milestones": tuple(range(1, 12)), "batch_size": 256}
            rates |= {"decay": 10 ** (-3 / 11)}
        return Recipe(
            "sgd",
            0.01 if data == "cifar10" else 0.1,
            source="Liao and Poggio 2016; ImageNet's batch size ours",
            **rates,
        )
    if (family, data) == ("feedback", "cifar100"):
        return Recipe(
            "sgd",
            0.1,
            epochs=164,
            batch_size=64,
            momentum=0.9,
            nesterov=True,
            weight_decay=1e-4,
            milestones=(81, 122),
            loss_weights=(1.0,) * iterations,
            source="released code of Zamir et al. 2017",
        )
    if (family, data) == ("scnn", "shortest_paths"):
        return Recipe(
            "adam",
            1e-2,
            epochs=250,
            batch_size=32,
            source="description of Savarese and Maire 2019; batch size ours",
        )
    if (family, data) not in _CLASSIFICATION:
        known = [f"{f} on {d}" for f, d in _CLASSIFICATION]
        known += ["deep_thinking_1d on prefix_sums", "deep_thinking_2d on mazes"]
        known += [
            f"{f} on {d}"
            for f in ("frnn", "multistate_resnet")
            for d in ("cifar10", "imagenet")
        ]
        known += ["swrn on cifar10", "swrn on cifar100", "scnn on shortest_paths"]
        known += ["feedback on cifar100"]
        wanted = f"{family} on {data}"
        raise ValueError(
            f"No paper's recipe is known for {wanted} (`family` on `data`). "
            f"Known: {', '.join(known)}."
            f"{nearest(wanted, known)} Give a Recipe of your own."
        )
    rate, by_iterations, milestones, epochs = _CLASSIFICATION[family, data]
    if recurrent:
        rate = _up_to(by_iterations, iterations)
    elif family == "resnet_bn" and data != "cifar10" and iterations == 4:
        milestones = (80, 140)
    return Recipe(
        learning_rate=rate,
        epochs=epochs,
        batch_size=128,
        milestones=milestones,
        source=_SOURCE,
        **_UNCANNY,
    )


def _maze_recipe(recurrent, iterations, injection, size):
    if injection is not None:
        return Recipe(
            "adam",
            1e-3,
            epochs=50,
            batch_size=50,
            weight_decay=2e-4,
            throttle=recurrent,
            progressive=0.01 if recurrent else 0.0,
            source="released code of Bansal et al. 2022",
        )
    size = min(_MAZES, key=lambda known: abs(known - size))
    if recurrent:
        rate, decay = _up_to(_MAZES[size], iterations)
        epochs = 200 if iterations == 1 else 150
        milestones = (175,) if iterations == 1 else (50, 100)
        if iterations > 4:
            milestones = (60, 120)
    else:
        large = 0.002 if size == 13 else 0.001
        rate = _up_to({1: 0.1, 2: 0.05, 3: large}, iterations)
        decay, epochs = 0.1, {1: 150, 2: 150}.get(iterations, 200)
        milestones = {1: (60, 120), 2: (50, 100)}.get(iterations, (175,))
    return Recipe(
        learning_rate=rate,
        epochs=epochs,
        batch_size=50,
        milestones=milestones,
        decay=decay,
        throttle=recurrent,
        source=_SOURCE,
        **_UNCANNY,
    )


def _prefix_sums_recipe(recurrent, injection):
    common: dict[str, Any] = {"clip_norm": 1.0, "weight_decay": 2e-4, "warmup": 10}
    if injection is None:
        return Recipe(
            "adam",
            1e-3,
            epochs=500,
            batch_size=150,
            milestones=(100, 200, 300),
            decay=0.5,
            source="released code of Schwarzschild et al. 2021",
            **common,
        )
    return Recipe(
        "adam",
        1e-3,
        epochs=150,
        batch_size=100,
        milestones=(60, 100),
        progressive=1.0 if recurrent else 0.0,
        source="released code of Bansal et al. 2022",
        **common,
    )


def _up_to(by_iterations, iterations):
    return by_iterations[max(k for k in by_iterations if k <= iterations)]
