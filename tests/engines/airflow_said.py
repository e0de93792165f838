"""Writes down what Airflow says in any of its processes: a file of DAGs calls ``write_down``.

Each line of the file is a JSON object. It has the id of the process, and a record as ``said``, a line of tocsin's log as ``log``, or a
mail of Airflow's own as ``mail``.
"""

import json
import logging
import os
from pathlib import Path

from typing_extensions import override

from tests.engines.golden import Json, as_json
from tocsin.core.integrations.airflow import DagSaid, TaskSaid

_FILE = "TOCSIN_TEST_SAID"


class _Writer(logging.Handler):
    @override
    def emit(self, record: logging.LogRecord) -> None:
        said = record.args[1] if isinstance(record.args, tuple) and len(record.args) > 1 else None
        if isinstance(said, DagSaid | TaskSaid):
            line: dict[str, Json] = {"said": as_json(said)}
        elif record.levelno >= logging.WARNING:
            line = {"log": record.getMessage()}
        else:
            return
        _write(line)


def _write(line: dict[str, Json]) -> None:
    with Path(os.environ[_FILE]).open("a", encoding="utf-8") as file:  # one write of one line: no other comes between
        file.write(json.dumps({"pid": os.getpid(), **line}) + "\n")


def write_down() -> None:
    """Write down what Airflow says in this process from now on, and what tocsin logs."""
    logger = logging.getLogger("tocsin")
    logging.getLogger("tocsin.integrations").setLevel(logging.DEBUG)
    logger.handlers[:] = [_Writer()]


def remember(what: str) -> None:
    """Write the ids of this process and of its parent to a file beside the others, so that a test can kill them."""
    Path(f"{os.environ[_FILE]}.{what}").write_text(f"{os.getpid()} {os.getppid()}", encoding="utf-8")


def send_email(to: object, subject: str, html: str, **_: object) -> None:
    """Write down a mail of Airflow's own, as the ``email_backend`` of its configuration."""
    _write({"mail": f"{subject}: {html}"})
