"""The page about systemd: its units are valid, and do what the page says."""

import re
import shlex
import shutil
import socket
import subprocess

import pytest

from tests.docs.recipes import FILES, PAGES, PATIENCE, Machine, Seen, commands, file
from tests.docs.services import leave, service

pytestmark = pytest.mark.tocsin_live

_UNITS = sorted(path.name for path in FILES.iterdir() if path.suffix in {".service", ".timer"})
_PATH = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
_MONITOR = {"MONITOR_SERVICE_RESULT": "exit-code", "MONITOR_EXIT_CODE": "exited", "MONITOR_EXIT_STATUS": "3"}


def _settings(unit: str, machine: Machine, instance: str = "") -> dict[str, list[str]]:
    """Return the settings of a unit, with its specifiers and paths replaced by those here."""
    specifiers = {"%n": unit, "%N": unit.rpartition(".")[0], "%i": instance, "%d": "/run/credentials", "%S": "/var/lib"}
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", file(unit), re.MULTILINE):
        meant = re.sub("%.", lambda match: specifiers[match[0]], value)
        found.setdefault(name, []).append(machine.here(meant))
    return found


def _variables(settings: dict[str, list[str]]) -> dict[str, str]:
    return {**_PATH, **{name: value for name, _, value in (each.partition("=") for each in settings["Environment"])}}


def test_systemd_finds_no_fault(machine: Machine) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:  # pragma: no cover - not where it is installed
        pytest.skip("systemd is not installed")
    for program in ("/opt/load/load.sh", "/opt/shop/serve"):
        machine.script(machine.at(program), "exit 0")
    for unit in _UNITS:
        machine.write(machine.home / "units" / unit, machine.here(file(unit)))
    units = [unit.replace("@.", "@shop.service.") for unit in _UNITS]
    done = subprocess.run(
        [tool, "verify", "--man=no", *units], cwd=machine.home / "units", capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_url_is_put_where_root_alone_can_read_it(machine: Machine) -> None:
    install, put, extras = commands(PAGES / "systemd.md")
    assert install == "python3 -m venv /opt/tocsin && /opt/tocsin/bin/pip install -q /path/to/checkout"
    assert extras == "/opt/tocsin/bin/pip install -q '/path/to/checkout[cli,outbox]'"
    seen = machine.run(shlex.split(machine.here(put)), _PATH, f"{machine.server.url}\n")
    assert seen == Seen(0, "", "")
    placed = machine.at("/etc/tocsin/slack-webhook")
    assert placed.stat().st_mode & 0o777 == 0o600
    assert placed.read_text(encoding="utf-8") == f"{machine.server.url}\n"
    assert all(f"LoadCredential=slack:{put.split()[-1]}" in file(unit) for unit in ("nightly-load.service", "tocsin-failed@.service"))


def test_a_unit_that_is_wrapped_tells_how_it_went(machine: Machine) -> None:
    settings = _settings("nightly-load.service", machine)
    machine.secret("/run/credentials/slack")
    machine.script(machine.at("/opt/load/load.sh"), "echo 'no space left on device'; exit 3")
    seen = machine.run(shlex.split(settings["ExecStart"][0]), _variables(settings))
    assert (seen.status, seen.out, seen.err) == (3, "no space left on device\n", "")
    (said,) = machine.messages
    assert re.fullmatch(r"nightly-load failed after .*: exit status 3", said)
    assert any(machine.at("/var/lib/nightly-load").iterdir())


def test_a_stop_reaches_the_job_once_and_its_status_is_no_failure(machine: Machine) -> None:
    settings = _settings("nightly-load.service", machine)
    machine.secret("/run/credentials/slack")
    machine.script(machine.at("/opt/load/load.sh"), "trap 'echo asked' TERM; echo ready; while :; do read -r line || exit 143; done")
    with subprocess.Popen(
        machine.clean(shlex.split(settings["ExecStart"][0]), _variables(settings)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.stdout.readline() == "asked\n"
        assert process.communicate(timeout=60) == ("", "")
    assert str(process.returncode) in settings["SuccessExitStatus"]
    assert settings["KillMode"] == ["mixed"]
    (said,) = machine.messages
    assert re.fullmatch(r"nightly-load was aborted after .*: exit status 143, after SIGTERM", said)


@pytest.mark.parametrize(
    ("monitor", "how"),
    [
        ({**_MONITOR, "MONITOR_INVOCATION_ID": "cc8f"}, "exit-code exited 3 journalctl _SYSTEMD_INVOCATION_ID=cc8f"),
        ({"MONITOR_SERVICE_RESULT": "resources"}, "resources journalctl --unit=shop.service"),
        ({}, "how is not known journalctl --unit=shop.service"),
    ],
)
def test_a_unit_that_fails_is_told_of_by_another(machine: Machine, monitor: dict[str, str], how: str) -> None:
    (another,) = _settings("shop.service", machine)["OnFailure"]
    assert another == "tocsin-failed@shop.service.service"
    machine.write(machine.at("/opt/tocsin/tell_failed.py"), file("tell_failed.py"))
    machine.secret("/run/credentials/slack")
    settings = _settings("tocsin-failed@.service", machine, "shop.service")
    seen = machine.run(shlex.split(settings["ExecStart"][0]), {**_variables(settings), **monitor})
    assert (seen.status, seen.out, seen.err) == (0, "", "")
    assert machine.messages == [f"shop.service failed: {how}"]


def test_a_failed_notification_is_one_line(machine: Machine) -> None:
    machine.write(machine.at("/opt/tocsin/tell_failed.py"), file("tell_failed.py"))
    settings = _settings("tocsin-failed@.service", machine, "shop.service")
    seen = machine.run(shlex.split(settings["ExecStart"][0]), _PATH)
    assert seen.status == 1
    assert re.fullmatch(r"tocsin: could not tell Slack of 'shop.service': the secret 'SLACK_WEBHOOK_URL' is not set: .*\n", seen.err)


def test_the_page_says_where_each_file_goes() -> None:
    page = (PAGES / "systemd.md").read_text(encoding="utf-8")
    assert all(f"`{unit}`" in page for unit in _UNITS)


def test_the_service_sends_what_was_left_and_systemd_knows_how_it_is(machine: Machine) -> None:
    settings = _settings("tocsin-outbox.service", machine)
    machine.secret("/run/credentials/slack")
    leave(f"sqlite:///{machine.at('/var/lib/tocsin/outbox.sqlite')}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(PATIENCE)
        systemd.bind(str(machine.home / "notify"))
        variables = {**_variables(settings), "NOTIFY_SOCKET": str(machine.home / "notify"), "WATCHDOG_USEC": "60000000"}
        with service(machine, shlex.split(settings["ExecStart"][0]), variables) as running:
            assert running.line().startswith("delivered")
            assert 'tocsin_outbox_rows{destination="slack:SLACK_WEBHOOK_URL",status="delivered"} 1\n' in running.page("/metrics")
            assert running.stopped() == 0
        heard = [systemd.recv(100).decode()]
        while heard[-1] != "STOPPING=1":
            heard.append(systemd.recv(100).decode())
    assert {"READY=1", "WATCHDOG=1"} < set(heard)
    assert machine.messages == ["load failed: disk full"]
    assert (settings["Type"], settings["Restart"]) == (["notify"], ["on-failure"])
