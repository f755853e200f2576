"""The page: components of Gradio, and which action each of them starts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_recur._plot_style import label
from keras_recur.inference.stop_rule import StopRule
from keras_recur.playground.networks import Network
from keras_recur.playground.tab import (
    MISTAKES,
    Seen,
    Tab,
    alert,
    kinds_with_threshold,
    note,
)
from keras_recur.playground.tasks import TASKS
from keras_recur.playground.thinking import MAX_ITERATIONS, MAX_NOISE, Disturbance
from keras_recur.runs.entry import TWINS

_SECONDS = 0.35  # Between the steps of a replay.
_STEPS = 60  # At most, in a replay.
_CANVAS = 280
_CLEAN = (60, 600)  # Seconds between removals of old pictures, and their age.


def build_page(gr: Any, networks: Sequence[Network]) -> Any:
    """Return the page with one tab per task, not yet launched. `gr` is Gradio."""
    style = (Path(__file__).parent / "page.css").read_text("utf-8")
    tasks = [t for t in TASKS.values() if any(n.data == t.data for n in networks)]
    with gr.Blocks(
        title="keras_recur: watch it think",
        analytics_enabled=False,
        delete_cache=_CLEAN,
        fill_width=True,
    ) as page:
        gr.HTML(f"<style>{style}</style>", padding=False)
        gr.Markdown(
            "# Watch it think\nMake an input, let the networks iterate, and step "
            "through their answers.",
            elem_classes="kr-head",
        )
        if len(tasks) == 1:
            _TabPage(gr, Tab(tasks[0], networks))
        else:
            with gr.Tabs():
                for task in tasks:
                    own = [n for n in networks if n.data == task.data]
                    with gr.Tab(task.title, id=task.data):
                        _TabPage(gr, Tab(task, own))
    page.queue(max_size=32)
    return page


class _TabPage:
    """The components of one tab."""

    def __init__(self, gr: Any, tab: Tab):
        self.gr, self.tab, self.task = gr, tab, tab.task
        self.first = self.task.example(tab.first_size(), 0)
        self.value = gr.State(self.first)
        self.seen = gr.State(None)
        self.timer = gr.Timer(_SECONDS, active=False)
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                self._input()
            with gr.Column(scale=5, min_width=520):
                self._output()
        self._connect()

    def _input(self):
        gr, task = self.gr, self.task
        names = list(self.tab.networks)
        self.network = gr.Dropdown(
            names, value=names[0], label="Network", visible=len(names) > 1
        )
        if len(names) == 1:
            gr.Markdown(f"**{names[0]}**")
        gr.Markdown(task.hint)
        text = {"elem_classes": "kr-text", "value": task.text(self.first)}
        board = {
            "interactive": False,
            "show_label": False,
            "format": "png",
            "buttons": [],
            "elem_classes": "kr-picture",
            "elem_id": f"{task.data}-board",
            "value": task.board(self.first),
        }
        if task.editor == "text":
            self.text = gr.Textbox(label="Input", lines=3, max_lines=8, **text)
            self.board = gr.Image(visible=False, **board)
        else:
            if task.editor == "strokes":
                self.canvas = self._canvas()
            self.board = gr.Image(label="Input", **board)
        with gr.Row():
            smallest, largest, _, step = task.sizes or (0, 1, 0, 1)
            self.size = gr.Slider(
                smallest,
                largest,
                self.tab.first_size(),
                step=step,
                label="Size",
                visible=task.sizes is not None,
            )
            self.seed = gr.Number(0, label="Seed", precision=0, minimum=0)
            self.new = gr.Button("New example", min_width=110)
        self.iterations = gr.Slider(
            1, MAX_ITERATIONS, 30, step=1, label="Iterations to run"
        )
        self.go = gr.Button("Think", variant="primary", size="lg")
        if task.editor != "text":
            with gr.Accordion("Input as text", open=False):
                self.text = gr.Textbox(show_label=False, lines=8, max_lines=20, **text)
        with gr.Accordion("Disturb the state", open=False):
            self.noise = gr.Slider(
                0, MAX_NOISE, 0, step=0.05, label="Noise, relative to the state"
            )
            self.after = gr.Number(
                0, label="Noise after iteration (0: every one)", precision=0
            )
            self.damping = gr.Slider(
                0, 0.95, 0, step=0.05, label="Damping: share of the old state"
            )
        with gr.Accordion("Stop rules", open=False):
            self.thresholds = [
                gr.Number(StopRule(kind).threshold, label=f"{kind}: threshold")
                for kind in kinds_with_threshold()
            ]
            self.patience = gr.Number(1, label="Patience", precision=0)

    def _canvas(self):
        gr = self.gr
        return gr.Sketchpad(
            label="Drawing",
            canvas_size=(_CANVAS, _CANVAS),
            fixed_canvas=True,
            layers=False,
            transforms=(),
            sources=(),
            buttons=[],
            image_mode="RGBA",
            format="png",
            brush=gr.Brush(default_size=26, colors=["#000000"], color_mode="fixed"),
            elem_id=f"{self.task.data}-canvas",
        )

    def _output(self):
        gr, name = self.gr, self.task.data
        self.message = gr.HTML(visible=False, elem_id=f"{name}-message")
        with gr.Row(equal_height=True):
            self.number = gr.Slider(1, 2, 1, step=1, label="After iteration", scale=4)
            self.play = gr.Button("▶ Play", scale=1, min_width=90)
            self.truth = gr.Checkbox(
                True, label="Show the true answer", scale=1, min_width=170
            )
        self.pictures, self.words = [], []
        # Strings are compared position by position, one above the other.
        with gr.Column() if self.task.editor == "text" else gr.Row():
            for twin in TWINS:
                with gr.Column(min_width=260):
                    first = note("Press Think.") if twin == TWINS[0] else ""
                    self.words.append(gr.HTML(first))
                    self.pictures.append(
                        gr.Image(
                            label=label(twin),
                            show_label=False,
                            interactive=False,
                            visible=False,
                            format="png",
                            buttons=[],
                            elem_classes="kr-picture",
                            elem_id=f"{name}-{twin}",
                        )
                    )
        self.charts = gr.HTML(elem_id=f"{name}-charts")

    def _connect(self):
        name = self.task.data
        edited = [self.value, self.text, self.board, *self._results(), self.message]
        views = [
            x for pair in zip(self.pictures, self.words, strict=True) for x in pair
        ]
        views.append(self.charts)
        look = [self.seen, self.number, self.truth, *self.thresholds, self.patience]
        quiet = {"show_progress": "hidden"}

        def on(event, function, inputs, outputs, action=None, **options):
            visible = {"api_name": f"{name}_{action}"} if action else {}
            hidden = {} if action else {"api_visibility": "private"}
            return event(function, inputs, outputs, **visible, **hidden, **options)

        on(self.new.click, self._example, [self.size, self.seed], edited, "example")
        latest = {**quiet, "trigger_mode": "always_last"}
        typed = self.text.change if self.task.editor == "text" else self.text.blur
        on(typed, self._enter, self.text, edited, "enter", **latest)
        if self.task.editor == "clicks":
            every = {**quiet, "trigger_mode": "multiple"}
            on(self.board.select, self._click(), self.value, edited, **every)
        if self.task.editor == "strokes":
            on(self.canvas.change, self._strokes, self.canvas, edited, **latest)
        on(self.network.change, lambda: self._cleared(""), None, edited[3:], **quiet)
        running = [self.value, self.network, self.iterations]
        running += [self.noise, self.after, self.damping, self.seed]
        done = on(
            self.go.click,
            self._think(),
            running,
            [self.seen, self.number, self.message],
            "think",
        )
        on(done.then, self._show, look, [*views, self.message], "show", **quiet)
        for event in (
            self.number.input,
            self.truth.input,
            self.patience.input,
            *(threshold.input for threshold in self.thresholds),
        ):
            on(event, self._show, look, [*views, self.message], **latest)
        player = [self.number, self.timer, self.play]
        on(self.play.click, self._toggle, [self.seen, *player], player, **quiet)
        ticked = on(
            self.timer.tick, self._tick, [self.seen, self.number], player, **quiet
        )
        on(ticked.then, self._show, look, [*views, self.message], **quiet)

    def _results(self):
        """Return the components that an edit clears."""
        return [self.seen, *self.pictures, *self.words, self.charts, self.timer]

    def _cleared(self, message):
        pictures = [self._picture(None)] * len(self.pictures)
        words = [""] * len(self.words)
        stopped = self.gr.Timer(active=False)
        return [None, *pictures, *words, "", stopped, self._said(message)]

    def _picture(self, picture):
        return self.gr.Image(picture, visible=picture is not None)

    def _said(self, message):
        return self.gr.HTML(message, visible=bool(message))

    def _edited(self, value):
        """Return the updates after an edit."""
        parts = [value, self.task.text(value), self.task.board(value)]
        return [*parts, *self._cleared(self.tab.warning(value))]

    def _attempt(self, make, *arguments):
        """Return the updates of an edit, or a message and everything else as it is."""
        try:
            return self._edited(make(*arguments))
        except MISTAKES as error:
            skipped = [self.gr.skip()] * (3 + len(self._results()))
            return [*skipped, self._said(alert(error))]

    def _example(self, size, seed):
        return self._attempt(lambda: self.task.example(int(size), int(seed or 0)))

    def _enter(self, text):
        found = self._attempt(self.task.parse, text or "")
        found[1] = self.gr.skip()  # Typing would lose the cursor.
        return found

    def _strokes(self, canvas):
        return self._attempt(lambda: self.task.strokes(_ink(canvas)))

    def _click(self):
        gr = self.gr

        def click(value, event):
            height, width = self.task.board(value).shape[:2]
            x, y = event.index[0] / width, event.index[1] / height
            return self._attempt(self.task.click, value, x, y)

        # Gradio passes the event because of this annotation.
        click.__annotations__["event"] = gr.SelectData
        return click

    def _think(self):
        gr = self.gr

        def think(
            value,
            name,
            iterations,
            noise,
            after,
            damping,
            seed,
            progress=gr.Progress(),  # noqa: B008  This is how Gradio passes it.
        ):
            try:
                disturbance = Disturbance(
                    noise or 0.0, after or 0, damping or 0.0, seed or 0
                )
                report = lambda done, total: progress((done, total))  # noqa: E731
                seen = self.tab.think(value, name, iterations, disturbance, report)
            except MISTAKES as error:
                return None, gr.skip(), self._said(alert(error))
            last = seen.last
            slider = gr.Slider(maximum=max(last, 2), value=last)
            return seen, slider, self._said("")

        return think

    def _show(self, seen: Seen | None, number, truth, *limits):
        blank = [*[self._picture(None), ""] * len(TWINS), ""]
        if seen is None:
            return [*blank, self.gr.skip()]
        *thresholds, patience = limits
        number = min(max(int(number), 1), seen.last)
        try:
            rules = self.tab.rules(thresholds, patience)
        except ValueError as error:
            skipped = [self.gr.skip()] * len(blank)
            return [*skipped, self._said(alert(error))]
        shown = []
        for picture, words in self.tab.pictures(seen, number, truth):
            shown += [self._picture(picture), words]
        charts = self.tab.charts(seen, number, truth, rules)
        return [*shown, charts, self._said("")]

    def _toggle(self, seen, number, timer, play):
        gr = self.gr
        if seen is None or play == "❚❚ Pause":
            return gr.skip(), gr.Timer(active=False), "▶ Play"
        start = 1 if number >= seen.last else number
        return start, gr.Timer(active=True), "❚❚ Pause"

    def _tick(self, seen, number):
        gr = self.gr
        if seen is None or number >= seen.last:
            return gr.skip(), gr.Timer(active=False), "▶ Play"
        step = max(1, seen.last // _STEPS)
        return min(number + step, seen.last), gr.skip(), gr.skip()


def _ink(canvas):
    """Return the ink of a drawing, from 0 to 1."""
    layers = [np.asarray(layer) for layer in (canvas or {}).get("layers") or ()]
    layers = [layer for layer in layers if layer.ndim == 3 and layer.shape[2] == 4]
    if not layers:
        return np.zeros((1, 1))
    return np.max([layer[..., 3] for layer in layers], axis=0) / 255.0
