# What tests use of celery 5.7.0's logs.
import logging

class LoggingProxy:
    def __init__(self, logger: logging.Logger, loglevel: int) -> None: ...
