"""Settings of a search: signature, JSON, and files of earlier versions."""

import dataclasses
import inspect
import json
from pathlib import Path

import pytest
from tiny_search import TINY

from keras_recur import tuning
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_plan import SearchPlan
from keras_recur.tuning.settings import SearchSettings

pytestmark = pytest.mark.once
PUBLISHED = Path(__file__).parents[2] / "tuning"


def test_search_has_every_setting_in_its_signature():
    parameters = inspect.signature(tuning.search).parameters
    for field in dataclasses.fields(SearchSettings):
        default = parameters[field.name].default
        if field.default is dataclasses.MISSING:
            assert default is inspect.Parameter.empty
        else:
            assert default == field.default
    assert list(parameters)[:3] == ["family", "data", "directory"]
    own = ["storage", "workers", "conclude", "report", "progress"]
    assert list(parameters)[-5:] == own


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"learning_rate": (1e-3, 0.1), "oracle": "random", "max_trials": 3},
        {"learning_rate": [0.1, 0.01], "budget": tuning.Budget(macs=1e6)},
        {"oracle": "optuna", "objectives": ["macs", "accuracy"], "seeds": [3, 5]},
    ],
)
def test_settings_survive_json(changes):
    settings = SearchSettings(**TINY | changes)
    plain = json.loads(json.dumps(settings.as_dict()))
    again = SearchSettings.from_dict(plain)
    assert json.loads(json.dumps(again.as_dict())) == plain
    assert SearchPlan(again).identity == SearchPlan(settings).identity
    assert "data_dir" not in plain


def test_settings_refuse_missing_and_unknown_names():
    plain = SearchSettings(**TINY).as_dict()
    with pytest.raises(ValueError, match="`setting`.*'width'"):
        SearchSettings.from_dict(plain | {"width": 3})
    del plain["widths"]
    with pytest.raises(ValueError, match="A search needs `widths`"):
        SearchSettings.from_dict(plain)
    with pytest.raises(TypeError, match="iterations"):
        tuning.search("mlp", "digits", "nowhere", widths=[3])


def test_settings_of_earlier_versions_load():
    plain = SearchSettings(**TINY).as_dict()
    del plain["objectives"], plain["equal"]
    old = plain | {"iso": "macs", "budget": {"macs": 3000}, "data_dir": "/tmp"}
    old |= {"recipe": {"ramp": "linear"}, "model": {"recurrence": 0.1}}
    settings = SearchSettings.from_dict(old)
    assert (settings.equal, settings.budget) == ("macs", tuning.Budget(macs=3000))
    assert settings.recipe == {"coarse_to_fine": "linear"}
    assert settings.model == {"recurrence_penalty": 0.1}


@pytest.mark.parametrize(
    "name", [path.parent.name for path in PUBLISHED.glob("*/search.json")]
)
def test_published_searches_load_and_belong_to_the_same_search(name):
    folder = SearchFolder(PUBLISHED / name)
    plain = folder.content()["settings"]
    plan = SearchPlan(SearchSettings.from_dict(plain))
    folder.begin_search(plan.content(), plan.identity)
    rows = (PUBLISHED / name / "rows.csv").read_text().splitlines()
    assert plan.runs() == len(rows) - 1
