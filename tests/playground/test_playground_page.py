"""The page through its interface, without a browser."""

import os
import re
import socket
import urllib.error
import urllib.request

import numpy as np
import pytest

from keras_recur import inference, zoo
from keras_recur.inference.stop_rule import KINDS
from keras_recur.playground import play as play_function
from keras_recur.playground.tab import kinds_with_threshold
from keras_recur.playground.tasks import TASKS

pytest.importorskip("gradio", reason="the extra `play` is not installed")
from gradio_client import Client  # noqa: E402
from PIL import Image  # noqa: E402
from served import RING, assert_same, expected, served  # noqa: E402

pytestmark = pytest.mark.once


def client_of(page, folder):
    return Client(page.local_url, verbose=False, download_files=str(folder))


class Person:
    """Someone who uses one tab of a page."""

    def __init__(self, client, name):
        self.client, self.name = client, name

    def do(self, action, *arguments):
        found = self.client.predict(*arguments, api_name=f"/{self.name}_{action}")
        return [_value(part) for part in found]

    def enter(self, text):
        return self.do("enter", text)[-1]

    def think(self, network, iterations, noise=0, after=0, damping=0, seed=0):
        return self.do("think", network, iterations, noise, after, damping, seed)

    def show(self, number, truth=True, patience=1, **thresholds):
        limits = [
            thresholds.get(kind, inference.StopRule(kind).threshold)
            for kind in kinds_with_threshold()
        ]
        first, words, second, others, charts, message = self.do(
            "show", number, truth, *limits, patience
        )
        return [_picture(first), _picture(second)], [words, others], charts, message


def _value(part):
    if isinstance(part, dict) and "__type__" in part:
        return part.get("value")
    return part


def _picture(path):
    return None if not path else np.asarray(Image.open(path).convert("RGB"))


@pytest.fixture(scope="module")
def page():
    with served() as page:
        yield page


@pytest.fixture
def person(page, tmp_path):
    client = client_of(page, tmp_path)
    yield lambda name: Person(client, name)
    client.close()


MODELS = {
    "prefix_sums": "deep_thinking_1d-prefix_sums",
    "mazes": "deep_thinking_2d-mazes",
    "shortest_paths": "scnn-shortest_paths",
    "digits": "feedback-digits",
}


@pytest.mark.parametrize("name", MODELS)
def test_thinking_shows_the_answers_of_the_networks(person, name):
    task, network = TASKS[name], MODELS[name]
    value = task.example(9, 3)
    someone, pair = person(name), zoo.load(network)
    assert not someone.enter(task.text(value))
    number, message = someone.think(network, 6)
    assert not message
    assert number == 6
    every = inference.with_iterations(pair.recurrent, 6, readout="all")
    guesses = every.predict(task.encode(value), verbose=0)[0].argmax(-1)
    for t in (0, 2, 5):
        pictures, words, charts, message = someone.show(t + 1)
        assert not message
        assert_same(pictures[0], expected(task, pair.recurrent, value, 6, t))
        verdict = task.verdict(guesses[t], task.answer(value))
        assert f"iteration {t + 1}" in words[0] and verdict in words[0]
        assert charts.count("<svg") == 1 + len(KINDS)
        if name == "digits":
            assert pictures[1] is None and "no trained feed-forward" in words[1]
        else:
            twin = expected(task, pair.feedforward, value, 6, t)
            assert_same(pictures[1], twin)
    hidden, words, *_ = someone.show(2, truth=False)
    assert_same(hidden[0], expected(task, pair.recurrent, value, 6, 1, truth=False))
    assert "right" not in words[0]


def test_twin_stops_at_its_own_iterations(person):
    someone = person("prefix_sums")
    someone.enter("1011")
    assert someone.think(MODELS["prefix_sums"], 40)[0] == 40
    _, words, charts, _ = someone.show(40)
    assert "iteration 40 (trained with 20)" in words[0]
    assert "iteration 20 (its last)" in words[1]
    assert "never in 20" in charts


def test_charts_follow_the_thresholds(person):
    someone = person("prefix_sums")
    someone.enter("10110011")
    someone.think(MODELS["prefix_sums"], 12)
    loose = someone.show(12, change=1e6)[2]
    strict = someone.show(12, change=1e-30)[2]
    row = r"<td>change &lt;= ([^<]*)</td><td>(?:<b>)?([^<]*)"
    assert re.search(row, loose).groups() == ("1e+06", "1")
    assert re.search(row, strict).groups() == ("1e-30", "never in 12")
    assert loose.count("<circle") > strict.count("<circle")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"confidence": 1.5}, "`threshold`.*at most 1"),
        ({"change": -1}, "`threshold`.*above 0"),
        ({"patience": 0}, "`patience` must be a positive integer"),
    ],
)
def test_bad_stop_rules_give_a_message(person, given, message):
    someone = person("prefix_sums")
    someone.enter("1011")
    someone.think(MODELS["prefix_sums"], 3)
    said = someone.show(3, **given)[-1]
    assert 'role="alert"' in said and re.search(message, said)


