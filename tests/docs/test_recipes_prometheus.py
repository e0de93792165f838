"""The page about Prometheus: its alerts use metrics that exist, and its files are consistent."""

import re

import pytest
import yaml

from tests.docs.recipes import PAGES, at, file, words
from tocsin.core.outbox.metrics import ENDINGS, DrainCounters, Latencies, Readings, exposition
from tocsin.core.outbox.model import Status
from tocsin.core.outbox.status import DestinationStatus

_ALL = exposition(
    Readings(
        at=60.0,
        statuses=[DestinationStatus("slack:TEAM", dict.fromkeys(Status, 1), oldest=0.0)],
        counters=DrainCounters({("slack:TEAM", Status.DELIVERED): 1}, 0.0, {"slack:TEAM": Latencies().plus(1.0)}),
        build=(("version", "0.1.0"), ("python_version", "3.11.0")),
    )
)


def _rules() -> list[dict[str, str]]:
    rules = at(yaml.safe_load(file("outbox-alerts.yaml")), "groups", 0, "rules")
    assert isinstance(rules, list)
    return rules


@pytest.mark.parametrize("rule", _rules(), ids=lambda rule: str(rule["alert"]))
def test_an_alarm_asks_for_samples_that_there_are(rule: dict[str, str]) -> None:
    asked = re.findall(r"(?:tocsin_outbox_|up\b)\w*(?:\{[^}]*\})?", rule["expr"])
    job = at(yaml.safe_load(file("prometheus.yaml")), "scrape_configs", 0, "job_name")
    assert asked
    for sample in asked:
        name, _, label = sample.rstrip("}").partition("{")
        if name == "up":  # Prometheus's own, of each job
            assert label == f'job="{job}"'
        else:
            assert any(line.startswith(name) and label in line for line in _ALL.splitlines())


def test_the_page_has_every_metric_with_its_labels_and_no_other() -> None:
    page = (PAGES / "prometheus.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)(?:\{(.*?)\})?` \|", page, re.MULTILINE)
    samples = re.findall(r"^(tocsin_\w+)(?:\{(.*?)\})? ", _ALL, re.MULTILINE)
    there = dict.fromkeys((name, ", ".join(re.findall(r"(\w+)=", labels))) for name, labels in samples)
    assert listed == list(there)
    assert f"{', '.join(status.value for status in ENDINGS[:-1])} or {ENDINGS[-1].value}" in page


def test_the_rules_are_those_that_prometheus_is_told_of() -> None:
    whole = yaml.safe_load(file("prometheus.yaml"))
    assert words(whole, "rule_files") == ("outbox-alerts.yaml",)
    (target,) = words(whole, "scrape_configs", 0, "static_configs", 0, "targets")
    assert f"--metrics {target.partition(':')[2]}" in file("tocsin-outbox.service")
