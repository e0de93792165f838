"""Which process of a distributed training this one is, by the variables that its launcher set.

The first variable that is set decides. ``RANKS`` has them in this order:

- ``RANK`` comes first: torchrun, accelerate and DeepSpeed set it for each process, also where srun or mpirun starts only one launcher
  on each node. Then ``SLURM_PROCID`` and the variables of MPI are the number of the node.
- Those of MPI come before ``SLURM_PROCID``: a job of SLURM sets that to 0 for its script, and each mpirun inside inherits it.
- ``LOCAL_RANK`` comes before ``SLURM_PROCID``: Lightning starts its processes with it alone, also inside a job of SLURM. It counts the
  processes of one node, so ``NODE_RANK`` (or ``GROUP_RANK``) is read with it.
- ``NODE_RANK`` alone is that of Lightning's first process on a node, which starts the others.
"""

from collections.abc import Mapping

import attrs

from tocsin.core.text import cut, quote
from tocsin.core.values import Value

RANKS: Mapping[str, str] = {
    "RANK": "torchrun, accelerate, DeepSpeed, Ray Train, Kubeflow",
    "OMPI_COMM_WORLD_RANK": "Open MPI",
    "PMI_RANK": "MPICH, Intel MPI, Cray MPICH",
    "MV2_COMM_WORLD_RANK": "MVAPICH2",
    "PMIX_RANK": "PMIx, as of srun --mpi=pmix",
    "HOROVOD_RANK": "horovodrun",
    "JSM_NAMESPACE_RANK": "jsrun",
    "LOCAL_RANK": "Lightning, with NODE_RANK",
    "SLURM_PROCID": "srun",
    "NODE_RANK": "the first process of Lightning on a node",
}
"""The variables with the number of a process, in the order in which they are read, and the launchers that set them."""

_NODES = ("NODE_RANK", "GROUP_RANK")  # Lightning's own name comes first, as in Lightning
_LONGEST = 9  # digits


@attrs.frozen(eq=False, repr=False)
class Rank(Value):
    """The place of a process among those of a distributed training.

    Args:
        name: what to call it in messages, such as ``rank 3``; empty for the one that tells of everything.
        fault: why the rank is not known, in one line; None if it is, or if there is none.
    """

    name: str = ""
    fault: str | None = None


def rank_in(environment: Mapping[str, str]) -> Rank:
    """Return the rank of the process that has these variables. Without a rank, or with one that is no number, it is the first process.

    >>> rank_in({"RANK": "3", "LOCAL_RANK": "1", "SLURM_PROCID": "0"}).name
    'rank 3'
    >>> rank_in({"LOCAL_RANK": "1", "NODE_RANK": "2"}).name
    'node 2, rank 1'
    >>> rank_in({"RANK": "0"}) == rank_in({}) == Rank()
    True
    >>> rank_in({"RANK": "first"}).fault
    "RANK is 'first', which is no number from 0 on"
    """
    for variable in RANKS:
        given = environment.get(variable, "").strip()
        if given:
            number = _number(given)
            if number is None:
                return _unknown(variable, given)
            if variable == "LOCAL_RANK":
                return _on_node(number, environment)
            return Rank(f"{'node' if variable == 'NODE_RANK' else 'rank'} {number}" if number else "")
    return Rank()


def _on_node(number: int, environment: Mapping[str, str]) -> Rank:
    """Return the rank of a process of a node. Those of the first node have their numbers in the whole training."""
    for variable in _NODES:
        given = environment.get(variable, "").strip()
        if given:
            node = _number(given)
            if node is None:
                return _unknown(variable, given)
            if node:
                return Rank(f"node {node}, rank {number}")
            break
    return Rank(f"rank {number}" if number else "")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST else None


def _unknown(variable: str, given: str) -> Rank:
    return Rank(fault=f"{variable} is {cut(quote(given), 60)}, which is no number from 0 on")
