"""A search that takes seconds: `python tiny_search.py FOLDER [WORKERS] [apart]`.

With `apart`, the process does not know that others run on the same machine, so it
notices their death by their heartbeats only.
"""

import gc
import os
import sys
import uuid
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


def main(folder: str, workers: int = 0, apart: bool = False) -> None:
    import keras

    from keras_recur import tuning
    from keras_recur.tuning import _heartbeat

    keras.utils.set_random_seed(0)  # It imports TensorFlow.
    gc.freeze()
    if apart:
        place = uuid.uuid4().hex
        vars(_heartbeat).update(BEAT=0.5, PATIENCE=6.0, _place=lambda: place)
    settings = {k: v for k, v in TINY.items() if k not in ("family", "data")}
    settings["seeds"] = 1  # Eight runs are enough for kills.

    def conclude(result):
        with Path(folder, "reported").open("a") as file:
            file.write(f"{os.getpid()}\n")

    found = tuning.search(
        TINY["family"],
        TINY["data"],
        folder,
        workers=workers,
        conclude=conclude,
        report=print,
        **settings,
    )
    assert len(found.rows) == 8 and found.content["winner"]
    Path(folder, "ended").touch()


if __name__ == "__main__":
    folder, *others = sys.argv[1:]
    apart = "apart" in others
    main(folder, *[int(text) for text in others if text != "apart"], apart=apart)
