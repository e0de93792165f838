"""Parses the options between ``tocsin exec`` and ``--``.

- The arguments after the first ``--`` are the command's. They are not parsed.
- A usage error is one line, with a suggestion if an option or state is misspelt.
"""

from __future__ import annotations

import argparse
import re

TYPE_CHECKING = False  # type checkers take it for that of ``typing``, whose import costs more than the rest of this module

if TYPE_CHECKING:
    from typing import Literal, Never

STATES = (
    "State", "Pending", "Scheduled", "Paused", "Resume", "Retrying", "MetaState", "ClientFailed", "Submitted", "Queued", "Running",
    "Finished", "Looped", "Success", "Cached", "Mapped", "Skipped", "Failed", "Aborted", "TimedOut", "TriggerFailed",
)  # fmt: skip
"""The names of the states. ``core.states`` has them too, and takes too long to load."""

USAGE = "tocsin exec [options] -- COMMAND [ARGUMENT ...]"
EPILOG = """\
The command keeps its standard input, standard output, standard error, terminal, signals and exit status.

Exit status: the command's; 124 if it timed out, 125 after a usage error, 126 if the command cannot be executed, 127 if it is not found,
128+N if signal N killed it.

States: running, retrying, success, failed, timedout, aborted. failed includes timedout and aborted; finished is every end.

Example: tocsin exec --label "nightly load" --tail 20 --timeout 2h -- ./load.sh --all
"""
_DURATION = r"(\d+(?:\.\d*)?|\.\d+)([smhd]?)"  # compiled only if a duration is given
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST = 1_000_000  # seconds: eleven days


class UsageError(Exception):
    """The arguments are wrong. The message says in one line what to write."""


class Options(argparse.Namespace):
    """The parsed options. Durations are in seconds, and a state is one of ``STATES``.

    An option with a default here is in the instance only if it was given, so that ``in`` tells whether it was.
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
    die_with_parent: bool
    notify: Literal["live", "print", "none"]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Never:
        raise UsageError(f"{message.removeprefix('argument ')} (tocsin exec --help shows all options)")


def parse_arguments(arguments: list[str]) -> Options | None:
    """Parse the arguments of ``tocsin exec``. Return None if they ask for the help.

    Raises:
        UsageError: the arguments are wrong.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    words, command = arguments[:end], tuple(arguments[end + 1 :])
    if "-h" in words or "--help" in words:
        return None
    options, rest = parser().parse_known_args(words, Options())
    if rest:
        raise UsageError(_unknown_word(rest[0], found="--" in arguments))
    if not command or not command[0]:
        raise UsageError(f"there is no command to run: write {USAGE}")
    _check_combinations(options)
    return _complete(options, command)


def _check_combinations(options: Options) -> None:
    """Raise UsageError for an option that has no effect without another."""
    if "retry_delay" in options and "retries" not in options:
        raise UsageError("--retry-delay needs --retries: it says how long to wait before another attempt")
    if "kill_after" in options and options.timeout is None:
        raise UsageError("--kill-after needs --timeout: it says how long after that to kill the command")
    if options.every is not None and not (options.on_change or options.after):
        raise UsageError("--every needs --on-change or --after: it says how often to report further failures")


def _complete(options: Options, command: tuple[str, ...]) -> Options:
    from tocsin.cli.exec.stderr import single_line

    options.command = command
    options.label = single_line(options.label or command[0].rstrip("/").rpartition("/")[2]) or "command"
    options.only, options.ignore = tuple(options.only), tuple(options.ignore)  # argparse extends lists
    return options


def _unknown_word(word: str, *, found: bool) -> str:
    if not word.startswith("-"):
        return f"{word!r} is not an option{'' if found else ', and -- must come before the command'}: write {USAGE}"
    name = word.partition("=")[0]
    known = [flag for flag in parser()._option_string_actions if flag.startswith("--")]
    return f"there is no option {name}{_suggestion(name, known)} (tocsin exec --help shows all options)"


def _suggestion(word: str, known: list[str]) -> str:
    from difflib import get_close_matches  # needed only for a misspelt word

    near = get_close_matches(word, known, n=1)
    return f": did you mean {near[0]}?" if near else ""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options, without the command."""
    made = _Parser("tocsin exec", USAGE, "Run a command, and report how it went.", EPILOG, add_help=False, allow_abbrev=False)
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    add = made.add_argument_group("notifications").add_argument
    add("--label", default="", metavar="NAME", help="the name of the run in messages (the program's name)")
    add("--tail", default=0, type=_count, metavar="N", help="show the last N lines of its output")
    add("--show-command", action="store_true", help="show the command with its arguments")
    add("--notify", default="live", choices=("live", "print", "none"), help="send, print instead, or neither")
    add = made.add_argument_group("when").add_argument
    add("--only", default=[], action="extend", type=_states, metavar="STATE[,STATE]", help="notify only of these, like failed,timedout")
    add("--ignore", default=[], action="extend", type=_states, metavar="STATE[,STATE]", help="do not notify of these, like running")
    add("--on-change", action="store_true", help="only if the outcome differs from the last run's")
    add("--after", type=_positive, metavar="N", help="only after N failures in a row")
    add("--every", type=_positive, metavar="N", help="with these two: again at each Nth failure after that")
    add("--ping", metavar="URL", help="a dead-man service to ping at start and end, or the name of a secret with its URL")
    add = made.add_argument_group("running the command").add_argument
    add("--timeout", type=_timeout, metavar="TIME", help="ask it to end (TERM) after this time: 30, 1.5, 30s, 5m, 2h, 1d")
    add(
        "--kill-after",
        default=argparse.SUPPRESS,
        type=_seconds,
        metavar="TIME",
        help="kill it (KILL) if it still runs this long after that (10 s)",
    )
    add("--retries", default=argparse.SUPPRESS, type=_count, metavar="N", help="retry up to N times if it fails")
    add("--retry-delay", default=argparse.SUPPRESS, type=_seconds, metavar="TIME", help="wait this long before each retry (1 s)")
    add("--scrub-env", action="store_true", help="remove tocsin's secrets from its environment")
    add("--die-with-parent", action="store_true", help="kill it (KILL) if tocsin is killed")
    return made


def _states(text: str) -> list[str]:
    return [_state(word.strip()) for word in text.split(",")]


def _state(word: str) -> str:
    for name in STATES:
        if name.lower() == word.lower():
            return name
    meant = _suggestion(word.lower(), [name.lower() for name in STATES])
    raise argparse.ArgumentTypeError(f"there is no state {word!r}{meant or ': write failed, timedout, aborted, success or running'}")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number like 20")


def _positive(text: str) -> int:
    if (number := _count(text)) > 0:
        return number
    raise argparse.ArgumentTypeError("it must be at least 1")


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
    raise argparse.ArgumentTypeError("it must be longer than 0")
