"""Texts and defaults that rooms share with --help. It must not import Keras."""

EXPERIMENT_TITLES = {
    "sharing": "Sharing weights over time, and not",
    "readout-times": "Trained at one readout time, tested at others",
    "supervision": "Recurrence, or training every iteration?",
    "replay": "What keeps a loop right when it runs on?",
    "features": "What do the iterations of both twins see?",
    "text": "A state graph and a GRU model text",
}


class SearchDefaults:
    """Defaults of the settings of a search."""

    sharing = ("all", "none")
    oracle = "grid"
    seeds = 3
    fresh_seeds = 3
