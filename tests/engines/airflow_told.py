"""What people are told of what Airflow said, as records in JSON."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import partial

from tests.engines.golden import Json, normal, normal_sentence, revived
from tests.servers.slack import SlackServer
from tocsin import Recording, interpreting, slack_notifier
from tocsin.core.effects import PostToSlack
from tocsin.core.integrations.airflow import ENGINE, DagSaid, Said, TaskSaid
from tocsin.integrations.observer import Observer

_OWN = re.compile(r"(?<=PID: )\d+|(?<=run duration of )[\d.]+")
_RUN = re.compile(r"/dags/(\w+)/runs/|\b(\w+)/(?:scheduled|manual)__")  # in a link, or in the id of a run


def same(text: str) -> str:
    """Return a text without the numbers that Airflow's exceptions have, which differ from run to run."""
    return _OWN.sub("0", text)


def steady(said: Json) -> Json:
    """Return what was said with placeholders for what differs from run to run."""
    made: Json = json.loads(same(json.dumps(normal(said))))
    return made


def make(record: str, facts: Mapping[str, object]) -> Said:
    """Return the record of this class, of facts of any kind."""
    return DagSaid(**facts) if record == "DagSaid" else TaskSaid(**facts)


def record(said: Json) -> Said:
    """Return the record that was kept as JSON."""
    return revived(said, make)


def sentences(said: Iterable[Json]) -> list[str]:
    """Return what people are told of these records, in order."""
    observer = Observer(ENGINE, [slack_notifier(only_states=[])])
    with interpreting(Recording()) as recording:
        for each in said:
            observer.observe(partial(record, each))
    return [normal_sentence(effect.payload.fallback) for effect in recording.effects if isinstance(effect, PostToSlack)]


def arrived(slack: SlackServer, dag: str) -> list[str]:
    """Return the sentences that a Slack got about the runs of a DAG."""
    found: list[str] = []
    for request in slack.requests:
        text = request.body.decode()
        run = _RUN.search(text)
        if run is not None and dag in run.groups():
            found.append(same(normal_sentence(json.loads(text)["attachments"][0]["fallback"])))
    return found
