from collections.abc import Awaitable, Callable
from typing import Generic, ParamSpec, TypeAlias, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")
_F = TypeVar("_F")

class Future:
    def wait(self) -> None: ...
    def result(self) -> object: ...

class Task(Generic[_P, _R]):
    name: str

    def __call__(self, *arguments: object, return_state: bool = ...) -> _R: ...
    def submit(self, *arguments: object) -> Future: ...
    def map(self, *arguments: object) -> Future: ...

StateHookCallable: TypeAlias = Callable[[Task[[], object], object, object], Awaitable[None] | None]

def task(
    *,
    name: str | None = ...,
    task_run_name: str | None = ...,
    retries: int = ...,
    retry_delay_seconds: float | None = ...,
    timeout_seconds: float | None = ...,
    cache_policy: object = ...,
    persist_result: bool | None = ...,
    on_running: list[StateHookCallable] | None = ...,
    on_completion: list[StateHookCallable] | None = ...,
    on_failure: list[StateHookCallable] | None = ...,
) -> Callable[[Callable[_P, _F]], Task[_P, _F]]: ...
