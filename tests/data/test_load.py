"""load: procedural sets for real, the others on mock data of their shapes."""

import keras
import numpy as np
import pytest

from keras_recur import data
from keras_recur.data import _fashion_mnist, _tfds
from keras_recur.data._transforms import ImageTransform

NUM_MOCKED = 12
IMAGE_SETS = ["cifar10", "cifar100", "svhn", "emnist_balanced", "mnist"]


@pytest.fixture(autouse=True)
def no_debian_package(monkeypatch, tmp_path):
    """Leave out files that a package of this machine may have installed."""
    monkeypatch.setattr(_fashion_mnist, "INSTALLED", tmp_path / "nowhere")


@pytest.fixture
def mocked(tmp_path, monkeypatch):
    """TFDS gives random examples of the right shapes; nothing is read or fetched."""
    import tensorflow_datasets as tfds

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with tfds.testing.mock_data(num_examples=NUM_MOCKED):
        monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda _: True)
        yield tfds


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """An empty data folder and a network that knows no name."""

    def fail(*_):
        raise OSError("no network")

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(_tfds.socket, "getaddrinfo", fail)
    monkeypatch.setattr(_tfds.urllib.request, "getproxies", dict)
    return tmp_path


def raw(mocked, name, split="train"):
    """The mocked images and labels, as TFDS gives them."""
    spec = data.describe(name)
    builder = mocked.builder(spec.tfds_name)
    return _tfds.read_arrays(builder, split, None, False)


# Procedural sets


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_load_mazes_gives_rendered_mazes(split):
    dataset = data.load("mazes", split, 8, size=7, num_examples=20, seed=2)
    images, targets = data.render_mazes(*data.mazes(20, 7, split, 2))
    order = np.concatenate([y for _, y in dataset])
    assert dataset.shuffle == dataset.drop_remainder == (split == "train")
    assert len(dataset) == (2 if split == "train" else 3)
    if split != "train":
        np.testing.assert_array_equal(order, targets)
        np.testing.assert_array_equal(dataset[0][0], images[:8])
    assert (dataset.name, dataset.num_classes) == ("mazes", 2)
    assert dataset.metric == "exact_match"
    config = dataset.config()
    assert (config["split"], config["size"], config["seed"]) == (split, 7, 2)
    assert config["augment"] == "none"


def test_load_prefix_sums_gives_the_strings():
    dataset = data.load("prefix_sums", "test", 8, size=20, num_examples=16)
    x, y = data.prefix_sums(16, 20, "test")
    np.testing.assert_array_equal(np.concatenate([b[0] for b in dataset]), x)
    np.testing.assert_array_equal(np.concatenate([b[1] for b in dataset]), y)
    assert dataset.metric == "exact_match"


@pytest.mark.parametrize(
    "options", [{}, {"window": 5, "density": 0.3, "connectivity": 8}]
)
def test_load_shortest_paths_gives_the_grids(options):
    dataset = data.load(
        "shortest_paths", "test", 8, size=12, num_examples=20, seed=2, **options
    )
    x, y = data.shortest_paths(20, 12, "test", 2, **options)
    got_x, got_y = (np.concatenate(part) for part in zip(*dataset, strict=True))
    np.testing.assert_array_equal(got_x, x)
    np.testing.assert_array_equal(got_y, y)
    assert (got_x.dtype, got_y.dtype) == (x.dtype, y.dtype)
    assert dataset.x.nbytes + dataset.y.nbytes == (x.nbytes + y.nbytes) / 6
    assert (dataset.metric, dataset.num_classes) == ("f1", 2)
    config = {"window": 21, "density": 0.1, "connectivity": 4, **options}
    assert config.items() <= dataset.config().items()


def test_load_shortest_paths_has_default_counts():
    for split, count in (("train", 5_000), ("validation", 1_000), ("test", 1_000)):
        dataset = data.load("shortest_paths", split)
        assert dataset.num_examples == count
        assert dataset.input_shape == (32, 32, 2)
        assert dataset.config()["window"] == 21


def test_load_prefix_sums_has_default_counts():
    for split in ("train", "validation", "test"):
        assert data.load("prefix_sums", split).num_examples == 10_000


def test_load_keeps_a_training_set_smaller_than_a_batch():
    assert len(data.load("prefix_sums", num_examples=5)) == 1


