"""What a run or a search has trained, as the command line exports it."""

import json
import shutil

import numpy as np
import pytest

import keras_recur
from keras_recur import runs, tuning
from keras_recur.cli import main as cli
from keras_recur.exporting import export_run

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.once("tensorflow")
SHORT = {"epochs": 1, "milestones": ()}
RAW = np.random.default_rng(0).integers(0, 17, (5, 8, 8, 1)).astype("float32")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two seeds of one network, all of whose answers are trained."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    model = {"width": 4, "iterations": 2}
    recipe = {**SHORT, "loss_weights": "uniform"}
    entry = runs.make_entry(
        "mlp", "digits", quick=True, num_examples=64, model=model, recipe=recipe
    )
    runs.compare(entry, folder, [3, 4], ["recurrent"])
    return folder


def exported(run, to, *options):
    cli.app(["export", str(run), "--output", str(to), *options], standalone_mode=False)
    served = tf.saved_model.load(str(to))
    return served, json.loads((to / "assets" / "card.json").read_text())


def test_a_run(run, tmp_path, capsys):
    served, card = exported(run, tmp_path / "a", "--seed", "4", "--preprocess")
    assert "Wrote" in capsys.readouterr().out
    entry = runs.RunFolder(run).entry()
    model = entry.network("recurrent", 4)
    model.load_weights(run / "seed-4" / "recurrent" / "model.weights.h5")
    every = np.asarray(model((RAW / 16 - 0.3053) / 0.376))
    np.testing.assert_allclose(served.serve(RAW), every[:, -1], 1e-5, 1e-5)
    np.testing.assert_allclose(served.serve_all(RAW)["logits"], every, 1e-5, 1e-5)
    assert (card["seed"], card["seeds"]) == (4, [3, 4])
    assert card["data"]["name"] == "digits" and card["scores"]["of this seed"]
    assert "digits_preprocessing" in json.dumps(card["preprocessing"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": 5}, "`seed`.*Received: seed=5.*Allowed: 3, 4"),
        ({"twin": "feedforward"}, "`twin`.*Allowed: 'recurrent'"),
    ],
)
def test_what_a_run_does_not_hold(run, arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export_run(run, tmp_path / "new", **arguments)


@pytest.mark.parametrize("how", ["cut", "empty", "text", "missing"])
def test_damaged_weights_are_named(run, how, tmp_path):
    path = shutil.copytree(run, tmp_path / "run") / "seed-3/recurrent/model.weights.h5"
    whole = path.read_bytes()
    content = {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"weights"}
    path.unlink()
    if how != "missing":
        path.write_bytes(content[how])
    with pytest.raises(ValueError, match=r"model\.weights\.h5 is damaged or missing"):
        export_run(tmp_path / "run", tmp_path / "new")


def test_the_best_of_a_search(tmp_path):
    result = tuning.search(
        "mlp",
        "digits",
        tmp_path / "search",
        widths=[4],
        iterations=[2],
        sharing=["all"],
        quick=True,
        num_examples=64,
        seeds=1,
        fresh_seeds=0,
        recipe=SHORT,
    )
    served, card = exported(tmp_path / "search", tmp_path / "b")
    best = tuning.load_search(tmp_path / "search").best()
    expected = np.asarray(best.pair().recurrent(RAW / 16))
    np.testing.assert_allclose(served.serve(RAW / 16), expected, 1e-5, 1e-5)
    assert card["configuration"]["configuration"] == result.best().configuration
    with pytest.raises(ValueError, match="Allowed: 'recurrent'"):
        export_run(tmp_path / "search", tmp_path / "c", twin="feedforward")


def test_a_file(run, tmp_path):
    entry = runs.RunFolder(run).entry()
    model = entry.pair(1).recurrent
    model.save(tmp_path / "winner.keras")
    served, card = exported(tmp_path / "winner.keras", tmp_path / "d")
    np.testing.assert_allclose(served.serve(RAW), np.asarray(model(RAW)), 1e-5, 1e-5)
    assert card["file"] == "winner.keras"
    with pytest.raises(ValueError, match="requires a run or an entry"):
        export_run(tmp_path / "winner.keras", tmp_path / "e", preprocess=True)
    with pytest.raises(ValueError, match="exists, and nothing is overwritten"):
        keras_recur.export(tmp_path / "winner.keras", tmp_path / "d")
