"""Features in modules of a user's own: declared there, computed in a process of their own."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, fields
from typing import Any

import polars as pl

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.alternative import PREFIX
from trading_assets.config.canonical import digest
from trading_assets.config.plugins import Plugin, feature_module, origin_of
from trading_assets.config.sections import Interval
from trading_assets.features.alternative import alternative_features
from trading_assets.features.catalog import FEATURES
from trading_assets.features.feature import Feature, Scope
from trading_assets.features.indicators import INDICATORS
from trading_assets.features.tables import DAILY, OWN_CODE
from trading_assets.market_data.derived_columns import span_of
from trading_assets.market_data.tables import BARS
from trading_assets.protocol.exposures import exposure
from trading_assets.protocol.opened import opening
from trading_assets.protocol.records import Entry
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets.sandbox.process import StoppedError
from trading_assets.warehouse import Warehouse
from trading_assets.warehouse.errors import MissingTableError, block

#: Scopes that a module of a user's own may compute over.
SCOPES: tuple[Scope, ...] = ("symbol", "row", "session")
#: Libraries that the catalogue knows.
PROVIDERS = ("polars", "talib")
#: Names that a panel has already, or that rows have while features are computed.
_TAKEN = frozenset(
    {*BARS.columns, *INDICATORS, "score", "benchmark_roc_60", "in_universe", "log_return", "week"}
    | {"open", "high", "low", "close", "mean_dollar_volume_20"}
)


class FeatureError(Exception):
    """A feature of a user's own cannot be computed, or is not what it says; `str()` names it."""


@dataclass(frozen=True, eq=False)
class OwnFeature(Feature):
    """A feature whose expression is evaluated by the process of its module.

    Attributes
    ----------
    expression
        Names the same columns as the one that it stands for, and is another one for another one.
    module
        The module that declares it.
    """

    module: Plugin | None = None


def features_of(configuration: Configuration) -> tuple[Feature, ...]:
    """Return all features of a configuration: those of the house, then of its alternative data, then its own.

    Raises
    ------
    ConfigurationError
        A feature of a user's own has a name that is taken, or a scope that is not for it.
    """
    return (*FEATURES, *alternative_features(configuration), *own_features(configuration))


def own_features(configuration: Configuration) -> tuple[OwnFeature, ...]:
    """Return the features of a user's own modules.

    Raises
    ------
    ConfigurationError
        See `features_of`.
    """
    found: dict[str, OwnFeature] = {}
    shipped = {feature.column for feature in FEATURES}
    for name in configuration.features:
        try:
            module = feature_module(name, origin_of(configuration))
            made = [_made(module, each) for each in module.description["features"]]
        except (LookupError, ValueError, TypeError) as error:
            raise _refused(name, str(error), "a module that defines FEATURES") from None
        for each in made:
            if not each.column.isidentifier() or each.column != each.column.lower():
                raise _refused(name, f"{each.column!r} is no name of a column", "lower case, digits and _")
            if each.column in shipped or each.column in _TAKEN or each.column.startswith(PREFIX):
                raise _refused(name, f"{each.column} is a column of the house", "another name")
            if each.column in found:
                raise _refused(name, f"{each.column} is there twice", "each column once")
            if each.scope not in SCOPES:
                raise _refused(name, f"{each.column} has the scope {each.scope!r}", f"one of {', '.join(SCOPES)}")
            found[each.column] = each
    return tuple(found.values())


def own_behind(configuration: Configuration, columns: Set[str]) -> list[OwnFeature]:
    """Return the features of a user's own among some columns, and those that these are computed from."""
    own = own_features(configuration)
    of_column = {feature.column: feature for feature in own}
    needed, waiting = set[str](), [*columns]
    while waiting:
        column = waiting.pop()
        if column in of_column and column not in needed:
            needed.add(column)
            waiting += of_column[column].roots
    return [feature for feature in own if feature.column in needed]


def modules_of(features: Sequence[Feature]) -> list[Plugin]:
    """Return the modules of a user's own that declare some features, by name."""
    found = {each.module.name: each.module for each in features if isinstance(each, OwnFeature) and each.module}
    return [found[name] for name in sorted(found)]


def code_of(module: Plugin) -> str:
    """Return a hash of the texts of a module and of all of the user's that it imports, and of the files it declares."""
    texts = [[each.name, each.source.decode(errors="replace")] for each in module.modules.values()]
    return digest([texts, sorted(module.current_read_hashes().items())])[:16]


