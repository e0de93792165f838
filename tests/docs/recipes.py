"""The recipes: their files, the commands on their pages, and a machine on which these are run as the page says.

The machine has only the settings of the page. The user's own ``tocsin.toml`` allows a Slack on the loopback interface.
Absolute paths of the page are in a folder here.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from tests.docs.pages import ROOT
from tests.servers.slack import SlackServer
from tocsin.core.version import VERSION

PAGES = ROOT / "docs" / "recipes"
FILES = PAGES / "files"
PATIENCE = 60.0
ENV = shutil.which("env") or "env"
_OURS = ("/run/", "/var/lib/", "/etc/tocsin/", "/opt/", "/app/")
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def file(name: str) -> str:
    """Return the text of a file of the recipes."""
    return (FILES / name).read_text(encoding="utf-8")


def commands(page: Path) -> tuple[str, ...]:
    """Return the shell commands of a page, one for each line."""
    return tuple(line for block in _SHELL.finditer(page.read_text(encoding="utf-8")) for line in block[1].splitlines())


def wheel() -> str:
    """Return the file name of the wheel that a checkout builds."""
    return f"tocsin-{VERSION}-py3-none-any.whl"


def at(tree: object, *path: str | int) -> object:
    """Return the value at a path in a tree of mappings and lists."""
    for step in path:
        if isinstance(step, int):
            assert isinstance(tree, list)
            tree = tree[step]
        else:
            assert isinstance(tree, dict)
            tree = tree[step]
    return tree


def words(tree: object, *path: str | int) -> tuple[str, ...]:
    """Return a list of texts in a tree."""
    found = at(tree, *path)
    assert isinstance(found, list)
    return tuple(map(str, found))


@attrs.frozen
class Seen:
    """The exit status and the outputs of a process."""

    status: int
    out: str
    err: str


@attrs.frozen
class Machine:
    """A machine with tocsin in ``~/.tocsin`` and in ``/opt/tocsin``."""

    home: Path
    server: SlackServer
    bundle: Path

    def __attrs_post_init__(self) -> None:
        self.write(
            self.home / ".config/tocsin/tocsin.toml",
            f'[slack]\nallowed_hosts = ["127.0.0.1"]\nca_bundle = "{self.bundle}"\n',
        )
        for place in (self.home / ".tocsin", self.at("/opt/tocsin")):
            place.mkdir(parents=True)
            for name in ("bin", "lib", "pyvenv.cfg"):
                (place / name).symlink_to(Path(sys.prefix) / name)

    def at(self, path: str) -> Path:
        """Return where a path of the page is here."""
        return Path(self.here(path))

    def here(self, text: str) -> str:
        """Replace the page's paths in a text with those here."""
        return re.sub("(?<![^ =:])(?=" + "|".join(_OURS) + ")", f"{self.home}/root", text)

    def write(self, path: Path, text: str, mode: int = 0o600) -> None:
        """Write a file, and make its folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def script(self, path: Path, text: str) -> None:
        """Write a program for the shell."""
        self.write(path, f"#!/bin/sh\n{text}\n", 0o755)

    def secret(self, path: str) -> None:
        """Put the webhook's URL into a file, as container and service managers do."""
        self.write(self.at(path), f"{self.server.url}\n")

    def clean(self, command: Sequence[str], variables: Mapping[str, str]) -> list[str]:
        """Return the words that run a command with these variables, a home, and no other variable."""
        return [ENV, "-i", f"HOME={self.home}", *(f"{name}={value}" for name, value in variables.items()), *command]

    def run(self, command: Sequence[str], variables: Mapping[str, str], stdin: str = "") -> Seen:
        """Run a command with these variables in the home folder."""
        done = subprocess.run(
            self.clean(command, variables),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.home,
            timeout=PATIENCE,
        )
        return Seen(done.returncode, done.stdout, done.stderr)

    @property
    def messages(self) -> list[str]:
        """The sentences that arrived on Slack."""
        return [str(at(request.json, "attachments", 0, "fallback")) for request in self.server.requests if request.method == "POST"]

    def field(self, title: str) -> str:
        """Return a field of the last message."""
        fields = at(self.server.requests[-1].json, "attachments", 0, "fields")
        assert isinstance(fields, list)
        (found,) = (field["value"] for field in fields if field["title"] == title)
        return str(found)
