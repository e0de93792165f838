from collections.abc import Mapping, Sequence

from google.auth.transport import Request

class Credentials:
    @classmethod
    def from_service_account_info(
        cls, info: Mapping[str, str | None], *, scopes: Sequence[str] | None = None, subject: str | None = None
    ) -> Credentials: ...
    def sign_bytes(self, message: bytes) -> bytes: ...
    def refresh(self, request: Request) -> None: ...
