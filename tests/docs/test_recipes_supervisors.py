"""The page about process supervisors: under each of them no second copy runs, and its scripts see what the page says."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import attrs
import pytest

from tests.docs.recipes import PAGES, PATIENCE, Machine, Seen, commands, file

pytestmark = pytest.mark.tocsin_live

PATH = {"PATH": os.environ["PATH"]}
SERVE = """
exec 9>{home}/lock
flock -n 9 && alone=alone || alone=second
echo $$ $PPID $alone >{home}/started
exec sleep 1000
"""


@attrs.frozen
class Copies:
    """The copies of the program that a supervisor starts, as they report themselves in a named pipe."""

    pipe: IO[str]

    def next(self) -> tuple[int, int]:
        """Wait for the next copy, which must be the only one. Return its process id, and that of tocsin."""
        pid, parent, alone = self.pipe.readline().split()
        assert alone == "alone"
        return int(pid), int(parent)


@pytest.fixture
def copies(machine: Machine) -> Generator[Copies]:
    """The program ``/opt/shop/serve``, and what it reports."""
    machine.secret("/etc/tocsin/slack-webhook")
    os.mkfifo(machine.home / "started")
    machine.script(machine.at("/opt/shop/serve"), SERVE.format(home=machine.home))
    with os.fdopen(os.open(machine.home / "started", os.O_RDWR), encoding="utf-8") as pipe:
        yield Copies(pipe)


@contextmanager
def supervisor(machine: Machine, words: Sequence[str], variables: Mapping[str, str] = PATH) -> Generator[IO[str]]:
    """Run a supervisor, up to SIGTERM. Yield its output."""
    with subprocess.Popen(
        machine.clean(words, variables),
        cwd=machine.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout
        finally:
            process.terminate()
            process.wait(PATIENCE)


def following(output: IO[str], text: str) -> str:
    """Return the next line that has the text."""
    return next(line for line in output if text in line)


def tool(name: str) -> str:
    """Return the path of a program. Skip the test where it is not installed."""
    found = shutil.which(name)
    if found is None:  # pragma: no cover - not where it is installed
        pytest.skip(f"{name} is not installed")
    return found


def service(machine: Machine, finish: str) -> Path:
    """Return a service's folder with the scripts of the page."""
    folder = machine.home / "shop"
    for name, text in (("run", file("shop-run")), ("finish", file(finish))):
        machine.write(folder / name, machine.here(text), 0o755)
    return folder


def ended(machine: Machine) -> list[str]:
    """Return how the runs ended, by the messages."""
    return [re.sub(" after .*?:", ":", message) for message in machine.messages]


def test_supervisord_runs_one_copy_and_waits_for_the_message(machine: Machine, copies: Copies) -> None:
    settings = machine.home / "supervisord.conf"
    control = f"[supervisorctl]\nserverurl = unix://{machine.home}/ctl\n"
    server = f"[unix_http_server]\nfile = {machine.home}/ctl\n"
    interface = "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n"
    machine.write(settings, f"[supervisord]\nnodaemon = true\n{server}{interface}{control}{machine.here(file('supervisord.conf'))}")
    with supervisor(machine, [sys.executable, "-m", "supervisor.supervisord", "-c", str(settings)]) as output:
        _, tocsin = copies.next()
        os.kill(tocsin, signal.SIGKILL)
        copies.next()
        following(output, "entered RUNNING state")
        seen = machine.run([sys.executable, "-m", "supervisor.supervisorctl", "-c", str(settings), "stop", "shop"], PATH)
        assert seen == Seen(0, "shop: stopped\n", "")
        assert following(output, "stopped: shop").endswith("stopped: shop (exit status 143)\n")
    assert ended(machine)[-1] == "shop was aborted: killed by SIGTERM"


@pytest.mark.parametrize(
    ("runs", "stops", "finish"),
    [("runsv", "sv -w 60 force-stop", "runit-finish"), ("s6-supervise", "s6-svc -wD -T 60000 -d", "s6-finish")],
    ids=["runit", "s6"],
)
def test_one_copy_runs_and_the_finish_script_sees_the_signal(
    machine: Machine, copies: Copies, runs: str, stops: str, finish: str
) -> None:
    folder = service(machine, finish)
    machine.write(folder / "timeout-kill", "60000\n")  # of s6; runit has none
    stop, *words = stops.split()
    with supervisor(machine, [tool(runs), str(folder)]) as output:
        program, _ = copies.next()
        os.kill(program, signal.SIGSEGV)
        assert following(output, "the program") == "the program was killed by signal 11\n"
        _, tocsin = copies.next()
        os.kill(tocsin, signal.SIGKILL)
        assert following(output, "tocsin") == "tocsin was killed by signal 9, and the program with it\n"
        copies.next()
        subprocess.run([tool(stop), *words, str(folder)], capture_output=True, check=True, timeout=PATIENCE)
        assert following(output, "the program") == "the program was killed by signal 15\n"
    assert ended(machine)[-1] == "shop was aborted: killed by SIGTERM"


@pytest.mark.parametrize("script", ["runit-finish", "s6-finish"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("139", "0"), "the program was killed by signal 11\n"),
        (("3", "0"), "the program ended with status 3\n"),
        (("128", "0"), "the program ended with status 128\n"),
        (("0", "0"), "the program ended with status 0\n"),
    ],
)
def test_a_finish_script_reads_the_status(script: str, arguments: tuple[str, ...], said: str, machine: Machine) -> None:
    machine.write(machine.home / script, file(script), 0o755)
    assert machine.run([str(machine.home / script), *arguments], PATH) == Seen(0, said, "")


def test_the_commands_are_those_of_the_page_about_systemd() -> None:
    assert commands(PAGES / "supervisors.md") == commands(PAGES / "systemd.md")[:2]
