"""``tocsin preview``: what a flow would say, without running a body."""

import json
import time

import pytest

from tests.cli.terminal_session import HEAD, Seen, Typist

SOURCE = f"""{HEAD}
from datetime import timedelta
from pathlib import Path
from tocsin import triggers

slack = slack_notifier(only_states=[Failed, Retrying])
mail = gmail_notifier(to=["ops@example.com"], only_states=[Failed])

def pager(task, old, new):
    Path("called").touch()

def page(flow, state):
    Path("called").touch()

@task(max_retries=1, retry_delay=timedelta(minutes=5), state_handlers=[slack, pager])
def load():
    Path("ran").touch()

@task(name="load", timeout=30.0, state_handlers=[slack])
def reload(before):
    Path("ran").touch()

@task(trigger=triggers.any_failed, state_handlers=[slack_notifier(only_states=[Success])])
def clean(before):
    Path("ran").touch()

with Flow("nightly", state_handlers=[slack, mail], on_failure=page) as flow:
    clean(reload(load()))
"""
EMPTY = f"{HEAD}\nflow = Flow('idle')"


def shown(tocsin: Typist, *options: str, source: str = SOURCE) -> Seen:
    """Write the file and preview it."""
    (tocsin.folder / "flows.py").write_text(source)
    seen = tocsin("preview", "flows.py", *options)
    assert not (tocsin.folder / "ran").exists()
    assert not (tocsin.folder / "called").exists()
    return seen


def sentences(tocsin: Typist, *options: str) -> list[str]:
    """The sentences that would be sent."""
    seen = shown(tocsin, "--json", *options)
    assert seen.status == 0, seen
    return [effect["sentence"] for effect in json.loads(seen.out)["effects"] if effect["sentence"] is not None]


def test_all_tasks_succeed_unless_it_is_said(tocsin: Typist) -> None:
    seen = shown(tocsin, "--json")
    found = json.loads(seen.out)
    assert (seen.status, seen.err, found["state"]["kind"], found["supposed"]) == (0, "", "Failed", [])
    assert [(task["name"], task["state"]["kind"]) for task in found["tasks"]] == [
        ("load", "Success"),
        ("load-2", "Success"),
        ("clean", "TriggerFailed"),
    ]
    assert sentences(tocsin) == ["nightly failed after 2 m: Some reference tasks failed."] * 2


def test_retries_and_triggers_follow_from_a_failure(tocsin: Typist) -> None:
    found = sentences(tocsin, "--fail", "load-2")
    assert [text.partition(" after 1 m: ")[2] for text in found] == ["RuntimeError: made up by tocsin preview", ""]
    found = sentences(tocsin, "--fail", "load")
    assert sum("will be tried again" in text for text in found) == 1
    assert sum("made up by tocsin preview" in text for text in found) >= 2


def test_who_says_nothing_and_why(tocsin: Typist) -> None:
    found = json.loads(shown(tocsin, "--fail", "load", "--json").out)
    reasons = {(each["about"], each["handler"]): each["reason"] for each in found["not_sent"]}
    assert reasons["load", "pager"] == "a function of yours, which would be called"
    assert "is none of Failed, Retrying" in reasons["nightly", "slack_notifier(only_states=[Failed, Retrying])"]
    found = json.loads(shown(tocsin, "--state", "failed", "--json").out)
    calls = [effect for effect in found["effects"] if effect["kind"] == "callback"]
    assert [call["calls"] for call in calls] == ["page"]


@pytest.mark.parametrize(
    ("state", "ends"),
    [
        ("success", ["Success", "Success", "TriggerFailed"]),
        ("Failed", ["Failed", "TriggerFailed", "Failed"]),
        ("timedout", ["TimedOut", "TriggerFailed", "TimedOut"]),
        ("aborted", ["Aborted", "Pending", "Pending"]),
        ("skipped", ["Skipped", "Skipped", "Skipped"]),
        ("paused", ["Paused", "Pending", "Pending"]),
        ("triggerfailed", ["TriggerFailed", "TriggerFailed", "TriggerFailed"]),
    ],
)
def test_each_end_of_all_tasks(tocsin: Typist, state: str, ends: list[str]) -> None:
    found = json.loads(shown(tocsin, "--state", state, "--json").out)
    assert [task["state"]["kind"] for task in found["tasks"]] == ends
    assert {each["kind"].lower() for each in found["supposed"]} == {state.lower()}


def test_a_time_out_lasts_as_long_as_it_may(tocsin: Typist) -> None:
    found = json.loads(shown(tocsin, "--fail", "load-2", "--state", "timedout", "--json").out)
    assert found["tasks"][1]["state"] == {"kind": "TimedOut", "message": "Task timed out during execution."}
    assert any("after 30 s" in (effect["sentence"] or "") for effect in found["effects"])


def test_it_is_drawn(tocsin: Typist) -> None:
    seen = shown(tocsin, "--fail", "load-2")
    assert seen.status == 0
    lines = seen.out.splitlines()
    assert lines[0] == (
        "What nightly would say if load-2 ended in Failed (made up by tocsin preview). Nothing is sent, and no body runs: each is "
        "taken to last 1 m."
    )
    assert any(line.startswith("▌ load") and line.endswith(" is now in a Failed state") for line in lines)
    assert "  slack_notifier(only_states=[Success]) → Slack (SLACK_WEBHOOK_URL): 1" in lines
    assert "Not sent:" in lines
    assert any(line.startswith("would leave: ") for line in lines)


