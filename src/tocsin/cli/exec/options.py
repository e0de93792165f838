"""Parses the options between ``tocsin exec`` and the command.

- The options end at ``--``, or at the first word that is none, as those of ``nohup`` and ``timeout`` do. The words behind them are the
  command's, and are not parsed.
- The label is what a person calls the command: of ``python -m pkg`` it is ``pkg``.
- A usage error is one line, with a suggestion if an option or state is misspelt.
"""

from __future__ import annotations

import argparse
import os
import re

TYPE_CHECKING = False  # type checkers take it for that of ``typing``, whose import costs more than the rest of this module

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal, Never

STATES = (
    "State", "Pending", "Scheduled", "Paused", "Resume", "Retrying", "MetaState", "ClientFailed", "Submitted", "Queued", "Running",
    "Finished", "Looped", "Success", "Cached", "Mapped", "Skipped", "Failed", "Aborted", "TimedOut", "TriggerFailed",
)  # fmt: skip
"""The names of the states. ``core.states`` has them too, and takes too long to load."""

USAGE = "tocsin exec [options] [--] COMMAND [ARGUMENT ...]"
EPILOG = """\
The command keeps its standard input, standard output, standard error, terminal, signals and exit status.

Exit status: the command's; 75 if --lock finds another run, 124 if it timed out, 125 after a usage error, 126 if the command cannot be
executed, 127 if it is not found, 128+N if signal N killed it.

States: running, retrying, success, failed, timedout, aborted. failed includes timedout and aborted; finished is every end.

Example: tocsin exec --label "nightly load" --tail 20 --timeout 2h -- ./load.sh --all
"""
_LONGEST = 11 * 86_400  # seconds
MIN_PERIOD = 0.1
"""The fewest seconds after which a run may be said to go on. ``core.progress`` has it too, and takes too long to load."""
_STATUSES = range(256)
_LEAST_WIDTH = 20  # columns of the text of a help
_PYTHONS = ("python", "pypy")
_PYTHON_OPTION = r"-[A-Za-z?]*?([cmWX])(.*)"  # with a value; compiled only if Python is run


_SUCCESS = frozenset({0})


class UsageError(Exception):
    """The arguments are wrong. The message says in one line what to write."""


class Options(argparse.Namespace):
    """The parsed options. Durations are in seconds, and a state is one of ``STATES``.

    An option with a default here is in the instance only if it was given, so that ``in`` tells whether it was.
    """

    command: tuple[str, ...]
    label: str = ""
    tail: int
    expect: frozenset[int]
    show_command: bool
    only: tuple[str, ...]
    ignore: tuple[str, ...]
    mention: tuple[str, ...]
    on_change: bool
    every: int | None
    after: int | None
    still_running: float | None
    timeout: float | None
    kill_after: float = 10.0
    retries: int = 0
    retry_delay: float = 1.0
    ping: str | None
    scrub_env: bool
    die_with_parent: bool
    notify: Literal["live", "print", "none"]
    explain: bool
    json: bool
    verbose: bool
    lock: bool
    quiet: bool
    env_file: dict[str, str]


class Parser(argparse.ArgumentParser):
    """A parser whose errors are a ``UsageError``."""

    def error(self, message: str) -> Never:
        raise UsageError(f"{_explained(message.removeprefix('argument '))} ({self.prog} --help shows all options)")

    def format_help(self) -> str:
        """Return the help, with the text at its end as wide as the terminal. An example stays one line, which can be copied."""
        paragraphs = (self.epilog or "").strip().split("\n\n")
        self.epilog: str | None = "\n\n".join(each if each.startswith("Example: ") else folded(each) for each in paragraphs)
        return super().format_help()


def _explained(message: str) -> str:
    """Return an error of argparse's, with the value that was meant if it is one of a few, and in plain words if there is none."""
    found = re.fullmatch(r"(.+?): invalid choice: (.+) \(choose from ([^()]+)\)", message, re.DOTALL)
    if found is not None:
        choices = re.findall(r"[\w-]+", found[3])  # which Python 3.12 and later do not quote
        meant = suggestion(found[2].strip("'"), choices)
        return f"{found[1]}: {found[2]} is none of {', '.join(choices)}{meant}"
    plain = re.sub(r": expected one argument$", " needs a value", message)
    return re.sub(r": ignored explicit argument .+$", " takes no value", plain, flags=re.DOTALL)


def folded(text: str, hanging: int = 0) -> str:
    """Return a paragraph of a help in lines as wide as the terminal, all but the first indented. No word is cut in two."""
    from shutil import get_terminal_size  # needed only for a help
    from textwrap import fill

    width = max(get_terminal_size().columns - 2, hanging + _LEAST_WIDTH)  # two columns less, as argparse has it
    return fill(text, width, subsequent_indent=" " * hanging, break_long_words=False, break_on_hyphens=False)


