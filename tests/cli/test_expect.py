"""``tocsin expect``: what is kept, shown and refused; and real processes that tell of what was missed, over TLS."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from tests.cli.prefork import Prefork
from tests.cli.terminal_session import PATIENCE, Seen, Typist, started
from tests.servers.scripts import environment, texts
from tests.servers.slack import Reply, SlackServer
from tocsin import Failed, Success
from tocsin.core.absence import Every, Expectation
from tocsin.shell.history.expectations import ExpectationStore
from tocsin.shell.history.run_record import RunRecord
from tocsin.shell.history.store import HistoryStore

AGO = datetime.now(UTC) - timedelta(hours=30)
HOUR = timedelta(hours=1)
SLEEP = "import time; print(flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty history, in UTC."""
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return tmp_path / "state"


def expect(label: str = "load", *, since: datetime = AGO) -> None:
    ExpectationStore.usual().put(Expectation(label, Every(24 * HOUR), HOUR, since))


def record(run_id: str, at: datetime, *, failed: bool = False, label: str = "load") -> None:
    state = Failed("exit status 3") if failed else Success()
    run = RunRecord.of(state, run_id=run_id, label=label, started=at, ended=at + timedelta(seconds=7), status=3 if failed else 0)
    HistoryStore.usual().record(run)


# --- what is kept, shown and refused ------------------------------------------------------------------------------------------


def test_what_is_expected_is_kept_shown_and_removed(tocsin: Typist, state: Path) -> None:
    assert tocsin("expect").out == "no run is expected: tocsin expect LABEL --every 24h expects one a day\n"
    assert not state.exists()
    seen = tocsin("expect", "nightly load", "--every", "24h", "--grace", "1h")
    assert (seen.status, seen.err) == (0, "")
    assert seen.out.startswith("nightly load: every 1 d, grace 1 h; a run must start by 20")
    assert tocsin("expect", "sums", "--at=3:05", "--tz", "Europe/Berlin").out.startswith(
        "sums: at 03:05 Europe/Berlin, grace 5 m; a run must start by 20"
    )
    assert tocsin("expect", "zone of the system", "--at=17:30").out.startswith("zone of the system: at 17:30 UTC, grace 5 m; ")
    lines = tocsin("expect").out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["nightly load", "sums", "zone of the system"]
    assert tocsin("expect", "--remove", "sums").out == "sums: no longer expected\n"
    assert tocsin("expect", "--remove", "zone of the system").status == 0
    assert len(tocsin("expect").out.splitlines()) == 1


def test_a_second_expectation_replaces_the_first_and_the_same_one_goes_on(tocsin: Typist) -> None:
    expect()
    again = tocsin("expect", "load", "--every=24h", "--grace=1h").out
    assert again.startswith("load: every 1 d, grace 1 h; overdue: no run started by ")
    assert again.endswith("and it never ran (as before)\n")
    other = tocsin("expect", "load", "--every=23h", "--grace=1h").out
    assert other.startswith("load: every 23 h, grace 1 h; a run must start by ")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["x"], "write one of --every and --at: tocsin expect LABEL --every 24h, or tocsin expect LABEL --at 03:00"),
        (["x", "--every=1h", "--at=3:00"], "write one of --every and --at: "),
        (["--every=1h"], "there is no label: write tocsin expect LABEL --every 24h, with the --label of tocsin exec"),
        ([" \n", "--every=1h"], "there is no label: "),
        (["x", "--every=often"], "--every takes a duration such as 30m, 24h or 7d, not 'often'"),
        (["x", "--every=0s"], "--every takes 1s to 366d, not '0s'"),
        (["x", "--every=999999w"], "--every takes 1s to 366d, not '999999w'"),
        (["x", "--every=1h", "--grace=-1h"], "--grace takes a duration such as 30m, 24h or 7d, not '-1h'"),
        (["x", "--every=1h", "--grace=367d"], "--grace takes 0s to 366d, not '367d'"),
        (["x", "--every=1h", "--tz=UTC"], "--tz goes with --at: an interval is the same in every time zone"),
        (["x", "--at=24:00"], "--at takes a time of day such as 03:00 or 17:30, not '24:00'"),
        (["x", "--at=3\n:00"], "--at takes a time of day such as 03:00 or 17:30, not '3\\n:00'"),
        (["x", "--at=3:00", "--tz=Europe/Berln"], "there is no time zone 'Europe/Berln': did you mean Europe/Berlin?"),
        (["x", "--at=3:00", "--tz=../../etc/passwd"], "there is no time zone '../../etc/passwd': write one such as Europe/Berlin"),
        (["x", "--at=3:00", "--tz=Europe"], "there is no time zone 'Europe': "),
        (["--remove"], "which label? write tocsin expect --remove LABEL; tocsin expect shows the labels"),
        (["--remove", " \n"], "which label? "),
        (["--remove", "x"], "no run of 'x' is expected: tocsin expect shows what is"),
        (["--remove", "x", "--every=1h"], "--remove goes without --every: write tocsin expect --remove LABEL"),
        (["--check", "x"], "--check goes without a label: write tocsin expect --check"),
        (["--check", "--remove"], "--check goes without --remove: write tocsin expect --check"),
        (["--check", "--grace=1h"], "--check goes without --grace: write tocsin expect --check"),
    ],
)
def test_what_is_refused_is_one_line(tocsin: Typist, state: Path, words: list[str], why: str) -> None:
    seen = tocsin("expect", *words)
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith(f"tocsin: {why}")
    assert seen.err.count("\n") == 1
    assert not state.exists()


