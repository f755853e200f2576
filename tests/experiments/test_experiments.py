"""Every experiment through one harness: run, resume, report, refuse."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from keras_recur import analysis, experiments
from keras_recur.experiments import ReadoutTimes, Sharing, Text, run_experiment
from keras_recur.experiments._images import error_of
from keras_recur.runs import RunFolder
from keras_recur.runs.card import write_card

TINY = {
    "sharing": Sharing(
        width=2,
        resnet_times=(4,),
        stage_loops=1,
        frnn_times=(3,),
        epochs=1,
        num_examples=32,
    ),
    "readout-times": ReadoutTimes(
        width=2, trained=5, first=4, last=6, epochs=1, num_examples=32
    ),
    "text": Text(
        model={"width": 4},
        length=6,
        epochs=1,
        num_examples=64,
        sample_length=3,
        prompt="The ",
    ),
}
SCORES = {
    "sharing": "error",
    "readout-times": "error",
    "text": "bits_per_character",
}
each = pytest.mark.parametrize("name", TINY)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Runs an experiment once; the folder, and what `results.json` holds."""
    done = {}

    def run(name):
        if name not in done:
            folder = tmp_path_factory.mktemp(name) / "run"
            done[name] = folder, run_experiment(TINY[name], folder, [0])
        return done[name]

    return run


def test_all_are_listed():
    assert experiments.list_experiments() == list(TINY)
    for name, tiny in TINY.items():
        assert experiments.get_experiment(name) is type(tiny)
        assert type(tiny).quick().as_dict()["recipe"]["source"]
    with pytest.raises(ValueError, match=r"Received: name='shared'.*Did you mean.*ing"):
        experiments.get_experiment("shared")


@each
def test_everything_is_there(name, ran):
    folder, results = ran(name)
    assert json.loads((folder / "results.json").read_text()) == json.loads(
        json.dumps(results)
    )
    experiment = TINY[name]
    assert [r["network"] for r in results["runs"]] == list(experiment.networks)
    for result in results["runs"]:
        assert result["status"] == "finished"
        assert result["provenance"]["backend"] == keras.backend.backend()
        assert result[SCORES[name]] > 0
    page = (folder / "report.html").read_text()
    card = (folder / "README.md").read_text()
    pictures = list(folder.glob("plots/*.png"))
    assert pictures and page.count("data:image/png;base64") == len(pictures)
    for picture in pictures:
        assert f"(plots/{picture.name})" in card
    for network in results["summary"].get("networks", results["summary"]).values():
        assert f"{network['parameters']:,}" in card
        assert f"{network['parameters']:,}" in page
    lines = (folder / "results.csv").read_text().splitlines()
    assert len(lines) == 1 + len(results["runs"])


@each
def test_what_is_finished_is_kept(name, ran):
    folder, results = ran(name)
    files = {p: p.stat().st_mtime_ns for p in folder.glob("seed-*/*/result.json")}
    assert len(files) == len(results["runs"])
    with pytest.raises(ValueError, match="holds this run already.*--resume"):
        run_experiment(TINY[name], folder, [0])
    again = run_experiment(TINY[name], folder, [0], resume=True)
    assert again["runs"] == results["runs"]
    assert files == {p: p.stat().st_mtime_ns for p in files}
    other = dataclasses.replace(TINY[name], epochs=2)
    with pytest.raises(ValueError, match="another configuration.*epochs: 1, not 2"):
        run_experiment(other, folder, [0], resume=True)


@each
def test_published(name, ran, tmp_path):
    folder, results = ran(name)
    place = write_card(folder, tmp_path, "tiny")
    data = results["settings"].get("data")
    expected = f"{name}-{data}-tiny" if data else f"{name}-tiny"
    assert place == tmp_path / "experiments" / expected
    published = RunFolder(place).read_json("results.json")
    assert published["summary"] == json.loads(json.dumps(results["summary"]))
    assert (place / "README.md").read_text() == (folder / "README.md").read_text()
    assert {p.name for p in place.glob("plots/*")} == {
        p.name for p in folder.glob("plots/*")
    }


def test_an_interrupted_experiment_goes_on(tmp_path, ran):
    _, whole = ran("text")
    done = []

    def stop(line):
        done.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(TINY["text"], tmp_path / "run", [0], report=stop)
    assert done[0].startswith("seed 0, graph: ")
    with pytest.raises(ValueError, match="not finished: seed 0 of the gru missing"):
        write_card(tmp_path / "run")
    again = run_experiment(
        TINY["text"], tmp_path / "run", [0], resume=True, report=done.append
    )
    assert len(done) == 3
    for one, other in zip(again["runs"], whole["runs"], strict=True):
        assert one["bits_per_character"] == pytest.approx(
            other["bits_per_character"], rel=1e-5
        )


