"""Draws the parts of two networks as columns of boxes. All lengths are in inches."""

from typing import Any

from keras_recur.layers._graph_plot import PALETTE, draw_unrolled

_MARGIN, _WIDTH, _GAP, _RIGHT = 1.2, 3.1, 0.5, 0.4
_HEIGHT, _BETWEEN, _STEP, _TOP = 0.46, 0.16, 0.52, 0.75
_INK, _FAINT, _PLAIN = "#222222", "#777777", "#f2f2f2"
_TITLES = {"recurrent": "recurrent", "feedforward": "feed-forward twin"}


def draw_columns(name: str, columns: dict[str, list[Any]], steps: int) -> Any:
    """A figure with a column for each network.

    Args:
        name: Title of the figure.
        columns: Parts of each network, by twin.
        steps: How many steps of state graphs are drawn.
    """
    from matplotlib.figure import Figure

    height = max(_column_height(parts, steps) for parts in columns.values())
    width = _MARGIN + 2 * _WIDTH + _GAP + _RIGHT
    figure = Figure(figsize=(width, height + _TOP + 0.1))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(-height - 0.1, _TOP)
    axes.axis("off")
    axes.text(0.1, _TOP - 0.2, name, size=11, weight="bold", va="center")
    colours = iter(PALETTE * 99)
    for i, (twin, parts) in enumerate(columns.items()):
        left = _MARGIN + i * (_WIDTH + _GAP)
        _Column(axes, left, colours, steps).draw(_TITLES[twin], parts)
    return figure


def _column_height(parts, steps):
    rows = sum(len(part.boxes) for part in parts if not part.graph)
    graphs = sum(_graph_height(part.graph, steps) for part in parts if part.graph)
    return rows * (_HEIGHT + _BETWEEN) + graphs


def _graph_height(graph, steps):
    return 0.4 + _STEP * (min(steps, graph.steps) + 1) + _BETWEEN


