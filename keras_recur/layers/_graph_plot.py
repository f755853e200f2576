"""Plots of a state graph: its states and transitions, and its unrolling."""

from typing import Any

from keras_recur._plot_style import new_figure, save
from keras_recur.layers._graph_arguments import kind_of

_KIND_COLORS = {
    "self": "#666666",
    "bottom_up": "#1f6fb2",
    "top_down": "#c4472f",
    "bypass": "#3a8f5c",
}
PALETTE = (
    *("#1f6fb2", "#c4472f", "#3a8f5c", "#8a5aab", "#c98a1b", "#3aa6a6"),
    *("#b0487f", "#6b7a1f", "#5b6fd1", "#a3623a", "#2f7d4f", "#d1495b"),
)
_ALONE = "#222222"
_LEFT_OUT = "#d9d9d9"


def plot_graph(graph, path: Any = None, steps: int | None = None) -> Any:
    """Return the figure of `RecurrentGraph.plot`."""
    steps = graph.steps if steps is None else steps
    width = 5.2 + 1.25 * (steps + 1)
    height = 1.1 + 0.95 * len(graph.states)
    ratio = [4.2, max(3, 1.2 * (steps + 1))]
    size = min(width, 20), height
    figure, (left, right) = new_figure(2, size=size, grid=False, width_ratios=ratio)
    _states(left, graph)
    _unrolled(right, graph, steps)
    return save(figure, path)


def _states(axes, graph):
    names = list(graph.states)
    drawn = set()
    for transition in graph.transitions:
        pair = transition.source, transition.target
        if pair in drawn:
            continue
        drawn.add(pair)
        kind = kind_of(*pair, names)
        low, high = (names.index(name) for name in pair)
        color = _KIND_COLORS[kind]
        if low == high:
            # Draw a circle beside the state.
            _arrow(axes, (0.3, low + 0.12), (0.3, low - 0.12), color, "arc3,rad=-1.6")
            continue
        side = -0.12 if high > low else 0.12
        gap = 0.24 if high > low else -0.24
        bend = 0.0 if abs(high - low) == 1 else 0.55
        start, end = (side, low + gap), (side, high - gap)
        if bend:
            start, end = (2.5 * side, low + gap / 2), (2.5 * side, high - gap / 2)
        _arrow(axes, start, end, color, f"arc3,rad={-bend}")
    for level, (name, shape) in enumerate(graph.states.items()):
        size = "x".join("?" if n is None else str(n) for n in shape)
        marks = [
            word
            for word, here in (
                ("input", level == 0),
                ("readout", name == graph.readout),
            )
            if here
        ]
        _box(axes, 0, level, f"{name}\n{size}", bold=bool(marks))
        if marks:
            axes.text(-1.05, level, ", ".join(marks), ha="center", va="center", size=8)
    present = {kind_of(a, b, names) for a, b in drawn}
    for place, kind in enumerate(k for k in _KIND_COLORS if k in present):
        axes.text(
            -1.3 + 0.72 * place,
            -0.72,
            kind.replace("_", "-"),
            color=_KIND_COLORS[kind],
            size=8,
        )
    axes.set_xlim(-1.4, 1.4)
    axes.set_ylim(-0.8, len(names) - 0.6)
    axes.set_title("states and transitions", size=9)
    axes.axis("off")


def _unrolled(axes, graph, steps):
    runs, sets = draw_unrolled(axes, graph, steps, lambda step, level: (step, level))
    axes.set_xticks(range(steps + 1))
    axes.set_xlabel("step", size=8)
    axes.tick_params(labelsize=7, length=0)
    axes.set_yticks([])
    axes.set_xlim(-0.45, steps + 0.45)
    axes.set_ylim(-0.8, len(graph.states) - 0.6)
    key = "one color per shared set" if sets < runs else "none is shared"
    count = f"{runs} transitions, {sets} sets of weights"
    axes.set_title(f"unrolled: {count}; {key}", size=9)
    axes.spines[:].set_visible(False)


def draw_unrolled(axes, graph, steps, place):
    """Draw a run; return its numbers of transitions and of sets of weights."""
    names = list(graph.states)
    schedule = graph.schedule(steps)
    kept = {(e.transition, e.step) for e in schedule.evaluations}
    everything = graph.schedule(steps, prune=False)
    blocks = [id(graph.application(e.key)[0]) for e in schedule.evaluations]
    shared = [b for b in dict.fromkeys(blocks) if blocks.count(b) > 1]
    colors = {b: PALETTE[i % len(PALETTE)] for i, b in enumerate(shared)}
    alive = {(names[0], 0)}
    for e in everything.evaluations:
        source, target = names.index(e.source), names.index(e.target)
        ends = place(e.step - 0.78, source), place(e.step - 0.22, target)
        if (e.transition, e.step) not in kept:
            _arrow(axes, *ends, _LEFT_OUT, "arc3", dashed=True)
            continue
        block = id(graph.application(e.key)[0])
        color = colors.get(block, _ALONE)
        alive |= {(e.source, e.step - 1), (e.target, e.step)}
        _arrow(axes, *ends, color, "arc3")
    for step in range(steps + 1):
        for level, name in enumerate(names):
            if name in everything.populated[step]:
                x, y = place(step, level)
                _box(axes, x, y, name, pale=(name, step) not in alive)
        if step in schedule.fed:
            axes.annotate(
                "input",
                place(step, -0.24),
                place(step, -0.62),
                ha="center",
                va="center",
                size=7,
                arrowprops={"arrowstyle": "->", "color": "#666666"},
            )
    return len(kept), len(set(blocks))


def _box(axes, x, y, text, bold=False, pale=False):
    axes.text(
        x,
        y,
        text,
        ha="center",
        va="center",
        size=8,
        weight="bold" if bold else "normal",
        color="#aaaaaa" if pale else "black",
        bbox={
            "boxstyle": "round,pad=0.3",
            "facecolor": "white",
            "edgecolor": _LEFT_OUT if pale else "#444444",
        },
        zorder=3,
    )


def _arrow(axes, start, end, color, connection, dashed=False):
    draw_arrow(
        axes,
        start,
        end,
        color=color,
        connectionstyle=connection,
        linestyle="--" if dashed else "-",
        linewidth=0.8 if dashed else 1.3,
    )


def draw_arrow(axes, start, end, **style):
    """Draw an arrow that ends exactly at the two points."""
    style = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, **style}
    axes.annotate("", end, start, arrowprops=style)
