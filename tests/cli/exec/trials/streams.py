"""What a command reads and writes: bytes of all kinds, in pipes, files and streams that are closed, full or left."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs

from tests.cli.exec.trials.trial import Row, Seen, Trial

_PYTHON = (sys.executable, "-S", "-c")
_ALL_BYTES = bytes(range(256))
_SAME = "all bytes, and the exit status"
_SHUFFLED = bytes((number * number * 31 + number // 7) % 256 for number in range(1 << 20))
_PIECES = "import os\nfor number in range(2000):\n    os.write(1 + number % 2, b'%d ' % number)"


def _written(tried: str, program: str) -> Trial:
    return Trial(area="Output", rows=(Row(tried, _SAME),), words=(*_PYTHON, f"import os, sys; {program}"))


def _ordered(folder: Path) -> Mapping[int, int]:
    """Open one file for both outputs."""
    file = os.open(folder / "both", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    return {1: file, 2: os.dup(file)}


def _full(_: Path) -> Mapping[int, int]:
    return {1: os.open("/dev/full", os.O_WRONLY)}


def _contents(seen: Seen) -> Mapping[str, object]:
    """Observe the file that both outputs went to."""
    path = seen.folder / "both"
    found = path.read_bytes()
    os.truncate(path, 0)
    return {"": (seen.status, found)}


def _is_open(descriptor: int, to: str = "") -> tuple[str, ...]:
    return ("sh", "-c", f"if [ -h /proc/self/fd/{descriptor} ]; then echo open; else echo closed; fi {to}")


def _shell(tried: str, same: str, script: str, *words: str, given: bytes | None = b"", tail: bool | str = True) -> Trial:
    return Trial(area="Pipes and redirections", rows=(Row(tried, same, tail=tail),), words=words, script=script, given=given)


TRIALS = (
    Trial(area="Input", rows=(Row("a mebibyte of binary data through a pipe", _SAME),), words=("cat",), given=_SHUFFLED),
    Trial(area="Input", rows=(Row("every byte from 0 to 255", _SAME),), words=("od", "-An", "-v", "-tx1"), given=_ALL_BYTES),
    Trial(area="Input", rows=(Row("an empty pipe", _SAME),), words=("cat",), given=b""),
    Trial(area="Input", rows=(Row("`/dev/null`", _SAME),), words=("cat",), given=None),
    Trial(area="Input", rows=(Row("a last line without an end", _SAME),), words=("wc", "-lc"), given=b"one\ntwo"),
    Trial(area="Input", rows=(Row("more than the command reads", _SAME),), words=("head", "-c", "3"), given=_SHUFFLED[:200_000]),
    _shell(
        "what the command leaves of its input",
        "the next reader finds it",
        '"$@"; cat',
        "dd",
        "bs=1",
        "count=3",
        "status=none",
        given=b"one two",
    ),
    _shell("a here-document", _SAME, '"$@" <<END\nline one\nline $HOME\nEND\n', "wc", "-l"),
    _shell("input from a file", _SAME, 'echo data >input; "$@" <input', "cat"),
    _shell("a closed standard input (`<&-`)", "it is closed", '"$@" <&- 2>&1', *_is_open(0)),
    _written("every byte from 0 to 255", "os.write(1, bytes(range(256)))"),
    _written("null bytes alone", "os.write(1, bytes(100_000))"),
    _written("bytes that are not UTF-8, on both outputs", r"os.write(1, b'\xff\xfe\n'); os.write(2, b'\xc3(\n')"),
    _written("escape sequences and carriage returns", r"os.write(1, b'\x1b[31mred\x1b[0m 10%\r 100%\r\n\x07\x08')"),
    _written("one line of a mebibyte", "os.write(1, b'x' * 1048576)"),
    _written("50,000 lines", r"print('\n'.join(map(str, range(50_000))))"),
    _written("a last line without an end, on both outputs", "os.write(1, b'out'); os.write(2, b'err')"),
    _written("much on standard error alone", r"os.write(2, b'error\n' * 100_000)"),
    _written("2,000 small pieces, by turns on both outputs", f"exec({_PIECES!r})"),
    _written("nothing, and the outputs closed early", "os.close(1); os.close(2); os._exit(4)"),
    Trial(
        area="Output",
        rows=(Row("both outputs to one file, by turns", "all bytes, in their order"),),
        words=(*_PYTHON, _PIECES),
        opens=_ordered,
        observe=_contents,
    ),
    Trial(
        area="Output",
        rows=(
            Row(
                "a disk that is full",
                "the error that the command sees, and the exit status",
                tail="a closed pipe, and a line of tocsin's",
            ),
        ),
        words=("sh", "-c", "echo lost"),
        opens=_full,
    ),
    _shell("`2>&1` into a pipe", "all bytes, in their order", '"$@" 2>&1 | cat', *_PYTHON, _PIECES),
    _shell("in the middle of a pipe", _SAME, 'seq 1000 | "$@" | tail -n 1', "sort", "-n"),
    _shell("at the end of a pipe", _SAME, 'printf "b\\na\\n" | "$@"', "sort"),
    _shell("a reader that leaves (`| head -n 1`)", "the command dies of SIGPIPE", '("$@"; echo $? >&2) | head -n 1', "yes"),
    _shell("in `$(...)`", "the text, and the exit status", 'echo "[$("$@")]" $?', "sh", "-c", "echo inner; exit 3"),
    _shell(
        "outputs swapped (`3>&1 1>&2 2>&3`)",
        "each goes where it is sent",
        '"$@" 3>&1 1>&2 2>&3 3>&-',
        "sh",
        "-c",
        "echo out; echo err >&2",
    ),
    _shell("a closed standard output (`>&-`)", "it is closed", '"$@" >&-', *_is_open(1, ">&2")),
    _shell("a closed standard error (`2>&-`)", "it is closed", '"$@" 2>&-', *_is_open(2)),
    _shell("a named pipe", _SAME, 'mkfifo fifo; cat fifo & "$@" >fifo; wait; rm fifo', "echo", "through"),
    _shell("an extra descriptor (`3<file`)", "it can be read", 'echo third >third; "$@" 3<third', "sh", "-c", "cat <&3"),
    _shell("a file that is removed while it is open", _SAME, 'exec 4>gone; rm gone; "$@" >&4; cat /proc/$$/fd/4', "echo", "still"),
    attrs.evolve(_shell("a gibibyte", "its checksum and length", '"$@" | cksum', "head", "-c", "1G", "/dev/zero"), slow=True),
)
