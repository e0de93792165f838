"""Records of loggers notify like failures, except those logged by a notification."""

import logging
import logging.config
import os
import threading
from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import attrs
import pytest
from returns.io import IOResult

from tests.watching.watched_bodies import raised
from tocsin import Failed, LoggingHandler, Recording, Running, State, Tracked, interpreting, slack_notifier, watch
from tocsin.effects import Delivered, DeliveryError, Effect, PostToSlack, Receipt
from tocsin.shell.interpreter import result_of
from tocsin.watching.emit import program_name

LOGGER = logging.getLogger("loader.rows")


@pytest.fixture
def handler() -> Iterator[LoggingHandler]:
    """Attach a handler that notifies Slack."""
    made = LoggingHandler(state_handlers=[slack_notifier])
    LOGGER.addHandler(made)
    yield made
    LOGGER.removeHandler(made)


def sentences(recording: Recording) -> list[str]:
    return [effect.payload.fallback for effect in recording.effects if isinstance(effect, PostToSlack)]


def fields(recording: Recording) -> dict[str, str]:
    last = recording.effects[-1]
    assert isinstance(last, PostToSlack)
    return {field.title: field.value for field in last.payload.fields}


@pytest.mark.usefixtures("handler")
def test_records_from_a_level_on_are_sent(notifications: Recording) -> None:
    LOGGER.warning("not yet")
    LOGGER.error("%d rows are missing", 3)
    LOGGER.critical("all is lost")
    assert sentences(notifications) == ["loader.rows failed: 3 rows are missing", "loader.rows failed: all is lost"]
    assert fields(notifications)["Message"] == "all is lost"
    assert fields(notifications)["Logged"].startswith("CRITICAL at test_logging_handler.py:")


def test_a_record_is_a_change_from_running_to_failed() -> None:
    changes: list[tuple[str, State, State]] = []

    def keep(tracked_obj: Tracked, old: State, new: State) -> None:
        changes.append((tracked_obj.name, old, new))

    LoggingHandler(state_handlers=[keep]).handle(logging.LogRecord("job", logging.ERROR, "x.py", 3, "disk full", None, None))
    assert changes == [("job", Running(), Failed("disk full"))]


@pytest.mark.usefixtures("handler")
def test_an_exception_is_sent_with_its_record(notifications: Recording) -> None:
    try:
        raise LookupError("no such row")
    except LookupError:
        LOGGER.exception("could not load")
    assert sentences(notifications) == ["loader.rows failed: could not load: LookupError: no such row"]
    shown = fields(notifications)
    assert (shown["Message"], shown["Error"]) == ("could not load", "```LookupError: no such row```")
    assert shown["Raised at"].startswith("```test_logging_handler.py:")


@pytest.mark.usefixtures("handler")
def test_an_exception_that_a_watch_reported_is_not_reported_again(notifications: Recording) -> None:
    def work() -> None:
        with watch("load", state_handlers=[slack_notifier(only_states=[Failed])]):
            raise LookupError("no such row")

    error = raised(work)
    LOGGER.error("could not load", exc_info=error)
    assert [text.split()[0] for text in sentences(notifications)] == ["load"]


def test_a_formatter_words_the_message(handler: LoggingHandler, notifications: Recording) -> None:
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    LOGGER.error("disk full")
    assert sentences(notifications) == ["loader.rows failed: ERROR: disk full"]


def test_a_formatter_does_not_repeat_the_exception(handler: LoggingHandler, notifications: Recording) -> None:
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    LOGGER.error("could not load", exc_info=LookupError("no such row"))
    assert sentences(notifications) == ["loader.rows failed: ERROR: could not load: LookupError: no such row"]
    assert fields(notifications)["Message"] == "```ERROR: could not load```"


@pytest.mark.parametrize("style", ["%", "{", "$"])
def test_the_format_of_basic_config_adds_nothing(
    handler: LoggingHandler, notifications: Recording, monkeypatch: pytest.MonkeyPatch, style: Literal["%", "{", "$"]
) -> None:
    root = logging.Logger("apart")  # so that pytest's own handlers stay
    with monkeypatch.context() as patched:
        patched.setattr(logging, "root", root)
        logging.basicConfig(handlers=[handler], style=style)
    assert handler.formatter is not None
    root.error("disk full")
    assert sentences(notifications) == ["apart failed: disk full"]


def test_a_record_of_the_root_logger_is_named_after_the_program(handler: LoggingHandler, notifications: Recording) -> None:
    handler.handle(logging.LogRecord("root", logging.ERROR, "x.py", 3, "disk full", None, None))
    assert sentences(notifications) == [f"{program_name()} failed: disk full"]


