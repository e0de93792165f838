"""The page about jobs that never started: what cron, systemd and Kubernetes run there is run here, and tells."""

import re
import shlex
import time

import pytest
import yaml

from tests.docs.pages import ROOT
from tests.docs.recipes import Machine, at, commands, file, words
from tocsin.core.run_metrics import LabelMetrics, run_exposition

pytestmark = pytest.mark.tocsin_live

_PAGE = ROOT / "docs" / "howto" / "expect.md"
_PATH = {"PATH": "/usr/bin:/bin"}
_ALL = run_exposition([LabelMetrics("load", 8.0, 1.0, failed=True, status=3, last_success=7.0)], {"load": True})


def _make_late(machine: Machine, tocsin: str, variables: dict[str, str], label: str) -> None:
    """Replace the expectation by one that is overdue after a second."""
    seen = machine.run([tocsin, "expect", label, "--every=1s", "--grace=0s"], variables)
    assert (seen.status, seen.err) == (0, "")
    time.sleep(1)


def test_cron_runs_the_check(machine: Machine) -> None:
    url, _, job, check = [line for line in file("expect.crontab").splitlines() if line and not line.startswith("#")]
    assert job in file("crontab")
    variables = {**_PATH, url.partition("=")[0]: machine.server.url}
    tocsin = str(machine.home / ".tocsin/bin/tocsin")
    for typed in commands(_PAGE)[:2]:
        assert machine.run([tocsin, *shlex.split(typed)[1:]], variables).status == 0
    command = ["/bin/sh", "-c", check.split(maxsplit=5)[5]]
    assert machine.run(command, variables).out == ""
    _make_late(machine, tocsin, variables, "nightly load")
    seen = machine.run(command, variables)
    assert (seen.status, seen.err, seen.out.count("\n")) == (0, "", 1)
    (said,) = machine.messages
    assert said.startswith("nightly load was not run: no run started by ")


def test_the_unit_shares_the_folder_of_the_job_and_tells(machine: Machine) -> None:
    found = re.findall(r"^(\w+)=(.*)$", file("tocsin-expect.service"), re.MULTILINE)
    settings, job = dict(found), file("nightly-load.service")
    assert f"User={settings['User']}\n" in job
    assert f"LoadCredential={settings['LoadCredential']}\n" in job
    assert f"Environment=TOCSIN_STATE_DIR=%S/{settings['StateDirectory']}" in job.replace("%N", "nightly-load")
    given = [value.replace("%S", "/var/lib").replace("%d", "/run/credentials") for name, value in found if name == "Environment"]
    variables = {**_PATH, **{name: machine.here(value) for name, _, value in (each.partition("=") for each in given)}}
    machine.secret("/run/credentials/slack")
    before, check = (shlex.split(machine.here(settings[name])) for name in ("ExecStartPre", "ExecStart"))
    seen = machine.run(before, variables)
    assert (seen.status, seen.err) == (0, "")
    assert seen.out.startswith("nightly-load: at 03:00 ")
    _make_late(machine, check[0], variables, "nightly-load")
    assert machine.run(check, variables).status == int(settings["SuccessExitStatus"])
    assert len(machine.messages) == 1


def test_a_pod_shares_the_volume_of_the_job_and_checks(machine: Machine) -> None:
    pod, job = (
        at(yaml.safe_load(file(name)), "spec", "jobTemplate", "spec", "template", "spec") for name in ("expect.yaml", "cronjob.yaml")
    )
    first: tuple[str | int, ...] = ("containers", 0)
    for path in (("volumes",), ("securityContext",), (*first, "env"), (*first, "volumeMounts"), (*first, "image")):
        assert at(pod, *path) == at(job, *path)
    label, given = words(job, *first, "args")[1], at(pod, *first, "env")
    assert isinstance(given, list)
    variables = {str(each["name"]): machine.here(str(each["value"])) for each in given}
    variables["PATH"] = f"{machine.at('/opt/tocsin/bin')}:/usr/bin:/bin"
    machine.secret("/run/secrets/tocsin/slack-webhook")
    seen = machine.run([*words(pod, *first, "command"), *words(pod, *first, "args")], variables)
    assert (seen.status, seen.err, machine.messages) == (0, "", [])
    assert seen.out.startswith(f"{label}: at 03:00 Europe/Berlin, grace 1 h; a run must start by ")


def test_the_page_has_every_metric_of_runs_and_no_other() -> None:
    listed = re.findall(r"^\| `(tocsin_run_\w+)\{label\}` \|", _PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == re.findall(r"^(tocsin_run_\w+)\{label=", _ALL, re.MULTILINE)


def test_an_alarm_asks_for_metrics_that_there_are() -> None:
    rules = at(yaml.safe_load(file("runs-alerts.yaml")), "groups", 0, "rules")
    assert isinstance(rules, list)
    asked = [name for rule in rules for name in re.findall(r"tocsin_\w+", str(rule["expr"]))]
    assert asked == ["tocsin_run_overdue", "tocsin_run_last_failed"]
    assert all(f"\n{name}{{" in _ALL for name in asked)
    assert commands(_PAGE)[2].endswith("/tocsin.prom")
