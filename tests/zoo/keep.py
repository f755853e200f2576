"""Save small models of this release, for later releases to load.

Run it once for every release. It never overwrites kept files.

    python tests/zoo/keep.py
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

import keras_recur
from keras_recur import analysis, zoo

KEPT = Path(__file__).parent / "kept"
IMAGE = {"input_shape": [8, 8, 1], "num_classes": 3, "width": 2}
STRING = {"width": 4, "iterations": 3, "injection": "concat"}
# Arguments of `zoo.build` by file name.
MODELS = {
    "mlp": {"name": "mlp", **IMAGE, "iterations": 3},
    "groups": {"name": "deep_thinking_1d", **STRING, "sharing": [0, 1, 0]},
    "banks": {"name": "resnet_bn", **IMAGE, "iterations": 3, "templates": 2},
    "folded": {"name": "scnn", "width": 4, "iterations": 4, "templates": 1},
    "graph": {"name": "multistate_resnet", **IMAGE, "iterations": 5},
    "feedback": {
        "name": "feedback",
        **IMAGE,
        "iterations": 2,
        "stack": 2,
        "modules": [[1, 1]],
    },
}


def main():
    place = KEPT / keras_recur.__version__
    if place.exists():
        sys.exit(f"{place} exists already, with the files of that release.")
    place.mkdir(parents=True)
    (place / "models.json").write_text(json.dumps(MODELS, indent=1) + "\n")
    rng = np.random.default_rng(0)
    for name, arguments in MODELS.items():
        model = zoo.build(**arguments, seed=0).recurrent
        if name == "folded":
            model = analysis.fold(model, 1.0)
        for weight in model.weights:
            if "seed" not in weight.path:
                weight.assign(rng.uniform(0.3, 0.9, weight.shape))
        shape = [size or 6 for size in model.input_shape[1:]]
        x = rng.normal(size=(2, *shape)).astype("float32")
        model.save(place / f"{name}.keras")
        model.save_weights(place / f"{name}.weights.h5")
        y = keras.ops.convert_to_numpy(model(x, training=False))
        np.savez_compressed(place / f"{name}.npz", x=x, y=y)
        print(f"kept {name}")


if __name__ == "__main__":
    main()
