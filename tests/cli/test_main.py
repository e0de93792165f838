"""The command as a process: how it starts, and how it ends."""

import os
import signal
import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.cli.terminal_session import BAD, GOOD, HEAD, PATIENCE, started, typed
from tocsin.cli import main

BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in {"typer", "rich"}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Blocker())
from tocsin.cli import main
main()
"""
CHATTY = f"""{HEAD}
@task(state_handlers=[slack_notifier])
def add(x):
    return x

with Flow("sums", tasks=[]) as flow:
    for x in range(200):
        add(x)
"""
WAITING = f"""{HEAD}
import sys, time

@task
def wait():
    print("waiting", flush=True)
    time.sleep({PATIENCE})

with Flow("patience") as flow:
    wait()
"""


def test_the_script_is_main() -> None:
    (script,) = entry_points(group="console_scripts", name="tocsin")
    assert script.load() is main


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["tocsin", "--version"])
    with pytest.raises(SystemExit) as left:
        import_module("tocsin.__main__")
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("tocsin ")


@pytest.mark.parametrize("missing", ["rich", "typer"])
def test_without_its_libraries_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert capsys.readouterr() == ("", "tocsin: this command needs the extra: pip install 'tocsin[cli]' (tocsin exec needs none)\n")


def test_without_its_libraries_nothing_breaks_before_that(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKED], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tocsin: this command needs the extra: pip install 'tocsin[cli]' (tocsin exec needs none)\n"


@pytest.mark.tocsin_live
@pytest.mark.parametrize(("source", "options", "status"), [(GOOD, (), 0), (BAD, (), 1), (GOOD, ("--fail-on-notify",), 3)])
def test_the_exit_status_is_that_of_the_process(tmp_path: Path, source: str, options: tuple[str, ...], status: int) -> None:
    (tmp_path / "flows.py").write_text(source)
    seen = typed(tmp_path, "run", "flows.py", *options)
    assert seen.status == status
    assert "notifications: 1 failed" in seen.out
    (line,) = seen.err.splitlines()
    assert line.startswith("tocsin: could not tell Slack of ")
    assert "SLACK_WEBHOOK_URL" in line


@pytest.mark.tocsin_live
def test_a_webhook_that_leads_elsewhere_is_refused_without_a_connection(tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text(GOOD)
    url = "https://hooks.example.com/services/T0/B0/canary"
    seen = typed(tmp_path, "run", "flows.py", "--fail-on-notify", "--json", "--explain", SLACK_WEBHOOK_URL=url)
    assert seen.status == 3
    assert '"outcome": "failed"' in seen.out
    assert "it does not lead to hooks.slack.com" in seen.err
    assert "canary" not in seen.out + seen.err


@pytest.mark.parametrize(("options", "status"), [(("demo",), 0), (("run", "flows.py", "--notify=print"), 0)])
def test_a_reader_that_leaves_is_no_error(tmp_path: Path, options: tuple[str, ...], status: int) -> None:
    (tmp_path / "flows.py").write_text(CHATTY)
    with started(tmp_path, *options) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE) == status


def test_an_interruption_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text(WAITING)
    with started(tmp_path, "run", "flows.py") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "waiting\n"
        os.kill(process.pid, signal.SIGINT)
        assert process.stderr.read() == "tocsin: interrupted\n"
        assert process.wait(PATIENCE) == 130
