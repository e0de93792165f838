"""Records of Dagster's, made of kept facts."""

from collections.abc import Mapping

from tocsin.core.integrations.dagster import Record, RunRecord, StepRecord


def made(record: str, facts: Mapping[str, object]) -> Record:
    """Return a record of this class."""
    return RunRecord(**facts) if record == "RunRecord" else StepRecord(**facts)
