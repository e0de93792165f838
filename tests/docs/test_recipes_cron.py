"""The page about cron: a job that fails sends a message, in the environment that cron provides."""

import re
import tomllib

import pytest

from tests.docs.recipes import PAGES, Machine, commands, file

pytestmark = pytest.mark.tocsin_live

_PAGE = PAGES / "cron.md"
_VARIABLE = re.compile(r"\w+=.*")
_CRON = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "load"}
_URL = "SLACK_WEBHOOK_URL"


def _lines() -> list[str]:
    return [line for line in file("crontab").splitlines() if line and not line.startswith("#")]


_VARIABLES = {line.partition("=")[0] for line in _lines() if _VARIABLE.fullmatch(line)}
_JOBS = [line.split(maxsplit=5)[5] for line in _lines() if not _VARIABLE.fullmatch(line)]


def _as_cron(job: str) -> tuple[list[str], str]:
    """Split a job as cron does: the words of a process, and its standard input, which follows an unescaped percent sign."""
    command, _, given = re.sub(r"(?<!\\)%", "\n", job).replace("\\%", "%").partition("\n")
    return [_CRON["SHELL"], "-c", command], given


def _job(label: str) -> tuple[list[str], str]:
    (job,) = (job for job in _JOBS if f"--label {label} " in job or f'--label "{label}"' in job)
    return _as_cron(job)


def test_it_takes_two_commands(machine: Machine) -> None:
    install, run = commands(_PAGE)
    assert install == "python3 -m venv ~/.tocsin && ~/.tocsin/bin/pip install -q /path/to/checkout"
    assert run == _JOBS[0]
    assert sorted(_VARIABLES) == ["MAILTO", _URL]


def test_a_job_that_fails_is_told_with_nothing_set_but_the_webhook(machine: Machine) -> None:
    machine.script(machine.home / "load.sh", "echo 'no space left on device'; exit 3")
    seen = machine.run(*_with_input("nightly load", machine.server.url))
    assert (seen.status, seen.out, seen.err) == (3, "no space left on device\n", "")
    (said,) = machine.messages
    assert re.fullmatch(r"nightly load failed after .*: exit status 3", said)
    assert "no space left" in machine.field("Last lines")


def _with_input(label: str, url: str | None) -> tuple[list[str], dict[str, str], str]:
    command, given = _job(label)
    return command, _CRON if url is None else {**_CRON, _URL: url}, given


@pytest.mark.parametrize(("label", "script"), [("disk space", "check-disk.sh"), ("sync", "sync.sh"), ("backup", "backup.sh")])
def test_so_is_every_other_job(machine: Machine, label: str, script: str) -> None:
    _own_secrets(machine)
    machine.script(machine.home / script, "exit 5")
    seen = machine.run(*_with_input(label, None))
    assert (seen.status, seen.err) == (5, "")
    (said,) = machine.messages
    assert said.startswith(f"{label} failed after")


def _own_secrets(machine: Machine) -> None:
    """Return the file of secrets that the page shows, with the URLs of the test servers."""
    (block,) = re.findall(r"^```toml\n(.*?)^```$", _PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names = tomllib.loads(block)
    assert list(names) == [_URL, "BACKUP_PING_URL"]
    text = "".join(f'{name} = "{machine.server.url}"\n' for name in names)
    machine.write(machine.home / ".config/tocsin/secrets.toml", text)


def test_what_goes_on_failing_is_told_once_and_so_is_that_it_is_well_again(machine: Machine) -> None:
    for status in (1, 1, 0, 0):
        machine.script(machine.home / "check-disk.sh", f"exit {status}")
        machine.run(*_with_input("disk space", machine.server.url))
    failed, well = machine.messages
    assert "failed" in failed
    assert "recovered" in well


def test_a_percent_sign_reaches_the_job(machine: Machine) -> None:
    machine.script(machine.home / "backup.sh", 'echo "$1"')
    seen = machine.run(*_with_input("backup", machine.server.url))
    assert seen.status == 0
    assert re.fullmatch(r"backup-\d{4}-\d\d-\d\d\n", seen.out)


def test_a_service_elsewhere_hears_of_the_start_and_the_end(machine: Machine) -> None:
    _own_secrets(machine)
    machine.script(machine.home / "backup.sh", "exit 0")
    machine.run(*_with_input("backup", None))
    assert [request.method for request in machine.server.requests] == ["GET", "GET"]
    assert machine.server.requests[0].path.endswith("/start")


def test_what_cron_mails_if_nobody_can_be_told_is_one_line(machine: Machine) -> None:
    machine.script(machine.home / "load.sh", "exit 3")
    seen = machine.run(*_with_input("nightly load", None))
    assert (seen.status, seen.out) == (3, "")
    assert re.fullmatch(r"tocsin: no message will be sent: .*\n", seen.err)
