# What tocsin uses of celery 5.7.0's signals.
from typing import Protocol

class Receiver(Protocol):
    def __call__(self, sender: object = ..., **said: object) -> object: ...

class Signal:
    name: str
    receivers: list[object]
    sender_receivers_cache: dict[object, object]
    def send(self, sender: object, **named: object) -> object: ...
    def connect(self, receiver: Receiver, *, weak: bool = True) -> Receiver: ...

after_task_publish: Signal
task_received: Signal
task_prerun: Signal
task_postrun: Signal
task_success: Signal
task_retry: Signal
task_failure: Signal
task_internal_error: Signal
task_revoked: Signal
worker_ready: Signal
