"""``tocsin outbox drain --watch``: real services in processes of their own, which send, answer HTTP, and are stopped."""

import json
import shutil
import signal
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from threading import Event

import pytest
from typing_extensions import override

from tests.cli.outbox.daemons import Service
from tests.cli.outbox.filled_outbox import SLACK, Kept, key, message
from tests.cli.terminal_session import PATIENCE, Seen, Typist, typed
from tests.eventually import eventually
from tests.servers.authority import Authority
from tests.servers.scripts import environment, texts
from tests.servers.slack import Reply, SlackServer
from tocsin.cli.outbox.checks import periodic_checks
from tocsin.core.absence import Every, Expectation, ToldMiss, miss_id
from tocsin.core.integrations.foreign import ForeignRun
from tocsin.core.outbox.model import Status
from tocsin.shell.history.expectations import ExpectationStore
from tocsin.shell.history.foreign_runs import ForeignRunStore, OpenRun
from tocsin.shell.outbox.codec import new_row
from tocsin.shell.outbox.store import Store


@pytest.fixture
def variables(tmp_path: Path, kept: Kept, slack_server: SlackServer, ca_bundle: Path) -> dict[str, str]:
    """What the service finds in its environment."""
    found = environment(slack_server, ca_bundle, tmp_path)
    return {**found, "TOCSIN_STATE_DIR": str(kept.path.parent), "NO_PROXY": "127.0.0.1"}


def asked(port: int, path: str) -> tuple[int, str]:
    """What is answered: the status, and the text."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_sends_what_is_put_in_until_it_is_told_to_end(
    tmp_path: Path, kept: Kept, variables: dict[str, str], slack_server: SlackServer, number: signal.Signals
) -> None:
    with closing(Service(tmp_path, variables, "--metrics=0")) as service:
        assert service.line("err") == f"tocsin: sending from the outbox at {kept.path}\n"
        port = service.port()
        service.ready()
        assert asked(port, "/ready") == (200, "ready\n")
        assert not kept.path.exists()
        kept.put(Status.PENDING)
        assert service.line() == f"delivered  {SLACK}  {key(0)}\n"
        status, text = asked(port, "/metrics")
        assert status == 200
        assert f'tocsin_outbox_deliveries_total{{destination="{SLACK}",outcome="delivered"}} 1\n' in text
        assert "tocsin_outbox_up 1\n" in text
        assert asked(port, "/live") == (200, "alive\n")
        assert service.end(number) == 0
        assert service.line() == "stopped: 1 delivered\n"
        assert len(texts(slack_server)) == 1


def test_systemd_is_told_of_its_life(tmp_path: Path, variables: dict[str, str]) -> None:
    with closing(Service(tmp_path, {**variables, "WATCHDOG_USEC": "200000"}, "--json")) as service:
        assert service.told(4) == ["WATCHDOG=1", "READY=1", "WATCHDOG=1", "WATCHDOG=1"]
        service.tell(signal.SIGTERM)
        assert set(chain(*iter(service.told, ["STOPPING=1"]))) <= {"WATCHDOG=1"}
        assert service.gone() == 0
        counts = {"delivered": 0, "delayed": 0, "dead": 0, "unknown": 0}
        assert json.loads(service.line()) == {"place": f"{variables['TOCSIN_STATE_DIR']}/outbox.sqlite", **counts}


class Slow(SlackServer):
    """Answers when it may."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.asked = Event()
        self.may_answer = Event()
        super().__init__(context)

    @classmethod
    @contextmanager
    def running(cls, authority: Authority) -> Iterator["Slow"]:
        """One that stops by itself."""
        server = cls(authority.good)
        try:
            yield server
        finally:
            server.stop()

    @override
    def _answer(self, sock: socket.socket, reply: Reply) -> None:
        self.asked.set()
        self.may_answer.wait(PATIENCE)
        super()._answer(sock, reply)


def test_what_is_being_sent_is_ended_and_the_rest_released(
    tmp_path: Path, kept: Kept, variables: dict[str, str], authority: Authority
) -> None:
    kept.put(*[Status.PENDING] * 5)
    with Slow.running(authority) as slow, closing(Service(tmp_path, {**variables, "SLACK_WEBHOOK_URL": slow.url})) as service:
        assert slow.asked.wait(PATIENCE)
        service.tell(signal.SIGTERM)
        assert set(chain(*iter(service.told, ["STOPPING=1"]))) == {"WATCHDOG=1", "READY=1"}
        slow.may_answer.set()
        assert service.gone() == 0
        assert len(slow.requests) == 1
    assert [kept.status(number) for number in range(5)] == [Status.DELIVERED, *[Status.PENDING] * 4]


