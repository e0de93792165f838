"""Cost of ``tocsin exec``: the delay until the command starts, its output, and what a run with nothing to tell costs."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import attrs
import pytest

from tests.benchmarks.ratios import Ratio, Rivals
from tests.servers.slack import SlackServer

TOCSIN = "from tocsin.cli import script; script()"
TAIL = ("--tail", "20", "--timeout", "1h")
WRITES = "sleep 1.5; exec dd if=/dev/zero bs=64k status=none"
"""Writes once that is loaded which tells of the start, and which would have the machine busy just then."""


@attrs.frozen
class Shell:
    """Starts programs without settings in the environment, with their own folder for bytecode."""

    folder: Path

    def python(self, code: str, *words: str) -> list[str]:
        """Return the command that runs a line of Python."""
        return [sys.executable, "-I", "-X", f"pycache_prefix={self.folder}", "-c", code, *words]

    def starting(self, command: list[str]) -> float:
        """Return the milliseconds until a command writes its first byte, or ends."""
        began = perf_counter()
        with self._started(command) as process:
            assert process.stdout is not None
            os.read(process.stdout.fileno(), 1)
            return (perf_counter() - began) * 1000

    def writing(self, command: list[str], size: int) -> float:
        """Return the milliseconds to read ``size`` bytes at full speed, from the first byte on."""
        room = bytearray(1 << 16)
        with self._started(command) as process:
            assert process.stdout is not None
            total = os.readv(process.stdout.fileno(), [room])
            began = perf_counter()
            while got := os.readv(process.stdout.fileno(), [room]):
                total += got
            took = perf_counter() - began
        assert total == size
        return took * 1000

    def _started(self, command: list[str]) -> "subprocess.Popen[bytes]":
        environment = {"PATH": os.environ["PATH"], "TOCSIN_STATE_DIR": str(self.folder / "state"), "TOCSIN_NOTIFY": "none"}
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), TAIL], ids=["bare", "tail"])
def test_the_start_of_a_command(rivals: Rivals, tmp_path: Path, options: tuple[str, ...]) -> None:
    shell = Shell(tmp_path)
    ours, bare = shell.python(TOCSIN, "exec", *options, "--", "echo", "begun"), shell.python("pass")
    measured = [(shell.starting(ours), shell.starting(bare)) for _ in range(31 if rivals.benchmark.enabled else 2)]
    note(rivals, f"exec{shown(options)}: its command starts", 2.5, measured[1:])  # the first one compiles


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), TAIL], ids=["bare", "tail"])
def test_the_output_of_a_command(rivals: Rivals, tmp_path: Path, options: tuple[str, ...]) -> None:
    shell, rounds, blocks = Shell(tmp_path), *((9, 1 << 14) if rivals.benchmark.enabled else (1, 1 << 7))
    bare = ["sh", "-c", f"{WRITES} count={blocks}"]
    ours = shell.python(TOCSIN, "exec", *options, "--", *bare)
    measured = [(shell.writing(ours, blocks << 16), shell.writing(bare, blocks << 16)) for _ in range(rounds)]
    note(rivals, f"exec{shown(options)}: a gigabyte through", 1.1, measured)


def cpu(command: list[str], environment: dict[str, str]) -> float:
    """Return the milliseconds of processor time that a command takes, with all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, stdin=subprocess.DEVNULL, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


@pytest.mark.slow
def test_a_run_with_nothing_to_tell(rivals: Rivals, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/x",
    }
    ours, bare = shell.python(TOCSIN, "exec", "--only", "failed", "--", "true"), shell.python("pass")
    measured = [(cpu(ours, environment), cpu(bare, environment)) for _ in range(31 if rivals.benchmark.enabled else 2)]
    note(rivals, "exec --only failed -- true: processor time", 5.0, measured[1:])


REQUESTS = """
import os, requests
url, bundle = os.environ["SLACK_WEBHOOK_URL"], os.environ["REQUESTS_CA_BUNDLE"]
answer = requests.post(url, json={"text": "hello"}, timeout=10, verify=bundle)
assert answer.text == "ok"
"""


@pytest.mark.slow
def test_send_from_a_cold_start(rivals: Rivals, tmp_path: Path, slack_server: SlackServer, ca_bundle: Path) -> None:
    shell = Shell(tmp_path)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "SLACK_WEBHOOK_URL": slack_server.url,
        "TOCSIN_SLACK_ALLOWED_HOSTS": "127.0.0.1",
        "REQUESTS_CA_BUNDLE": str(ca_bundle),
    }

    def taking(command: list[str]) -> float:
        began = perf_counter()
        subprocess.run(command, env=environment, check=True, stdin=subprocess.DEVNULL, timeout=60)
        return (perf_counter() - began) * 1000

    ours, least = shell.python(TOCSIN, "send", "hello"), shell.python(REQUESTS)
    measured = [(taking(ours), taking(least)) for _ in range(21 if rivals.benchmark.enabled else 2)]
    assert len(slack_server.requests) == 2 * len(measured)
    note(rivals, "send: a text to a server, cold", 2.3, measured[1:])


def shown(options: tuple[str, ...]) -> str:
    """Return the named options as typed on a command line."""
    return "".join(f" {option}" for option in options if option.startswith("--"))


def note(rivals: Rivals, what: str, target: float, measured: list[tuple[float, float]]) -> None:
    """Note measurements that were taken already: only a part of a process's time counts here."""
    rivals.benchmark.pedantic(lambda: None, setup=lambda: None, rounds=1)
    rivals.note(Ratio(what, target, measured, "ms"))
