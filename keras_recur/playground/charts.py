"""Lines over the iterations and the table of stop rules, as HTML with SVG."""

import html
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_recur._plot_style import label, line_style
from keras_recur.inference.stop_rule import StopRule
from keras_recur.playground.thinking import Thoughts

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 250, 120, 40, 24, 18
_PERCENT = ("confidence", "agreement", "changed")
_FLOOR = 1e-6  # Of logarithmic axes.

Twins = dict[str, Thoughts]


def draw_charts(
    twins: Twins, rules: Sequence[StopRule], answer: np.ndarray | None, t: int
) -> str:
    """Return panels with the share of changed outputs and the signals of all rules.

    Args:
        twins: What each network answered.
        rules: Stop rules, one per kind.
        answer: The right answer, whose positions below 0 are not scored, or `None`.
        t: The iteration that is marked, counted from 0.
    """
    changed = {twin: found.changed(answer) for twin, found in twins.items()}
    length = max(map(len, twins.values()))
    panels = [_panel("changed", "Outputs that changed", changed, length, t)]
    for rule in rules:
        lines = {twin: found.signals[rule.kind] for twin, found in twins.items()}
        stops = {twin: found.stops(rule) for twin, found in twins.items()}
        panels.append(_panel(rule.kind, _title(rule), lines, length, t, rule, stops))
    return f'<div class="kr-charts">{"".join(panels)}</div>{_legend(twins)}'


def draw_table(twins: Twins, rules: Sequence[StopRule], task: Any, answer: Any) -> str:
    """Return a table of the iteration at which each rule stops each network."""
    head = "".join(f"<th>{label(twin)} stops after</th>" for twin in twins)
    rows = []
    for rule in rules:
        cells = []
        for found in twins.values():
            stop = found.stops(rule)
            text = f"never in {len(found)}"
            if stop is not None:
                verdict = task.verdict(found.guess(stop - 1), answer)
                text = f"<b>{stop}</b>" + html.escape(verdict and f": {verdict}")
            cells.append(f"<td>{text}</td>")
        rows.append(f"<tr><td>{html.escape(str(rule))}</td>{''.join(cells)}</tr>")
    return (
        f'<table class="kr-stops"><tr><th>stop rule</th>{head}</tr>{"".join(rows)}'
        "</table>"
    )


def _title(rule):
    return rule.kind.replace("_", " ").capitalize()


def _panel(kind, title, lines, length, t, rule=None, stops=None):
    scale = _Scale(kind, lines, rule, length)
    parts = [
        f'<text x="{_LEFT}" y="14" class="kr-title">{html.escape(title)}</text>',
        *scale.grid(),
    ]
    x = scale.x(t + 1)
    bottom = _HEIGHT - _BOTTOM
    parts.append(f'<line x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}" class="kr-now"/>')
    if rule is not None:
        y = scale.y(rule.threshold)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - 8}" y1="{y}" y2="{y}" class="kr-limit"/>'
        )
    for twin, values in lines.items():
        style = line_style(twin)
        dash = 'stroke-dasharray="5 3"' if style["linestyle"] == "--" else ""
        points = " ".join(
            f"{scale.x(i + 1)},{scale.y(value)}"
            for i, value in enumerate(values)
            if not math.isnan(value)
        )
        color = style["color"]
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{color}" '
            f'stroke-width="2" {dash}/>'
        )
        stop = (stops or {}).get(twin)
        if stop is not None:
            x, y = scale.x(stop), scale.y(values[stop - 1])
            parts.append(
                f'<circle cx="{x}" cy="{y}" r="4.5" fill="{color}" stroke="white" '
                f'stroke-width="1.5"><title>{label(twin)} stops after {stop}</title>'
                "</circle>"
            )
    spoken = f"{title} over {length} iterations"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" data-kind="{kind}" '
        f'aria-label="{html.escape(spoken)}">{"".join(parts)}</svg>'
    )


class _Scale:
    """Map iterations and values to the pixels of a panel."""

    def __init__(self, kind, lines, rule, length):
        self.length = length
        self.percent = kind in _PERCENT
        known = [v for line in lines.values() for v in line if math.isfinite(v)]
        if rule is not None:
            known.append(rule.threshold)
        self.low, self.high = 0.0, 1.0
        if not self.percent:
            powers = [math.log10(max(v, _FLOOR)) for v in known]
            self.low, self.high = math.floor(min(powers)), math.ceil(max(powers))
            self.high = max(self.high, self.low + 1)

    def x(self, iteration):
        room = _WIDTH - 8 - _LEFT
        share = (iteration - 1) / max(1, self.length - 1)
        return round(_LEFT + share * room, 1)

    def y(self, value):
        if not self.percent:
            value = math.log10(min(max(value, _FLOOR), 1e30))
        share = (value - self.low) / (self.high - self.low)
        bottom = _HEIGHT - _BOTTOM
        return round(bottom - min(max(share, 0), 1) * (bottom - _TOP), 1)

    def grid(self):
        """Return lines at round values, and the numbers at both axes."""
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - 8
        found = []
        for value, text in self._ticks():
            y = self.y(value)
            ends = f'x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}"'
            found.append(f'<line {ends} class="kr-grid"/>')
            place = f'x="{_LEFT - 5}" y="{y + 3.5}"'
            found.append(f'<text {place} text-anchor="end">{text}</text>')
        for iteration, anchor in ((1, "start"), (self.length, "end")):
            place = f'x="{self.x(iteration)}" y="{bottom + 13}"'
            found.append(f'<text {place} text-anchor="{anchor}">{iteration}</text>')
        return found

    def _ticks(self):
        if self.percent:
            return [(0, "0 %"), (0.5, "50 %"), (1, "100 %")]
        step = max(1, round((self.high - self.low) / 3))
        powers = range(int(self.low), int(self.high) + 1, step)
        return [(10.0**p, f"1e{p}" if abs(p) > 2 else f"{10.0**p:g}") for p in powers]


def _legend(twins):
    items = [
        f'<span><i style="border-top: 3px {_css(twin)}"></i>{label(twin)}</span>'
        for twin in twins
    ]
    items.append("<span><i class='kr-limit-key'></i>threshold</span>")
    items.append("<span><i class='kr-dot'></i>stops here</span>")
    return f'<div class="kr-legend">{"".join(items)}</div>'


def _css(twin):
    style = line_style(twin)
    return f"{'dashed' if style['linestyle'] == '--' else 'solid'} {style['color']}"
