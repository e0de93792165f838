"""``tocsin send``: sends a text by hand.

- It needs no extra, and imports what sends only once its arguments are read.
- Standard input is read to its end, in bounded memory: of a long one the first part and the last are kept.
"""

from __future__ import annotations

import argparse
import sys

from tocsin.cli.exec.options import Parser, as_utf8, state_name, unknown_option
from tocsin.cli.stderr import complain, drop_broken_stderr

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import BinaryIO, Literal

    from tocsin.core.config.schema import Configuration
    from tocsin.shell.interpreter import Interpreter
    from tocsin.shell.report import RunReport

MISUSED = 2
_INTERRUPTED = 130
_KEPT = 48_000  # bytes of each end of standard input; a mail shows 10,000 characters of it
USAGE = "tocsin send [options] [TEXT]"
EPILOG = """\
Without TEXT, or with - in its place, the text is read from standard input.

Exit status: 0 if each message was delivered, queued in the outbox, or withheld as asked; 1 if one was not delivered, or nothing is
configured; 2 after a usage error.

Example: df -h / | tail -1 | tocsin send --title "disk of db-1" --state failed
"""


class SendOptions(argparse.Namespace):
    """The parsed options."""

    text: str | None
    title: str | None
    state: str | None
    to: list[Literal["slack", "gmail"]] | None
    attach: list[str]
    link: str | None
    notify: Literal["live", "print", "none"]
    json: bool


def main(arguments: list[str]) -> int:
    """Run ``tocsin send`` with these arguments, and return the exit status."""
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        drop_broken_stderr()


def _dispatch(arguments: list[str]) -> int:
    from tocsin.cli.exec.options import UsageError

    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "-h" in words or "--help" in words:
        from tocsin.cli.stdout import write

        write(parser().format_help())
        return 0
    try:
        options = _parsed(arguments)
    except UsageError as error:
        complain(str(error))
        return MISUSED
    text = _text(options)
    if text is None:
        return MISUSED
    if not text:
        complain("nothing was sent: standard input is blank")
        return 1
    return _sent(options, text)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    made = Parser("tocsin send", USAGE, "Send a text on Slack and by email.", EPILOG, add_help=False, allow_abbrev=False)
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    made.add_argument("text", nargs="?", metavar="TEXT", help="the text; without it, or with -, standard input")
    add = made.add_argument_group("options").add_argument
    add("--title", type=_title, metavar="TEXT", help="what the text is about; it stands before the text")
    add("--state", type=state_name, metavar="STATE", help="the state that the message shows, like failed or success")
    add("--to", action="append", choices=("slack", "gmail"), help="where to send it; repeat it for both (all that is configured)")
    add("--attach", default=[], action="append", metavar="FILE", help="attach a file; repeat it for several")
    add("--link", type=_link, metavar="URL", help="the target of the title")
    add("--notify", default="live", choices=("live", "print", "none"), help="send, print instead, or neither")
    add("--json", action="store_true", help="what is printed instead is one JSON object for each message, also on a terminal")
    return made


def _parsed(arguments: list[str]) -> SendOptions:
    from tocsin.cli.exec.options import UsageError

    made = parser()
    options, rest = made.parse_known_args(arguments, SendOptions())
    if rest:
        if rest[0].startswith("-"):
            raise UsageError(unknown_option(rest[0], made))
        raise UsageError(f"there is no place for {rest[0]!r}: write the text in quotation marks ({USAGE})")
    return options


def _title(given: str) -> str:
    text = as_utf8(given)
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{given!r} is no title: write --title 'nightly load'")
    return text


def _link(given: str) -> str:
    from tocsin.core.options import title_link  # seldom needed

    try:
        title_link(given)
    except TypeError:
        raise argparse.ArgumentTypeError(f"{given!r} is no http(s) URL: write --link https://example.com/runs") from None
    return given


def _text(options: SendOptions) -> str | None:
    """Return the text, which is empty if standard input is blank; None if there is none, which is a line on standard error."""
    if options.text is not None and options.text != "-":
        text = as_utf8(options.text)
        if not text.strip():
            complain(f"the text is blank: write {USAGE}")
            return None
        return text
    if sys.stdin is None or (options.text is None and sys.stdin.isatty()):
        complain("there is no text to send: write tocsin send 'the disk is full', or pipe a text to it")
        return None
    return _read(sys.stdin.buffer).decode("utf-8", "replace").strip()


def _read(stream: BinaryIO) -> bytes:
    """Read a stream to its end. Of a long one, keep the first part and the last."""
    first, last, left_out = stream.read(_KEPT), b"", 0
    while chunk := stream.read(_KEPT):
        whole = last + chunk
        last = whole[-_KEPT:]
        left_out += len(whole) - len(last)
    return first + (b"\n... (%d bytes are left out)\n" % left_out if left_out else b"") + last


def _sent(options: SendOptions, text: str) -> int:
    from tocsin.cli.exec.known_secrets import register_secrets
    from tocsin.core.text import readable
    from tocsin.shell import queues
    from tocsin.shell.config.load import configuration
    from tocsin.shell.current import interpreting
    from tocsin.shell.environment import misspelt
    from tocsin.shell.interpreter import Queueing
    from tocsin.shell.redaction import redact
    from tocsin.watching.say import say

    config = configuration()
    register_secrets(config)
    shown = readable(redact(text).encode("utf-8", "replace"))  # as a terminal shows it: programs write progress bars
    interpreter = _interpreter(options)
    with interpreting(interpreter):
        report = say(shown, title=options.title, state=options.state, to=options.to, link=options.link, attach=options.attach or None)
        if isinstance(interpreter, Queueing):
            queues.finish()
    if options.notify == "live" and misspelt() is not None:  # which is a line in the log
        return 1
    return _status(report, config)


def _interpreter(options: SendOptions) -> Interpreter:
    """Return the interpreter. ``TOCSIN_NOTIFY`` overrides ``live``."""
    from tocsin.shell.environment import override

    if options.notify == "none":
        from tocsin.shell.interpreters.dry_run import Silent

        return Silent()
    if "print" in {options.notify, override()}:
        from tocsin.cli.previews import Previews

        return Previews(as_json=options.json, whole=True)
    from tocsin.shell.reliable import reliable

    return reliable()


def _status(report: RunReport, config: Configuration) -> int:
    """Return the exit status, and say why nothing was sent, or where a message waits. What failed is in the log already."""
    from tocsin.cli.stdout import write
    from tocsin.core.outcomes import DeliveryError, Queued, Silenced
    from tocsin.shell.config.defaults import no_recipients_message
    from tocsin.shell.log import once

    outcomes = [delivery.outcome for delivery in report.deliveries]
    if not outcomes:
        if report.changes:  # else an error is in the log
            once(no_recipients_message(config))
        return 1
    for outcome in outcomes:
        if isinstance(outcome, Queued):
            write(f"queued in {outcome.where}\n")
        elif isinstance(outcome, Silenced):
            complain(f"not sent: {outcome.reason}")
    return int(any(isinstance(outcome, DeliveryError) for outcome in outcomes))
