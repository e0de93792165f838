"""The command ``tocsin``: ``tocsin demo`` shows what people would see, ``tocsin run FILE`` runs a flow from a file.

It stands on the libraries of the extra ``tocsin[cli]``, Typer and Rich, which nothing else of tocsin needs. This module imports
neither, so that it can say so where they are missing. ``tocsin exec`` needs neither, and nothing is imported before it: the command
that it runs is to start at once.
"""

import sys


def main() -> None:
    """Obey the command line, and leave with its exit status; 2 where the libraries that it stands on are not installed."""
    if sys.argv[1:2] == ["exec"]:
        from tocsin.cli.exec.command import main as execute

        sys.exit(execute(sys.argv[2:]))
    import importlib

    try:
        for name in ("rich", "typer"):
            importlib.import_module(name)
    except ModuleNotFoundError:
        sys.stderr.write("tocsin: this command needs the extra: pip install 'tocsin[cli]' (tocsin exec needs none)\n")
        sys.exit(2)
    from tocsin.cli.app import app

    app(prog_name="tocsin")
