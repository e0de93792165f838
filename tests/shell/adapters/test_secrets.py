"""Secrets: their sources, the order of the sources, and the messages for a missing one."""

import copy
import errno
import os
import pickle
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import keyring
import platformdirs
import pytest
from keyring.errors import NoKeyringError
from typing_extensions import override

from tests.shell.adapters.rings import Ring
from tocsin.core.outcomes import Rejected
from tocsin.shell.adapters.secret_files import exposed, secrets_file
from tocsin.shell.adapters.secrets import Secret, Secrets

posix = pytest.mark.skipif(sys.platform == "win32", reason="files have no such permissions there")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder."""
    for name in ("XDG_CONFIG_HOME", "HOME", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("TOKEN", raising=False)
    monkeypatch.delenv("TOKEN_FILE", raising=False)
    return tmp_path


def written(text: str | bytes, mode: int = 0o600) -> Path:
    """Write the user's file of secrets."""
    path = secrets_file()
    assert path is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def value(found: Secret | Rejected) -> str:
    assert isinstance(found, Secret)
    return found.reveal()


def reason(found: Secret | Rejected, name: str = "TOKEN") -> str:
    assert isinstance(found, Rejected)
    assert found.secret == name
    assert "\n" not in found.reason
    assert "canary" not in found.reason
    return found.reason


class Mute(Ring):
    """A keyring that fails."""

    @override
    def get_password(self, service: str, username: str) -> str | None:
        raise NoKeyringError("canary")


@pytest.fixture
def ring() -> Iterator[None]:
    """A system whose keyring is ``Ring``."""
    before = keyring.get_keyring()
    keyring.set_keyring(Ring())
    yield
    keyring.set_keyring(before)


@pytest.mark.usefixtures("ring")
def test_the_first_place_that_has_one_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = Secrets({"TOKEN": " canary given\n"}, keyring=True)
    monkeypatch.setenv("TOKEN", "canary of the environment")
    monkeypatch.setenv("TOKEN_FILE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("canary of a file\n")
    written('TOKEN = "canary of the user"')
    assert value(secrets.find("TOKEN")) == "canary given"
    secrets = Secrets({"TOKEN": "  "}, keyring=True)
    assert value(secrets.find("TOKEN")) == "canary of the environment"
    monkeypatch.setenv("TOKEN", "")
    assert value(secrets.find("TOKEN")) == "canary of a file"
    (tmp_path / "file").write_text("\n")
    assert value(secrets.find("TOKEN")) == "canary of the user"
    monkeypatch.delenv("TOKEN_FILE")
    written('OTHER = "x"')
    assert value(secrets.find("TOKEN")) == "canary from the ring"
    assert reason(Secrets().find("TOKEN"))


def test_a_missing_secret_is_reported_in_one_line() -> None:
    ways = f"set the environment variable TOKEN (or TOKEN_FILE), or add it to {secrets_file()}"
    assert reason(Secrets().find("TOKEN")) == f"the secret 'TOKEN' is not set: {ways}"


@pytest.mark.usefixtures("ring")
def test_the_keyring_is_named_where_it_counts() -> None:
    assert reason(Secrets(keyring=True).find("OTHER"), "OTHER").endswith(", or to the keyring: keyring set tocsin OTHER")


def test_a_keyring_that_fails() -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(Mute())
    assert reason(Secrets(keyring=True).find("TOKEN")) == "the keyring failed to give 'TOKEN' (NoKeyringError)"
    keyring.set_keyring(before)


def test_a_keyring_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    why = "the keyring is to hold 'TOKEN', but is not installed: pip install 'tocsin[keyring]'"
    assert reason(Secrets(keyring=True).find("TOKEN")) == why


def test_a_url_in_place_of_a_name_is_not_repeated() -> None:
    found = Secrets().find("https://hooks.slack.com/services/T0/B0/canary")
    why = "a secret's name is like SLACK_WEBHOOK_URL; what was given (the secret itself?) is not"
    assert reason(found, "[not a name]") == why


def test_a_named_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_FILE", str(tmp_path / "canary"))
    why = "the file that TOKEN_FILE names cannot be read for the secret 'TOKEN': No such file or directory"
    assert reason(Secrets().find("TOKEN")) == why
    (tmp_path / "canary").write_bytes(b"\xff")
    assert reason(Secrets().find("TOKEN")) == "the file that TOKEN_FILE names is not UTF-8 text, so the secret 'TOKEN' cannot be read"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('A = "canary"\nTOKEN = canary\n', "{} is not valid TOML, line 2"),
        ('TOKEN = """canary', "{} is not valid TOML, at its end"),
        (b'TOKEN = "canary\xff"', "{} is not UTF-8 text"),
        ("TOKEN = 12", "the value of TOKEN in {} is not a text in quotes"),
        (f"A = {'9' * 5000}", "{} is not valid TOML: a number in it is too long, or brackets nest too deep"),
        (f"A = {'[' * 3000}", "{} is not valid TOML: a number in it is too long, or brackets nest too deep"),
    ],
)
def test_a_file_that_makes_no_sense_is_not_quoted(text: str | bytes, why: str) -> None:
    path = written(text)
    assert reason(Secrets().find("TOKEN")) == why.format(path)


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_can_read_is_refused(mode: int) -> None:
    path = written('TOKEN = "canary"', mode)
    assert reason(Secrets().find("TOKEN")) == f"{path} is refused: others can read it: chmod 600 {path}"


