"""Airflow 3, for real: a server, a scheduler, a process that reads DAGs and tasks in their own processes; and ``dag.test()``.

``TOCSIN_KEEP_GOLDEN=1`` writes what was said into the golden file; else it is compared with that.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.engines.airflow_home import DAGS, AirflowHome, eventually, new_home
from tests.engines.airflow_told import arrived, record, same, sentences, steady
from tests.engines.golden import FOLDER, Json, keep, kept
from tests.servers.authority import Authority
from tests.servers.slack import SlackServer

pytest.importorskip("airflow")
pytestmark = [pytest.mark.engine, pytest.mark.tocsin_live, pytest.mark.timeout(900)]

IN_ORDER = (
    "pipeline", "succeeds", "fails", "fails_at_once", "retries_and_fails", "times_out", "skips", "branches", "exits",
    "killed_and_retried", "maps", "reschedules", "wait_in_vain", "takes_too_long", "twin", "a_handler_fails", "by_notifier", "lost",
    "cancelled", "unheard", "dead", "dry",
)  # fmt: skip
FAILED = frozenset({
    "pipeline", "fails", "fails_at_once", "retries_and_fails", "times_out", "exits", "maps", "wait_in_vain", "takes_too_long", "twin",
    "a_handler_fails", "by_notifier", "lost", "cancelled", "unheard",
})  # fmt: skip
NOT_TOLD = frozenset({"dead", "dry"})
VARYING = frozenset({"cancelled", "takes_too_long"})
"""The cases in which Airflow stops a task that runs: how far it comes, and so what it says, differs."""


NATIVE = FOLDER.parents[2] / "docs" / "engines" / "native"


def own_words(home: AirflowHome) -> str:
    """Return the mails that Airflow itself sends about the pipeline: subject and text, without marks and ids."""
    text = "".join(f"{line['mail']}\n" for line in home.lines() if "mail" in line)
    for pattern, other in _MARKS:
        text = re.sub(pattern, other, text)
    return text


_MARKS = (
    (r"datetime\.datetime\(.*?utc\)", "…"),
    (r"(?<=UUID\(')[\w-]+|(?<=manual__)[^'/]+|(?<=traceparent': ')[\w-]+", "…"),
    (r"(<br>)+(?=\n)|</?a [^>]*>|</a>", ""),
    (r"(<br>)+", " / "),
)


def in_order(home: AirflowHome, name: str) -> list[dict[str, Json]]:
    """Return what Airflow said of a DAG. Of an attempt that was killed it says so late, even after the next one."""
    said = home.records(name)
    return sorted(said, key=lambda each: str(each.get("try_number", "the DAG"))) if name == "killed_and_retried" else said


@pytest.fixture(scope="session")
def slack(authority: Authority) -> Iterator[SlackServer]:
    server = SlackServer(authority.good)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def home(authority: Authority, slack: SlackServer, tmp_path_factory: pytest.TempPathFactory) -> AirflowHome:
    made = new_home(tmp_path_factory.mktemp("airflow"), slack, authority.bundle)
    made.airflow("db", "migrate")
    return made


@pytest.fixture(scope="session")
def ran(home: AirflowHome) -> AirflowHome:
    """An Airflow that has run each case, and is stopped."""
    with home.running():
        assert eventually(lambda: home.has("pipeline"), 120)
        home.ask("POST", "dags/pipeline/dagRuns", {"logical_date": None})
        killed: set[str] = set()
        cancelled = cleared = False

        def go_on() -> bool:
            nonlocal cancelled, cleared
            for name in ("vanishes1", "vanishes2"):
                if name not in killed and home.pids(name):
                    killed.add(name)
                    for pid in home.pids(name):  # a task, and the worker of Airflow's that watches it
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
            if not cancelled and home.pids("cancelled"):
                cancelled = True
                run = home.ask("GET", "dags/cancelled/dagRuns").json()["dag_runs"][0]["dag_run_id"]
                home.ask("PATCH", f"dags/cancelled/dagRuns/{run}", {"state": "failed"})
            if not cleared and home.ended("succeeds"):
                cleared = True
                run = home.ask("GET", "dags/succeeds/dagRuns").json()["dag_runs"][0]["dag_run_id"]
                home.ask("POST", f"dags/succeeds/dagRuns/{run}/clear", {"dry_run": False})
            told = [name for name in IN_ORDER if name != "cancelled"]
            return cancelled and home.ended("succeeds", 2) and all(map(home.ended, told))

        assert eventually(go_on, 600), [name for name in IN_ORDER if not home.ended(name)]
    return home


def test_each_run_ends_as_it_would_without_callbacks(ran: AirflowHome) -> None:
    assert {name: ran.states(name) for name in IN_ORDER} == {name: ["failed" if name in FAILED else "success"] for name in IN_ORDER}


def test_what_is_said_is_what_was_said_before(ran: AirflowHome) -> None:
    said = {name: in_order(ran, name) for name in IN_ORDER if name not in VARYING}
    if os.environ.get("TOCSIN_KEEP_GOLDEN"):
        cases = {name: ([record(each) for each in said[name]], sentences(said[name])) for name in said}
        keep("airflow", version("apache-airflow"), cases)
        path = FOLDER / "airflow.json"
        path.write_text(same(path.read_text(encoding="utf-8")), encoding="utf-8")
        (NATIVE / "airflow.txt").write_text(own_words(ran), encoding="utf-8")
    before = kept("airflow")
    assert set(before) == set(said)
    for name, found in said.items():
        now = [steady(each) for each in found]
        assert sorted(map(json.dumps, now)) == sorted(map(json.dumps, before[name].said)), name


@pytest.mark.parametrize("name", [name for name in IN_ORDER if name not in NOT_TOLD | VARYING])
def test_people_get_what_is_told(ran: AirflowHome, slack: SlackServer, name: str) -> None:
    told, got = list(kept("airflow")[name].told), [each for each in arrived(slack, name) if "no end was heard" not in each]
    if name == "lost":  # what a killed process has taken out of the outbox is sent by another one when its lease has ended
        told, got = ([each for each in those if "started" not in each] for those in (told, got))
    assert Counter(got) == Counter(told)


def test_a_lost_task_is_told_once_though_airflow_says_so_twice(ran: AirflowHome, slack: SlackServer) -> None:
    hooks = Counter((each["hook"], each["try_number"]) for each in ran.records("lost") if each["record"] == "TaskSaid")
    assert hooks["on_retry_callback", 1] == hooks["on_failure_callback", 2] == 2
    lost = [each for each in arrived(slack, "lost") if "its process was killed" in each]
    assert [each.split(":")[0] for each in lost] == ["vanishes will be tried again", "vanishes failed"]


def test_a_cleared_run_is_told_again(ran: AirflowHome, slack: SlackServer) -> None:
    clearings = [each["clearings"] for each in ran.records("succeeds") if each["record"] == "DagSaid"]
    assert clearings == [0, 1]
    assert Counter(arrived(slack, "succeeds"))["succeeds succeeded after a while"] == 2


def test_a_failing_handler_is_one_line_of_the_log(ran: AirflowHome) -> None:
    lines = [str(line["log"]) for line in ran.lines() if "log" in line]
    assert any("a handler that fails" in line for line in lines), lines


def test_a_dry_run_is_in_the_log_of_the_task(ran: AirflowHome, slack: SlackServer) -> None:
    assert arrived(slack, "dry") == []
    logs = "".join(path.read_text(encoding="utf-8") for path in (ran.folder / "logs" / "dag_id=dry").rglob("*.log"))
    assert "rehearsed succeeded" in logs


def test_of_a_dead_slack_the_log_tells(ran: AirflowHome, slack: SlackServer) -> None:
    assert arrived(slack, "dead") == []
    assert any("could not tell Slack of 'dead'" in str(line.get("log")) for line in ran.lines())


def test_another_process_tells_of_an_end_that_nobody_heard_of(ran: AirflowHome, slack: SlackServer) -> None:
    if not any("no end was heard" in each for each in arrived(slack, "unheard")):
        program = (
            "from tocsin import flush, slack_notifier\n"
            "from tocsin.integrations.no_end import tell_overdue\n"
            "from tocsin.shell.current import current_of_runs\n"
            "from tocsin.shell.handlers.attach import attached\n"
            "tell_overdue(current_of_runs, lambda mode: attached([slack_notifier(only_states=[])]))\n"
            "assert flush()"
        )
        ran.python("-c", program)
    unheard = [each for each in arrived(slack, "unheard") if "no end was heard" in each]
    assert [each.split(":")[0] for each in unheard] == ["gone was aborted after a while"]


def test_a_stopped_task_is_told_by_its_dag(ran: AirflowHome, slack: SlackServer) -> None:
    assert "takes_too_long timed out after a while: the run took longer than its DAG allows" in arrived(slack, "takes_too_long")
    assert "long started" in arrived(slack, "cancelled")


def test_dag_test_tells_the_same(home: AirflowHome, slack: SlackServer) -> None:
    folder = home.folder / "rehearsal"
    folder.mkdir()
    (folder / "rehearsal.py").write_text(_REHEARSAL, encoding="utf-8")
    before = len(slack.requests)
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); from rehearsal import tried, noted; tried.test(); noted.test()"
    printed = home.python("-c", program, AIRFLOW__CORE__DAGS_FOLDER=str(folder))  # ``test`` reads each file of the folder
    found = [each for name in ("tried", "noted") for each in arrived(slack, name)]
    assert len(slack.requests) - before == len(found) == len(_REHEARSED), printed[-5000:]
    assert Counter(found) == Counter(_REHEARSED)


_REHEARSAL = """
import copy
import pickle
from datetime import timedelta
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowSkipException
from airflow.serialization.serialized_objects import DagSerialization
from tocsin import slack_notifier
from tocsin.integrations.airflow import airflow_callbacks, airflow_dag_callbacks, airflow_notifier

