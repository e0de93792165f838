"""A keyring for tests."""

from keyring.backend import KeyringBackend
from typing_extensions import override


class Ring(KeyringBackend):
    """A keyring that holds one secret."""

    priority = 1

    def __init__(self) -> None:
        """Skip the base class's ``__init__``, which has no types."""

    @override
    def get_password(self, service: str, username: str) -> str | None:
        return "canary from the ring" if (service, username) == ("tocsin", "TOKEN") else None

    @override
    def set_password(self, service: str, username: str, password: str) -> None: ...

    @override
    def delete_password(self, service: str, username: str) -> None: ...
