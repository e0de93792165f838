"""The page about CI: its steps are run as the runners run them, and the tests among them send no message."""

import re
import sys

import pytest
import yaml

from tests.docs.recipes import Machine, at, file, wheel, words

pytestmark = pytest.mark.tocsin_live

_TEST = "from tocsin import *\ndef test_it():\n    slack_notifier(Task('load'), Running(), Failed('disk full'))\n    assert False\n"


def _path(machine: Machine) -> dict[str, str]:
    return {"PATH": f"{machine.at('/opt/tocsin/bin')}:/usr/bin:/bin"}


def _meant(text: str, machine: Machine) -> str:
    """An expression of GitHub's, evaluated."""
    context = {
        "secrets.SLACK_WEBHOOK_URL": machine.server.url,
        "github.server_url": "https://github.com",
        "github.repository": "acme/load",
        "github.run_id": "17",
    }
    return re.sub(r"\$\{\{ (\S+) \}\}", lambda match: context[match[1]], text)


def _told(machine: Machine) -> None:
    (said,) = machine.messages
    assert re.fullmatch(r"nightly load failed after .*: exit status 3", said)
    assert at(machine.server.requests[-1].json, "attachments", 0, "title_link") == "https://github.com/acme/load/actions/runs/17"


def test_github_tells(machine: Machine) -> None:
    steps = at(yaml.safe_load(file("github.yaml")), "jobs", "load", "steps")
    assert isinstance(steps, list)
    assert steps[-2] == {"run": f"pip install vendor/{wheel()}"}
    given = at(steps[-1], "env")
    assert isinstance(given, dict)
    variables = {name: _meant(value, machine) for name, value in given.items()}
    machine.script(machine.home / "load.sh", "echo 'no space left'; exit 3")
    machine.script(machine.home / "step.sh", str(at(steps[-1], "run")))
    seen = machine.run(["bash", "-e", "step.sh"], {**_path(machine), **variables})
    assert (seen.status, seen.out, seen.err) == (3, "no space left\n", "")
    _told(machine)


@pytest.mark.parametrize("handed", ["variable", "file"])
def test_gitlab_tells(machine: Machine, handed: str) -> None:
    job = at(yaml.safe_load(file("gitlab.yaml")), "nightly load")
    install, run = words(job, "script")
    assert install == f"pip install vendor/{wheel()}"
    assert at(job, "variables") == {"TOCSIN_SLACK_TITLE_LINK": "$CI_JOB_URL"}
    machine.secret("/run/variable")
    secret = {"SLACK_WEBHOOK_URL": machine.server.url}
    if handed == "file":
        secret = {"SLACK_WEBHOOK_URL_FILE": str(machine.at("/run/variable"))}
    link = {"TOCSIN_SLACK_TITLE_LINK": "https://github.com/acme/load/actions/runs/17", "CI_JOB_NAME": "nightly load"}
    machine.script(machine.home / "load.sh", "exit 3")
    assert machine.run(["bash", "-c", run], {**_path(machine), **link, **secret}).status == 3
    _told(machine)


def test_what_comes_from_a_fork_has_no_secret_and_runs(machine: Machine) -> None:
    machine.script(machine.home / "load.sh", "exit 0")
    run = str(at(yaml.safe_load(file("github.yaml")), "jobs", "load", "steps", 3, "run"))
    seen = machine.run(["bash", "-ec", run], {**_path(machine), "SLACK_WEBHOOK_URL": ""})
    assert (seen.status, seen.out, seen.err.count("\n")) == (0, "", 1)


def test_tests_tell_nobody_and_whoever_runs_them_does(machine: Machine) -> None:
    machine.write(machine.home / "test_it.py", _TEST)
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    variables = {**_path(machine), "SLACK_WEBHOOK_URL": machine.server.url}
    assert machine.run(pytest_, variables).status == 1
    assert machine.messages == []
    assert machine.run([sys.executable, "-m", "tocsin", "exec", "--label", "tests", "--", *pytest_], variables).status == 1
    (said,) = machine.messages
    assert said.startswith("tests failed after")
