"""What a service says to systemd, by the socket that ``NOTIFY_SOCKET`` names: that it is ready, alive, about to stop.

Where there is no such socket, or nobody listens, nothing happens: a service runs as well without systemd.
"""

import os
import socket
from contextlib import suppress

_PATIENCE = 1.0  # seconds


def notify(state: str) -> None:
    """Say it: ``READY=1``, say."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    family: object = getattr(socket, "AF_UNIX", None)  # Windows has none
    if address[:1] not in {"/", "@"} or not isinstance(family, int):
        return
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_PATIENCE)
        sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        sock.sendall(state.encode())


def watchdog() -> float | None:
    """How many seconds it may be silent, at most; None where nobody minds."""
    asked, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    meant = process in {"", str(os.getpid())}
    return int(asked) / 1_000_000 if meant and asked.isascii() and asked.isdigit() and int(asked) > 0 else None
