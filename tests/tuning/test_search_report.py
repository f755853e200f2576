"""Plots and report of a search."""

import base64
import re
import shutil
import subprocess

import pytest
from made_search import CONTENT, failed, made_row, made_rows

from keras_recur.reports.page import Page
from keras_recur.tuning import plot_equal_costs, plot_grid, plot_pareto
from keras_recur.tuning._equal_costs import comparisons, equal_groups, gains, points
from keras_recur.tuning._names import amount, look
from keras_recur.tuning.plot_equal_costs import _with_room
from keras_recur.tuning.search_report import write_search_report
from keras_recur.tuning.search_result import SearchResult
from keras_recur.tuning.search_tables import (
    costs_table,
    equal_parameters_comparisons,
    gains_table,
    scores_table,
    search_headline,
    sharing_table,
)

pytestmark = pytest.mark.once


def at_equal_macs(scores, sharing="all", macs=1000):
    """Return rows of equal MACs and width 8 / t; `scores` maps t to its scores."""
    return [
        made_row(8 // t, t, sharing, seed, macs=macs, accuracy=score)
        for t, every in scores.items()
        for seed, score in enumerate(every)
    ]


def headline(rows, **content):
    return search_headline(SearchResult(CONTENT | content, rows))


def test_headline_names_winner_lead_and_more_iterations():
    rows = at_equal_macs({1: [0.70, 0.72], 4: [0.80, 0.82]})
    text = headline(rows)
    # Both standard errors are 0.01, so that of the difference is 0.014.
    assert text == (
        "w2-t4-all won with a validation accuracy of 81.0 ± 1.0 % (2 seeds), 10.0 ± "
        "1.4 points ahead of w8-t1-all. At equal MACs, more iterations did better than "
        "more width (shared weights +10.0 ± 1.4 points). These numbers are the points "
        "of accuracy that more iterations and less width add."
    )


def test_headline_names_more_width():
    text = headline(at_equal_macs({1: [0.80, 0.82], 4: [0.70, 0.72]}))
    assert "more width did better than more iterations (shared weights -10.0" in text


def test_headline_names_no_difference():
    text = headline(at_equal_macs({1: [0.80, 0.82], 4: [0.81, 0.85]}))
    assert "did not differ by more than two standard errors" in text
    assert "(shared weights +2.0 ± 2.2 points)" in text


def test_headline_compares_every_sharing():
    rows = at_equal_macs({1: [0.70, 0.72], 4: [0.80, 0.82]})
    rows += at_equal_macs({1: [0.80, 0.82], 4: [0.70, 0.72]}, "none")
    text = headline(rows)
    assert "than more width (shared weights +10.0 ± 1.4 points); more width" in text
    assert "than more iterations (feed-forward twin -10.0 ± 1.4 points). " in text


def test_headline_of_unclear_comparisons():
    ends = {1: [0.70, 0.72], 4: [0.70, 0.72]}
    text = headline(at_equal_macs(ends | {2: [0.80, 0.82]}))
    assert "a compromise between" in text and "(w4-t2-all)" in text
    less = at_equal_macs({1: [0.70, 0.72], 4: [0.80, 0.82]})
    more = at_equal_macs({1: [0.80, 0.82], 4: [0.70, 0.72]}, macs=9000)
    more = [r | {"configuration": r["configuration"] + "x"} for r in more]
    assert "the number of MACs decided" in headline(less + more)
    text = headline(at_equal_macs({1: [0.70], 4: [0.80]}))
    assert "one seed per network cannot show" in text and "+10.0 points)" in text
    text = headline([made_row(8, 2, "all", 0), made_row(64, 2, "all", 0)])
    assert "No two finished networks have about equal MACs" in text
    lost = [made_row(8, 2, "all", 0), failed(made_row(8, 2, "all", 1), "diverged", "")]
    assert "(2 seeds, 1 failed)" in headline(lost)
    assert "validation F1" in headline(lost, metric="f1")


def of_sharing(sharing, scores, width=8, parameters=1000):
    """Return rows with 1 and 4 iterations and equal parameters."""
    return [
        made_row(width, t, sharing, seed, parameters=parameters, accuracy=score)
        for t, every in scores.items()
        for seed, score in enumerate(every)
    ]


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        ([0.80, 0.82], "in 1 and worse in 0 of 1 comparisons"),
        ([0.71, 0.72], "in 0 and worse in 0 of 1 comparisons"),
        ([0.60, 0.62], "in 0 and worse in 1 of 1 comparisons"),
    ],
)
def test_headline_compares_shared_weights_with_twins_at_equal_parameters(shared, said):
    rows = of_sharing("all", {1: [0.9, 0.9], 4: shared})
    rows += of_sharing("none", {1: [0.9, 0.9], 4: [0.70, 0.72]}, 6, 1100)
    assert f"better than feed-forward twins {said}" in headline(rows)
    # The loop with one iteration is not compared, nor are other sizes.
    ((_, _, score, other, difference),) = sharing_table(
        equal_parameters_comparisons(SearchResult(CONTENT, rows))
    )[1]
    assert score.endswith("(w8 t4)") and other == "71.0 ± 1.0 (w6 t4)"
    assert difference.startswith(f"{100 * (sum(shared) / 2 - 0.71):+.1f}")
    rows += of_sharing("none", {4: [0.9, 0.9]}, 7, 1200)
    assert f"better than feed-forward twins {said}" in headline(rows)


