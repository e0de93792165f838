"""The tables of the docs, in Markdown: states, transitions, and what each answer of Slack's and Gmail's means, asked of the code."""

from collections.abc import Iterator
from datetime import timedelta
from html import escape

from docs.diagrams.kinds import own_fields, parent

from tocsin.core.events import Event, Said
from tocsin.core.outcomes import Ambiguous, DestinationDead, Outcome, Rejected, Retryable
from tocsin.core.services.google import smtp_reply
from tocsin.core.services.slack_api import webhook_reply
from tocsin.core.states import KINDS, State
from tocsin.core.text import span
from tocsin.core.transitions import GIVEN, REFUSED, TABLE

_SLACK_ANSWERS = (
    (200, "ok"),
    (400, "invalid_payload"),
    (400, "user_not_found"),
    (400, "no_text"),
    (400, "too_many_attachments"),
    (403, "action_prohibited"),
    (403, "posting_to_general_channel_denied"),
    (404, "channel_not_found"),
    (410, "channel_is_archived"),
    (404, "no_active_hooks"),
    (404, "no_service"),
    (404, "no_service_id"),
    (404, "no_team"),
    (403, "team_disabled"),
    (403, "invalid_token"),
    (429, ""),
    (500, "rollup_error"),
    (503, ""),
    (502, ""),
    (504, ""),
    (302, ""),
    (418, "something else"),
)
_GMAIL_ANSWERS = (
    (421, "4.7.0 try again later"),
    (450, "4.2.1 the mailbox is receiving mail too fast"),
    (451, "4.3.0 mail server temporarily rejected the message"),
    (452, "4.5.3 too many recipients"),
    (454, "4.7.0 too many login attempts"),
    (534, "5.7.9 application-specific password required"),
    (535, "5.7.8 username and password not accepted"),
    (550, "5.4.5 daily sending quota exceeded"),
    (552, "5.3.4 message size exceeds fixed limit"),
    (554, "5.6.0 mail message is malformed"),
)


def kinds_table() -> str:
    """Every kind of state, with its colour, its fields and what it means; in Markdown."""
    rows = (
        (
            f"{_swatch(kind)} `{kind.__name__}`",
            _parent(kind),
            ", ".join(f"`{name}`" for name in own_fields(kind)),
            f"`{kind.color}`",
            _meaning(kind),
        )
        for kind in KINDS
    )
    return table(("State", "Parent", "Own fields", "Colour", "Meaning"), rows)


def _became(event: type[Event], after: type[State] | None) -> str:
    if after is REFUSED:
        return "*refused*"
    if event is Said:
        return "the same state"
    return "the state that the event brings" if after is GIVEN else f"`{after.__name__}`"


def transitions_table() -> str:
    """Every row of the table of transitions, in Markdown."""
    rows = (
        (
            f"`{kind.__name__}`",
            f"`{event.__name__}`",
            _became(event, after),
        )
        for kind, row in TABLE.items()
        for event, after in row.items()
    )
    return table(("In", "after", "it becomes"), rows)


def slack_table() -> str:
    """What each answer of Slack's means, asked of the code; in Markdown."""
    answers = ((status, body, *_outcome(webhook_reply(status, body))) for status, body in _SLACK_ANSWERS)
    rows = (
        (f"{status}", f"`{body}`" if body else "any", outcome, reason.removeprefix(f"Slack answered {body} (HTTP {status}): "))
        for status, body, outcome, reason in answers
    )
    return table(("HTTP", "Body", "Outcome", "Reason"), rows)


def gmail_table() -> str:
    """What each refusal of Gmail's means, asked of the code; in Markdown."""
    rows = ((f"{code}", text, *_outcome(smtp_reply(code, text))) for code, text in _GMAIL_ANSWERS)
    return table(("Code", "Text", "Outcome", "Reason"), rows)


def _outcome(outcome: Outcome) -> tuple[str, str]:
    kind = f"`{type(outcome).__name__}`"
    match outcome:
        case Retryable(reason=reason, after=timedelta() as after):
            return f"{kind}, after {span(after)}", reason
        case Retryable(reason=reason) | Rejected(reason=reason) | DestinationDead(reason=reason) | Ambiguous(reason=reason):
            return kind, reason
        case _:
            return kind, ""


def _swatch(kind: type[State]) -> str:
    return f'<span class="swatch" style="background:{kind.color}"></span>'


def _parent(kind: type[State]) -> str:
    return "" if kind is State else f"`{parent(kind).__name__}`"


def _meaning(kind: type[State]) -> str:
    return escape((kind.__doc__ or "").split("\n")[0].replace("``", "`"), quote=False)


def table(titles: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [titles, tuple("---" for _ in titles), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
