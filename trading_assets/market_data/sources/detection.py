"""What files are believed to be: their layout and why, their bars as read, what is doubtful, and the YAML for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from trading_assets.config.sections import AssetClass
from trading_assets.config.sources import FilesSource
from trading_assets.market_data.sources import files
from trading_assets.market_data.sources.columns import ColumnError, find_columns
from trading_assets.market_data.sources.doubts import doubts_of
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.layouts import Reading, differences, readings_of, traded_outside_of_range
from trading_assets.market_data.sources.samples import Sample, sample_of

_FIRST, _LAST = dt.date(1900, 1, 1), dt.date(2100, 1, 1)
_SHOWN = ("symbol", "session", "open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Belief:
    """One way to read files.

    Attributes
    ----------
    name, title
        Layout, `generic` where none fits.
    reasons
        What of the file speaks for it.
    says
        What the layout says of session, volume and prices; of several that fit, only what differs.
    bars
        All bars as read: the raw columns; empty where they cannot be.
    doubts
        What the user has to know or to decide.
    source
        Keys of a files source that reads the files this way.
    """

    name: str
    title: str
    reasons: tuple[str, ...]
    says: dict[str, object]
    bars: pl.DataFrame
    doubts: tuple[str, ...]
    source: dict[str, object]

    @property
    def yaml(self) -> str:
        """The source as a piece of a configuration."""
        return yaml.safe_dump({"market_data": [self.source]}, sort_keys=False, allow_unicode=True, width=110)

    @property
    def first_bars(self) -> pl.DataFrame:
        """Three bars of the first symbol, oldest first."""
        return self.bars.head(3).select(_SHOWN)


@dataclass(frozen=True)
class Detection:
    """Files that are believed to be the same, the first of them by name, and every way to read it."""

    file: str
    number: int
    beliefs: tuple[Belief, ...]


def detect(pattern: str, directory: Path, asset_class: AssetClass | None = None) -> list[Detection]:
    """Say what the files of a glob are.

    Parameters
    ----------
    pattern
        A path or a glob, as in `path` of a source.
    directory
        Where a relative one starts.
    asset_class
        Asset class of files whose layout does not tell; default equity.

    Returns
    -------
    list of Detection
        One for each kind of file, in the order of their first files. More than one belief is a question.

    Raises
    ------
    SourceError
        No file, or one that no layout fits and that cannot be read by the usual names of columns.
    """
    kinds: dict[tuple[str, ...], list[tuple[Path, str, Sample, list[Reading]]]] = {}
    for path, name in files.find(pattern, directory):
        sample = sample_of(path, name)
        readings = readings_of(sample, _source({"path": name}, asset_class))
        kinds.setdefault(tuple(reading.layout.name for reading in readings), []).append((path, name, sample, readings))
    found = []
    for of_kind in kinds.values():
        path, name, sample, readings = of_kind[0]
        written = pattern if len(kinds) == 1 else str(path) if Path(pattern).is_absolute() else name
        root = path.parents[len(Path(name).parts) - 1]  # where names start: of an absolute pattern, its own folder
        beliefs = [_of_layout(reading, readings, sample, name, written, root) for reading in readings]
        beliefs = beliefs or [_generic(sample, name, written, root, asset_class)]
        found.append(Detection(name, len(of_kind), tuple(beliefs)))
    return found


def _source(keys: dict[str, object], asset_class: AssetClass | None) -> FilesSource:
    return FilesSource.model_validate({"source": "files", "asset_class": asset_class or "equity", **keys})


def _of_layout(
    reading: Reading, readings: Sequence[Reading], sample: Sample, name: str, path: str, directory: Path
) -> Belief:
    layout = reading.layout
    keys: dict[str, object] = {"layout": layout.name, "asset_class": layout.asset_class}
    calendar = FilesSource.model_validate({"source": "files", "path": name, **keys}).calendar
    keys["calendar"] = calendar
    if reading.settings.interval != "1d":
        keys["interval"] = reading.settings.interval
    doubts = list(layout.doubts)
    outside = traded_outside_of_range(sample, reading)
    if outside:
        doubts.insert(0, outside)
    bars, problem = _read({**keys, "path": name}, directory)
    says: dict[str, object] = {"session": layout.session, "volume": layout.volume, "prices": layout.prices}
    return Belief(
        layout.name,
        layout.title,
        reading.reasons,
        differences(reading, readings) if len(readings) > 1 else says,
        bars,
        (*problem, *doubts, *doubts_of(bars, calendar)),
        {"source": "files", **keys, "path": path},
    )


def _generic(sample: Sample, name: str, path: str, directory: Path, asset_class: AssetClass | None) -> Belief:
    rows = sample.rows(0, "auto")
    header = rows[0] if rows else ()
    keys: dict[str, object] = {"layout": "generic", "asset_class": asset_class or "equity"}
    columns: dict[str, int] = {}
    for symbol in ("symbol", None):
        try:
            columns = find_columns(header, mapped={}, symbol_column=symbol, file=name, line=1)
        except ColumnError:
            continue
        if symbol is None:
            keys["symbol_from"] = "filename"
        break
    if columns:
        keys["columns"] = {ours: header[at] for ours, at in columns.items()}
    keys["calendar"] = _source(keys | {"path": name}, asset_class).calendar
    bars, problem = _read(keys | {"path": name}, directory)
    if problem and not columns:
        raise SourceError(problem[0])
    doubts = [
        *problem,
        "no known layout: what volume counts, whose prices these are and in which zone the stamps are is not known",
        *([] if asset_class else ["asset_class is a guess"]),
        *doubts_of(bars, str(keys["calendar"])),
    ]
    reasons = (f"columns {', '.join(header[at] for at in columns.values())}",) if columns else ()
    return Belief(
        "generic",
        "the usual names of columns",
        reasons,
        {},
        bars,
        tuple(doubts),
        {"source": "files", **keys, "path": path},
    )


def _read(keys: dict[str, object], directory: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    source = FilesSource.model_validate({"source": "files", **keys})
    try:
        return files.read(source, start=_FIRST, end=_LAST, directory=directory).bars, ()
    except SourceError as error:
        return pl.DataFrame(schema=files.SCHEMA), (str(error),)
