from collections.abc import Mapping

from slack_sdk.web.client import WebClient

class SlackResponse:
    data: Mapping[str, object]
    headers: Mapping[str, str]
    status_code: int
    def __init__(
        self,
        *,
        client: WebClient,
        http_verb: str,
        api_url: str,
        req_args: Mapping[str, object],
        data: Mapping[str, object],
        headers: Mapping[str, str],
        status_code: int,
    ) -> None: ...
