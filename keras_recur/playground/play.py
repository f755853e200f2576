"""Show in the browser what networks answer after every iteration."""

import os
from typing import Any

from keras_recur import zoo
from keras_recur._validation import check_flag, check_integer, check_one_of
from keras_recur.playground.networks import find_networks
from keras_recur.playground.tasks import TASKS

ADDRESS = "127.0.0.1"
_FILE_SIZE = "1mb"  # Of a drawing.
_SESSIONS = 8  # Pages whose answers are kept in memory.


def play(
    model: Any = None,
    task: str | None = None,
    *,
    port: int | None = None,
    browser: bool = False,
    block: bool | None = None,
    launch: bool = True,
) -> Any:
    """Open a page on which a person makes inputs and watches networks iterate.

    One types bits, opens and closes the walls of a maze, places obstacles in a grid or
    draws a digit. The page steps through the answers of a recurrent network and its
    twin, and shows the signals of all stop rules and the iteration at which each of
    them stops. It can add noise to the state and damp it. Notebooks show the page
    below the cell.

    The page listens on 127.0.0.1 only and serves no files. It works without internet.
    It needs Gradio, the extra `play`.

    Args:
        model: Name of a published entry, folder of a run of `keras-recur compare`,
            path of a `.keras` file, `Pair`, Keras model, or a list of a recurrent
            network and its twin. The networks need a `SharedRecurrentBlock`. Defaults
            to `None`: all published entries on these data sets.
        task: Data set of the inputs: `"prefix_sums"`, `"mazes"`, `"shortest_paths"` or
            `"digits"`. Entries and runs know theirs. Defaults to `None`.
        port: Port of the page. Defaults to `None`: the first free one from 7860.
        browser: Whether to open a browser. Defaults to `False`.
        block: Whether to wait until the page is closed with Ctrl-C. Defaults to
            `None`: in scripts, but not in notebooks.
        launch: Whether to start the page. Defaults to `True`.

    Returns:
        The page, a `gradio.Blocks`. Its method `close` ends it.

    Raises:
        ImportError: If Gradio is not installed.
        ValueError: If an argument is invalid, or the networks cannot run iteration by
            iteration.
        OSError: If the port is in use.

    Example:

    >>> page = keras_recur.play("deep_thinking_1d-prefix_sums", launch=False)
    >>> page.title
    'keras_recur: watch it think'
    """
    if task is not None:
        check_one_of("task", task, TASKS)
    if port is not None:
        port = check_integer("port", port, 1, maximum=65_535)
    check_flag("browser", browser)
    if block is not None:
        check_flag("block", block)
    check_flag("launch", launch)
    networks = find_networks(_checked(model), task)
    gradio = _gradio()
    from keras_recur.playground.page import build_page

    if len(networks) == 1:
        networks[0].steps  # noqa: B018  Errors show now, not in the page.
    page = build_page(gradio, networks)
    if launch:
        _launch(page, port, browser, block)
    return page


def _checked(model):
    import keras

    kinds = (str, os.PathLike, keras.Model, zoo.Pair)
    networks = isinstance(model, list | tuple) and len(model) == 2
    if model is None or (isinstance(model, kinds) and model != "") or networks:
        return model
    raise ValueError(
        "`model` must be the name of a published entry, the folder of a run, a "
        "`.keras` file, a pair, a Keras model, or a list of two models. Received: "
        f"model={model!r} (of type {type(model).__name__})."
    )


def _gradio():
    # Gradio reads this when it is imported.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    try:
        import gradio
    except ModuleNotFoundError as error:
        raise ImportError(
            "`play` needs Gradio, which is not installed. Install the extra `play` of "
            "keras-recur, or Gradio itself: pip install gradio."
        ) from error
    return gradio


def _launch(page, port, browser, block):
    page.launch(
        server_name=ADDRESS,
        server_port=port,
        share=False,  # Gradio shares pages of Colab by default.
        inbrowser=browser,
        prevent_thread_lock=block is not None,
        quiet=True,
        allowed_paths=[],
        max_file_size=_FILE_SIZE,
        state_session_capacity=_SESSIONS,
        enable_monitoring=False,
        run_history=False,
        footer_links=[],
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
    )
    page.allowed_paths = []  # The environment may name some.
    if block:
        page.block_thread()
