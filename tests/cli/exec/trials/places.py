"""Where a command runs: in scripts, under wrappers, under tocsin itself, in a terminal, as the first process, and with children."""

import subprocess
import sys
from collections.abc import Mapping

from tests.cli.exec.trials.trial import EXEC, IGNORED, NOT_TRIED, SIZE, Act, Row, Trial, facts

_WRAPPERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "under `nohup`": ('nohup "$@" 2>&1', IGNORED),
    "under `nice`": ('nice -n 1 "$@"', ("sh", "-c", "test $(nice) -gt 0")),
    "under `timeout`": ('timeout 60 "$@"; echo $?', ("sh", "-c", "echo in time; exit 7")),
    "under `env -i`": ('env -i PATH="$PATH" TOCSIN_NOTIFY=none HOME="$HOME" ONLY=1 "$@"', ("env",)),
    "under `xargs`": ('printf "a b\\nc" | xargs "$@"', ("echo", "words:")),
    "under `flock`": ('flock lock "$@"', ("sh", "-c", "flock -n lock true || echo held")),
    "under `ionice`": ('ionice -c 2 -n 6 "$@"', ("ionice",)),
    "under `stdbuf`": ('stdbuf -oL "$@"', ("sh", "-c", "echo $_STDBUF_O")),
    "under `setpriv --no-new-privs`": ('setpriv --no-new-privs "$@"', ("grep", "NoNewPrivs", "/proc/self/status")),
    "under `exec` of a shell": ('exec "$@"', ("sh", "-c", "exit 5")),
    "after `umask 077`": ('umask 077; rm -f new; "$@"; stat -c %a new', ("touch", "new")),
    "after `ulimit -n 64`": ('ulimit -n 64; "$@"', ("sh", "-c", "ulimit -n")),
    "after `ulimit -f 1`, by a command that writes more": (
        'exec 2>/dev/null; ulimit -f 1; "$@"; echo $?; wc -c <big; rm big',
        ("dd", "if=/dev/zero", "of=big", "bs=10k", "count=1", "status=none"),
    ),
    "after `cd`": ('mkdir -p "a folder"; cd "a folder"; "$@"', ("pwd",)),
    "in a folder that was removed": ('mkdir -p gone; cd gone; rmdir ../gone; "$@"', ("sh", "-c", "ls -a; echo $?")),
    "after `trap '' USR1`, in a subshell": ('(trap "" USR1; "$@")', IGNORED),
    "in the background, with `wait`": ('"$@" & wait $!; echo $?', ("sh", "-c", "echo done; exit 9")),
    "in a condition (`if`, `!`, `||`)": ('if ! "$@"; then echo no; fi; "$@" || echo $?', ("false",)),
    "in a loop that reads": ('printf "1\\n2\\n3\\n" | while read -r each; do "$@" $each </dev/null; done', ("echo", "line")),
    "two at a time": ('"$@" 1 >one & "$@" 2 >two & wait; cat one two', ("echo", "number")),
    "with `set -e`": ('set -e; "$@"; echo never', ("sh", "-c", "exit 6")),
    "with assignments before it": ('FROM=shell "$@"', ("sh", "-c", "echo $FROM")),
    "on files with odd names": ('echo x >"a b"; echo y >"-n"; echo z >"*"; "$@" *', ("cat", "--")),
}

_SAME = "the exit status and the output"
AS_FIRST = 'unshare --pid --fork --mount-proc "$@"'


def may_unshare() -> bool:
    """Whether this system lets this user begin a process namespace."""
    words = ["unshare", "--pid", "--fork", "--mount-proc", "true"]
    try:
        return subprocess.run(words, capture_output=True, check=False, timeout=60).returncode == 0
    except FileNotFoundError:
        return False


_PROBE = """
import fcntl, json, os, sys, termios
settings = termios.tcgetattr(0)
found = {
    "streams": [os.isatty(number) for number in (0, 1, 2)],
    "name": os.ttyname(0) == os.ttyname(1) == os.ttyname(2),
    "size": tuple(os.get_terminal_size(1)),
    "size of input": tuple(os.get_terminal_size(0)),
    "settings": [*settings[:1], *settings[2:6], [each if isinstance(each, int) else each.hex() for each in settings[6]]],
    "output": settings[1],
    "foreground": os.tcgetpgrp(0) == os.getpgrp(),
    "terminal": os.open("/dev/tty", os.O_RDWR) > 2,
}
with open("facts.json", "w") as file:
    json.dump(found, file)
"""
_IN_TERMINAL = (sys.executable, "-S", "-c", _PROBE)
_OURS = "a terminal of tocsin's"