def test_an_exception_that_is_logged_as_the_message_is_told_once(handler: LoggingHandler, notifications: Recording) -> None:
    error = LookupError("no such row")
    LOGGER.error(error, exc_info=error)
    LOGGER.error("could not load: %s", error, exc_info=error)
    assert sentences(notifications) == [
        "loader.rows failed: LookupError: no such row",
        "loader.rows failed: could not load: LookupError: no such row",
    ]
    assert fields(notifications)["Message"] == "could not load"


WITH_VARIABLES = {
    "Traceback": "Traceback (most recent call last):\n  File load.py, line 3\n    key -> 'hunter2-local'\n{error}",
    "a group's": "  + Exception Group Traceback (most recent call last):\n  |   File load.py\n  |   -> 'hunter2-local'\n  | {error}",
}


@pytest.mark.parametrize("form", WITH_VARIABLES)
@pytest.mark.parametrize("error", [OSError("disk full"), ExceptionGroup("two tasks", [OSError("disk full")])])
def test_a_message_is_cut_where_the_traceback_of_its_exception_begins(
    form: str, error: Exception, handler: LoggingHandler, notifications: Recording
) -> None:
    text = f"bad\n{WITH_VARIABLES[form]}".format(error=f"{type(error).__name__}: {error}")
    record = logging.LogRecord("loader", logging.ERROR, "load.py", 3, text, (), (type(error), error, None), "load")
    handler.emit(record)
    (post,) = notifications.slack
    assert post.payload.fallback.startswith("loader failed: bad: OSError: disk full")
    assert "hunter2" not in post.payload.to_json()


@pytest.mark.parametrize("info", [None, (None, None, None), (RuntimeError, RuntimeError("local"), None)])
def test_a_traceback_of_something_else_stays(info: object, handler: LoggingHandler, notifications: Recording) -> None:
    record = logging.LogRecord(
        "loader", logging.ERROR, "load.py", 3, "db-3:\nTraceback (most recent call last):\nOSError: full", (), None
    )
    vars(record)["exc_info"] = info
    handler.emit(record)
    assert "OSError: full" in notifications.slack[0].payload.to_json()


def test_a_record_that_cannot_be_formatted_is_sent_unformatted(handler: LoggingHandler, notifications: Recording) -> None:
    handler.handle(logging.LogRecord("job", logging.ERROR, "x.py", 3, "%d rows", ("three",), None))
    assert sentences(notifications)[0].startswith("job failed: '%d rows', which cannot be formatted: TypeError: %d format")


@pytest.mark.parametrize("info", [(None, None, None), ("a", "b"), (None, "text", None)])
def test_an_exc_info_that_is_none_is_no_exception(info: object, notifications: Recording) -> None:
    record = logging.LogRecord("job", logging.ERROR, "x.py", 3, "disk full", None, None)
    vars(record)["exc_info"] = info
    LoggingHandler(state_handlers=[slack_notifier]).emit(record)
    assert "Error" not in fields(notifications)


@attrs.frozen
class Chatty:
    """Logs while it sends, as urllib3 does."""

    notify: ClassVar[str] = "none"  # it sends nothing, so it is asked whatever the environment says

    sent: list[Effect] = attrs.field(factory=list[Effect])

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.sent.append(effect)
        LOGGER.error("retrying")
        logging.getLogger("tocsin.inside").error("retrying")
        return result_of(Delivered())


@pytest.mark.usefixtures("handler")
def test_it_ignores_what_is_logged_while_it_notifies() -> None:
    with interpreting(Chatty()) as chatty:
        LOGGER.error("disk full")
        with watch("job", state_handlers=[slack_notifier(only_states=[Failed])]):
            pass
        assert raised(_fail) is not None
    assert len(chatty.sent) == 2


def _fail() -> None:
    with watch("job", state_handlers=[slack_notifier(only_states=[Failed])]):
        raise ValueError("no rows")


@pytest.mark.parametrize("name", ["tocsin", "tocsin.shell"])
def test_it_ignores_loggers_of_tocsin(name: str, notifications: Recording) -> None:
    LoggingHandler(state_handlers=[slack_notifier]).handle(logging.LogRecord(name, logging.ERROR, "x.py", 3, "failed", None, None))
    assert notifications.effects == ()


