"""``--env-file``: what each line means, as ``docker run`` reads it, and that no error quotes a line."""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.exec.commands import Watch
from tocsin.cli.exec.env_file import MAX_SIZE, EnvFileError, parse_env_file, read_env_file

SURROUNDINGS = {"HOME": "/root", "EMPTY": ""}


@pytest.mark.parametrize(
    ("content", "variables"),
    [
        (b"", {}),
        (b"A=1", {"A": "1"}),
        (b"A=1\nB=2\n", {"A": "1", "B": "2"}),
        (b"A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        (b"A=1\r\r\n", {"A": "1\r"}),
        (b"\xef\xbb\xbfA=1\n\xef\xbb\xbfB=2\n", {"A": "1", "\ufeffB": "2"}),
        (b"# A=1\n  # B=2\n\n \t\nC=3 # no comment\n", {"C": "3 # no comment"}),
        (b" \t\xc2\xa0A=1\n", {"A": "1"}),
        (b"\x1cA=1\n", {"\x1cA": "1"}),  # white space for Python, and not for Go
        (b"A=  1 \t\n", {"A": "  1 \t"}),
        (b"A=\"1\"\nB='2'\nC=\\n$A\n", {"A": '"1"', "B": "'2'", "C": "\\n$A"}),
        (b"A=\nB==\nC=a=b\n", {"A": "", "B": "=", "C": "a=b"}),
        (b"A=1\nA=2\n", {"A": "2"}),
        (b"HOME\nEMPTY\nNOT_SET\n", {"HOME": "/root", "EMPTY": ""}),
        (b"export=1\nA-b.c=2\n1=3\n", {"export": "1", "A-b.c": "2", "1": "3"}),
        ("A=\u00e9\u2028\n".encode(), {"A": "\u00e9\u2028"}),
    ],
)
def test_what_a_line_means(content: bytes, variables: dict[str, str]) -> None:
    assert parse_env_file(content, SURROUNDINGS.get) == {os.fsdecode(name.encode()): value for name, value in variables.items()}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"A=1\n=hunter2\n", "line 2: there is no name before the ="),
        (b"=\n", "line 1: there is no name before the ="),
        (b"\n\nhunter2 =1\n", "line 3: there is white space in the name: write NAME=VALUE"),
        (b"export A=hunter2\n", "line 1: there is white space in the name: write NAME=VALUE"),
        (b"hunter2\t\n", "line 1: there is white space in the name: write NAME=VALUE"),
        (b"A=hunter2\xff\n", "line 1: it is not UTF-8"),
        (b"A=hunter2\0\n", "line 1: there is a zero byte in it"),
        (b"A\xffhunter2", "line 1: it is not UTF-8"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_without_its_text(content: bytes, said: str) -> None:
    with pytest.raises(EnvFileError) as raised:
        parse_env_file(content, SURROUNDINGS.get)
    assert str(raised.value) == said


def nothing(_: str) -> None:
    """Find no value."""


def read_or_refused(content: bytes) -> tuple[dict[str, str], str]:
    """Return the variables and the error."""
    try:
        return parse_env_file(content, nothing), ""
    except EnvFileError as error:
        return {}, str(error)


names = st.text(st.characters(exclude_characters="=\n\r\0", exclude_categories=["Cs", "Z", "Cc"]), min_size=1).filter(
    lambda name: not name.startswith(("#", "\ufeff"))
)
values = st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"])).filter(lambda value: not value.endswith("\r"))


@given(st.dictionaries(names, values))
def test_what_is_written_is_read(variables: dict[str, str]) -> None:
    content = "".join(f"{name}={value}\n" for name, value in variables.items()).encode()
    assert parse_env_file(content, nothing) == {
        os.fsdecode(name.encode()): os.fsdecode(value.encode()) for name, value in variables.items()
    }


@given(st.binary(), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_file_is_read_or_refused_in_one_line_without_its_text(content: bytes, text: str) -> None:
    for each in (content, f"A=1\ncanary{text}".encode(), f"\xff canary{text}".encode("latin-1", "replace")):
        found, said = read_or_refused(each)
        assert "canary" not in said
        assert "\n" not in said
        assert all(name and "=" not in name and "\0" not in name + value for name, value in found.items())


@pytest.mark.parametrize(
    ("name", "said"), [("missing", "missing cannot be read: No such file or directory"), (".", "cannot be read: Is a dir")]
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(EnvFileError, match=said):
        read_env_file(str(tmp_path / name))


def test_what_is_no_path_and_what_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(EnvFileError, match="it is no path"):
        read_env_file("a\0b")
    (tmp_path / "long").write_bytes(b"A=" + b"x" * MAX_SIZE)
    with pytest.raises(EnvFileError, match="is longer than 1 MiB"):
        read_env_file(str(tmp_path / "long"))


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    def write() -> None:
        with (tmp_path / "pipe").open("wb", buffering=0) as pipe:
            for piece in (b"A=1\nB", b"=2\n"):
                pipe.write(piece)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_env_file(str(tmp_path / "pipe")) == {"A": "1", "B": "2"}
    writer.join()


def test_the_command_gets_the_bytes_and_tocsin_does_not(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "job.env").write_bytes('A=\u00e9 "x"\nSLACK_WEBHOOK_URL=own\nTOCSIN_NOTIFY=live\nB\n'.encode())
    words = ["--env-file", "job.env", "--scrub-env", "--notify", "print", "--", "/usr/bin/env"]
    status, out, err = watch(*words, environment={"B": "from here", "SLACK_WEBHOOK_URL": "tocsin's", "LC_ALL": "C"}).done()
    assert (status, err) == (0, b"")
    found = out.splitlines()
    for line in ('A=\u00e9 "x"'.encode(), b"SLACK_WEBHOOK_URL=own", b"TOCSIN_NOTIFY=print", b"B=from here"):
        assert line in found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, b"tocsin: --env-file: job.env cannot be read: No such file or directory"),
        (b"A=1\nhunter2 x\n", b"tocsin: --env-file: job.env, line 2: there is white space in the name: write NAME=VALUE"),
    ],
)
def test_a_broken_file_starts_nothing(watch: Watch, tmp_path: Path, content: bytes | None, said: bytes) -> None:
    if content is not None:
        (tmp_path / "job.env").write_bytes(content)
    status, out, err = watch("--env-file", "job.env", "--", "echo", "started").done()
    assert (status, out) == (125, b"")
    assert err.startswith(said)
    assert err.count(b"\n") == 1
    assert b"hunter2" not in err
