"""Posts as a Slack app: the first message of a run starts a thread, later ones are replies, and edits keep the first up to date.

The outcome is that of the message itself. A failure to edit the run's first message, or to upload a file, is logged, and is no delivery
failure. Files are uploaded once, after the message is delivered, into its thread. The token is not sent to where the bytes go.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from tocsin.core.attachments import Attachment, listed
from tocsin.core.delivery.slack_threads import Edit, Post, Skip, Thread, edited, opened, planned, sealed
from tocsin.core.effects import Bot, PostToSlack
from tocsin.core.messages.slack import editing, posting
from tocsin.core.outcomes import Ambiguous, Delivered, DeliveryError, Outcome, Rejected, Retryable, Withheld
from tocsin.core.services.slack_api import bot_reply, posted_as, thread_refused, token_fault, upload_fault, upload_place
from tocsin.core.text import describe, one_line
from tocsin.shell.adapters import time_limits
from tocsin.shell.adapters.clock import SystemClock
from tocsin.shell.adapters.http import Transport, exchange, in_seconds, upload
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.settings import HttpSettings
from tocsin.shell.adapters.thread_cache import Place, ThreadCache
from tocsin.shell.fork_safety import PerProcess
from tocsin.shell.log import logger
from tocsin.shell.redaction import redact

if TYPE_CHECKING:
    from tocsin.shell.adapters.slack_client import ApiCall

_NAMES = 300  # characters of the names of files in a line of the log


@attrs.frozen
class AppConnection:
    """What the adapter posts with: its settings, the URL of the API, further hosts, its connections and its known threads."""

    settings: HttpSettings
    api: str
    allowed_hosts: tuple[str, ...]
    transports: PerProcess[Transport]
    threads: ThreadCache


@attrs.frozen
class _Response:
    """The outcome of a call, and the body of the response (empty if there was none)."""

    outcome: Outcome
    body: Mapping[str, object] = attrs.field(factory=dict[str, object])


@attrs.frozen
class _AppPost:
    """One message to deliver; ``ends`` is its deadline as a ``time.monotonic`` time."""

    connection: AppConnection
    token: Secret
    bot: Bot
    message: PostToSlack
    ends: float

    @property
    def place(self) -> Place:
        return self.token, self.bot.channel, self.message.key.run_id

    def send(self, channel: str, ts: str | None = None) -> _Response:
        """Post the message in a channel, as a reply if ``ts`` is given."""
        arguments = posting(channel, self.message.payload, ts)
        return self._call(self.ends - time.monotonic(), lambda client: client.chat_postMessage(**arguments))

    def edit(self, thread: Thread) -> _Response:
        """Edit the parent of a thread to show the message, if there is time left."""
        arguments = editing(thread.channel, thread.ts, self.message.payload, thread.kept)
        return self._call(self._seconds_left, lambda client: client.chat_update(**arguments))

    def upload(self, file: Attachment) -> str | DeliveryError:
        """Send the bytes of a file, and return its id."""
        asked = self._call(
            self._seconds_left, lambda client: client.files_getUploadURLExternal(filename=file.file_name, length=file.size)
        )
        if isinstance(asked.outcome, DeliveryError):
            return asked.outcome
        place = upload_place(asked.body)
        if place is None:
            return Rejected("it gave no address for the bytes")
        url, file_id = place
        fault = upload_fault(url, self.connection.allowed_hosts)
        if fault is not None:
            return Rejected(f"the address that it gave for the bytes is refused: {fault}")
        outcome = upload(self.connection.settings, self.connection.transports, url, file.content, self._seconds_left)
        return outcome if isinstance(outcome, DeliveryError) else file_id

    def share(self, thread: Thread, files: Sequence[tuple[str, Attachment]]) -> _Response:
        """Show uploaded files in a thread."""
        named: list[dict[str, str | None]] = [{"id": file_id, "title": file.file_name} for file_id, file in files]
        return self._call(
            self._seconds_left,
            lambda client: client.files_completeUploadExternal(files=named, channel_id=thread.channel, thread_ts=thread.ts),
        )

    @property
    def _seconds_left(self) -> float:
        return min(self.ends - time.monotonic(), time_limits.seconds_left())

    def _call(self, seconds: float, call: "ApiCall") -> _Response:
        from tocsin.shell.adapters.slack_client import Client

        to, token = self.connection, self.token
        response = exchange(to.settings, to.transports, to.api, seconds, lambda sender: call(Client(to.api, sender, token)))
        if isinstance(response, DeliveryError):
            return _Response(response)
        words = {name: redact(str(response.data[name])) for name in ("error", "needed") if name in response.data}
        body = {**response.data, **words}
        later = in_seconds(response.headers.get("retry-after"), SystemClock().now())
        return _Response(bot_reply(response.status_code, body, later, urlsplit(to.api).hostname or ""), body)


def post_as_app(connection: AppConnection, token: Secret, bot: Bot, message: PostToSlack) -> Outcome:
    """Post the message as the app, and return the outcome."""
    fault = token_fault(token.reveal())
    if fault is not None:
        return Rejected(f"the token in the secret {token.name!r} is refused: {fault}")
    if find_spec("slack_sdk") is None:
        return Rejected("to post to Slack as an app needs the extra: pip install 'tocsin[slack-bot]'")
    limit = connection.settings.deadline
    post = _AppPost(connection, token, bot, message, time.monotonic() + limit)
    with connection.threads.turn(post.place, min(limit, time_limits.seconds_left())) as ours:
        if not ours:
            return Retryable("the message of the same run before it is still on its way to Slack")
        outcome, thread = _deliver(post)
    if isinstance(outcome, Delivered) and message.attachments:
        _upload(post, thread)
    return outcome


def _deliver(post: _AppPost) -> tuple[Outcome, Thread | None]:
    """Post the message as the first of its run, or as a reply in the run's thread. Return that thread too, if it is known."""
    threads = post.connection.threads
    step = planned(threads.known(post.place), post.message)
    if isinstance(step, Post):
        return _start_thread(post)
    if isinstance(step, Skip):
        return Withheld("the run has no message that it could edit"), None
    if isinstance(step, Edit):
        return _edit_alone(post, step.thread), None
    response = post.send(step.thread.channel, step.thread.ts)
    if thread_refused(response.body):
        threads.drop(post.place)
        return _start_thread(post)
    if isinstance(response.outcome, Delivered):
        threads.keep(post.place, _edit_parent(post, step.thread) if step.edit else step.thread)
    return response.outcome, step.thread


