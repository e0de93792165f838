"""The options of ``tocsin exec``, and its usage errors."""

import re

import pytest

from tocsin.cli.exec.options import EPILOG, STATES, Options, UsageError, parse_arguments
from tocsin.core.states import KINDS


def typed(*words: str) -> Options:
    """Parse the options, with a command."""
    options = parse_arguments([*words, "--", "/opt/load", "--all"])
    assert options is not None
    return options


def values(options: Options) -> dict[str, object]:
    """Return all options, with their defaults."""
    return {name: getattr(options, name) for name in Options.__annotations__}


def test_the_states_are_those_that_there_are() -> None:
    assert tuple(kind.__name__ for kind in KINDS) == STATES


def test_without_options_there_are_defaults() -> None:
    assert values(typed()) == {
        "command": ("/opt/load", "--all"),
        "label": "load",
        "tail": 0,
        "show_command": False,
        "only": (),
        "ignore": (),
        "on_change": False,
        "every": None,
        "after": None,
        "timeout": None,
        "kill_after": 10.0,
        "retries": 0,
        "retry_delay": 1.0,
        "ping": None,
        "scrub_env": False,
        "die_with_parent": False,
        "notify": "live",
    }
    assert set(vars(typed())) <= set(Options.__annotations__)


def test_each_option_is_taken() -> None:
    words = "--label=nightly --tail 20 --show-command --only failed,TIMEDOUT --only aborted --ignore running --on-change"
    more = "--every 5 --after 3 --timeout 2h --kill-after 5 --retries 3 --retry-delay 1.5m --ping HEARTBEAT --scrub-env --notify print"
    assert values(typed(*words.split(), *more.split(), "--die-with-parent")) == {
        "command": ("/opt/load", "--all"),
        "label": "nightly",
        "tail": 20,
        "show_command": True,
        "only": ("Failed", "TimedOut", "Aborted"),
        "ignore": ("Running",),
        "on_change": True,
        "every": 5,
        "after": 3,
        "timeout": 7200.0,
        "kill_after": 5.0,
        "retries": 3,
        "retry_delay": 90.0,
        "ping": "HEARTBEAT",
        "scrub_env": True,
        "die_with_parent": True,
        "notify": "print",
    }
    assert typed().only == ()  # nothing is left over


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30), ("1.5", 1.5), (".5", 0.5), ("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86400)]
)
def test_a_time_has_a_unit_or_is_in_seconds(text: str, seconds: float) -> None:
    assert typed("--timeout", text).timeout == seconds


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["true"], "'true' is not an option, and -- must come before the command: write tocsin exec [options] -- COMMAND"),
        (["true", "--", "x"], "'true' is not an option: write tocsin exec "),
        ([], "there is no command to run: write tocsin exec "),
        (["--tail", "3"], "there is no command to run"),
        (["--"], "there is no command to run"),
        (["--", ""], "there is no command to run"),
        (["--tial=3", "--", "x"], "there is no option --tial: did you mean --tail?"),
        (["--xyzzy", "--", "x"], "there is no option --xyzzy (tocsin exec --help shows all options)"),
        (["--ta", "3", "--", "x"], "there is no option --ta: did you mean --tail?"),
        (["-x", "--", "x"], "there is no option -x"),
        (["--tail", "--", "x"], "--tail: expected one argument"),
        (["--tail", "-1", "--", "x"], "--tail: '-1' is not a whole number like 20"),
        (["--tail", "²", "--", "x"], "--tail: '²' is not a whole number"),
        (["--after", "0", "--", "x"], "--after: it must be at least 1"),
        (["--every", "3", "--", "x"], "--every needs --on-change or --after"),
        (["--kill-after", "5", "--", "x"], "--kill-after needs --timeout: it says "),
        (["--retry-delay=5", "--", "x"], "--retry-delay needs --retries: it says "),
        (["--only", "filed", "--", "x"], "--only: there is no state 'filed': did you mean failed?"),
        (["--ignore", "x,y", "--", "x"], "--ignore: there is no state 'x': write failed, timedout, aborted, success or running"),
        (["--timeout", "soon", "--", "x"], "--timeout: 'soon' is not a time like 30, 1.5, 30s, 5m, 2h or 1d"),
        (["--timeout", "nan", "--", "x"], "--timeout: 'nan' is not a time"),
        (["--timeout", "٣", "--", "x"], "--timeout: '٣' is not a time"),
        (["--timeout", "0", "--", "x"], "--timeout: it must be longer than 0"),
        (["--kill-after", "12d", "--", "x"], "--kill-after: 12d is longer than 11 days"),
        (["--notify", "loud", "--", "x"], "--notify: invalid choice: 'loud'"),
    ],
)
def test_what_makes_no_sense_is_one_line(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as misused:
        parse_arguments(words)
    assert str(misused.value).startswith(said)
    assert "\n" not in str(misused.value)


def test_no_retries_may_be_waited_between() -> None:
    assert typed("--retries", "0", "--retry-delay", "5").retry_delay == 5  # as a script with a variable number of retries may write it


def test_the_states_that_may_be_named_are_shown() -> None:
    line = next(line for line in EPILOG.splitlines() if line.startswith("States: "))
    named = {word for word in re.findall("[a-z]+", line) if word in {name.lower() for name in STATES}}
    assert named == {"running", "retrying", "success", "failed", "timedout", "aborted", "finished"}


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["--tail", "3", "--help", "--", "x"]])
def test_help_may_be_asked_for(words: list[str]) -> None:
    assert parse_arguments(words) is None


def test_after_the_dashes_nothing_is_ours() -> None:
    assert typed().command == ("/opt/load", "--all")
    options = parse_arguments(["--", "x", "--help", "--"])
    assert options is not None
    assert options.command == ("x", "--help", "--")


@pytest.mark.parametrize(("program", "label"), [("/opt/load/", "load"), ("/", "command"), ("a\tb", "a b")])
def test_a_label_is_never_empty_and_always_one_line(program: str, label: str) -> None:
    options = parse_arguments(["--", program])
    assert options is not None
    assert options.label == label