def test_an_unknown_label_beside_a_known_one(tocsin: Typist) -> None:
    expect("sums")
    assert tocsin("expect", "--remove", "x").status == 2
    assert tocsin("expect").out.startswith("sums  ")


def test_a_history_that_cannot_be_used_is_one_line(tocsin: Typist, state: Path) -> None:
    expect()
    (state / "journal.sqlite3").write_text("dear diary, " * 100)
    for words in (["expect"], ["expect", "--check"], ["expect", "x", "--every=1h"], ["expect", "--remove", "load"], ["runs"]):
        seen = tocsin(*words)
        assert (seen.status, seen.out, seen.err.count("\n")) == (2, "", 1)
        assert "is damaged" in seen.err


def test_an_expectation_whose_zone_is_gone(tocsin: Typist, state: Path, tmp_path: Path) -> None:
    expect()
    tocsin("expect", "sums", "--at=3:00", "--tz=Europe/Berlin")
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(state / "journal.sqlite3", isolation_level=None)) as connection:
        connection.execute("UPDATE expectations SET zone = 'Europe/Atlantis' WHERE label = 'sums'")
    why = "tocsin: the expectation of 'sums': there is no time zone 'Europe/Atlantis': "
    for words in (["expect"], ["expect", "--check"]):
        seen = tocsin(*words)
        assert (seen.status, seen.err.count(why)) == (2, 1)
    seen = tocsin("runs", f"--textfile={tmp_path / 'runs.prom'}")
    assert (seen.status, seen.err.count(why)) == (0, 1)
    assert 'tocsin_run_overdue{label="load"} 1\n' in (tmp_path / "runs.prom").read_text()
    only = tocsin("expect", "--remove", "load")
    assert only.status == 0
    assert (tocsin("expect").status, tocsin("expect").out) == (2, "")


def test_for_programs_there_is_one_object(tocsin: Typist) -> None:
    assert tocsin("expect", "--json") == Seen(0, '{"expected": []}\n', "")
    made = json.loads(tocsin("expect", "sums", "--at=3:05", "--tz=UTC", "--json").out)
    assert made.pop("new") is True
    assert datetime.fromisoformat(made.pop("deadline")) > datetime.fromisoformat(made.pop("since"))
    assert made == {
        "label": "sums",
        "every": None,
        "at": "03:05",
        "zone": "UTC",
        "grace": 300.0,
        "last_started": None,
        "open": False,
        "overdue": None,
    }
    assert json.loads(tocsin("expect", "sums", "--at=3:05", "--tz=UTC", "--json").out)["new"] is False
    expect()
    record("r1", AGO)
    late, other = json.loads(tocsin("expect", "--json").out)["expected"]
    assert (late["label"], late["every"], late["at"], late["zone"], late["grace"]) == ("load", 86400.0, None, None, 3600.0)
    assert (late["since"], late["last_started"], late["deadline"]) == tuple((AGO + hours * HOUR).isoformat() for hours in (0, 0, 25))
    by = (AGO + 25 * HOUR).strftime("%Y-%m-%d %H:%M UTC")
    why = f"no run started by {by}, and its last run started at {AGO:%Y-%m-%d %H:%M UTC}"
    assert late["overdue"] == {"label": "load", "due": (AGO + 24 * HOUR).isoformat(), "missed": 1, "message": why}
    assert other["label"] == "sums"
    assert json.loads(tocsin("expect", "--remove", "sums", "--json").out) == {"label": "sums", "removed": True}
    assert tocsin("expect", "--remove", "sums", "--json").status == 2