def test_gains_compare_the_best_iterations_with_the_fewest():
    rows = of_sharing("all", {1: [0.7, 0.7], 2: [0.8, 0.8], 4: [0.75, 0.75]})
    rows += of_sharing("all", {2: [0.5, 0.5]}, 16)  # Nothing to compare.
    found = gains(SearchResult(CONTENT, rows).configurations())
    _, table = gains_table(found)
    assert table == [
        ["all", "8", "70.0 ± 0.0 (w8 t1)", "80.0 ± 0.0 (w8 t2)", "+10.0 ± 0.0"]
    ]


def test_equal_macs_groups_are_disjoint_and_sorted():
    found = SearchResult(CONTENT, made_rows()).configurations()
    groups = equal_groups(found)
    assert groups and [len(g) for g in groups] == sorted(map(len, groups), reverse=True)
    for group in groups:
        macs = [c["macs"] for c in group]
        assert max(macs) <= 1.15 * min(macs)
        assert len({c["iterations"] for c in group}) > 1
    names = [c["configuration"] for group in groups for c in group]
    assert len(names) == len(set(names))
    assert len(equal_groups(found, one_amount=True)) == 1
    pairs = comparisons(groups)
    assert all(p.widest["width"] > p.longest["width"] for p in pairs)
    assert [p.sharing for p in pairs] == sorted(
        (p.sharing for p in pairs), key=["all", "groups of 2", "none"].index
    )


def test_report_contains_plots_tables_and_provenance(tmp_path):
    result = SearchResult(CONTENT, made_rows())
    path = write_search_report(tmp_path, result)
    page = path.read_text()
    assert path == tmp_path / "report.html" and not list(tmp_path.glob("*.partial"))
    kinds = re.findall(r'src="(data:image/[a-z]+);base64,([^"]*)"', page)
    names = ("grid", "pareto", "equal_macs", "equal_parameters")
    assert [kind for kind, _ in kinds] == ["data:image/png"] * len(names)
    for name, (_, data) in zip(names, kinds, strict=True):
        drawn = (tmp_path / "plots" / f"{name}.png").read_bytes()
        assert drawn[:4] == b"\x89PNG" and drawn == base64.b64decode(data)
    for text in (
        search_headline(result),
        "165 runs of 55 configurations",
        "w64-t8-none was trained again on 3 fresh seeds. Its test accuracy is 92.0 ± "
        "0.6 %.",
        "3 out of memory: needs 3.1 GB",
        "2 diverged: loss is NaN in epoch 3",
        "<td>max macs</td><td>500000000.0</td>",
        "<td>seeds</td><td>0, 1, 2</td>",
        "<td>backend</td><td>tensorflow</td>",
        "fewest iterations (%)",
        "What more iterations add at the same width",
        "shared weights (%)",
    ):
        assert text in page, text
    # Sorting loads nothing from other addresses.
    assert page.count("<script>") == 1 and "src=http" not in page


