from collections.abc import Sequence

from google.auth.transport import Request

class Credentials:
    def __init__(
        self,
        token: str | None,
        refresh_token: str | None = None,
        *,
        token_uri: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        scopes: Sequence[str] | None = None,
    ) -> None: ...
    def refresh(self, request: Request) -> None: ...
