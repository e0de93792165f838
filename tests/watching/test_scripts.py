"""Real scripts that fail: what a fake Slack server receives, and how the scripts exit."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.servers.authority import Authority
from tests.servers.live import live_at
from tests.servers.scripts import environment, script, texts
from tests.servers.slack import SlackServer
from tests.watching.watched_bodies import raising
from tocsin import filters, interpreting, slack_notifier, watch

pytestmark = pytest.mark.tocsin_live


PROGRAMS = {
    "block": """
        from tocsin import watch
        with watch("nightly load"):
            raise ValueError("no rows")
        """,
    "function": """
        from tocsin import watch
        @watch
        def load(path):
            raise ValueError("no rows")
        load("rows.csv")
        """,
    "coroutine": """
        import asyncio
        from tocsin import watch
        @watch
        async def load(path):
            raise ValueError("no rows")
        asyncio.run(load("rows.csv"))
        """,
    "hook": """
        from tocsin import install_excepthook
        install_excepthook(name="load")
        raise ValueError("no rows")
        """,
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_script_that_fails_posts_to_slack(program: str, slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> None:
    path = script(tmp_path, PROGRAMS[program])
    env = environment(slack_server, ca_bundle, tmp_path)
    done = subprocess.run([sys.executable, path], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ValueError: no rows"
    assert slack_server.canary not in done.stderr
    (text,) = texts(slack_server)
    assert "load failed" in text
    assert text.endswith("ValueError: no rows")


def test_a_script_goes_on_where_slack_does_not_answer(slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> None:
    path = script(tmp_path, "from tocsin import watch\nwith watch('job'):\n    print('done')\n")
    slack_server.stop()
    env = environment(slack_server, ca_bundle, tmp_path)
    done = subprocess.run([sys.executable, path], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n")
    (line,) = done.stderr.splitlines()
    assert line.startswith("tocsin: could not tell Slack of 'job'")


@pytest.mark.skipif(os.name != "posix", reason="the signal goes to one process")
def test_ctrl_c_is_posted_and_exits_as_before(slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> None:
    path = script(
        tmp_path, "import time\nfrom tocsin import watch\nwith watch('job'):\n    print('up', flush=True)\n    time.sleep(60)\n"
    )
    env = environment(slack_server, ca_bundle, tmp_path)
    with subprocess.Popen(
        [sys.executable, path],
        env=env,
        cwd=tmp_path,
        stdout=-1,
        stderr=-1,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert printed.splitlines()[-1] == "KeyboardInterrupt"
    (text,) = texts(slack_server)
    assert text.startswith("job was aborted after ")


def test_the_example_prints_what_it_would_send(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "TOCSIN_ENV"} | {"TOCSIN_NOTIFY": "print"}
    path = Path(__file__).parents[2] / "docs" / "examples" / "watched.py"
    done = subprocess.run([sys.executable, path], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout.count("fallback") == 1
    assert "ValueError: could not convert string to float: 'n/a'" in done.stdout


def test_a_policy_may_depend_on_earlier_runs(slack_server: SlackServer, authority: Authority) -> None:
    job = watch("every night", state_handlers=[slack_notifier(when=filters.on_change())])
    with live_at(authority, slack_server) as live, interpreting(live):
        for fails in (True, True, False, False, True):
            with suppress(ValueError), job:
                raising(ValueError("no rows") if fails else None)()
    assert [text.split()[2] for text in texts(slack_server)] == ["failed", "succeeded", "failed"]
