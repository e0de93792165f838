"""The two notifiers as users call them: full calls, and errors of wrong calls."""

import pickle
import re
from datetime import UTC, datetime

import attrs
import pytest
from returns.io import IOResult

from tocsin import (
    Change,
    Failed,
    NotificationFailed,
    Recording,
    Running,
    SecretNotFound,
    State,
    Success,
    Task,
    callback_factory,
    filters,
    gmail_notifier,
    interpreting,
    slack_notifier,
)
from tocsin.adapters import Secrets
from tocsin.effects import DeliveryError, Effect, PostToSlack, Receipt, Rejected, Retryable, SendEmail

TASK, OLD, NEW = Task("load"), Running(), Failed("disk full")


def refuse(_: Effect) -> IOResult[Receipt, DeliveryError]:
    return IOResult.from_failure(Retryable("try later"))


def test_a_full_call_notifies_and_returns_the_very_state(notifications: Recording) -> None:
    assert slack_notifier(TASK, OLD, NEW) is NEW
    assert gmail_notifier(TASK, OLD, NEW, to=["ops@example.com"], cc=["boss@example.com"]) is NEW
    slack, mail = notifications.effects
    assert isinstance(slack, PostToSlack)
    assert isinstance(mail, SendEmail)
    assert slack.payload.fallback == mail.mail.subject == "load failed: disk full"
    assert (mail.mail.recipients, mail.mail.cc) == (("ops@example.com",), ("boss@example.com",))
    assert slack.key != mail.key


def test_the_options_show_in_the_message(notifications: Recording) -> None:
    def division(by: int) -> float:
        return 1 / by

    with pytest.raises(ZeroDivisionError) as caught:
        division(0)
    failed = Failed("m", caught.value)
    slack_notifier(TASK, OLD, failed, title_link="https://example.com/runs/1", traceback=True, webhook_secret="TEAM")
    slack_notifier(TASK, OLD, NEW, message=lambda change: f"{change.tracked_obj.name} is {type(change.new).__name__}")
    (first, second) = (effect for effect in notifications.effects if isinstance(effect, PostToSlack))
    assert (first.webhook_secret, first.payload.title_link) == ("TEAM", "https://example.com/runs/1")
    frames = first.payload.fields[-1]
    assert frames.title == "Traceback, innermost first"
    assert re.match(
        r"```[^\n]*test_notifiers\.py:\d+ in division\n    return 1 / by\n"
        r"[^\n]*test_notifiers\.py:\d+ in test_the_options[^\n]*\n    division\(0\)(\n|```)",
        frames.value,
    )
    assert second.payload.fields[0].value == "load is Failed"


def test_a_formatter_that_fails_is_noted(notifications: Recording, caplog: pytest.LogCaptureFixture) -> None:
    slack_notifier(TASK, OLD, NEW, message=lambda _: str(1 / 0))
    gmail_notifier(TASK, OLD, NEW, message=lambda _: 3)  # type: ignore[arg-type, return-value]  # as in code that has no types
    slack, mail = notifications.effects
    assert isinstance(slack, PostToSlack)
    assert isinstance(mail, SendEmail)
    assert [field.title for field in slack.payload.fields][0::5] == ["Message"]
    assert slack.payload.fields[0].value == "disk full"
    assert slack.payload.fields[-1].title == "Note"
    assert "raised ZeroDivisionError: division by zero" in slack.payload.fields[-1].value
    assert "it returned 3, not a str" in mail.mail.plain
    assert len(caplog.records) == 2


def test_a_predicate_that_fails_counts_as_a_pass(notifications: Recording) -> None:
    slack_notifier(TASK, OLD, NEW, when=filters.where(lambda _: 1 / 0 > 1))
    assert len(notifications.effects) == 1


class Unsure(filters.Filter):
    """A filter whose shortcut is broken."""

    def __call__(self, change: Change) -> bool:
        return change.new.is_failed()

    def settles(self, kind: type[State]) -> bool:
        raise KeyError(kind)


def test_a_shortcut_that_fails_is_no_shortcut(notifications: Recording) -> None:
    handler = slack_notifier(when=Unsure())
    handler(TASK, OLD, NEW)
    handler(TASK, OLD, Success())
    assert len(notifications.effects) == 1