def test_it_ignores_the_thread_that_sends_for_an_event_loop(notifications: Recording) -> None:
    record = logging.LogRecord("urllib3", logging.ERROR, "x.py", 3, "retrying", None, None)
    record.threadName = "tocsin_0"
    LoggingHandler(state_handlers=[slack_notifier]).handle(record)
    assert notifications.effects == ()


def test_other_threads_can_log_while_it_notifies() -> None:
    notifying, logged = threading.Event(), threading.Event()

    def slow(tracked_obj: object, old: State, new: State) -> None:
        if new.message == "first":
            notifying.set()
            assert logged.wait(30)

    handler = LoggingHandler(state_handlers=[slow])
    LOGGER.addHandler(handler)
    try:
        first = threading.Thread(target=LOGGER.error, args=["first"])
        first.start()
        assert notifying.wait(30)
        LOGGER.error("second")
        logged.set()
        first.join(30)
        assert not first.is_alive()
    finally:
        LOGGER.removeHandler(handler)


def test_nothing_it_meets_is_raised(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("no entropy")

    monkeypatch.setattr("tocsin.watching.logging_handler.run_id", broken)
    LoggingHandler(state_handlers=[]).emit(logging.LogRecord("unlucky.logger", logging.ERROR, "x.py", 3, "failed", None, None))
    assert caplog.messages == ["tocsin: could not notify about 'unlucky.logger', which goes on: OSError: no entropy"]


def test_a_closed_handler_is_silent(handler: LoggingHandler, notifications: Recording) -> None:
    handler.close()
    LOGGER.error("disk full")
    assert notifications.effects == ()


def test_filters_are_asked_first(handler: LoggingHandler, notifications: Recording) -> None:
    def only_rows(record: logging.LogRecord) -> bool:
        return "rows" in record.getMessage()

    handler.addFilter(only_rows)
    LOGGER.error("disk full")
    LOGGER.error("3 rows")
    assert sentences(notifications) == ["loader.rows failed: 3 rows"]


def test_a_filter_may_replace_the_record(notifications: Recording) -> None:
    other = logging.LogRecord("other", logging.ERROR, "x.py", 3, "replaced", None, None)

    handler = LoggingHandler(state_handlers=[slack_notifier])
    vars(handler)["filter"] = lambda record: other  # as it does from Python 3.12 on
    assert handler.handle(logging.LogRecord("job", logging.ERROR, "x.py", 3, "original", None, None))
    assert sentences(notifications) == ["other failed: replaced"]


def test_it_can_be_configured_from_a_dict(notifications: Recording) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "people": {"class": "tocsin.LoggingHandler", "level": "CRITICAL", "state_handlers": ["ext://tocsin.slack_notifier"]}
            },
            "loggers": {"configured": {"handlers": ["people"]}},
        }
    )
    logger = logging.getLogger("configured")
    logger.error("not yet")
    logger.critical("now")
    logger.handlers.clear()
    assert sentences(notifications) == ["configured failed: now"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"level": "LOUD"}, "Unknown level: 'LOUD'"),
        ({"level": 1.5}, "Level not an integer or a valid string: 1.5"),
        ({"state_handlers": ["slack"]}, "state_handlers takes callables, and 'slack' is none: write state_handlers=[slack_notifier]"),
        ({"state_handlers": slack_notifier}, "state_handlers takes a list of handlers"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options: Mapping[str, object], error: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        LoggingHandler(**options)  # type: ignore[arg-type]  # as in code that has no types
    assert str(caught.value).startswith(error)


def test_the_handlers_of_the_configuration_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.watching.recipients._default", None)
    monkeypatch.delenv("SLACK_WEBHOOK_URL", raising=False)
    assert [repr(handler) for handler in LoggingHandler().handlers] == ["slack_notifier(only_states=[Finished])"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_is_forked_while_another_thread_notifies_can_notify() -> None:
    notifying, forked = threading.Event(), threading.Event()
    messages: list[str | None] = []

    def slow(tracked_obj: object, old: State, new: State) -> None:
        messages.append(new.message)
        notifying.set()
        assert new.message == "in the child" or forked.wait(30)

    handler = LoggingHandler(state_handlers=[slow])
    thread = threading.Thread(target=handler.handle, args=[_record("in the parent")])
    thread.start()
    assert notifying.wait(30)
    child = os.fork()
    if child == 0:  # pragma: no cover - the child exits at once and records no coverage
        handler.handle(_record("in the child"))
        os._exit(len(messages))
    forked.set()
    thread.join(30)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    assert messages == ["in the parent"]


def _record(message: str) -> logging.LogRecord:
    return logging.LogRecord("job", logging.ERROR, "x.py", 3, message, None, None)