def test_it_goes_on_while_the_outbox_cannot_be_used(
    tmp_path: Path, kept: Kept, variables: dict[str, str], slack_server: SlackServer
) -> None:
    kept.put(Status.DELIVERED)
    with closing(Service(tmp_path, variables, "--metrics=0")) as service:
        service.line("err")
        port = service.port()
        service.ready()
        away = tmp_path / "away"
        shutil.move(kept.path.parent, away)
        kept.path.parent.mkdir()
        kept.path.write_text("dear diary, " * 100)
        said = service.line("err")
        assert said.startswith(f"tocsin: the outbox at {kept.path} cannot be used: ")
        assert said.endswith("; retrying until it can be used\n")
        assert asked(port, "/ready")[0] == 503
        assert asked(port, "/live")[0] == 200
        shutil.rmtree(kept.path.parent)
        shutil.move(away, kept.path.parent)
        assert service.line("err") == f"tocsin: the outbox at {kept.path} can be used again\n"
        assert asked(port, "/ready")[0] == 200
        kept.put_row(new_row(message(1), 0.0))
        assert service.line() == f"delivered  {SLACK}  {key(1)}\n"
        assert service.end() == 0


def test_a_port_that_is_taken_is_one_line(tmp_path: Path, variables: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with closing(Service(tmp_path, variables, f"--metrics={port}")) as service:
            assert service.gone() == 2
    assert service.line("err") == f"tocsin: --metrics {port}: Address already in use: choose another port, or 0 for one that is free\n"


def test_metrics_without_watch_make_no_sense(tocsin: Typist) -> None:
    seen = tocsin("outbox", "drain", "--metrics=0")
    said = "tocsin: --metrics is for a service: write tocsin outbox drain --watch --metrics PORT\n"
    assert (seen.status, seen.out, seen.err) == (2, "", said)


def test_it_tells_of_a_run_that_did_not_start(tmp_path: Path, kept: Kept, variables: dict[str, str], slack_server: SlackServer) -> None:
    since = datetime.now(UTC) - timedelta(hours=30)
    expected = Expectation("nightly load", Every(timedelta(hours=24)), timedelta(hours=1), since)
    expectations = ExpectationStore(kept.path.parent)
    expectations.put(expected)
    with closing(Service(tmp_path, variables)) as service:
        service.line("err")
        assert service.line().startswith(f"delivered  {SLACK}  {miss_id(expected, ToldMiss(since + timedelta(hours=24)))}.nightly")
        assert service.end() == 0
        assert service.line() == "stopped: 1 delivered\n"
    assert [text.split(":")[0] for text in texts(slack_server)] == ["nightly load was not run"]
    (stored,) = expectations.contents(datetime.now(UTC)).stored
    assert stored.told is not None


def test_it_tells_of_a_run_of_another_engine_of_which_no_end_was_heard(
    tmp_path: Path, kept: Kept, variables: dict[str, str], slack_server: SlackServer
) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    runs = ForeignRunStore(kept.path.parent)
    runs.put(OpenRun(ForeignRun("load", "r7", "nightly"), "Loom", long_ago, long_ago))
    with closing(Service(tmp_path, variables)) as service:
        service.line("err")
        assert service.line().startswith(f"delivered  {SLACK}  r7.load..")
        assert service.end() == 0
    assert [text.split(" within")[0] for text in texts(slack_server)] == ["load was aborted: no end was heard of"]
    eventually(lambda: runs.due(datetime.now(UTC)) == ())


@pytest.mark.tocsin_live
def test_a_miss_that_cannot_be_stored_is_not_told(kept: Kept, slack: SlackServer, caplog: pytest.LogCaptureFixture) -> None:
    since = datetime.now(UTC) - timedelta(hours=30)
    expectations = ExpectationStore(kept.path.parent)
    expectations.put(Expectation("load", Every(timedelta(hours=24)), timedelta(hours=1), since))
    kept.path.mkdir()
    with closing(Store(f"sqlite:///{kept.path}")) as store:
        check = periodic_checks(store)[0]
        check.run()
        eventually(lambda: "could not tell Slack of 'load'" in caplog.text)
        (stored,) = expectations.contents(datetime.now(UTC)).stored
        assert stored.told is None
        kept.path.rmdir()
        check.run()  # too soon after the last check
        assert not kept.path.exists()
    with closing(Store(f"sqlite:///{kept.path}")) as store:
        periodic_checks(store)[0].run()
        eventually(lambda: [row.status for row in store.rows()] == [Status.PENDING])
    assert not slack.requests


@pytest.mark.tocsin_live
def test_beside_it_no_program_says_that_a_message_waits_on_a_server(
    tmp_path: Path, database: str, variables: dict[str, str], slack_server: SlackServer
) -> None:
    slack_server.replies += [Reply(manner="silent")] * 9
    outbox = {"TOCSIN_DELIVERY_OUTBOX": "1", "TOCSIN_DELIVERY_OUTBOX_SECRET": "OUTBOX_URL", "OUTBOX_URL": database}
    variables = {**variables, **outbox, "TOCSIN_DELIVERY_EXIT_TIMEOUT": "0.2"}
    del variables["HOME"]
    words = ("exec", "--label=load", "--", "false")
    with closing(Service(tmp_path, variables)) as service:
        service.ready()
        assert typed(tmp_path, *words, **variables) == Seen(1, "", "")
    alone = typed(tmp_path, *words, **variables)
    assert (alone.status, alone.err.count("\n")) == (1, 1)
    assert alone.err.startswith("tocsin: 1 message waits in the outbox at postgresql://worker@127.0.0.1:")
