"""One of the equal processes that `search(workers=N)` starts."""

import gc
import json
import sys
from typing import Any

from keras_recur._child import ENOUGH, end_with
from keras_recur.tuning.search_folder import SearchFolder
from keras_recur.tuning.search_plan import SearchPlan
from keras_recur.tuning.search_tuner import SearchTuner
from keras_recur.tuning.settings import SearchSettings


def work(task: dict[str, Any]) -> int:
    """Take part in a search, and return the exit status."""
    folder = SearchFolder(task["folder"])
    settings = folder.content().get("settings") or {}
    plan = SearchPlan(SearchSettings.from_dict(settings, task["data_dir"]))
    with folder.shared(task["storage"]) as shared:
        try:
            SearchTuner(plan, folder, shared, runs=task["runs"]).work()
        except SearchTuner.Enough:
            return ENOUGH
    return 0


if __name__ == "__main__":
    end_with(int(sys.argv[1]))
    task = json.load(sys.stdin)
    gc.freeze()  # Skip imported modules in garbage collection.
    sys.exit(work(task))
