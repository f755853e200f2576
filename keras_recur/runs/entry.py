"""What is to be trained and scored: a pair, its data, and a recipe for each twin."""

import dataclasses
import math
from typing import Any

from keras_recur import data as data_room
from keras_recur import zoo
from keras_recur._earlier_names import current_names
from keras_recur._files import check_path
from keras_recur._shapes import plain_name
from keras_recur._validation import (
    check_flag,
    check_keywords,
    check_one_of,
    check_positive_int,
    check_sequence,
    check_type,
)
from keras_recur.layers import TemplateBank
from keras_recur.recipes.paper import paper_recipe
from keras_recur.training.recipe import Recipe

TWINS = ("recurrent", "feedforward")

# Of data that no paper trains on: in full and quick. The epochs and their decay are
# those of Liao and Poggio 2016 (arXiv:1604.03640), and a fifth of them.
_DIGITS = Recipe(
    "sgd",
    0.1,
    epochs=60,
    batch_size=32,
    clip_norm=1.0,
    milestones=(40, 50),
    source="measured here",
)
_OWN: dict[str, tuple[Recipe, Recipe]] = {
    "digits": (_DIGITS, dataclasses.replace(_DIGITS, epochs=12, milestones=(8, 10)))
}

# Recipes that a laptop finishes in minutes. The networks run on inputs larger than
# they were trained on, so the input is shown again at every iteration.
_QUICK: dict[tuple[str, str], dict[str, Any]] = {
    ("deep_thinking_1d", "prefix_sums"): {
        # From PyTorch's default initial values one seed in four got stuck before it had
        # learned, from these none of ten.
        "model": {
            "width": 48,
            "iterations": 8,
            "injection": "concat",
            "initializer": "he_normal",
        },
        "size": 16,
        "num_examples": 20_000,
        "recipe": Recipe(
            "adam",
            1e-3,
            epochs=24,
            batch_size=100,
            clip_norm=1.0,
            warmup=3,
            milestones=(17, 21),
            source="measured here",
        ),
        "recurrent": {"progressive": 1.0},
        # Its steps cost more than twice as much: about the same computation.
        "feedforward": {"epochs": 10, "milestones": (7, 9)},
    },
    ("deep_thinking_2d", "mazes"): {
        "model": {
            "width": 32,
            "iterations": 5,
            "injection": "concat",
            "initializer": "he_normal",
        },
        "size": 5,
        "num_examples": 20_000,
        "recipe": Recipe(
            "adam",
            2e-3,
            epochs=4,
            batch_size=25,
            clip_norm=1.0,
            warmup=2,
            milestones=(3,),
            source="measured here",
        ),
        "recurrent": {},
        "feedforward": {},
    },
    ("scnn", "shortest_paths"): {
        "model": {"width": 16, "iterations": 20},
        "size": 24,
        "phases": (5, 9, 13, 17),
        "num_examples": 1_000,
        # Scoring 40 iterations on four sizes would take as long as the training.
        "test_examples": 200,
        "recipe": Recipe(
            "adam", 1e-2, epochs=20, batch_size=32, source="measured here"
        ),
        "recurrent": {},
        "feedforward": {},
    },
    ("frnn", "digits"): {
        "model": {"width": 8, "iterations": 4, "states": 2},
        "recipe": _OWN["digits"][1],
    },
    ("feedback", "digits"): {
        "model": {"width": 8, "iterations": 4},
        "recipe": dataclasses.replace(
            _OWN["digits"][1],
            epochs=30,
            milestones=(20, 25),
            loss_weights="uniform",
        ),
    },
    ("multistate_resnet", "digits"): {
        "model": {"width": 8, "iterations": 7},
        "recipe": _OWN["digits"][1],
    },
}

# Data that the families of images are trained on as on others, where no paper does it.
_LIKE = {"cifar100": "cifar10"}

