# What tocsin uses of billiard 4.3.2.
class Process:
    name: str

def current_process() -> Process: ...
