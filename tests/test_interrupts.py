"""Ctrl-C arrives, wherever the program is at that moment."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from keras_recur import _interrupts
from keras_recur._interrupts import interruptible


@pytest.fixture(autouse=True)
def interrupts_arrive():
    """Also where a shell runs the tests in the background and has them ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(_interrupts, "SECONDS", 0.05)


def lost():
    """An interrupt that a callback prints and forgets."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.once
def test_interruptible_raises_again_what_a_callback_lost(soon):
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), interruptible():
        lost()
        time.sleep(20)
    assert time.monotonic() - began < 10
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.once
def test_interruptible_leaves_the_handling_alone(soon):
    closed = []
    with pytest.raises(KeyboardInterrupt), interruptible():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            time.sleep(0.3)  # A file is closed.
            closed.append(True)
    assert closed == [True]


@pytest.mark.once
def test_an_error_that_an_interrupt_became_is_an_interrupt(soon):
    with pytest.raises(KeyboardInterrupt), interruptible():
        with interruptible():
            lost()
            raise RuntimeError("XlaRuntimeError: KeyboardInterrupt")
    with pytest.raises(RuntimeError), interruptible():
        raise RuntimeError("of something else")


# The program interrupts itself while it trains, by the signal that Ctrl-C sends. The
# first is lost, as one inside of a callback of the garbage collector is.
PROGRAM = """
import contextlib, os, signal, sys, threading, time
from keras_recur import training
from keras_recur.cli import main as cli
import keras
moment, folder = float(sys.argv[1]), sys.argv[2]

class Lost(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if not moment and not hasattr(Lost, "sent"):
            Lost.sent = True
            with contextlib.suppress(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)

def interrupt():
    while not os.path.exists(folder):
        time.sleep(0.02)
    time.sleep(moment)
    os.kill(os.getpid(), signal.SIGINT)

usual = keras.Model.fit
keras.Model.fit = lambda self, *args, callbacks=(), **kwargs: usual(
    self, *args, callbacks=[*callbacks, Lost()], **kwargs)
if moment:
    threading.Thread(target=interrupt, daemon=True).start()
sys.argv = ["keras-recur", *sys.argv[3:]]
cli.main()
"""


@pytest.mark.parametrize("moment", [0, 2])
def test_ctrl_c_ends_a_command_on_every_backend(moment, tmp_path):
    command = "compare deep_thinking_1d --data prefix_sums --quick --width 4 --seeds 1"
    command += " --iterations 2 --examples 200 --epochs 5000"
    # The first signal comes from a callback, which workers do not have.
    command += " --output" if moment else " --jobs 0 --output"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(moment), str(tmp_path / "run")]
        + [*command.split(), str(tmp_path / "run")],
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 130, (done.stdout, done.stderr)
    assert done.stdout.count("Interrupted.") == 1 and "--resume" in done.stdout
