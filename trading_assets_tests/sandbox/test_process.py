"""A process that answers, or whose end is told with its cause."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trading_assets.sandbox import process
from trading_assets.sandbox.landlock import version
from trading_assets.sandbox.process import RestrictedProcess, StoppedError, Task, readable

#: Answers without a library: such a process starts in a tenth of a second.
ECHO = b"""
import ctypes, os, sys
from trading_assets.sandbox.messages import ClosedError, receive, send
from space.helper import VALUE

def serve(other, setup, enforced):
    while True:
        try:
            request = receive(other)
        except ClosedError:
            return
        send(other, {"enforced": enforced["reads"], **answer(request["do"], request)})

def answer(do, request):
    if do == "loop":
        while True: pass
    if do == "exit":
        os._exit(3)
    if do == "crash":
        ctypes.string_at(0)
    if do == "print":
        print("to be seen")
        sys.stdout.flush()
    if do == "memory":
        try:
            bytearray(1 << 30)
        except MemoryError:
            return {"memory": "refused"}
    if do == "read":
        try:
            return {"text": open(request["path"]).read()}
        except OSError as error:
            return {"text": type(error).__name__}
    return {"value": VALUE, "environment": sorted(os.environ), "folder": os.getcwd(), "name": __file__}
"""


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[RestrictedProcess]:
    (tmp_path / "declared.csv").write_text("declared")
    (tmp_path / "other.csv").write_text("other")
    sources = {
        "echo": (ECHO, str(tmp_path / "echo.py"), False),
        "space.helper": (b"VALUE = 42\n", str(tmp_path / "space" / "helper.py"), False),  # no file says what space is
    }
    reads = (tmp_path / "declared.csv",)
    task = Task("mine", "echo", sources, reads, tmp_path, seconds=2.0, megabytes=300)
    running = RestrictedProcess(task)
    yield running
    running.end()


def test_code_is_made_from_its_text_in_the_folder_of_its_paths(echo: RestrictedProcess, tmp_path: Path) -> None:
    """No file of the code is there at all."""
    found = echo.ask({"do": "say"})
    assert (found["value"], found["folder"], found["name"]) == (42, str(tmp_path), str(tmp_path / "echo.py"))


def test_the_environment_stays_out(echo: RestrictedProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_ASSETS_WEBHOOK_TOKEN", "hunter2")
    monkeypatch.setenv("POLARS_MAX_THREADS", "2")
    names = echo.ask({"do": "say"})["environment"]
    assert "TRADING_ASSETS_WEBHOOK_TOKEN" not in names
    assert "POLARS_MAX_THREADS" in names


@pytest.mark.skipif(version() == 0, reason="a kernel without Landlock")
def test_files_are_read_only_as_declared(echo: RestrictedProcess) -> None:
    texts = [echo.ask({"do": "read", "path": name})["text"] for name in ("declared.csv", "other.csv", "/etc/hostname")]
    assert texts == ["declared", "PermissionError", "PermissionError"]
    assert echo.ask({"do": "say"})["enforced"] is True


@pytest.mark.parametrize(
    ("do", "cause"),
    [
        ("loop", r"mine did not answer within 2 seconds \(limits.plugin_seconds\)"),
        ("exit", "the process of mine ended with exit code 3"),
        ("crash", r"the process of mine was ended by signal 11 \(SIGSEGV\)"),
    ],
)
def test_an_end_is_told_and_the_next_question_starts_anew(echo: RestrictedProcess, do: str, cause: str) -> None:
    first = echo.started
    with pytest.raises(StoppedError, match=cause):
        echo.ask({"do": do})
    assert echo.ask({"do": "say"})["value"] == 42
    assert echo.started != first


def test_memory_has_a_limit(echo: RestrictedProcess) -> None:
    """A gigabyte is more than 300 MB."""
    assert echo.ask({"do": "memory"})["memory"] == "refused"


def test_what_it_prints_is_shown_beside_our_messages(
    echo: RestrictedProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    echo.ask({"do": "print"})
    assert capsys.readouterr() == ("", "to be seen\n")


def test_nothing_is_left_behind(echo: RestrictedProcess) -> None:
    number = echo.started
    scratch = process._ALIVE[number].scratch
    assert scratch.exists()
    echo.end()
    assert not scratch.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


@pytest.mark.slow
def test_few_processes_wait_at_a_time(echo: RestrictedProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was asked last stays; the other one is started anew when it is asked again."""
    monkeypatch.setattr(process, "_MOST_WAITING", 1)
    other = RestrictedProcess(echo.task)
    first, second = echo.started, other.started
    assert set(process._ALIVE) & {first, second} == {second}
    assert echo.ask({"do": "say"})["value"] == 42
    assert set(process._ALIVE) & {first, second} == set()
    other.end()


def test_neither_a_home_nor_the_root_can_be_read() -> None:
    folders = readable()
    assert Path("/") not in folders
    assert not {Path.home(), Path.home().parent, Path("/tmp"), Path("/usr")} & set(folders)
