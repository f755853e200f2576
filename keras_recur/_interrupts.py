"""Deliver Ctrl-C: an interrupt that a callback swallows is sent again."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

SECONDS = 1.0


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise `KeyboardInterrupt` for Ctrl-C even if the first one is lost.

    Python raises an interrupt wherever the program is at that moment. In a callback of
    the garbage collector (JAX has one), in `__del__` or in a callback of compiled code,
    it is printed and forgotten, or becomes another error. In this context it is raised
    again every second until it arrives, but not while it is being handled, so files are
    closed properly. The context always exits with `KeyboardInterrupt` then.

    The context does nothing outside the main thread, or if the program has its own
    handler.
    """
    usual, found = signal.default_int_handler, signal.getsignal(signal.SIGINT)
    here = threading.current_thread() is threading.main_thread()
    outermost = here and found is usual
    handler = found if isinstance(found, _Handler) else _Handler()
    if outermost:
        signal.signal(signal.SIGINT, handler)
    try:
        yield
    except Exception as error:
        if handler.asked:
            raise KeyboardInterrupt from error
        raise
    finally:
        if outermost:
            handler.left.set()
            signal.signal(signal.SIGINT, usual)


class _Handler:
    """Raises the interrupt, and sends it again until the context exits."""

    def __init__(self):
        self.asked = False
        self.again = False
        self.left = threading.Event()

    def __call__(self, signum, frame):
        if self.left.is_set():
            return
        if self.again:
            self.again = False
            if _handled(sys.exception()):
                return
        if not self.asked:
            self.asked = True
            threading.Thread(target=self._repeat, daemon=True).start()
        raise KeyboardInterrupt

    def _repeat(self):
        main = threading.main_thread().ident or 0
        while not self.left.wait(SECONDS):
            self.again = True
            if hasattr(signal, "pthread_kill"):  # This also wakes a waiting call.
                signal.pthread_kill(main, signal.SIGINT)
            else:
                signal.raise_signal(signal.SIGINT)


def _handled(error):
    """Return whether an interrupt, or its consequence, is being handled."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False
