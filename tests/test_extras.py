"""What is optional stays optional: a module that needs an extra is imported by what uses it, when it is used."""

import subprocess
import sys
from pathlib import Path

import pytest

import tocsin

SOURCE = Path(tocsin.__file__).parent
EXTRAS = ("cattrs", "celery", "cloudpickle", "google", "hypothesis", "keyring", "psycopg", "pytest", "slack_sdk", "sqlalchemy")
HOMES = (
    "cli/demo_prefect.py",
    "cli/outbox/checks.py",
    "cli/outbox/daemon.py",
    "cli/outbox/drain.py",
    "integrations/",
    "shell/adapters/google_token_client.py",
    "shell/adapters/slack_client.py",
    "shell/outbox/",
    "testing/",
)
"""Where an extra may be imported with the module."""

IMPORTED = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
for name in sys.argv[1:]:
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        print(name, "needs", error.name)
"""
CHECKED = IMPORTED.partition("for name")[0] + "from tocsin.cli import main\nmain()\n"


def modules() -> list[str]:
    """Return the names of our modules, less those that are the home of an extra."""
    files = [path.relative_to(SOURCE) for path in sorted(SOURCE.rglob("*.py"))]
    kept = [path for path in files if not path.as_posix().startswith(HOMES) and path.name != "__main__.py"]
    return [".".join(("tocsin", *path.with_suffix("").parts)).removesuffix(".__init__") for path in kept]


def test_only_the_home_of_an_extra_imports_it_with_the_module() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED, *modules()], capture_output=True, text=True, timeout=60, check=False)
    assert len(modules()) > 200
    assert (done.returncode, done.stdout, done.stderr[-1000:]) == (0, "", "")


def test_a_webhook_is_checked_without_any_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://127.0.0.1:9/services/T0/B0/x")
    monkeypatch.setenv("TOCSIN_SLACK_ALLOWED_HOSTS", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", CHECKED, "check", "--connect"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "FAULT  127.0.0.1" in done.stdout
