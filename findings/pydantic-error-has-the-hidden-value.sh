#!/usr/bin/env bash
# Subject: pydantic 2.14.4 and pydantic-settings 2.16.3, SecretStr.
#
# One would guess: what is declared as SecretStr is hidden in the text of an error, as it is in each repr.
#
# It does: an error shows what was given, not what was made of it. Where another setting is missing, the text shows all that were
# found, the hidden ones as they are. `hide_input_in_errors=True` leaves them out.
#
# It matters: a setting that somebody forgot is how many jobs fail, and their first message brings the passwords along.
#
# Seen:
#   pydantic 2.14.4, pydantic-settings 2.16.3
#   repr of the settings: Settings(password=SecretStr('**********'), bucket='sales')
#   bucket is missing: Field required [type=missing, input_value={'password': 'correct-horse'}, input_type=dict]
#   bucket is missing, hide_input_in_errors=True: Field required [type=missing]
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check pydantic==2.14.4 pydantic-settings==2.16.3
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" PASSWORD=correct-horse python -I - 2>log <<'END'
import os
from importlib.metadata import version

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    password: SecretStr
    bucket: str


class Quiet(Settings):
    model_config = SettingsConfigDict(hide_input_in_errors=True)


print(*(f"{name} {version(name)}" for name in ("pydantic", "pydantic-settings")), sep=", ")
os.environ["BUCKET"] = "sales"
print(f"repr of the settings: {Settings()!r}")
del os.environ["BUCKET"]
for option, settings in {"": Settings, ", hide_input_in_errors=True": Quiet}.items():
    try:
        settings()
    except ValidationError as error:
        print(f"bucket is missing{option}: {str(error).splitlines()[2].strip()}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
