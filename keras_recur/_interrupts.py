"""Ctrl-C that is repeated if a callback swallows the interrupt."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

SECONDS = 1.0


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise `KeyboardInterrupt` for Ctrl-C even if the first one is lost."""
    # Python only prints interrupts in `__del__` and callbacks of the garbage collector.
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
    """Signal handler that repeats the interrupt until the context is left."""

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
                return  # Files are being closed.
        if not self.asked:
            self.asked = True
            threading.Thread(target=self._repeat, daemon=True).start()
        raise KeyboardInterrupt

    def _repeat(self):
        main = threading.main_thread().ident or 0
        while not self.left.wait(SECONDS):
            self.again = True
            if hasattr(signal, "pthread_kill"):  # Also wakes a waiting call.
                signal.pthread_kill(main, signal.SIGINT)
            else:
                signal.raise_signal(signal.SIGINT)


def _handled(error):
    """Return whether an interrupt, or an error after it, is being handled."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False