def test_an_unwanted_state_needs_no_secret_and_no_name() -> None:
    with interpreting(refuse):
        assert slack_notifier(TASK, OLD, NEW, ignore_states=[Failed]) is NEW
        assert gmail_notifier(only_states=[Success])(TASK, OLD, NEW) is NEW
        assert slack_notifier(when=filters.entered(Success))(TASK, OLD)(NEW) is NEW


@pytest.mark.tocsin_live
def test_a_failure_is_raised_with_nothing_behind_it() -> None:
    with interpreting(refuse), pytest.raises(NotificationFailed, match="could not tell Slack of 'load': try later") as caught:
        slack_notifier(TASK, OLD, NEW)
    assert isinstance(caught.value, ValueError)
    assert caught.value.error == Retryable("try later")
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.error) == (str(caught.value), caught.value.error)


@pytest.mark.tocsin_live
def test_a_missing_secret_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_WEBHOOK_URL", raising=False)
    monkeypatch.setenv("EMAIL_USERNAME", "ops@example.com")
    monkeypatch.delenv("EMAIL_PASSWORD", raising=False)
    with pytest.raises(SecretNotFound, match="'SLACK_WEBHOOK_URL' is not set: set the environment variable SLACK_WEBHOOK_URL"):
        slack_notifier(TASK, OLD, NEW)
    with pytest.raises(SecretNotFound, match="EMAIL_PASSWORD"):
        gmail_notifier(TASK, OLD, NEW)
    monkeypatch.delenv("EMAIL_USERNAME")
    with pytest.raises(SecretNotFound, match="EMAIL_USERNAME"):
        gmail_notifier(TASK, OLD, NEW)
    assert isinstance(Secrets({}).find("NO_SUCH_SECRET"), Rejected)


@pytest.mark.tocsin_live
def test_a_callback_that_raises_is_the_cause() -> None:
    def broken(_: Task, __: State) -> None:
        raise KeyError("oops")

    handler = callback_factory(broken, check=lambda state: state.is_failed())
    assert handler(TASK, OLD, done := Success()) is done
    with pytest.raises(NotificationFailed, match=r"could not call .* raised KeyError: 'oops'") as caught:
        handler(TASK, OLD, NEW)
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.tocsin_live
def test_a_callback_is_called_only_where_the_check_is_true_itself() -> None:
    called: list[State] = []
    for answer in (1, "yes", None, True):
        callback_factory(lambda _, state: called.append(state), check=lambda _, a=answer: a)(TASK, OLD, NEW)  # type: ignore[misc]  # not all are bools
    assert called == [NEW]
    callback_factory(lambda _, state: called.append(state), check=lambda _: 1 / 0 > 1)(TASK, OLD, NEW)
    assert called == [NEW, NEW]


WRONG = [
    (
        {"ignore_states": "Failed"},
        TypeError,
        r"ignore_states takes a list of State classes, not 'Failed': write ignore_states=\[Failed\]",
    ),
    ({"ignore_states": Failed}, TypeError, r"not Failed: write ignore_states=\[Failed\]"),
    ({"only_states": Success()}, TypeError, r"not Success\(\): write only_states=\[Success\]"),
    (
        {"only_states": [Success()]},
        TypeError,
        r"only_states takes State classes, and Success\(\) is none: write only_states=\[Success\]",
    ),
    ({"only_states": [int]}, TypeError, r"and <class 'int'> is none: write only_states=\[Failed\]"),
    ({"only_states": 3}, TypeError, "not 3"),
    ({"when": Failed}, TypeError, "when takes a filter, not"),
    ({"message": "text"}, TypeError, "message takes a function of a Change that returns a str, not 'text'"),
    ({"title_link": "http://["}, TypeError, "title_link takes an http"),
    ({"title_link": "javascript:alert(1)"}, TypeError, "title_link takes an http"),
    ({"title_link": "https://x/\n"}, TypeError, "title_link takes an http"),
    ({"title_link": 3}, TypeError, "title_link takes an http"),
    ({"traceback": "yes"}, TypeError, "traceback takes True or False, not 'yes'"),
    ({"webhook_secret": 3}, TypeError, "webhook_secret takes the name of a secret, not a int"),
    ({"webhook_secret": "https://hooks.slack.com/services/T/B/canary"}, ValueError, "the name of a secret, never the URL itself"),
    ({"ignore_state": [Failed]}, TypeError, "slack_notifier has no option 'ignore_state': did you mean 'ignore_states'?"),
    ({"zzz": 1}, TypeError, "slack_notifier has no option 'zzz': its options are ignore_states, only_states, when"),
    ({"tracked_obj": 3}, TypeError, "tracked_obj takes a Task, a Flow, or anything with a name, not 3"),
    ({"old_state": Failed}, TypeError, "old_state takes a State, not <class"),
    ({"new_state": None}, TypeError, "new_state takes a State, not None"),
]


