"""The shell of absence: claims, what another process did meanwhile, and errors."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Literal

import attrs
import pytest
from returns.io import IOResult

from tests.eventually import eventually
from tests.servers.authority import Authority
from tests.servers.live import live_at
from tests.servers.scripts import texts
from tests.servers.slack import SlackServer
from tests.shell.homes import Home
from tocsin import DryRun, Failed, Flow, Live, Running, Success, Task, interpreting, slack_notifier, watch
from tocsin.core.absence import Every, Expectation, ToldMiss
from tocsin.core.effects import Effect
from tocsin.core.outcomes import Delivered, DeliveryError, Receipt
from tocsin.flows.task import FunctionTask
from tocsin.shell.absence import check_expectations, check_quietly
from tocsin.shell.config.load import configuration
from tocsin.shell.history.expectations import ExpectationStore
from tocsin.shell.history.journal import BUSY_READING, HistoryError
from tocsin.shell.history.looked import looked
from tocsin.shell.history.paths import has_expectations
from tocsin.shell.history.run_record import RunRecord
from tocsin.shell.history.silences import end_silences, silence
from tocsin.shell.history.store import HistoryStore
from tocsin.shell.interpreter import Interpreter, result_of
from tocsin.shell.threads import PeriodicCheck

pytestmark = pytest.mark.tocsin_live
HOUR = timedelta(hours=1)
ONLY_FAILED = slack_notifier(only_states=[Failed])


@pytest.fixture
def live(
    home: Home, tmp_path: Path, authority: Authority, slack_server: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Live]:
    """An interpreter that sends to the test server, which the configuration names."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack_server.url)
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    configuration.cache_clear()
    with live_at(authority, slack=slack_server) as made:
        yield made
    configuration.cache_clear()


@pytest.fixture
def store(live: Live) -> ExpectationStore:
    """A store in which ``load`` is overdue."""
    made = ExpectationStore.usual()
    made.put(Expectation("load", Every(24 * HOUR), HOUR, datetime.now(UTC) - 30 * HOUR))
    return made


def told(store: ExpectationStore) -> ToldMiss | None:
    (stored,) = store.contents(datetime.now(UTC)).stored
    return stored.told


def run(*, failed: bool) -> None:
    at = datetime.now(UTC)
    state = Failed("exit status 3") if failed else Success()
    HistoryStore.usual().record(RunRecord.of(state, run_id="r1", label="load", started=at, ended=at))


def damage(store: ExpectationStore) -> None:
    store.path.write_text("dear diary, " * 100)


@attrs.frozen
class Meddling:
    """An interpreter that delivers, and before that does something else."""

    meddle: Callable[[], object]
    notify: ClassVar[Literal["live"]] = "live"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.meddle()
        return result_of(Delivered())


def after(meddle: Callable[[], object], live: Live) -> Callable[[], Interpreter]:
    """Return a maker of the interpreter during which another process does something."""

    def make() -> Interpreter:
        meddle()
        return live

    return make


def test_a_run_that_fails_after_a_miss_tells_of_itself(store: ExpectationStore, live: Live, slack_server: SlackServer) -> None:
    assert len(check_expectations(lambda: live).told) == 1
    assert told(store) is not None
    run(failed=True)
    assert not check_expectations(DryRun).told
    assert told(store) is not None
    checked = check_expectations(lambda: live)
    assert (checked.told, checked.overdue) == ((), ())
    assert told(store) is None
    assert [text.split(":")[0] for text in texts(slack_server)] == ["load was not run"]


def test_a_miss_of_a_silent_label_waits_for_the_first_check_after_the_silence(
    store: ExpectationStore, live: Live, slack_server: SlackServer
) -> None:
    silence("load", time.time() - 1, time.time() + 3600)
    checked = check_expectations(lambda: live)
    late = [each.label for each in checked.overdue]
    assert (checked.told, late, told(store), texts(slack_server)) == ((), ["load"], None, [])
    assert end_silences("load", time.time())
    assert len(check_expectations(lambda: live).told) == 1
    (text,) = texts(slack_server)
    assert text.startswith("load was not run")
    assert "Run id" not in str(slack_server.requests[0].body)
    assert told(store) is not None


def test_a_claim_of_another_is_respected(store: ExpectationStore, live: Live, slack_server: SlackServer) -> None:
    claim = store.claim("load")
    assert claim is not None
    checked = check_expectations(lambda: live)
    assert (checked.told, [late.label for late in checked.overdue]) == ((), ["load"])
    assert not slack_server.requests
    claim.close()
    assert check_expectations(lambda: live).told


def test_what_another_told_meanwhile_is_not_told_again(store: ExpectationStore, live: Live, slack_server: SlackServer) -> None:
    assert not check_expectations(after(lambda: store.tell("load", ToldMiss(datetime.now(UTC))), live)).told
    claim = store.claim("load")
    assert claim is not None  # it was released
    claim.close()
    assert not slack_server.requests


