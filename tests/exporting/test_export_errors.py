"""What cannot be exported: the message says what, and nothing is left behind."""

import errno
import importlib.util
import io
import json
import re
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

import keras_recur
from keras_recur.exporting import export_run, load_model
from keras_recur.exporting._other_backend import _modules

elsewhere = pytest.mark.once  # From TensorFlow no other process is needed.


def model():
    return keras_recur.zoo.build("mlp", input_shape=(3, 3, 1), width=4).recurrent


@keras.saving.register_keras_serializable(package="tests")
class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x


class Subclassed(keras.Model):
    def call(self, x):
        return x


def unbuilt():
    return keras.Sequential([layers.Dense(2)])


def random_model():
    return keras_recur.zoo.build(
        "deep_thinking_1d", width=4, injection="add", initial_state="normal"
    ).recurrent


def subclassed():
    built = Subclassed()
    built(np.ones((1, 2)))
    return built


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (model, {"format": "tf_savedmodel"}, "Did you mean 'tf_saved_model'?"),
        (model, {"format": "onnx"}, "`path` must end in '.onnx' for format='onnx'"),
        (model, {"path": "a.tflite"}, "must be the name of a folder"),
        (model, {"reduction": "median"}, "Allowed: 'min', 'mean'"),
        (model, {"stop_rules": "kl"}, "`stop_rules` must be a list.*'kl'"),
        (model, {"stop_rules": ["agreement"]}, "`stop_rules.*Received.*'agreement'"),
        (
            random_model,
            {"format": "onnx", "path": "a.onnx"},
            "no input for a seed.*draws random.*format='tf_saved_model'",
        ),
        (unbuilt, {}, "is not built.*Call it once"),
        (Subclassed, {}, "is not built"),
        (subclassed, {}, "Only a Functional or Sequential model"),
        (lambda: 3, {}, "must be a Keras model. Received: 3"),
        (model, {"preprocessing": "mnist"}, "must be a Keras layer or model"),
        (
            model,
            {"preprocessing": layers.Flatten()},
            r"must return the model's input shapes.*\(3, 3, 1\).*Received: \[\(9,\)\]",
        ),
        (model, {"card": {"x": object()}}, "`card` must be plain data"),
        (model, {"path": "there"}, "there exists, and nothing is overwritten"),
        (lambda: "missing.keras", {}, "There is no file missing.keras"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:30]),
)
def test_bad_arguments(make, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    arguments = {"path": "new", **arguments}
    with pytest.raises(ValueError, match=re.compile(message, re.DOTALL)):
        keras_recur.export(make(), **arguments)
    assert [p.name for p in tmp_path.iterdir()] == ["there"]


@pytest.mark.once("tensorflow")
@pytest.mark.parametrize(
    ("name", "max_iterations", "message"),
    [
        ("mlp", 0, "`max_iterations` must be a positive integer"),
        ("mlp", 9, "`max_iterations` can be at most 2 here"),
        ("frnn", 9, r"`max_iterations` must be one of \[1, 2\] here"),
    ],
)
def test_maximum(name, max_iterations, message, tmp_path):
    pair = keras_recur.zoo.build(name, input_shape=(8, 8, 1), width=2, iterations=2)
    with pytest.raises(ValueError, match=message):
        keras_recur.export(
            pair.feedforward, tmp_path / "new", max_iterations=max_iterations
        )
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: name != "tf2onnx" and find(name) or None,
    )
    message = (
        "'onnx' is written by Keras on tensorflow and needs tensorflow and tf2onnx"
    )
    with pytest.raises(ImportError, match=message):
        keras_recur.export(model(), tmp_path / "model.onnx", "onnx")


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.keras"
    model().save(path)
    return path


def damaged(path, how):
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "foreign":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("word/document.xml", "text")
    elif how == "flipped":
        with zipfile.ZipFile(path) as file:
            place = file.getinfo("model.weights.h5").header_offset + 500
        changed = bytes([content[place] ^ 255])
        path.write_bytes(content[:place] + changed + content[place + 1 :])
    else:
        path = path.with_name("text.csv")
        path.write_text("a,b\n1,2\n")
    return path


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("cut", "is cut short or damaged"),
        ("empty", "is cut short or damaged"),
        ("foreign", "was written by another program: it has no config.json"),
        ("flipped", "its part model.weights.h5 does not match its checksum"),
        ("other", "is not a `.keras` file"),
    ],
)
def test_damaged_files(saved, how, message):
    path = damaged(saved, how)
    with pytest.raises(ValueError, match=message):
        load_model(path)


