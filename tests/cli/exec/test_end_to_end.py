"""The messages of ``tocsin exec``: real processes, a real history of runs, and a server that takes messages over TLS."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest

from tests.cli.exec.commands import PYTHON
from tests.cli.prefork import Prefork
from tests.cli.terminal_session import PATIENCE, Seen
from tests.servers.postgres import free_port
from tests.servers.slack import Reply, SlackServer
from tocsin.shell.outbox.daemon_lock import FileLock

SLEEP = "import os, time; print('ready', os.getpid(), sep='\\n', flush=True); time.sleep(60)"


@attrs.frozen
class Station:
    """A machine as cron sees it: an environment with the settings for Slack and nothing else."""

    home: Path
    server: SlackServer
    bundle: Path
    prefork: Prefork

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "SLACK_WEBHOOK_URL": self.server.url,
            "TOCSIN_SLACK_ALLOWED_HOSTS": "127.0.0.1",
            "REQUESTS_CA_BUNDLE": str(self.bundle),
            "PYTHONDONTWRITEBYTECODE": "1",
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_PROCESS")},
        }

    def start(self, *words: str, variables: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "tocsin", "exec", *words],
            env={**self.environment, **(variables or {})},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, variables: Mapping[str, str] | None = None) -> Seen:
        return self.prefork.run(self.home, "exec", *words, environment={**self.environment, **(variables or {})})

    def run_from_the_start(self, *words: str, variables: Mapping[str, str] | None = None) -> Seen:
        """Do the same in a process whose Python starts with these variables, which takes longer."""
        with self.start(*words, variables=variables) as process:
            out, err = process.communicate(timeout=PATIENCE)
            return Seen(process.returncode, out, err)

    def python(self, program: str, *options: str, variables: Mapping[str, str] | None = None) -> Seen:
        return self.run(*options, "--label", "nightly load", "--", *PYTHON, program, variables=variables)

    def kill(self, label: str) -> None:
        """Start a run and kill it, and its command."""
        with self.start("--label", label, "--", *PYTHON, SLEEP) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            child = int(process.stdout.readline())
            process.kill()
            os.kill(child, signal.SIGKILL)
            process.communicate(timeout=PATIENCE)

    def kill_after(self, requests: int, *words: str) -> None:
        """Start a run of ``x`` and kill it once this many requests have arrived. Its command has ended by then."""
        with self.start("--label", "x", *words) as process:
            self.wait_for(requests)
            process.kill()
            process.communicate(timeout=PATIENCE)

    def wait_for(self, requests: int) -> None:
        """Wait until this many requests have arrived."""
        until = time.monotonic() + PATIENCE
        while len(self.server.requests) < requests:
            assert time.monotonic() < until
            time.sleep(0.01)

    def listed(self) -> str:
        """Return the output of ``tocsin runs``."""
        return self.prefork.run(self.home, "runs", environment=self.environment).out

    @property
    def messages(self) -> list[dict[str, str]]:
        """The messages that arrived: title, fallback, and the fields by name."""
        found = []
        for request in (request for request in self.server.requests if request.method == "POST"):
            message = request.json
            assert isinstance(message, dict)
            (attachment,) = message["attachments"]
            fields = {field["title"]: field["value"] for field in attachment["fields"]}
            found.append({"title": attachment["title"], "fallback": attachment["fallback"], **fields})
        return found

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]


@pytest.fixture
def station(tmp_path: Path, slack_server: SlackServer, ca_bundle: Path, prefork: Prefork) -> Station:
    """A machine with a home and a webhook."""
    return Station(tmp_path, slack_server, ca_bundle, prefork)


@pytest.mark.parametrize(
    ("program", "status", "title", "said"),
    [
        ("pass", 0, "Success", "nightly load succeeded after"),
        ("raise SystemExit(3)", 3, "Failed", "exit status 3"),
        ("import os; os.kill(os.getpid(), 9)", 137, "Failed", "killed by SIGKILL"),
    ],
)
def test_the_end_is_reported(station: Station, program: str, status: int, title: str, said: str) -> None:
    seen = station.python(program)
    assert seen == Seen(status, "", "")
    assert station.titles == [title]
    assert said in station.messages[0]["fallback"]
    assert "Duration" in station.messages[0]
    assert "Command" not in station.messages[0]


def test_a_command_that_is_not_there(station: Station) -> None:
    assert station.run("--", "no-such-command-here").status == 127
    assert station.titles == ["Failed"]
    assert "no-such-command-here failed" in station.messages[0]["fallback"]


def test_a_time_out(station: Station) -> None:
    assert station.python(SLEEP, "--timeout", "0.5").status == 124
    assert station.titles == ["TimedOut"]


def test_a_signal_aborts_it(station: Station) -> None:
    with station.start("--label", "nightly load", "--", *PYTHON, SLEEP) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 143
    assert station.titles == ["Aborted"]
    assert "SIGTERM" in station.messages[0]["fallback"]


def test_a_command_that_still_runs_is_told_of(station: Station) -> None:
    program = "import time; print('at step 7', flush=True); time.sleep(3)"
    assert station.python(program, "--still-running", "1", "--tail", "5", "--only", "failed").status == 0
    assert set(station.titles) == {"Running"}
    assert " is still running after 1.0 s" in station.messages[0]["fallback"]
    assert "at step 7" in station.messages[0]["Last lines"]


def test_only_what_was_asked_for(station: Station) -> None:
    assert station.python("pass", "--only", "failed").status == 0
    assert station.titles == []
    assert station.python("raise SystemExit(1)", "--only", "failed").status == 1
    assert station.titles == ["Failed"]
    station.python("pass", "--only", "running,success", "--ignore", "success")
    assert station.titles == ["Failed", "Running"]


def test_a_failure_mentions_whom_the_option_names(station: Station) -> None:
    """The option takes the place of what the variable says. A success, and an attempt that another follows, mention no one."""
    mail = {"EMAIL_USERNAME": "ops@example.com", "EMAIL_PASSWORD": "abcdabcdabcdabcd", "TOCSIN_NOTIFIERS": "gmail"}
    calls = {"TOCSIN_SLACK_MENTION": "channel"}
    assert station.python("pass", "--mention", "U0123ABCD", variables=calls).status == 0
    assert station.python("raise SystemExit(1)", variables=calls).status == 1
    seen = station.python(
        "raise SystemExit(1)", "--mention", "U0123ABCD", "--mention", "S0123ABCD,here", "--explain", "--retries", "1", variables=calls
    )
    texts = [message["text"] for request in station.server.requests if isinstance(message := request.json, dict)]
    assert texts[0].startswith("nightly load succeeded")
    assert texts[1].startswith("<!channel> nightly load failed")
    assert texts[2].startswith("<@U0123ABCD> <!subteam^S0123ABCD> <!here> nightly load failed")
    assert len(texts) == 3
    assert "mention=['U0123ABCD', 'S0123ABCD', 'here']" in seen.err
    seen = station.python("pass", "--only", "failed", "--mention", "here", variables=mail)
    assert seen.err == "tocsin: --mention has no effect: it names people on Slack, and no message goes there\n"


def test_the_command_and_its_output_are_shown_when_asked_for_and_secrets_never(station: Station) -> None:
    word = "hunter2-canary"
    program = "import os; print('one'); print('\\x1b[31mtwo', os.environ['DB_PASSWORD'], os.environ['SLACK_WEBHOOK_URL'])"
    seen = station.python(program, "--tail", "1", "--show-command", variables={"DB_PASSWORD": word})
    assert word in seen.out
    (message,) = station.messages
    assert "two [DB_PASSWORD] [SLACK_WEBHOOK_URL]" in message["Last lines"]
    assert "one" not in message["Last lines"]
    assert sys.executable in message["Command"]
    body = station.server.requests[0].body.decode()
    assert word not in body
    assert station.server.canary not in body


def test_a_word_in_the_label_stays_and_the_passwords_of_a_command_go(station: Station) -> None:
    variables = {"POSTGRES_PASSWORD": "postgres", "DB_PASSWORD": "it's 4 secret"}
    words = ["--label", "postgres backup", "--show-command", "--", "sh", "-c", "exit 3", "--password", "abc123", "it's 4 secret"]
    station.run(*words, variables=variables)
    (message,) = station.messages
    assert message["fallback"].startswith("postgres backup failed")
    assert message["Command"].strip("`\n") == "sh -c 'exit 3' --password ... '[DB_PASSWORD]'"


def test_without_output_there_are_no_last_lines(station: Station) -> None:
    station.python("pass", "--tail", "5")
    assert "Last lines" not in station.messages[0]


def test_a_change_is_told_and_what_stays_the_same_is_not(station: Station) -> None:
    for status in (0, 1, 1, 1, 1, 0, 0, 1):
        assert station.python(f"raise SystemExit({status})", "--on-change", "--every", "3").status == status
    assert station.titles == ["Failed", "Failed", "Success", "Failed"]
    assert "recovered" in station.messages[2]["History"]
    assert "(recovered" in station.messages[2]["fallback"]


def test_after_so_many_failures_in_a_row(station: Station) -> None:
    for status in (1, 1, 0, 1, 1, 1, 1, 0):
        station.python(f"raise SystemExit({status})", "--after", "3")
    assert station.titles == ["Failed", "Success"]


def test_an_end_that_was_not_delivered_is_reported_the_next_time(station: Station) -> None:
    station.python("raise SystemExit(1)", "--on-change", variables={"SLACK_WEBHOOK_URL": ""})
    station.server.replies.append(Reply(500, ""))
    for _ in range(3):
        station.python("raise SystemExit(1)", "--on-change")
    assert station.titles == ["Failed", "Failed"]


def test_a_preview_changes_nothing(station: Station) -> None:
    for manner in ("print", "none"):
        station.python("raise SystemExit(1)", "--on-change", "--notify", manner)
    assert '"to": "Slack (SLACK_WEBHOOK_URL)"' in station.python("raise SystemExit(1)", "--on-change", "--notify", "print").err
    assert station.titles == []
    station.python("raise SystemExit(1)", "--on-change")
    assert station.titles == ["Failed"]


def test_runs_that_end_while_another_is_told_of_are_counted(station: Station) -> None:
    with (
        station.start("--after", "2", "--label", "x", "--", "false") as one,
        station.start("--after", "2", "--label", "x", "--", "false") as two,
    ):
        one.communicate(timeout=PATIENCE)
        two.communicate(timeout=PATIENCE)
    assert station.titles == ["Failed"]


def test_a_run_that_is_stopped_before_its_next_attempt_is_told_of(station: Station) -> None:
    words = ("--retries", "3", "--retry-delay", "60", "--ping", station.server.url, "--only", "retrying,aborted")
    with station.start(*words, "--label", "x", "--", "false") as process:
        station.wait_for(2)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert "no further attempt" in err
    posts = [message["fallback"] for message in station.messages]
    assert [text.partition(":")[2] for text in posts][1:] == [" stopped before another attempt"]
    assert station.server.requests[-1].path.endswith("/fail") or station.server.requests[-2].path.endswith("/fail")
    assert "stopped before another attempt" in station.listed()


def test_a_run_is_recorded_before_its_notification(station: Station) -> None:
    station.server.replies.append(Reply(manner="silent"))
    with station.start("--label", "x", "--", "false") as process:
        station.wait_for(1)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "interrupted while sending notifications" in err
    assert "exit status 1" in station.listed()


def test_a_killed_run_is_not_used_up_by_a_preview(station: Station) -> None:
    station.kill("x")
    station.run("--label", "x", "--notify", "none", "--", "true")
    assert "was killed while this ran" in station.run("--label", "x", "--notify", "print", "--", "true").err
    station.run("--label", "x", "--", "true")
    assert station.titles == ["Aborted", "Success"]


def test_an_unknown_value_of_notify_is_reported(station: Station) -> None:
    seen = station.python("pass", variables={"TOCSIN_NOTIFY": "prnt"})
    assert seen == Seen(0, "", "tocsin: TOCSIN_NOTIFY='prnt' is none of live, print, none: nothing is sent\n")


def test_retries_are_one_run(station: Station) -> None:
    counted = station.home / "attempts"
    program = f"import sys; f = open({str(counted)!r}, 'a+'); f.write('x'); f.seek(0); sys.exit(0 if len(f.read()) == 3 else 9)"
    assert station.python(program, "--retries", "3", "--retry-delay", "0.01").status == 0
    assert station.titles == ["Success"]
    assert station.messages[0]["Attempt"] == "3 of 4"
    assert station.python("raise SystemExit(9)", "--retries", "1", "--retry-delay", "0", "--only", "failed,retrying").status == 9
    assert station.titles == ["Success", "Retrying", "Failed"]


def test_a_message_has_the_run_id_only_if_tocsin_runs_finds_it(station: Station) -> None:
    station.python("pass")
    shown = station.prefork.run(station.home, "runs", "show", station.messages[0]["Run id"], environment=station.environment).out
    assert "nightly load" in shown
    assert "yes: a message about its end was accepted" in shown
    (station.home / ".local/state/tocsin/journal.sqlite3").write_text("dear diary, " * 100)
    seen = station.python("pass")
    assert station.titles == ["Success", "Success"]
    assert "Run id" not in station.messages[1]
    assert seen.err.count("\n") == 1


def test_a_killed_run_is_reported_by_the_next_start(station: Station) -> None:
    station.kill("nightly load")
    assert station.titles == []
    station.run("--label", "something else", "--", "true")
    assert station.titles == ["Success"]
    station.python("pass")
    station.python("pass")
    assert station.titles == ["Success", "Aborted", "Success", "Success"]
    assert "tocsin itself was killed" in station.messages[1]["fallback"]
    assert "Started" in station.messages[1]


@pytest.mark.parametrize("ended", [False, True], ids=["killed", "ended"])
def test_a_start_that_is_killed_before_the_message_is_accepted_leaves_the_run_to_the_next_one(station: Station, ended: bool) -> None:
    station.server.replies += [Reply(manner="silent")] * (2 if ended else 1)
    if ended:
        station.kill_after(1, "--on-change", "--", "false")
    else:
        station.kill("x")
    station.kill_after(2 if ended else 1, "--on-change", "--", "true")
    assert station.run("--label", "x", "--on-change", "--", "true").status == 0
    titles = station.titles
    assert titles == ["Failed", "Failed", "Failed", "Success"] if ended else ["Aborted", "Aborted", "Success"]
    told = {message["Run id"] for message in station.messages if message["title"] != "Success"}
    assert len(told) == 1
    assert not list((station.home / ".local/state/tocsin/open").iterdir())


@pytest.mark.parametrize("way", ["time", "signal"])
def test_a_killed_run_is_left_to_the_next_start_if_its_message_is_not_accepted_in_time(station: Station, way: str) -> None:
    station.kill("x")
    station.server.replies += [Reply(manner="silent")] * 3
    limits = {"TOCSIN_DELIVERY_EXIT_TIMEOUT": "0.5" if way == "time" else "50"}
    with station.start("--label", "x", "--only", "aborted", "--", "true", variables=limits) as process:
        if way == "signal":
            station.wait_for(1)
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    station.server.replies.clear()
    station.run("--label", "x", "--only", "aborted", "--", "true")
    station.run("--label", "x", "--only", "aborted", "--", "true")
    assert station.titles == ["Aborted", "Aborted"]


def test_a_killed_run_whose_message_is_refused_is_given_up(station: Station) -> None:
    station.kill("x")
    station.server.replies.append(Reply(404, "no_service"))
    for _ in range(2):
        station.run("--label", "x", "--only", "aborted", "--on-change", "--", "true")
    assert station.titles == ["Aborted"]


def test_of_two_starts_one_reports_a_killed_run_and_the_other_does_not_wait(station: Station) -> None:
    station.kill("x")
    station.server.replies.append(Reply(manner="silent"))
    with station.start("--label", "x", "--only", "aborted", "--", "true") as first:
        station.wait_for(1)
        began = time.monotonic()
        assert station.run("--label", "x", "--", "true").status == 0
        assert first.poll() is None or time.monotonic() - began > 5  # it ended while the first one waited
        assert station.titles == ["Aborted", "Success"]
        assert "Running" not in station.listed()
        first.kill()
        first.communicate(timeout=PATIENCE)


def test_a_dead_man_service_is_pinged(station: Station) -> None:
    path = station.server.url.partition(str(station.server.port))[2]
    station.python("raise SystemExit(1)", "--only", "success", "--ping", station.server.url)
    pings = [(request.method, request.path) for request in station.server.requests]
    assert pings == [("GET", f"{path}/start"), ("GET", f"{path}/1")]
    station.python("pass", "--only", "failed", "--ping", "JOB_PING", variables={"JOB_PING": station.server.url})
    assert station.server.requests[3].path == path


def test_words_of_the_url_that_is_pinged_are_no_secrets(station: Station) -> None:
    variables = {"DB_PASSWORD": "hunter2-canary"}
    program = "import os; print('start, then fail', os.environ['DB_PASSWORD'])"
    station.python(program, "--tail", "1", "--ping", f"{station.server.url}", variables=variables)
    ping, message = sorted((request.body.decode() for request in station.server.requests if request.method == "POST"), key=len)
    assert ping == "start, then fail [DB_PASSWORD]"
    assert ping in message


def test_a_service_is_told_no_output_that_was_not_asked_for(station: Station) -> None:
    station.python("print('hunter2'); raise SystemExit(4)", "--only", "success", "--ping", station.server.url)
    assert [request.body for request in station.server.requests] == [b"", b""]


@pytest.mark.parametrize(
    ("ping", "said"),
    [
        ("http://example.com/canary", "the dead-man service is not pinged: the URL in --ping is refused: it is not an https URL: "),
        ("https://127.0.0.1:9/canary", "could not call the dead-man service for 'nightly load': cannot reach 127.0.0.1: "),
        ("NO_SUCH_SECRET", "the dead-man service is not pinged: the secret 'NO_SUCH_SECRET' is not set: "),
    ],
)
def test_a_service_that_cannot_be_pinged_costs_a_line(station: Station, ping: str, said: str) -> None:
    seen = station.python("raise SystemExit(5)", "--ping", ping)
    assert seen.status == 5
    assert seen.err.startswith(f"tocsin: {said}")
    assert seen.err.count("\n") == 1
    assert "canary" not in seen.err
    assert "PingFailed" not in seen.err
    assert station.titles == ["Failed"]


def test_a_failed_notification_is_one_line(station: Station) -> None:
    station.server.replies.append(Reply(404, "no_service"))
    seen = station.python("print('done'); raise SystemExit(4)")
    assert (seen.status, seen.out) == (4, "done\n")
    assert seen.err.startswith("tocsin: could not tell Slack of 'nightly load': 127.0.0.1 answered no_service")
    assert seen.err.count("\n") == 1


def test_a_missing_notifier_is_one_line(station: Station) -> None:
    seen = station.python("raise SystemExit(4)", variables={"SLACK_WEBHOOK_URL": ""})
    assert (seen.status, seen.out) == (4, "")
    assert seen.err.startswith("tocsin: no message will be sent: set SLACK_WEBHOOK_URL")
    assert seen.err.count("\n") == 1


def test_a_preview_goes_to_standard_error_and_needs_no_secret(station: Station) -> None:
    seen = station.python("print('out')", "--notify", "print", variables={"SLACK_WEBHOOK_URL": ""})
    assert seen.out == "out\n"
    assert json.loads(seen.err)["to"] == "Slack (SLACK_WEBHOOK_URL)"
    assert station.python("pass", variables={"TOCSIN_NOTIFY": "none"}) == Seen(0, "", "")
    assert station.titles == []


def test_the_command_inherits_notify(station: Station) -> None:
    asked = station.python("import os; print(os.environ.get('TOCSIN_NOTIFY'))", "--notify", "none")
    assert asked == Seen(0, "none\n", "")


def test_a_bad_configuration_stops_nothing(station: Station) -> None:
    (station.home / "tocsin.toml").write_text("olny = ['Failed']\n")
    seen = station.python("raise SystemExit(2)")
    assert seen.status == 2
    assert "tocsin.toml:1: olny" in seen.err
    assert seen.err.count("\n") == 1
    assert station.titles == ["Failed"]


def test_a_state_folder_that_cannot_be_written_stops_nothing(station: Station) -> None:
    nowhere = station.home / "file"
    nowhere.write_text("")
    seen = station.python("raise SystemExit(2)", variables={"TOCSIN_STATE_DIR": str(nowhere)})
    assert seen.status == 2
    assert seen.err.startswith("tocsin: this run is not in the history: cannot create its lock in ")
    assert seen.err.count("\n") == 1
    assert station.titles == ["Failed"]


def last_lines(station: Station, program: str, *options: str, variables: Mapping[str, str] | None = None) -> str:
    """Run a Python program, and return the last lines in the message about it."""
    station.python(program, *options, variables=variables)
    return station.messages[-1]["Last lines"].strip("`")


def test_the_last_lines_are_counted_as_a_terminal_shows_them(station: Station) -> None:
    bar = "\\n".join(f"layer {number}: waiting" for number in (1, 2)) + "\\n\\x1b[2A\\x1b[2Klayer 1: done\\r\\x1b[2B\\x1b[1m\\x1b[0m\\n"
    assert last_lines(station, "print('error: no such table'); print()", "--tail", "1") == "error: no such table"
    assert last_lines(station, f"print('{bar}')", "--tail", "2") == "layer 1: done\nlayer 2: waiting"


def test_a_secret_of_several_lines_is_searched_before_the_lines_are_counted(station: Station) -> None:
    secret = "one two\nthree four\nfive six"
    for program in (
        "import os; print(os.environ['DEPLOY_KEY'])",
        "import os; print(os.environ['DEPLOY_KEY'].replace('\\n', '\\r\\n\\x1b[m'))",
    ):
        assert last_lines(station, program, "--tail", "1", variables={"DEPLOY_KEY": secret}) == "[DEPLOY_KEY]"


def test_a_secret_that_is_overwritten_in_part_is_hidden_whole(station: Station) -> None:
    program = "import os; print(os.environ['DEPLOY_KEY'] + '\\rdone')"
    lines = last_lines(station, program, "--tail", "1", variables={"DEPLOY_KEY": "kR9-canary-of-this-test"})
    assert lines == "doneLOY_KEY]"


def test_other_statuses_may_be_expected(station: Station) -> None:
    words = ("--expect", "0,3", "--retries", "1", "--retry-delay", "0", "--on-change", "--ping", station.server.url)
    for status in (5, 3, 0, 5):
        assert station.python(f"raise SystemExit({status})", *words).status == status
    assert station.titles == ["Failed", "Success", "Failed"]
    assert station.messages[1]["fallback"].endswith(": exit status 3, which was expected")
    pings = [request.path.rpartition("/")[2] for request in station.server.requests if request.method == "GET"]
    assert [ping == "5" for ping in pings if ping != "start"] == [True, False, False, True]


def test_with_retries_the_whole_is_told_and_then_the_attempt(station: Station) -> None:
    station.python("raise SystemExit(9)", "--retries", "1", "--retry-delay", "1.2")
    took = r"failed after (1\.[2-9]|[2-9]\.\d|\d\d) s, attempt 2 after (\d+ ms|\d\.\d s): exit status 9$"
    assert re.search(took, station.messages[0]["fallback"])
    assert re.search(r" s in all, attempt 2 took ", station.messages[0]["Duration"])


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}], ids=["C", "ASCII"]
)
def test_a_label_in_utf_8_survives_any_locale(station: Station, locale: dict[str, str]) -> None:
    program = r"import sys; sys.stdout.buffer.write(b'm\xc3\xbcde')"
    station.run_from_the_start("--label", "café ☃", "--show-command", "--tail", "1", "--", *PYTHON, program, "müde", variables=locale)
    assert station.messages[0]["fallback"].startswith("café ☃ succeeded after ")
    assert "müde" in station.messages[0]["Command"]
    assert station.messages[0]["Last lines"].strip("`") == "müde"


def test_a_secret_beyond_ascii_is_redacted_in_any_locale(station: Station) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "DB_PASSWORD": "schlüssel-4711-x"}
    program = "import os; os.write(1, os.environb[b'DB_PASSWORD'])"
    station.run_from_the_start("--tail", "1", "--", *PYTHON, program, variables=ascii_only)
    assert station.messages[0]["Last lines"].strip("`") == "[DB_PASSWORD]"


# --- reasons ------------------------------------------------------------------------------------------------------------------


def test_a_preview_says_why_nothing_would_be_sent(station: Station) -> None:
    for _ in range(2):
        station.python("pass", "--on-change")
    seen = station.python("pass", "--on-change", "--notify", "print")
    assert seen == Seen(0, "", "tocsin: no message would be sent: the 3rd success in a row\n")
    assert '"to": "Slack (SLACK_WEBHOOK_URL)"' in station.python("raise SystemExit(1)", "--on-change", "--notify", "print").err
    (station.home / "tocsin.toml").write_text("notifiers = []\n")
    seen = station.python("pass", variables={"TOCSIN_NOTIFY": "print"})
    assert seen == Seen(0, "", "tocsin: no message would be sent: the configuration names no notifier\n")


def test_what_became_of_each_change_is_shown_when_asked_for(station: Station) -> None:
    station.server.replies += [Reply(), Reply(404, "no_service"), Reply(500, "")]
    seen = station.python("raise SystemExit(3)", "--explain", "--ping", station.server.url)
    lines = [line for line in seen.err.splitlines() if not line.startswith("tocsin: ")]
    assert (seen.status, seen.out) == (3, "")
    assert [line for line in lines if not line.startswith(" ")] == [
        "nightly load: Pending \u2192 Running()",
        'nightly load: Running \u2192 Failed("exit status 3")',
    ]
    assert next(line.rpartition(": ")[2] for line in lines if "dead-man" in line) == "delivered"
    assert any("the new state, Running, is none of Finished" in line for line in lines)
    assert any("failed: " in line for line in lines)
    assert station.server.canary not in seen.err


def test_a_value_of_an_env_file_is_in_no_message(station: Station) -> None:
    (station.home / "job.env").write_text("DB_PASSWORD=hunter2-canary\n")
    program = "import os; print('the word is', os.environ['DB_PASSWORD']); raise SystemExit(1)"
    seen = station.python(program, "--tail", "1", "--env-file", "job.env")
    assert seen.out == "the word is hunter2-canary\n"
    assert "the word is [DB_PASSWORD]" in station.messages[0]["Last lines"]


# --- one cause, one line ------------------------------------------------------------------------------------------------------


def test_a_database_that_is_down_is_one_line(station: Station) -> None:
    variables = {
        "TOCSIN_DELIVERY_OUTBOX": "true",
        "TOCSIN_DELIVERY_OUTBOX_SECRET": "OUTBOX_URL",
        "OUTBOX_URL": f"postgresql://me:hunter2@127.0.0.1:{free_port()}/outbox",
    }
    seen = station.python("raise SystemExit(3)", variables=variables)
    assert seen.status == 3
    assert seen.err.startswith("tocsin: the outbox at postgresql://me@127.0.0.1:")
    assert seen.err.endswith("; until then, messages are sent without it, and are lost if the process dies\n")
    assert seen.err.count("\n") == 1
    assert station.titles == ["Failed"]


@pytest.mark.parametrize("beside", [True, False], ids=["beside a daemon", "alone"])
def test_a_message_that_a_daemon_sends_is_not_said_to_wait(station: Station, beside: bool) -> None:
    path = station.home / ".local/state/tocsin/outbox.sqlite"
    path.parent.mkdir(parents=True)
    daemon = FileLock(str(path))
    if beside:
        daemon.take()
    station.server.replies += [Reply(manner="silent")] * 5
    variables = {"TOCSIN_DELIVERY_OUTBOX": "true", "TOCSIN_DELIVERY_EXIT_TIMEOUT": "0.2"}
    seen = station.python("raise SystemExit(3)", variables=variables)
    daemon.release()
    said = f"tocsin: 1 message waits in the outbox at {path}: the next program with it sends it, or tocsin outbox drain\n"
    assert seen == Seen(3, "", "" if beside else said)
