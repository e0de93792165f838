"""Expected outcomes of Slack's answers, and of answers that break the protocol."""

import gzip
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.servers.authority import Authority
from tests.servers.hostile import NOISE, Prepare, after_head, after_request, drips, echo, floods, mute, raw, replying, reset, rude, says
from tests.shell.adapters.hostile.row import Row
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Rejected, Retryable

_LINE = b"HTTP/1.1 200 Fine\r\n"
_HEAD = _LINE + b"Content-Length: 2\r\n\r\n"
_CHUNKS = _LINE + b"Transfer-Encoding: chunked\r\n\r\n"
_LONG = b"X: " + b"x" * 60_000 + b"\r\n"
_LATER = "answers 429 with a Retry-After of"


def _answers(*answers: tuple[int, str]) -> dict[str, Prepare]:
    return {f"{status} `{body}`" if body else f"{status}": replying(status, body) for status, body in answers}


def _later(*values: str) -> dict[str, Prepare]:
    return {f"`{value}`": replying(429, "", Retry_After=value) for value in values}


def _dated(seconds: float) -> Prepare:
    """Prepare a server whose Retry-After is a date ``seconds`` from now."""

    def prepare(authority: Authority) -> AbstractContextManager[int]:
        date = datetime.now(UTC) + timedelta(seconds=seconds)
        return replying(429, "", Retry_After=format_datetime(date, usegmt=True))(authority)

    return prepare


def _sends(**answers: bytes) -> dict[str, Prepare]:
    return {words.replace("_", " "): raw(after_request(says(data))) for words, data in answers.items()}


def _flood(head: bytes, piece: bytes) -> Prepare:
    return raw(after_request(floods(head, piece)))


_OUR_FAULT = ((400, "invalid_payload"), (400, "user_not_found"), (400, "no_text"), (400, "too_many_attachments"))
_FORBIDDEN = ((403, "action_prohibited"), (403, "posting_to_general_channel_denied"), (404, "channel_not_found"))
_REVOKED = ((410, "channel_is_archived"), (404, "no_active_hooks"), (404, "no_service"), (404, "no_service_id"))
_DISABLED = ((404, "no_team"), (403, "team_disabled"), (403, "invalid_token"))
_TROUBLE = ((429, ""), (500, "rollup_error"), (400, "rollup_error"), (500, ""), (503, ""))

SLACK = (
    Row("Slack", "answers", Delivered, _answers((200, "ok"))),
    Row("Slack", "answers", Rejected, _answers(*_OUR_FAULT, *_FORBIDDEN, (418, "something else"), (200, "something else"))),
    Row("Slack", "answers", DestinationDead, _answers(*_REVOKED, *_DISABLED)),
    Row("Slack", "answers", Retryable, _answers(*_TROUBLE)),
    Row("Slack", "answers", Ambiguous, _answers((502, ""), (504, ""), (103, ""))),
    Row("Slack", _LATER, Retryable, _later("7"), after=7),
    Row("Slack", "answers 503 with a Retry-After of", Retryable, {"`7`": replying(503, "", Retry_After="7")}, after=7),
    Row("Slack", _LATER, Retryable, {"a date in a minute and a half": _dated(90)}, after=90),
    Row("Slack", _LATER, Retryable, {"a date that is past": _dated(-90)}, after=0),
    Row("Slack", _LATER, Retryable, _later("31557600") | {"a date in a year": _dated(31_557_600)}, after=86_400),
    Row("Slack", _LATER, Retryable, _later("soon", "-7", "Thu, 99 Nov 2026", "Mon, 2 Nov 2026 03:00:00 +9999999")),
    Row(
        "Slack",
        "redirects to where it would say ok, with",
        Rejected,
        {f"{status}": replying(status, "", Location="/") for status in (301, 302, 303, 307, 308)},
    ),
    Row(
        "Slack",
        "reads nothing more, and says nothing,",
        Retryable,
        {"while a big message goes out": raw(after_head(mute))},
        strains="size",
    ),
    Row("Slack", "hangs up", Retryable, {"while a big message goes out": raw(after_head(rude))}, strains="size"),
    Row("Slack", "says nothing", Ambiguous, {"to a request": raw(after_request(mute))}, strains="time"),
    Row(
        "Slack", "says nothing more", Ambiguous, {"after the head of its answer": raw(after_request(says(_HEAD, mute)))}, strains="time"
    ),
    Row(
        "Slack",
        "sends, a byte now and then,",
        Ambiguous,
        {
            "the head of its answer": raw(after_request(drips(_LINE + b"X-Slow: yes\r\n" * 40))),
            "the body of its answer": raw(after_request(says(_LINE + b"\r\n", drips(bytes(999))))),
        },
        strains="time",
    ),
    Row(
        "Slack",
        "hangs up",
        Ambiguous,
        {"after the request": raw(after_request(rude)), "after the request, with a reset": raw(after_request(reset))}
        | _sends(after_the_head_of_its_answer=_HEAD, in_the_middle_of_its_body=_HEAD + b"o"),
    ),
    Row("Slack", "answers with", Ambiguous, {"the request itself": raw(after_request(echo))}),
    Row(
        "Slack",
        "answers with",
        Ambiguous,
        _sends(
            noise=NOISE,
            another_protocol=b"220 smtp.example.com ESMTP\r\n",
            a_line_of_70_kB=_LINE + b"X: " + b"x" * 70_000 + b"\r\n\r\nok",
            a_hundred_headers_and_one=_LINE + b"X: x\r\n" * 101 + b"\r\nok",
            two_lengths=_LINE + b"Content-Length: 3\r\n" + _HEAD.removeprefix(_LINE) + b"ok",
            a_chunk_of_no_size=_CHUNKS + b"zz\r\nok\r\n0\r\n\r\n",
            a_chunk_that_is_cut_short=_CHUNKS + b"ffffffffffffffff\r\nok\r\n0\r\n\r\n",
        ),
    ),
    Row(
        "Slack",
        "answers 200 `ok` with",
        Delivered,
        _sends(
            a_negative_length=_LINE + b"Content-Length: -2\r\n\r\nok",
            binary_headers=_LINE + b"X-\x01\xff: \x00\x80\x07\r\n\r\nok",
            no_headers=_LINE + b"\r\nok",
        ),
    ),
    Row(
        "Slack",
        "sends without end",
        Rejected,
        {
            "a body of 100 MB": _flood(_LINE + b"Content-Length: 100000000\r\n\r\n", b"x"),
            "a body of no length": _flood(_LINE + b"\r\n", b"x"),
            "a compressed body": _flood(_LINE + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(60_000))),
        },
        strains="memory",
    ),
    Row(
        "Slack",
        "sends without end",
        Ambiguous,
        {
            "its first line": _flood(b"HTTP/1.1 200 ", b"x"),
            "its headers": _flood(_LINE, _LONG),
            "100 Continue": _flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            "what follows the last chunk": _flood(_CHUNKS + b"2\r\nok\r\n0\r\n", _LONG),
        },
        strains="memory",
    ),
)
