"""Draw the parts of two networks as columns of boxes. All lengths are in inches."""

import itertools
from typing import Any

from keras_recur.analysis._pair_strokes import (
    FAINT,
    PLAIN,
    arrow,
    cut,
    frame,
    rail_in,
    rail_out,
    text,
    tile,
    tint,
)
from keras_recur.layers._graph_plot import PALETTE, draw_unrolled

_MARGIN, _WIDTH, _GAP, _RIGHT = 1.2, 3.1, 0.5, 0.4
_HEIGHT, _BETWEEN, _STEP, _TOP = 0.46, 0.16, 0.52, 0.75
_TITLES = {"recurrent": "recurrent", "feedforward": "feed-forward twin"}


def draw_columns(name: str, columns: dict[str, list[Any]], steps: int) -> Any:
    """Return a figure with one column of `Part`s per network."""
    from matplotlib.figure import Figure

    height = max(_column_height(parts, steps) for parts in columns.values())
    width = _MARGIN + 2 * _WIDTH + _GAP + _RIGHT
    figure = Figure(figsize=(width, height + _TOP + 0.1))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(-height - 0.1, _TOP)
    axes.axis("off")
    axes.text(0.1, _TOP - 0.2, name, size=11, weight="bold", va="center")
    colors = itertools.cycle(PALETTE)
    for i, (twin, parts) in enumerate(columns.items()):
        left = _MARGIN + i * (_WIDTH + _GAP)
        _Column(axes, left, colors, steps).draw(_TITLES[twin], parts)
    return figure


def _column_height(parts, steps):
    rows = sum(len(part.boxes) for part in parts if not part.graph)
    graphs = sum(_graph_height(part.graph, steps) for part in parts if part.graph)
    return rows * (_HEIGHT + _BETWEEN) + graphs


def _graph_height(graph, steps):
    return 0.4 + _STEP * (min(steps, graph.steps) + 1) + _BETWEEN