def _start_thread(post: _AppPost) -> tuple[Outcome, Thread | None]:
    """Post the message as the first of its run."""
    response = post.send(post.bot.channel)
    ids = posted_as(response.body)
    if not isinstance(response.outcome, Delivered) or ids is None:
        return response.outcome, None
    thread = opened(post.message, *ids)
    post.connection.threads.keep(post.place, thread)
    return response.outcome, thread


def _upload(post: _AppPost, thread: Thread | None) -> None:
    """Upload the files into the thread. Slack takes no empty file, and the bytes of some may not be here."""
    files = [file for file in post.message.attachments if file.content and file.is_here]
    if not files:
        return
    with suppress(Exception):  # a user's logging handler may raise
        try:
            failed, reason = (files, "it gave no id of the message") if thread is None else _upload_all(post, thread, files)
            names = f" ({listed(failed, _NAMES)})" if failed else ""
        except Exception as error:  # the message is delivered, whatever happens here
            names, reason = "", describe(error)
        if reason:
            about = f"{post.message.key.slug!r} to {post.bot.channel}{names}"
            logger.warning("%s", one_line(redact(f"tocsin: Slack did not take all files of the message about {about}: {reason}")))


def _upload_all(post: _AppPost, thread: Thread, files: Sequence[Attachment]) -> tuple[Sequence[Attachment], str]:
    """Upload the files and show them in the thread. Return those that were not taken, and why the last of them was not."""
    taken, failed, reason = list[tuple[str, Attachment]](), list[Attachment](), ""
    for file in files:
        result = post.upload(file)
        if isinstance(result, str):
            taken.append((result, file))
            continue
        failed.append(file)
        reason = result.reason
    outcome = post.share(thread, taken).outcome if taken else Delivered()
    if isinstance(outcome, DeliveryError):
        return files, outcome.reason
    return failed, reason


def _edit_alone(post: _AppPost, thread: Thread) -> Outcome:
    """Edit the parent of the thread and post nothing. An edit that is refused for good is the last one, and is logged."""
    outcome = post.edit(thread).outcome
    if not isinstance(outcome, DeliveryError):
        post.connection.threads.keep(post.place, edited(thread, post.message.key))
    elif not isinstance(outcome, Retryable | Ambiguous):
        what = f"the first message of the run {post.message.key.run_id} in {post.bot.channel}"
        logger.warning("%s", one_line(redact(f"tocsin: {what} does not show its progress: {outcome.reason}")))
        post.connection.threads.keep(post.place, sealed(thread))
    return outcome


def _edit_parent(post: _AppPost, thread: Thread) -> Thread:
    """Edit the parent of the thread to show the message; return the thread as it is known afterwards."""
    outcome = post.edit(thread).outcome
    if not isinstance(outcome, DeliveryError):
        return edited(thread, post.message.key)
    what = f"the first message of the run {post.message.key.run_id} in {post.bot.channel}"
    logger.warning("%s", one_line(redact(f"tocsin: {what} does not show its newest state, which is in its thread: {outcome.reason}")))
    return thread if isinstance(outcome, Retryable | Ambiguous) else sealed(thread)
