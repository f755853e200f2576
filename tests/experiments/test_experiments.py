"""Every experiment through one harness: run, resume, report, refuse."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

from keras_recur import analysis, data, experiments
from keras_recur.experiments import (
    FeaturesExperiment,
    ReadoutTimesExperiment,
    ReplayExperiment,
    SharingExperiment,
    SupervisionExperiment,
    TextExperiment,
    run_experiment,
)
from keras_recur.experiments._images import error_of
from keras_recur.experiments.replay_page import headline
from keras_recur.experiments.run_experiment import refresh_page
from keras_recur.reports.card import write_card, write_table
from keras_recur.runs import RunFolder, make_entry

pytestmark = pytest.mark.once  # Networks and training are tested on every backend.


def supervised(**recipe):
    return make_entry(
        "mlp",
        "digits",
        quick=True,
        model={"width": 3, "iterations": 2},
        num_examples=32,
        recipe={**recipe, "milestones": ()},
    )


def replayed(epochs=1, **changes):
    entry = make_entry(
        "deep_thinking_1d",
        "prefix_sums",
        quick=True,
        size=4,
        num_examples=2_000,
        model={"width": 8, "iterations": 4},
        recipe={
            "epochs": epochs,
            "batch_size": 10,
            "learning_rate": 0.02,
            "warmup": 0,
            "milestones": (),
        },
    )
    recipe = dataclasses.replace(
        entry.recipe("recurrent"), **{"replay_from": 1, **changes}
    )
    return dataclasses.replace(entry, recipes={**entry.recipes, "recurrent": recipe})


TINY = {
    "sharing": SharingExperiment(
        width=2,
        resnet_times=(4,),
        stage_loops=1,
        frnn_times=(3,),
        epochs=1,
        num_examples=32,
    ),
    "readout-times": ReadoutTimesExperiment(
        width=2, trained=5, first=4, last=6, epochs=1, num_examples=32
    ),
    "text": TextExperiment(
        model={"width": 4},
        length=6,
        epochs=1,
        num_examples=64,
        sample_length=3,
        prompt="The ",
    ),
    "supervision": SupervisionExperiment(supervised(epochs=1), ("uniform", "final")),
    "features": FeaturesExperiment(
        supervised(epochs=1),
        probe_examples=100,
        ablation_examples=30,
        similarity_examples=20,
    ),
    "replay": ReplayExperiment(replayed(), sizes=(4, 6), longest=9, long_run=20),
}
OTHER = {name: {"epochs": 2} for name in TINY} | {
    "supervision": {"entry": supervised(epochs=2)},
    "replay": {"entry": replayed(epochs=2)},
    "features": {"entry": supervised(epochs=2)},
}
SCORES = {
    "replay": "accuracy",
    "features": "accuracy",
    "supervision": "area",
    "sharing": "error",
    "readout-times": "error",
    "text": "bits_per_character",
}
each = pytest.mark.parametrize("name", TINY)


@pytest.fixture(scope="module", autouse=True)
def little_text():
    """Of the text that is tested on, not all."""
    real = data.load

    def load(name, split, *args, **kwargs):
        loaded = real(name, split, *args, **kwargs)
        return loaded.take(80) if (name, split) == ("python_docs", "test") else loaded

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "load", load)
        yield


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


def test_list_experiments_has_all():
    assert experiments.list_experiments() == [
        "sharing",
        "readout-times",
        "supervision",
        "replay",
        "features",
        "text",
    ]
    for name in experiments.list_experiments():
        assert experiments.get_experiment(name) is type(TINY[name])
        settings = {"entry": supervised()} if name == "supervision" else {}
        experiment = type(TINY[name]).quick(**settings)
        assert experiment.as_dict()["recipe"]["source"]
    with pytest.raises(ValueError, match=r"Received: name='shared'.*Did you mean.*ing"):
        experiments.get_experiment("shared")


@each
def test_run_experiment_writes_all_files(name, ran):
    folder, results = ran(name)
    assert json.loads((folder / "results.json").read_text()) == json.loads(
        json.dumps(results)
    )
    experiment = TINY[name]
    assert [r["network"] for r in results["runs"]] == list(experiment.networks)
    for result in results["runs"]:
        assert result["status"] == "finished"
        assert result["provenance"]["backend"] == keras.backend.backend()
        # One epoch of text may be worse than guessing.
        assert 0 < result[SCORES[name]] < 100
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
def test_run_experiment_keeps_finished_networks(name, ran):
    folder, results = ran(name)
    files = {p: p.stat().st_mtime_ns for p in folder.glob("seed-*/*/result.json")}
    assert len(files) == len(results["runs"])
    with pytest.raises(ValueError, match="holds this run already.*--resume"):
        run_experiment(TINY[name], folder, [0])
    again = run_experiment(TINY[name], folder, [0], resume=True)
    assert again["runs"] == results["runs"]
    assert files == {p: p.stat().st_mtime_ns for p in files}
    other = dataclasses.replace(TINY[name], **OTHER[name])
    with pytest.raises(ValueError, match="another configuration.*epochs: 1, not 2"):
        run_experiment(other, folder, [0], resume=True)


@each
def test_some_networks_can_have_more_seeds(name, ran, tmp_path):
    folder, results = ran(name)
    folder = shutil.copytree(folder, tmp_path / "run")
    first, *others = TINY[name].networks
    more = run_experiment(TINY[name], folder, [1], networks=[first], resume=True)
    counts = {n: c["seeds"] for n, _, c in TINY[name].by_network(more["runs"])}
    assert counts == {first: 2, **dict.fromkeys(others, 1)}
    assert [r for r in more["runs"] if r["seed"] == 0] == results["runs"]
    place = write_card(folder, tmp_path / "zoo")
    published = RunFolder(place).read_json("results.json")
    assert len(published["runs"]) == len(results["runs"]) + 1
    result = RunFolder(folder).twin(1, first) / "result.json"
    result.unlink()
    with pytest.raises(ValueError, match="is not finished: seed 1 of"):
        write_card(folder, tmp_path / "zoo")


@each
def test_write_card_publishes_an_experiment(name, ran, tmp_path):
    folder, results = ran(name)
    place = write_card(folder, tmp_path, "tiny")
    expected = {
        "sharing": "sharing-digits-tiny",
        "readout-times": "readout-times-digits-tiny",
        "text": "text-tiny",
        "supervision": "supervision-mlp-digits-tiny",
        "replay": "replay-deep_thinking_1d-prefix_sums-tiny",
        "features": "features-mlp-digits-tiny",
    }
    assert place == tmp_path / "experiments" / expected[name]
    published = RunFolder(place).read_json("results.json")
    assert published["summary"] == json.loads(json.dumps(results["summary"]))
    card = (place / "README.md").read_text()
    assert card == (folder / "README.md").read_text()
    readme = tmp_path / "README.md"
    marks = "<!-- zoo table: keras-recur card -->", "<!-- end of zoo table -->"
    marks += "<!-- experiments: keras-recur card -->", "<!-- end of experiments -->"
    readme.write_text("\n".join(marks))
    write_table(tmp_path, readme)
    _, _, headline, *_ = card.split("\n")
    assert f"/experiments/{expected[name]}): {headline}\n" in readme.read_text()
    refresh_page(place)
    assert (place / "README.md").read_text() == card
    assert not (place / "report.html").exists()
    assert {p.name for p in place.glob("plots/*")} == {
        p.name for p in folder.glob("plots/*")
    }


def test_run_experiment_resumes(tmp_path, ran):
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


def test_run_experiment_counts_divergence_as_guessing(tmp_path):
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


def test_sharing_stages_share_the_named_states():
    experiment = SharingExperiment(width=2, stage_loops=2)
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


def test_supervision_differs_in_sharing_and_loss_alone():
    experiment = TINY["supervision"]
    recipes = {n: experiment.recipe(n) for n in experiment.networks}
    for name, recipe in recipes.items():
        assert recipe.loss_weights == name.partition("-")[2]
        assert (
            dataclasses.replace(recipe, loss_weights="final")
            == (recipes["recurrent-final"])
        )
    models = {n: experiment.network(n, 0) for n in experiment.networks}
    for twin in ("recurrent", "feedforward"):
        one, other = (models[f"{twin}-{loss}"] for loss in experiment.losses)
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert one.output_shape == (None, 2, 10)
    shared, own = (m.count_params() for m in list(models.values())[::2])
    assert own - shared == 3 * 3 + 3


def test_supervision_replaces_state_replay():
    entry = make_entry("deep_thinking_1d", "prefix_sums", quick=True)
    assert entry.recipe("recurrent").replay
    changed = {"replay_same": 0.7, "replay_from": 5, "replay_limit": 9}
    recipe = dataclasses.replace(entry.recipe("recurrent"), **changed)
    entry = dataclasses.replace(entry, recipes={**entry.recipes, "recurrent": recipe})
    experiment = SupervisionExperiment(entry)
    for name in experiment.networks:
        recipe = experiment.recipe(name)
        assert (recipe.replay, recipe.window) == (0, None)
        assert recipe.loss_weights == name.partition("-")[2]


def test_effects_of_supervision_by_hand():
    experiment = TINY["supervision"]
    scores = {  # Two seeds: uniform, final; recurrent, then feed-forward.
        "recurrent-uniform": (0.9, 0.8),
        "recurrent-final": (0.5, 0.6),
        "feedforward-uniform": (0.8, 0.8),
        "feedforward-final": (0.4, 0.4),
    }
    results = [
        {
            "network": name,
            "seed": seed,
            "status": "finished",
            "area": values[seed],
            "last_accuracy": values[seed] / 2,
            "flip_rate": 0.0,
            "parameters": 1,
            "seconds": 1.0,
        }
        for name, values in scores.items()
        for seed in (0, 1)
    ]
    effects = experiment.summarize(results)["effects"]
    # Seed 0: 0.45 - 0.85, seed 1: 0.5 - 0.8; 0.7 - 0.6 and 0.7 - 0.6.
    mean, error = effects["final against uniform"]["area"]
    assert (mean, error) == (pytest.approx(-0.35), pytest.approx(0.05))
    mean, error = effects["recurrent against feed-forward"]["area"]
    assert (mean, error) == (pytest.approx(0.1), pytest.approx(0))
    half = effects["recurrent against feed-forward"]["last_accuracy"]
    assert half[0] == pytest.approx(0.05)
    # A seed that is not whole is left out.
    assert experiment.summarize(results[:-1])["effects"]["final against uniform"][
        "area"
    ] == [pytest.approx(-0.4), None]


def test_features_of_positions(tmp_path):
    experiment = FeaturesExperiment(
        replayed(), probe_examples=12, ablation_examples=10, similarity_examples=10
    )
    assert experiment.as_dict()["size"] == 4
    results = run_experiment(experiment, tmp_path / "run", [0, 1])
    for run in results["runs"]:
        assert np.shape(run["probe_positions"]) == (5,) == np.shape(run["head"])
        assert "probe_mean" not in run
        assert min(run["head"][1:]) > 0.4
    assert "preferred" not in results["together"]
    card = (tmp_path / "run" / "README.md").read_text()
    assert "One probe reads the states of all positions" in card
    assert "4 x 4" not in card and "probe after the last" in card
    guessed = experiment.chance_score()
    assert guessed["probe_positions"] == [0.5] * 5 and guessed["accuracy"] == 0


def test_replay_differs_in_the_rows_that_go_on_alone():
    experiment = TINY["replay"]
    none, same, both = map(experiment.recipe, experiment.networks)
    assert both == experiment.entry.recipe("recurrent")
    assert (none.replay, same.replay, both.replay) == (0, 0.66, 0.66)
    assert (same.replay_same, both.replay_same) == (1, 0.5)
    assert dataclasses.replace(same, replay_same=0.5) == both
    assert dataclasses.replace(none, replay=0.66, replay_from=1) == both
    weights = [experiment.network(n, 3).get_weights() for n in experiment.networks]
    for one, two, three in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def test_replay_scores_sizes_and_long_runs():
    experiment = TINY["replay"]
    assert experiment.test_sizes == (4, 6, 9)
    assert [experiment.iterations_at(s) for s in (4, 6, 9)] == [4, 6, 9]
    settings = experiment.as_dict()
    assert settings["examples"] == [100, 100, 10]
    assert settings["iterations"] == [4, 6, 9]
    model = experiment.network("none", 0)
    score = experiment.score("none", 0, model)
    test = experiment.load("test")
    curve = analysis.iteration_curve(model, test, 256)
    assert score["over_iterations"] == [curve[n - 1] for n in (4, 16, 64, 256)]
    assert score["long_run"] == curve[19]
    longest = experiment.entry.test_data(9, at_most=10)
    assert score["accuracies"][0] == curve[3]
    assert score["accuracies"][2] == analysis.iteration_curve(model, longest, 9)[8]


def test_replay_runs_over_seeds(tmp_path):
    entry = dataclasses.replace(TINY["replay"].entry, num_examples=40)
    experiment = dataclasses.replace(TINY["replay"], entry=entry)
    results = run_experiment(experiment, tmp_path / "run", [0, 1])
    assert {n["seeds"] for n in results["summary"]["networks"].values()} == {2}


def replay_results(**scores):
    """Return results of several seeds: accuracy at the last size, and in the end."""
    return [
        {
            "network": network.replace("_", "-"),
            "seed": seed,
            "status": "finished" if last else "diverged",
            "accuracies": [1.0, 1.0, last],
            "over_iterations": [1.0, 1.0, 1.0, end],
            "long_run": end,
            "parameters": 1,
            "seconds": 1.0,
        }
        for network, values in scores.items()
        for seed, (last, end) in enumerate(values)
    ]


def test_summary_of_replay_by_hand():
    experiment = TINY["replay"]
    results = replay_results(
        none=[(0.5, 0.5), (0.3, 0.4)],
        same=[(0.97, 0.99), (0.0, 0.98)],
        same_and_other=[(1.0, 1.0), (1.0, 1.0)],
    )
    summary = experiment.summarize(results)
    none, same, both = summary["networks"].values()
    assert none["sizes"][2] == [pytest.approx(0.4), pytest.approx(0.1)]
    assert none["long_run"] == [pytest.approx(0.45), pytest.approx(0.05)]
    assert [n["solved"] for n in (none, same, both)] == [[2, 2, 0], [2, 2, 1], [2] * 3]
    # One point less is still allowed.
    assert [n["forgot"] for n in (none, same, both)] == [2, 1, 0]
    assert same["failed_seeds"] == 1
    assert summary["effects"]["none"] == [pytest.approx(0.6), pytest.approx(0.1)]
    content = {"summary": summary, "settings": experiment.as_dict(), "runs": results}
    assert headline(content) == (
        "At size 9 (9 iterations), replay of same and other examples scores 60.0 ± "
        "10.0 points more than no replay and is not clearly different from same "
        "example (51.5 ± 48.5 points). Seeds with at least 97 % there: 0 of 2 with no "
        "replay, 1 of 2 with same example, 2 of 2 with same and other examples. Seeds "
        "that forget in 20 iterations on the trained size: 2 of 2 with no replay, 1 of "
        "2 with same example, 0 of 2 with same and other examples."
    )
    # A seed without all networks is left out of the differences.
    assert experiment.summarize(results[:-1])["effects"]["none"] == [0.5, None]
    content["summary"] = experiment.summarize(results[:2])
    assert headline(content) == "No seed has finished all of its networks."


def test_error_of_counts_wrong_labels():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Identity()])
    x = np.eye(2, dtype="float32")[[0, 1, 1, 0]]
    data = [(x[:3], np.array([0, 1, 0])), (x[3:], np.array([1]))]
    assert error_of(model, data) == 0.5


BAD = [
    (lambda: SharingExperiment(data="mazes"), "Received: data='mazes'.*'digits'"),
    (lambda: SharingExperiment(resnet_times=(3,)), r"resnet_times.*4 or more.*\(3,\)"),
    (lambda: SharingExperiment(frnn_times=()), "frnn_times.*2 or more"),
    (lambda: ReadoutTimesExperiment(first=3), "first.*last state is empty"),
    (lambda: ReadoutTimesExperiment(trained=6), "trained.*nearest allowed value is 7"),
    (lambda: ReadoutTimesExperiment(last=12), "last.*nearest allowed value is 13"),
    (
        lambda: SupervisionExperiment(supervised(), ("final",)),
        r"two or more different.*\('final',\)",
    ),
    (
        lambda: SupervisionExperiment(supervised(), ("final", "unifrom")),
        "Received: losses='unifrom'.*Did you mean 'uniform'",
    ),
    (
        lambda: SupervisionExperiment(make_entry("swrn", "cifar10")),
        "swrn has no `iterations`",
    ),
    (
        lambda: ReplayExperiment(replayed(replay=0.0, replay_from=50)),
        "`replay` above 0.*replay=0.0",
    ),
    (
        lambda: ReplayExperiment(replayed(replay_same=1.0)),
        "`replay_same` below 1.*replay_same=1.0",
    ),
    (lambda: ReplayExperiment(make_entry("swrn", "cifar10")), "swrn has no `iter"),
    (lambda: ReplayExperiment(supervised(replay=0.5), (8,)), "sizes.*any size.*dig"),
    (
        lambda: ReplayExperiment(longest=512),
        "longest.*larger than the other test sizes, up to 512",
    ),
    (lambda: ReplayExperiment(sizes=(16, 2)), "split 'test' is empty.* 2 bits"),
    (lambda: ReplayExperiment(long_run=19), "long_run.*from 20 to"),
    (
        lambda: ReplayExperiment(
            dataclasses.replace(
                replayed(), model={**replayed().model, "sharing": "none"}
            )
        ).network("none", 0),
        "weights are shared by all iterations",
    ),
    (lambda: TextExperiment(length=0), "length.*positive integer"),
    (lambda: TextExperiment(learning_rate=0), "learning_rate.*positive number"),
    (lambda: TextExperiment(temperatures=(-1,)), "temperatures.*0 or more"),
]


@pytest.mark.parametrize("case", range(len(BAD)))
def test_bad_input(case):
    make, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        make()


def test_batch_norm_statistics_over_time(tmp_path):
    model = TINY["readout-times"].network("shared", 0)
    found = analysis.batch_norm_statistics(model)
    assert next(iter(found)) == "graph/V1_to_V1/norm_a"
    norm = model.get_layer("graph").blocks[0].layers[0]
    rows = np.arange(4.0).reshape(2, 2)
    norm.moving_mean.assign(rows)
    norm.moving_variance.assign(rows**2)
    again = analysis.batch_norm_statistics(model)["graph/V1_to_V1/norm_a"]
    np.testing.assert_allclose(again.mean, rows)
    np.testing.assert_allclose(again.deviation, rows)
    figure = analysis.plot_batch_norm_statistics(model, tmp_path / "statistics.png")
    assert (tmp_path / "statistics.png").read_bytes()[:4] == b"\x89PNG"
    means, deviations = figure.axes[:2]
    assert [list(line.get_ydata()) for line in means.lines] == [[0, 2], [1, 3]]
    assert len(deviations.lines) == 2
    with pytest.raises(ValueError, match="no TimeSpecificBatchNormalization"):
        analysis.batch_norm_statistics(keras.Sequential([keras.Input((2,))]))