def test_tables_have_a_row_per_configuration_and_at_most_six_columns():
    result = SearchResult(CONTENT, made_rows())
    for header, rows in (scores_table(result), costs_table(result)):
        assert len(rows) == 55 and len(header) <= 6
        assert all(len(row) == len(header) for row in rows)
        assert rows[0][0] == "w64-t8-none"
        assert "peak memory (MB)" not in header  # It was not measured.
    header, rows = scores_table(result)
    scores = [row[header.index("accuracy (%)")] for row in rows]
    # Configurations without a finished seed come last and count as guessing.
    assert scores[-4:] == ["10.0 ± 0.0"] * 4 and "10.0 ± 0.0" not in scores[:-4]
    known = [made_row(8, 2, "all", 0, peak_memory=123_456_789)]
    header, (row,) = costs_table(SearchResult(CONTENT, known))
    assert row[header.index("peak memory (MB)")] == "123"
    assert "failures" not in header


def test_report_without_a_finished_run(tmp_path):
    rows = [failed(row, "out of memory", "too large") for row in made_rows()]
    result = SearchResult(CONTENT | {"winner": None}, rows)
    page = write_search_report(tmp_path, result).read_text()
    assert "No run has finished: 165 runs" in page
    assert "need finished runs" in page and "too large" in page
    # The grid shows the failures.
    assert [p.name for p in (tmp_path / "plots").iterdir()] == ["grid.png"]
    empty = SearchResult({**CONTENT, "winner": None, "settings": None}, [])
    page = write_search_report(tmp_path / "empty", empty).read_text()
    assert "no runs yet" in page and "<img" not in page


def test_report_of_winners_with_failed_seeds(tmp_path):
    for winner, text in (
        ({"configuration": "x"}, "No seed of x has finished."),
        (
            {"configuration": "x", "test_accuracy": [0.5, None], "twin": "y"},
            "x was trained again on 2 fresh seeds. Its test accuracy is 30.0 ± 20.0 %. "
            "1 of 2 seeds failed; a failed seed counts as guessing (10 %).",
        ),
    ):
        result = SearchResult(CONTENT | {"winner": winner}, made_rows()[:3])
        assert text in write_search_report(tmp_path, result).read_text()


def test_plots_show_every_sharing_and_the_front():
    rows = made_rows()
    for row in rows:
        row["peak_memory"] = 10 * row["activation_bytes"]
    result = SearchResult(CONTENT, rows)
    every = {c["configuration"]: c for c in result.configurations()}
    grid = plot_grid(result)
    titles = [axes.get_title(loc="left") for axes in grid.axes[:3]]
    assert titles == [
        "shared weights",
        "groups of 2",
        "feed-forward twin",
    ]
    texts = [text.get_text() for text in grid.axes[0].texts]
    assert f"{100 * every['w16-t4-all']['accuracy']:.1f}" in texts
    assert {"out of\nmemory\n10.0", "1/3", "10M"} <= set(texts)
    assert "\N{MIDDLE DOT}" in [text.get_text() for text in grid.axes[1].texts]
    pareto = plot_pareto(result)
    assert len(pareto.axes) == 4
    kinds = ["all", "groups of 2", "none"]
    front = {
        (f"w{c['width']} t{c['iterations']}", look(c["sharing"], kinds)["color"])
        for c in result.pareto()
    }
    names = {(text.get_text(), text.get_color()) for text in pareto.axes[0].texts}
    assert names <= front and len(names) >= len(front) - 1
    equal = plot_equal_costs(result)
    assert len(equal.axes) == 3 and len(equal.axes[0].containers) == 3
    equal = plot_equal_costs(result, "parameters")
    assert all("parameters" in axes.get_title() for axes in equal.axes)
    assert all(len(axes.containers) > 1 for axes in equal.axes)
    with pytest.raises(ValueError, match="Unknown value for `cost`"):
        plot_equal_costs(result, "seconds")


