"""README, its figure and the project's files: their form and their numbers."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from keras_recur.experiments import features_page
from keras_recur.experiments.features_claims import headline
from keras_recur.runs.summary import in_percent, percent, with_error
from keras_recur.zoo.entries import read_entry

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
DOCS = sorted((ROOT / "docs").glob("*.md")) + sorted(
    (ROOT / "docs/guides").glob("*.md")
)


def test_readme_is_short():
    lines = README.splitlines()
    assert len(lines) <= 160
    assert [line for line in lines if len(line) > 100 and line[0] != "|"] == []


def test_readme_has_its_chapters_in_order():
    assert re.findall(r"^## (.*)", README, re.MULTILINE) == [
        "Why",
        "Install",
        "Quickstart",
        "Loop your own block",
        "Trained entries and early exit",
        "What is inside",
        "Model families",
        "Results",
        "Command line",
        "Documentation, contributing, citation, license",
    ]


def test_readme_names_every_family():
    from keras_recur import zoo

    table = README.split("## Model families")[1].split("## Results")[0]
    assert set(zoo.list_families()) == set(re.findall(r"`([a-z]\w+)`", table))


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS], ids=lambda p: p.name)
def test_links_lead_to_files(page):
    # Pages of these folders are generated when the documentation is built.
    made = ("families", "experiments", "reference", "_generated")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
        path = (page.parent / target).resolve()
        if "://" in target or set(path.relative_to(ROOT).parts[1:2]) & set(made):
            continue
        assert path.exists(), target


@pytest.mark.parametrize("page", DOCS, ids=lambda p: p.name)
def test_docs_include_nothing_from_the_readme(page):
    assert not re.search(r"include\}.*README", page.read_text("utf-8"))


# Of each row: the entry, and the places of its two sizes among those tested.
ROWS = {
    "deep_thinking_1d-prefix_sums": (0, 4),
    "deep_thinking_1d-prefix_sums-32-bits": (0, 1),
    "deep_thinking_2d-mazes": (0, 2),
    "feedback-digits": (0, None),
    "scnn-shortest_paths": (0, 1),
}


@pytest.mark.parametrize("name", ROWS)
def test_readme_results_are_those_of_the_files(name):
    results = read_entry(ROOT / "zoo" / name)
    twins = [results["summary"][twin] for twin in ("recurrent", "feedforward")]
    cells = [str(twins[0]["seeds"])]
    counts = (results["costs"][t]["parameters"] for t in ("recurrent", "feedforward"))
    cells.append(" / ".join(f"{count:,}" for count in counts))
    for place in ROWS[name]:
        scores = [twin["sizes"][place] for twin in twins] if place is not None else []
        shown = [percent(s["mean"], s["standard_error"]) for s in scores]
        cells.append(" / ".join(shown).replace(" %", "") or "–")
    (row,) = (line for line in README.splitlines() if f"](zoo/{name}) |" in line)
    assert row.endswith(f"| {' | '.join(cells)} |")


def test_readme_has_at_most_eight_results():
    table = README.split("## Results")[1].split("## Command line")[0]
    rows = [line for line in table.splitlines() if line.startswith("| [")]
    assert len(rows) == len(ROWS) <= 8


@pytest.fixture
def figure():
    """The script that draws the README's figure."""
    path = ROOT / "docs" / "figures" / "readme_figure.py"
    spec = importlib.util.spec_from_file_location("readme_figure", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_figure_shows_the_numbers_of_the_results(figure):
    results = json.loads(figure.RESULTS.read_text("utf-8"))
    for twin, found in figure.numbers(results).items():
        summary = results["summary"][twin]
        assert found["seeds"] == summary["seeds"]
        assert found["parameters"] == results["costs"][twin]["parameters"]
        assert found["sizes"] == [row["size"] for row in summary["sizes"]]
        for name, key in (("mean", "mean"), ("error", "standard_error")):
            expected = [100 * row[key] for row in summary["sizes"]]
            assert found[name] == pytest.approx(expected)
        for size, curve in found["curves"].items():
            runs = [run for run in results["runs"] if run["twin"] == twin]
            ends = [
                t["curve"][-1] for r in runs for t in r["tests"] if t["size"] == size
            ]
            assert curve[-1] == pytest.approx(100 * sum(ends) / len(ends))


def test_caption_of_the_figure_is_true(figure):
    shown = figure.numbers(json.loads(figure.RESULTS.read_text("utf-8")))
    recurrent, twin = shown["recurrent"], shown["feedforward"]
    caption = " ".join(README.split("\n\n*Both")[1].split("## Why")[0].split())
    assert f"{recurrent['seeds']} seeds" in caption
    last = f"{recurrent['mean'][-1]:.1f} ± {recurrent['error'][-1]:.1f} %"
    assert f"solves {last} of 100 strings of 512 bits" in caption
    ratio = twin["parameters"] / recurrent["parameters"]
    assert f"{ratio:.0f} times the parameters" in caption
    assert recurrent["curves"][512][-1] > 97 and twin["mean"][-1] == 0
    runs = json.loads(figure.RESULTS.read_text("utf-8"))["runs"]
    last = [r["tests"][-1]["accuracy"] for r in runs if r["twin"] == "recurrent"]
    assert f"({last.count(1.0)} seeds solve all)" in caption
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    assert f"*Both {caption}" in " ".join(index.split())


def test_figure_is_drawn(figure, tmp_path):
    figure.main(tmp_path / "readme.png")
    for path in (tmp_path / "readme.png", ROOT / "docs" / "figures" / "readme.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert 10_000 < path.stat().st_size < 100_000
    lines = figure.draw(json.loads(figure.RESULTS.read_text("utf-8"))).axes[0].lines
    assert [len(line.get_xdata()) for line in lines] == [640] * len(figure.DRAWN)


def test_citation_is_complete():
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert found["cff-version"] == "1.2.0" and found["license"] == "Apache-2.0"
    assert found["authors"] == [{"name": "keras_recur contributors"}]
    for paper in found["references"]:
        assert paper["title"] and paper["year"] and paper["authors"]
        assert paper["url"] in README


def test_license_is_apache():
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text


def test_changelog_names_no_public_name_that_is_missing():
    import keras_recur

    rows = re.findall(
        r"^\|.*\|(.*)\|$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M
    )
    names = re.findall(r"`((?:\w+\.)+\w+)", " ".join(rows))
    assert len(names) > 20
    for name in names:
        found = keras_recur
        for part in name.split("."):
            found = found if part == "keras_recur" else _attribute(found, part)


def _attribute(value, name):
    fields = getattr(value, "__dataclass_fields__", {})
    return fields[name] if name in fields else getattr(value, name)


def test_guide_shows_the_published_figures_of_replay():
    folder = ROOT / "zoo/experiments/replay-deep_thinking_1d-prefix_sums"
    results = json.loads((folder / "results.json").read_text("utf-8"))
    networks = results["summary"]["networks"].values()
    sizes = results["settings"]["sizes"]

    def row(name, pairs):
        return " | ".join([f"| {name}", *(in_percent(*pair) for pair in pairs)]) + " |"

    guide = (ROOT / "docs/guides/loops_that_settle.md").read_text("utf-8")
    long_runs = [found["long_run"] for found in networks]
    assert row("16 bits, 10,000 iterations", long_runs) in guide
    for size in (512, 4096):
        place = sizes.index(size)
        scores = [found["sizes"][place] for found in networks]
        assert row(f"{size:,} bits", scores) in guide
        *_, both = networks
        count = f"{both['solved'][place]} of {both['seeds']}"
        assert count in " ".join(guide.split())


def test_guide_shows_the_published_figures_of_features():
    names = (
        "resnet_bn-fashion_mnist",
        "convnet-fashion_mnist",
        "deep_thinking_1d-prefix_sums",
        "deep_thinking_2d-mazes",
    )
    files = [ROOT / f"zoo/experiments/features-{n}/results.json" for n in names]
    found = dict(
        zip(names, (json.loads(f.read_text("utf-8")) for f in files), strict=True)
    )
    guide = (ROOT / "docs/guides/what_iterations_see.md").read_text("utf-8")
    _, rows = features_page.networks_table(found[names[0]])
    shown = [row for row in rows if f"| {' | '.join(row)} |" in guide]
    assert [name for name, *_ in shown] == [
        "probe before the first iteration",
        "probe after the last",
        "the same, before training",
        "rank correlation",
        "loss if two iterations change places",
    ]
    single = [
        (names[2], "recurrent", "head", 10),
        (names[2], "recurrent", "head", 16),
        (names[2], "feedforward", "probe_positions", 16),
        (names[3], "recurrent", "head", 8),
        (names[3], "feedforward", "probe_positions", 8),
    ]
    for name, network, curve, number in single:
        score = found[name]["summary"]["networks"][network][curve][number]
        assert f"{in_percent(*score)} %" in guide
    for network in found[names[1]]["summary"]["networks"].values():
        assert with_error(*network["rank_correlation"], digits=2) in guide
    assert guide.count(" ± ") == 2 * len(shown) + len(single) + 2
    verdicts = [
        re.findall(r": (holds|does not hold|cannot be told) \(", headline(found[name]))
        for name in names[:2]
    ]
    assert verdicts == [
        ["does not hold", "holds", "holds"],
        ["cannot be told", "holds", "holds"],
    ]
    assert "clear in states 3, 4;" in headline(found[names[0]])
    kept = [
        [f"{row['kept']:.0%}" for row in found[name]["together"]["preferred"]]
        for name in names[:2]
    ]
    assert kept == [["89%", "78%", "100%"], ["25%", "16%", "90%"]]
