"""The outbox on the page about Kubernetes: the pod sends from PostgreSQL, its probes get answers, and its files are consistent."""

import re

import pytest
import yaml

from tests.docs.recipes import PAGES, Machine, at, commands, file, words
from tests.docs.services import PORT, leave, service
from tocsin.cli.outbox.drain import STOP_TIMEOUT

pytestmark = pytest.mark.tocsin_live

_PATH = "/opt/tocsin/bin:/usr/bin:/bin"


@pytest.fixture
def pod() -> object:
    return at(yaml.safe_load(file("outbox.yaml")), "spec", "template", "spec")


def _variables(machine: Machine, pod: object) -> dict[str, str]:
    given = at(pod, "containers", 0, "env")
    assert isinstance(given, list)
    return {"PATH": machine.here(_PATH), **{each["name"]: machine.here(each["value"]) for each in given}}


def _probe(machine: Machine, pod: object, name: str, port: str) -> int:
    command = [word.replace(PORT, port) for word in words(pod, "containers", 0, name, "exec", "command")]
    return machine.run(command, {"PATH": machine.here("/opt/tocsin/bin")}).status


def test_a_pod_sends_what_another_left(machine: Machine, pod: object, database: str) -> None:
    machine.secret("/run/secrets/tocsin/slack-webhook")
    machine.write(machine.at("/run/secrets/tocsin/outbox-url"), f"{database}\n")
    leave(database)
    command = (*words(pod, "containers", 0, "command"), *words(pod, "containers", 0, "args"))
    with service(machine, command, _variables(machine, pod)) as running:
        assert running.line().startswith("delivered")
        assert [_probe(machine, pod, name, running.port) for name in ("readinessProbe", "livenessProbe")] == [0, 0]
        assert running.stopped() == 0
    assert machine.messages == ["load failed: disk full"]


def test_a_probe_fails_without_an_answer(machine: Machine, pod: object) -> None:
    assert _probe(machine, pod, "livenessProbe", "1") == 1


def test_a_pod_is_given_what_it_uses_and_nothing_else(pod: object) -> None:
    mount = at(pod, "containers", 0, "volumeMounts", 0, "mountPath")
    given = at(pod, "containers", 0, "env")
    assert isinstance(given, list)
    files = {each["value"] for each in given if each["name"].endswith("_FILE")}
    (create,) = (line for line in commands(PAGES / "kubernetes.md") if "outbox" in line)
    assert files == {f"{mount}/{name}" for name in re.findall(r"--from-file=(\S+)", create)}
    assert create.split()[4] == at(pod, "volumes", 0, "secret", "secretName")
    assert at(pod, "containers", 0, "securityContext", "readOnlyRootFilesystem") is True
    assert at(pod, "securityContext", "runAsNonRoot") is True
    grace = at(pod, "terminationGracePeriodSeconds")
    assert isinstance(grace, int)
    assert grace > STOP_TIMEOUT


def test_the_labels_select_the_pod() -> None:
    whole = yaml.safe_load(file("outbox.yaml"))
    assert at(whole, "spec", "selector", "matchLabels") == at(whole, "spec", "template", "metadata", "labels")
