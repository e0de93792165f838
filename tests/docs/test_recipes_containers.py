"""The pages about Docker and Kubernetes: what their containers run is run here, with the files that they are given."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import attrs
import pytest
import yaml

from tests.docs.recipes import Machine, at, file, wheel, words

pytestmark = pytest.mark.tocsin_live

_BIN = "/opt/tocsin/bin:/usr/local/bin:/usr/bin:/bin"
_ALONE = ("--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child")
_ASKED = """\
sh -c 'sh -c "echo \\$\\$ > orphan; mv orphan left" &'
until [ -s left ]; do :; done
while [ -d "/proc/$(cat left)" ]; do :; done
trap 'echo asked; exit 0' TERM
echo "ready, under $PPID"
while :; do read -r line || exit 1; done"""


@attrs.frozen
class Container:
    """Return the command of a container, with the paths replaced by those here."""

    command: list[str]
    variables: dict[str, str]


def _container(machine: Machine, command: tuple[str, ...], variables: dict[str, str]) -> Container:
    environment = {"PATH": _BIN, **variables}
    return Container([machine.here(word) for word in command], {name: _here(machine, value) for name, value in environment.items()})


def _here(machine: Machine, value: str) -> str:
    return ":".join(machine.here(part) for part in value.split(":"))


def _instructions() -> list[tuple[str, str]]:
    text = file("Dockerfile").replace("\\\n", " ")
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


@pytest.fixture
def docker(machine: Machine) -> Container:
    found = dict(_instructions())
    variables = dict(rest.split("=", 1) for name, rest in _instructions() if name == "ENV")
    command = (*words(json.loads(found["ENTRYPOINT"])), *words(json.loads(found["CMD"])))
    return _container(machine, command, variables)


@pytest.fixture
def pod() -> object:
    return at(yaml.safe_load(file("cronjob.yaml")), "spec", "jobTemplate", "spec", "template", "spec")


@pytest.fixture
def kubernetes(machine: Machine, pod: object) -> Container:
    main = at(pod, "containers", 0)
    given = at(main, "env")
    assert isinstance(given, list)
    variables = {str(each["name"]): str(each["value"]) for each in given}
    return _container(machine, words(main, "command") + words(main, "args"), variables)


def _fails(machine: Machine, container: Container, secret: str, attempts: int = 1) -> None:
    machine.secret(secret)
    machine.script(machine.at("/app/load.sh"), "echo 'no space left on device'; exit 3")
    seen = machine.run(container.command, container.variables)
    assert (seen.status, seen.out, seen.err) == (3, "no space left on device\n" * attempts, "")
    (said,) = machine.messages
    assert re.fullmatch(r"nightly load failed after .*: exit status 3", said)
    assert any(machine.at("/var/lib/tocsin").iterdir())


def test_a_container_tells(machine: Machine, docker: Container) -> None:
    _fails(machine, docker, "/run/secrets/slack_webhook_url")


def test_what_is_copied_and_kept_is_what_is_used() -> None:
    kinds = [name for name, _ in _instructions()]
    found = dict(_instructions())
    assert kinds == ["FROM", "COPY", "RUN", "COPY", "USER", "ENV", "ENV", "VOLUME", "ENTRYPOINT", "CMD"]
    assert found["COPY"].split()[1] == json.loads(found["CMD"])[0]
    assert found["VOLUME"] in found["RUN"].split()
    assert found["ENV"] == f"TOCSIN_STATE_DIR={found['VOLUME']}"
    assert ("COPY", f"{wheel()} /srv/") in _instructions()
    assert f"/srv/{wheel()}" in found["RUN"].split()


def test_compose_hands_the_secret_and_the_volume_in() -> None:
    whole = yaml.safe_load(file("compose.yaml"))
    variables = [rest for name, rest in _instructions() if name == "ENV"]
    (secret,) = words(whole, "services", "load", "secrets")
    (volume,) = words(whole, "services", "load", "volumes")
    assert f"SLACK_WEBHOOK_URL_FILE=/run/secrets/{secret}" in variables
    assert f"TOCSIN_STATE_DIR={volume.partition(':')[2]}" in variables
    assert at(whole, "secrets", secret, "file") == f"./{secret}"
    assert at(whole, "volumes", volume.partition(":")[0]) is None


def test_the_first_process_passes_signals_on_and_leaves_no_dead_ones(machine: Machine, docker: Container) -> None:
    tool = shutil.which("unshare")
    alone = [str(tool), *_ALONE]
    if tool is None or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:  # pragma: no cover - as above
        pytest.skip("no process may be the first of its own here")
    machine.secret("/run/secrets/slack_webhook_url")
    machine.script(machine.at("/app/load.sh"), _ASKED)
    with subprocess.Popen(
        [*alone, *machine.clean(docker.command, docker.variables)],
        cwd=machine.home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready, under 1\n"
        (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
        os.kill(int(first), signal.SIGTERM)
        assert process.stdout.readline() == "asked\n"
        assert process.wait(timeout=60) == 0
    (said,) = machine.messages
    assert said.startswith("nightly load succeeded after")


def test_a_pod_tells(machine: Machine, kubernetes: Container) -> None:
    index = kubernetes.command.index("--retry-delay")
    assert kubernetes.command[index - 2 : index] == ["--retries", "2"]
    hasty = [*kubernetes.command[: index + 1], "0", *kubernetes.command[index + 2 :]]
    _fails(machine, attrs.evolve(kubernetes, command=hasty), "/run/secrets/tocsin/slack-webhook", attempts=3)
    assert machine.field("Attempt") == "3 of 3"
    assert machine.field("Environment").strip("`") == "production"


def test_a_pod_is_given_what_it_uses(kubernetes: Container, pod: object) -> None:
    mounts = _named(pod, "containers", 0, "volumeMounts")
    volumes = _named(pod, "volumes")
    assert set(mounts) == set(volumes) == {"secrets", "state"}
    assert kubernetes.variables["SLACK_WEBHOOK_URL_FILE"].endswith(f"{mounts['secrets']['mountPath']}/slack-webhook")
    assert kubernetes.variables["TOCSIN_STATE_DIR"].endswith(str(mounts["state"]["mountPath"]))
    assert at(volumes["secrets"], "secret") == {"secretName": "tocsin", "defaultMode": 0o440}
    assert at(pod, "securityContext", "fsGroup") == at(pod, "securityContext", "runAsUser")


def _named(tree: object, *path: str | int) -> dict[str, dict[str, object]]:
    found = at(tree, *path)
    assert isinstance(found, list)
    return {each["name"]: each for each in found}


def test_nobody_but_tocsin_tries_again_and_there_is_time_to_tell(pod: object) -> None:
    job = at(yaml.safe_load(file("cronjob.yaml")), "spec", "jobTemplate", "spec")
    assert at(job, "backoffLimit") == 0
    assert at(pod, "restartPolicy") == "Never"
    grace = at(pod, "terminationGracePeriodSeconds")
    assert isinstance(grace, int)
    assert grace > 30 + 10