def parse_arguments(arguments: list[str]) -> Options | None:
    """Parse the arguments of ``tocsin exec``. Return None if they ask for the help.

    Raises:
        UsageError: the arguments are wrong.
    """
    made = parser()
    end = _end_of_options(arguments, made)
    words, command = arguments[:end], tuple(arguments[end + 1 :] if arguments[end : end + 1] == ["--"] else arguments[end:])
    if "-h" in words or "--help" in words:
        return None
    for word in words:
        name, _, value = word.partition("=")
        if value == "--" and name.startswith("--"):  # argparse takes it for the end of the options
            raise UsageError(f"{name}: '--' is no value (tocsin exec --help shows all options)")
    options, rest = made.parse_known_args(words, Options())
    if rest:
        raise UsageError(unknown_option(rest[0], made))
    if not command or not command[0]:
        raise UsageError(f"there is no command to run: write {USAGE}")
    _check_combinations(options)
    return _complete(options, command)


def _end_of_options(arguments: list[str], made: argparse.ArgumentParser) -> int:
    """Return the index of ``--``, or of the first word that is neither an option nor the value of one."""
    at = 0
    while at < len(arguments) and arguments[at] != "--" and arguments[at].startswith("-") and arguments[at] != "-":
        known = made._option_string_actions.get(arguments[at])
        takes_value = known is not None and known.nargs != 0 and arguments[at + 1 : at + 2] != ["--"]
        at += 2 if takes_value else 1
    return min(at, len(arguments))


def _check_combinations(options: Options) -> None:
    """Raise UsageError for an option that has no effect without another."""
    if "retry_delay" in options and "retries" not in options:
        raise UsageError("--retry-delay needs --retries: it says how long to wait before another attempt")
    if "kill_after" in options and options.timeout is None:
        raise UsageError("--kill-after needs --timeout: it says how long after that to kill the command")
    if options.mention:
        from tocsin.core.messages.mentions import MOST_MENTIONS  # seldom needed

        if len({*options.mention}) > MOST_MENTIONS:
            raise UsageError(f"--mention takes at most {MOST_MENTIONS} ids: name a user group of Slack's, such as S0123ABCD, or here")
    if options.every is not None and not (options.on_change or options.after):
        raise UsageError("--every needs --on-change or --after: it says how often to report further failures")


def _complete(options: Options, command: tuple[str, ...]) -> Options:
    from tocsin.cli.stderr import single_line

    options.command = command
    options.label = single_line(as_utf8(options.label or command_name(command))).strip() or "command"
    options.only, options.ignore = tuple(options.only), tuple(options.ignore)  # argparse extends lists
    options.mention = tuple(options.mention)
    options.env_file = dict(options.env_file)
    return options


def as_utf8(text: str) -> str:
    """Return an argument as UTF-8 if its bytes are that, whatever encoding the locale named when Python decoded them."""
    if text.isascii():
        return text
    try:
        return os.fsencode(text).decode()
    except UnicodeError:
        return text


def command_name(command: tuple[str, ...]) -> str:
    """Return what a person calls the command: its program, or the module or the file that Python runs.

    >>> command_name(("/opt/load.sh", "--all")), command_name(("python3", "-um", "shop.load", "--all")), command_name(("python3", "-"))
    ('load.sh', 'shop.load', 'python3')
    """
    program = _base_name(command[0])
    if program.rstrip(".0123456789") not in _PYTHONS:
        return program
    words = iter(command[1:])
    for word in words:
        if word == "-":
            break
        if not word.startswith("-"):
            return _base_name(word.removesuffix("/__main__.py")) or program
        option = re.fullmatch(_PYTHON_OPTION, word, re.DOTALL)
        letter, value = ("", "") if option is None else (option[1], option[2])
        if letter == "c":
            break
        if not value and (letter or word == "--check-hash-based-pycs"):
            value = next(words, "")
        if letter == "m":
            return value or program
    return program


