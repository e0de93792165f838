from collections.abc import Awaitable, Callable
from typing import Generic, ParamSpec, Protocol, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")
_F = TypeVar("_F")

class Flow(Generic[_P, _R]):
    name: str

    def __call__(self, *arguments: object, return_state: bool = ...) -> _R: ...
    def serve(self, *, name: str) -> None: ...
    def with_options(self, *, on_failure: list[FlowStateHook[[], object]] = ...) -> Flow[_P, _R]: ...

class FlowStateHook(Protocol[_P, _R]):
    __name__: str

    def __call__(self, flow: Flow[_P, _R], flow_run: object, state: object) -> Awaitable[None] | None: ...

def flow(
    *,
    name: str | None = ...,
    flow_run_name: str | None = ...,
    retries: int = ...,
    timeout_seconds: float | None = ...,
    task_runner: object = ...,
    on_running: list[FlowStateHook[[], object]] | None = ...,
    on_completion: list[FlowStateHook[[], object]] | None = ...,
    on_failure: list[FlowStateHook[[], object]] | None = ...,
    on_crashed: list[FlowStateHook[[], object]] | None = ...,
    on_cancellation: list[FlowStateHook[[], object]] | None = ...,
) -> Callable[[Callable[_P, _F]], Flow[_P, _F]]: ...
