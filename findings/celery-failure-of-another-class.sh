#!/usr/bin/env bash
# Subject: Celery 5.7.0, a task whose exception takes two arguments.
#
# One would guess: the exception that `task_failure` and `on_failure` get is the one that the task raised.
#
# It is not, if pickle cannot make it again, as with any class whose `__init__` takes more arguments than it hands on. Where a base
# class of it can be pickled, they get an instance of that class, with the same text and no sign of what it stands for. Only the
# `retval` of `task_postrun` is the exception itself.
#
# It matters: "a RefusedError pages somebody, any other ValueError does not" never pages anybody.
#
# Seen:
#   Celery 5.7.0
#   raised: RefusedError card 7 is refused
#   on_failure: ValueError card 7 is refused
#   task_failure: ValueError card 7 is refused
#   task_postrun: RefusedError card 7 is refused
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check celery==5.7.0
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import celery
from celery import Celery, Task
from celery.signals import task_failure, task_postrun

app = Celery("jobs", broker="memory://")
app.conf.task_always_eager = True  # a worker does the same


class RefusedError(ValueError):
    def __init__(self, card, why):
        super().__init__(f"card {card} is {why}")


def show(where, error):
    print(f"{where}: {type(error).__name__} {error}")


class Told(Task):
    def on_failure(self, exc, task_id, args, kwargs, einfo):
        show("on_failure", exc)


@app.task(base=Told)
def pay():
    error = RefusedError(7, "refused")
    show("raised", error)
    raise error


@task_failure.connect
def failed(exception=None, **_):
    show("task_failure", exception)


@task_postrun.connect
def ended(retval=None, **_):
    show("task_postrun", retval)


print("Celery", celery.__version__)
pay.delay()
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