@posix
def test_a_file_of_another_user_is_refused() -> None:
    status = written('TOKEN = "canary"').stat()
    assert exposed(status, status.st_uid) is None
    assert exposed(status, None) is None
    why = exposed(status, status.st_uid + 1)
    assert why == "it belongs to another user: chown it to yourself, or write one of your own"


@posix
def test_a_file_that_cannot_be_opened_is_named() -> None:
    path = written("")
    path.unlink()
    path.symlink_to(path)
    assert reason(Secrets().find("TOKEN")) == f"{path} cannot be read: {os.strerror(errno.ELOOP)}"


@posix
def test_a_pipe_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "canary")
    monkeypatch.setenv("TOKEN_FILE", str(tmp_path / "canary"))
    for path in (tmp_path / "canary", os.devnull):
        monkeypatch.setenv("TOKEN_FILE", str(path))
        why = "the file that TOKEN_FILE names is a pipe or the like, not a file: write the secret 'TOKEN' into a file, and name that"
        assert reason(Secrets().find("TOKEN")) == why
    monkeypatch.delenv("TOKEN_FILE")
    path = written("")
    path.unlink()
    os.mkfifo(path, 0o600)
    assert reason(Secrets().find("TOKEN")) == f"{path} is refused: it is not a file"


@posix
def test_a_file_behind_links_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "..data").mkdir()  # as Kubernetes mounts a secret
    (tmp_path / "..data" / "token").write_text("canary\n")
    (tmp_path / "token").symlink_to("..data/token")
    monkeypatch.setenv("TOKEN_FILE", str(tmp_path / "token"))
    assert value(Secrets().find("TOKEN")) == "canary"


class Broken(Mapping[str, str]):
    """A mapping that raises an exception which quotes the secret."""

    @override
    def __getitem__(self, key: str) -> str:
        raise RuntimeError("canary")

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(())

    @override
    def __len__(self) -> int:
        return 0


def test_a_mapping_that_raises_is_not_quoted() -> None:
    broken = Broken()
    assert (list(broken), len(broken)) == ([], 0)
    assert reason(Secrets(broken).find("TOKEN")) == "the mapping of secrets raised RuntimeError for 'TOKEN'"


def test_a_secret_never_shows() -> None:
    secret = Secret("TOKEN", "canary")
    assert {repr(secret), str(secret), f"{secret}", f"{secret:>40}", "%s" % secret} == {"<secret TOKEN>"}  # noqa: UP031
    assert not hasattr(secret, "__dict__")
    assert secret == Secret("TOKEN", "canary") != Secret("TOKEN", "canary-too")
    assert secret != "canary"
    assert len({secret, Secret("TOKEN", "canary")}) == 1
    for act in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match=r"^the secret 'TOKEN' is not pickled: another process finds it by its name$"):
            act(secret)


def test_secrets_never_show_what_they_hold() -> None:
    holding, same = Secrets({"TOKEN": "canary"}), Secrets({"TOKEN": "canary"})
    assert repr(holding) == "Secrets({'TOKEN': ...}, keyring=False)"
    assert repr(Secrets(keyring=True)) == "Secrets({}, keyring=True)"
    assert holding == same != Secrets()
    assert holding != "canary"
    assert hash(holding) == hash(same)
    assert pickle.loads(pickle.dumps(Secrets(keyring=True))) == Secrets(keyring=True)
    with pytest.raises(TypeError, match=r"^Secrets that hold values are not pickled"):
        pickle.dumps(holding)


@pytest.mark.parametrize("home", ["/home/ada", "/home/ada/", "/", "/home/with space ", "", "relative"])
@pytest.mark.parametrize("base", [None, "", "/etc/xdg", "/etc/xdg/", "/etc/xdg ", " /etc/xdg", "relative", " "])
def test_the_users_file_is_where_platformdirs_says(monkeypatch: pytest.MonkeyPatch, home: str, base: str | None) -> None:
    monkeypatch.setenv("HOME", home)
    monkeypatch.delenv("XDG_CONFIG_HOME")
    if base is not None:
        monkeypatch.setenv("XDG_CONFIG_HOME", base)
    folder = Path(platformdirs.user_config_dir("tocsin", appauthor=False))
    assert secrets_file() == (folder / "secrets.toml" if folder.is_absolute() else None)
