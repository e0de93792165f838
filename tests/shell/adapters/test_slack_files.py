"""Files of a message as a Slack app: uploaded once, after the message, into its thread; a failure is a line in the log."""

import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.servers.slack import Reply, SlackServer
from tests.servers.slack_api import CHANNEL, SlackApiServer
from tests.shell.adapters.test_mail_attachments import NAMES
from tests.shell.adapters.test_slack_app import api, message, reaching, slack, speak
from tocsin.adapters import SlackWebhook
from tocsin.core.attachments import Attachment
from tocsin.core.delivery.rendering import with_attachments
from tocsin.core.effects import PostToSlack
from tocsin.core.outcomes import Ambiguous, Delivered
from tocsin.core.services.slack_api import upload_fault
from tocsin.shell.adapters.time_limits import with_deadline

__all__ = ["api", "slack"]

PLOT = Attachment("loss.png", b"\x89PNG\r\n" * 40, "image/png")
TABLE = Attachment("rows & <more>.csv", b"a,b\r\n1,2\r\n", "text/csv")
UPLOAD = ["files.getUploadURLExternal", "F000000000", "files.completeUploadExternal"]


def with_files(said: PostToSlack, *files: Attachment) -> PostToSlack:
    changed = with_attachments(said, files)
    assert isinstance(changed, PostToSlack)
    return changed


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "tocsin" and record.levelno == logging.WARNING]


def test_files_follow_their_message_into_its_thread(slack: SlackWebhook, api: SlackApiServer, caplog: pytest.LogCaptureFixture) -> None:
    assert speak(slack, api, with_files(message("began"), PLOT, TABLE)) == Delivered()
    assert speak(slack, api, with_files(message("ended", 1), TABLE)) == Delivered()
    parent = api.messages[0].ts
    assert [(file.name, file.title, file.content, file.channel, file.thread) for file in api.files.values()] == [
        (each.name, each.name, each.content, CHANNEL, parent) for each in (PLOT, TABLE, TABLE)
    ]
    assert [call.method for call in api.calls] == [
        "chat.postMessage", "files.getUploadURLExternal", "F000000000", "files.getUploadURLExternal", "F000000001",
        "files.completeUploadExternal", "chat.postMessage", "chat.update", "files.getUploadURLExternal", "F000000002",
        "files.completeUploadExternal",
    ]  # fmt: skip
    assert not warnings(caplog)


def test_the_token_is_not_sent_to_where_the_bytes_go(slack: SlackWebhook, api: SlackApiServer) -> None:
    speak(slack, api, with_files(message("began"), PLOT))
    (sent,) = (call for call in api.calls if call.content)
    assert api.token not in repr(sent)
    assert sent.headers["content-type"] == "application/octet-stream"
    assert [call.headers["authorization"] for call in api.calls if not call.content] == [f"Bearer {api.token}"] * 3


def test_what_is_empty_or_not_here_is_not_uploaded(slack: SlackWebhook, api: SlackApiServer) -> None:
    assert speak(slack, api, with_files(message("began"), Attachment("none.txt", b""), PLOT.detached)) == Delivered()
    assert [call.method for call in api.calls] == ["chat.postMessage"]