def test_what_another_removed_meanwhile_is_not_told(store: ExpectationStore, live: Live, slack_server: SlackServer) -> None:
    assert not check_expectations(after(lambda: store.remove("load"), live)).told
    assert not slack_server.requests


def test_a_history_that_breaks_under_the_claim_releases_it(store: ExpectationStore, live: Live) -> None:
    with pytest.raises(HistoryError, match="is damaged"):
        check_expectations(after(lambda: damage(store), live))
    assert store.claim("load") is not None


def test_a_history_that_breaks_before_it_is_told_is_logged(store: ExpectationStore, caplog: pytest.LogCaptureFixture) -> None:
    check_quietly(lambda: Meddling(lambda: damage(store)))
    assert "people may be told again of 'load'" in caplog.text
    assert store.claim("load") is not None


def test_an_error_of_any_kind_is_one_line(store: ExpectationStore, live: Live, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Interpreter:
        raise RuntimeError("no threads left")

    check_quietly(fail)
    assert "nobody is told of runs that were missed: RuntimeError: no threads left" in caplog.text
    assert told(store) is None


def flow_runs() -> None:
    flow = Flow("nothing")
    flow.add_task(Task("nothing"))
    report = flow.run()
    assert report.state.is_successful()
    assert report.deliveries == ()  # what was missed is about another run


def flow_with_a_watch_runs() -> None:
    flow = Flow("watching")
    flow.add_task(FunctionTask(quiet_block, name="watching"))
    assert flow.run().deliveries == ()


def failure_is_told_by_hand() -> None:
    slack_notifier(Task("other"), Running(), Failed("disk full"))


def success_is_ignored_by_hand() -> None:
    slack_notifier(Task("other"), Running(), Success(), only_states=[Failed])


def quiet_success_by_hand() -> None:
    ONLY_FAILED(Task("other"), Running(), Success())


def quiet_block() -> None:
    with watch("other", state_handlers=[ONLY_FAILED]):
        pass


RUNS = [flow_runs, flow_with_a_watch_runs, failure_is_told_by_hand, success_is_ignored_by_hand, quiet_success_by_hand, quiet_block]


@pytest.mark.parametrize("runs", RUNS, ids=lambda runs: runs.__name__)
def test_the_next_run_of_anything_tells(
    runs: Callable[[], None], store: ExpectationStore, live: Live, slack_server: SlackServer
) -> None:
    with interpreting(live):
        runs()
        first = texts(slack_server)
        assert first[0].startswith("load was not run")
        assert told(store) is not None
        run(failed=False)
        runs()  # too soon after the last check
    assert not any(text.startswith("load succeeded") for text in texts(slack_server))


@pytest.mark.parametrize("runs", RUNS, ids=lambda runs: runs.__name__)
def test_a_dry_run_tells_nobody_of_a_miss_and_takes_no_check_from_a_real_run(
    runs: Callable[[], None], store: ExpectationStore, live: Live, slack_server: SlackServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with interpreting(DryRun()):
        runs()
    assert "load was not run" not in "".join(capsys.readouterr())
    assert told(store) is None
    assert not slack_server.requests
    with interpreting(live):
        runs()
    assert told(store) is not None


def test_after_a_check_a_run_that_concerns_nobody_takes_the_short_way_again(store: ExpectationStore, live: Live) -> None:
    with interpreting(live):
        quiet_block()
        assert not looked.anything
    assert told(store) is not None


def test_a_check_is_due_at_once_in_another_folder(
    store: ExpectationStore, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with interpreting(live):
        quiet_block()
        monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "other"))
        other = ExpectationStore.usual()
        other.put(Expectation("load", Every(24 * HOUR), HOUR, datetime.now(UTC) - 30 * HOUR))
        looked.until = 0.0  # as it is a second later
        quiet_block()
    assert told(store) is not None
    assert told(other) is not None


def test_a_run_does_not_wait_long_for_a_history_that_another_process_has_locked(
    store: ExpectationStore, live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        with interpreting(live):
            quiet_block()
        assert time.monotonic() - began < BUSY_READING
    assert "another process keeps it locked; end that process, or try again; nobody is told of runs that were missed" in caplog.text


def test_a_zone_that_is_gone_is_logged_once(store: ExpectationStore, live: Live, caplog: pytest.LogCaptureFixture) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("UPDATE expectations SET at = '03:00', zone = 'Europe/Atlantis'")
    for _ in range(2):
        check_quietly(lambda: live)
    assert caplog.text.count("the expectation of 'load': there is no time zone 'Europe/Atlantis'") == 1


def test_a_service_checks_in_a_thread_and_not_too_often(store: ExpectationStore, slack_server: SlackServer, live: Live) -> None:
    def service() -> PeriodicCheck:
        return PeriodicCheck("tocsin_expect", lambda: check_quietly(lambda: live), has_expectations)

    check = service()
    check.run()
    eventually(lambda: told(store) is not None)
    run(failed=False)
    check.run()
    assert len(slack_server.requests) == 1
    service().run()
    eventually(lambda: told(store) is None)
    assert [text.split(":")[0] for text in texts(slack_server)] == ["load was not run", "load succeeded"]
