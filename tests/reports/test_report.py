"""Report, plots and card of a run, and the way back through zoo.load."""

import re

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from keras_recur import reports, runs, zoo
from keras_recur.reports import run_plots as plots
from keras_recur.reports.card import refresh_card, write_card, write_table, zoo_table
from keras_recur.reports.run_plots import draw_all
from keras_recur.reports.run_report import accuracy_table, headline
from keras_recur.runs.compare import write_results

pytestmark = pytest.mark.once


def test_report_is_one_file_with_everything_inside(run):
    page = reports.write_report(run).read_text()
    sources = re.findall(r'(?:src|href)="([^"]{0,22})', page)
    kinds = [s.partition(";base64,")[0] for s in sources]
    assert kinds == ["data:image/png"] * 6 + ["data:image/gif"]
    results = run.read_json("results.json")
    header, rows = accuracy_table(results)
    for text in (*header[1:], *rows[0], "parameters", "backend", headline(results)):
        assert text in page
    names = "iterations", "settling", "sizes", "macs", "training", "thinking"
    for name in (*names, "unfolding"):
        assert (run.path / f"plots/{name}.png").read_bytes()[:4] == b"\x89PNG"
    assert (run.path / "plots/unfolding.gif").read_bytes()[:4] == b"GIF8"


def test_report_replaces_a_large_animation(run, monkeypatch):
    monkeypatch.setattr("keras_recur.reports.example_plots.LARGEST_ANIMATION", 10)
    page = reports.write_report(run).read_text()
    assert "data:image/gif" not in page and page.count("data:image/png") == 7


def test_macs_are_those_of_shorter_networks(run):
    results = run.read_json("results.json")
    pair = run.entry().pair(0)
    for twin, iterations in (("recurrent", 8), ("feedforward", 2)):
        for size, found in zip((4, 8), results["macs"][twin], strict=True):
            assert len(found) == iterations
            built = zoo.costs(getattr(pair, twin), (size, 1)).macs
            assert found[1] == built and 0 < found[0] < found[1]


def test_results_without_macs_have_no_such_plot(run, tmp_path):
    results = run.read_json("results.json")
    with_macs = [name for name, _ in draw_all(results, tmp_path)]
    del results["macs"]
    without = [name for name, _ in draw_all(results, tmp_path)]
    assert [n for n in with_macs if n not in without] == ["macs.png"]


def test_macs_plot_draws_score_against_macs(run):
    results = run.read_json("results.json")
    runs_of_twin = [r for r in results["runs"] if r["twin"] == "recurrent"]
    for result, score in zip(runs_of_twin, (0.25, 0.75), strict=True):
        result["tests"][0]["curve"] = [0.0, score, 1.0, 1.0]
    figure = plots._macs(results)
    line, ring, *_ = figure.axes[0].lines
    counts = results["macs"]["recurrent"][0][:4]
    np.testing.assert_allclose(line.get_xdata(), np.array(counts) / 1e3)
    np.testing.assert_allclose(line.get_ydata(), [0, 50, 100, 100])
    assert figure.axes[0].get_xlabel() == "MACs of one example (thousands)"
    # Two iterations were trained.
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (counts[1] / 1e3, 50)
    assert [axes.get_title() for axes in figure.axes] == ["size 4 (trained)", "size 8"]


@pytest.mark.parametrize("count", [2, 4, 7])
def test_larger_inputs_have_paler_lines(run, count):
    results = run.read_json("results.json")
    results["entry"]["test_sizes"] = [4 + i for i in range(count)]
    for result in results["runs"]:
        result["tests"] = count * result["tests"][:1]
    (axes,) = plots._iterations(results).axes
    colors = [
        sum(to_rgb(line.get_color()))
        for line in axes.lines
        if line.get_label().startswith("recurrent")
    ]
    assert len(set(colors)) == count and colors == sorted(colors)


