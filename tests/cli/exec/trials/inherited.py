"""What a command inherits: arguments, environment, folder, limits, priority, signals and descriptors.

A probe writes all that it finds into a file, so that one run fills many rows.
"""

import fcntl
import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.cli.exec.trials.trial import IGNORED, Row, Trial, facts

PROBE = """
import fcntl, json, os, resource, signal, stat, sys
def described(number):
    try:
        found = os.fstat(number)
    except OSError:
        return None
    offset = os.lseek(number, 0, os.SEEK_CUR) if stat.S_ISREG(found.st_mode) else None
    return [found.st_dev, found.st_ino, fcntl.fcntl(number, fcntl.F_GETFL), fcntl.fcntl(number, fcntl.F_GETFD), offset]
with open("/proc/self/status") as file:
    status = {line.partition(":")[0]: line.partition(":")[2].strip() for line in file}
def read(path):
    with open(path, "rb") as file:
        return file.read().decode("latin-1")
def signals(name):
    return [number for number in range(1, 65) if int(status[name], 16) >> (number - 1) & 1]
open_numbers = sorted(int(name) for name in os.listdir("/proc/self/fd"))
found = {
    **{f"argument {number}": os.fsencode(word).decode("latin-1") for number, word in enumerate(sys.argv[1:], 1)},
    "arguments": len(sys.argv) - 1,
    "environment": read("/proc/self/environ"),
    **{f"variable {os.fsdecode(name)}": os.environb[name].decode("latin-1") for name in os.environb},
    "folder": os.getcwd(),
    **{name: status.get(name) for name in ("Umask", "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
        "NoNewPrivs", "Seccomp", "Cpus_allowed")},
    "nice": os.getpriority(os.PRIO_PROCESS, 0),
    "scheduler": os.sched_getscheduler(0),
    "oom": read("/proc/self/oom_score_adj"),
    "core filter": read("/proc/self/coredump_filter"),
    "cgroup": read("/proc/self/cgroup"),
    "namespaces": [os.readlink(f"/proc/self/ns/{name}") for name in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")],
    **{name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")},
    **{f"ignored {number}": number in signals("SigIgn") for number in range(1, 65)},
    **{f"blocked {number}": number in signals("SigBlk") for number in range(1, 65)},
    "pending": [signals("SigPnd"), signals("ShdPnd")],
    **{f"descriptor {number}": described(number) for number in range(64)},
    "descriptors": [number for number in open_numbers if described(number)],
}
with open("facts.json", "w") as file:
    json.dump(found, file)
"""
"""Writes all that a process inherits to ``facts.json``. ``os.environb`` and ``/proc`` show bytes that are no text, too."""

PIPE, FILE = 57, 59  # descriptors beyond the usual three; high, since lower ones may be in use while the process starts
_PYTHON = (sys.executable, "-S", "-c", PROBE)
_ARGUMENTS = {
    "an empty argument": "",
    "an argument of spaces": "  ",
    "an argument with line breaks": "two\nlines\r\n",
    "an argument with quotes and backslashes": "'\"\\$HOME`id`",
    "an argument that a shell would expand": "*?[a-z]{1,2}~",
    "bytes that are not UTF-8 as an argument": os.fsdecode(b"\xff\xfe caf\xe9"),
    "control and escape characters as an argument": "\x01\x1b[31m\x7f",
    "an option of tocsin's among the command's arguments": "--tail",
    "`--` among the command's arguments": "--",
    "an argument of 100,000 characters": "x" * 100_000,
    "an argument in several alphabets": "größe été 名前 \U0001f514",
}
_VARIABLES: Mapping[str, tuple[str, str | bytes]] = {
    "a variable with no value": ("EMPTY", ""),
    "a value of several lines": ("LINES_OF_TEXT", "one\ntwo\n"),
    "a value that is not UTF-8": ("LATIN", b"caf\xe9 \xff"),
    "a value of 100,000 characters": ("LONG", "y" * 100_000),
    "a name with other characters than letters": ("with.dot-and space%%", "1"),
    "a function that bash exports": ("BASH_FUNC_f%%", "() {  echo f\n}"),
    "a locale": ("LC_TIME", "de_DE.UTF-8"),
    "`LC_ALL=C`": ("LC_ALL", "C"),
    "a time zone": ("TZ", "Asia/Kathmandu"),
    "a variable of the loader's": ("LD_BIND_NOW", "1"),
    "a variable that looks like a secret": ("DATABASE_PASSWORD", "correct horse battery"),
    "a setting of tocsin's own": ("TOCSIN_ENV", "production"),
}
_LIMITS: Mapping[str, tuple[str, int]] = {
    "open files (`ulimit -n`)": ("NOFILE", 300),
    "the size of core dumps (`-c`)": ("CORE", 0),
    "the size of files (`-f`)": ("FSIZE", 1 << 30),
    "the size of the stack (`-s`)": ("STACK", 4 << 20),
    "CPU time (`-t`)": ("CPU", 1000),
    "address space (`-v`)": ("AS", 16 << 30),
    "the size of data (`-d`)": ("DATA", 8 << 30),
    "locked memory (`-l`)": ("MEMLOCK", 64 << 10),
    "pending signals (`-i`)": ("SIGPENDING", 500),
    "bytes in message queues (`-q`)": ("MSGQUEUE", 4096),
    "real-time priority (`-r`)": ("RTPRIO", 0),
}
_IGNORED = ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM", "TSTP", "TTIN", "TTOU", "WINCH")
_BLOCKED = ("URG", "IO", "VTALRM", "PROF")
_SAME = "the same value"


