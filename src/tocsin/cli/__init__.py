"""The command ``tocsin``: chooses between ``tocsin exec`` and the commands that need the extra ``tocsin[cli]``.

- The other commands need Typer and Rich, which nothing else of tocsin needs. This module imports neither, so that it can name the
  extra if they are missing.
- ``tocsin exec`` needs neither. It is dispatched before they are imported, so that its command starts at once. Its options are
  completed without them, too.
"""

import os
import sys


def main() -> None:
    """Run the command line and exit with its status, which is 2 if the required libraries are not installed."""
    if sys.argv[1:2] == ["exec"]:
        from tocsin.cli.exec.command import main as execute

        sys.exit(execute(sys.argv[2:]))
    asks = "_TOCSIN_COMPLETE" in os.environ
    if asks:
        from tocsin.cli.exec.completion import main as complete

        status = complete(sys.stdout.write)
        if status is not None:
            sys.exit(status)
    import importlib

    try:
        for name in ("rich", "typer"):
            importlib.import_module(name)
    except ModuleNotFoundError:
        if asks:
            sys.exit(1)  # a line would appear inside of the one that is typed
        sys.stderr.write("tocsin: this command needs the extra: pip install 'tocsin[cli]' (tocsin exec needs none)\n")
        sys.exit(2)
    from tocsin.cli.app import app

    app(prog_name="tocsin")
