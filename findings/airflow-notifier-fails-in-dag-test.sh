#!/usr/bin/env bash
# Subject: Airflow 3.3.2 (task SDK 1.3.2), a notifier (BaseNotifier) as a callback, under dag.test().
#
# One would guess: a notifier that works as a callback of a task works as one of the DAG.
#
# Under a scheduler it does. dag.test() hands a DAG's callback a serialized copy of the DAG, which cannot render templates, and a
# BaseNotifier renders before it notifies, even if it has no template. So `notify` is never called; the log has an AttributeError.
#
# It matters: who tries a notifier with dag.test(), as Airflow's documentation advises, finds a fault where there is none.
#
# Seen:
#   Airflow 3.3.2
#   notified by the task: True
#   notified by the DAG: False
#   in the log: 'SerializedDAG' object has no attribute 'get_template_env'
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

from airflow.sdk import DAG, BaseNotifier, task

notified = []


class Notifier(BaseNotifier):
    def __init__(self, by):
        self.by = by
        super().__init__()

    def notify(self, context):
        notified.append(self.by)


with DAG("nightly", schedule=None, on_success_callback=Notifier("the DAG")) as dag:

    @task(on_success_callback=Notifier("the task"))
    def work():
        pass

    work()

if __name__ == "__main__":
    dag.test()
    with open(os.environ["SEEN"], "w") as file:
        print("Airflow", version("apache-airflow"), file=file)
        for by in ("the task", "the DAG"):
            print(f"notified by {by}: {by in notified}", file=file)
END

in_folder() {
    timeout 600 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" AIRFLOW_HOME="$folder" AIRFLOW__CORE__LOAD_EXAMPLES=False \
        AIRFLOW__CORE__DAGS_FOLDER="$folder/dags" AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="sqlite:///$folder/airflow.db" \
        AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False SEEN="$folder/seen" "$@"
}
in_folder python -m airflow db migrate >log 2>&1 || { cat log >&2; exit 1; }
in_folder python dags/nightly.py >log 2>&1 || { cat log >&2; exit 1; }
grep -o -m 1 "'SerializedDAG' object has no attribute 'get_template_env'" log | sed "s/^/in the log: /" >>seen
seen=$(cat seen)
echo "$seen"
[ "$seen" = "$expected" ] || { tail -n 50 log >&2; echo "expected: $expected" >&2; exit 1; }
