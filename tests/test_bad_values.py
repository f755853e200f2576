"""Every public argument refuses values that are wrong for it, and names itself."""

import contextlib
import inspect
import os
import signal

import pytest
from bad_values import bad_values, huge_values, named, unusual
from valid_calls import CALLS, EXCUSED, LONG, PUBLIC

pytestmark = pytest.mark.once
SECONDS = 2  # For one call.


class Hangs(BaseException):
    """A call took too long."""


@contextlib.contextmanager
def limit(seconds=SECONDS):
    def stop(*_):
        raise Hangs

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def parameters(name):
    """The arguments of a callable, without `*args` and `**kwargs`."""
    found = inspect.signature(PUBLIC[name]).parameters.values()
    return [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def outcome(name, argument, value):
    """What is wrong with what a bad value ends in, or `None`."""
    arguments = CALLS[name]() | {argument: value}
    try:
        with limit():
            PUBLIC[name](**arguments)
    except (ValueError, TypeError) as error:
        if not named(str(error), argument):
            return f"{argument}={value!r} is not named: {str(error)[:150]!r}"
    except Hangs:
        return f"{argument}={value!r} takes longer than {SECONDS} s"
    except Exception as error:
        return f"{argument}={value!r} ends in {type(error).__name__}: {error}"[:200]
    else:
        return f"{argument}={value!r} is taken"
    left = os.listdir()
    return f"{argument}={value!r} leaves {left}" if left else None


def test_everything_public_has_a_valid_call():
    unknown = sorted(set(PUBLIC) - set(CALLS) - set(EXCUSED))
    assert not unknown, f"add a valid call of {unknown} to tests/valid_calls.py"
    gone = sorted((set(CALLS) | set(EXCUSED)) - set(PUBLIC))
    assert not gone, f"remove {gone} from tests/valid_calls.py"


def test_every_argument_is_in_the_table():
    every = [(name, p) for name in CALLS for p in parameters(name)]
    unknown = [(n, p.name) for n, p in every if bad_values(n, p) is None]
    assert not unknown, f"add a line for {unknown} to tests/bad_values.py"
    assert sum(len(bad_values(*one)) for one in every) >= 300


@pytest.mark.parametrize("name", [n for n in CALLS if parameters(n)])
def test_bad_values_are_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = []
    for parameter in parameters(name):
        for value in bad_values(name, parameter):
            wrong.append(outcome(name, parameter.name, value))
            for path in tmp_path.iterdir():
                os.system(f"rm -rf '{path}'")
    wrong = [text for text in wrong if text]
    assert not wrong, f"{name}:\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    "name", [n for n in CALLS if any(huge_values(n, p) for p in parameters(n))]
)
def test_huge_numbers_are_refused_or_quick(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = [
        text
        for parameter in parameters(name)
        for value in huge_values(name, parameter)
        if (text := outcome(name, parameter.name, value))
        and not text.endswith("is taken")
    ]
    assert not wrong, f"{name}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("name", sorted(set(CALLS) - LONG))
def test_unusual_values_are_taken(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = CALLS[name]()
    given = {p.name: p.default for p in parameters(name)} | arguments
    changed = {key: unusual(value) for key, value in given.items()}
    changed = {k: v for k, v in changed.items() if v is not given[k]}
    with limit(20):
        PUBLIC[name](**arguments | changed)
