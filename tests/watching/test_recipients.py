"""The default recipients come from the configuration, which is read at first use."""

from typing import ClassVar, Literal

import attrs
import pytest
from returns.io import IOResult

from tests.watching.watched_bodies import slack_texts
from tocsin import DryRun, Failed, interpreting, watch
from tocsin.core.effects import Effect
from tocsin.core.notifiers import SlackNotifier
from tocsin.core.outcomes import Delivered, DeliveryError, Receipt
from tocsin.filters import on_change
from tocsin.shell.config.load import configuration
from tocsin.shell.interpreter import result_of
from tocsin.watching import recipients

pytestmark = pytest.mark.usefixtures("unconfigured")


@pytest.fixture
def unconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure no recipient and no secret, and switch off the pytest plugin."""
    for name in ("SLACK_WEBHOOK_URL", "EMAIL_USERNAME", "EMAIL_PASSWORD", "TOCSIN_NOTIFY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tocsin.watching.recipients._default", None)
    configuration.cache_clear()


@attrs.frozen
class FakeLive:
    """Records effects, and claims to send them."""

    effects: list[Effect] = attrs.field(factory=list[Effect])

    notify: ClassVar[Literal["live"]] = "live"

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.effects.append(effect)
        return result_of(Delivered())


def job() -> None:
    with watch("job"):
        pass


def test_missing_recipients_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    fake_live = FakeLive()
    with interpreting(fake_live):
        job()
        job()
    assert fake_live.effects == []
    assert [message[:32] for message in caplog.messages] == ["tocsin: no message will be sent:"]


def test_recipients_that_are_found_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_live = FakeLive()
    with interpreting(fake_live):
        job()
        assert fake_live.effects == []
        monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/x")
        job()
        monkeypatch.delenv("SLACK_WEBHOOK_URL")
        job()
    assert [type(effect).__name__ for effect in fake_live.effects] == ["PostToSlack"] * 2


def test_a_dry_run_shows_messages_without_recipients(capsys: pytest.CaptureFixture[str]) -> None:
    assert [text.split(" after ")[0] for text in slack_texts(job)] == ["job succeeded"]
    with interpreting(DryRun()):
        job()
    assert capsys.readouterr().out.startswith("Slack, to the webhook in SLACK_WEBHOOK_URL:")


def test_on_failure_comes_after_the_handlers_of_the_configuration() -> None:
    handlers = [repr(handler) for handler in _handlers_of_a_watch_with_on_failure()]
    assert handlers == ["slack_notifier(only_states=[Finished])", "callback_factory(alarm, State.is_failed)"]


def alarm(run: object, state: object) -> None: ...


def _handlers_of_a_watch_with_on_failure() -> tuple[object, ...]:
    with watch("job", on_failure=alarm) as run:
        pass
    assert run.report is not None
    return run.report.changes[0].handlers


@pytest.mark.parametrize(
    ("handler", "ignored"),
    [
        (SlackNotifier(), 0),
        (SlackNotifier(only_states=[Failed]), 2),
        (SlackNotifier(only_states=[Failed], when=on_change()), 0),
    ],
)
def test_the_kinds_that_all_handlers_ignore_are_known_beforehand(handler: SlackNotifier, ignored: int) -> None:
    assert len(recipients.recipients_of((handler,)).ignored) == ignored


def test_an_unreadable_configuration_stops_no_body(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise OSError("no such disk")

    monkeypatch.setattr("tocsin.shell.config.load.configuration", broken)
    with watch("unlucky") as run:
        done = True
    assert (done, run.report) == (True, None)
    assert caplog.messages == ["tocsin: could not notify about 'unlucky', which goes on: OSError: no such disk"]