def _set_up() -> None:  # pragma: no cover - between fork and exec nothing is measured
    os.umask(0o037)
    os.nice(2)
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    Path("/proc/self/oom_score_adj").write_text("321")
    Path("/proc/self/coredump_filter").write_text("0x5")
    for name, value in _LIMITS.values():
        kind: int = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    for word in _IGNORED:
        signal.signal(_number(word), signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [_number(word) for word in _BLOCKED])


def _number(name: str) -> signal.Signals:
    return signal.Signals[f"SIG{name}"]


def _open(folder: Path) -> Mapping[int, int]:
    """Open a file at an offset, one to append to, one that is locked, and a pipe that does not block."""
    (folder / "input").write_bytes(b"0123456789")
    given, out = os.open(folder / "input", os.O_RDONLY), os.open(folder / "out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    err, file = os.open(folder / "err", os.O_WRONLY | os.O_CREAT), os.open(folder / "locked", os.O_RDWR | os.O_CREAT)
    os.lseek(given, 3, os.SEEK_SET)
    fcntl.flock(file, fcntl.LOCK_EX)
    outer, inner = os.pipe()
    os.close(outer)
    os.set_blocking(inner, False)
    return {0: given, 1: out, 2: err, PIPE: inner, FILE: file}


_IN_TAIL = "a pipe of tocsin's"

TRIALS = (
    Trial(
        area="Arguments",
        rows=(
            *(Row(what, "the same bytes", f"argument {number}") for number, what in enumerate(_ARGUMENTS, 1)),
            Row("as many arguments as that", "their number and order", "arguments"),
        ),
        words=(*_PYTHON, *_ARGUMENTS.values()),
        observe=facts,
        sets={"arguments": len(_ARGUMENTS)},
    ),
    Trial(
        area="Environment",
        rows=(
            *(Row(what, "the same bytes", f"variable {name}") for what, (name, _) in _VARIABLES.items()),
            Row("all variables", "the same ones in the same order, and none more", "environment"),
        ),
        words=_PYTHON,
        environment=dict(_VARIABLES.values()),
        observe=facts,
        sets={"variable LATIN": "caf\xe9 \xff"},
    ),
    Trial(
        area="Environment",
        rows=(Row("no locale at all, where Python would add one", "the same variables, in the same order"),),
        words=("cat", "/proc/self/environ"),
    ),
    Trial(
        area="Process",
        rows=(
            Row("a current folder", "the same folder", "folder"),
            Row("a umask", "the same mask", "Umask"),
            Row("a niceness", _SAME, "nice"),
            Row("a scheduling policy (`chrt`)", "the same policy", "scheduler"),
            Row("a set of processors (`taskset`)", "the same set", "Cpus_allowed"),
            Row("an adjustment for the OOM killer", _SAME, "oom"),
            Row("a filter for core dumps", _SAME, "core filter"),
            Row("user ids", "real, effective, saved and file-system id", "Uid"),
            Row("group ids", "real, effective, saved and file-system id", "Gid"),
            Row("supplementary groups", "the same groups", "Groups"),
            Row("capabilities", "the effective set", "CapEff"),
            Row("capabilities that can be gained", "the bounding set", "CapBnd"),
            Row("no new privileges", "the same flag", "NoNewPrivs"),
            Row("a seccomp filter", "the same mode", "Seccomp"),
            Row("a control group", "the same group", "cgroup"),
            Row("namespaces", "the same namespaces", "namespaces"),
            *(Row(f"a limit of {what}", "the soft and the hard limit", f"RLIMIT_{name}") for what, (name, _) in _LIMITS.items()),
            *(
                Row(f"SIG{word} ignored, as by `trap '' {word}`", "it stays ignored", f"ignored {int(_number(word))}")
                for word in _IGNORED
            ),
            *(Row(f"SIG{word} blocked", "it stays blocked", f"blocked {int(_number(word))}") for word in _BLOCKED),
            Row("SIGTERM not blocked", "it stays unblocked", f"blocked {int(signal.SIGTERM)}"),
            Row("SIGCHLD not ignored", "it keeps its default", f"ignored {int(signal.SIGCHLD)}"),
            Row("no signal waiting", "none waits", "pending"),
        ),
        words=_PYTHON,
        before=_set_up,
        observe=facts,
        sets={"Umask": "0037", "oom": "321\n", f"ignored {int(signal.SIGHUP)}": True, f"blocked {int(signal.SIGURG)}": True},
    ),
    Trial(
        area="Descriptors",
        rows=(
            Row("standard input from a file, read up to somewhere", "the same open file, at the same offset", "descriptor 0"),
            Row("standard output to a file, appending", "the same open file, with its flags", "descriptor 1", tail=_IN_TAIL),
            Row("standard error to another file", "the same open file, with its flags", "descriptor 2", tail=_IN_TAIL),
            Row(f"descriptor {PIPE}, a pipe that does not block", "the same pipe, with its flags", f"descriptor {PIPE}"),
            Row(f"descriptor {FILE}, a file with a lock", "the same open file, which holds the lock", f"descriptor {FILE}"),
            Row("descriptors that are not open", "no other one is open", "descriptors"),
        ),
        words=_PYTHON,
        opens=_open,
        observe=facts,
    ),
    Trial(
        area="Signals",
        rows=(Row("SIGPIPE and SIGXFSZ, which Python ignores", "they have their default"),),
        words=IGNORED,
    ),
)
