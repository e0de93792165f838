from collections.abc import Awaitable, Callable
from typing import TypeAlias

class Task:
    name: str

StateHookCallable: TypeAlias = Callable[[Task, object, object], Awaitable[None] | None]