def test_a_folder_and_an_unknown_layer(saved):
    with pytest.raises(ValueError, match="is a folder"):
        load_model(saved.parent)
    with zipfile.ZipFile(saved) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    parts["config.json"] = parts["config.json"].replace(b"SharedRec", b"UnknownRec")
    with zipfile.ZipFile(saved, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    with pytest.raises(ValueError, match="holds a model that cannot be built here"):
        load_model(saved)


@pytest.mark.once("tensorflow")
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    import tensorflow as tf

    def full(module, path, **_):
        raise OSError(errno.ENOSPC, "No space left on device", path)

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(OSError, match="No space left"):
        keras_recur.export(model(), tmp_path / "new")
    assert not list(tmp_path.iterdir())


def with_own_layer():
    inputs = keras.Input((3,))
    return keras.Model(inputs, Twice()(inputs))


def test_classes_are_looked_for_where_they_are():
    assert list(_modules(with_own_layer())) == [Twice.__module__]
    assert not list(_modules(model()))


@elsewhere
def test_a_layer_of_a_module_is_known_elsewhere(tmp_path):
    path = keras_recur.export(with_own_layer(), tmp_path / "new")
    assert (path / "saved_model.pb").exists()


@elsewhere
def test_a_layer_of_a_notebook_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(Twice, "__module__", "__main__")
    with pytest.raises(
        ValueError, match="cannot import layers that are defined in a notebook"
    ):
        keras_recur.export(with_own_layer(), tmp_path / "new")
    assert not list(tmp_path.iterdir())


@elsewhere
def test_the_other_process_tells_what_went_wrong(tmp_path):
    with pytest.raises(ValueError, match="`max_iterations` must be a positive integer"):
        keras_recur.export(model(), tmp_path / "new", max_iterations=-1)
    assert not list(tmp_path.iterdir())


@pytest.mark.once("tensorflow")
@pytest.mark.parametrize(
    ("run", "arguments", "message"),
    [
        ("nothing", {}, "`run` must be the folder of a run.*run='nothing'"),
        ("deep_thinking_1d-prefix_sum", {}, "Did you mean 'deep_thinking_1d-prefix_su"),
        ("deep_thinking_1d-prefix_sums", {"seed": 99}, "`seed`"),
        ("deep_thinking_1d-prefix_sums", {"twin": "teacher"}, "`twin`"),
        (
            "deep_thinking_1d-prefix_sums",
            {"preprocess": True},
            "for data sets of images",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*weights of the feedforward twin")
def test_runs_that_cannot_be_exported(run, arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export_run(run, tmp_path / "new", **arguments)


def changed(source, path, part, content, kind=zipfile.ZIP_DEFLATED):
    """A copy of a `.keras` file in which one part is another."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", kind) as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    return path


def wide(source):
    config = zipfile.ZipFile(source).read("config.json").decode()
    return re.sub(r'"units": \d+', '"units": 1000000000', config)


def hollow():
    """An HDF5 file that declares what it does not hold."""
    file = io.BytesIO()
    with h5py.File(file, "w") as content:
        content.create_dataset("a/vars/0", (10**11,), "float32", chunks=(1024,))
    return file.getvalue()


@pytest.mark.parametrize(
    ("part", "make", "message"),
    [
        (
            "config.json",
            lambda _: b" " * (80 << 20),
            "declares 80.0 MiB for its part",
        ),
        ("metadata.json", lambda _: b" " * (80 << 20), "declares 80.0 MiB"),
        ("model.weights.h5", lambda _: b"0" * (80 << 20), "declares 80.0 MiB"),
        ("model.weights.h5", lambda _: hollow(), "declares 372.5 GiB for its part a/v"),
        ("model.weights.h5", lambda _: b"text", "its model.weights.h5 cannot be read"),
        ("config.json", lambda _: "[" * 10**5 + "]" * 10**5, "is nested too deeply"),
        ("config.json", lambda _: "{", "its configuration is not JSON"),
        ("config.json", wide, "asks for weights of .* or more, and .* are stored"),
    ],
)
@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_files_that_would_fill_the_memory(saved, part, make, message, kind):
    content = make(saved)
    if kind == zipfile.ZIP_STORED and len(content) > 10**7 and ".h5" in part:
        pytest.skip("such a file is as large as it says")
    path = changed(saved, saved.with_name("changed.keras"), part, content, kind)
    with pytest.raises(ValueError, match=message):
        load_model(path)


def test_a_file_of_too_many_parts(saved):
    with zipfile.ZipFile(saved, "a") as file:
        for i in range(10_001):
            file.writestr(f"assets/{i}", b"")
    with pytest.raises(ValueError, match="holds 10,004 parts, and 10,000 are allowed"):
        load_model(saved)


def test_a_recompressed_file_is_read(saved):
    kept = load_model(saved).get_weights()
    path = saved.with_name("small.keras")
    found = load_model(changed(saved, path, None, None)).get_weights()
    assert all(map(np.array_equal, kept, found))


def test_arrays_that_declare_what_they_do_not_hold(tmp_path):
    from keras_recur._archives import check_arrays

    path = tmp_path / "checkpoint.npz"
    np.savez(path, np.ones(3), meta=np.array(json.dumps({})))
    check_arrays(path)
    header = io.BytesIO()
    described = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    np.lib.format.write_array_header_1_0(header, described)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("arr_0.npy", header.getvalue())
    with pytest.raises(ValueError, match="its part arr_0.npy declares 7.3 TiB"):
        check_arrays(path)


def test_a_home_folder_in_every_path(saved, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_model("~/model.keras").built
    with pytest.raises(ValueError, match=f"{tmp_path}/model.keras exists|`path` must"):
        keras_recur.export(model(), "~/model.keras")
