"""The arguments of `play`, and what it shows."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_recur
from keras_recur import zoo
from keras_recur.playground import play
from keras_recur.playground.networks import find_networks
from keras_recur.playground.tasks import TASKS

pytestmark = pytest.mark.once
ENTRY = "deep_thinking_1d-prefix_sums"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "no such entry"}, "`model` must be a published entry.*Published: "),
        ({"model": "deep_thinking_1d-prefix_sum"}, "Did you mean 'deep_thinking_1d-"),
        ({"model": ""}, "`model` must be the name"),
        ({"model": 3}, "`model` must be the name"),
        ({"model": []}, "`model` must be the name"),
        ({"model": ["a", "b"], "task": "mazes"}, "`model` must be a Keras model"),
        ({"model": "x.keras"}, "`task` must be given with a file"),
        ({"task": "cifar10"}, "Unknown value for `task`"),
        ({"task": 3}, "Unknown value for `task`"),
        ({"model": ENTRY, "task": "mazes"}, "`task` must be the data set of"),
        ({"port": 0}, "`port` must be an integer from 1 to 65535|positive"),
        ({"port": 70_000}, "`port` must be an integer from 1 to 65535"),
        ({"port": "x"}, "`port`"),
        ({"browser": "yes"}, "`browser` must be True or False"),
        ({"block": 1}, "`block` must be True or False"),
        ({"launch": None}, "`launch` must be True or False"),
    ],
)
def test_play_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        play(**arguments)


def test_play_needs_the_task_of_a_model():
    pair = zoo.build("deep_thinking_1d", width=4, iterations=2)
    for model in (pair, pair.recurrent):
        with pytest.raises(ValueError, match="`task` must be given with a"):
            play(model)


def test_play_refuses_networks_that_cannot_run_step_by_step():
    pytest.importorskip("gradio", reason="the extra `play` is not installed")
    inputs = keras.Input((8, 1))
    plain = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    with pytest.raises(ValueError, match="needs a model with a SharedRecurrentBlock"):
        play(plain, "prefix_sums", launch=False)


def test_play_without_gradio_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ImportError, match="extra `play`.*pip install gradio"):
        play(ENTRY)


def test_play_is_the_function_of_the_room():
    assert keras_recur.play is play and "play" in keras_recur.__all__


def test_networks_are_the_published_entries_by_default():
    names = [network.name for network in find_networks(None, None)]
    # A person can make the inputs of each entry but photographs and noisy curves.
    others = [n for n in zoo.list_entries() if "fashion_mnist" in n or "mnist1d" in n]
    assert others and names == [n for n in zoo.list_entries() if n not in others]
    mazes = find_networks(None, "mazes")
    assert {network.data for network in mazes} == {"mazes"}


def test_networks_leave_out_a_twin_without_weights():
    (network,) = find_networks("feedback-digits", None)
    assert list(network.steps) == ["recurrent"]


def test_networks_of_a_pair_are_its_own():
    pair = zoo.build("deep_thinking_1d", width=4, iterations=2)
    (network,) = find_networks(pair, "prefix_sums")
    assert list(network.steps) == ["recurrent", "feedforward"]
    assert network.steps["recurrent"].loop in pair.recurrent.layers
    both = [pair.recurrent, pair.feedforward]
    (network,) = find_networks(both, "prefix_sums")
    assert list(network.steps) == ["recurrent", "feedforward"]


def test_networks_of_a_run_have_its_weights(run):
    first, second = find_networks(str(run.path), None)
    assert (first.name, second.name) == ("run, seed 0", "run, seed 1")
    assert first.data == "prefix_sums" and first.size == 4
    x = TASKS["prefix_sums"].encode(TASKS["prefix_sums"].parse("1010"))
    for seed, network in enumerate((first, second)):
        for twin in ("recurrent", "feedforward"):
            model = run.entry().network(twin, seed)
            model.load_weights(run.twin(seed, twin) / "model.weights.h5")
            steps = network.steps[twin]
            carried = steps.advance(steps.start(x), 0, steps.iterations)
            found = keras.ops.convert_to_numpy(steps.read(carried))
            np.testing.assert_allclose(found, model.predict(x, verbose=0), atol=1e-5)


def test_networks_of_one_twin_show_that_twin(one_twin):
    (network,) = find_networks(str(one_twin.path), None)
    assert list(network.steps) == ["feedforward"]


def test_networks_of_an_unfinished_run_give_an_error(run):
    for file in run.path.glob("seed-*/*/result.json"):
        file.unlink()
    with pytest.raises(ValueError, match="No network has finished in .*--resume"):
        find_networks(str(run.path), None)


def test_networks_of_a_file(tmp_path):
    pair = zoo.build("deep_thinking_1d", width=4, iterations=2)
    pair.recurrent.save(tmp_path / "mine.keras")
    (network,) = find_networks(tmp_path / "mine.keras", "prefix_sums")
    assert network.name == "mine.keras" and list(network.steps) == ["recurrent"]


def test_network_refuses_inputs_of_another_shape():
    pair = zoo.build("deep_thinking_1d", input_shape=(16, 1), width=4, iterations=2)
    (network,) = find_networks(pair, "prefix_sums")
    task = TASKS["prefix_sums"]
    network.check_input(task.encode(task.example(16, 0)))
    with pytest.raises(ValueError, match=r"inputs of shape \(16, 1\)"):
        network.check_input(task.encode(task.example(17, 0)))


def test_command_serves_until_ctrl_c(tmp_path):
    pytest.importorskip("gradio", reason="the extra `play` is not installed")
    import signal
    import urllib.request

    command = [sys.executable, "-m", "keras_recur", "play", ENTRY, "--no-browser"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        line = process.stdout.readline()
        assert line.startswith("Open ") and "//127.0.0.1:" in line, line
        url = line.split()[1]
        assert "Watch it think" in urllib.request.urlopen(url).read().decode()
        process.send_signal(signal.SIGINT)
        try:
            rest, _ = process.communicate(timeout=60)
        finally:
            process.kill()  # Or leaving the context would wait for it.
    assert "Stopped." in rest and process.returncode == 0
    assert os.listdir(tmp_path) == []
