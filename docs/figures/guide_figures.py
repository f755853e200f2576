"""Draw the pictures of the guides that no published entry has.

python docs/figures/guide_figures.py
"""

from pathlib import Path

from keras_recur import analysis, layers, zoo

HERE = Path(__file__).parent


def main() -> None:
    """Write a state graph and the similarity of a trained network's layers."""
    layers.RecurrentGraph(
        {"V1": (16, 16, 8), "V2": (8, 8, 16), "V4": (4, 4, 32)}, "full", steps=4
    ).plot(HERE / "state_graph.png")
    network = zoo.load("scnn-shortest_paths").recurrent
    analysis.plot_layer_similarity(network, path=HERE / "similarity.png")


if __name__ == "__main__":
    main()
