"""Under pytest no notification is sent, except in a test that is marked so."""

import os
import subprocess
import sys

import attrs
import pytest

from tocsin import Failed, Live, Recording, Running, Task, callback_factory, interpreting, slack_notifier
from tocsin.effects import PostToSlack, Withheld
from tocsin.shell.current import current
from tocsin.shell.environment import NAME
from tocsin.shell.interpreter import outcome_of
from tocsin.testing import pytest_plugin

pytest_plugins = ["pytester"]

PRELUDE = """
import os

import pytest

from tocsin import *


def notify():  # raises where it would really send: there is no such secret
    return slack_notifier(Task("load"), Pending(), Running(), webhook_secret="NO_SUCH_SECRET")
"""
GUARDED = """
notify()  # as the module is imported

@pytest.fixture(scope="module")
def sent():
    notify()
    yield
    notify()

def test_notifications_of_fixtures_are_recorded_too(sent, notifications):
    notify()
    assert len(notifications.effects) == 2

def test_each_test_has_a_recording_of_its_own(sent, notifications):
    assert notifications.effects == ()

def test_no_live_interpreter_sends(sent):
    with interpreting(Live()):
        notify()
"""
MARKED = """
@pytest.mark.tocsin_live
def test_one_that_is_marked_sends():
    assert "TOCSIN_NOTIFY" not in os.environ
    with pytest.raises(SecretNotFound):
        notify()

def test_the_next_one_does_not():
    assert os.environ["TOCSIN_NOTIFY"] == "none"
    notify()

@pytest.mark.tocsin_live
def test_it_has_no_recording(notifications):
    notify()
"""


def test_notifications_are_recorded_and_not_sent(notifications: Recording) -> None:
    state = Failed("disk full")
    assert slack_notifier(Task("load"), Running(), state) is state
    assert [type(effect) for effect in notifications.effects] == [PostToSlack]
    assert current() is notifications


def test_callbacks_are_recorded_and_not_called(notifications: Recording) -> None:
    callback_factory(lambda task, state: pytest.fail(f"{task}, {state}"), lambda _: True)(Task("load"), Running(), Failed())
    (effect,) = notifications.effects
    with interpreting(Live()) as live:
        assert isinstance(outcome_of(live(effect)), Withheld)


def test_processes_that_a_test_starts_are_silent() -> None:
    code = "import os; print(os.environ['TOCSIN_NOTIFY'])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "none\n"


def test_the_guard_holds_from_the_import_of_a_module_to_the_end_of_its_last_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PRELUDE + GUARDED)
    pytester.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=3)


def test_without_the_plugin_the_same_module_sends(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME)
    pytester.makepyfile(PRELUDE + GUARDED)
    result = pytester.runpytest_subprocess("-p", "no:tocsin")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*SecretNotFound*NO_SUCH_SECRET*"])


@pytest.mark.tocsin_live
def test_a_test_that_is_marked_sends_for_real(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    pytester.makepyfile(PRELUDE + MARKED)
    result = pytester.runpytest_inprocess("--strict-markers")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*a test marked tocsin_live sends for real, and records no notifications*"])
    assert NAME not in os.environ


REMOVALS = (
    """
def test_for_a_while(monkeypatch):
    monkeypatch.delenv("TOCSIN_NOTIFY")
    with interpreting(Live()):
        pass
""",
    """
def test_until_the_middle_of_a_scope(monkeypatch):
    monkeypatch.delenv("TOCSIN_NOTIFY")
    with interpreting(Live()):
        monkeypatch.undo()
""",
    """
@pytest.fixture(scope="module")
def dry():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TOCSIN_NOTIFY")
        with interpreting(DryRun()):
            yield

def test_by_a_fixture_that_outlives_it(dry):
    assert "TOCSIN_NOTIFY" in os.environ

def test_after_it(dry, notifications):
    with interpreting(Live()):
        notify()
    notify()
    assert len(notifications.effects) == 1
""",
    """
def test_by_another_value():
    os.environ["TOCSIN_NOTIFY"] = "live"
""",
    """
def test_for_good():
    del os.environ["TOCSIN_NOTIFY"]
""",
)
"""Ways in which a test may change the variable that silences the process."""
IS_THERE = """
def test_the_variable_is_there():
    assert os.environ["TOCSIN_NOTIFY"] == "none"
"""


def test_a_variable_that_one_test_removes_is_back_for_the_next(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME)
    modules = [module for removal in REMOVALS for module in (removal, IS_THERE + GUARDED)]
    names = [f"test_{number}" for number in range(len(modules))]
    pytester.makepyfile(**{name: PRELUDE + module for name, module in zip(names, modules, strict=True)})
    result = pytester.runpytest_subprocess("-p", "no:randomly", *(f"{name}.py" for name in names))
    result.assert_outcomes(passed=sum(module.count("def test_") for module in modules))


CONFIGURES = """
def environments(notifications):
    Flow("load", state_handlers=[slack_notifier]).run()
    return [field.value for effect in notifications.effects for field in effect.payload.fields if field.title == "Environment"]

def test_first(monkeypatch, tmp_path, notifications):
    (tmp_path / "tocsin.toml").write_text('environment = "of one test"')
    monkeypatch.chdir(tmp_path)
    assert environments(notifications) == ["of one test"] * 2

def test_second(notifications):
    assert environments(notifications) == []

@pytest.mark.tocsin_live
def test_third(monkeypatch, tmp_path):
    (tmp_path / "tocsin.toml").write_text("slack.deadline = 7")
    monkeypatch.chdir(tmp_path)
    assert current().slack.deadline == 7

@pytest.mark.tocsin_live
def test_fourth():
    assert current().slack.deadline == 30
"""


@pytest.mark.tocsin_live
def test_the_configuration_of_one_test_is_not_that_of_the_next(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOCSIN_ENV", raising=False)
    pytester.makepyfile(PRELUDE + "from tocsin.shell.current import current\n" + CONFIGURES)
    pytester.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=4)


@attrs.define
class Worker:
    """A worker of pytest-xdist, as the plugin gets it."""

    config: pytest.Config
    workerinput: dict[str, object] = attrs.field(factory=dict[str, object])


@pytest.mark.parametrize("outside", ["print", None])
def test_a_worker_of_xdist_knows_what_it_was_outside(
    outside: str | None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(NAME)
    if outside is not None:
        monkeypatch.setenv(NAME, outside)
    node = Worker(pytester.parseconfigure())
    assert os.environ[NAME] == "none"
    pytest_plugin.pytest_configure_node(node)
    inside = Worker(pytester.parseconfig(), node.workerinput)
    monkeypatch.setattr(inside.config, "workerinput", inside.workerinput, raising=False)
    pytest_plugin.pytest_configure(inside.config)
    inside.config._ensure_unconfigure()
    assert os.environ.get(NAME) == outside


@pytest.mark.parametrize("before", ["print", "none", "live"])
def test_the_environment_is_left_as_it_was(before: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, before)
    pytester.makepyfile(PRELUDE + "def test_sent(): assert os.environ['TOCSIN_NOTIFY'] == 'none' and notify()")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    assert os.environ[NAME] == before


def test_the_marker_is_explained(pytester: pytest.Pytester) -> None:
    pytester.runpytest_inprocess("--markers").stdout.fnmatch_lines(["*tocsin_live: tocsin sends notifications for real in this test*"])