@pytest.mark.once
def test_a_diverged_network_counts_as_one_that_guesses(tmp_path):
    wild = dataclasses.replace(TINY["text"], learning_rate=1e30)
    results = run_experiment(wild, tmp_path / "run", [0])
    diverged = [r for r in results["runs"] if r["status"] == "diverged"]
    assert diverged
    for result in diverged:
        assert result["bits_per_character"] == pytest.approx(np.log2(97))
        found = results["summary"]["networks"][result["network"]]
        assert found["failed_seeds"] == 1
    assert "diverged" in (tmp_path / "run" / "README.md").read_text()


def test_sharing_saves_parameters_but_not_after_one_step(ran):
    summary = ran("sharing")[1]["summary"]
    parameters = {k: v["parameters"] for k, v in summary.items()}
    # One loop: each weight is used once.
    assert parameters["resnet-t4-all"] == parameters["resnet-t4-none"]
    errors = {k: v["error"] for k, v in summary.items()}
    assert errors["resnet-t4-all"] == errors["resnet-t4-none"]
    assert parameters["frnn-t3-all"] < parameters["frnn-t3-none"]
    assert len({v for k, v in parameters.items() if "stages" in k}) == 1


def test_stages_share_what_their_name_says():
    experiment = Sharing(width=2, stage_loops=2)
    shared = {
        case.shared: experiment.network(name, 0)
        for name, case in experiment.cases.items()
        if case.panel == "stages"
    }
    blocks = {k: m.get_layer("graph").blocks for k, m in shared.items()}
    names = {
        kind: {b.name.rpartition("_to_")[0] for b in found}
        for kind, found in blocks.items()
    }
    assert names["all"] == {"V1", "V2", "V4"}
    # Two loops of three states, and two transitions between them.
    assert {k: len(found) for k, found in blocks.items()} == {
        "all": 5,
        "V1": 7,
        "V2": 7,
        "V4": 7,
        "none": 8,
    }
    for state in ("V1", "V2", "V4"):
        loops = [b for b in blocks[state] if b.name.count(state) == 2]
        assert len(loops) == 1


def test_readout_times_are_scored_each(ran):
    folder, results = ran("readout-times")
    shared, own = results["runs"]
    assert len(shared["errors"]) == len(shared["recalibrated_errors"]) == 3
    # It has no weights for later steps.
    assert len(own["errors"]) == len(own["recalibrated_errors"]) == 2
    assert np.shape(shared["statistics"]["mean"]) == (2, 2)
    experiment = TINY["readout-times"]
    assert shared["error"] == shared["errors"][1]
    model = experiment.network("not-shared", 0)
    again = experiment.score("not-shared", 0, model)
    assert again["errors"][1] == error_of(model, experiment.load("test"))
    assert "| 6 | " in (folder / "README.md").read_text()


def test_the_error_is_counted():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Identity()])
    x = np.eye(2, dtype="float32")[[0, 1, 1, 0]]
    data = [(x[:3], np.array([0, 1, 0])), (x[3:], np.array([1]))]
    assert error_of(model, data) == 0.5


BAD = [
    (lambda: Sharing(data="mazes"), "Received: data='mazes'.*'digits'"),
    (lambda: Sharing(resnet_times=(3,)), r"resnet_times.*4 or more.*\(3,\)"),
    (lambda: Sharing(frnn_times=()), "frnn_times.*2 or more"),
    (lambda: ReadoutTimes(first=3), "first.*last state is empty"),
    (lambda: ReadoutTimes(trained=6), "trained.*nearest allowed value is 7"),
    (lambda: ReadoutTimes(last=12), "last.*nearest allowed value is 13"),
    (lambda: Text(length=0), "length.*positive integer"),
    (lambda: Text(learning_rate=0), "learning_rate.*positive number"),
    (lambda: Text(temperatures=(-1,)), "temperatures.*0 or more"),
]


@pytest.mark.parametrize("case", range(len(BAD)))
def test_bad_input(case):
    make, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        make()


def test_statistics_over_time(tmp_path):
    model = TINY["readout-times"].network("shared", 0)
    found = analysis.statistics_over_time(model)
    assert next(iter(found)) == "graph/V1_to_V1/norm_a"
    norm = model.get_layer("graph").blocks[0].layers[0]
    rows = np.arange(4.0).reshape(2, 2)
    norm.moving_mean.assign(rows)
    norm.moving_variance.assign(rows**2)
    again = analysis.statistics_over_time(model)["graph/V1_to_V1/norm_a"]
    np.testing.assert_allclose(again.mean, rows)
    np.testing.assert_allclose(again.deviation, rows)
    figure = analysis.plot_statistics(model, tmp_path / "statistics.png")
    assert (tmp_path / "statistics.png").read_bytes()[:4] == b"\x89PNG"
    means, deviations = figure.axes[:2]
    assert [list(line.get_ydata()) for line in means.lines] == [[0, 2], [1, 3]]
    assert len(deviations.lines) == 2
    with pytest.raises(ValueError, match="no TimeSpecificBatchNormalization"):
        analysis.statistics_over_time(keras.Sequential([keras.Input((2,))]))
