"""What runs remember of those before them, wherever the handler stands; and who remembers nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.authority import Authority
from tests.servers.live import live_at
from tests.servers.slack import SlackServer
from tocsin import (
    DryRun,
    Failed,
    Flow,
    Interpreter,
    Live,
    Recording,
    Running,
    State,
    Success,
    Task,
    filters,
    interpreting,
    slack_notifier,
)
from tocsin.core.streaks import Streak
from tocsin.shell.journal import memory
from tocsin.shell.journal.journal import Journal

pytestmark = pytest.mark.tocsin_live
JOB = Task("load")
ON_CHANGE = slack_notifier(when=filters.on_change())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal of its own."""
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def live(authority: Authority, slack_server: SlackServer) -> Iterator[Live]:
    with live_at(authority, slack=slack_server) as made:
        yield made


def tell(*states: State) -> None:
    for state in states:
        ON_CHANGE(JOB, Running(), state)


class Flaky(Task):
    """Does as it is told."""

    well = True

    def run(self) -> None:
        if not self.well:
            raise LookupError("nothing there")


def test_a_handler_by_itself_remembers(live: Live, slack_server: SlackServer) -> None:
    with interpreting(live):
        tell(Success(), Failed(), Failed(), Success())
    assert [b"recovered after" in request.body for request in slack_server.requests] == [False, True]
    assert Journal.usual().past("load") == Streak(failed=False, length=1)


def test_flows_and_tasks_remember_from_run_to_run(live: Live, slack_server: SlackServer) -> None:
    flaky = Flaky(name="fetch", state_handlers=[ON_CHANGE])
    flow = Flow("nightly", tasks=[flaky], state_handlers=[slack_notifier(when=filters.after(2))])
    for well in (True, False, False, True):
        flaky.well = well
        flow.run(interpreter=live)
    assert [b"fetch" in request.body for request in slack_server.requests] == [True, False, True]
    assert Journal.usual().past("nightly/fetch") == Streak(failed=False, length=1)
    assert Journal.usual().past("nightly") == Streak(failed=False, length=1)


def test_who_remembers_nothing_leaves_no_file(live: Live, folder: Path) -> None:
    Flow("nightly", tasks=[Flaky()], state_handlers=[slack_notifier]).run(interpreter=live)
    assert not folder.exists()


@pytest.mark.parametrize(("interpreter", "told"), [(DryRun(), 1), (Recording(), 0)])
def test_a_dry_run_reads_and_a_test_does_not_even_that(interpreter: Interpreter, told: int, capsys: pytest.CaptureFixture[str]) -> None:
    memory.keep("load", Streak(failed=True, length=2))
    with interpreting(interpreter):
        tell(Success(), Success())
    assert capsys.readouterr().out.count("recovered after") == 4 * told
    assert Journal.usual().past("load") == Streak(failed=True, length=2)


def test_what_is_withheld_by_the_environment_is_not_remembered(live: Live, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("TOCSIN_NOTIFY", "none")
    with interpreting(live):
        tell(Failed())
    assert not folder.exists()


def test_a_journal_that_is_broken_costs_a_line_and_no_message(
    live: Live, slack_server: SlackServer, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_text("")
    with interpreting(live):
        tell(Failed(), Failed())
    assert len(slack_server.requests) == 2
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.endswith("this run will not be remembered")
