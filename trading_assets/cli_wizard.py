"""Write a configuration for the files that a person has: what they are is looked at, what is guessed is said."""

from __future__ import annotations

import datetime as dt
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import typer
import yaml

from trading_assets.config import ConfigurationError
from trading_assets.config.scalars import FIRST_DAY, LAST_DAY
from trading_assets.config.schema import EDITOR_LINE
from trading_assets.config.sections import AssetClass
from trading_assets.config.sources import FilesSource
from trading_assets.market_data.calendars import CalendarError, sessions
from trading_assets.market_data.sources import SourceError, files
from trading_assets.market_data.sources.detection import Belief, detect

#: Endings of files of bars, the longest first.
_ENDINGS = (".csv.gz", ".csv.zip", ".csv", ".zip", ".parquet", ".txt", ".json", ".h5", ".feather")
#: Share of bars at weekends above which a market never closes; of seven days, two are 0.29.
_ALWAYS_OPEN = 0.1
#: Exchanges that equities are held against, the likeliest first, and the share of days that may not fit.
_EXCHANGES = ("XNYS", "XLON", "XETR", "XTKS", "XHKG", "XTSE", "XASX")
_FITS = 0.01
#: Names of benchmarks that a delivery may hold.
_BENCHMARKS = {"equity": ("SPX", "^GSPC", "^SPX", "SPY"), "crypto": ("BTC", "BTCUSD", "BTC-USD", "BTCUSDT", "BTC/USD")}
_STRATEGY = {"equity": "equity_momentum", "crypto": "crypto_momentum"}

Ask = Callable[[str, str], str]


@dataclass(frozen=True)
class Answers:
    """What a person has said, on the command line; None is asked for, or guessed.

    Attributes
    ----------
    name, asset_class, calendar, layout
        Keys of the configuration.
    """

    name: str | None = None
    asset_class: AssetClass | None = None
    calendar: str | None = None
    layout: str | None = None


@dataclass(frozen=True)
class Drafted:
    """A configuration as text, and what was guessed in it, a line each."""

    text: str
    guesses: tuple[str, ...] = field(default=())


def drafted(path: Path, folder: Path, answers: Answers, ask: Ask | None = None) -> Drafted:
    """Return a configuration for the files at a path.

    Parameters
    ----------
    path
        A file, a folder of files, or a glob.
    folder
        Folder that the configuration will stand in.
    answers
        What is known already.
    ask
        Asked with a question and the guess, and returns the answer; None: guesses are taken.

    Raises
    ------
    ConfigurationError
        There are no files of bars, they cannot be read, or what they are is a question and there is nobody to ask.
    """
    pattern = _pattern(path, folder)
    belief = _belief(pattern, folder, answers, ask)
    guesses = [f"{pattern}: {belief.title} ({belief.name})", *(f"because: {each}" for each in belief.reasons)]
    bars = _bars(belief, folder)
    if bars.is_empty():
        raise ConfigurationError("\n".join([f"no bars in {pattern}", *(f"  cause: {each}" for each in belief.doubts)]))
    days = bars["session"].unique().sort()
    weekend = days.dt.weekday().is_between(6, 7).mean()
    share = float(weekend) if isinstance(weekend, float) else 0.0
    guessed = "crypto" if share > _ALWAYS_OPEN else "equity"
    asset_class = answers.asset_class or _asked(ask, "asset class: equity or crypto", guessed)
    if asset_class not in _STRATEGY:
        raise ConfigurationError(f"no asset class {asset_class!r}\n  expected: equity or crypto")
    calendar = answers.calendar or _asked(ask, "calendar", _calendar(days) if asset_class == "equity" else "24/7")
    guesses.append(
        f"asset class {asset_class}, calendar {calendar}: {share:.0%} of its {len(days):,} days are weekends"
    )
    name = answers.name or _asked(ask, "name of the experiment", _name_of(path, folder))
    source = {**belief.source, "asset_class": asset_class, "calendar": calendar}
    symbols = sorted(bars["symbol"].unique())
    benchmark = next((each for each in _BENCHMARKS[asset_class] if each in symbols), None)
    guesses += [f"doubtful: {each}" for each in belief.doubts if "asset_class is a guess" not in each]
    return Drafted(_text(name, source, days, benchmark, symbols), tuple(guesses))