def test_fit_trains_on_procedural_sets():
    """Walls are not scored: with -1 left out the losses are finite and train."""

    def loss(y_true, y_pred):
        scored = keras.ops.cast(y_true >= 0, "float32")
        labels = keras.ops.maximum(y_true, 0)
        losses = keras.losses.sparse_categorical_crossentropy(
            labels, y_pred, from_logits=True
        )
        return keras.ops.sum(losses * scored) / keras.ops.sum(scored)

    for name, size, conv in (
        ("mazes", 5, keras.layers.Conv2D),
        ("prefix_sums", 8, keras.layers.Conv1D),
        ("shortest_paths", 8, keras.layers.Conv2D),
    ):
        dataset = data.load(name, "train", 8, size=size, num_examples=16)
        model = keras.Sequential(
            [keras.Input(dataset.input_shape), conv(2, 3, padding="same")]
        )
        model.compile("adam", loss)
        history = model.fit(dataset, epochs=2, shuffle=False, verbose=0).history
        assert np.isfinite(history["loss"]).all()
        assert dataset.epoch == 2


# Sets read through TensorFlow Datasets


@pytest.mark.once
@pytest.mark.parametrize("name", IMAGE_SETS)
def test_load_normalizes_image_sets(mocked, name):
    spec = data.describe(name)
    dataset = data.load(name, "test", 5)
    images, labels = raw(mocked, name, "test")
    if name == "emnist_balanced":
        images = images.transpose(0, 2, 1, 3)
    expected = (images / 255.0 - np.array(spec.mean)) / np.array(spec.std)
    x = np.concatenate([batch[0] for batch in dataset])
    y = np.concatenate([batch[1] for batch in dataset])
    np.testing.assert_allclose(x, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(y, labels)
    assert x.dtype == np.float32 and y.dtype == np.int32
    assert x.shape == (NUM_MOCKED, *spec.input_shape)
    assert dataset.input_shape == spec.input_shape
    assert dataset.num_classes == spec.num_classes > labels.max()
    assert dataset.config()["tfds"].startswith(spec.tfds_name)


@pytest.mark.once
@pytest.mark.parametrize(
    "name, arguments, pad, flip",
    [
        ("cifar10", {}, 4, True),
        ("cifar100", {}, 4, True),
        ("svhn", {}, 0, False),
        ("svhn", {"paper_faithful": True}, 0, True),
        ("emnist_balanced", {}, 0, False),
        ("emnist_balanced", {"paper_faithful": True}, 0, True),
        ("mnist", {}, 0, False),
        ("cifar10", {"augment": False}, 0, False),
        ("cifar10", {"split": "test"}, 0, False),
        ("cifar10", {"split": "validation"}, 0, False),
        ("svhn", {"split": "test", "paper_faithful": True}, 0, False),
        ("cifar10", {"split": "test", "augment": True}, 4, True),
        ("cifar10", {"split": "train[:50%]+train[90%:]"}, 4, True),
    ],
)
def test_load_augments_as_the_papers_do(mocked, name, arguments, pad, flip):
    dataset = data.load(name, batch_size=4, **arguments)
    spec = data.describe(name)
    assert dataset.transform == ImageTransform(spec.mean, spec.std, pad, flip)


def test_load_passes_splits_to_tfds(mocked, monkeypatch):
    asked = []
    read = _tfds.read_arrays

    def record(builder, split, *rest):
        asked.append(split)
        return read(builder, split, *rest)

    monkeypatch.setattr(_tfds, "read_arrays", record)
    for split in ("train", "validation", "test", "train[:90%]", "train[5:]+test"):
        dataset = data.load("mnist", split, 4)
        assert dataset.shuffle == (split in ("train", "train[:90%]"))
        assert dataset.config()["split"] == split
    assert asked == ["train", "train[90%:]", "test", "train[:90%]", "train[5:]+test"]


def test_load_limits_num_examples_of_image_sets(mocked, capsys):
    dataset = data.load("mnist", num_examples=7, batch_size=4, progress=True)
    assert dataset.num_examples == 7
    assert "Reading mnist" in capsys.readouterr().out
    with pytest.raises(ValueError, match="The most allowed is 12"):
        data.load("mnist", num_examples=NUM_MOCKED + 1)


def test_load_reads_array_record_files(mocked, monkeypatch):
    expected = raw(mocked, "mnist")

    def refuse(*_, **__):
        raise NotImplementedError

    monkeypatch.setattr(mocked.core.DatasetBuilder, "as_dataset", refuse)
    dataset = data.load("mnist", "test", num_examples=10)
    assert dataset.x.dtype == np.uint8 and dataset.x.shape == (10, 28, 28, 1)
    assert dataset.y.shape == (10,) and expected[0].shape[1:] == dataset.x.shape[1:]


def test_fit_trains_on_an_image_set(mocked):
    dataset = data.load("cifar10", batch_size=6)
    model = keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(dataset, shuffle=False, verbose=0).history
    assert np.isfinite(history["loss"]).all()


@pytest.mark.once
@pytest.mark.parametrize("split", ["train", "validation"])
def test_load_imagenet_returns_a_stream(mocked, split):
    stream = data.load("imagenet", split, 5, num_examples=8)
    batches = list(stream.as_numpy_iterator())
    assert [len(x) for x, _ in batches] == ([5] if split == "train" else [5, 3])
    x, y = batches[0]
    assert x.shape == (5, 224, 224, 3) and x.dtype == np.float32
    assert y.shape == (5,) and y.dtype == np.int32
    spec = data.describe("imagenet")
    low = (0 - np.array(spec.mean)) / np.array(spec.std)
    high = (1 - np.array(spec.mean)) / np.array(spec.std)
    assert (x >= low - 1e-4).all() and (x <= high + 1e-4).all()
    assert x.std() > 0.1
    again = next(iter(stream.as_numpy_iterator()))[0]
    assert np.array_equal(again, x) == (split == "validation")


def test_image_transform_crops_and_flips_the_padded_image():
    rng = np.random.default_rng(0)
    x = rng.integers(1, 256, size=(200, 6, 6, 1), dtype="uint8")
    transform = ImageTransform((0.0,), (1.0,), pad=2, flip=True)
    out, _ = transform(x, np.zeros(200), rng)
    out = np.round(out * 255).astype("uint8")
    found = set()
    for image, result in zip(x, out, strict=True):
        padded = np.pad(image, ((2, 2), (2, 2), (0, 0)))
        for top in range(5):
            for left in range(5):
                crop = padded[top : top + 6, left : left + 6]
                for flipped, version in ((False, crop), (True, crop[:, ::-1])):
                    if np.array_equal(version, result):
                        found.add((top, left, flipped))
                        break
                else:
                    continue
                break
            else:
                continue
            break
        else:
            pytest.fail("An augmented image is not a crop of its padded original.")
    assert len(found) > 40  # of 5 x 5 x 2


@pytest.mark.parametrize("pad, flip", [(0, False), (3, False), (0, True), (2, True)])
@pytest.mark.parametrize("channels, dtype", [(1, "float64"), (3, "uint8")])
def test_image_transform_draws_and_rounds_as_one_example_does(
    pad, flip, channels, dtype
):
    x = np.random.default_rng(0).integers(0, 256, (20, 8, 6, channels)).astype(dtype)
    mean, std = np.float32([0.5, 0.4, 0.3][:channels]), np.float32([0.2, 0.3, 0.1])
    std = std[:channels]
    transform = ImageTransform(tuple(mean), tuple(std), pad, flip)
    used, rng = np.random.default_rng(7), np.random.default_rng(7)
    found, _ = transform(x, np.zeros(20), used)
    places = rng.integers(2 * pad + 1, size=(2, 20)) if pad else np.zeros((2, 20), int)
    flipped = rng.random(20) < 0.5 if flip else np.zeros(20, bool)
    for i, image in enumerate(x):
        top, left = places[:, i]
        padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)))
        crop = padded[top : top + 8, left : left + 6]
        crop = crop[:, ::-1] if flipped[i] else crop
        expected = (crop.astype("float32") * (1 / np.float32(255)) - mean) / std
        np.testing.assert_array_equal(found[i], expected)
    assert found.dtype == np.float32
    assert used.bit_generator.state == rng.bit_generator.state


