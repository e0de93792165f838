"""A law, upheld or broken.

Effects compared: by what they say and do, and not by when, nor in which run.

Values sent through pickle and back.
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
from tocsin.core.effects import CallBack, Effect, Mail, PostToSlack, SendEmail, SlackMessage
from tocsin.core.messages.text import describe
from tocsin.core.states import State


def uphold(holds: Callable[[], bool], broken: Callable[[], str]) -> None:
    """Raise an AssertionError, in the words of ``broken``, where the law does not hold, or what it asks raises."""
    try:
        held = holds()
    except Exception as error:
        raise AssertionError(f"{broken()}; it raised {describe(error)}") from error
    if not held:
        raise AssertionError(broken())


def attempt(check: Callable[[], None]) -> None:
    """Run a check. A law that is broken at one time and holds at another is broken."""
    try:
        check()
    except FlakyFailure as flaky:
        raise AssertionError(f"{flaky.exceptions[0]}; and at another time it held") from flaky


def limited(examples: int) -> settings:
    """As many examples, however long they take; and one error for the first law that is broken, shrunk."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],  # to explain takes longer than all the rest
        suppress_health_check=[HealthCheck.too_slow],
    )


_WHEN = re.compile(r"\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}")


def timeless(effect: Effect) -> tuple[Effect, Key]:
    """The effect without its time and the id of its run, and its key without that id: two calls that differ in no more give the same.

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
    """The state; with an exception for its result, only the words of that: no two exceptions are equal."""
    return attrs.evolve(state, result=describe(state.result)) if isinstance(state.result, BaseException) else state


def _message(payload: SlackMessage, run_id: str) -> SlackMessage:
    fields = tuple(attrs.evolve(field, value=field.value.replace(run_id, "")) for field in payload.fields)
    return attrs.evolve(payload, ts=None, fields=fields)


def _mail(mail: Mail, run_id: str) -> Mail:
    plain, html = (_WHEN.sub("", text.replace(run_id, "")) for text in (mail.plain, mail.html))
    return attrs.evolve(mail, plain=plain, html=html, at=mail.at.min.replace(tzinfo=mail.at.tzinfo))


_T = TypeVar("_T")


def pickled(value: _T) -> _T:
    """A copy of the value, as another process would get it: by cloudpickle, which takes lambdas as well."""
    copied: _T = pickle.loads(cloudpickle.dumps(value))  # noqa: S301 - it was pickled here
    return copied
