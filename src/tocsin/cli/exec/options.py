"""What may be typed between ``tocsin exec`` and ``--``, and what is said of anything else.

The words after the first ``--`` are the command's, and nobody looks at them. What makes no sense is answered in one line, with what
may have been meant.
"""

from __future__ import annotations

import argparse
import re

TYPE_CHECKING = False  # what ``typing`` has under this name, which would cost more than all the rest of this module

if TYPE_CHECKING:
    from typing import Literal, Never

STATES = (
    "State", "Pending", "Scheduled", "Paused", "Resume", "Retrying", "MetaState", "ClientFailed", "Submitted", "Queued", "Running",
    "Finished", "Looped", "Success", "Cached", "Mapped", "Skipped", "Failed", "Aborted", "TimedOut", "TriggerFailed",
)  # fmt: skip
"""The kinds of state, by name; ``core.states`` has them too, and takes too long to load."""

USAGE = "tocsin exec [options] -- COMMAND [ARGUMENT ...]"
EPILOG = """\
Standard input, standard output, standard error, the terminal, signals and the exit status are the command's own.

Exit status: the command's; 124 if it timed out, 125 if tocsin was misused, 126 if the command cannot be executed, 127 if there is none
of that name, 128+N if signal N killed it.

States: running, retrying, success, failed, timedout, aborted. Of these, failed covers timedout and aborted; finished is every end.

Example: tocsin exec --label "nightly load" --tail 20 --timeout 2h -- ./load.sh --all
"""
_DURATION = r"(\d+(?:\.\d*)?|\.\d+)([smhd]?)"  # compiled where it is needed
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST = 1_000_000  # seconds: eleven days


class UsageError(Exception):
    """What was typed makes no sense; the message says what to type, in one line."""


class Options(argparse.Namespace):
    """What was asked for; durations are in seconds, and a state is one of ``STATES``. Only what was typed is in it where it has a
    default here.
    """

    command: tuple[str, ...]
    label: str
    tail: int
    show_command: bool
    only: tuple[str, ...]
    ignore: tuple[str, ...]
    on_change: bool
    every: int | None
    after: int | None
    timeout: float | None
    kill_after: float = 10.0
    retries: int = 0
    retry_delay: float = 1.0
    ping: str | None
    scrub_env: bool
    notify: Literal["live", "print", "none"]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Never:
        raise UsageError(f"{message.removeprefix('argument ')} (tocsin exec --help shows all options)")


def parse_arguments(arguments: list[str]) -> Options | None:
    """What the words behind ``tocsin exec`` ask for; None where that is the help. Raises Misused."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    words, command = arguments[:end], tuple(arguments[end + 1 :])
    if "-h" in words or "--help" in words:
        return None
    options, rest = parser().parse_known_args(words, Options())
    if rest:
        raise UsageError(_not_an_option(rest[0], found="--" in arguments))
    if not command or not command[0]:
        raise UsageError(f"there is no command to run: write {USAGE}")
    _useful(options)
    return _settled(options, command)


def _useful(options: Options) -> None:
    """Raise Misused for what would do nothing."""
    if "retry_delay" in options and "retries" not in options:
        raise UsageError("--retry-delay needs --retries: it says how long to wait before another attempt")
    if "kill_after" in options and options.timeout is None:
        raise UsageError("--kill-after needs --timeout: it says how long to wait after that")
    if options.every is not None and not (options.on_change or options.after):
        raise UsageError("--every needs --on-change or --after: it says how often to tell of what goes on failing")


def _settled(options: Options, command: tuple[str, ...]) -> Options:
    from tocsin.cli.exec.stderr import fit

    options.command = command
    options.label = fit(options.label or command[0].rstrip("/").rpartition("/")[2]) or "command"
    options.only, options.ignore = tuple(options.only), tuple(options.ignore)  # argparse extends lists
    return options


def _not_an_option(word: str, *, found: bool) -> str:
    if not word.startswith("-"):
        return f"{word!r} is not an option{'' if found else ', and -- must stand before the command'}: write {USAGE}"
    name = word.partition("=")[0]
    known = [flag for flag in parser()._option_string_actions if flag.startswith("--")]
    return f"there is no option {name}{_meant(name, known)} (tocsin exec --help shows all options)"


def _meant(word: str, known: list[str]) -> str:
    from difflib import get_close_matches  # for those who misspelt

    near = get_close_matches(word, known, n=1)
    return f": did you mean {near[0]}?" if near else ""


def parser() -> argparse.ArgumentParser:
    """The parser of the options alone."""
    made = _Parser("tocsin exec", USAGE, "Run a command, and tell how it went.", EPILOG, add_help=False, allow_abbrev=False)
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    add = made.add_argument_group("what is told").add_argument
    add("--label", default="", metavar="NAME", help="what to call it; else the program's name")
    add("--tail", default=0, type=_count, metavar="N", help="show the last N lines of its output")
    add("--show-command", action="store_true", help="show the command with its arguments")
    add("--notify", default="live", choices=("live", "print", "none"), help="send, print instead, or neither")
    add = made.add_argument_group("when").add_argument
    add("--only", default=[], action="extend", type=_states, metavar="STATE[,STATE]", help="tell of these alone, like failed,timedout")
    add("--ignore", default=[], action="extend", type=_states, metavar="STATE[,STATE]", help="do not tell of these, like running")
    add("--on-change", action="store_true", help="only if it went otherwise than last time")
    add("--after", type=_positive, metavar="N", help="only after N failures in a row")
    add("--every", type=_positive, metavar="N", help="and again at each Nth failure after that")
    add("--ping", metavar="URL", help="a dead-man service to tell at start and end, or the name of a secret with its URL")
    add = made.add_argument_group("how it is run").add_argument
    add("--timeout", type=_timeout, metavar="TIME", help="end it after this time: 30, 1.5, 30s, 5m, 2h, 1d")
    add(
        "--kill-after",
        default=argparse.SUPPRESS,
        type=_seconds,
        metavar="TIME",
        help="kill it if it goes on that long after that (10 s)",
    )
    add("--retries", default=argparse.SUPPRESS, type=_count, metavar="N", help="try again N times if it fails")
    add("--retry-delay", default=argparse.SUPPRESS, type=_seconds, metavar="TIME", help="wait that long before (1 s)")
    add("--scrub-env", action="store_true", help="keep our secrets out of its environment")
    return made


def _states(text: str) -> list[str]:
    return [_state(word.strip()) for word in text.split(",")]


def _state(word: str) -> str:
    for name in STATES:
        if name.lower() == word.lower():
            return name
    meant = _meant(word.lower(), [name.lower() for name in STATES])
    raise argparse.ArgumentTypeError(f"there is no state {word!r}{meant or ': write failed, timedout, aborted, success or running'}")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number like 20")


def _positive(text: str) -> int:
    if (number := _count(text)) > 0:
        return number
    raise argparse.ArgumentTypeError("it counts from 1")


def _seconds(text: str) -> float:
    found = re.fullmatch(_DURATION, text)
    if found is None or not found[0].isascii():
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 30, 1.5, 30s, 5m, 2h or 1d")
    if (seconds := float(found[1]) * _SECONDS[found[2]]) > _LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is longer than 11 days")
    return seconds


def _timeout(text: str) -> float:
    if (seconds := _seconds(text)) > 0:
        return seconds
    raise argparse.ArgumentTypeError("it must be longer than nothing")
