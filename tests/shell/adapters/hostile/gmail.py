"""Expected outcomes of a mail server's answers, stage by stage, and of answers that break the protocol."""

from tests.servers.gmail import DRIP, DROP, SILENT
from tests.servers.hostile import NOISE, Act, Prepare, at, echo, floods, raw, reset, says, scripted
from tests.shell.adapters.hostile.row import Row
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Rejected, Retryable

_COMMANDS = ("EHLO", "AUTH", "MAIL", "RCPT", "DATA")
_STAGES = {
    "GREETING": "its greeting",
    **{command: f"its answer to {command}" for command in _COMMANDS},
    "DATA-END": "its answer to the text",
    "QUIT": "its answer to QUIT",
}
_BEFORE = ("GREETING", *_COMMANDS)  # the end of the text
_FLOOD = floods(b"", b"250-" + b"x" * 8_000 + b"\r\n")


def _stages(reply: str, *stages: str) -> dict[str, Prepare]:
    return {_STAGES[stage]: scripted(stage, reply) for stage in stages}


def _acting(act: Act, *stages: str) -> dict[str, Prepare]:
    return {_STAGES[stage]: raw(at(stage, act)) for stage in stages}


def _codes(*codes: tuple[str, str]) -> dict[str, Prepare]:
    return {f"`{reply}` as {_STAGES[stage]}": scripted(stage, reply) for reply, stage in codes}


_LATER = (("421 4.7.0 later", "GREETING"), ("451 4.3.0 later", "MAIL"), ("450 4.2.1 too fast", "RCPT"), ("452 4.5.3 too many", "RCPT"))
_LATER_STILL = (("421 4.7.0 later", "DATA-END"), ("452 4.2.2 full", "DATA-END"))
_LIMIT = (("550 5.4.5 daily limit", "MAIL"), ("550 5.4.5 daily limit", "DATA-END"))
_OTHER_LOGIN = (("504 5.5.4 unrecognized authentication type", "AUTH"),)
_REFUSED_LOGIN = (("550 5.7.1 not from there", "AUTH"),)
_LOGIN = (("534 5.7.9 app password needed", "AUTH"), ("535 5.7.8 not accepted", "AUTH"))
_NO = (("554 5.7.1 go away", "GREETING"), ("502 5.5.1 no", "EHLO"), ("550 5.1.1 nobody", "RCPT"), ("552 5.3.4 too big", "DATA-END"))

GMAIL = (
    Row("Gmail", "says", Delivered, _codes(("250 2.0.0 OK", "DATA-END"), ("500 5.5.1 no", "QUIT"))),
    Row("Gmail", "says", Retryable, _codes(*_LATER, *_LATER_STILL)),
    Row("Gmail", "says", Retryable, _codes(("454 4.7.0 too many logins", "AUTH")), after=600),
    Row("Gmail", "says", Retryable, _codes(*_LIMIT), after=14_400),
    Row("Gmail", "says", DestinationDead, _codes(*_LOGIN)),
    Row("Gmail", "says", Rejected, _codes(*_NO, ("554 5.6.0 malformed", "DATA-END"))),
    Row("Gmail", "says", Ambiguous, _codes(("200 fine", "DATA-END"), ("354 go on", "DATA-END"), ("999 what", "DATA-END"))),
    Row("Another mail server", "says", Retryable, _codes(("454 4.7.0 authentication server is down", "AUTH")), after=600),
    Row("Another mail server", "says", DestinationDead, _codes(*_LOGIN)),
    Row("Another mail server", "says", Rejected, _codes(*_OTHER_LOGIN, *_REFUSED_LOGIN, ("550 5.4.5 congested", "MAIL"))),
    Row("Gmail", "does not send", Retryable, _stages(SILENT, *_BEFORE), strains="time"),
    Row("Gmail", "does not send", Ambiguous, _stages(SILENT, "DATA-END"), strains="time"),
    Row("Gmail", "does not send", Delivered, _stages(SILENT, "QUIT"), strains="time"),
    Row("Gmail", "sends, a byte now and then,", Retryable, _stages(DRIP, *_BEFORE), strains="time"),
    Row("Gmail", "sends, a byte now and then,", Ambiguous, _stages(DRIP, "DATA-END"), strains="time"),
    Row("Gmail", "sends, a byte now and then,", Delivered, _stages(DRIP, "QUIT"), strains="time"),
    Row("Gmail", "hangs up instead of", Retryable, _stages(DROP, *_BEFORE)),
    Row("Gmail", "hangs up instead of", Ambiguous, _stages(DROP, "DATA-END")),
    Row("Gmail", "hangs up instead of", Delivered, _stages(DROP, "QUIT")),
    Row("Gmail", "hangs up, with a reset, instead of", Ambiguous, _acting(reset, "DATA-END")),
    Row(
        "Gmail",
        "reads nothing more, and says nothing,",
        Retryable,
        {"while a big mail goes out": scripted("BODY", SILENT)},
        strains="size",
    ),
    Row("Gmail", "hangs up", Retryable, {"while a big mail goes out": scripted("BODY", DROP)}, strains="size"),
    Row("Gmail", "sends noise as", Retryable, _acting(says(NOISE), *_BEFORE)),
    Row("Gmail", "sends noise as", Ambiguous, _acting(says(NOISE), "DATA-END")),
    Row("Gmail", "sends a line of 9 kB as", Ambiguous, _acting(says(b"250 " + b"x" * 9_000 + b"\r\n"), "DATA-END")),
    Row("Gmail", "hangs up in the middle of", Ambiguous, _acting(says(b"25"), "DATA-END")),
    Row("Gmail", "repeats what it heard as", Retryable, _acting(echo, "AUTH")),
    Row("Gmail", "repeats what it heard as", Ambiguous, _acting(echo, "DATA-END")),
    Row("Gmail", "sends lines without end as", Retryable, _acting(_FLOOD, "GREETING", "EHLO"), strains="memory"),
    Row("Gmail", "sends lines without end as", Ambiguous, _acting(_FLOOD, "DATA-END"), strains="memory"),
)