def test_a_missing_scope_is_a_line_and_no_failure(slack: SlackWebhook, api: SlackApiServer, caplog: pytest.LogCaptureFixture) -> None:
    api.scopes = "chat:write"
    assert speak(slack, api, with_files(message("began"), PLOT)) == Delivered()
    assert warnings(caplog) == [
        "tocsin: Slack did not take all files of the message about 'load' to #ops (loss.png (240 bytes)): 127.0.0.1 answered "
        "missing_scope: give the app the scope files:write (OAuth & Permissions), and install it again"
    ]


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([None, "file_uploads_disabled"], ("file_uploads_disabled: the workspace takes no files", UPLOAD[:1])),
        ([None, Reply(body='{"ok": true}')], ("it gave no address for the bytes", UPLOAD[:1])),
        ([None, None, Reply(500, "no")], ("127.0.0.1 did not take the bytes (HTTP 500)", UPLOAD[:2])),
        ([None, None, Reply(302, "", {"Location": "https://127.0.0.1/"})], ("did not take the bytes (HTTP 302)", UPLOAD[:2])),
        ([None, None, Reply(manner="close")], ("127.0.0.1", UPLOAD[:2])),
        ([None, None, None, "internal_error"], ("internal_error", UPLOAD)),
        ([None, None, None, Reply(manner="close")], ("127.0.0.1", UPLOAD)),
        ([Reply(body='{"ok": true}')], ("it gave no id of the message", [])),
    ],
)
def test_a_failed_upload_is_a_line_and_is_not_repeated(
    replies: list[Reply | str | None],
    expected: tuple[str, list[str]],
    slack: SlackWebhook,
    api: SlackApiServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    api.replies = replies
    assert speak(slack, api, with_files(message("began"), PLOT)) == Delivered()
    (line,) = warnings(caplog)
    assert line.startswith("tocsin: Slack did not take all files of the message about 'load' to #ops (loss.png (240 bytes)): ")
    assert expected[0] in line
    assert [call.method for call in api.calls] == ["chat.postMessage", *expected[1]]


def test_one_file_that_fails_keeps_no_other_away(slack: SlackWebhook, api: SlackApiServer, caplog: pytest.LogCaptureFixture) -> None:
    api.replies = [None, None, Reply(413, "no")]
    speak(slack, api, with_files(message("began"), PLOT, TABLE))
    assert [file.name for file in api.files.values() if file.thread] == [TABLE.name]
    assert "(loss.png (240 bytes)): 127.0.0.1 did not take the bytes (HTTP 413)" in warnings(caplog)[0]


def test_a_message_that_failed_uploads_nothing(slack: SlackWebhook, api: SlackApiServer) -> None:
    api.replies = ["internal_error"]
    assert isinstance(speak(slack, api, with_files(message("lost"), PLOT)), Ambiguous)
    assert len(api.calls) == 1


def test_bytes_go_to_slack_alone(
    slack: SlackWebhook, api: SlackApiServer, slack_server: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    api.upload_url = f"https://localhost:{slack_server.port}/upload/v1/F0"
    assert speak(slack, api, with_files(message("began"), PLOT)) == Delivered()
    assert slack_server.connections == 0
    assert "the address that it gave for the bytes is refused: it does not lead to slack.com or slack-gov.com" in caplog.text


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://files.slack.com/upload/v1/A", True),
        ("https://slack.com/upload", True),
        ("https://files.slack-gov.com:443/upload/v1/A", True),
        ("https://files.slack.com:444/upload/v1/A", False),
        ("http://files.slack.com/upload/v1/A", False),
        ("https://files.slack.com@evil.example/upload", False),
        ("https://evilslack.com/upload", False),
        ("https://slack.com.evil.example/upload", False),
        ("https://127.0.0.1/upload", False),
    ],
)
def test_an_address_for_bytes_is_slacks(url: str, good: bool) -> None:
    assert (upload_fault(url) is None) is good


def test_the_overall_deadline_holds(api: SlackApiServer, ca_bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    api.replies = [None, Reply(manner="silent")]
    slack = reaching(api, ca_bundle, deadline=0.5)
    assert speak(slack, api, with_files(message("began"), PLOT, TABLE)) == Delivered()
    assert len(warnings(caplog)) == 1
    slack.close()


def test_an_upload_waits_no_longer_than_the_callers_deadline(
    slack: SlackWebhook, api: SlackApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    speak(slack, api, message("one"))
    with with_deadline(0.0):
        assert speak(slack, api, with_files(message("two", slug="add"), PLOT)) == Delivered()
    assert [call.method for call in api.calls] == ["chat.postMessage"] * 2
    assert "did not take all files" in caplog.text


def test_a_handler_of_logging_that_raises_fails_no_message(slack: SlackWebhook, api: SlackApiServer) -> None:
    class Raising(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError(record.getMessage())

    api.scopes, handler = "", Raising()
    logging.getLogger("tocsin").addHandler(handler)
    try:
        assert speak(slack, api, with_files(message("began"), PLOT)) == Delivered()
    finally:
        logging.getLogger("tocsin").removeHandler(handler)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES, st.binary(min_size=1, max_size=50))
@example("a&length=1&token=x", b"\0")
def test_any_name_and_any_bytes_arrive(slack: SlackWebhook, api: SlackApiServer, name: str, content: bytes) -> None:
    api.files.clear()
    file = Attachment(name, content)
    speak(slack, api, with_files(message("began"), file))
    (found,) = api.files.values()
    assert (found.name, found.title, found.content) == (file.file_name, file.file_name, content)


def test_a_file_that_breaks_fails_no_message(slack: SlackWebhook, api: SlackApiServer, caplog: pytest.LogCaptureFixture) -> None:
    class Odd(Attachment):
        @property
        def file_name(self) -> str:
            raise RuntimeError("no name")

    assert speak(slack, api, with_files(message("began"), Odd("odd.png", b"abc"))) == Delivered()
    assert warnings(caplog) == ["tocsin: Slack did not take all files of the message about 'load' to #ops: RuntimeError: no name"]