everything = slack_notifier(only_states=[])
callbacks = airflow_callbacks(everything)
hook = callbacks["on_failure_callback"]
assert pickle.loads(pickle.dumps(hook)).__name__ == hook.__name__ == "tocsin_on_failure_callback"
assert copy.copy(hook) is copy.deepcopy(hook) is hook
assert copy.deepcopy({1: callbacks})[1] == callbacks

with DAG("tried", schedule=None, default_args=callbacks, **airflow_dag_callbacks(everything)) as tried:

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def flaky(ti=None):
        if ti.try_number == 1:
            raise ConnectionError("reset by peer")

    @task
    def idle():
        raise AirflowSkipException("nothing today")

    flaky() >> idle()

notifier = airflow_notifier(everything, message="of {{ dag.dag_id }}")
broken = airflow_notifier(everything, message="of {{ no such thing")
assert copy.deepcopy(notifier).message == pickle.loads(pickle.dumps(notifier)).message == "of {{ dag.dag_id }}"

with DAG("noted", schedule=None, on_success_callback=[notifier, broken]) as noted:

    @task(on_execute_callback=notifier, on_success_callback=[broken])
    def one():
        pass

    one()

for dag in (tried, noted):
    assert DagSerialization.serialize_dag(dag) == DagSerialization.serialize_dag(copy.deepcopy(dag))
    assert "tocsin" not in str(DagSerialization.serialize_dag(dag)).replace("has_on", "")
"""
_REHEARSED = (
    "flaky started",
    "flaky will be tried again: ConnectionError: reset by peer",
    "flaky started",
    "flaky succeeded after a while",
    "idle started",
    "idle was skipped after a while",
    "tried succeeded after a while",
    "one started",
    "one succeeded after a while",
    "noted succeeded after a while",
    "noted succeeded after a while",
)


def test_the_code_of_the_page_runs(home: AirflowHome) -> None:
    page = (NATIVE.parent / "airflow.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    assert "airflow_notifier(" in code
    home.python("-c", code)


def test_types(tmp_path: Path) -> None:
    text = (DAGS / "typed.py.txt").read_text(encoding="utf-8")
    (tmp_path / "typed.py").write_text(text, encoding="utf-8")
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = True\ndisallow_any_explicit = True\n", encoding="utf-8")
    words = [sys.executable, "-m", "mypy", "typed.py"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    found = set(re.findall(r"^typed\.py:(\d+): error: .*\[([\w-]+)\]$", ran.stdout, re.MULTILINE))
    wrong = re.compile(r"# wrong: (\S+)$")
    marked = {(str(number), it[1]) for number, line in enumerate(text.splitlines(), 1) if (it := wrong.search(line))}
    assert found == marked, ran.stdout