class _Column:
    """One network, drawn from the top to the bottom."""

    def __init__(self, axes, left, colours, steps):
        self.axes = axes
        self.left, self.right = left, left + _WIDTH
        self.colours = colours
        self.steps = steps
        self.y = 0.0

    def draw(self, title, parts):
        boxes = [box for part in parts for box in part.boxes + part.banks]
        total = sum(box.parameters for box in boxes)
        self._text(self.left, 0.2, title, size=10, weight="bold")
        self._text(self.right, 0.2, f"{total:,} parameters", size=9, ha="right")
        tops: list[float] = []
        for i, part in enumerate(parts):
            places = self._graph(part) if part.graph else self._boxes(part)
            if i:
                self._arrow((self._middle, tops[-1]), (self._middle, places[0][0]))
            tops.append(places[-1][1])
            if part.loop is None or part.graph:
                continue
            if part.loop.injection:
                words = f"recall: {part.loop.injection}"
                self._rail(tops[0] + _HEIGHT / 2, places, into=True, words=words)
            if part.loop.return_sequence:
                below = self.y - _HEIGHT / 2
                self._rail(below, places, into=False, words="every state")

    @property
    def _middle(self):
        return (self.left + self.right) / 2

    def _boxes(self, part):
        """Draws the boxes of a part; returns the top and the bottom of each."""
        sets = dict.fromkeys(b.weights for b in part.boxes if b.weights is not None)
        colours = {key: next(self.colours) for key in sets}
        bank_colours = [
            [next(self.colours) for _ in range(bank.num_templates)]
            for bank in getattr(part.loop, "banks", ())
        ]
        places, seen = [], set()
        for box in part.boxes:
            again = box.weights is not None and box.weights in seen
            seen.add(box.weights)
            colour = colours.get(box.weights)
            places.append((self.y, self.y - _HEIGHT))
            self._box(box, colour, again)
            self._mix(box, part, bank_colours)
            if len(places) > 1:
                ends = (self._middle, places[-2][1]), (self._middle, self.y)
                self._arrow(*ends)
            self.y -= _HEIGHT + _BETWEEN
        for number, key in enumerate(sets):
            turns = [i for i, box in enumerate(part.boxes) if box.weights == key]
            times = sum(part.boxes[i].iterations for i in turns)
            if times > 1:
                ends = places[turns[0]], places[turns[-1]]
                self._loop(*ends, times, colours[key], number)
        if part.banks:
            self._banks(part, places, bank_colours)
        return places

    def _box(self, box, colour, again):
        from matplotlib.patches import FancyBboxPatch

        several = box.iterations > 1
        face = _PLAIN if colour is None else _tint(colour, 0.9 if again else 0.78)
        self.axes.add_patch(
            FancyBboxPatch(
                (self.left, self.y - _HEIGHT),
                _WIDTH,
                _HEIGHT,
                boxstyle="round,pad=0,rounding_size=0.06",
                facecolor=face,
                edgecolor=colour or "#999999",
                linestyle="--" if several else "-",
                linewidth=1.2 if colour else 0.8,
            )
        )
        first, second = self.y - 0.13, self.y - 0.29
        self._text(self.left + 0.1, first, box.title, size=8, weight="bold")
        added = f"{box.parameters:,}" if box.parameters else ""
        if again:
            added = f"same weights, +{added}" if added else "same weights"
        self._text(self.right - 0.1, first, added, size=8, ha="right")
        what = _cut(box.what, 56 - len(box.shape))
        self._text(self.left + 0.1, second, what, size=7, color=_FAINT)
        self._text(
            self.right - 0.1, second, box.shape, size=7, color=_FAINT, ha="right"
        )

    def _mix(self, box, part, bank_colours):
        """A bar per kernel: how large a share each template has in it."""
        from matplotlib.patches import Rectangle

        if not box.mix:
            return
        each = len(box.mix) // len(part.banks)
        wide = (_WIDTH - 0.2) / len(box.mix)
        for i, shares in enumerate(box.mix):
            colours = bank_colours[min(i // each, len(part.banks) - 1)]
            x = self.left + 0.1 + i * wide
            for share, colour in zip(shares, colours, strict=True):
                long = share * (wide - 0.06)
                y = self.y - _HEIGHT + 0.025
                bar = Rectangle((x, y), long, 0.055, color=colour, lw=0)
                self.axes.add_patch(bar)
                x += long

    def _loop(self, first, last, times, colour, number):
        """An arrow from the last iteration of the same weights to the first."""
        out = self.left - 0.22 - 0.14 * (number % 3)
        top, bottom = ((a + b) / 2 for a, b in (first, last))
        if first == last:  # One box for several iterations.
            top, bottom = top + 0.1, bottom - 0.1
        xs, ys = [self.left, out, out], [bottom, bottom, top]
        self.axes.plot(xs, ys, color=colour, lw=1.6, solid_joinstyle="round")
        self._arrow((out, top), (self.left, top), colour, 1.6)
        words = f"the same\nweights\n{times} times"
        if number:
            words = f"{times} times"
        place = out - 0.08, (top + bottom) / 2
        self._text(*place, words, size=8, color=colour, ha="right")

    def _banks(self, part, places, bank_colours):
        """The banks beside their loop, with a line to every iteration."""
        from matplotlib.patches import FancyBboxPatch, Rectangle

        left, width = 0.1, _MARGIN - 0.3
        heights = [0.48 + 0.1 * -(-len(colours) // 7) for colours in bank_colours]
        y = (places[0][0] + places[-1][1]) / 2
        y += (sum(heights) + 0.08 * (len(heights) - 1)) / 2
        for bank, colours, height in zip(
            part.banks, bank_colours, heights, strict=True
        ):
            self.axes.add_patch(
                FancyBboxPatch(
                    (left, y - height),
                    width,
                    height,
                    boxstyle="round,pad=0,rounding_size=0.05",
                    facecolor="white",
                    edgecolor="#999999",
                    linewidth=0.8,
                    zorder=3,
                )
            )
            for place, words in (
                (0.08, bank.title),
                (0.21, bank.shape),
                (0.34, f"{bank.parameters:,}"),
            ):
                self._text(left + 0.06, y - place, words, size=6, zorder=4)
            for i, colour in enumerate(colours):
                corner = left + 0.06 + 0.095 * (i % 7), y - 0.52 - 0.1 * (i // 7)
                tile = Rectangle(corner, 0.08, 0.08, color=colour, lw=0, zorder=4)
                self.axes.add_patch(tile)
            for top, bottom in places:
                xs = [left + width, self.left]
                ys = [y - height / 2, (top + bottom) / 2]
                self.axes.plot(xs, ys, color="#bbbbbb", lw=0.7, zorder=0)
            y -= height + 0.08

    def _rail(self, end, places, into, words):
        """A line beside the column between one box and every iteration."""
        x = self.right + (0.12 if into else 0.24)
        middles = [(top + bottom) / 2 for top, bottom in places]
        far = middles[-1] if into else middles[0]
        style = {"color": _FAINT, "lw": 0.9}
        self.axes.plot([self.right, x, x], [end, end, far], **style)
        for y in middles:
            ends = (x, y), (self.right, y)
            if into:
                self._arrow(*ends, _FAINT, 0.9)
            else:
                self.axes.plot(*zip(*ends, strict=True), **style)
        if not into:
            self._arrow((x, end), (self.right, end), _FAINT, 0.9)
        place = x + 0.03, (middles[0] + middles[-1]) / 2
        self._text(*place, words, size=7, color=_FAINT, rotation=90)

    def _graph(self, part):
        """A state graph, unrolled downwards; returns its top and its bottom."""
        from matplotlib.patches import FancyBboxPatch

        (box,), graph = part.boxes, part.graph
        steps = min(self.steps, graph.steps)
        top, height = self.y, _graph_height(graph, self.steps) - _BETWEEN
        self.axes.add_patch(
            FancyBboxPatch(
                (self.left, top - height),
                _WIDTH,
                height,
                boxstyle="round,pad=0,rounding_size=0.06",
                facecolor="#fafafa",
                edgecolor="#999999",
                linewidth=0.8,
                zorder=0,
            )
        )
        aside = 0.4 if graph.schedule(steps).fed else 0.0  # For what arrives.
        wide = (_WIDTH - aside) / len(graph.states)

        def place(step, level):
            x = self.left + aside + (level + 0.5) * wide
            return x, top - 0.4 - _STEP * (step + 0.45)

        runs, sets = draw_unrolled(self.axes, graph, steps, place)
        whose = f"{sets} sets of weights" if sets < runs else "none shares weights"
        part_of_all = f", {steps} of {graph.steps} steps" if steps < graph.steps else ""
        self._text(self.left + 0.1, top - 0.13, box.title, size=8, weight="bold")
        self._text(
            self.right - 0.1, top - 0.13, f"{box.parameters:,}", size=8, ha="right"
        )
        words = f"{runs} transitions, {whose}{part_of_all}"
        self._text(self.left + 0.1, top - 0.3, words, size=7, color=_FAINT)
        self._text(
            self.right - 0.1, top - 0.3, box.shape, size=7, color=_FAINT, ha="right"
        )
        self.y -= height + _BETWEEN
        return [(top, top - height)]

    def _text(self, x, y, words, **style):
        style = {"color": _INK, "va": "center", **style}
        self.axes.text(x, y, words, **style)

    def _arrow(self, start, end, colour="#888888", width=0.9):
        self.axes.annotate(
            "",
            end,
            start,
            arrowprops={
                "arrowstyle": "-|>",
                "color": colour,
                "linewidth": width,
                "mutation_scale": 8,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )


def _tint(colour, share):
    """A colour mixed with so much white."""
    from matplotlib.colors import to_rgb

    return tuple(c + (1 - c) * share for c in to_rgb(colour))


def _cut(words, most):
    return words if len(words) <= most else f"{words[: most - 1].rstrip(', ')}…"
