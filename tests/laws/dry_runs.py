"""A program that notifies under a dry run, in each way to start work, and records all use of sockets and secrets.

- It is a program, since the audit hook of a process cannot be removed.
- Each process that it starts has its own hook, and writes what it observes to the file named by ``DRY_SEEN``.
- The secret is a file, so that the hook observes each read.
"""

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tocsin


def watch(event: str, arguments: tuple[object, ...]) -> None:  # pragma: no cover - no audit hook is traced
    """Record every use of a socket, and every read of the secret."""
    secret = event == "open" and arguments[0] == os.environ["SLACK_WEBHOOK_URL_FILE"]
    if secret or event in {"socket.connect", "socket.getaddrinfo", "socket.sendto", "smtplib.connect"}:
        seen(f"{event} in {os.getpid()}")


def seen(line: str) -> None:
    """Append a line, in one write, to the record of all processes."""
    with Path(os.environ["DRY_SEEN"]).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def notify() -> None:
    """Notify by a handler outside a flow, and by a flow."""
    tocsin.slack_notifier(tocsin.Task("alone"), tocsin.Running(), tocsin.Failed("m"))
    tocsin.Flow("flow", state_handlers=[tocsin.slack_notifier]).run()
    seen("notified")


def in_pool() -> None:
    """Notify in a pool of threads."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(notify).result()


def in_thread() -> None:
    """Notify in a thread started by hand, whose context is empty."""
    thread = threading.Thread(target=notify)
    thread.start()
    thread.join()


def in_fork() -> None:
    """Notify in a fork."""
    child = os.fork()
    if child == 0:
        notify()
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)


def in_spawn() -> None:
    """Notify in a process of multiprocessing that shares nothing."""
    process = multiprocessing.get_context("spawn").Process(target=notify)
    process.start()
    process.join()


def in_subprocess() -> None:
    """Notify in another program, which gets only the environment."""
    subprocess.run([sys.executable, __file__, "child"], check=True)


WAYS: dict[str, Callable[[], None]] = {
    "here": notify,
    "pool": in_pool,
    "thread": in_thread,
    "fork": in_fork,
    "spawn": in_spawn,
    "subprocess": in_subprocess,
}

if __name__ in {"__main__", "__mp_main__"}:
    sys.addaudithook(watch)

if __name__ == "__main__":
    if sys.argv[1] == "child":
        notify()
    elif sys.argv[1] == "live":
        try:
            notify()
        except tocsin.NotificationFailed:
            seen("failed")
    else:
        with tocsin.interpreting(tocsin.DryRun()):
            WAYS[sys.argv[1]]()
