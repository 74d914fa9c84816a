"""Old logs, answers and copies go; what is young, or not what the product writes there, stays."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from trading_assets.backups.copying import make_copy
from trading_assets.lifecycle.old_files import old_answers, old_backups, old_logs
from trading_assets_tests.backups.worlds import NOON
from trading_assets_tests.conftest import TINY
from trading_assets_tests.lifecycle.homes import NOW, aged, put

DIGITS = "ab" * 32


def test_files_of_the_log_go_that_were_put_aside_long_ago(tmp_path: Path) -> None:
    _, configuration = aged(tmp_path, log_days=30)
    logs = configuration.home / "logs"
    old = put(logs / "records.jsonl.2", 31)
    for name, days in (("records.jsonl.1", 29), ("records.jsonl", 99), ("records.jsonl.mine", 99), ("other.2", 99)):
        put(logs / name, days)
    (found,) = old_logs(configuration, NOW)
    assert (found.what, found.age_days, found.size) == (str(old), 31, 10)
    assert found.act() == "removed"
    assert sorted(path.name for path in logs.iterdir()) == [
        "other.2",
        "records.jsonl",
        "records.jsonl.1",
        "records.jsonl.mine",
    ]
    assert found.act() == "removed", "who was killed after it does it again"


def test_answers_of_vendors_are_kept_unless_an_age_is_said(tmp_path: Path) -> None:
    _, configuration = aged(tmp_path)
    old = put(configuration.home / "cache" / "ab" / f"{DIGITS}.parquet", 400)
    put(configuration.home / "cache" / "ab" / "mine.parquet", 400)
    assert list(old_answers(configuration, NOW)) == []
    said = configuration.lifecycle.model_copy(update={"vendor_cache_days": 365.0})
    (found,) = old_answers(configuration.model_copy(update={"lifecycle": said}), NOW)
    assert found.what == str(old)


def test_the_newest_copies_stay_whatever_their_age(tmp_path: Path) -> None:
    """Four copies, a hundred days apart, of which the two newest stay; of the others one is 200 days old."""
    _, configuration = aged(tmp_path, backups="copies", backup_days=250, keep_backups=2)
    for age in (400, 300, 200, 100):
        make_copy(configuration, TINY, tmp_path / "copies" / f"of_{age}", NOON - dt.timedelta(days=age))
    put(tmp_path / "copies" / "notes.txt", 900)
    (tmp_path / "copies" / "a folder").mkdir()
    found = list(old_backups(configuration, NOW))
    assert [(Path(each.what).name, each.age_days) for each in found] == [("of_400", 400), ("of_300", 300)]
    for each in found:
        each.act()
    assert sorted(path.name for path in (tmp_path / "copies").iterdir()) == [
        "a folder",
        "notes.txt",
        "of_100",
        "of_200",
    ]


def test_without_a_folder_no_copy_goes(tmp_path: Path) -> None:
    _, configuration = aged(tmp_path)
    assert list(old_backups(configuration, NOW)) == []