def test_report_of_one_twin_and_of_a_diverged_one(one_twin):
    write_results(one_twin)
    assert "feed-forward twin alone" in reports.write_report(one_twin).read_text()
    name = "seed-0/feedforward/result.json"
    diverged = {"status": "diverged", "message": "", "tests": []}
    one_twin.write_json(name, one_twin.read_json(name) | diverged)
    write_results(one_twin)
    assert "1 of 1" in reports.write_report(one_twin).read_text()


def test_report_refuses_a_folder_without_results(tmp_path):
    with pytest.raises(ValueError, match="it is not a run folder"):
        reports.write_report(runs.RunFolder(tmp_path))


def test_write_card_adds_a_suffix(run, tmp_path):
    place = write_card(run.path, tmp_path / "zoo", "longer")
    assert place.name == "deep_thinking_1d-prefix_sums-longer"
    assert f'zoo.load("{place.name}")' in (place / "README.md").read_text()
    assert place.name in zoo_table(tmp_path / "zoo")
    with pytest.raises(ValueError, match="suffix='../up'"):
        write_card(run.path, tmp_path / "zoo", "../up")


def test_load_reads_a_written_card(run, tmp_path, monkeypatch):
    place = write_card(run.path, tmp_path / "zoo")
    assert place.name == "deep_thinking_1d-prefix_sums"
    card = (place / "README.md").read_text()
    for link in re.findall(r"\]\((plots/[^)]*)\)", card):
        assert (place / link).exists()
    assert "zoo.load" in card and "| parameters |" in card and "<details>" in card
    assert refresh_card(place) == place
    assert (place / "README.md").read_text() == card
    monkeypatch.setattr("keras_recur.zoo.entries._PLACES", (tmp_path / "zoo",))
    assert zoo.list_entries() == [place.name]
    pair = zoo.load(place.name)
    trained = run.entry().pair(0)
    trained.recurrent.load_weights(run.twin(0, "recurrent") / "model.weights.h5")
    x = np.linspace(-1, 1, 10).reshape(1, 10, 1)
    np.testing.assert_allclose(
        pair.recurrent.predict(x, verbose=0), trained.recurrent.predict(x, verbose=0)
    )
    with pytest.raises(ValueError, match=f"Did you mean '{place.name}'"):
        zoo.load("deep_thinking_1d-prefix_sum")


def test_load_warns_about_weights_that_are_too_large(run, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_recur.zoo.entries._PLACES", (tmp_path / "zoo",))
    small = run.twin(0, "recurrent") / "model.weights.h5"
    limit = small.stat().st_size
    monkeypatch.setattr("keras_recur.reports.card.LARGEST_WEIGHTS", limit)
    place = write_card(run.path, tmp_path / "zoo")
    with pytest.warns(UserWarning, match="weights of the feedforward twin"):
        _ = zoo.load(place.name).feedforward
    monkeypatch.setattr("keras_recur.reports.card.LARGEST_WEIGHTS", 1)
    (place / "recurrent.weights.h5").unlink()
    write_card(run.path, tmp_path / "zoo")
    with pytest.raises(ValueError, match="without weights"):
        zoo.load(place.name)


def test_write_table_replaces_text_between_markers(run, tmp_path):
    write_card(run.path, tmp_path / "zoo")
    readme = tmp_path / "README.md"
    readme.write_text("before\n")
    with pytest.raises(ValueError, match="must contain the lines"):
        write_table(tmp_path / "zoo", readme)
    readme.write_text(
        "before\n<!-- zoo table: keras-recur card -->\nold\n"
        "<!-- end of zoo table -->\nafter\n"
    )
    write_table(tmp_path / "zoo", readme)
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n")
    assert "old" not in text and zoo_table(tmp_path / "zoo") in text


def test_write_card_refuses_an_unfinished_run(one_twin, tmp_path):
    with pytest.raises(ValueError, match="seed 0 of the recurrent missing"):
        write_card(one_twin.path, tmp_path / "zoo")


def test_write_card_refuses_truncated_results(run, tmp_path):
    path = run.path / "results.json"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="results.json is damaged"):
        write_card(run.path, tmp_path / "zoo")
