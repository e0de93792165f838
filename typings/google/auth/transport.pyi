from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol

class Response(Protocol):  # in truth abstract, too; nobody asks whose child an answer is
    @property
    def status(self) -> int: ...
    @property
    def data(self) -> bytes: ...

class Request(ABC):
    @abstractmethod
    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: object,
    ) -> Response: ...