@pytest.mark.tocsin_live
def test_for_programs_a_check_is_one_object_too(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tocsin("expect", "--check", "--json") == Seen(0, '{"told": [], "overdue": []}\n', "")
    expect()
    monkeypatch.setenv("TOCSIN_NOTIFY", "print")
    seen = tocsin("expect", "--check", "--json")
    found = json.loads(seen.out)
    (late,) = found["overdue"]
    assert (seen.status, late["label"], found["told"]) == (1, "load", [{"label": "load", "message": late["message"]}])
    assert "load was not run" in seen.err  # what a dry run prints


def test_a_label_of_two_lines_is_one(tocsin: Typist) -> None:
    assert tocsin("expect", "a\nb", "--every=1h").out.startswith("a b: every 1 h")
    assert tocsin("expect", "--remove", "a  b").status == 0


# --- runs -----------------------------------------------------------------------------------------------------------------------


def test_runs_shows_what_is_overdue(tocsin: Typist) -> None:
    expect()
    expect("sums", since=datetime.now(UTC))
    record("r1", AGO - HOUR)
    _, row = tocsin("runs").out.splitlines()
    assert row.startswith("load   ● Success")
    assert "no run started by " in row
    (failed,) = tocsin("runs", "--failed").out.splitlines()[1:]
    assert failed == row
    ended, late = tocsin("runs", "--all").out.splitlines()
    assert "● Success" in ended
    assert "load  ● Overdue" in late
    (overdue,) = json.loads(tocsin("runs", "--all", "--json").out)["overdue"]
    assert (overdue["label"], overdue["due"], overdue["missed"]) == ("load", (AGO + 24 * HOUR).isoformat(), 1)
    (label,) = json.loads(tocsin("runs", "--json").out)["labels"]
    assert (label["overdue"], label["failing"]) == (overdue, True)
    assert tocsin("runs", "--label=sums").out.startswith("no runs yet of 'sums'")
    assert "Overdue" not in tocsin("runs", "--open").out
    record("r2", datetime.now(UTC))
    assert "no run started" not in tocsin("runs").out
    assert "Overdue" not in tocsin("runs", "--all").out


def test_runs_shows_a_label_that_never_ran(tocsin: Typist) -> None:
    expect()
    _, row = tocsin("runs").out.splitlines()
    assert row.startswith("load   ● Overdue")
    (label,) = json.loads(tocsin("runs", "--json").out)["labels"]
    assert (label["last"], label["overdue"]["label"], label["failing"]) == (None, "load", True)


def test_metrics_for_node_exporter(tocsin: Typist, tmp_path: Path) -> None:
    path = tmp_path / "runs.prom"
    path.write_text("old")
    hostile = 'a"b\\n\\'
    expect(hostile)
    expect("load", since=datetime.now(UTC))
    record("r1", AGO)
    record("r2", AGO + HOUR, failed=True)
    record("r3", AGO, failed=True, label="sums")
    assert tocsin("runs", f"--textfile={path}") == Seen(0, "", "")
    ended = (AGO + timedelta(seconds=7)).timestamp()
    lines = path.read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        f'tocsin_run_last_success_timestamp_seconds{{label="load"}} {ended:.3f}',
        f'tocsin_run_last_end_timestamp_seconds{{label="load"}} {ended + 3600:.3f}',
        f'tocsin_run_last_end_timestamp_seconds{{label="sums"}} {ended:.3f}',
        'tocsin_run_last_duration_seconds{label="load"} 7',
        'tocsin_run_last_duration_seconds{label="sums"} 7',
        'tocsin_run_last_failed{label="load"} 1',
        'tocsin_run_last_failed{label="sums"} 1',
        'tocsin_run_last_exit_status{label="load"} 3',
        'tocsin_run_last_exit_status{label="sums"} 3',
        'tocsin_run_overdue{label="a\\"b\\\\n\\\\"} 1',
        'tocsin_run_overdue{label="load"} 0',
    ]
    assert path.stat().st_mode & 0o777 == 0o644
    assert sorted(each.name for each in tmp_path.iterdir() if "prom" in each.name) == ["runs.prom"]


