"""Dagster, for real: what its hooks and its event log say, what is told of it, and what goes wrong around it.

- The programs are in ``programs``, and run in processes of their own. They import Dagster, for which the gate has no types.
- ``TOCSIN_KEEP_GOLDEN=1`` writes the golden file anew, and what Dagster's own mail says.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile

import attrs
import pytest

from tests.docs.pages import ROOT
from tests.engines.golden import Json, as_json, keep, kept, normal, normal_sentence, revived
from tests.integrations.dagster_records import made
from tests.servers.authority import Authority
from tests.servers.scripts import environment, texts
from tests.servers.slack import SlackServer
from tocsin.core.integrations.dagster import Record

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
pytest.importorskip("dagster")

RELEASE = "1.13.29"
PROGRAMS = Path(__file__).parent / "programs"
NATIVE = ROOT / "docs" / "engines" / "native" / "dagster.txt"
PAGE = ROOT / "docs" / "engines" / "dagster.md"


@attrs.frozen
class Home:
    """A folder with the programs, and a home of Dagster's in it."""

    folder: Path

    def run(self, *words: str, **more: str) -> str:
        """Run a program in this folder. Return what it printed; it may take some minutes on a busy machine."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **more}
        env |= {name: os.environ[name] for name in os.environ if name.startswith("COVERAGE")}
        env |= {"DAGSTER_HOME": str(self.folder / "home"), "PYTHONPATH": f"{ROOT}{os.pathsep}{self.folder}", "DO_NOT_TRACK": "1"}
        env |= {"SAID": str(self.said), "TOCSIN_STATE_DIR": str(self.folder / "state")}
        ran = subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=env, capture_output=True, text=True, timeout=400, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    @property
    def said(self) -> Path:
        """The file of what Dagster said."""
        return self.folder / "said.jsonl"

    def records(self) -> list[Json]:
        """Return what Dagster said."""
        return [json.loads(line) for line in self.said.read_text(encoding="utf-8").splitlines()]

    def result(self, *words: str, **more: str) -> dict[str, dict[str, Json]]:
        """Run a program that writes its result as JSON, and return the result."""
        self.run(words[0], "result.json", *words[1:], **more)
        found: dict[str, dict[str, Json]] = json.loads((self.folder / "result.json").read_text(encoding="utf-8"))
        return found


def home(folder: Path) -> Home:
    """Make a home of Dagster's, without telemetry."""
    for program in PROGRAMS.glob("dagster_*.py.txt"):
        copyfile(program, folder / program.name.removeprefix("dagster_").removesuffix(".txt"))
    (folder / "home").mkdir()
    (folder / "home" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    return Home(folder)


@pytest.fixture
def desk(tmp_path: Path) -> Home:
    """A home for one test."""
    return home(tmp_path)


@attrs.frozen
class Seen:
    """What Dagster said of a run, and what was told of it: the sentences, the lines of each message, the links."""

    said: tuple[Record, ...]
    told: tuple[str, ...]
    lines: tuple[Sequence[str], ...] = ()
    links: tuple[str, ...] = ()


@pytest.fixture(scope="session")
def in_process(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Seen]:
    """What was seen of each job that runs in one process."""
    found = home(tmp_path_factory.mktemp("in_process")).result("in_process.py")
    cases: dict[str, Seen] = {}
    for name, case in found.items():
        said, told, lines, links = (_list(case[key]) for key in ("said", "told", "lines", "links"))
        shown = tuple([[str(line) for line in _list(each)] for each in lines])
        cases[name] = Seen(_records(said), tuple(map(str, told)), shown, tuple(map(str, links)))
    return cases


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Mapping[str, Seen]:
    """What was seen of each job whose steps run in processes of their own. Slack is a server of ours."""
    cases: dict[str, Seen] = {}
    for name in "pipeline", "killed_once":
        desk, server = home(tmp_path_factory.mktemp(name)), SlackServer(authority.good)
        env = environment(server, authority.bundle, desk.folder)
        try:
            desk.run("processes.py", name, **env, NATIVE=str(desk.folder / "native.txt"))
            cases[name] = Seen(_records(desk.records()), tuple(texts(server)))
        finally:
            server.stop()
        if name == "pipeline":
            _check_native((desk.folder / "native.txt").read_text(encoding="utf-8"))
    return cases


def _list(value: Json) -> list[Json]:
    assert isinstance(value, list)
    return value


def _records(said: Sequence[Json]) -> tuple[Record, ...]:
    return tuple([revived(each, made) for each in said])


def _keeps() -> bool:
    return os.environ.get("TOCSIN_KEEP_GOLDEN") == "1"


def _check_native(text: str) -> None:
    if _keeps():
        NATIVE.parent.mkdir(parents=True, exist_ok=True)
        NATIVE.write_text(text, encoding="utf-8")
    assert NATIVE.read_text(encoding="utf-8") == text


# --- what is said and told --------------------------------------------------------------------------------------------------------


def test_what_dagster_says_is_what_it_said_before(in_process: Mapping[str, Seen], processes: Mapping[str, Seen]) -> None:
    seen = {**in_process, "pipeline": processes["pipeline"]}
    if _keeps():
        keep("dagster", RELEASE, {name: (case.said, case.told) for name, case in seen.items()})
    golden = kept("dagster")
    assert version("dagster") == RELEASE
    for name, case in seen.items():
        assert [normal(as_json(each)) for each in case.said] == list(golden[name].said), name
        assert [normal_sentence(each) for each in case.told] == list(golden[name].told), name
    assert golden.keys() == seen.keys()


def test_a_pipeline_of_which_a_step_is_killed(processes: Mapping[str, Seen]) -> None:
    assert [normal_sentence(each) for each in processes["pipeline"].told] == [
        "fetch will be tried again: ConnectionError: reset by peer",
        "fetch will be tried again: ConnectionError: reset by peer",
        "fetch succeeded after a while",
        "pipeline started",
        "load started",
        "load failed after a while: ChildProcessCrashException: its process was terminated by signal 9 (SIGKILL)",
        "pipeline failed after a while: 1 of 3 steps failed: load",
    ]


def test_a_killed_step_that_is_tried_again(processes: Mapping[str, Seen]) -> None:
    assert [normal_sentence(each) for each in processes["killed_once"].told] == [
        "mortal succeeded after a while",  # by the hook, in the process of the second attempt
        "killed_once started",
        "mortal started",
        "mortal will be tried again: ChildProcessCrashException: its process was terminated by signal 9 (SIGKILL)",
        "killed_once succeeded after a while",
    ]


def test_a_message_has_the_attempt_the_counts_and_the_link(in_process: Mapping[str, Seen]) -> None:
    retries, failure = in_process["retries"], in_process["failure"]
    assert [line for lines in retries.lines for line in lines if line.startswith("Attempt")] == [
        "Attempt: 1 of 3",
        "Attempt: 2 of 3",
        "Attempt: 3 of 3",
    ]
    assert "Tasks: 1 Failed, 1 TriggerFailed, 1 Success" in failure.lines[-1]
    assert "Failed or not run: broken Failed: ValueError: row 7 has no id\nreport TriggerFailed" in failure.lines[-1]
    (link,) = failure.links
    assert re.fullmatch(r"https://dagster\.example\.com/runs/[0-9a-f-]{36}", link)


def test_an_outbox_drops_what_another_process_told(desk: Home, authority: Authority) -> None:
    server = SlackServer(authority.good)
    env = {**environment(server, authority.bundle, desk.folder), "TOCSIN_DELIVERY_OUTBOX": "true"}
    try:
        desk.run("processes.py", "killed_once", **env)
        once = [normal_sentence(each) for each in texts(server)]
        desk.run("processes.py", "again", "killed_once", **env)
        assert sorted(once) == sorted(normal_sentence(each) for each in texts(server))
        assert len(once) == 5
    finally:
        server.stop()


# --- what goes wrong --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Json]]:
    """What was seen of each fault. Nobody listens at the webhook's port."""
    desk = home(tmp_path_factory.mktemp("faults"))
    return desk.result("faults.py", SLACK_WEBHOOK_URL="https://127.0.0.1:9/services/T000/B000/secret")


QUIET: Mapping[str, Json] = {
    "nothing_to_say": ["HOOK_SKIPPED"],
    "switches": [["without_hooks"], ["broken"], []],
    "equal_hooks": [True, 1, 2],
    "objects": [True, True, [True, True], "<hook of <observer of Dagster, for slack_notifier>>"],
    "hostile": [True, True, False, True],
    "attempts_without_the_attribute": ["3 of 3"],
    "ctrl_c_in_a_hook": [True, True, True],
    "another_instance": ["success started", "success succeeded"],
    "plans": [*["1 Failed, 1 TriggerFailed, 1 Success"] * 3, "Ctrl-C is raised"],
    "without_a_hash": ["works Success"],
}


@pytest.mark.parametrize("name", QUIET)
def test_what_is_no_fault(name: str, faults: Mapping[str, Mapping[str, Json]]) -> None:
    assert faults[name] == {"saw": QUIET[name], "logged": []}


def test_a_handler_that_raises_is_one_line_in_the_log(faults: Mapping[str, Mapping[str, Json]]) -> None:
    seen = faults["a_handler_that_raises"]
    assert seen["saw"] == [True, ["HOOK_COMPLETED"]]
    (line,) = _list(seen["logged"])
    assert "raised KeyError: 'of the handler'" in str(line)


def test_a_dead_slack_fails_no_run(faults: Mapping[str, Mapping[str, Json]]) -> None:
    seen = faults["slack_is_dead"]
    assert seen["saw"] == [False, ["HOOK_COMPLETED"]]  # the step fails, by an error of its own
    assert {str(line).partition(" '")[0] for line in _list(seen["logged"])} == {"tocsin: could not tell Slack of"}
    assert "the connection was refused" in str(seen["logged"])


def test_a_broken_storage_is_one_line_in_the_log(faults: Mapping[str, Mapping[str, Json]]) -> None:
    seen = faults["a_broken_storage"]
    assert seen["saw"] == "Ctrl-C is raised"
    (line,) = _list(seen["logged"])
    assert str(line).endswith("which goes on: OSError: the database is gone")


def test_an_error_that_dagster_hides_is_hidden(faults: Mapping[str, Mapping[str, Json]]) -> None:
    by_hook, by_log = map(str, _list(faults["redacted"]["saw"]))
    assert by_hook == by_log
    assert by_hook.startswith("fails failed: DagsterRedactedUserCodeError: Error occurred during user code execution, error ID ")


def test_wrong_arguments_say_what_to_write(faults: Mapping[str, Mapping[str, Json]]) -> None:
    wrong_result, no_handler, a_list, no_duration, no_url, no_switch = map(str, _list(faults["wrong_arguments"]["saw"]))
    assert wrong_result.startswith("tell_of takes the result of a run, the context of a run status sensor, or a DagsterRun")
    assert "'slack' is none" in no_handler
    assert a_list == "state handlers are given one by one, not in a list: write hooks(slack_notifier, gmail_notifier)"
    assert no_duration.endswith("write no_end_after=timedelta(hours=2)")
    assert no_url.endswith("write webserver_base_url='https://dagster.example.com'")
    assert no_switch == "each takes True or False, not 1"


def test_no_end_is_heard_of_a_step_that_was_to_be_tried_again(desk: Home) -> None:
    seen = desk.result("faults.py", "no_end_after")["no_end_after"]
    retrying, unheard, late = map(str, _list(seen["saw"]))
    assert (retrying, late) == ("hangs, attempt 1: Retrying()", "hangs, attempt 2: Success()")
    assert "no end was heard of within" in unheard


def test_a_dry_run_prints(desk: Home) -> None:
    printed = desk.run("faults.py", "result.json", "dry_run", TOCSIN_NOTIFY="print", SLACK_WEBHOOK_URL="https://127.0.0.1:9/x")
    assert '"fallback": "fails failed: ValueError: row 7 has no id"' in printed
    assert '"fallback": "made failed' in printed


# --- types, and the page ----------------------------------------------------------------------------------------------------------


def test_a_strict_program_has_exact_types(tmp_path: Path) -> None:
    program = tmp_path / "consumer.py"
    copyfile(PROGRAMS / "dagster_consumer.py.txt", program)
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = True\n", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", program.name], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
    )
    found = {(int(line), code) for line, code in re.findall(r"^consumer\.py:(\d+): error: .*\[(.+)\]$", ran.stdout, re.MULTILINE)}
    lines = program.read_text(encoding="utf-8").splitlines()
    marked = {(number, line.partition("# wrong: ")[2]) for number, line in enumerate(lines, 1) if "# wrong: " in line}
    assert found == marked, ran.stdout + ran.stderr


def test_the_page_runs(desk: Home) -> None:
    blocks = re.findall(r"^```py\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (desk.folder / "page.py").write_text("\n".join(blocks), encoding="utf-8")
    printed = desk.run("page.py", TOCSIN_NOTIFY="print", SLACK_WEBHOOK_URL="https://127.0.0.1:9/x")
    assert '"fallback": "nightly failed' in printed
