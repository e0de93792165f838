from collections.abc import Awaitable
from typing import Generic, ParamSpec, Protocol, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

class Flow(Generic[_P, _R]):
    name: str

class FlowStateHook(Protocol[_P, _R]):
    __name__: str

    def __call__(self, flow: Flow[_P, _R], flow_run: object, state: object) -> Awaitable[None] | None: ...
