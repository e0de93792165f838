#!/usr/bin/env bash
# Subject: Airflow 3.3.2 (task SDK 1.3.2), `ti.get_task_states()`, the documented way to ask for the states of a run's tasks.
#
# One would guess: the answer has an entry for each task, and for each child of a mapped one.
#
# The children of a mapped task "load" are called "load_0" and "load_1" in it. A task of that very name, which is a valid id, takes the
# same place: the answer has one entry for both, of whichever the database returned last. The run has five task instances below.
#
# It matters: who looks there for failed tasks may not see one. Here load_0 failed, and child 0 of load did not.
#
# Seen:
#   Airflow 3.3.2
#   instances of tasks: 5; entries of the answer: 4
#   entries for load_0: 1, though a task and a child of load have that name
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 900 venv/bin/pip install -q --disable-pip-version-check apache-airflow==3.3.2
mkdir dags
cat >dags/nightly.py <<'END'
import os
from importlib.metadata import version

from airflow.sdk import DAG, task

with DAG("nightly", schedule=None) as dag:

    @task
    def load(number):
        pass

    @task(task_id="load_0")
    def another():
        raise ValueError("no rows")

    @task(task_id="ask", trigger_rule="all_done")
    def ask(ti=None, run_id=None):
        states = ti.get_task_states("nightly", run_ids=[run_id])[run_id]
        count = sum(ti.get_ti_count("nightly", task_ids=[name], run_ids=[run_id]) for name in ("load", "load_0", "ask", "last"))
        with open(os.environ["SEEN"], "w") as file:
            print("Airflow", version("apache-airflow"), file=file)
            print(f"instances of tasks: {count}; entries of the answer: {len(states)}", file=file)
            found = sum(name == "load_0" for name in states)
            print(f"entries for load_0: {found}, though a task and a child of load have that name", file=file)

    @task(trigger_rule="all_done")
    def last():
        pass

    [load.expand(number=[1, 2]), another()] >> ask() >> last()

if __name__ == "__main__":
    dag.test()
END

in_folder() {
    timeout 600 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" AIRFLOW_HOME="$folder" AIRFLOW__CORE__LOAD_EXAMPLES=False \
        AIRFLOW__CORE__DAGS_FOLDER="$folder/dags" AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="sqlite:///$folder/airflow.db" \
        AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False SEEN="$folder/seen" "$@"
}
in_folder python -m airflow db migrate >log 2>&1 || { cat log >&2; exit 1; }
in_folder python dags/nightly.py >log 2>&1 || { cat log >&2; exit 1; }
seen=$(cat seen)
echo "$seen"
[ "$seen" = "$expected" ] || { tail -n 50 log >&2; echo "expected: $expected" >&2; exit 1; }
