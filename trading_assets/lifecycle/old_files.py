"""Files that may go: logs that were put aside, answers of vendors, copies that newer ones follow.

What is removed is named by what the product itself writes there: whatever else lies in these folders stays.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from trading_assets.backups.manifest import CopyError, Manifest, read_manifest
from trading_assets.config import Configuration
from trading_assets.lifecycle.items import Item, age_of, size_of
from trading_assets.structured_log import FILE, FOLDER

#: A cached answer: the folder of its first two digits, and the digits.
_ANSWER = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}\.parquet")
_DAY = 86_400.0


def old_logs(configuration: Configuration, now: float) -> Iterator[Item]:
    """Yield files of the log that were put aside and are old; the one that is written to never is.

    Parameters
    ----------
    configuration, now
        Configuration, and seconds since 1970.
    """
    days = configuration.lifecycle.log_days
    for path in sorted((configuration.home / FOLDER).glob(f"{FILE}.*")):
        if days is not None and path.suffix[1:].isdigit() and path.is_file() and age_of(path, now) > days:
            yield _removed(path, f"lifecycle.log_days: {days:g}", now)


def old_answers(configuration: Configuration, now: float) -> Iterator[Item]:
    """Yield kept answers of vendors that are old.

    Parameters
    ----------
    configuration, now
        Configuration, and seconds since 1970.
    """
    days, cache = configuration.lifecycle.vendor_cache_days, configuration.home / "cache"
    if days is None or not cache.is_dir():
        return
    for path in sorted(cache.glob("*/*.parquet")):
        if _ANSWER.fullmatch(path.relative_to(cache).as_posix()) and age_of(path, now) > days:
            yield _removed(path, f"lifecycle.vendor_cache_days: {days:g}", now)


def old_backups(configuration: Configuration, now: float) -> Iterator[Item]:
    """Yield whole copies of this configuration that are old and not among the newest; what is none is left alone.

    Parameters
    ----------
    configuration, now
        Configuration, and seconds since 1970.
    """
    settings = configuration.lifecycle
    if settings.backups is None:
        return
    folder = configuration.directory / settings.backups
    if not folder.is_dir():
        return
    found = []
    for path in sorted(folder.iterdir()):
        manifest = _manifest_of(path)
        if manifest is not None and manifest.configuration == configuration.name:
            found.append((manifest.moment, path))
    for moment, path in sorted(found)[: -settings.keep_backups]:
        age = (now - moment.timestamp()) / _DAY if moment.tzinfo else (now - _utc(moment)) / _DAY
        if age > settings.backup_days:
            why = f"lifecycle.backup_days: {settings.backup_days:g}, and {settings.keep_backups} newer ones stay"
            yield Item("remove", str(path), why, age, size_of(path), lambda path=path: _forget(path))  # type: ignore[misc]


def _utc(moment: object) -> float:
    import datetime as dt

    assert isinstance(moment, dt.datetime)
    return moment.replace(tzinfo=dt.UTC).timestamp()


def _manifest_of(path: Path) -> Manifest | None:
    if path.is_symlink() or not path.is_dir():
        return None
    try:
        return read_manifest(path)
    except CopyError:
        return None


def _removed(path: Path, why: str, now: float) -> Item:
    def act() -> str:
        path.unlink(missing_ok=True)
        return "removed"

    return Item("remove", str(path), why, age_of(path, now), size_of(path), act)


def _forget(path: Path) -> str:
    """Remove a copy: first its name, so that what a kill leaves is no copy any more."""
    partial = path.with_name(f".{path.name}.partial")
    path.rename(partial)
    shutil.rmtree(partial)
    return "removed"