# Further networks that are compared with the twins: arguments of `zoo.build` that make
# them differ from the recurrent one.
_VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "scnn": {"regularized": {"recurrence_penalty": 0.01}},
    "feedback": {"one average": {"normalization": "shared"}},
}
# Windows of the phases of a curriculum.
_PHASES: dict[str, tuple[int, ...]] = {"shortest_paths": (5, 9, 13, 17, 21)}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One entry of the zoo, before it is trained.

    Attributes:
        family: Name of a family of `zoo`.
        data: Name of a data set of `data`.
        model: Arguments of `zoo.build`.
        recipes: A `Recipe` for each twin: `"recurrent"` and `"feedforward"`.
        variants: Further recurrent networks, by name: arguments of `zoo.build` in
            which they differ. They are trained by the recipe of the recurrent twin.
        phases: Curriculum: window of the shortest paths in each phase; the epochs of
            the recipe are divided among them. Default: no curriculum.
        size: Size of the training examples, for procedural tasks.
        num_examples: Number of training examples, in each phase. Default: all.
        test_sizes: Sizes of the examples it is tested on; of shortest paths pairs,
            `(size, window)`.
        test_examples: Number of test examples of each size.
        test_iterations: How far the recurrent network is run in tests: in proportion
            to the largest size.
        data_dir: Folder of the data sets that were downloaded.
        download: Whether a data set may be downloaded.
    """

    family: str
    data: str
    model: dict[str, Any]
    recipes: dict[str, Recipe]
    size: int | None = None
    num_examples: int | None = None
    test_sizes: tuple[Any, ...] = (None,)
    test_examples: int | None = None
    test_iterations: int = 1
    data_dir: str | None = None
    download: bool = False
    variants: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    phases: tuple[int, ...] = ()

    def __post_init__(self):
        zoo.describe(self.family)
        data_room.describe(self.data)
        check_keywords("model", self.model)
        check_type("recipes", self.recipes, dict, "a dictionary of recipes")
        for twin in TWINS:
            recipe = self.recipes.get(twin)
            check_type(f"recipes[{twin!r}]", recipe, Recipe, "a `training.Recipe`")
        check_type("variants", self.variants, dict, "a dictionary")
        for name, changes in self.variants.items():
            # They become folders.
            wrong = plain_name(name)
            if wrong:
                raise ValueError(f"A name in `variants` {wrong}. Received: {name!r}.")
            check_keywords(f"variants[{name!r}]", changes)
        check_sequence("test_sizes", self.test_sizes, _check_test_size, minimum=1)
        check_sequence("phases", self.phases, check_positive_int)
        check_positive_int("test_iterations", self.test_iterations)
        for name in ("size", "num_examples", "test_examples"):
            if getattr(self, name) is not None:
                check_positive_int(name, getattr(self, name))
        if self.data_dir is not None:
            check_path("data_dir", self.data_dir)
        check_flag("download", self.download)

    @property
    def name(self) -> str:
        """`family-data`, as the published zoo names its folders."""
        return f"{self.family}-{self.data}"

    def pair(self, seed: int) -> zoo.Pair:
        """The untrained pair of a seed."""
        return zoo.build(self.family, **self.model, seed=seed)

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of all that is trained: both twins, and the variants."""
        return (*TWINS, *self.variants)

    @property
    def has_banks(self) -> bool:
        """Whether networks have template banks: these are folded after training."""
        given = {**zoo.describe(self.family).defaults, **self.model}
        return any(
            isinstance(found["sharing"], dict | TemplateBank)
            if found.get("sharing") is not None
            else found.get("templates") is not None
            for found in ({**given, **v} for v in ({}, *self.variants.values()))
        )

    def network(self, name: str, seed: int) -> Any:
        """The untrained network of that name and seed, with all readouts it trains."""
        model = {**self.model, **self.variants.get(name, {})}
        if self.recipe(name).every_readout:
            model["readout"] = "all"
        twin = name if name in TWINS else "recurrent"
        return getattr(zoo.build(self.family, **model, seed=seed), twin)

    def recipe(self, name: str) -> Recipe:
        """The recipe of a network."""
        return self.recipes[name if name in TWINS else "recurrent"]

    def train_data(self, twin: str, seed: int) -> Any:
        """Training examples; their order, and made ones themselves, by the seed."""
        recipe = self.recipe(twin)

        def load(size):
            return data_room.load(
                self.data,
                "train",
                recipe.batch_size,
                num_examples=self.num_examples,
                augment=None if recipe.augment else False,
                cutout=recipe.cutout,
                seed=seed,
                **self._common(size),
            )

        if not self.phases:
            return load(self.size)
        return self._curriculum(recipe, load)

    def phase_validation_data(self, twin: str) -> Any:
        """Examples scored after every epoch: those of the phase it belongs to."""
        if not self.phases:
            return self.validation_data(self.size)
        return self._curriculum(self.recipe(twin), self.validation_data)

    def _curriculum(self, recipe, load):
        sets = [load((self.size, window)) for window in self.phases]
        return data_room.Curriculum(sets, max(1, recipe.epochs // len(sets)))

    def validation_data(self, size: Any) -> Any:
        """Examples of one size by which iterations are chosen."""
        spec = data_room.describe(self.data)
        # Sets of TensorFlow Datasets have theirs among the training examples.
        held_out = spec.tfds_name is None or self.data == "imagenet"
        split = "validation" if held_out else "test"
        most = min(500, self.test_examples or 500, spec.num_examples[split])
        return data_room.load(
            self.data,
            split,
            50,
            num_examples=most,
            **self._common(size),
        )

    def test_data(self, size: Any) -> Any:
        """Test examples of one size."""
        return data_room.load(
            self.data,
            "validation" if self.data == "imagenet" else "test",
            50,
            num_examples=self.test_examples,
            **self._common(size),
        )

    @property
    def procedural(self) -> bool:
        """Whether the examples are made here, of any size."""
        return data_room.describe(self.data).procedural

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; `from_dict` reads it."""
        plain = dataclasses.asdict(self)
        # Where the data lie is not part of what was trained.
        del plain["data_dir"], plain["download"]
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Entry":
        """The entry that `as_dict` wrote."""
        recipes = {k: Recipe(**current_names(v)) for k, v in plain["recipes"].items()}
        sizes = tuple(
            tuple(s) if isinstance(s, list) else s for s in plain["test_sizes"]
        )
        phases = tuple(plain.get("phases", ()))
        variants = {k: current_names(v) for k, v in plain.get("variants", {}).items()}
        own = {
            "model": current_names(plain["model"]),
            "recipes": recipes,
            "test_sizes": sizes,
            "variants": variants,
            "phases": phases,
        }
        return cls(**{**plain, **own})

    @property
    def metric(self) -> str:
        """How it is scored: "accuracy", "exact_match" or "f1"."""
        return data_room.describe(self.data).metric

    def _common(self, size):
        common: dict[str, Any] = {"size": size}
        if isinstance(size, tuple):
            common = {"size": size[0], "window": size[1]}
        if not self.procedural:
            common |= {"data_dir": self.data_dir, "download": self.download}
        return common


def _check_test_size(name, value):
    """A size, a pair `(size, window)`, or `None` for data that have one size."""
    if isinstance(value, list | tuple):
        check_sequence(name, value, check_positive_int, minimum=2)
    elif value is not None:
        check_positive_int(name, value)


def make_entry(
    family: str,
    data: str,
    *,
    quick: bool = False,
    size: int | None = None,
    num_examples: int | None = None,
    model: dict[str, Any] | None = None,
    recipe: dict[str, Any] | None = None,
    data_dir: str | None = None,
    download: bool = False,
) -> Entry:
    """The entry for a family and a data set, with defaults that were tried.

    Args:
        family: Name of a family of `zoo`.
        data: Name of a data set of `data`.
        quick: A size that a laptop finishes in minutes. Default: the paper's.
        size: Size of the training examples, for procedural tasks.
        num_examples: Number of training examples.
        model: Arguments of `zoo.build` that replace the defaults.
        recipe: Fields of `Recipe` that replace the defaults, for both twins;
            `progressive` and `throttle` are for the recurrent one alone.
        data_dir: Folder of the data sets that were downloaded.
        download: Whether a data set may be downloaded.

    Returns:
        An `Entry`.

    Raises:
        ValueError: for unknown names, for data that do not fit the family, and where
            no paper's recipe is known; on CIFAR-100 that of CIFAR-10 serves.

    Example:

    >>> entry = keras_recur.runs.make_entry("mlp", "cifar10", model={"iterations": 3})
    >>> entry.recipes["recurrent"].epochs
    200
    """
    defaults, spec = zoo.describe(family).defaults, data_room.describe(data)
    quick, download = check_flag("quick", quick), check_flag("download", download)
    size = None if size is None else check_positive_int("size", size)
    if num_examples is not None:
        num_examples = check_positive_int("num_examples", num_examples)
    if data_dir is not None:
        data_dir = str(check_path("data_dir", data_dir))
    for name, value in (("model", model), ("recipe", recipe)):
        if value is not None:
            check_keywords(name, value)
    model, recipe = dict(model or {}), dict(recipe or {})
    fields = [field.name for field in dataclasses.fields(Recipe)]
    for name in recipe:
        check_one_of("recipe", name, fields)
    tried = _QUICK.get((family, data)) if quick else None
    if tried:
        model = {**tried["model"], **model}
        size = size or tried.get("size")
        num_examples = num_examples or tried.get("num_examples")
    if spec.procedural:
        size = size or spec.size
    shape = data_room.input_shape(data, size)
    _check_fit(family, data, spec, shape, model)
    if None not in defaults["input_shape"]:
        model.setdefault("input_shape", list(shape))
    model["num_classes"] = spec.num_classes
    if "iterations" in defaults:
        model.setdefault("iterations", defaults["iterations"])
    phases = (tried or {}).get("phases") or _PHASES.get(data, ())
    phases = tuple(w for w in phases if w < 2 * (size or 0))
    if tried:
        base = tried["recipe"]
        both = {
            twin: dataclasses.replace(base, **tried.get(twin, {})) for twin in TWINS
        }
    elif data in _OWN:
        both = dict.fromkeys(TWINS, _OWN[data][quick])
    else:
        both = {
            twin: _known_recipe(
                family,
                data,
                twin=twin,
                iterations=model.get("iterations", 1),
                injection=model.get("injection"),
                size=size,
            )
            for twin in TWINS
        }
        if quick:
            num_examples = num_examples or 5_000
            both = {twin: _shortened(r) for twin, r in both.items()}
    own = {k: v for k, v in recipe.items() if k not in ("progressive", "throttle")}
    recipes = {
        "recurrent": dataclasses.replace(both["recurrent"], **recipe),
        "feedforward": dataclasses.replace(both["feedforward"], **own),
    }
    sizes: tuple[Any, ...] = (None,)
    if phases and size:
        windows = phases[-1], 2 * phases[-1] - 1
        tests = [(n, min(w, 2 * n - 1)) for n in (size, 2 * size) for w in windows]
        sizes = tuple(dict.fromkeys(tests))
    elif size is not None:
        sizes = _test_sizes(data, size)
    test_examples = (tried or {}).get("test_examples")
    if test_examples is None and (quick or spec.procedural):
        test_examples = _test_examples(spec)
    return Entry(
        family=family,
        data=data,
        model=model,
        recipes=recipes,
        size=size,
        num_examples=num_examples,
        test_sizes=sizes,
        test_examples=test_examples,
        test_iterations=_furthest(model.get("iterations", 1), size, sizes),
        variants=dict(_VARIANTS.get(family, {})) if "sharing" not in model else {},
        phases=phases,
        data_dir=data_dir,
        download=download,
    )


def _furthest(iterations, size, sizes):
    largest = max(s[0] if isinstance(s, tuple) else s or 0 for s in sizes)
    growth = largest / size if size else 1
    return math.ceil(iterations * max(2, growth))


def _test_sizes(data, size):
    if data == "mazes":
        return tuple(size + step for step in (0, 4, 8))
    return tuple(size * factor for factor in (1, 2, 3, 4))


def _test_examples(spec):
    """As many as a laptop scores quickly, where there are so many."""
    return min(1_000, spec.num_examples.get("test", 1_000))


def _known_recipe(family, data, **options):
    try:
        return paper_recipe(family, data, **options)
    except ValueError:
        like = _LIKE.get(data)
        if like is None:
            raise
        recipe = paper_recipe(family, like, **options)
        return dataclasses.replace(recipe, source=f"as on {like}: {recipe.source}")


def _shortened(recipe):
    epochs = max(2, recipe.epochs // 25)
    steps = tuple(max(1, m * epochs // recipe.epochs) for m in recipe.milestones)
    return dataclasses.replace(
        recipe, epochs=epochs, milestones=steps, warmup=min(recipe.warmup, 2)
    )


def _check_fit(family, data, spec, shape, model):
    usual = zoo.describe(family).defaults["input_shape"]
    channels = model.get("input_shape", usual)[-1]
    if data not in fitting_data(usual) or (None in usual and channels != shape[-1]):
        raise ValueError(
            f"{family} and {data} do not fit: {family} takes inputs like {usual} and "
            f"answers for {'every position' if None in usual else 'the whole'}, {data} "
            f"has inputs like {shape}. Sets that fit: "
            f"{', '.join(fitting_data(usual)) or 'none'}.{_HINT * (len(shape) == 1)}"
        )
    classes = model.get("num_classes", spec.num_classes)
    if classes != spec.num_classes:
        raise ValueError(
            f"{data} has {spec.num_classes} classes. Received: num_classes={classes}."
        )


_HINT = " Models of text are trained by `keras-recur experiment text`."


def fitting_data(usual: tuple[int | None, ...]) -> list[str]:
    """Data sets with inputs of this rank, with targets for positions or the whole."""
    return [
        name
        for name in data_room.list_datasets()
        if len(data_room.input_shape(name)) == len(usual)
        and data_room.describe(name).procedural == (None in usual)
    ]
