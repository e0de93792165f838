"""Who is told where nobody is named: those of the configuration, found when they are needed first."""

from typing import ClassVar, Literal

import attrs
import pytest
from returns.io import IOResult

from tests.watching.watched_bodies import told
from tocsin import DryRun, Failed, interpreting, watch
from tocsin.core.effects import Effect
from tocsin.core.notifiers import SlackNotifier
from tocsin.core.outcomes import Delivered, DeliveryError, Receipt, received
from tocsin.filters import on_change
from tocsin.shell.config.load import configuration
from tocsin.watching import recipients

pytestmark = pytest.mark.usefixtures("unconfigured")


@pytest.fixture
def unconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is named, and no secret is set; and it is not the plugin for pytest that decides what is sent."""
    for name in ("SLACK_WEBHOOK_URL", "EMAIL_USERNAME", "EMAIL_PASSWORD", "TOCSIN_NOTIFY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tocsin.watching.recipients._default", None)
    configuration.cache_clear()


@attrs.frozen
class Loud:
    """Keeps effects, and passes for one that sends them."""

    effects: list[Effect] = attrs.field(factory=list[Effect])

    notify: ClassVar[Literal["live"]] = "live"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.effects.append(effect)
        return received(Delivered())


def job() -> None:
    with watch("job"):
        pass


def test_where_nobody_is_found_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    from tocsin.shell.log import once

    once.cache_clear()
    loud = Loud()
    with interpreting(loud):
        job()
        job()
    assert loud.effects == []
    assert [message[:32] for message in caplog.messages] == ["tocsin: no message will be sent:"]


def test_one_who_is_found_is_told_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    loud = Loud()
    with interpreting(loud):
        job()
        assert loud.effects == []
        monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/x")
        job()
        monkeypatch.delenv("SLACK_WEBHOOK_URL")
        job()
    assert [type(effect).__name__ for effect in loud.effects] == ["PostToSlack"] * 2


def test_where_nothing_is_sent_a_message_is_shown_whoever_it_would_be_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert [text.split(" after ")[0] for text in told(job)] == ["job succeeded"]
    with interpreting(DryRun()):
        job()
    assert capsys.readouterr().out.startswith("Slack, to the webhook in SLACK_WEBHOOK_URL:")


def test_on_failure_comes_after_those_of_the_configuration() -> None:
    handlers = [repr(handler) for handler in _rules_of_a_watch_with_on_failure()]
    assert handlers == ["slack_notifier(only_states=[Finished])", "callback_factory(alarm, State.is_failed)"]


def alarm(run: object, state: object) -> None: ...


def _rules_of_a_watch_with_on_failure() -> tuple[object, ...]:
    with watch("job", on_failure=alarm) as run:
        pass
    assert run.report is not None
    return run.report.changes[0].handlers


@pytest.mark.parametrize(
    ("handler", "deaf"),
    [
        (SlackNotifier(), 0),
        (SlackNotifier(only_states=[Failed]), 2),
        (SlackNotifier(only_states=[Failed], when=on_change()), 0),
    ],
)
def test_what_nobody_wants_to_hear_of_is_known_beforehand(handler: SlackNotifier, deaf: int) -> None:
    assert len(recipients.recipients_of((handler,)).deaf_to) == deaf


def test_a_configuration_that_cannot_be_read_at_all_stops_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise OSError("no such disk")

    monkeypatch.setattr("tocsin.shell.config.load.configuration", broken)
    with watch("unlucky") as run:
        done = True
    assert (done, run.report) == (True, None)
    assert caplog.messages == ["tocsin: 'unlucky' goes on, but nobody is told: OSError: no such disk"]
