"""Results of a search: means, fronts, the best, damaged folders."""

import json
import math
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_search import CONTENT, failed, made_row, made_rows, write_folder

from keras_recur.tuning.load_search import load_search
from keras_recur.tuning.search_result import SearchResult

pytestmark = pytest.mark.once


def one(accuracies, macs=1000, **changes):
    """Return rows of one configuration, with one seed per accuracy."""
    return [
        made_row(8, 2, "all", seed, accuracy=accuracy, macs=macs, **changes)
        for seed, accuracy in enumerate(accuracies)
    ]


def test_configurations_have_means_and_standard_errors():
    rows = one([0.80, 0.84, 0.88])
    for row, curve in zip(rows, ([0.2, 0.8], [0.4, 0.84], [0.6, 0.88]), strict=True):
        row["curve"] = curve
    rows[0] |= {"seconds": 1.0, "peak_memory": 70}
    rows[1] |= {"seconds": 2.0, "peak_memory": 90}
    rows[2] |= {"seconds": 6.0}
    # Guessing among ten classes has an accuracy of 0.1 and a loss of log 10.
    rows.append(failed(made_row(8, 2, "all", 3), "diverged", "NaN in epoch 2"))
    (found,) = SearchResult(CONTENT, rows).configurations()
    scores, firsts = [0.80, 0.84, 0.88, 0.1], [0.2, 0.4, 0.6, 0.1]
    assert found["accuracy"] == pytest.approx(np.mean(scores))
    error = np.std(scores, ddof=1) / 2
    assert found["standard_error"] == pytest.approx(error)
    assert found["curve"] == pytest.approx([np.mean(firsts), np.mean(scores)])
    assert found["curve_standard_error"] == pytest.approx(
        [np.std(firsts, ddof=1) / 2, error]
    )
    assert found["seconds"] == 3.0 and found["peak_memory"] == 90
    assert (found["finished"], found["failed"], found["seeds"]) == (3, 1, [0, 1, 2])
    assert found["statuses"] == {"finished": 3, "diverged": 1}
    assert found["messages"] == ["NaN in epoch 2"]
    losses = [*(row["loss"] for row in rows[:3]), math.log(10)]
    assert found["loss"] == pytest.approx(np.mean(losses))


def test_one_seed_has_no_standard_error_and_nan_counts_as_failed():
    lost = one([0.9], configuration="y", loss=math.inf)
    rows = one([0.5]) + one([math.nan], configuration="x") + lost
    result = SearchResult(CONTENT, rows)
    first, *others = result.configurations()
    assert (first["accuracy"], first["standard_error"]) == (0.5, None)
    for found in others:
        assert found["accuracy"] == 0.1 and found["statuses"] == {"failed": 1}
    assert result.statuses() == {"failed": 2, "finished": 1}


@given(
    st.lists(
        st.tuples(
            st.integers(1, 6),
            st.one_of(st.none(), st.integers(0, 5)),
            st.integers(0, 5),
        ),
        max_size=12,
    ),
    st.sampled_from(["macs", "parameters", "activation_bytes", "peak_memory"]),
    st.sampled_from(["accuracy", "loss"]),
)
def test_pareto_equals_brute_force(triples, cost, over):
    rows = []
    for i, (spent, score, loss) in enumerate(triples):
        row = made_row(8, 2, "all", 0, configuration=f"c{i}") | {
            cost: spent,
            "loss": loss,
            "accuracy": score,
        }
        rows.append(row if score is not None else failed(row, "diverged", ""))
    result = SearchResult(CONTENT, rows)
    known = [c for c in result.configurations() if c["finished"]]
    sign = 1 if over == "accuracy" else -1

    def beats(one, other):
        no_worse = one[cost] <= other[cost] and sign * one[over] >= sign * other[over]
        return no_worse and (one[cost] != other[cost] or one[over] != other[over])

    expected = {
        c["configuration"] for c in known if not any(beats(o, c) for o in known)
    }
    front = result.pareto(cost, over)
    assert {c["configuration"] for c in front} == expected
    assert len(front) == len(expected)
    assert [c[cost] for c in front] == sorted(c[cost] for c in front)


def test_pareto_leaves_out_unknown_costs(rows):
    result = SearchResult(CONTENT, rows)
    assert result.pareto("peak_memory") == []
    with pytest.raises(ValueError, match="cost='mac'.*Did you mean 'macs'"):
        result.pareto("mac")
    with pytest.raises(ValueError, match="over='f1'.*'accuracy', 'loss'"):
        result.pareto(over="f1")


