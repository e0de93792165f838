"""SIGTERM ends a running flow in order: its abort is announced, and the exit status is 143."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.terminal_session import HEAD, PATIENCE, Typist, started
from tests.servers.slack import SlackServer
from tocsin.cli.signals import TERMINATED, terminable

LONG = f"""{HEAD}
import signal
@task
def wait():
    print("waiting", flush=True)
    signal.pause()
with Flow("nightly", state_handlers=[slack_notifier(only_states=[Aborted])]) as flow:
    wait()
"""
KILLS = "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n"
STOPS = f"""{HEAD}
import os, signal
@task
def stop():
    os.kill(os.getpid(), signal.SIGTERM)
with Flow("nightly") as flow:
    stop()
"""


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """What SIGTERM does in this process is the same afterwards."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_first_signal_leaves_what_runs() -> None:
    with terminable() as stopped:
        assert not stopped()
        with pytest.raises(SystemExit) as left:
            signal.raise_signal(signal.SIGTERM)
        assert left.value.code == TERMINATED == 143
        assert stopped()


def test_one_that_comes_twice_at_once_is_one_and_a_later_one_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminable():
        monkeypatch.setattr(time, "monotonic", lambda: 100.0)
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        monkeypatch.setattr(time, "monotonic", lambda: 101.5)
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGTERM)


def test_one_that_is_ignored_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with terminable() as stopped:
        signal.raise_signal(signal.SIGTERM)
        assert not stopped()
    assert signal.signal(signal.SIGTERM, before) is signal.SIG_IGN


def test_a_handler_of_the_users_stays() -> None:
    before, came = signal.getsignal(signal.SIGTERM), threading.Event()
    with terminable() as stopped:
        signal.signal(signal.SIGTERM, lambda *_: came.set())
        signal.raise_signal(signal.SIGTERM)
    assert came.is_set()
    assert not stopped()
    signal.raise_signal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, before)


def test_outside_the_main_thread_nothing_happens() -> None:
    said: list[bool] = []

    def other() -> None:
        before = signal.getsignal(signal.SIGTERM)
        with terminable() as stopped:
            said.extend((stopped(), signal.getsignal(signal.SIGTERM) is before))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(PATIENCE)
    assert said == [False, True]


def test_a_run_says_so_in_one_line(tocsin: Typist) -> None:
    seen = tocsin.run(STOPS)
    assert (seen.status, seen.out, seen.err) == (143, "", "tocsin: the run of 'nightly' was ended by SIGTERM\n")


def test_a_file_that_is_being_loaded_is_left(tocsin: Typist) -> None:
    seen = tocsin.run(KILLS)
    assert (seen.status, seen.out, seen.err) == (143, "", "tocsin: ended by SIGTERM before the flow was loaded\n")


def test_people_hear_of_it(tmp_path: Path, slack_server: SlackServer, ca_bundle: Path) -> None:
    (tmp_path / "flows.py").write_text(LONG)
    environment = {
        "SLACK_WEBHOOK_URL": slack_server.url,
        "TOCSIN_SLACK_ALLOWED_HOSTS": "127.0.0.1",
        "TOCSIN_SLACK_CA_BUNDLE": str(ca_bundle),
        "TOCSIN_STATE_DIR": str(tmp_path),
        "NO_PROXY": "127.0.0.1",
    }
    with started(tmp_path, "run", "flows.py", **environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        os.kill(process.pid, signal.SIGTERM)
        os.kill(process.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (143, "", "tocsin: the run of 'nightly' was ended by SIGTERM\n")
    (request,) = slack_server.requests
    assert b"nightly" in request.body
    assert b"Aborted" in request.body