def _typed(tried: str, same: str, program: str, *acts: Act, tail: bool | str = True) -> Trial:
    return Trial(area="Terminal", rows=(Row(tried, same, tail=tail),), words=("sh", "-c", program), acts=acts, terminal=True)


TRIALS = (
    *(
        Trial(area="Shells and wrappers", rows=(Row(what, _SAME, tail=NOT_TRIED),), words=words, script=script)
        for what, (script, words) in _WRAPPERS.items()
    ),
    Trial(
        area="Shells and wrappers",
        rows=(Row("under `tocsin exec` itself", _SAME),),
        words=(*EXEC, "--", "sh", "-c", "cat; echo inner >&2; exit 11"),
        given=b"through both\n",
    ),
    Trial(
        area="Shells and wrappers",
        rows=(Row("as the first process of a namespace, as in a container", _SAME),),
        words=("sh", "-c", "(sleep 0.05; echo orphan) & echo first; wait; exit 4"),
        script=AS_FIRST,
    ),
    Trial(
        area="Children",
        rows=(
            Row(
                "a child that the command leaves behind, which writes later",
                "it lives on, and its output arrives",
                tail="what it writes after tocsin's end is lost",
            ),
        ),
        words=("sh", "-c", "(sleep 0.3; echo late) & echo early"),
        sets={"": (0, b"early\nlate\n", b"")},
    ),
    Trial(
        area="Children",
        rows=(Row("a child that was started and waited for", "its exit status", tail=NOT_TRIED),),
        words=("sh", "-c", "sh -c 'exit 21' & wait $!; echo $?"),
    ),
    Trial(
        area="Children",
        rows=(Row("a pipeline inside the command", _SAME, tail=NOT_TRIED),),
        words=("sh", "-c", "seq 10000 | grep 7 | wc -l; yes | head -n 1"),
    ),
    Trial(
        area="Children",
        rows=(Row("a hundred children at a time", _SAME, tail=NOT_TRIED),),
        words=("sh", "-c", "for i in $(seq 100); do true & done; wait; echo all"),
    ),
    Trial(
        area="Terminal",
        rows=(
            Row("standard input, output and error", "each is a terminal", "streams"),
            Row("the size of the terminal", "lines and columns", "size"),
            Row("the size, asked of the input", "lines and columns", "size of input"),
            Row("the settings of the terminal (`stty -a`)", "all but those of output processing", "settings"),
            Row(
                "output processing (`stty opost`)",
                "the same settings",
                "output",
                tail="off, in a terminal of tocsin's; that of the real one stays on",
            ),
            Row(
                "one terminal for all three streams",
                "they are one",
                "name",
                tail="two: the input has the real one, the outputs one of tocsin's",
            ),
            Row("the foreground of the terminal", "the command is in it", "foreground"),
            Row("`/dev/tty`", "it can be opened", "terminal"),
        ),
        words=_IN_TERMINAL,
        terminal=True,
        observe=facts,
        sets={"streams": [True, True, True], "size": [SIZE[1], SIZE[0]], "foreground": True},
    ),
    _typed(
        "a line that is typed",
        "what is read, and what is shown",
        'echo ready; read line; echo "[$line]"',
        Act(b"ready", types=b"some words\n"),
        Act(b"[some words]"),
    ),
    _typed(
        "the end of input (Ctrl-D)", "the command reads the end", "echo ready; cat; echo end", Act(b"ready", types=b"\x04"), Act(b"end")
    ),
    _typed(
        "an interrupt (Ctrl-C)",
        "the command gets SIGINT, once",
        'trap "echo got; exit 3" INT; echo ready; read line',
        Act(b"ready", types=b"\x03"),
    ),
    _typed("an interrupt of a command without a trap", "the exit status", "echo ready; exec sleep 60", Act(b"ready", types=b"\x03")),
    _typed(
        "Ctrl-\\\\",
        "the command gets SIGQUIT, once",
        'trap "echo got; exit 3" QUIT; echo ready; read line',
        Act(b"ready", types=b"\x1c"),
    ),
    _typed(
        "a password prompt (`stty -echo`)",
        "what is typed is not shown",
        'stty -echo; echo ready; read line; stty echo; echo "[$line]"',
        Act(b"ready", types=b"hidden\n"),
        Act(b"[hidden]"),
    ),
    _typed(
        "settings that a command leaves behind", "the terminal has them", "stty -echo -icanon; stty -a | grep -o -e -icanon -e -echo"
    ),
    _typed("colors and cursor movements", "all bytes", r"printf '\033[31mred\033[0m\033[2K\r100%%\n'"),
)
