"""The pages for contributors name files and environments that there are."""

import re

import pytest
import yaml

from tests.docs.pages import ROOT

SOURCE = ROOT / "src" / "tocsin"
PAGES = ("docs/contributing.md", "docs/design/architecture.md", "tests/README.md")
INVENTED = re.compile(r"NAME|ENGINE|^integrations/")


def _named(page: str) -> set[str]:
    """The modules that a page names by their path."""
    found = re.findall(r"`((?:[\w]+/)+[\w]*(?:\.py)?)`", (ROOT / page).read_text(encoding="utf-8"))
    return {name for name in found if not INVENTED.search(name)}


@pytest.mark.parametrize("page", PAGES)
def test_each_file_and_folder_that_it_names_is_there(page: str) -> None:
    missing = [name for name in _named(page) if not any((base / name).exists() for base in (ROOT, SOURCE, ROOT / "tests"))]
    assert missing == []


def test_each_page_and_section_that_a_finding_names_is_there() -> None:
    found = re.findall(r"`((?:docs|src)/[^`]+)`(?:, \"([^\"]+)\")?", (ROOT / "findings" / "README.md").read_text(encoding="utf-8"))
    assert found
    for name, section in found:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not section or re.search(rf"^#+ {re.escape(section)}$", text, re.MULTILINE), f"{name} has no section {section!r}"


def test_each_environment_of_the_workflow_is_one_of_tox() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8"))["jobs"]
    listed = (ROOT / "tox.ini").read_text(encoding="utf-8").partition("env_list =")[2].partition("\n")[0]
    used = {env for job in jobs.values() for env in job["strategy"]["matrix"]["env"]}
    assert used <= {env.strip() for env in listed.split(",")}