def test_metrics_without_any_run(tocsin: Typist, tmp_path: Path) -> None:
    assert tocsin("runs", f"--textfile={tmp_path / 'runs.prom'}").status == 0
    assert (tmp_path / "runs.prom").read_text() == ""


def test_metrics_that_cannot_be_written(tocsin: Typist, tmp_path: Path, state: Path) -> None:
    (tmp_path / "folder.prom").mkdir()
    for path, why in ((tmp_path / "none" / "a.prom", "No such file or directory"), (tmp_path / "folder.prom", "Is a directory")):
        seen = tocsin("runs", f"--textfile={path}")
        assert (seen.status, seen.out) == (2, "")
        assert seen.err == f"tocsin: --textfile {path}: {why}: name a file in a folder that you may write to\n"
    assert [each.name for each in tmp_path.iterdir()] == ["folder.prom"]
    state.mkdir()
    (state / "journal.sqlite3").write_text("dear diary, " * 100)
    assert tocsin("runs", f"--textfile={tmp_path / 'a.prom'}").status == 2
    assert not (tmp_path / "a.prom").exists()


# --- those who tell -------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Host:
    """A machine with Slack configured, on which real processes check."""

    folder: Path
    server: SlackServer
    variables: dict[str, str]
    prefork: Prefork

    def run(self, *words: str, **variables: str) -> Seen:
        given = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.variables, **variables}
        return self.prefork.run(self.folder, *words, environment=given)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return started(self.folder, *words, **self.variables)

    def check(self) -> Seen:
        return self.run("expect", "--check")

    def wait_for(self, requests: int) -> None:
        until = time.monotonic() + PATIENCE
        while len(self.server.requests) < requests:
            assert time.monotonic() < until
            time.sleep(0.01)


@pytest.fixture
def host(tmp_path: Path, state: Path, slack_server: SlackServer, ca_bundle: Path, prefork: Prefork) -> Host:
    variables = environment(slack_server, ca_bundle, tmp_path)
    del variables["HOME"]
    return Host(tmp_path, slack_server, {**variables, "TOCSIN_STATE_DIR": str(state), "NO_PROXY": "127.0.0.1", "TZ": "UTC"}, prefork)


@pytest.mark.tocsin_live
def test_a_miss_is_told_once_and_so_is_its_recovery(host: Host) -> None:
    expect()
    expect("sums", since=datetime.now(UTC))
    by = (AGO + 25 * HOUR).strftime("%Y-%m-%d %H:%M UTC")
    first = host.check()
    assert (first.status, first.out, first.err) == (1, f"load: no run started by {by}, and it never ran\n", "")
    assert texts(host.server) == [f"load was not run: no run started by {by}, and it never ran"]
    assert host.check() == Seen(1, "", "")
    at = datetime.now(UTC)
    record("r1", at)
    third = host.check()
    began = f"{at:%Y-%m-%d %H:%M} UTC"
    due = (AGO + 24 * HOUR).strftime("%Y-%m-%d %H:%M UTC")
    assert third == Seen(0, f"load: it runs again: a run started at {began}, after that of {due} was missed\n", "")
    assert host.check() == Seen(0, "", "")
    assert len(host.server.requests) == 2
    assert "load succeeded" in texts(host.server)[1]


@pytest.mark.tocsin_live
def test_of_many_tellers_one_tells(host: Host) -> None:
    expect()
    with ExitStack() as stack:
        tellers = [stack.enter_context(host.start("expect", "--check")) for _ in range(4)]
        outputs = [teller.communicate(timeout=PATIENCE) for teller in tellers]
    assert sorted(out.count("\n") for out, _ in outputs) == [0, 0, 0, 1]
    assert [err for _, err in outputs] == [""] * 4
    assert [teller.returncode for teller in tellers] == [1] * 4
    assert len(host.server.requests) == 1


@pytest.mark.tocsin_live
def test_a_teller_that_is_killed_before_the_message_is_safe_leaves_it_to_the_next(host: Host) -> None:
    expect()
    host.server.replies.append(Reply(manner="silent"))
    with host.start("expect", "--check") as teller:
        host.wait_for(1)
        assert host.check() == Seen(1, "", "")  # another one holds the claim
        teller.send_signal(signal.SIGKILL)
        teller.communicate(timeout=PATIENCE)
    assert host.check().out.startswith("load: no run started by ")
    assert len(host.server.requests) == 2
    assert host.check() == Seen(1, "", "")