def test_best_has_the_highest_mean_and_fewest_macs():
    rows = (
        one([0.9, 0.9], macs=900, configuration="dear")
        + one([0.9, 0.9], macs=800, configuration="cheap")
        + one([0.95, None], configuration="unreliable")
        + one([0.8, 0.8], configuration="worse")
    )
    result = SearchResult(CONTENT, rows, rebuild=lambda found: found["configuration"])
    best = result.best()
    assert (best.configuration, best.accuracy, best.standard_error) == ("cheap", 0.9, 0)
    assert best.metrics["macs"] == 800 and best.pair() == "cheap"
    assert "90.0 ± 0.0 % (2 seeds), 800 MACs" in str(best)
    assert repr(best).startswith("<BestConfiguration cheap")
    # A configuration with a failed seed can be the best.
    only = [row for row in rows if row["configuration"] == "unreliable"]
    assert SearchResult(CONTENT, only).best().configuration == "unreliable"


def test_pair_requires_rebuild(rows):
    best = SearchResult(CONTENT, rows).best()
    with pytest.raises(ValueError, match=r"'w64-t8-none'. Received: rebuild=None.*zoo"):
        best.pair()


def test_load_search_reads_rows_and_prints_a_summary(tmp_path):
    folder = write_folder(tmp_path / "search", CONTENT, made_rows())
    (folder / "rows" / "w8-t1-all-s9.json.tmp").write_text("{")
    (folder / "rows" / "w8-t1-all-s9.json.partial").write_text("{")
    result = load_search(folder)
    assert len(result.rows) == len(made_rows()) == 165
    assert result.best().configuration == "w64-t8-none"
    text = str(result)
    assert "165 runs of 55 configurations: 151 finished, 9 out of memory" in text
    assert "Best: w64-t8-none, validation accuracy" in text
    names = [line.split()[0] for line in text.split("MACs:\n")[1].splitlines()]
    assert names == [c["configuration"] for c in result.pareto()]
    assert "151 finished" in repr(result)
    f1 = SearchResult(CONTENT | {"metric": "f1"}, result.rows)
    assert "validation F1" in str(f1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"configuration": "w8', "Unterminated"),
        ("[1]", "must hold an object"),
        ('{"configuration": "w8-t1-all", "seed": 0}', "no 'width'"),
    ],
)
def test_load_search_names_a_damaged_row(tmp_path, text, reason):
    folder = write_folder(tmp_path / "search", CONTENT, made_rows()[:3])
    (folder / "rows" / "w8-t1-all-s1.json").write_text(text)
    with pytest.raises(ValueError, match=reason) as caught:
        load_search(folder)
    assert "w8-t1-all-s1.json is damaged" in str(caught.value)
    assert "only this network is trained again" in str(caught.value)


def test_load_search_refuses_other_folders(tmp_path):
    with pytest.raises(ValueError, match="has no search.json"):
        load_search(tmp_path)
    (tmp_path / "search.json").write_text(json.dumps(CONTENT)[:-3])
    with pytest.raises(ValueError, match="search.json is damaged.*Remove it"):
        load_search(tmp_path)
    (tmp_path / "search.json").write_text(json.dumps(CONTENT))
    assert "no runs yet" in str(load_search(tmp_path))


def test_result_refuses_invalid_arguments():
    with pytest.raises(ValueError, match=r"metric='F1'.*Did you mean 'f1'"):
        SearchResult(CONTENT | {"metric": "F1"}, [])
    with pytest.raises(ValueError, match=r"`rows\[0\]` has no 'status'"):
        SearchResult(
            CONTENT,
            [{k: v for k, v in made_row(8, 1, "all", 0).items() if k != "status"}],
        )
    with pytest.raises(ValueError, match="`content` has no 'name'"):
        SearchResult({}, [])


def test_result_without_a_finished_run():
    rows = [failed(row, "out of memory", "") for row in one([0.1, 0.2])]
    result = SearchResult(CONTENT, rows)
    assert result.pareto() == []
    assert "No run has finished" in str(result)
    with pytest.raises(ValueError, match="no run has .* 0 finished, 2 out of memory"):
        result.best()


def test_frame_requires_pandas(monkeypatch, rows):
    result = SearchResult(CONTENT, rows)
    installed = types.SimpleNamespace(DataFrame=len)
    monkeypatch.setitem(sys.modules, "pandas", installed)
    assert result.frame() == len(rows)
    # None in sys.modules makes an import fail.
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        result.frame()


@pytest.fixture
def rows():
    return made_rows()