def _base_name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def unknown_option(word: str, made: argparse.ArgumentParser) -> str:
    """Return the error for an option that a parser does not know."""
    name = word.partition("=")[0]
    known = [flag for flag in made._option_string_actions if flag.startswith("--")]
    return f"there is no option {name}{suggestion(name, known)} ({made.prog} --help shows all options)"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the known word that was meant, as the end of an error message; nothing if none is near.

    >>> suggestion("chek", ["check", "runs"]), suggestion("xyzzy", ["check", "runs"])
    (': did you mean check?', '')
    """
    from difflib import get_close_matches  # needed only for a misspelt word

    near = get_close_matches(word, [*known], n=1)
    return f": did you mean {near[0]}?" if near else ""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options, without the command."""
    made = Parser("tocsin exec", USAGE, "Run a command, and report how it went.", EPILOG, add_help=False, allow_abbrev=False)
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    add = made.add_argument_group("notifications").add_argument
    add("--label", default=argparse.SUPPRESS, type=_label, metavar="NAME", help="the name of the run in messages (the program's name)")
    add("--tail", default=0, type=_count, metavar="N", help="show the last N lines of its output")
    add("--show-command", action="store_true", help="show the command with its arguments")
    add(
        "--mention",
        default=[],
        action="extend",
        type=_mentions,
        metavar="ID[,ID]",
        help="whom a failure mentions on Slack, like U0123ABCD,here",
    )
    add("--notify", default="live", choices=("live", "print", "none"), help="send, print instead, or neither")
    add("--explain", action="store_true", help="show for each change whether a message was sent, or why not")
    add("--json", action="store_true", help="with --notify=print, show each message as one JSON object also on a terminal")
    add("-v", "--verbose", action="store_true", help="with --notify=print, draw each message whole, however many there are")
    add = made.add_argument_group("when").add_argument
    add("--only", default=[], action="extend", type=_states, metavar="STATE[,STATE]", help="notify only of these, like failed,timedout")
    add("--ignore", default=[], action="extend", type=_states, metavar="STATE[,STATE]", help="do not notify of these, like running")
    add("--on-change", action="store_true", help="only if the outcome differs from the last run's")
    add("--after", type=_positive, metavar="N", help="only after N failures in a row")
    add("--every", type=_positive, metavar="N", help="with these two: again at each Nth failure after that")
    add(
        "--still-running",
        type=_reminder,
        metavar="TIME",
        help="also while it still runs after this time, and after twice, four times ... as long",
    )
    add("--ping", metavar="URL", help="a dead-man service to ping at start and end, or the name of a secret with its URL")
    add = made.add_argument_group("running the command").add_argument
    add(
        "--expect",
        default=_SUCCESS,
        type=_statuses,
        metavar="N[,N]",
        help="the exit statuses that count as success, like 0,3 or 0-3 (0)",
    )
    add("--timeout", type=_timeout, metavar="TIME", help="ask it to end (TERM) after this time: 30, 1.5, 30s, 5min, 1h30m, 1d")
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
    add(
        "--env-file",
        default=[],
        action="extend",
        type=_variables,
        metavar="FILE",
        help="add the variables in a file with a NAME=VALUE on each line",
    )
    add("--quiet", action="store_true", help="hold its output back, and write it only if the run fails")
    add("--lock", action="store_true", help="do not run it while another run of the label goes on: exit with 75")
    add("--die-with-parent", action="store_true", help="kill it (KILL) if tocsin is killed")
    return made


def _states(text: str) -> list[str]:
    return [state_name(word.strip()) for word in text.split(",")]


def state_name(word: str) -> str:
    """Return the name of the state that a word means."""
    for name in STATES:
        if name.lower() == word.lower():
            return name
    meant = suggestion(word.lower(), [name.lower() for name in STATES])
    raise argparse.ArgumentTypeError(f"there is no state {word!r}{meant or ': write failed, timedout, aborted, success or running'}")


def _mentions(text: str) -> list[str]:
    from tocsin.core.messages.mentions import is_mention, mention_hint  # seldom needed

    found = [word.strip() for word in text.split(",")]
    for word in found:
        if not is_mention(word):
            raise argparse.ArgumentTypeError(f"it holds no id on Slack: {mention_hint(word)}")
    return found


def _variables(path: str) -> list[tuple[str, str]]:
    from tocsin.cli.exec.env_file import EnvFileError, read_env_file  # seldom needed

    try:
        return [*read_env_file(path).items()]
    except EnvFileError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _label(text: str) -> str:
    from tocsin.cli.stderr import single_line

    if not single_line(as_utf8(text)).strip():
        raise argparse.ArgumentTypeError(f"{text!r} is no name: write --label 'nightly load'")
    return text


def _statuses(text: str) -> frozenset[int]:
    found: set[int] = set()
    for word in text.split(","):
        first, dash, last = word.strip().partition("-")
        low, high = _status(first), _status(last if dash else first)
        if low > high:
            raise argparse.ArgumentTypeError(f"{word.strip()} is empty: write {high}-{low}")
        found.update(_STATUSES[low : high + 1])
    return frozenset(found)


def _status(text: str) -> int:
    number = text.strip()
    if number.isascii() and number.isdigit() and len(number) < 10 and int(number) in _STATUSES:
        return int(number)
    raise argparse.ArgumentTypeError(f"{number!r} is no exit status from 0 to 255: write 0,3 or 0-3")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number like 20")


def _positive(text: str) -> int:
    if (number := _count(text)) > 0:
        return number
    raise argparse.ArgumentTypeError("it must be at least 1")


def _seconds(text: str) -> float:
    from tocsin.core.durations import seconds_of  # needed only if a duration is given

    seconds = seconds_of(text, bare=True)
    if seconds is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 30, 1.5, 30s, 5min, 1h30m or 1d")
    if seconds > _LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is longer than 11 days")
    return seconds


def _reminder(text: str) -> float:
    if (seconds := _seconds(text)) >= MIN_PERIOD:
        return seconds
    raise argparse.ArgumentTypeError("it must be 100 ms or longer")


def _timeout(text: str) -> float:
    if (seconds := _seconds(text)) > 0:
        return seconds
    raise argparse.ArgumentTypeError("it must be longer than 0")
