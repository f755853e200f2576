"""Shapes in the picture of a pair. All lengths are in inches."""

from keras_recur.layers._graph_plot import draw_arrow

INK, FAINT, PLAIN, EDGE = "#222222", "#777777", "#f2f2f2", "#999999"


def text(axes, x, y, words, **style):
    """Write words, vertically centered at y."""
    axes.text(x, y, words, **{"color": INK, "va": "center", **style})


def frame(axes, left, top, width, height, **style):
    """Draw a box with round corners."""
    from matplotlib.patches import FancyBboxPatch

    corners = "round,pad=0,rounding_size=0.06"
    style = {"facecolor": PLAIN, "edgecolor": EDGE, "linewidth": 0.8, **style}
    place = left, top - height
    axes.add_patch(FancyBboxPatch(place, width, height, boxstyle=corners, **style))


def tile(axes, left, bottom, width, height, color):
    """Draw a rectangle without an edge."""
    from matplotlib.patches import Rectangle

    place = left, bottom
    axes.add_patch(Rectangle(place, width, height, color=color, lw=0, zorder=4))


def arrow(axes, start, end, color="#888888", width=0.9):
    """Draw a straight arrow."""
    draw_arrow(axes, start, end, color=color, linewidth=width, mutation_scale=8)


def rail_in(axes, x, right, start, ends):
    """Draw a line at x from a box at height `start`, with arrows into other boxes."""
    style = {"color": FAINT, "lw": 0.9}
    axes.plot([right, x, x], [start, start, ends[-1]], **style)
    for y in ends:
        arrow(axes, (x, y), (right, y), FAINT)


def rail_out(axes, x, right, starts, end):
    """Draw a dashed line at x that joins boxes, with an arrow into another box."""
    style = {"color": FAINT, "lw": 0.9, "ls": "--"}
    axes.plot([x, x, right + 0.1], [starts[0], end, end], **style)
    arrow(axes, (right + 0.1, end), (right, end), FAINT)
    for y in starts:
        axes.plot([right, x], [y, y], **style)


def tint(color, share):
    """Return a color mixed with a share of white."""
    from matplotlib.colors import to_rgb

    return tuple(c + (1 - c) * share for c in to_rgb(color))


def cut(words, most):
    """Return `words`, shortened to `most` characters with an ellipsis."""
    return words if len(words) <= most else f"{words[: most - 1].rstrip(', ')}…"
