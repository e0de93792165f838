# slack_sdk comes with types, but leaves the contents of its dicts unknown. These names are all that tocsin uses.
from collections.abc import Sequence

from slack_sdk.web.slack_response import SlackResponse

class WebClient:
    base_url: str
    def __init__(self, *, base_url: str, proxy: str, retry_handlers: Sequence[object]) -> None: ...
    def api_call(
        self,
        api_method: str,
        *,
        http_verb: str = "POST",
        files: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        params: dict[str, object] | None = None,
        json: dict[str, object] | None = None,
        headers: dict[str, object] | None = None,
        auth: dict[str, object] | None = None,
    ) -> SlackResponse: ...
    def chat_postMessage(
        self,
        *,
        channel: str,
        text: str,
        attachments: Sequence[dict[str, object]],
        thread_ts: str | None = None,
        mrkdwn: bool,
        parse: str,
        unfurl_links: bool,
        unfurl_media: bool,
    ) -> SlackResponse: ...
    def chat_update(
        self, *, channel: str, ts: str, text: str, attachments: Sequence[dict[str, object]], parse: str
    ) -> SlackResponse: ...
    def files_getUploadURLExternal(self, *, filename: str, length: int) -> SlackResponse: ...
    def files_completeUploadExternal(self, *, files: list[dict[str, str | None]], channel_id: str, thread_ts: str) -> SlackResponse: ...
