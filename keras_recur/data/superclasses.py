"""Coarse classes above the classes of a data set."""

from keras_recur._validation import check_one_of

WITH_SUPERCLASSES = ("cifar100",)

# The data set's own grouping; both kinds of classes are numbered alphabetically.
_CIFAR100 = {
    "aquatic_mammals": "beaver dolphin otter seal whale",
    "fish": "aquarium_fish flatfish ray shark trout",
    "flowers": "orchid poppy rose sunflower tulip",
    "food_containers": "bottle bowl can cup plate",
    "fruit_and_vegetables": "apple mushroom orange pear sweet_pepper",
    "household_electrical_devices": "clock keyboard lamp telephone television",
    "household_furniture": "bed chair couch table wardrobe",
    "insects": "bee beetle butterfly caterpillar cockroach",
    "large_carnivores": "bear leopard lion tiger wolf",
    "large_man-made_outdoor_things": "bridge castle house road skyscraper",
    "large_natural_outdoor_scenes": "cloud forest mountain plain sea",
    "large_omnivores_and_herbivores": "camel cattle chimpanzee elephant kangaroo",
    "medium_mammals": "fox porcupine possum raccoon skunk",
    "non-insect_invertebrates": "crab lobster snail spider worm",
    "people": "baby boy girl man woman",
    "reptiles": "crocodile dinosaur lizard snake turtle",
    "small_mammals": "hamster mouse rabbit shrew squirrel",
    "trees": "maple_tree oak_tree palm_tree pine_tree willow_tree",
    "vehicles_1": "bicycle bus motorcycle pickup_truck train",
    "vehicles_2": "lawn_mower rocket streetcar tank tractor",
}


def superclasses(name: str) -> tuple[int, ...]:
    """The coarse class of every class of a data set.

    Args:
        name: `"cifar100"`: its 20 superclasses of five classes each.

    Returns:
        An integer per class, from 0: the hierarchy that `CoarseToFineLoss` and
        `analysis.iteration_metrics` take.

    Raises:
        ValueError: for a data set without superclasses.

    Reference:
        Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".

    Example:

    >>> found = keras_recur.data.superclasses("cifar100")
    >>> len(found), max(found), found[:3]
    (100, 19, (4, 1, 14))
    """
    check_one_of("name", name, WITH_SUPERCLASSES)
    coarse = {
        fine: number
        for number, (_, members) in enumerate(sorted(_CIFAR100.items()))
        for fine in members.split()
    }
    return tuple(coarse[fine] for fine in sorted(coarse))