def test_maze_with_two_paths_or_none_shows_no_picture(person):
    someone, task = person("mazes"), TASKS["mazes"]
    ring = RING.strip()
    closed = ring.replace("#S........#", "#S#.......#").replace("#.###", "#####", 1)
    one = ring.replace("#S........#", "#S#.......#")
    for text, message in ((ring, "More than one path"), (closed, "No path")):
        assert not someone.enter(one)
        assert not someone.think(MODELS["mazes"], 3)[1]
        assert someone.show(3)[0][0] is not None
        assert message in someone.enter(text)
        assert message in someone.think(MODELS["mazes"], 3)[1]
        pictures, _, charts, _ = someone.show(3)
        assert pictures == [None, None] and not charts
    assert task.answer(task.parse(one)) is not None


def test_bad_input_gives_a_message_and_keeps_the_last_one(person):
    someone, task = person("prefix_sums"), TASKS["prefix_sums"]
    someone.enter("1100")
    for text, message in (
        ("01<b>", "Type zeros and ones only. Received: &#x27;&lt;&#x27;"),
        ("", "must have 1 to 512 bits"),
        ("1" * 600, "must have 1 to 512 bits on this page. Received: 600"),
    ):
        said = someone.enter(text)
        assert message in said and "<b>" not in said
    assert not someone.think(MODELS["prefix_sums"], 2)[1]
    pair = zoo.load(MODELS["prefix_sums"])
    shown = expected(task, pair.recurrent, task.parse("1100"), 2, 1)
    assert_same(someone.show(2)[0][0], shown)


def test_limits_hold_for_callers_without_the_page(person):
    someone = person("prefix_sums")
    someone.enter("1100")
    network = MODELS["prefix_sums"]
    for arguments in ((network, 501), (network, 10**9), (network, 3, 99)):
        with pytest.raises(Exception, match="(?i)maximum|greater|at most"):
            said = someone.think(*arguments)[1]
            raise ValueError(said)
    assert "`after` must be" in someone.think(network, 3, 1, -1)[1]
    with pytest.raises(Exception, match="(?i)not in the list|choices"):
        someone.think("no such network", 3)


def test_noise_and_damping_change_the_answers(person):
    someone = person("mazes")
    someone.do("example", 9, 0)
    pictures = []
    for disturbance in ((0, 0, 0), (2.0, 1, 0), (0, 0, 0.5)):
        someone.think(MODELS["mazes"], 4, *disturbance)
        pictures.append(someone.show(3)[0][0])
    assert (pictures[0] != pictures[1]).any()
    assert (pictures[0] != pictures[2]).any()


def test_people_do_not_see_each_others_inputs(page, tmp_path):
    clients = [client_of(page, tmp_path) for _ in "ab"]
    first, second = (Person(client, "prefix_sums") for client in clients)
    first.enter("1111")
    second.enter("000000")
    for someone in (first, second):
        someone.think(MODELS["prefix_sums"], 2)
    assert "of 4 bits" in first.show(2)[1][0]
    assert "of 6 bits" in second.show(2)[1][0]
    for client in clients:
        client.close()


def test_page_listens_on_this_machine_only(page):
    psutil = pytest.importorskip("psutil")
    port = int(page.local_url.rstrip("/").rpartition(":")[2])
    listening = [
        found.laddr.ip
        for found in psutil.Process().net_connections("tcp")
        if found.status == psutil.CONN_LISTEN and found.laddr.port == port
    ]
    assert listening == ["127.0.0.1"]
    assert page.share_url is None


def test_page_serves_no_files(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    paths = ["/etc/passwd", secret, "secret.txt", f"..{secret}", f"//{secret}"]
    paths += [play_function.__code__.co_filename, os.path.expanduser("~/.bashrc")]
    for path in paths:
        for prefix in ("file=", "gradio_api/file=", "gradio_api/file/", "static/"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{page.local_url}{prefix}{path}", timeout=10)
            assert refused.value.code in (403, 404, 405)
            refused.value.close()


def test_page_needs_no_network(tmp_path, monkeypatch):
    asked, connect = [], socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and not str(address[0]).startswith("127."):
            asked.append(address)
            raise OSError("no network")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setenv("GRADIO_ALLOWED_PATHS", str(tmp_path))
    with served(MODELS["prefix_sums"]) as page:
        client = client_of(page, tmp_path)
        someone = Person(client, "prefix_sums")
        someone.enter("1011")
        someone.think(MODELS["prefix_sums"], 2)
        assert someone.show(2)[0][0] is not None
        text = urllib.request.urlopen(page.local_url, timeout=10).read().decode()
        client.close()
        assert page.allowed_paths == []
    loaded = re.findall(r"(?:src|href)=\"(https?://[^\"]+)", text)
    assert [url for url in loaded if "gradio.app" not in url] == []
    assert asked == []


def test_page_closes_its_port(tmp_path):
    with served(MODELS["prefix_sums"]) as page:
        url = page.local_url
        assert urllib.request.urlopen(url, timeout=10).status == 200
    with pytest.raises(OSError):
        urllib.request.urlopen(url, timeout=2)