# Missing data


@pytest.mark.parametrize("name", [*IMAGE_SETS, "imagenet"])
def test_load_missing_data_says_what_to_do(offline, name):
    with pytest.raises(FileNotFoundError) as error:
        data.load(name)
    message = str(error.value)
    assert str(offline) in message
    assert data.describe(name).download_size in message
    for hint in ("download=True", "data_dir=", "TFDS_DATA_DIR", "mazes, prefix_sums"):
        assert hint in message


@pytest.mark.parametrize("name", IMAGE_SETS)
def test_load_without_network_raises_at_once(offline, name):
    with pytest.raises(RuntimeError, match="no network.*mazes, prefix_sums"):
        data.load(name, download=True, data_dir=str(offline / "other"))


def test_load_after_failed_download_names_sets_without_one(offline, monkeypatch):
    import tensorflow_datasets as tfds

    def fail(*_, **__):
        raise ConnectionError("cable cut")

    monkeypatch.setattr(_tfds.socket, "getaddrinfo", lambda *_: [])
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    with pytest.raises(RuntimeError, match="cable cut[^!]*mazes, prefix_sums") as error:
        data.load("mnist", download=True)
    assert isinstance(error.value.__cause__, ConnectionError)


# Bad arguments


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("maze", {}, "Unknown data set: 'maze'. Did you mean 'mazes'"),
        ("mnits", {}, "Did you mean 'mnist'"),
        (7, {}, "must be a string"),
        ("mazes", {"split": "tset"}, "Did you mean 'test'"),
        ("mazes", {"split": "train[:50%]"}, "Unknown split of 'mazes'"),
        ("mazes", {"size": 8}, "The nearest are 7 and 9"),
        ("prefix_sums", {"size": 0}, "nearest allowed value is 1"),
        ("cifar10", {"size": 32}, "'cifar10' has no `size`"),
        ("cifar10", {"split": "valid"}, "Did you mean 'validation'"),
        ("cifar10", {"split": "validation[:50%]"}, "cannot be sliced again"),
        ("cifar10", {"split": "train[:50%"}, "Did you mean"),
        ("cifar10", {"split": "trian[:50%]"}, "Did you mean 'train'"),
        ("imagenet", {"split": "test"}, "Allowed values are: 'train', 'validation'"),
        ("mazes", {"augment": True}, "has no augmentation"),
        ("mnist", {"augment": True}, "has no augmentation"),
        ("svhn", {"augment": True}, "pass paper_faithful=True"),
        ("cifar10", {"augment": "flip"}, "must be True or False"),
        ("mazes", {"paper_faithful": True}, "changes nothing for 'mazes'"),
        ("mazes", {"batch_size": 0}, "`batch_size` must be"),
        ("mazes", {"num_examples": 0}, "`num_examples` must be"),
        ("mazes", {"seed": 1.5}, "`seed` must be"),
        ("mazes", {"shuffle": 1}, "Did you mean True"),
        ("shortest_paths", {"size": 1}, "nearest allowed value is 2"),
        ("shortest_paths", {"window": 8}, "The nearest are 7 and 9"),
        ("shortest_paths", {"window": 33, "size": 16}, "nearest allowed window is 31"),
        ("shortest_paths", {"density": 1.0}, "below 1"),
        ("shortest_paths", {"connectivity": 0}, "must be the integer 4"),
        (
            "shortest_paths",
            {"paper_faithful": True},
            "changes nothing for 'shortest_paths'",
        ),
        ("mazes", {"window": 9}, "`window` is an option of.*not of 'mazes'"),
        ("prefix_sums", {"density": 0.0}, "Received: density=0.0. Leave it out"),
        (
            "cifar10",
            {"connectivity": 4},
            "is an option of 'shortest_paths', not of 'cifar10'",
        ),
        ("digit", {}, "Did you mean 'digits'"),
        ("digits", {"size": 8}, "'digits' has no `size`"),
        ("digits", {"split": "train[:50%]"}, "Unknown split of 'digits'"),
        ("digits", {"num_examples": 1098}, "The most allowed is 1,097"),
        ("digits", {"split": "test", "num_examples": 501}, "most allowed is 500"),
        ("digits", {"paper_faithful": True}, "changes nothing for 'digits'"),
        ("mazes", {"windw": 3}, "option='windw'.*Did you mean 'window'"),
        ("digits", {"window": 3}, "`window` is an option of.*not of 'digits'"),
    ],
)
def test_load_refuses_bad_arguments(offline, name, arguments, message):
    with pytest.raises(ValueError, match=message):
        data.load(name, **arguments)