@pytest.mark.tocsin_live
def test_a_miss_that_could_not_be_told_is_told_later(host: Host) -> None:
    expect()
    host.server.replies.append(Reply(status=404, body="no_service"))
    failed = host.check()
    assert failed.status == 1
    assert "could not tell Slack of 'load'" in failed.err
    assert host.check().out.startswith("load: ")
    assert len(host.server.requests) == 2


@pytest.mark.tocsin_live
def test_a_message_that_is_not_sent_in_time_is_one_line(host: Host) -> None:
    expect()
    host.server.replies += [Reply(manner="silent")] * 5
    seen = host.run("expect", "--check", TOCSIN_DELIVERY_EXIT_TIMEOUT="0.2")
    assert (seen.status, seen.err.count("\n")) == (1, 1)
    assert seen.err.startswith("tocsin: 1 message to Slack (SLACK_WEBHOOK_URL) had no answer in time")


@pytest.mark.tocsin_live
def test_without_anybody_to_tell_nothing_counts_as_told(host: Host) -> None:
    expect()
    nobody = host.run("expect", "--check", SLACK_WEBHOOK_URL="")
    by = (AGO + 25 * HOUR).strftime("%Y-%m-%d %H:%M UTC")
    assert (nobody.status, nobody.out) == (1, f"load: no run started by {by}, and it never ran\n")
    assert nobody.err.startswith("tocsin: no message will be sent: set SLACK_WEBHOOK_URL")
    assert nobody.err.count("\n") == 1
    assert host.run("expect", "--check", TOCSIN_NOTIFY="none") == Seen(1, "", "")
    shown = host.run("expect", "--check", TOCSIN_NOTIFY="print")
    assert "load was not run" in shown.out
    assert not host.server.requests
    assert host.check().out.startswith("load: ")


@pytest.mark.tocsin_live
def test_the_next_run_of_anything_tells(host: Host) -> None:
    """A run tells of other labels, and of its own label nothing while it is open, but that it runs again once it has ended."""
    expect()
    other = host.run("exec", "--label=other", "--only=timedout", "--", "true")
    assert (other.status, other.err) == (0, "")
    (text,) = texts(host.server)
    assert text.startswith("load was not run")
    again = host.run("exec", "--label=load", "--only=timedout", "--", "true")
    assert (again.status, again.err) == (0, "")
    assert [each.split(":")[0] for each in texts(host.server)] == ["load was not run", "load succeeded"]


@pytest.mark.tocsin_live
def test_a_history_that_cannot_be_used_costs_a_command_nothing(host: Host, state: Path) -> None:
    expect()
    (state / "journal.sqlite3").write_text("dear diary, " * 100)
    seen = host.run("exec", "--label=other", "--", "sh", "-c", "exit 3")
    assert seen.status == 3
    assert seen.err.count("nobody is told of runs that were missed") == 1


@pytest.mark.tocsin_live
def test_an_open_run_is_not_overdue_until_its_time_limit(host: Host, tocsin: Typist) -> None:
    expect()
    with host.start("exec", "--label=load", "--timeout=1h", "--", sys.executable, "-c", SLEEP) as running:
        assert running.stdout is not None
        running.stdout.readline()
        (found,) = (ExpectationStore.usual().contents(datetime.now(UTC)).stored,)
        assert [run.limit for run in found[0].seen.underway] == [timedelta(seconds=3611)]
        assert host.check() == Seen(0, "", "")
        assert tocsin("expect").out.rstrip().endswith("a run is open")
        os.kill(running.pid, signal.SIGTERM)
        running.communicate(timeout=PATIENCE)
    assert host.check().status == 0  # it started, which is all that is expected


@pytest.mark.tocsin_live
def test_what_is_watched_in_python_tells_too(host: Host) -> None:
    expect()
    program = (
        "from tocsin import filters, slack_notifier, watch\n"
        "with watch('sums', state_handlers=[slack_notifier(when=filters.on_change())]): pass\n"
        "with watch('sums', state_handlers=[slack_notifier(when=filters.on_change())]): pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "HOME": str(host.folder), **host.variables},
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert done.stderr == b""
    assert [text.split(":")[0] for text in texts(host.server)] == ["load was not run"]
