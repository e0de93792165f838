"""The records of Celery, made again from JSON, and what people are told of them."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import partial

from tests.engines.golden import Json, normal, normal_sentence, revived
from tocsin import Recording, interpreting, slack_notifier
from tocsin.core.integrations.celery import ENGINE, CanvasEnd, NeverRuns, Said, TaskSignal
from tocsin.integrations.observer import Observer

_LOST = re.compile(r"exited prematurely: .*? Job: \d+\.")


def make(name: str, facts: Mapping[str, object]) -> Said:
    """Return the record of a class of this name."""
    if name == "TaskSignal":
        return TaskSignal(**facts)
    return NeverRuns(**facts) if name == "NeverRuns" else CanvasEnd(**facts)


def steady_sentence(sentence: str) -> str:
    """Return a sentence without what differs from run to run."""
    return _LOST.sub("exited prematurely: signal 9 (SIGKILL) Job: 0.", normal_sentence(sentence))


def steady(said: Json) -> Json:
    """Return a record with placeholders for what differs from run to run; a killed process is at times said to have exited with 0."""
    text = _LOST.sub("exited prematurely: signal 9 (SIGKILL) Job: 0.", json.dumps(normal(said)))
    made: Json = json.loads(text)
    return made


def told_of(said: Iterable[Json]) -> list[str]:
    """Return the sentences that people get if one process hears all of these records."""
    return told_by(revived(each, make) for each in said)


def told_by(records: Iterable[Said], *, each: bool = True, summary: bool = True) -> list[str]:
    """Return the sentences that people get of these records."""
    observer = Observer(ENGINE, [slack_notifier], each=each, summary=summary)
    with interpreting(Recording()) as recording:
        for record in records:
            observer.observe(partial(_itself, record))
    return [steady_sentence(post.payload.fallback) for post in recording.slack]


def _itself(record: Said) -> Said:
    return record
