"""``tocsin silence``: the command, the messages of ``tocsin exec`` under a silence, and the service that tells what is left."""

import json
import os
import signal
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.outbox.daemons import Service
from tests.cli.prefork import Prefork
from tests.cli.terminal_session import PATIENCE, Typist
from tests.servers.scripts import environment, texts
from tests.servers.slack import SlackServer
from tocsin import Failed
from tocsin.cli.silence import tell_held_back
from tocsin.core.changes import Streak
from tocsin.core.silences import RunEnd
from tocsin.shell.history.run_record import KeptEnd, RunRecord
from tocsin.shell.history.silences import held_ends, note_end, silence, silence_of
from tocsin.shell.history.store import HistoryStore
from tocsin.shell.redaction import remember

FAILURE = KeptEnd("r1", 1, 1, 1, "Failed", True, "disk full", 5.0, 4.0, None, Streak())
END = RunEnd(failed=True, wanted=True, silenced=True)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty state folder, in UTC."""
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return tmp_path / "state"


def test_a_label_is_silenced_listed_and_heard_again(tocsin: Typist, state: Path) -> None:
    assert tocsin("silence").out == "nothing is silent: tocsin silence LABEL --for 2h sends no message about it for two hours\n"
    assert not state.exists()
    seen = tocsin("silence", "nightly load", "--for", "2h", "--because", "deploy of v2")
    assert (seen.status, seen.err) == (0, "")
    assert seen.out.startswith("silent until 20")
    assert seen.out.endswith(": nightly load; what is still broken then is told by its next run, or by tocsin outbox drain --watch\n")
    (line,) = tocsin("silence").out.splitlines()
    assert line.startswith("nightly load  silent until 20")
    assert line.endswith(("1 h 59 m 59 s left  deploy of v2", "2 h left  deploy of v2"))
    assert tocsin("silence", "nightly load", "--end").out == "no longer silent: nightly load\n"
    seen = tocsin("silence", "nightly load", "--end")
    assert (seen.status, seen.err) == (1, "tocsin: 'nightly load' is not silent: tocsin silence shows what is\n")


@pytest.mark.usefixtures("state")
def test_what_is_held_back_is_listed(tocsin: Typist) -> None:
    silence("load", time.time() - 60, time.time() + 100)
    note_end("load", END, FAILURE, silence_of("load"))
    note_end("sums", RunEnd(failed=False, wanted=True, silenced=True, broken_before=True), FAILURE, None)
    lines = tocsin("silence").out.splitlines()
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "load a failure is held back disk full",
        "sums a recovery is held back disk full",
    ]


@pytest.mark.usefixtures("state")
def test_the_same_for_programs(tocsin: Typist) -> None:
    made = json.loads(tocsin("silence", "café", "--for", "30m", "--json").out)
    assert made["label"] == "café"
    assert made["because"] is None
    note_end("café", END, FAILURE, None)
    whole = json.loads(tocsin("silence", "--json").out)
    assert whole["silences"] == [made]
    assert whole["held"] == [
        {"label": "café", "what": "failure", "run_id": "r1", "ended": "1970-01-01T00:00:05+00:00", "message": "disk full"}
    ]
    assert json.loads(tocsin("silence", "café", "--end", "--json").out) == {"label": "café", "ended": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["load"], "say how long: write tocsin silence 'load' --for 2h, or --end to end its silence now"),
        (["load", "--for", "ever"], "--for takes a time such as 30m, 2h or 7d, at most 366d, not 'ever'"),
        (["load", "--for", "0h"], "--for takes a time such as 30m, 2h or 7d, at most 366d, not '0h'"),
        (["load", "--for", "999999w"], "--for takes a time such as 30m, 2h or 7d, at most 366d, not '999999w'"),
        ([" ", "--for", "2h"], "LABEL is empty: tocsin runs shows the labels"),
        (["--for", "2h"], "which label? write tocsin silence LABEL --for 2h; tocsin runs shows the labels"),
        (["--end"], "which label? write tocsin silence LABEL --end; tocsin silence shows what is silent"),
    ],
)
def test_what_makes_no_sense_says_what_to_write(tocsin: Typist, state: Path, words: list[str], said: str) -> None:
    seen = tocsin("silence", *words)
    assert (seen.status, seen.out, seen.err) == (2, "", f"tocsin: {said}\n")
    assert not state.exists()


@pytest.mark.parametrize("words", [[], ["load", "--for", "2h"], ["load", "--end"]])
def test_a_file_that_cannot_be_read_is_one_line(tocsin: Typist, state: Path, words: list[str]) -> None:
    state.mkdir()
    (state / "silences.sqlite3").write_text("dear diary, " * 100)
    seen = tocsin("silence", *words)
    assert (seen.status, seen.out, seen.err.count("\n")) == (2, "", 1)
    assert "is damaged" in seen.err


@pytest.mark.usefixtures("state")
def test_hostile_words_are_one_line_and_hold_no_secret(tocsin: Typist) -> None:
    remember("TOKEN", "hunter2-and-more")
    tocsin("silence", "[b]load\x1b[31m\n", "--for", "1h", "--because", "[red]hunter2-and-more\n\x1b[31m")
    (line,) = tocsin("silence").out.splitlines()
    assert line.startswith("[b]load\ufffd[31m  silent")
    assert line.endswith("[red][TOKEN] \ufffd[31m")


@pytest.mark.usefixtures("state")
def test_a_label_that_may_be_misspelt_is_silenced_with_a_hint(tocsin: Typist) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    HistoryStore.usual().record(RunRecord.of(Failed(), run_id="r1", label="nightly load", started=at, ended=at))
    seen = tocsin("silence", "nigthly load", "--for", "2h")
    assert (seen.status, seen.err) == (0, "tocsin: no run of 'nigthly load' is known: did you mean 'nightly load'?\n")
    for label in ("nightly load", "something else"):
        assert tocsin("silence", label, "--for", "2h").err == ""


def variables(server: SlackServer, bundle: Path, home: Path) -> dict[str, str]:
    return {**environment(server, bundle, home), "TOCSIN_STATE_DIR": os.environ["TOCSIN_STATE_DIR"], "NO_PROXY": "127.0.0.1"}


@pytest.mark.tocsin_live
@pytest.mark.usefixtures("state")
def test_a_command_is_silent_and_its_next_start_tells_what_is_still_broken(
    tocsin: Typist, tmp_path: Path, slack_server: SlackServer, ca_bundle: Path, prefork: Prefork
) -> None:
    known = {"PATH": os.environ["PATH"], **variables(slack_server, ca_bundle, tmp_path)}
    tocsin("silence", "load", "--for", "1h")
    assert prefork.run(tmp_path, "exec", "--label=load", "--", "false", environment=known).err == ""
    assert texts(slack_server) == []
    rows = tocsin("runs").out.splitlines()
    assert "  silenced  " in rows[1]
    assert "silent until" in rows[1]
    tocsin("silence", "load", "--end")
    assert prefork.run(tmp_path, "exec", "--label=load", "--", "true", environment=known).err == ""
    assert [text.split(" after ")[0] for text in texts(slack_server)] == ["load failed", "load succeeded"]
    assert [row["told"] for row in json.loads(tocsin("runs", "--all", "--json").out)["runs"]] == ["told", "told"]


@pytest.mark.tocsin_live
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.usefixtures("state")
def test_the_service_tells_it_when_the_silence_has_ended(tmp_path: Path, slack_server: SlackServer, ca_bundle: Path) -> None:
    known = variables(slack_server, ca_bundle, tmp_path)
    silence("load", time.time() - 60, time.time() + 1.5)
    note_end("load", END, FAILURE, silence_of("load"))
    with closing(Service(tmp_path, known)) as service:
        until = time.monotonic() + PATIENCE
        while not slack_server.requests or held_ends():
            assert time.monotonic() < until
            time.sleep(0.02)
        assert service.end(signal.SIGTERM) == 0
    assert texts(slack_server) == ["load failed after 1.0 s: disk full"]


@pytest.mark.usefixtures("state")
def test_without_a_notifier_the_service_leaves_it_to_the_next_run(bare_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(bare_home / "state"))
    tell_held_back()
    silence("load", 0.0, 100.0)
    tell_held_back()
    note_end("load", END, FAILURE, None)
    tell_held_back()
    assert [each.label for each in held_ends()] == ["load"]
