"""Records what papermill raises, tqdm prints and matplotlib draws: ``python tests/golden/night/records/record.py``.

It runs in an environment of its own (``pip install papermill ipykernel tqdm matplotlib``), since papermill brings a kernel and its
servers. It writes ``papermill.json``, the exception of a notebook that fails, ``tqdm.bin``, the bytes of a progress bar up to an error,
and ``loss.png``, the figure of a training; each with the version of the library.
"""

import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
PROGRAM = """\
from tqdm import tqdm

for row in tqdm(["120.5", "99"] * 60 + ["n/a"] + ["7"] * 79, desc="rows", mininterval=0, miniters=40, ncols=70, unit="row"):
    float(row)
"""


def record_papermill() -> None:
    """Run the notebook, and keep its exception."""
    import papermill  # type: ignore[import-not-found]  # of another environment

    kept: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            papermill.execute_notebook(HERE / "sales.ipynb", Path(folder) / "out.ipynb", kernel_name="python3", progress_bar=False)
        except papermill.PapermillExecutionError as error:
            kept = {"papermill": version("papermill"), "type": type(error).__name__, "text": str(error)}
    (HERE / "papermill.json").write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def record_tqdm() -> None:
    """Run a loop under a progress bar, and keep what it prints on the standard error. The program has a short name in the traceback."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rows.py").write_text(PROGRAM, encoding="utf-8")
        done = subprocess.run([sys.executable, "rows.py"], cwd=folder, stderr=subprocess.PIPE, check=False)
    (HERE / "tqdm.bin").write_bytes(done.stderr.replace(f"{folder}/".encode(), b""))
    (HERE / "tqdm.txt").write_text(f"tqdm {version('tqdm')}, exit status {done.returncode}\n", encoding="utf-8")


def record_matplotlib() -> None:
    """Draw the loss of a training that goes wrong, and keep the figure as matplotlib saves it; the file itself has the version."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(4, 2.5), dpi=80)
    axes.semilogy([0.9 * 0.8**epoch if epoch < 20 else 0.01 * 1.9 ** (epoch - 20) for epoch in range(40)])
    axes.set(xlabel="epoch", ylabel="loss")
    figure.savefig(HERE / "loss.png", bbox_inches="tight")


if __name__ == "__main__":
    record_papermill()
    record_tqdm()
    record_matplotlib()