def code_rows(configuration: Configuration, first: dt.date, last: dt.date, until: dt.date | None) -> pl.DataFrame:
    """Return rows of `features.own_code` for the months of a run.

    Parameters
    ----------
    until
        See `open_until`.
    """
    months = pl.date_range(first.replace(day=1), last, "1mo", eager=True).to_list()
    codes = [(module.name, code_of(module)) for module in modules_of(own_features(configuration))]
    lines = [(month, *code, until) for month in months for code in codes]
    return pl.DataFrame(lines, schema=OWN_CODE.empty().schema, orient="row")


def assert_current(warehouse: Warehouse, configuration: Configuration, columns: Set[str]) -> None:
    """Check that features of a user's own, which somebody is about to read, were computed by their code of today.

    Months before the configuration starts or after it ends are made by no run any more, and do not count.

    Parameters
    ----------
    warehouse, configuration
        Where the features are, and the configuration that names their modules.
    columns
        Columns of `features.daily` that are about to be read.

    Raises
    ------
    FeatureError
        In a month of `features.daily` they were not, or they end before a holdout that may be read now.
    """
    modules = modules_of(own_behind(configuration, columns))
    if not modules:
        return
    start, end = span_of(configuration)
    of_span = pl.col("session").is_between(start.replace(day=1), end)
    made = set(_months(warehouse).filter(of_span)["session"])
    for module in modules:
        rows = warehouse.read_or_empty(OWN_CODE, where="module = ?", parameters=[module.name]).filter(of_span)
        shown = pl.min_horizontal(pl.col("session").dt.month_end(), pl.lit(end))
        cut = rows.filter(pl.col("open_until") < shown)
        missing = sorted(made - set(rows["session"]))
        what = None
        if rows.is_empty():
            what = "were not computed yet"
        elif missing:
            what = f"were not computed yet in {len(missing)} months, the first of them {missing[0]:%Y-%m}"
        elif set(rows["code"]) != {code_of(module)}:
            what = "were computed by other code than it is now, or from other files"
        elif not cut.is_empty() and opened_by(configuration):
            what = f"end on {cut['open_until'].min()!s}: the holdout was closed to them"
        if what:
            raise FeatureError(
                f"features of {module.name} {what}\n  what to do: trading-assets run, or first --select features"
            )


def _months(warehouse: Warehouse) -> pl.DataFrame:
    """First days of the months that `features.daily` has rows of."""
    if not warehouse.exists(DAILY.name):
        return OWN_CODE.empty().select("session")
    return warehouse.query(
        f"SELECT DISTINCT date_trunc('month', session)::DATE AS session FROM {DAILY.name}", reads=[DAILY.name]
    )


def compute_own(rows: pl.DataFrame, features: Sequence[Feature], scope: Scope, over: Sequence[str]) -> pl.DataFrame:
    """Add the columns of one scope that modules of a user's own define.

    Parameters
    ----------
    rows
        What features of the scope are computed from, each group in order.
    features
        All features; those of modules of a user's own and of `scope` are computed.
    scope
        What an expression runs over, see `Feature`.
    over
        Columns that a group shares.

    Raises
    ------
    FeatureError
        The code of one fails; the feature is named.
    """
    by_module: dict[str, list[OwnFeature]] = {}
    for feature in features:
        if isinstance(feature, OwnFeature) and feature.module is not None and feature.scope == scope:
            by_module.setdefault(feature.module.name, []).append(feature)
    for own in by_module.values():
        rows = pl.concat([rows, _asked(rows, own, over)], how="horizontal")
    return rows


def open_until(warehouse: Warehouse, configuration: Configuration) -> dt.date | None:
    """Return the last session that the code of a user's own features may see; None for all of them.

    It is shown no bar of the holdout until a registered strategy, or a member of one, may read it: one with a model,
    one whose module is a user's own too, or one with a parameter that names a feature.

    Raises
    ------
    WarehouseError
        The splits are proportions, and not resolved yet.
    """
    if not configuration.features or opened_by(configuration):
        return None
    splits = configuration.splits
    if isinstance(splits.validation, Interval):
        return splits.validation.end
    if not warehouse.exists("models.splits"):
        raise MissingTableError(
            block(
                "features of your own need the splits, which are not resolved yet",
                key="splits, features",
                what_to_do="trading-assets run makes them first; or state the splits as dates",
            )
        )
    found = warehouse.query('SELECT split, "end" FROM models.splits', reads=["models.splits"])
    if "holdout" not in found["split"]:
        return None
    end = found.filter(pl.col("split") != "holdout")["end"].max()
    return end if isinstance(end, dt.date) else None


def opened_by(configuration: Configuration) -> list[str]:
    """Return the registered strategies that may read a user's own features, or a member of which may."""
    columns = {feature.column for feature in own_features(configuration)}
    return [name for name in configuration.registration if columns and _may_read(configuration, name, columns)]


