"""Save a small network of every family and some twins, with an input and its output.

test_cross_backend.py runs it in a separate process on another backend.
"""

import sys
from pathlib import Path

import keras
import numpy as np
from compare import output
from families import SOFT, VARIANTS, inputs_for, small

UNTIED = ("resnet_bn", "1d recall")  # The first has a row of statistics per iteration.


def main(folder):
    pairs = {
        variant: small(**arguments, readout="all", sharing=[0, 1, 0])
        for variant, arguments in VARIANTS.items()
    }
    soft = {v: small(**a, readout="all", templates=2) for v, a in SOFT.items()}
    for variant, pair in [*pairs.items(), *((f"soft {v}", p) for v, p in soft.items())]:
        for twin in ("recurrent", "feedforward")[: 2 if variant in UNTIED else 1]:
            model = getattr(pair, twin)
            rng = np.random.default_rng(7)
            for weight in model.weights:
                weight.assign(rng.uniform(-0.5, 0.9, weight.shape))
            for weight in model.non_trainable_weights:  # means and variances
                weight.assign(rng.uniform(0.5, 1.5, weight.shape))
            x = inputs_for(model)
            name = f"{variant}-{twin}"
            model.save(folder / f"{name}.keras")
            model.save_weights(folder / f"{name}.weights.h5")
            np.savez(folder / f"{name}.npz", x=x, y=output(model, x))
    (folder / "backend").write_text(keras.backend.backend())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
