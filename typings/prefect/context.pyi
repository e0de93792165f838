class FlowRunContext:
    flow: object

    @classmethod
    def get(cls) -> FlowRunContext | None: ...
