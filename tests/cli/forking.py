"""Loads what commands of tocsin need, and forks itself for each command; see ``prefork.py``.

It gets one request at a time over a socket: words, environment and folder, and two files for the outputs. It answers with the wait
status. It has not loaded ``tocsin.shell.queues`` when it forks: so the new process is to tocsin as one that was started, and not as the
child of a program that uses tocsin. But its Python did not start with the environment of the request, its locale for example.
"""

import gc
import importlib
import json
import os
import socket
import sys
import time

LOADED = (
    "platformdirs",
    "rich.table",
    "sqlalchemy.dialects.sqlite",
    "sqlite3",
    "typer",
    "tocsin.cli.exec.output_tee",
    "tocsin.cli.exec.supervisor_loop",
    "tocsin.core.config.merging",
    "tocsin.core.config.parsing",
    "tocsin.core.notifiers",
    "tocsin.core.planning",
    "tocsin.core.silences",
    "tocsin.shell.adapters.http",
    "tocsin.shell.adapters.secret_files",
    "tocsin.shell.adapters.slack_webhook",
    "tocsin.shell.adapters.tls",
    "tocsin.shell.history.streaks",
)


def serve(peer: socket.socket) -> None:  # pragma: no cover - only the sources are measured in it
    """Fork for each request, up to the end of the socket."""
    for name in LOADED:
        importlib.import_module(name)
    assert "tocsin.shell.queues" not in sys.modules
    gc.freeze()  # else each process looks at, and so copies, all that was loaded
    while True:
        request, files, _, _ = socket.recv_fds(peer, 1 << 20, 2)
        if not request:
            return
        if (pid := os.fork()) == 0:
            peer.close()
            become(json.loads(request), files)
        for file in files:
            os.close(file)
        _, status = os.waitpid(pid, 0)
        peer.send(b"%d" % status)


def become(request: tuple[list[str], dict[str, str], str], files: list[int]) -> None:  # pragma: no cover - as above
    """Be ``tocsin`` from now on, up to its end."""
    from tocsin.cli import main

    words, environment, folder = request
    for stream, file in enumerate(files, 1):
        os.dup2(file, stream)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = ["tocsin", *words]
    main()
    raise SystemExit


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as peer:
        serve(peer)
