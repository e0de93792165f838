"""Helpers of the laws: how a law is checked, how effects are compared, and copies by pickle.

Effects compare by what they say and do, without their time and the id of their run.
"""

import pickle
import re
from collections.abc import Callable
from typing import TypeVar

import attrs
import cloudpickle
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import FlakyFailure

from tocsin.core.changes import Key
from tocsin.core.effects import CallBack, Effect, PostToSlack, SendEmail
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackMessage
from tocsin.core.states import State
from tocsin.core.text import describe

_T = TypeVar("_T")

_DATE_AND_TIME = re.compile(r"\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}")


def uphold(holds: Callable[[], bool], broken: Callable[[], str]) -> None:
    """Raise an AssertionError with the text of ``broken`` if the law does not hold, or if checking it raises."""
    try:
        held = holds()
    except Exception as error:
        raise AssertionError(f"{broken()}; it raised {describe(error)}") from error
    if not held:
        raise AssertionError(broken())


def attempt(check: Callable[[], None]) -> None:
    """Run a check. A law that holds only sometimes counts as broken."""
    try:
        check()
    except FlakyFailure as flaky:
        raise AssertionError(f"{flaky.exceptions[0]}; with the same input it held another time") from flaky


def limited(examples: int) -> settings:
    """Return settings for so many examples without a deadline, which report the first broken law, with a shrunk example."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],  # Phase.explain takes longer than all others
        suppress_health_check=[HealthCheck.too_slow],
    )


def timeless(effect: Effect) -> tuple[Effect, Key]:
    """Return the effect without its time and the id of its run, and its key without that id.

    The results are equal for two calls that differ only in these.

    >>> import tocsin
    >>> with tocsin.interpreting(tocsin.Recording()) as recording:
    ...     states = [tocsin.slack_notifier(tocsin.Task("load"), tocsin.Pending(), tocsin.Running()) for _ in range(2)]
    >>> first, second = recording.effects
    >>> first.key == second.key, timeless(first) == timeless(second)
    (False, True)
    """
    run_id, key = effect.key.run_id, attrs.evolve(effect.key, run_id="")
    match effect:
        case PostToSlack(payload=payload):
            return attrs.evolve(effect, payload=_message(payload, run_id)), key
        case SendEmail(mail=mail):
            return attrs.evolve(effect, mail=_mail(mail, run_id)), key
        case CallBack(state=state):
            return attrs.evolve(effect, state=without_error(state)), key


def without_error(state: State) -> State:
    """Return the state with the text of an exception in place of the exception, since two exceptions are never equal."""
    return attrs.evolve(state, result=describe(state.result)) if isinstance(state.result, BaseException) else state


def _message(payload: SlackMessage, run_id: str) -> SlackMessage:
    fields = tuple(attrs.evolve(field, value=field.value.replace(run_id, "")) for field in payload.fields)
    return attrs.evolve(payload, ts=None, fields=fields)


def _mail(mail: Mail, run_id: str) -> Mail:
    plain, html = (_DATE_AND_TIME.sub("", text.replace(run_id, "")) for text in (mail.plain, mail.html))
    return attrs.evolve(mail, plain=plain, html=html, at=mail.at.min.replace(tzinfo=mail.at.tzinfo))


def pickled(value: _T) -> _T:
    """Return a copy made by cloudpickle, as another process would get it. cloudpickle takes lambdas too."""
    copied: _T = pickle.loads(cloudpickle.dumps(value))  # noqa: S301 - it was pickled here
    return copied
