"""Effects compared: by what they say and do, and not by when, nor in which run."""

import re

import attrs

from tocsin.core.effects import CallBack, Effect, Mail, PostToSlack, SendEmail, SlackMessage
from tocsin.core.keys import Key
from tocsin.core.messages.text import describe
from tocsin.core.states import State

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
