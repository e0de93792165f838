# What tests use of celery 5.7.0's worker in a thread.
from contextlib import AbstractContextManager

from celery import Celery

def start_worker(
    app: Celery, *, perform_ping_check: bool = ..., pool: str = ..., shutdown_timeout: float = ...
) -> AbstractContextManager[object]: ...