@pytest.mark.parametrize(("options", "error", "said"), WRONG)
def test_a_wrong_option_fails_when_it_is_bound(options: dict[str, object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        slack_notifier(**options)  # type: ignore[call-overload]  # as in code that has no types
    assert "canary" not in str(caught.value)


WRONG_MAIL = [
    ({"to": "ops@example.com"}, TypeError, r"to takes a list of addresses, not 'ops@example.com': write to=\['ops@example.com'\]"),
    ({"cc": 3}, TypeError, "cc takes a list of addresses, not 3"),
    ({"to": []}, ValueError, "to takes 1 to 100 addresses"),
    ({"to": ["a@b.c"] * 101}, ValueError, "not 101"),
    ({"to": ["a@b.c\nBcc: x@y.z"]}, ValueError, "it is not an address like name@example.com"),
    ({"to": [3]}, ValueError, "to holds 3, and it is not a str"),
]


@pytest.mark.parametrize(("options", "error", "said"), WRONG_MAIL)
def test_a_wrong_address_fails_when_it_is_bound(options: dict[str, object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        gmail_notifier(**options)  # type: ignore[call-overload]  # as in code that has no types


def test_none_gives_an_option_its_default_back() -> None:
    assert slack_notifier(webhook_secret="TEAM")(webhook_secret=None) == slack_notifier
    assert gmail_notifier(to=["a@b.c"], cc=["a@b.c"], traceback=True)(to=None, cc=None, traceback=None) == gmail_notifier
    assert gmail_notifier(cc=[]) == gmail_notifier


def test_too_many_arguments_are_told_apart() -> None:
    with pytest.raises(
        TypeError, match="slack_notifier was given 4 positional arguments, and takes 3 more: tracked_obj, old_state, new_state"
    ):
        slack_notifier(TASK, OLD, NEW, NEW)  # type: ignore[call-overload]  # what the test is about
    with pytest.raises(TypeError, match="was given 1 positional arguments, and takes no more"):
        slack_notifier(TASK, OLD)(NEW, new_state=NEW)  # type: ignore[call-overload]  # as above


def test_a_wrong_function_for_a_callback() -> None:
    async def fn(_: Task, __: State) -> None: ...

    with pytest.raises(TypeError, match="callback_factory: fn is async, and tocsin never awaits it"):
        callback_factory(fn, check=lambda _: True)
    with pytest.raises(TypeError, match="callback_factory: check takes a function, not True"):
        callback_factory(lambda _, __: None, check=True)  # type: ignore[arg-type]  # as in code that has no types


def test_handlers_print_as_they_are_written() -> None:
    assert repr(slack_notifier) == "slack_notifier"
    bound = slack_notifier(only_states=[Success, Failed])(TASK)
    assert repr(bound) == "slack_notifier(tracked_obj=<Task 'load'>, only_states=[Failed, Success])"
    assert repr(gmail_notifier(to=["a@b.c"])) == "gmail_notifier(to=['a@b.c'])"
    assert repr(callback_factory(print, check=bool)) == "callback_factory(print, bool)"


@attrs.frozen
class Job:
    """A user's own object with a name."""

    name: str


def test_anything_with_a_name_is_tracked(notifications: Recording) -> None:
    before = datetime.now(UTC)
    slack_notifier(Job("by cron"), OLD, NEW)
    (effect,) = notifications.effects
    assert isinstance(effect, PostToSlack)
    assert effect.payload.ts is not None
    assert effect.payload.ts >= int(before.timestamp())
    assert effect.key.slug == "by cron"
