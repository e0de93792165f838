"""Tests of notifications that fail: one clear error, an unharmed task, and a complete report."""

from collections.abc import Callable, Iterator

import attrs
import pandas as pd
import pytest

from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.live import live_at
from tests.servers.slack import SlackServer
from tocsin import (
    Change,
    Failed,
    Flow,
    Live,
    NotificationFailed,
    Running,
    State,
    Success,
    Task,
    gmail_notifier,
    interpreting,
    slack_notifier,
)
from tocsin.adapters import Gmail, SlackWebhook
from tocsin.flows.task import FunctionTask

pytestmark = pytest.mark.tocsin_live


@attrs.frozen
class Stage:
    """The servers that a case may use."""

    authority: Authority
    slack: SlackServer
    gmail: GmailServer

    def at(self, url: str) -> Live:
        """Return a live interpreter with the webhook at this URL."""
        slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=self.authority.bundle)
        return Live(secrets={"SLACK_WEBHOOK_URL": url}, slack=slack)

    def mailing(self, port: int, password: str) -> Live:
        """Return a live interpreter that mails to this port."""
        secrets = {"EMAIL_USERNAME": self.gmail.username, "EMAIL_PASSWORD": password}
        return Live(secrets=secrets, mail=Gmail(host="127.0.0.1", port=port, ca_bundle=self.authority.bundle))


def free_port(stage: Stage) -> int:
    """Return a port where no server listens any more."""
    server = SlackServer(stage.authority.good)
    server.stop()
    return server.port


@pytest.fixture
def stage(authority: Authority, slack_server: SlackServer, gmail_server: GmailServer) -> Stage:
    return Stage(authority, slack_server, gmail_server)


@pytest.fixture
def misfit(authority: Authority) -> Iterator[SlackServer]:
    """Start a server whose certificate is for another host."""
    server = SlackServer(authority.wrong_host)
    yield server
    server.stop()


SLACK: dict[str, tuple[Callable[[Stage], Live], str]] = {
    "missing secret": (lambda _: Live(secrets={}), "'SLACK_WEBHOOK_URL' is not set: set the environment variable"),
    "malformed URL": (lambda stage: stage.at("not a url"), "is refused: it holds white space"),
    "foreign host": (lambda stage: stage.at("https://evil.example/services/x"), "is refused: it does not lead to hooks.slack.com"),
    "http": (lambda stage: stage.at("http://hooks.slack.com/services/x"), "is refused: it is not an https URL"),
    "workflow": (lambda stage: stage.at("https://hooks.slack.com/workflows/x"), "create an Incoming Webhook instead"),
    "refused": (lambda stage: stage.at(f"https://127.0.0.1:{free_port(stage)}/services/x"), "cannot reach 127.0.0.1"),
    "bad certificate": (
        lambda stage: Live(secrets={"SLACK_WEBHOOK_URL": stage.slack.url}, slack=SlackWebhook(allowed_hosts=("127.0.0.1",))),
        "certificate",
    ),
}
GMAIL: dict[str, tuple[Callable[[Stage], Live], str]] = {
    "missing secret": (lambda _: Live(secrets={"EMAIL_USERNAME": "ops@example.com"}), "'EMAIL_PASSWORD' is not set"),
    "wrong password": (
        lambda stage: stage.mailing(stage.gmail.port, "qzxv-jkwy"),
        "refused the login: correct EMAIL_USERNAME or EMAIL_PASSWORD (it says: 535 5.7.8",
    ),
    "refused": (lambda stage: stage.mailing(free_port(stage), "any"), "cannot reach 127.0.0.1"),
    "bad certificate": (
        lambda stage: attrs.evolve(stage.mailing(stage.gmail.port, "any"), mail=Gmail(host="127.0.0.1", port=stage.gmail.port)),
        "certificate",
    ),
}


def check_one_clear_error(
    live: Live, notifier: Callable[[Task, State, State], State], expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Check that the handler raises one line outside a flow, and that a flow is unharmed with a complete report and log."""
    with interpreting(live), pytest.raises(NotificationFailed) as caught:
        notifier(Task("alone"), Running(), Failed("m"))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    caplog.clear()
    work = FunctionTask(lambda: 42, name="work", state_handlers=[notifier])
    report = Flow("unharmed", tasks=[work]).run(interpreter=live)
    assert (report.task_states[work].result, report.state) == (42, Success())
    assert [failed.outcome for failed in report.failures] == [delivery.outcome for delivery in report.deliveries]
    assert len(report.failures) == len(caplog.records) == 2
    assert report.explain().count("failed: ") == 2
    assert all(expected in line for line in caplog.messages)
    live.slack.close()
    live.mail.close()


@pytest.mark.parametrize("case", SLACK)
def test_a_wrong_slack_is_one_clear_error(case: str, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    mislead, expected = SLACK[case]
    check_one_clear_error(mislead(stage), slack_notifier, expected, caplog)
    assert stage.slack.requests == []


@pytest.mark.parametrize("case", GMAIL)
def test_a_wrong_gmail_is_one_clear_error(case: str, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    mislead, expected = GMAIL[case]
    check_one_clear_error(mislead(stage), gmail_notifier, expected, caplog)
    assert stage.gmail.mails == []


def test_a_wrong_host_name_is_one_clear_error(stage: Stage, misfit: SlackServer, caplog: pytest.LogCaptureFixture) -> None:
    check_one_clear_error(stage.at(misfit.url), slack_notifier, "certificate", caplog)
    assert misfit.requests == []


def test_an_exception_of_users_code_is_in_the_report_and_in_the_message(stage: Stage) -> None:
    frame = pd.DataFrame({"rows": [1, 2]})

    def raises(_: Task, __: State, ___: State) -> None:
        raise KeyError("my own fault")

    def unworded(change: Change) -> str:
        return str(change.new.result[99])  # type: ignore[index]  # the error under test

    work = FunctionTask(
        lambda: frame, name="work", state_handlers=[raises, slack_notifier(message=unworded, only_states=[Success]), slack_notifier]
    )
    with live_at(stage.authority, stage.slack) as live:
        report = Flow("unharmed", tasks=[work]).run(interpreter=live)
    assert report.task_states[work].result is frame
    assert (report.state, report.failures, len(stage.slack.requests)) == (Success(), (), 3)
    assert [type(fault.error) for fault in report.faults] == [KeyError, KeyError, KeyError]
    assert b"unworded raised KeyError" in stage.slack.requests[1].body
