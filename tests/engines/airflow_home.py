"""Airflow in a temporary folder: its database, its processes on the loopback interface, and what it said there."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import attrs
import requests

from tests.engines.golden import Json
from tests.servers.scripts import environment
from tests.servers.slack import SlackServer

HERE = Path(__file__).parent
DAGS = HERE / "airflow_dags"
_MOMENT = 0.2  # seconds between two looks


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds, at most so many seconds. Return whether it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_MOMENT)
    return True


@attrs.frozen
class AirflowHome:
    """A folder with an Airflow of its own."""

    folder: Path
    port: int
    env: Mapping[str, str]

    @property
    def said(self) -> Path:
        """The file into which ``tests.engines.airflow_said`` writes."""
        return self.folder / "said"

    def airflow(self, *words: str) -> None:
        """Run a command of Airflow's."""
        self.python("-m", "airflow", *words)

    def python(self, *words: str, **variables: str) -> str:
        """Run a Python program in Airflow's environment, with further variables; return what it printed."""
        env = {**self.env, **variables}
        words = (sys.executable, *words)
        ran = subprocess.run(words, env=env, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False)
        assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
        return ran.stdout

    def lines(self) -> list[dict[str, Json]]:
        """Return the lines of the file, in order."""
        text = self.said.read_text(encoding="utf-8") if self.said.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def records(self, dag: str) -> list[dict[str, Json]]:
        """Return what Airflow said of a DAG, by the time at which it said so."""
        found = [line["said"] for line in self.lines() if "said" in line]
        return sorted((each for each in found if isinstance(each, dict) and each["dag"] == dag), key=lambda each: str(each["at"]))

    def ended(self, dag: str, times: int = 1) -> bool:
        """Return whether the callback of a DAG was called so often."""
        return sum(each["record"] == "DagSaid" for each in self.records(dag)) >= times

    def pids(self, what: str) -> tuple[int, ...]:
        """Return the ids of a process and of its parent, which it wrote down as ``what``; none if it did not yet."""
        path = Path(f"{self.said}.{what}")
        return tuple(map(int, path.read_text(encoding="utf-8").split())) if path.exists() else ()

    def states(self, dag: str) -> list[str]:
        """Return the states of the runs of a DAG, as Airflow's database has them."""
        with closing(sqlite3.connect(f"file:{self.folder / 'airflow.db'}?mode=ro", uri=True, timeout=30)) as database:
            return [state for (state,) in database.execute("select state from dag_run where dag_id = ?", (dag,))]

    def has(self, dag: str) -> bool:
        """Return whether Airflow knows a DAG."""
        with closing(sqlite3.connect(f"file:{self.folder / 'airflow.db'}?mode=ro", uri=True, timeout=30)) as database:
            return bool(database.execute("select 1 from serialized_dag where dag_id = ?", (dag,)).fetchall())

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> "requests.Response":
        """Ask Airflow's server, as a person who clicks does. While SQLite is busy it answers with an error; it is asked again."""
        base = f"http://127.0.0.1:{self.port}"
        token = requests.get(f"{base}/auth/token", timeout=30).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        deadline = time.monotonic() + 60
        while True:
            answer = requests.request(method, f"{base}/api/v2/{path}", json=body, headers=headers, timeout=60)
            if answer.ok:
                return answer
            assert answer.status_code >= 500, answer.text
            assert time.monotonic() < deadline, answer.text
            time.sleep(_MOMENT)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the server, the scheduler and the process that reads the files of DAGs."""
        server = ("api-server", "--host", "127.0.0.1", "--port", str(self.port))
        with self._process(*server):
            assert eventually(self._answers, 120)
            with self._process("dag-processor"), self._process("scheduler"):
                yield

    def _answers(self) -> bool:
        with closing(socket.socket()) as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    @contextmanager
    def _process(self, *words: str) -> Iterator[None]:
        log = self.folder / f"{words[0]}.log"
        with (
            log.open("wb") as output,
            subprocess.Popen(
                [sys.executable, "-m", "airflow", *words],
                env=self.env,
                cwd=self.folder,
                stdout=output,
                stderr=output,
                start_new_session=True,
            ) as process,
        ):
            try:
                yield
                assert process.poll() is None, log.read_text(encoding="utf-8")[-3000:]
            finally:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # what it left, which is in its own group


def new_home(folder: Path, slack: SlackServer, bundle: Path) -> AirflowHome:
    """Make an Airflow in an empty folder, which tells a Slack of ours."""
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    dags = folder / "dags"
    dags.mkdir()
    address = f"http://127.0.0.1:{port}"
    root = str(HERE.parents[1])
    env = {
        **environment(slack, bundle, folder),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": root,
        "TOCSIN_STATE_DIR": str(folder / "state"),
        "TOCSIN_TEST_SAID": str(folder / "said"),
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__SECRET_KEY": "0123456789abcdef",
        "AIRFLOW__API_AUTH__JWT_SECRET": "0123456789abcdef" * 3,
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "20",
        "AIRFLOW__EMAIL__EMAIL_BACKEND": "tests.engines.airflow_said.send_email",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "3",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    for path in DAGS.glob("*.py.txt"):
        if path.name != "typed.py.txt":
            (dags / path.name.removesuffix(".txt")).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return AirflowHome(folder, port, env)