def test_many_messages_take_a_line_each(tocsin: Typist) -> None:
    few, whole = shown(tocsin, "--state", "failed"), shown(tocsin, "--state", "failed", "-v")
    assert "(-v shows them whole)" in few.out
    assert "▌" not in few.out
    assert "▌ load is now in a Failed state" in whole.out
    assert few.out.startswith("What nightly would say if all its tasks ended in Failed. ")


def test_many_tasks_are_counted(tocsin: Typist) -> None:
    source = f"{HEAD}\nflow = Flow('wide', tasks=[Task(f'task {{n}}', state_handlers=[slack_notifier]) for n in range(30)])"
    words = [word for n in range(29) for word in ("--fail", f"task {n}")]
    first = shown(tocsin, *words, source=source).out.splitlines()[0]
    assert "task 0 ended in Failed and task 1 ended in Failed and task 2 ended in Failed and 26 more" in first
    handlers = f"{HEAD}\nf = [slack_notifier(only_states=[Failed], title_link=f'https://example.com/{{n}}') for n in range(30)]\n"
    seen = shown(tocsin, source=f"{handlers}flow = Flow('wide', state_handlers=f)")
    assert " more (-v shows all)" in seen.out
    assert " more (-v shows all)" not in shown(tocsin, "-v", source=f"{handlers}flow = Flow('wide', state_handlers=f)").out


def test_of_nothing_nothing_is_said(tocsin: Typist) -> None:
    seen = shown(tocsin, source=EMPTY)
    assert seen.out.startswith("What idle would say if all its tasks ended in Success.")
    assert seen.out.endswith("no message would leave\n")


def test_a_filter_that_raises_is_no_error(tocsin: Typist) -> None:
    source = (
        f"{HEAD}\ndef broken(_):\n    raise OSError\n\nflow = Flow('idle', state_handlers=[slack_notifier(when=filters.where(broken))])"
    )
    assert shown(tocsin, source=source).status == 0


def test_a_silenced_label_is_named(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tocsin.folder / "state"))
    assert tocsin("silence", "nightly", "--for", "2h", "--because", "deploy").status == 0
    time.sleep(1.1)  # the folder is looked at once in a second
    assert "Silent now:\n  nightly: silent until " in shown(tocsin).out
    found = json.loads(shown(tocsin, "--json").out)
    assert [each["label"] for each in found["silenced"]][:1] == ["nightly"]


# --- what cannot be previewed -------------------------------------------------------------------------------------------------


def test_a_misspelt_task_or_state_is_one_line(tocsin: Typist) -> None:
    assert shown(tocsin, "--fail", "laod").err == "tocsin: the flow 'nightly' has no task 'laod': did you mean load?\n"
    assert shown(tocsin, "--fail", "xyzzy").err == "tocsin: the flow 'nightly' has no task 'xyzzy': its tasks are load, load-2, clean\n"
    assert shown(tocsin, "--fail", "x", source=EMPTY).err == "tocsin: the flow 'idle' has no task 'x': its tasks are none\n"
    seen = shown(tocsin, "--state", "timeout")
    assert (seen.status, seen.out) == (2, "")
    assert seen.err == "tocsin: --state: no body ends in 'timeout': did you mean timedout?\n"
    assert shown(tocsin, "--state", "xyzzy").err.startswith("tocsin: --state: no body ends in 'xyzzy': write one of success, failed, ")


def test_a_file_without_a_flow_is_one_line(tocsin: Typist) -> None:
    seen = shown(tocsin, source="x = 1")
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith("tocsin: flows.py holds no flow: ")
    seen = shown(tocsin, source=f"{HEAD}a, b = Flow('a'), Flow('b')")
    assert seen.err == "tocsin: flows.py holds 2 flows (a, b): write `tocsin preview flows.py:a`\n"
    seen = shown(tocsin, source="1 / 0")
    assert seen.err == "tocsin: flows.py, line 1: ZeroDivisionError: division by zero (--traceback shows the rest)\n"
    assert "ZeroDivisionError" in shown(tocsin, "--traceback", source="1 / 0").err.splitlines()[-1]


def test_what_the_top_level_sends_is_not_sent_nor_shown(tocsin: Typist) -> None:
    top = f"{HEAD}\nprint('loading')\nslack_notifier(Task('top'), Running(), Failed('m'))\n"
    seen = shown(tocsin, "--json", source=f"{top}flow = Flow('idle', state_handlers=[slack_notifier])")
    assert seen.err == "loading\n"
    assert {effect["about"] for effect in json.loads(seen.out)["effects"]} == {"idle"}


def test_a_secret_is_redacted(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/canary-4711")
    source = f"""{HEAD}
SECRET = 'https://hooks.slack.com/services/T0/B0/canary-4711'

def broken(_):
    raise OSError(SECRET)

words = slack_notifier(message=lambda _: f'at {{SECRET}}', title_link=SECRET)
reason = slack_notifier(when=filters.where(broken))
mail = gmail_notifier(message=lambda _: f'one line\\nat {{SECRET}}', title_link=SECRET)
page = callback_factory(broken, check=broken)
flow = Flow('idle', tasks=[Task('load', state_handlers=[words, reason, mail, page])], state_handlers=[words, reason, mail, page])
"""
    for options in ((), ("--json",), ("-v",), ("--fail", "load", "--json"), ("--fail", "load", "-v")):
        seen = shown(tocsin, *options, source=source)
        assert seen.status == 0
        assert "canary-4711" not in seen.out + seen.err
        assert "[SLACK_WEBHOOK_URL]" in seen.out