def test_image_transform_cutout_is_a_square_of_the_mean_color():
    x = np.full((500, 8, 8, 3), 255, "uint8")
    transform = ImageTransform((0.5,) * 3, (0.5,) * 3, cutout=4)
    cut, _ = transform(x, np.zeros(500), np.random.default_rng(0))
    holes = cut == 0
    assert set(np.unique(cut)) == {0.0, 1.0}
    assert (holes.all(axis=-1) == holes.any(axis=-1)).all()
    rows, columns = holes[..., 0].any(axis=2).sum(1), holes[..., 0].any(axis=1).sum(1)
    assert set(rows) == set(columns) == {2, 3, 4}
    assert (holes[..., 0].sum(axis=(1, 2)) == rows * columns).all()
    # Centers are uniform: most of the squares are whole.
    assert 0.35 < np.mean((rows == 4) & (columns == 4)) < 0.45


def test_load_cuts_out_of_training_images_only(mocked):
    train = data.load("cifar10", "train", 8, cutout=16)
    assert train.transform.cutout == 16 and train.config()["cutout"] == 16
    assert data.load("cifar10", "test", 8, cutout=16).transform.cutout == 0
    with pytest.raises(ValueError, match="small images.*cutout=16 for 'mazes'"):
        data.load("mazes", cutout=16)
    with pytest.raises(ValueError, match="`cutout`"):
        data.load("cifar10", cutout=-1)