def questions() -> Ask | None:
    """Return what asks at a terminal; None where nobody sits at one."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    return lambda question, guess: str(typer.prompt(question, default=guess))


def _asked(ask: Ask | None, question: str, guess: str) -> str:
    return guess if ask is None else ask(question, guess).strip() or guess


def _pattern(path: Path, folder: Path) -> str:
    """The path as `path` of a source: of a folder, all files with the commonest ending."""
    if path.is_dir():
        found = Counter(_ending(each) for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
        found.pop("", None)
        if not found:
            raise ConfigurationError(
                f"no files of bars in {path}\n  expected: files that end with {', '.join(_ENDINGS)}\n"
                "  what to do: name a file, or a glob in quotes: 'prices/*/*.csv'"
            )
        path = path / f"*{max(found, key=lambda each: (found[each], -_ENDINGS.index(each)))}"
    whole = Path.cwd() / path
    return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else str(whole)


def _ending(path: Path) -> str:
    return next((each for each in _ENDINGS if path.name.lower().endswith(each)), "")


def _belief(pattern: str, folder: Path, answers: Answers, ask: Ask | None) -> Belief:
    try:
        found = detect(pattern, folder, answers.asset_class)
    except SourceError as error:
        raise ConfigurationError(str(error)) from None
    if len(found) > 1:
        kinds = ", ".join(f"{each.file} ({each.beliefs[0].name})" for each in found)
        raise ConfigurationError(
            f"the files of {pattern} are of {len(found)} kinds\n  files: {kinds}\n  expected: one kind\n"
            "  what to do: name one kind by a glob, and add the others as sources of their own"
        )
    beliefs = {each.name: each for each in found[0].beliefs}
    layout = answers.layout
    if layout is None and len(beliefs) > 1:
        if ask is None:
            raise ConfigurationError(
                f"{len(beliefs)} layouts fit {found[0].file}, and nothing in the file decides\n"
                f"  expected: --layout with one of {', '.join(beliefs)}\n"
                "  what to do: `trading-assets config detect` says what each of them means"
            )
        layout = ask(f"layout: {' or '.join(beliefs)}", next(iter(beliefs)))
    if layout is not None and layout not in beliefs:
        raise ConfigurationError(f"the layout {layout!r} does not fit\n  expected: one of {', '.join(beliefs)}")
    return beliefs[layout or next(iter(beliefs))]


def _bars(belief: Belief, folder: Path) -> pl.DataFrame:
    """Bars of all files; what is believed is of the first of them."""
    try:
        return files.read(
            FilesSource.model_validate(belief.source), start=FIRST_DAY, end=LAST_DAY, directory=folder
        ).bars
    except SourceError as error:
        raise ConfigurationError(str(error)) from None


def _calendar(days: pl.Series) -> str:
    """The exchange whose sessions are most like the days; New York where it fits."""
    misfits: dict[str, float] = {}
    first, last = _span(days)
    for name in _EXCHANGES:
        expected = set(sessions(name, first, last))
        misfits[name] = len(expected ^ set(days)) / max(len(days), 1)
        if misfits[name] <= _FITS:
            return name
    return min(misfits, key=lambda name: misfits[name])


def _span(days: pl.Series) -> tuple[dt.date, dt.date]:
    """First and last of some days, which are in order."""
    first, last = days[0], days[-1]
    assert isinstance(first, dt.date)
    assert isinstance(last, dt.date)
    return first, last


def _start(calendar: str, first: dt.date, last: dt.date) -> dt.date:
    """The first month of some bars that is whole, as partitions are months; that of the first bar if none is."""
    month = first.replace(day=1)
    following = (month + dt.timedelta(days=32)).replace(day=1)
    if first == month or following > last:
        return month
    try:
        return month if sessions(calendar, month, first - dt.timedelta(days=1)).is_empty() else following
    except CalendarError as error:
        raise ConfigurationError(str(error)) from None


def _name_of(path: Path, folder: Path) -> str:
    stem = path.name if path.is_dir() else path.parent.name or folder.name
    name = "".join(each if each.isascii() and each.isalnum() else "_" for each in stem).strip("_")
    return name[:40] if name[:1].isalpha() else f"research_{name}"[:40].rstrip("_")


def _text(name: str, source: dict[str, Any], days: pl.Series, benchmark: str | None, symbols: Sequence[str]) -> str:
    asset_class, first, last = source["asset_class"], *_span(days)
    start = _start(source["calendar"], first, last)
    shown = ", ".join(symbols[:5]) + (", ..." if len(symbols) > 5 else "")
    lines = [
        EDITOR_LINE.rstrip("\n"),
        f"# {len(symbols):,} symbols ({shown}), {len(days):,} days from {first} to {last}.",
        "# Written by `trading-assets config wizard`; every key there is: `trading-assets config init`.",
        f"{_yaml('name', name)}   # names the folder under the data folder",
        "seed: 7                    # of every draw: the same seed, the same numbers",
        f"start: {start}          # first monthly partition: the first of a month",
        "# as_of: 2024-12-31        # nothing after it is used; default: the last session of most symbols",
        "market_data:",
        "  - source: files",
    ]
    for key, value in source.items():
        if key != "source":
            meaning = FilesSource.model_fields[key].description
            lines.append(f"    {_yaml(key, value)}   # {meaning}")
    if benchmark is None:
        lines.append(
            f"# benchmarks: {{{asset_class}: SYMBOL}}   # a symbol of your data that results are compared with"
        )
    else:
        lines.append(f"{_yaml('benchmarks', {asset_class: benchmark})}   # what results are compared with")
    strategy = _STRATEGY[asset_class]
    lines += [
        f"universe: {{{asset_class}: all}}      # all, a list of symbols, or a table of members and their spells",
        "splits: {train: 0.625, validation: 0.125, holdout: 0.25}   # the holdout is looked at once",
        "# costs: {" + asset_class + ": {fee_bps: 1}}   # look at the defaults: `trading-assets config show`",
        "strategies:                # the key is the strategy's name, `type` its module",
        f"  {strategy}: {{type: {strategy}, universe: {asset_class}}}",
        "# registration:            # before the holdout: what is expected, and why",
        f"#   {strategy}: {{registered_on: {last}, hypothesis: ...}}",
    ]
    return "\n".join(lines) + "\n"


def _yaml(key: str, value: object) -> str:
    """A key and its value on one line; the value is quoted where a list would need it."""
    text = yaml.safe_dump([value], default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return f"{key}: {text.strip()[1:-1]}"
