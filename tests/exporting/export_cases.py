"""Exports networks of every kind, with inputs and what Keras says to them.

Run by `make served` on each backend; serve_cases.py then serves them without Keras.

    KERAS_BACKEND=jax python tests/exporting/export_cases.py FOLDER
"""

import sys
from pathlib import Path

import keras
import numpy as np
from keras import ops

import keras_recur
from keras_recur import inference, zoo

COUNTS = (1, 3, 5, 6, 10)  # One, as many as were trained here, and twice as many.


def cases():
    image = {"input_shape": (8, 8, 1), "num_classes": 3, "seed": 1}
    soft = zoo.build("resnet_bn", width=2, iterations=3, templates=2, **image)
    every = {"soft sharing": soft.recurrent, "own block": own_model()}
    if keras.backend.backend() != "tensorflow":
        return every  # By a process of TensorFlow, which exports the others, too.
    maze = {"input_shape": (None, None, 3), "width": 8, "iterations": 3, "seed": 1}
    recall = zoo.build("deep_thinking_2d", injection="concat", **maze)
    graph = zoo.build("multistate_resnet", width=2, iterations=5, **image)
    return every | {
        "recurrent": recall.recurrent,
        "feedforward": recall.feedforward,
        "state graph": graph.recurrent,
    }


def own_model():
    block = keras.Sequential(
        [keras.layers.Dense(6, "relu"), keras.layers.BatchNormalization()]
    )
    loop = keras_recur.layers.SharedRecurrentBlock(block, 3)
    return keras.Sequential([keras.Input((6,)), loop, keras.layers.Dense(2)])


def main(folder):
    rng = np.random.default_rng(0)
    for name, model in cases().items():
        for weight in model.weights:  # Untrained offsets and statistics do nothing.
            if any(w in weight.name for w in ("bias", "gamma", "moving")):
                weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        shape = [size or 9 for size in model.input_shape[1:]]
        x = rng.normal(size=(7, *shape)).astype("float32")
        keras_recur.export(model, folder / name)
        kept = {"x": x, "serve": answer(model, x)}
        for n in COUNTS:
            try:
                kept[f"after {n}"] = answer(inference.with_iterations(model, n), x)
            except ValueError:  # No weights for so many, or a graph of more steps.
                continue
        if name != "own block":
            every = inference.with_iterations(model, readout="all")
            kept["every"] = answer(every, x)
        np.savez(folder / f"{name}.npz", **kept)
        print(f"{keras.backend.backend()}: exported {name}", flush=True)


def answer(model, x):
    return ops.convert_to_numpy(model(x, training=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
