"""How a command ends: exit statuses, signals that kill it, signals that are sent to it, and programs that cannot be run."""

import signal
from collections.abc import Mapping
from pathlib import Path

from tests.cli.exec.trials.trial import NOT_TRIED, Act, Row, Seen, Trial, whole

_STATUSES: Mapping[int, str] = {
    0: "success",
    1: "a failure",
    2: "misuse, as of a shell's builtin",
    77: "a skipped test, as of automake",
    124: "as of `timeout`",
    125: "tocsin's own for misuse",
    126: "as of a shell for what it cannot execute",
    127: "as of a shell for what it does not find",
    143: "as of a shell after SIGTERM",
    255: "as of `ssh`",
}
_KILLING = (
    "HUP", "INT", "QUIT", "ILL", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "XCPU", "XFSZ", "SYS",
)  # fmt: skip
_PASSED_ON = ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM", "WINCH", "CONT")
_TRAPS = "trap 'echo got {0}; kill -KILL $! 2>/dev/null; exit 3' {0}; sleep 60 & echo ready; wait"  # it may not be sleep yet
_BY_STATUS = "the exit status, with 128 added to the signal's number as a shell does"


def _without_core() -> None:  # pragma: no cover - between fork and exec nothing is measured
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _alarm() -> None:  # pragma: no cover - between fork and exec nothing is measured
    signal.setitimer(signal.ITIMER_REAL, 0.7)


def _number(name: str) -> int:
    return int(signal.Signals[f"SIG{name}"])


def _status(seen: Seen) -> Mapping[str, object]:
    """Observe the exit status alone: a shell and tocsin say in words of their own what is missing."""
    return {"": seen.status}


def _programs(folder: Path) -> Mapping[int, int]:
    """Make files that can, or cannot, be executed."""
    for name, text, mode in (
        ("script", "echo script $1\n", 0o755),
        ("shebang", "#!/bin/sh -e\necho shebang $1\nfalse\necho never\n", 0o755),
        ("lost", "#!/nowhere/sh\n", 0o755),
        ("plain", "echo never\n", 0o644),
        ("empty", "", 0o755),
    ):
        if not (folder / name).exists():
            (folder / name).write_text(text)
            (folder / name).chmod(mode)
    if not (folder / "link").is_symlink():
        (folder / "link").symlink_to("shebang")
    return {}


def _program(tried: str, *words: str, status: int = 0) -> Trial:
    """Return the trial of a program that a shell runs: it is the shell that runs a script without ``#!``, and knows what is missing."""
    rows = (Row(tried, "the exit status, as a shell has it" if status else "the exit status and the output", tail=NOT_TRIED),)
    return Trial(
        area="Programs",
        rows=rows,
        words=words,
        script='"$@"',
        opens=_programs,
        observe=_status if status else whole,
        sets={"": status} if status else {},
    )


TRIALS = (
    *(
        Trial(
            area="Exit status",
            rows=(Row(f"{status}: {what}", "the exit status", tail=NOT_TRIED),),
            words=("sh", "-c", f"exit {status}"),
            sets={"": (status, b"", b"")},
        )
        for status, what in _STATUSES.items()
    ),
    *(
        Trial(
            area="Killed",
            rows=(Row(f"a command that dies of SIG{name}", _BY_STATUS, tail=NOT_TRIED),),
            words=("sh", "-c", f"echo before; kill -{_number(name)} $$; echo after"),
            before=_without_core,
            sets={"": (128 + _number(name), b"before\n", b"")},
        )
        for name in _KILLING
    ),
    *(
        Trial(
            area="Signals",
            rows=(Row(f"SIG{name} sent, to a command with a trap for it", "the signal, and the exit status", tail=NOT_TRIED),),
            words=("sh", "-c", _TRAPS.format(name)),
            acts=(Act(b"ready\n", _number(name)),),
            sets={"": (3, f"ready\ngot {name}\n".encode(), b"")},
        )
        for name in _PASSED_ON
    ),
    Trial(
        area="Signals",
        rows=(Row("an alarm that was set before, as by `perl -e 'alarm 1; exec @ARGV'`", "it ends the command", tail=NOT_TRIED),),
        words=("sleep", "60"),
        before=_alarm,
        sets={"": (142, b"", b"")},
    ),
    _program("a program in `PATH`", "true"),
    _program("a program by its relative path", "./shebang", "x"),
    _program("a program by a symbolic link", "./link", "x"),
    _program("a script without `#!`", "./script", "x"),
    _program("an empty script", "./empty"),
    _program("a script whose interpreter is missing", "./lost", status=127),
    _program("a file that is not executable", "./plain", status=126),
    _program("a folder", "/", status=126),
    _program("a program that is not there", "no-such-program-here", status=127),
    _program("a path that is not there", "./no/such/program", status=127),
)