class _Column:
    """One network, drawn from top to bottom."""

    def __init__(self, axes, left, colors, steps):
        self.axes = axes
        self.left, self.right = left, left + _WIDTH
        self.colors = colors
        self.steps = steps
        self.y = 0.0

    def draw(self, title, parts):
        boxes = [box for part in parts for box in part.boxes + part.banks]
        total = sum(box.parameters for box in boxes)
        text(self.axes, self.left, 0.2, title, size=10, weight="bold")
        text(self.axes, self.right, 0.2, f"{total:,} parameters", size=9, ha="right")
        tops: list[float] = []
        for i, part in enumerate(parts):
            places = self._graph(part) if part.graph else self._boxes(part)
            if i:
                arrow(self.axes, (self._middle, tops[-1]), (self._middle, places[0][0]))
            tops.append(places[-1][1])
            if part.loop is not None and not part.graph:
                self._rails(part.loop, places, tops[0] + _HEIGHT / 2)

    @property
    def _middle(self):
        return (self.left + self.right) / 2

    def _boxes(self, part):
        """Draw the boxes of a part, and return the top and the bottom of each."""
        sets = dict.fromkeys(b.weights for b in part.boxes if b.weights is not None)
        colors = {key: next(self.colors) for key in sets}
        bank_colors = [
            [next(self.colors) for _ in range(bank.num_templates)]
            for bank in getattr(part.loop, "banks", ())
        ]
        places, seen = [], set()
        for box in part.boxes:
            again = box.weights is not None and box.weights in seen
            seen.add(box.weights)
            color = colors.get(box.weights)
            places.append((self.y, self.y - _HEIGHT))
            self._box(box, color, again)
            self._mix(box, bank_colors)
            if len(places) > 1:
                ends = (self._middle, places[-2][1]), (self._middle, self.y)
                arrow(self.axes, *ends)
            self.y -= _HEIGHT + _BETWEEN
        for number, key in enumerate(sets):
            turns = [i for i, box in enumerate(part.boxes) if box.weights == key]
            times = sum(part.boxes[i].iterations for i in turns)
            if times > 1:
                ends = places[turns[0]], places[turns[-1]]
                self._loop(*ends, times, colors[key], number, len(sets) == 1)
        if part.banks:
            self._banks(part, places, bank_colors)
        return places

    def _box(self, box, color, again):
        frame(
            self.axes,
            self.left,
            self.y,
            _WIDTH,
            _HEIGHT,
            facecolor=PLAIN if color is None else tint(color, 0.9 if again else 0.78),
            linestyle="--" if box.iterations > 1 else "-",
            **({"edgecolor": color, "linewidth": 1.2} if color else {}),
        )
        added = f"{box.parameters:,}" if box.parameters else ""
        if again:
            added = f"same weights, +{added}" if added else "same weights"
        self._labels(box, added, cut(box.what, 56 - len(box.shape)))

    def _labels(self, box, added, what):
        """Write two lines: name and parameters, then layers and shape."""
        left, right = self.left + 0.1, self.right - 0.1
        first, second = self.y - 0.13, self.y - 0.29
        faint = {"size": 7, "color": FAINT}
        text(self.axes, left, first, box.title, size=8, weight="bold")
        text(self.axes, right, first, added, size=8, ha="right")
        text(self.axes, left, second, what, **faint)
        text(self.axes, right, second, box.shape, ha="right", **faint)

    def _mix(self, box, bank_colors):
        """Draw one bar per kernel with the share of each template."""
        wide = (_WIDTH - 0.2) / max(1, len(box.mix))
        for i, (bank, shares) in enumerate(box.mix):
            x = self.left + 0.1 + i * wide
            for share, color in zip(shares, bank_colors[bank], strict=True):
                long = share * (wide - 0.06)
                tile(self.axes, x, self.y - _HEIGHT + 0.025, long, 0.055, color)
                x += long

    def _loop(self, first, last, times, color, number, alone):
        """Draw an arrow from the last iteration with the same weights to the first."""
        out = self.left - 0.22 - 0.14 * (number % 3)
        top, bottom = ((a + b) / 2 for a, b in (first, last))
        if first == last:  # One box for several iterations.
            top, bottom = top + 0.1, bottom - 0.1
        xs, ys = [self.left, out, out], [bottom, bottom, top]
        self.axes.plot(xs, ys, color=color, lw=1.6, solid_joinstyle="round")
        arrow(self.axes, (out, top), (self.left, top), color, 1.6)
        # Loops may overlap, but no two begin at the same place.
        words = f"the same\nweights\n{times} times" if alone else f"{times} times"
        y = (top + bottom) / 2 if alone else top
        text(self.axes, out - 0.08, y, words, size=8, color=color, ha="right")

    def _banks(self, part, places, bank_colors):
        """Draw the banks beside their loop, with a line to each iteration."""
        left, width = 0.1, _MARGIN - 0.3
        heights = [0.48 + 0.1 * -(-len(colors) // 7) for colors in bank_colors]
        y = (places[0][0] + places[-1][1]) / 2
        y += (sum(heights) + 0.08 * (len(heights) - 1)) / 2
        for bank, colors, height in zip(part.banks, bank_colors, heights, strict=True):
            style = {"facecolor": "white", "zorder": 3}
            frame(self.axes, left, y, width, height, **style)
            for place, words in (
                (0.08, bank.title),
                (0.21, bank.shape),
                (0.34, f"{bank.parameters:,}"),
            ):
                text(self.axes, left + 0.06, y - place, words, size=6, zorder=4)
            for i, color in enumerate(colors):
                corner = left + 0.06 + 0.095 * (i % 7), y - 0.52 - 0.1 * (i // 7)
                tile(self.axes, *corner, 0.08, 0.08, color)
            for top, bottom in places:
                xs = [left + width, self.left]
                ys = [y - height / 2, (top + bottom) / 2]
                self.axes.plot(xs, ys, color="#bbbbbb", lw=0.7, zorder=0)
            y -= height + 0.08

    def _rails(self, loop, places, source):
        """Draw lines beside the column: from the input, and to the readout."""
        if loop.injection:
            x, ends = self.right + 0.12, [top - _HEIGHT / 3 for top, _ in places]
            rail_in(self.axes, x, self.right, source, ends)
            words, y = f"recall: {loop.injection}", (source + ends[0]) / 2
            text(self.axes, x + 0.03, y, words, size=7, color=FAINT, rotation=90)
        if loop.return_sequences:
            x, starts = self.right + 0.24, [low + _HEIGHT / 3 for _, low in places]
            end = self.y - _HEIGHT / 2
            rail_out(self.axes, x, self.right, starts, end)
            y = (starts[-1] + end) / 2
            text(
                self.axes, x + 0.03, y, "every state", size=7, color=FAINT, rotation=90
            )

    def _graph(self, part):
        """Draw a state graph unrolled downward, and return its top and bottom."""
        (box,), graph = part.boxes, part.graph
        steps = min(self.steps, graph.steps)
        top, height = self.y, _graph_height(graph, self.steps) - _BETWEEN
        style = {"facecolor": "#fafafa", "zorder": 0}
        frame(self.axes, self.left, top, _WIDTH, height, **style)
        aside = 0.4 if graph.schedule(steps).fed else 0.0  # Room for the inputs.
        wide = (_WIDTH - aside) / len(graph.states)

        def place(step, level):
            x = self.left + aside + (level + 0.5) * wide
            return x, top - 0.4 - _STEP * (step + 0.45)

        runs, sets = draw_unrolled(self.axes, graph, steps, place)
        whose = f"{sets} sets of weights" if sets < runs else "no shared weights"
        part_of_all = f", {steps} of {graph.steps} steps" if steps < graph.steps else ""
        words = f"{runs} transitions, {whose}{part_of_all}"
        self._labels(box, f"{box.parameters:,}", words)
        self.y -= height + _BETWEEN
        return [(top, top - height)]
