"""The options of ``tocsin exec``, and its usage errors."""

import os
import re
from pathlib import Path

import pytest

from tocsin.cli.exec.options import EPILOG, STATES, Options, UsageError, as_utf8, command_name, parse_arguments
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
        "expect": frozenset({0}),
        "show_command": False,
        "only": (),
        "ignore": (),
        "mention": (),
        "on_change": False,
        "every": None,
        "after": None,
        "still_running": None,
        "timeout": None,
        "kill_after": 10.0,
        "retries": 0,
        "retry_delay": 1.0,
        "ping": None,
        "scrub_env": False,
        "die_with_parent": False,
        "notify": "live",
        "explain": False,
        "json": False,
        "verbose": False,
        "lock": False,
        "quiet": False,
        "env_file": {},
    }
    assert set(vars(typed())) <= set(Options.__annotations__)


def test_each_option_is_taken(tmp_path: Path) -> None:
    words = "--label=nightly --tail 20 --show-command --only failed,TIMEDOUT --only aborted --ignore running --on-change"
    more = "--every 5 --after 3 --timeout 2h --kill-after 5 --retries 3 --retry-delay 1.5m --ping HEARTBEAT --scrub-env"
    more += " --notify print --expect 0,3-5 --mention U0123ABCD,here --mention S0123ABCD --still-running 2h"
    for name, text in (("one", "HOST=db\nPORT=1\n"), ("two", "PORT=2\n")):
        (tmp_path / name).write_text(text)
    files = ["--env-file", str(tmp_path / "one"), f"--env-file={tmp_path / 'two'}"]
    assert values(
        typed(*words.split(), *more.split(), "--explain", "--json", "-v", "--lock", "--quiet", "--die-with-parent", *files)
    ) == {
        "command": ("/opt/load", "--all"),
        "label": "nightly",
        "tail": 20,
        "expect": frozenset({0, 3, 4, 5}),
        "show_command": True,
        "only": ("Failed", "TimedOut", "Aborted"),
        "ignore": ("Running",),
        "mention": ("U0123ABCD", "here", "S0123ABCD"),
        "on_change": True,
        "every": 5,
        "after": 3,
        "still_running": 7200.0,
        "timeout": 7200.0,
        "kill_after": 5.0,
        "retries": 3,
        "retry_delay": 90.0,
        "ping": "HEARTBEAT",
        "scrub_env": True,
        "die_with_parent": True,
        "notify": "print",
        "explain": True,
        "json": True,
        "verbose": True,
        "lock": True,
        "quiet": True,
        "env_file": {"HOST": "db", "PORT": "2"},
    }
    assert typed().only == ()  # nothing is left over


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("1.5", 1.5),
        (".5", 0.5),
        ("30s", 30),
        ("5m", 300),
        ("2h", 7200),
        ("1d", 86400),
        ("500ms", 0.5),
        ("5min", 300),
        ("1h30m", 5400),
        ("1d 2hrs 3 minutes 4 secs", 93784),
    ],
)
def test_a_time_has_a_unit_or_is_in_seconds(text: str, seconds: float) -> None:
    assert typed("--timeout", text).timeout == seconds


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "there is no command to run: write tocsin exec "),
        (["--tail", "3"], "there is no command to run"),
        (["--"], "there is no command to run"),
        (["--", ""], "there is no command to run"),
        (["--still-running", "0.05", "--", "x"], "--still-running: it must be 100 ms or longer"),
        (["--still-running", "soon", "--", "x"], "--still-running: 'soon' is not a time like 30"),
        (["--tial=3", "--", "x"], "there is no option --tial: did you mean --tail?"),
        (["--xyzzy", "--", "x"], "there is no option --xyzzy (tocsin exec --help shows all options)"),
        (["--tial", "3", "x"], "there is no option --tial: did you mean --tail?"),
        (["--label", "--", "x"], "--label needs a value (tocsin exec --help shows all options)"),
        (["--label=--", "x"], "--label: '--' is no value"),
        (["--label", "", "x"], "--label: '' is no name: write --label 'nightly load'"),
        (["--label", " \t", "x"], "--label: ' \\t' is no name: write --label 'nightly load'"),
        (["--label", "\x1b[1m\x1b[0m", "x"], "--label: '\\x1b[1m\\x1b[0m' is no name: write "),
        (["--expect", "none", "x"], "--expect: 'none' is no exit status from 0 to 255: write 0,3 or 0-3"),
        (["--expect", "0,256", "x"], "--expect: '256' is no exit status from 0 to 255"),
        (["--expect", "0,", "x"], "--expect: '' is no exit status from 0 to 255"),
        (["--expect", "0-9999999999999999999999", "x"], "--expect: '9999999999999999999999' is no exit status"),
        (["--expect", "0,5-3", "x"], "--expect: 5-3 is empty: write 3-5"),
        (["--ta", "3", "--", "x"], "there is no option --ta: did you mean --tail?"),
        (["-x", "--", "x"], "there is no option -x"),
        (["--tail", "--", "x"], "--tail needs a value"),
        (["--tail", "-1", "--", "x"], "--tail: '-1' is not a whole number like 20"),
        (["--tail", "²", "--", "x"], "--tail: '²' is not a whole number"),
        (["--after", "0", "--", "x"], "--after: it must be at least 1"),
        (["--every", "3", "--", "x"], "--every needs --on-change or --after"),
        (["--kill-after", "5", "--", "x"], "--kill-after needs --timeout: it says "),
        (["--retry-delay=5", "--", "x"], "--retry-delay needs --retries: it says "),
        (["--only", "filed", "--", "x"], "--only: there is no state 'filed': did you mean failed?"),
        (["--ignore", "x,y", "--", "x"], "--ignore: there is no state 'x': write failed, timedout, aborted, success or running"),
        (["--timeout", "soon", "--", "x"], "--timeout: 'soon' is not a time like 30, 1.5, 30s, 5min, 1h30m or 1d"),
        (["--timeout", "1h30", "--", "x"], "--timeout: '1h30' is not a time"),
        (["--timeout", "5ss", "--", "x"], "--timeout: '5ss' is not a time"),
        (["--timeout", "nan", "--", "x"], "--timeout: 'nan' is not a time"),
        (["--timeout", "٣", "--", "x"], "--timeout: '٣' is not a time"),
        (["--timeout", "0", "--", "x"], "--timeout: it must be longer than 0"),
        (["--kill-after", "12d", "--", "x"], "--kill-after: 12d is longer than 11 days"),
        (["--timeout", "9" * 400 + "s", "--", "x"], "--timeout: 999"),
        (["--mention", "@anna", "x"], "--mention: it holds no id on Slack: write the id that Slack copies from the person's profile"),
        (["--mention", "anna@example.com", "x"], "--mention: it holds no id on Slack: write the id that Slack copies"),
        (["--mention", "here,<@U0123ABCD>", "x"], "--mention: it holds no id on Slack: write 'U0123ABCD'"),
        (["--mention", "@Here", "x"], "--mention: it holds no id on Slack: write 'here'"),
        (["--mention", "", "x"], "--mention: it holds no id on Slack: write the id that Slack copies"),
        (["--mention", "xoxb-1-2-c4nary", "x"], "--mention: it holds no id on Slack: write the id that Slack copies"),
        (
            ["--mention", ",".join(f"U012{at:02}" for at in range(11)), "x"],
            "--mention takes at most 10 ids: name a user group of Slack's",
        ),
        (["--notify", "loud", "--", "x"], "--notify: 'loud' is none of live, print, none (tocsin exec --help shows all options)"),
        (["--notify", "prnt", "--", "x"], "--notify: 'prnt' is none of live, print, none: did you mean print?"),
        (["--lock=yes", "--", "x"], "--lock takes no value (tocsin exec --help shows all options)"),
    ],
)
def test_what_makes_no_sense_is_one_line(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as misused:
        parse_arguments(words)
    assert str(misused.value).startswith(said)
    assert "\n" not in str(misused.value)
    assert "c4nary" not in str(misused.value)


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


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["true"], ("true",)),
        (["./load.sh", "--tail", "3", "--", "-h"], ("./load.sh", "--tail", "3", "--", "-h")),
        (["--tail", "3", "--show-command", "./load.sh", "--all"], ("./load.sh", "--all")),
        (["--tail=3", "-", "x"], ("-", "x")),
        (["--", "--tail"], ("--tail",)),
    ],
)
def test_the_options_end_at_the_first_word_that_is_none(words: list[str], command: tuple[str, ...]) -> None:
    options = parse_arguments(words)
    assert options is not None
    assert options.command == command


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("/opt/load.sh --all", "load.sh"),
        ("python -m pkg --all", "pkg"),
        ("/usr/bin/python3.11 -um shop.load", "shop.load"),
        ("python3 -Wignore -X dev -mpkg", "pkg"),
        ("python --check-hash-based-pycs always -I /opt/load.py -m x", "load.py"),
        ("pypy3 pkg/__main__.py", "pkg"),
        ("python / x", "python"),
        ("python3 - -m pkg", "python3"),
        ("python -Sc pass", "python"),
        ("python -m", "python"),
        ("python --version", "python"),
        ("python", "python"),
        ("pythonic -m pkg", "pythonic"),
    ],
)
def test_a_command_is_called_what_it_runs(typed: str, name: str) -> None:
    assert command_name(tuple(typed.split())) == name


def test_an_argument_is_read_as_utf_8_if_it_is_that() -> None:
    assert as_utf8("load") == "load"
    assert as_utf8(os.fsdecode("café".encode())) == "café"
    assert as_utf8(os.fsdecode(b"caf\xe9")) == os.fsdecode(b"caf\xe9")