def test_labels_overlap_neither_each_other_nor_points():
    result = SearchResult(CONTENT, made_rows())
    figure = plot_pareto(result)
    from matplotlib.text import Text

    renderer = figure.canvas.get_renderer()
    for axes in figure.axes[:3]:
        boxes = [Text.get_window_extent(text, renderer) for text in axes.texts]
        assert len(boxes) > 4
        for i, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:i])
            for line in axes.containers:
                places = axes.transData.transform(line[0].get_xydata())
                assert not any(box.contains(*place) for place in places)


def test_plots_accept_sparse_and_small_searches():
    one = SearchResult(CONTENT, [made_row(8, 2, "bank of 2", 0)])
    assert plot_grid(one) and plot_pareto(one)
    assert plot_equal_costs(one) is None
    # With random configurations, most cells are empty and some costs are unknown.
    rows = [made_row(8 + 3 * i, 1 + i % 7, "all", 0) for i in range(20)]
    rows[3]["macs"] = rows[4]["activation_bytes"] = None
    assert plot_grid(SearchResult(CONTENT, rows))
    assert len(plot_pareto(SearchResult(CONTENT, rows)).axes) == 4
    kinds = ["all", "bank of 2", "bank of 4", "groups of 2", "none"]
    looks = [tuple(look(kind, kinds).values()) for kind in kinds]
    assert len(set(looks)) == 5
    many = [made_row(8, t, kind, 0, macs=9) for t in (1, 2) for kind in kinds[1:3]]
    many += [made_row(16 // t, t, "all", 0, macs=9) for t in (1, 2)]
    many += [row | {"sharing": "x", "configuration": "x"} for row in many[:1]]
    assert len(plot_grid(SearchResult(CONTENT, many)).axes) == 5


def test_axis_labels_have_room():
    assert _with_room([1, 2, 4, 8], 6) == [1, 8, 2, 4]
    found = _with_room(list(range(1, 17)), 6)
    assert {1, 2, 16} <= set(found) and not {14, 15} & set(found)


def test_page_has_a_script_only_for_sortable_tables():
    page = Page("title")
    page.table(["a", "b"], [["x", "1"]])
    assert "<script>" not in page.html() and "<thead>" not in page.html()
    plain = page.markdown()
    page = Page("title")
    page.table(["a", "b"], [["x", "1"]], sortable=True)
    assert page.html().count("<script>") == 1 and page.markdown() == plain


def test_amount_and_points_format_numbers():
    found = [amount(n) for n in (7, 980, 999.7, 1000, 1234, 35e6, 999_960, 2.5e9)]
    assert found == ["7", "980", "1k", "1k", "1.23k", "35M", "1M", "2.5G"]
    assert amount(1_200_000, "B") == "1.2 MB"
    assert points(0.012, 0.004) == "+1.2 ± 0.4" and points(-0.01, None) == "-1.0"
    assert points(-0.0001, 0.01) == "+0.0 ± 1.0"


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs a browser")
def test_a_click_on_a_heading_sorts_a_table(tmp_path):
    page = Page("title")
    page.table(["name", "n"], [["a", "9"], ["b", "-"], ["c", "1,000"]], sortable=True)
    click = (
        "<script>for (let i = 0; i < 2; i++) document.querySelectorAll('th')[1].click()"
    )
    text = page.html().replace("</body>", click + "</script></body>")
    (tmp_path / "page.html").write_text(text)
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        + [f"--user-data-dir={tmp_path / 'browser'}", str(tmp_path / "page.html")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert re.findall("<td>([abc])</td>", done.stdout) == ["c", "a", "b"]
