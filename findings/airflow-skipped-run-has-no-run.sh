#!/usr/bin/env bash
# Subject: Airflow 3.3.2 (task SDK 1.3.2), the callbacks of a DAG.
#
# One would guess: the context of a DAG's on_success_callback has the run, "dag_run".
#
# It has it only if a task of the run succeeded: Airflow makes the context of that task. Where all tasks were skipped, which is a success,
# there is no such task, and the context has three keys: no run, no parameters, no dates.
#
# It matters: a callback that reads context["dag_run"] works every day, and fails on the first day on which there was nothing to do. Airflow
# logs that and goes on.
#
# Seen:
#   Airflow 3.3.2
#   a task succeeded: the context has dag_run: True; it has params: True
#   all were skipped: the context has ['dag', 'reason', 'run_id']
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
from airflow.sdk.exceptions import AirflowSkipException


def say(line):
    with open(os.environ["SEEN"], "a") as file:
        print(line, file=file)


def busy(context):
    say(f"a task succeeded: the context has dag_run: {'dag_run' in context}; it has params: {'params' in context}")


def idle(context):
    say(f"all were skipped: the context has {sorted(context)}")


with DAG("busy", schedule=None, on_success_callback=busy) as one:

    @task
    def work():
        pass

    work()

with DAG("idle", schedule=None, on_success_callback=idle) as other:

    @task
    def nothing():
        raise AirflowSkipException("nothing to do today")

    nothing()

if __name__ == "__main__":
    say(f"Airflow {version('apache-airflow')}")
    one.test()
    other.test()
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