def own_exposures(configuration: Configuration, bars: pl.DataFrame, until: dt.date | None) -> list[Entry]:
    """Return what goes on record before the code of a user's own features is shown bars, by asset class.

    As of a model, the exposure of a holdout that is open is that of those that opened it, if they are registered in a
    configuration of the same hash; to all others it was exposed.

    Parameters
    ----------
    bars
        asset_class, symbol, session, adj_close. Nobody trades an index.
    until
        See `open_until`.
    """
    own, readers, entries = own_features(configuration), opened_by(configuration), []
    if not own:
        return []
    subject = ", ".join(module.name for module in modules_of(own))
    more = opening(configuration, readers)
    seen = bars.filter(pl.col("asset_class") != "index", True if until is None else pl.col("session") <= until)
    for rows in seen.sort("asset_class").partition_by("asset_class", maintain_order=True):
        first, last, symbols = rows["session"].min(), rows["session"].max(), rows["symbol"].unique().to_list()
        assert isinstance(first, dt.date) and isinstance(last, dt.date)
        returns = equal_weight_returns([rows], symbols, first, last)
        entries.append(exposure("features", subject, first, last, symbols, returns, more))
    return entries


def _may_read(configuration: Configuration, strategy: str, columns: Set[str]) -> bool:
    for name in configuration.behind(strategy):
        settings = configuration.strategies[name]
        values = settings.parameters.model_dump() if not isinstance(settings.parameters, dict) else settings.parameters
        if "." in settings.type or values.get("model") or not columns.isdisjoint(_texts(values)):
            return True
    return False


def _texts(value: object) -> set[str]:
    if isinstance(value, str):
        return {value}
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple | set) else ()
    return {text for each in inner for text in _texts(each)}


def _made(module: Plugin, described: Mapping[str, Any]) -> OwnFeature:
    columns, text = described["expression"]
    stand_in = pl.struct(*(pl.col(name) for name in columns), pl.lit(text).alias(""))
    values = {each.name: described[each.name] for each in fields(Feature) if each.name != "expression"}
    if values["provider"] not in PROVIDERS:
        raise ValueError(f"{values['column']}: provider is one of {', '.join(PROVIDERS)}, not {values['provider']!r}")
    if values["lookback"] is not None and (not isinstance(values["lookback"], int) or values["lookback"] < 0):
        raise ValueError(f"{values['column']}: lookback is a number of bars, not {values['lookback']!r}")
    return OwnFeature(**values, expression=stand_in, module=module)


def _asked(rows: pl.DataFrame, features: Sequence[OwnFeature], over: Sequence[str]) -> pl.DataFrame:
    """What the process of their module computes; where it fails, each is asked for alone to find which."""
    module = features[0].module
    assert module is not None
    needed = {name for feature in features for name in feature.roots}
    missing = sorted(needed - set(rows.columns))
    if missing:
        first = next(each for each in features if missing[0] in each.roots)
        raise FeatureError(_said(first, f"there is no column {missing[0]} at the scope {first.scope!r}"))
    buffer = io.BytesIO()
    rows.select(sorted({*needed, *over, "session"})).write_ipc(buffer)

    def ask(columns: Sequence[str]) -> pl.DataFrame:
        # A process that has seen other rows could give their values back where they are not known yet.
        with module.in_new_process() as fresh:
            answer = fresh.ask("features_compute", columns=list(columns), over=list(over), rows=buffer.getvalue())
        return pl.read_ipc(io.BytesIO(answer))

    try:
        found = ask([feature.column for feature in features])
    except StoppedError as error:
        raise FeatureError(f"features of {module.name}: {error}") from None
    except Exception as error:
        for feature in features:
            try:
                ask([feature.column])
            except Exception as own:
                raise FeatureError(_said(feature, f"{type(own).__name__}: {own}")) from None
        raise FeatureError(f"features of {module.name}: {error}") from None
    if found.height != rows.height:
        raise FeatureError(f"features of {module.name}: {found.height} values for {rows.height} rows")
    try:
        return found.cast(pl.Float64)
    except pl.exceptions.PolarsError as error:
        raise FeatureError(f"features of {module.name}: a value is no number: {error}") from None


def _said(feature: OwnFeature, what: str) -> str:
    name = feature.module.name if feature.module else ""
    return f"feature {feature.column} of {name} cannot be computed: {what}"


def _refused(module: str, what: str, expected: str) -> ConfigurationError:
    return ConfigurationError(f"{what}\n  key: features: {module}\n  expected: {expected}")
