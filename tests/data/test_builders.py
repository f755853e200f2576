"""The TensorFlow Datasets builders give what the pure functions give."""

import subprocess
import sys

import numpy as np
import pytest

from keras_recur import data

pytestmark = pytest.mark.once


@pytest.fixture
def builders(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    data.register_builders()
    from keras_recur.data.builders import mazes, prefix_sums, shortest_paths

    return mazes, prefix_sums, shortest_paths


def small(config, **arguments):
    return config(train=6, validation=4, test=5, **arguments)


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_mazes(builders, tmp_path, file_format):
    mazes, *_ = builders
    config = small(mazes.MazesConfig, size=7, seed=1)
    assert config.name == "size_7-train_6-validation_4-test_5-seed_1"
    builder = mazes.KerasRecurMazes(
        data_dir=tmp_path, config=config, file_format=file_format
    )
    builder.download_and_prepare()
    for split, count in (("train", 6), ("validation", 4), ("test", 5)):
        assert builder.info.splits[split].num_examples == count
        if file_format == "tfrecord":
            rows = list(builder.as_dataset(split=split).as_numpy_iterator())
        else:
            source = builder.as_data_source(split=split)
            rows = [source[i] for i in range(len(source))]
        expected = data.mazes(count, 7, split, 1)
        got = {(r["codes"].tobytes(), r["solution"].tobytes()) for r in rows}
        assert got == {
            (codes.tobytes(), solution.astype("uint8").tobytes())
            for codes, solution in zip(*expected, strict=True)
        }
        assert len(rows) == count


def test_prefix_sums(builders, tmp_path):
    _, prefix_sums, _ = builders
    config = small(prefix_sums.PrefixSumsConfig, size=20)
    builder = prefix_sums.KerasRecurPrefixSums(data_dir=tmp_path, config=config)
    builder.download_and_prepare()
    pairs = builder.as_dataset(split="test", as_supervised=True).as_numpy_iterator()
    got = {(x.tobytes(), y.tobytes()) for x, y in pairs}
    expected = zip(*data.prefix_sums(5, 20, "test"), strict=True)
    assert got == {(x.tobytes(), y.tobytes()) for x, y in expected}


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_shortest_paths(builders, tmp_path, file_format):
    *_, shortest_paths = builders
    options = {"window": 5, "density": 0.25, "connectivity": 8}
    config = small(shortest_paths.ShortestPathsConfig, size=12, seed=1, **options)
    assert config.name == (
        "size_12-train_6-validation_4-test_5-seed_1"
        "-window_5-density_0.25-connectivity_8"
    )
    builder = shortest_paths.KerasRecurShortestPaths(
        data_dir=tmp_path, config=config, file_format=file_format
    )
    builder.download_and_prepare()
    if file_format == "tfrecord":
        rows = list(builder.as_dataset(split="test").as_numpy_iterator())
    else:
        source = builder.as_data_source(split="test")
        rows = [source[i] for i in range(len(source))]
    expected = zip(*data.shortest_paths(5, 12, "test", 1, **options), strict=True)
    assert {(row["x"].tobytes(), row["y"].tobytes()) for row in rows} == {
        (x.tobytes(), y.tobytes()) for x, y in expected
    }
    assert len(rows) == 5


def test_standard_sizes_are_known_to_tfds_by_name(builders, tmp_path):
    import tensorflow_datasets as tfds

    assert data.register_builders() == [
        "keras_recur_mazes",
        "keras_recur_prefix_sums",
        "keras_recur_shortest_paths",
    ]
    for size in (9, 11, 13, 15, 17, 33, 59):
        builder = tfds.builder(f"keras_recur_mazes/size_{size}", data_dir=tmp_path)
        shape = (size + 2, size + 2)
        assert builder.info.features["codes"].shape == shape
        assert builder.builder_config.counts() == data.describe("mazes").num_examples
    for size in (16, 32, 48, 64, 512):
        builder = tfds.builder(
            f"keras_recur_prefix_sums/size_{size}", data_dir=tmp_path
        )
        assert builder.info.features["x"].shape == (size, 1)
        assert (
            builder.builder_config.counts() == data.describe("prefix_sums").num_examples
        )
    name = "keras_recur_shortest_paths"
    for window in (5, 9, 13, 17, 21):
        builder = tfds.builder(f"{name}/size_32-window_{window}", data_dir=tmp_path)
        assert builder.info.features["x"].shape == (32, 32, 2)
        counts = data.describe("shortest_paths").num_examples
        assert builder.builder_config.counts() == counts
    assert tfds.builder(name, data_dir=tmp_path).builder_config.window == 21


def test_codes_read_back_can_be_rendered(builders, tmp_path):
    mazes, *_ = builders
    builder = mazes.KerasRecurMazes(
        data_dir=tmp_path, config=small(mazes.MazesConfig, size=5)
    )
    builder.download_and_prepare()
    pairs = builder.as_dataset(split="test", as_supervised=True, batch_size=5)
    images, targets = data.render_mazes(*next(iter(pairs.as_numpy_iterator())))
    assert images.shape == (5, 16, 16, 3)
    assert np.unique(targets).tolist() == [-1, 0, 1]


def test_bad_configurations(builders):
    mazes, prefix_sums, shortest_paths = builders
    with pytest.raises(ValueError, match="The nearest are 9 and 11"):
        mazes.MazesConfig(size=10)
    with pytest.raises(ValueError, match="`train` must be a positive integer"):
        mazes.MazesConfig(train=0)
    with pytest.raises(ValueError, match="`size` must be an integer from 1 to 1000000"):
        prefix_sums.PrefixSumsConfig(size=0)
    with pytest.raises(ValueError, match="`seed` must be"):
        prefix_sums.PrefixSumsConfig(seed=-1)
    with pytest.raises(ValueError, match="The nearest are 9 and 11"):
        shortest_paths.ShortestPathsConfig(window=10)
    with pytest.raises(ValueError, match="below 1"):
        shortest_paths.ShortestPathsConfig(density=1.5)
    with pytest.raises(ValueError, match="Received: 5"):
        shortest_paths.ShortestPathsConfig(connectivity=5)
    with pytest.raises(ValueError, match="nearest allowed value is 2"):
        shortest_paths.ShortestPathsConfig(size=1)


@pytest.mark.once("jax")
def test_importing_the_data_room_imports_no_tfds():
    code = (
        "import sys, keras, keras_recur.data;"
        "loaded = set(sys.modules) & {'tensorflow_datasets', 'tensorflow', 'rich'};"
        "allowed = {'tensorflow', 'rich'} if keras.config.backend() == 'tensorflow'"
        " else {'rich'};"  # Keras imports rich itself
        "sys.exit(' '.join(loaded - allowed) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
