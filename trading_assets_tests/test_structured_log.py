"""Records: JSON or words, with what they are of, rotated, without secrets, and nothing global is changed."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog

from trading_assets.config.logs import Logs
from trading_assets.structured_log import FILE, FOLDER, PACKAGE, RECORDS, going_on, open_log, record

SECRET = "hunter2-the-key"


def lines(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / FOLDER / FILE).read_text().splitlines()]


def test_a_record_names_run_step_strategy_and_its_own_fields(tmp_path: Path) -> None:
    with open_log(Logs(), tmp_path, []):
        with going_on(run_id="r", correlation_id="c", step="backtests/a", strategy="a"):
            record("signal", symbol="AAA", score=np.float64(0.5))
        record("after")
    first, second = lines(tmp_path)
    assert {name: first[name] for name in ("event", "run_id", "correlation_id", "step", "strategy", "symbol")} == {
        "event": "signal",
        "run_id": "r",
        "correlation_id": "c",
        "step": "backtests/a",
        "strategy": "a",
        "symbol": "AAA",
    }
    assert (first["level"], float(first["score"])) == ("info", 0.5) and first["timestamp"].endswith("Z")
    assert "run_id" not in second


def test_what_modules_say_and_threads_of_a_step_have_the_same_ids(tmp_path: Path) -> None:
    with open_log(Logs(), tmp_path, []), going_on(run_id="r", step="s"):
        logging.getLogger(f"{PACKAGE}.market_data").warning("%d symbols", 3)
        thread = threading.Thread(target=record, args=("from a thread",))
        thread.start()
        thread.join()
    assert [(each["event"], each["run_id"], each["step"]) for each in lines(tmp_path)] == [
        ("3 symbols", "r", "s"),
        ("from a thread", "r", "s"),
    ]


def test_no_line_shows_a_secret_not_even_in_a_traceback(tmp_path: Path) -> None:
    with open_log(Logs(), tmp_path, [SECRET]):
        record("order", detail=f"key {SECRET}")
        try:
            raise ValueError(f"GET https://ann:passpass@host/?apikey={SECRET}")
        except ValueError:
            logging.getLogger(f"{PACKAGE}.x").exception("asked with %s", SECRET)
    text = (tmp_path / FOLDER / FILE).read_text()
    assert SECRET not in text and "passpass" not in text
    assert "ValueError" in text and text.count("***") >= 3


def test_a_file_that_is_full_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    with open_log(Logs(largest_mib=0.001, keep=2), tmp_path, []):
        for number in range(60):
            record("signal", number=number, text="x" * 50)
    names = sorted(path.name for path in (tmp_path / FOLDER).iterdir())
    assert names == [FILE, f"{FILE}.1", f"{FILE}.2"]
    assert all(path.stat().st_size <= 1049 for path in (tmp_path / FOLDER).iterdir())
    assert lines(tmp_path)[-1]["number"] == 59


def test_level_and_format_are_as_configured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_log(Logs(level="warning", format="console", to="stderr"), tmp_path, []):
        record("signal", symbol="AAA")
        record("failed", logging.ERROR, symbol="BBB")
    said = capsys.readouterr().err
    assert "AAA" not in said and "symbol=BBB" in said and not (tmp_path / FOLDER).exists()
    with open_log(Logs(to="off"), tmp_path, []):
        record("signal")
    assert not (tmp_path / FOLDER).exists()


def test_no_value_of_a_record_shows_a_secret_however_deep_it_is(tmp_path: Path) -> None:
    secret = "hunter2hunter2"
    with open_log(Logs(), tmp_path, [secret]):
        record("x", one=[{"deep": (secret, 3)}], two=Path(f"/{secret}"), three={secret: 0.5}, four=None)
    [said] = lines(tmp_path)
    assert secret not in str(said)
    assert (said["one"], said["two"], said["three"], said["four"]) == (
        [{"deep": ["***", 3]}],
        "/***",
        {"***": 0.5},
        None,
    )


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file")
    done = False
    with open_log(Logs(), tmp_path, []):
        record("signal")
        done = True
    assert done


def test_nothing_of_logging_or_structlog_is_left_changed(tmp_path: Path) -> None:
    loggers = [logging.getLogger(name) for name in ("", PACKAGE, RECORDS)]
    before = [(list(each.handlers), each.level, each.propagate) for each in loggers]
    configured = structlog.is_configured()
    with open_log(Logs(level="debug"), tmp_path, []):
        record("signal")
    assert [(list(each.handlers), each.level, each.propagate) for each in loggers] == before
    assert structlog.is_configured() is configured
