"""A user that no list names, without HOME, as in many a container: people are told all the same, and nothing is written anywhere."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Never

import attrs
import pytest

from tests.servers.scripts import environment, script, texts
from tests.servers.slack import SlackServer
from tocsin.core.outcomes import Rejected
from tocsin.shell.adapters.secret_files import secrets_file
from tocsin.shell.adapters.secrets import Secrets
from tocsin.shell.config.load import places

USER = "54321"
READS_ALL = "+dac_override"  # so that it finds this project and its Python, which may lie in root's home folder
BECOME = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--inh-caps", READS_ALL, "--ambient-caps", READS_ALL]
NO_OUTBOX = "there is no place for the outbox: this user has no home folder; set TOCSIN_STATE_DIR to a folder"
NO_HISTORY = "tocsin: there is no folder for the history: this user has no home folder; set TOCSIN_STATE_DIR to another folder"


@attrs.frozen
class Nobody:
    """Starts programs as that user, in an empty folder."""

    environ: Mapping[str, str]
    folder: Path

    def start(self, *arguments: str | Path, **variables: str) -> subprocess.Popen[str]:
        """Start Python with these arguments."""
        return subprocess.Popen(
            [*BECOME, sys.executable, *arguments],
            env={**self.environ, **variables},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def nobody(slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> Nobody:
    """Return what starts programs as that user."""
    if shutil.which("setpriv") is None or subprocess.run([*BECOME, "true"], capture_output=True, check=False).returncode:
        pytest.skip("only root can become another user, by setpriv")
    (tmp_path / "empty").mkdir()
    environ = {**environment(slack_server, ca_bundle, tmp_path), "PATH": os.environ["PATH"]}
    return Nobody({name: value for name, value in environ.items() if name != "HOME"}, tmp_path / "empty")


def ended(process: subprocess.Popen[str]) -> tuple[int, str, list[str]]:
    """Return the exit status, the output, and the lines of standard error."""
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors.splitlines()


def test_people_are_told(nobody: Nobody, slack_server: SlackServer, tmp_path: Path) -> None:
    program = script(
        tmp_path,
        """\
        from tocsin import Flow, reliable, slack_notifier, task, watch

        @task(state_handlers=[slack_notifier])
        def load():
            raise OSError("disk full")

        try:
            with watch("watched"):
                raise OSError("disk full")
        except OSError:
            pass
        with Flow("flow", state_handlers=[slack_notifier]) as flow:
            load()
        if __name__ == "__main__":
            flow.run()
            try:
                reliable(outbox=True)
            except ValueError as error:
                print(error)
        """,
    )
    in_python = nobody.start(program, TOCSIN_DELIVERY_OUTBOX="true")
    commands = [nobody.start("-m", "tocsin", "exec", "--label", "command", *more, "--", "false") for more in ((), ("--on-change",))]
    assert ended(in_python) == (
        0,
        f"{NO_OUTBOX}\n",
        [f"tocsin: messages are not stored in an outbox, though delivery.outbox is set: {NO_OUTBOX}"],
    )
    assert ended(commands[0]) == (1, "", [])
    assert ended(commands[1]) == (1, "", [f"{NO_HISTORY}; this run will not be remembered"])
    told = sorted(text.split(" failed", maxsplit=1)[0] for text in texts(slack_server) if " failed" in text)
    assert told == ["command", "command", "flow", "load", "watched"]
    assert not [request for request in slack_server.requests if b"Run id" in request.body]  # no history has these runs
    assert list(nobody.folder.iterdir()) == []


def test_commands_say_what_they_lack_in_one_line(nobody: Nobody) -> None:
    check, config, *needy = (
        nobody.start("-m", "tocsin", *command)
        for command in (["check"], ["config", "show", "--json"], ["runs"], ["outbox", "list"], ["outbox", "status"])
    )
    status, output, errors = ended(check)
    assert (status, errors) == (0, [])
    assert "secrets.toml" not in output
    status, output, errors = ended(config)
    assert (status, errors, json.loads(output)["files"]) == (0, [], [])
    needs = [NO_HISTORY, f"tocsin: {NO_OUTBOX}", f"tocsin: {NO_OUTBOX}"]
    assert [ended(process) for process in needy] == [(2, "", [line]) for line in needs]
    assert list(nobody.folder.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="the folder is not found by HOME there")
def test_without_a_home_there_is_no_file_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import pwd

    def know_nobody(user: int) -> Never:
        raise KeyError(user)

    monkeypatch.setattr(pwd, "getpwuid", know_nobody)
    for name in ("XDG_CONFIG_HOME", "HOME", "TOKEN", "TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert secrets_file() is None
    assert places({}, tmp_path) == ()
    assert [place.path for place in places({"TOCSIN_CONFIG": "a.toml"}, tmp_path)] == [Path("a.toml")]
    missing = Rejected("the secret 'TOKEN' is not set: set the environment variable TOKEN (or TOKEN_FILE)", "TOKEN")
    assert Secrets().find("TOKEN") == missing
