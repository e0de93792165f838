from uuid import UUID

class FlowRunFilterId:
    def __init__(self, *, any_: list[UUID]) -> None: ...

class FlowRunFilter:
    def __init__(self, *, id: FlowRunFilterId) -> None: ...  # noqa: A002 - its name
