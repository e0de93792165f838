#!/usr/bin/env bash
# Subject: optuna 5.0.0, Study.optimize with callbacks.
#
# One would guess: callbacks are called at the end of each trial, also of one that fails.
#
# It does: they are called for a failed trial only if its exception is named in "catch". The trial whose exception ends the study
# is stored as failed, and no callback hears of it.
#
# It matters: a callback that tells people of failed trials tells of all but the one that stopped the study.
#
# Seen:
#   optuna 5.0.0
#   catch=['OSError']: stored ['COMPLETE', 'FAIL', 'COMPLETE'], told ['COMPLETE', 'FAIL', 'COMPLETE'], raised None
#   catch=[]: stored ['COMPLETE', 'FAIL'], told ['COMPLETE'], raised OSError('disk full')
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check optuna==5.0.0
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
from importlib.metadata import version

import optuna


def train(trial):
    if trial.number == 1:
        raise OSError("disk full")
    return 0.5


print("optuna", version("optuna"))
optuna.logging.set_verbosity(optuna.logging.CRITICAL)
for catch in (OSError,), ():
    told = []
    study = optuna.create_study()
    raised = None
    try:
        study.optimize(train, n_trials=3, catch=catch, callbacks=[lambda _, trial: told.append(trial.state.name)])
    except OSError as error:
        raised = error
    stored = [trial.state.name for trial in study.trials]
    print(f"catch={[kind.__name__ for kind in catch]}: stored {stored}, told {told}, raised {raised!r}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
