"""A search that takes seconds: `python tiny_search.py FOLDER [WORKERS]`.

With KerasTuner's environment variables, the process is a chief or a worker.
"""

import gc
import os
import sys
from pathlib import Path

TINY = {
    "family": "mlp",
    "data": "digits",
    "widths": [4, 8],
    "iterations": [1, 2],
    "sharing": ["all", "none"],
    "recipe": {"epochs": 2, "milestones": ()},
    "num_examples": 64,
    "seeds": 2,
    "fresh_seeds": 1,
    "quick": True,
}


def main(folder: str, workers: int = 0) -> None:
    import keras

    from keras_recur import tuning

    keras.utils.set_random_seed(0)  # It imports TensorFlow.
    gc.freeze()
    settings = {k: v for k, v in TINY.items() if k not in ("family", "data")}
    settings["seeds"] = 1  # Eight runs are enough for kills.
    found = tuning.search(
        TINY["family"],
        TINY["data"],
        folder,
        workers=workers,
        report=print,
        **settings,
    )
    if "chief" in os.environ.get("KERASTUNER_TUNER_ID", "chief"):
        assert len(found.rows) == 8
        Path(folder, "ended").touch()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
