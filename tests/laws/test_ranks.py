"""Which process of a distributed training this is: by the first variable that is set, whatever the others say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.docs.pages import ROOT
from tocsin.core.ranks import RANKS, Rank, rank_in

pytestmark = pytest.mark.laws

NAMES = (*RANKS, "GROUP_RANK")
GLOBAL = tuple(name for name in RANKS if name not in {"LOCAL_RANK", "NODE_RANK"})
texts = st.integers(0, 10**9 - 1).map(str) | st.text(max_size=8) | st.sampled_from(["", " ", "-1", "٣", "0x1", "1e3", "9" * 5000])
environments = st.dictionaries(st.sampled_from(NAMES), texts)


@given(environments)
def test_each_environment_has_a_rank_or_a_fault(environment: dict[str, str]) -> None:
    rank = rank_in(environment)
    assert rank.fault is None or (rank.name == "" and rank.fault.isprintable() and len(rank.fault) <= 130)
    assert rank.name.isascii()
    assert len(rank.name) <= len("node 999999999, rank 999999999")


@given(environments, st.sampled_from(GLOBAL), st.integers(0, 10**9 - 1))
def test_the_first_variable_that_is_set_decides(environment: dict[str, str], name: str, number: int) -> None:
    before = list(RANKS)[: list(RANKS).index(name)]
    environment = {other: text for other, text in environment.items() if other not in before} | {name: f" {number}\n"}
    assert rank_in(environment) == Rank(f"rank {number}" if number else "")


@given(st.integers(0, 9), st.integers(0, 9), st.sampled_from(["NODE_RANK", "GROUP_RANK"]))
def test_only_the_first_process_of_the_first_node_tells_of_everything(node: int, number: int, variable: str) -> None:
    rank = rank_in({"LOCAL_RANK": str(number), variable: str(node), "SLURM_PROCID": "0"})
    assert (rank.name == "") == (node == number == 0)
    assert rank.name == (f"node {node}, rank {number}" if node else f"rank {number}" if number else "")


LAUNCHED = {
    "torchrun on the second of two nodes, each started by srun": (
        {"RANK": "8", "LOCAL_RANK": "0", "GROUP_RANK": "1", "WORLD_SIZE": "16", "TORCHELASTIC_RESTART_COUNT": "1", "SLURM_PROCID": "1"},
        "rank 8",
    ),
    "torchrun, whose agent runs once on each node": ({"RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0", "SLURM_PROCID": "0"}, ""),
    "deepspeed": ({"RANK": "3", "LOCAL_RANK": "1", "CROSS_RANK": "1", "LOCAL_SIZE": "2", "WORLD_SIZE": "4"}, "rank 3"),
    "srun": ({"SLURM_PROCID": "5", "SLURM_LOCALID": "1", "SLURM_NODEID": "2", "SLURM_NTASKS": "8"}, "rank 5"),
    "the script of a job of SLURM": ({"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NTASKS": "8"}, ""),
    "mpirun of Open MPI in a job of SLURM": ({"OMPI_COMM_WORLD_RANK": "4", "PMIX_RANK": "4", "SLURM_PROCID": "0"}, "rank 4"),
    "mpiexec of MPICH": ({"PMI_RANK": "2", "PMI_SIZE": "4"}, "rank 2"),
    "Lightning's first process, before it starts the others": ({}, ""),
    "a process that Lightning started": ({"LOCAL_RANK": "2", "NODE_RANK": "0", "WORLD_SIZE": "8"}, "rank 2"),
    "a process that Lightning started on the second node": ({"LOCAL_RANK": "2", "NODE_RANK": "1", "WORLD_SIZE": "8"}, "node 1, rank 2"),
    "Lightning's first process on the second node": ({"NODE_RANK": "1"}, "node 1"),
    "Lightning in an interactive job of SLURM": ({"LOCAL_RANK": "1", "NODE_RANK": "0", "SLURM_PROCID": "0"}, "rank 1"),
    "accelerate, which passes on an empty variable": ({"RANK": "", "LOCAL_RANK": "", "SLURM_PROCID": "1"}, "rank 1"),
}


@pytest.mark.parametrize("launched", LAUNCHED)
def test_a_launcher_is_understood(launched: str) -> None:
    environment, name = LAUNCHED[launched]
    assert rank_in(environment) == Rank(name)


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        ({"RANK": "first", "SLURM_PROCID": "3"}, "RANK is 'first', which is no number from 0 on"),
        ({"LOCAL_RANK": "-1"}, "LOCAL_RANK is '-1', which is no number from 0 on"),
        ({"LOCAL_RANK": "3", "NODE_RANK": "two"}, "NODE_RANK is 'two', which is no number from 0 on"),
    ],
)
def test_a_rank_that_is_no_number_is_the_first_process(environment: dict[str, str], fault: str) -> None:
    assert rank_in(environment) == Rank(fault=fault)


def test_the_page_has_the_table() -> None:
    page = (ROOT / "docs" / "watch.md").read_text(encoding="utf-8")
    rows = [f"| `{variable}` | {launchers} |" for variable, launchers in RANKS.items()]
    assert "\n".join(rows) in page
