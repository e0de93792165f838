"""The command ``tocsin``: ``tocsin demo`` shows what people would see, ``tocsin run FILE`` runs a flow from a file.

It stands on the libraries of the extra ``tocsin[cli]``, Typer and Rich, which nothing else of tocsin needs. This module imports
neither, so that it can say so where they are missing.
"""

import importlib
import sys


def main() -> None:
    """Obey the command line, and leave with its exit status; 2 where the libraries that it stands on are not installed."""
    try:
        for name in ("rich", "typer"):
            importlib.import_module(name)
    except ModuleNotFoundError:
        sys.stderr.write("tocsin: the command line needs its extra: pip install 'tocsin[cli]'\n")
        sys.exit(2)
    from tocsin.cli.app import app

    app(prog_name="tocsin")
