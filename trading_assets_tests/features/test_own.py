"""Features of a user's own: the values of the same ones of the house, and held to what they say of themselves."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from trading_assets import RunError, open_project
from trading_assets.config import Configuration, ConfigurationError, load_configuration
from trading_assets.features.audit import look_ahead, lookback_faults
from trading_assets.features.catalog import FEATURES, catalog_table
from trading_assets.features.daily import daily_features, daily_features_until
from trading_assets.features.own import (
    FeatureError,
    assert_current,
    code_rows,
    features_of,
    open_until,
    own_features,
)
from trading_assets.features.tables import DAILY, OWN_CODE
from trading_assets.monitoring.assets import monitored
from trading_assets.strategies.evaluation.fingerprint import frozen, symbols_behind
from trading_assets.strategies.evaluation.history import faults_of_history
from trading_assets.strategies.interface.resolved import configured_strategy, resolve_strategy
from trading_assets.warehouse import Sessions, Warehouse, Whole
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.features.markets import market
from trading_assets_tests.robustness.pipeline import SETTINGS, Experiment

BENCHMARKS: dict[Any, str] = {"equity": "AAA"}
HEAD = "import polars as pl\nfrom trading_assets.features import CLOSE, RETURN, Feature, change\n"


def declared(column: str, expression: str, **more: Any) -> str:
    values = {"category": "momentum", "lookback": 5, "description": "a test", "source": "definition", **more}
    arguments = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return f"Feature(column={column!r}, expression={expression}, {arguments})"


def configured(folder: Path, *features: str, changes: dict[str, Any] | None = None, defined: str = "") -> Configuration:
    """A configuration with one module of these features beside it, after what it defines for them."""
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "mine" / "ideas.py").write_text(f"{HEAD}{defined}FEATURES = ({', '.join(features)},)\n")
    settings = {**SETTINGS, "features": ["mine.ideas"], **(changes or {})}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return load_configuration(folder / "config.yaml", folder / "data")


def test_a_feature_of_ones_own_has_the_values_of_the_same_one_of_the_house(tmp_path: Path) -> None:
    """`return_5` under another name, a rank of it across the market, and a difference of two columns of a row."""
    configuration = configured(
        tmp_path,
        declared("five", "change(CLOSE, 5)"),
        declared("five_rank", "(pl.col('five').rank() - 1) / (pl.len() - 1)", scope="session"),
        declared("beyond", "pl.col('five') - pl.col('return_20')", scope="row", lookback=20),
    )
    bars = market(["AAA", "BBB", "CCC"], 60)
    rows = daily_features(bars, BENCHMARKS, features_of(configuration))
    house = daily_features(bars, BENCHMARKS)
    assert rows.select(house.columns).equals(house, null_equal=True)
    assert rows["five"].equals(house["return_5"].rename("five"), null_equal=True)
    expected = house["return_5"] - house["return_20"]
    assert rows["beyond"].equals(expected.rename("beyond"), null_equal=True)
    ranks = rows.drop_nulls("five").group_by("session").agg(pl.col("five_rank").sort())
    assert set(map(tuple, ranks["five_rank"])) == {(0.0, 0.5, 1.0)}


def test_the_catalogue_and_drift_see_it(tmp_path: Path) -> None:
    configuration = configured(tmp_path, declared("five", "change(CLOSE, 5)", warm_up=7))
    row = catalog_table(features_of(configuration)).filter(feature="five").row(0, named=True)
    assert (row["name"], row["lookback"], row["warm_up"]) == ("momentum.polars.five", 5, 7)
    assert "five" in monitored(features_of(configuration)) and "five" not in monitored(FEATURES)


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        (declared("return_5", "CLOSE"), "return_5 is a column of the house"),
        (declared("ma_20", "CLOSE"), "ma_20 is a column of the house"),
        (declared("Five", "CLOSE"), "no name of a column"),
        (declared("weekly", "CLOSE", scope="week"), "expected: one of symbol, row, session"),
        (declared("five", "CLOSE", lookback=-1), "lookback is a number of bars"),
    ],
)
def test_a_feature_that_cannot_be_is_refused(tmp_path: Path, feature: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        own_features(configured(tmp_path, feature))
    assert "key: features: mine.ideas" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FEATURES = ()\n", "does not define FEATURES"),
        ("import nothing_like_it\n", "nothing_like_it"),
        (None, "mine.ideas"),
    ],
)
def test_a_module_that_is_none_is_refused_with_its_place(tmp_path: Path, text: str | None, said: str) -> None:
    configured(tmp_path, declared("five", "CLOSE"))
    file = tmp_path / "mine" / "ideas.py"
    file.unlink() if text is None else file.write_text(text)
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_configuration(tmp_path / "config.yaml", tmp_path / "data")
    assert "key: features.0" in str(caught.value) and "config.yaml, line" in str(caught.value)


def test_what_will_run_is_said_before_it_does(tmp_path: Path) -> None:
    said: list[str] = []
    configured(tmp_path, declared("five", "CLOSE"))
    load_configuration(tmp_path / "config.yaml", tmp_path / "data", announce=said.append)
    assert said == [f"features: mine.ideas is code that will run: {tmp_path / 'mine' / 'ideas.py'}"]


def test_code_that_fails_names_its_feature(tmp_path: Path) -> None:
    fine, failing = declared("fine", "change(CLOSE, 5)"), declared("failing", "CLOSE.map_batches(lambda s: 1 / 0)")
    features = features_of(configured(tmp_path, fine, failing))
    with pytest.raises(FeatureError, match=r"feature failing of mine\.ideas cannot be computed"):
        daily_features(market(["AAA"], 20), {}, features)
    features = features_of(configured(tmp_path, declared("lost", "pl.col('volume')")))
    with pytest.raises(FeatureError, match=r"feature lost of mine\.ideas .*no column volume"):
        daily_features(market(["AAA"], 20), {}, features)


def test_a_longer_or_a_leaking_feature_is_found_by_name_and_an_honest_one_is_not(tmp_path: Path) -> None:
    """A mean of ten bars that declares five; the close of tomorrow; a level that remembers the first bar of all."""
    configuration = configured(
        tmp_path,
        declared("honest", "change(CLOSE, 5)"),
        declared("mean", "CLOSE / CLOSE.rolling_mean(6) - 1"),
        declared("longer", "CLOSE / CLOSE.rolling_mean(10) - 1"),
        declared("level", "CLOSE"),
        declared("fading", "CLOSE / CLOSE.ewm_mean(span=50) - 1", lookback=None, warm_up=0),
        declared("tomorrow", "CLOSE.shift(-1) / CLOSE - 1", lookback=0),
    )
    bars, features = market(["AAA", "BBB"], 60), features_of(configuration)
    sessions = bars["session"].unique().sort()
    cuts = (sessions[30], sessions[45])
    found = lookback_faults(bars, BENCHMARKS, cuts, features)
    assert sorted(found.select("column", "cut", "rows").rows()) == sorted(
        (column, cut, 2) for column in ("longer", "level") for cut in cuts
    )
    leaking = look_ahead(bars, BENCHMARKS, cuts, features)
    assert set(leaking["column"]) == {"tomorrow"}


#: Gives the close of the next session, also where it was shown that session in another computation.
REMEMBERS = """
SEEN = {}
def following(closes):
    values = closes.to_list()
    SEEN.update(zip(values, values[1:]))
    return pl.Series([SEEN.get(each) for each in values], dtype=pl.Float64)

"""


@pytest.mark.slow
def test_a_feature_that_remembers_what_it_was_shown_is_found(tmp_path: Path) -> None:
    """Asked with all bars it learns what followed each close; a process that had seen them knew it at every cut."""
    known = declared("known", "CLOSE.map_batches(following, return_dtype=pl.Float64) / CLOSE - 1", lookback=0)
    configuration = configured(tmp_path, known, declared("honest", "change(CLOSE, 5)"), defined=REMEMBERS)
    bars, features = market(["AAA", "BBB"], 60), features_of(configuration)
    whole = daily_features(bars, BENCHMARKS, features)
    assert whole["known"].null_count() == 2
    cut = bars["session"].unique().sort()[30]
    found = look_ahead(bars, BENCHMARKS, [cut], features)
    assert found.select("column", "cut", "rows").rows() == [("known", cut, 2)]


def test_a_lookback_is_held_to_in_every_unit(tmp_path: Path) -> None:
    """Of tiny values every difference is small, and of large ones rounding is large; `flat` is the same all the time.

    The honest sum of five returns differs by rounding alone: a rolling sum carries some of what has left its window.
    """
    units = [1e-12, 1e-6, 1.0, 1e9]
    features = [
        feature
        for number, unit in enumerate(units)
        for feature in (
            declared(f"honest_{number}", f"{unit} * RETURN.rolling_sum(5)"),
            declared(f"longer_{number}", f"{unit} * RETURN.rolling_sum(9, min_samples=1)", lookback=5),
            declared(f"flat_{number}", f"{unit} * (1 + 0 * CLOSE)", lookback=0),
        )
    ]
    bars = market(["AAA", "BBB"], 60)
    cut = bars["session"].unique().sort()[-1]
    found = lookback_faults(bars, BENCHMARKS, [cut], features_of(configured(tmp_path, *features)))
    assert found.rows() == [(cut, f"longer_{number}", 2) for number in range(len(units))]


def test_the_code_is_shown_no_bar_of_the_holdout_until_it_may_be_read(tmp_path: Path) -> None:
    """The largest close of a batch is in every row, so that a value tells all that the code has seen."""
    everything = declared("seen", "CLOSE.map_batches(lambda s: pl.Series([s.max()] * len(s)))", lookback=0)
    bars = market(["AAA", "BBB"], 60)
    until = bars["session"].unique().sort()[39]
    features = features_of(configured(tmp_path, everything))
    part = daily_features_until(bars, {}, features, universe=None, until=until)
    known = daily_features(bars.filter(pl.col("session") <= until), {}, features)
    assert part.filter(pl.col("session") <= until)["seen"].equals(known["seen"])
    assert part.filter(pl.col("session") > until)["seen"].null_count() == 40
    whole = daily_features(bars, {}, features)
    assert daily_features_until(bars, {}, features, universe=None, until=None).equals(whole, null_equal=True)
    assert part.drop("seen").equals(whole.drop("seen"), null_equal=True)


def test_a_holdout_opens_with_the_registration_of_what_may_read_a_feature(tmp_path: Path) -> None:
    """`known` of the small experiment is registered: a strategy of the house that names no feature of a user's own."""
    feature, warehouse = declared("five", "change(CLOSE, 5)"), Warehouse(tmp_path / "none.duckdb")
    end = dt.date(2016, 12, 15)
    assert open_until(warehouse, configured(tmp_path, feature)) == end
    assert open_until(warehouse, configured(tmp_path, feature, changes={"registration": {}})) == end
    model = {
        "models": {"forward_return": {"type": "xgboost"}},
        "strategies": {**SETTINGS["strategies"], "known": {"type": "ml", "model": "forward_return"}},
        "robustness": {},
    }
    assert open_until(warehouse, configured(tmp_path, feature, changes=model)) is None


def test_its_code_is_part_of_what_reads_it_and_of_nothing_else(tmp_path: Path) -> None:
    model = {
        "models": {"forward_return": {"type": "xgboost"}},
        "strategies": {**SETTINGS["strategies"], "scored": {"type": "ml", "model": "forward_return"}},
        "robustness": {},
    }

    def recorded(expression: str) -> list[Any]:
        configuration = configured(tmp_path, declared("five", expression), changes=model)
        return [
            frozen(configuration, configured_strategy(configuration, name)).get("own_features")
            for name in ("unknown", "scored")
        ]

    (without, one), (_, other), (_, again) = (
        recorded("change(CLOSE, 5)"),
        recorded("change(CLOSE, 4)"),
        recorded("change(CLOSE,  5)"),
    )
    assert without is None
    assert list(one) == ["mine.ideas"] and one != other and one == again


READER = """
import polars as pl
from trading_assets.strategies import OrderParameters, Rules, Trigger

class Parameters(OrderParameters):
    stop_atr: float = 3.0
    capacity: float = 0.005

def rules(parameters):
    slow = pl.col("slow")
    return Rules(eligible=slow > 0, triggers=(Trigger("slow", strength=slow, threshold=0.0, rank=slow),), exits={})
"""


def test_a_warm_up_longer_than_the_data_is_found_before_a_run(tmp_path: Path) -> None:
    """The small experiment has less than two years before its holdout: 300 bars fit, 5,000 do not."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "reader.py").write_text(READER)
    reader = {"strategies": {"reader": {"type": "mine.reader"}}, "registration": {}, "robustness": {}}
    for warm_up, expected in ((300, []), (5_000, ["slow has its first value after 5000 sessions"])):
        slow = declared("slow", "CLOSE / CLOSE.ewm_mean(span=50) - 1", lookback=None, warm_up=warm_up)
        found = [fault.what for fault in faults_of_history(configured(tmp_path, slow, changes=reader))]
        assert [what.partition(";")[0] for what in found] == expected


def months_made(folder: Path, configuration: Configuration, months: Mapping[str, str | None]) -> Warehouse:
    """A warehouse with a row of `features.daily` in some months, each with its `open_until` where own code ran there.

    A month whose value is "none" was made without features of a user's own.
    """
    warehouse = Warehouse(folder / "months.duckdb")
    firsts = [dt.date.fromisoformat(f"{month}-01") for month in months]
    daily = pl.DataFrame({"symbol": ["AAA"] * len(firsts), "session": firsts})
    rows = [
        code_rows(configuration, first, first, dt.date.fromisoformat(until) if until else None)
        for first, until in zip(firsts, months.values(), strict=True)
        if until != "none"
    ]
    warehouse.replace(Whole(), {DAILY: daily, OWN_CODE: pl.concat([OWN_CODE.empty(), *rows])})
    return warehouse


def test_months_that_were_made_without_it_are_refused(tmp_path: Path) -> None:
    """The small experiment is of January 2015 to June 2017: what lies outside of it is made by no run, and stays."""
    configuration = configured(tmp_path, declared("five", "change(CLOSE, 5)"))
    whole = {"2015-01": "2016-12-15", "2016-12": "2016-12-15", "2017-06": "2016-12-15"}
    assert_current(months_made(tmp_path, configuration, whole), configuration, {"five"})
    outside = {"2014-12": "none", **whole, "2017-07": "none"}
    assert_current(months_made(tmp_path, configuration, outside), configuration, {"five"})
    for month in whole:
        warehouse = months_made(tmp_path, configuration, {**whole, month: "none"})
        with pytest.raises(FeatureError, match=f"were not computed yet in 1 months, the first of them {month}"):
            assert_current(warehouse, configuration, {"five"})
        assert_current(warehouse, configuration, {"return_5"})


def test_other_code_and_a_closed_holdout_count_within_the_span_alone(tmp_path: Path) -> None:
    """Rows of the hash "old", or that end on December 15, in a month before the start and in one after the end."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "reader.py").write_text(READER)
    reader = {"strategies": {"known": {"type": "mine.reader"}}, "robustness": {}}
    configuration = configured(tmp_path, declared("slow", "CLOSE - CLOSE.shift(5)"), changes=reader)
    for month, counts in (("2014-12", False), ("2015-01", True), ("2017-06", True), ("2017-07", False)):
        first = dt.date.fromisoformat(f"{month}-01")
        warehouse = months_made(tmp_path, configuration, {"2016-01": None, month: "2014-12-15"})
        closed = code_rows(configuration, first, first, dt.date(2014, 12, 15))
        other = closed.with_columns(code=pl.lit("old"), open_until=pl.lit(None, pl.Date))
        for rows, said in ((closed, "end on 2014-12-15"), (other, "other code than it is now")):
            warehouse.replace(Sessions(first, first), {OWN_CODE: rows})
            if counts:
                with pytest.raises(FeatureError, match=said):
                    assert_current(warehouse, configuration, {"slow"})
            else:
                assert_current(warehouse, configuration, {"slow"})


PAGE = (REPOSITORY / "docs" / "how-to.md").read_text(encoding="utf-8")


def files_of_the_page(folder: Path) -> None:
    """Save what the section on features says, where it says, beside the small experiment's configuration."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    [own] = [part for part in section if part.startswith("A feature\n")]
    names = re.findall(r"`(my_\w+/\w+\.py)`", own)
    blocks = re.findall(r"```python\n(.*?)```", own, flags=re.DOTALL)
    [text] = re.findall(r"```yaml\n(.*?)```", own, flags=re.DOTALL)
    assert names == ["my_features/gaps.py", "my_strategies/gap.py"] and len(blocks) == 2
    for name, block in zip(names, blocks, strict=True):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(block)
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    added = yaml.safe_load(text)
    settings["features"] = added["features"]
    settings["strategies"] |= added["strategies"]
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))


def test_a_module_of_target_weights_names_its_features_as_the_page_says(tmp_path: Path) -> None:
    """One of the house and one of the user's own; the page's strategy without the function names none."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    [page] = [part for part in section if part.startswith("A strategy of target weights\n")]
    module, function = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "my_strategies").mkdir()
    for name, text in (("plain", module), ("naming", module + function)):
        (tmp_path / "my_strategies" / f"{name}.py").write_text(text)
    strategies = {name: {"type": f"my_strategies.{name}", "universe": "equity"} for name in ("plain", "naming")}
    changes: dict[str, Any] = {"strategies": strategies, "registration": {}}
    configuration = configured(tmp_path, declared("gap_20", "change(CLOSE, 5)"), changes=changes)
    assert configured_strategy(configuration, "naming").features == ["gap_20", "volatility_60"]
    assert configured_strategy(configuration, "plain").features == []


def test_the_page_on_features_does_what_it_says(experiment: Experiment) -> None:
    files_of_the_page(experiment.folder)
    configuration, warehouse = experiment.configuration, experiment.warehouse
    assert {each.column for each in own_features(configuration)} == {"gap_20", "gap_rank"}
    with pytest.raises(FeatureError, match="were not computed yet"):
        assert_current(warehouse, configuration, {"gap_rank"})
    assert experiment.run("features/daily", "features/catalog", "strategies/gaps", "backtests/gaps").success
    daily = warehouse.query("SELECT session, gap_20, gap_rank FROM features.daily")
    assert daily.filter(pl.col("session") <= dt.date(2016, 12, 15))["gap_20"].null_count() < 250
    assert daily.filter(pl.col("session") > dt.date(2016, 12, 15))["gap_20"].drop_nulls().is_empty()
    assert warehouse.query("SELECT count(*) FROM features.catalog WHERE feature IN ('gap_20', 'gap_rank')").item() == 2
    status = warehouse.query("SELECT asset, status, error FROM strategies.status WHERE strategy = 'gaps'")
    assert set(status["status"]) == {"ok"}, status.rows()
    assert warehouse.query("SELECT count(*) FROM strategies.signals WHERE strategy = 'gaps'").item() > 0
    strategy = resolve_strategy(configuration, "gaps", warehouse.query("FROM market_data.instruments"))
    assert set(symbols_behind(configuration, strategy, warehouse.query("FROM market_data.instruments"))) >= {
        "AAA",
        "DDD",
    }
    assert list(frozen(configuration, strategy)["own_features"]) == ["my_features.gaps"]
    file = experiment.folder / "my_features" / "gaps.py"
    file.write_text(file.read_text().replace("rolling_mean(20)", "rolling_mean(19)"))
    with pytest.raises(FeatureError, match="other code than it is now"):
        assert_current(warehouse, experiment.configuration, {"gap_rank"})


def test_a_run_stops_at_a_leaking_and_at_a_longer_feature_by_name(experiment: Experiment) -> None:
    settings = yaml.safe_load((experiment.folder / "config.yaml").read_text())
    configured(
        experiment.folder,
        declared("tomorrow", "CLOSE.shift(-1) / CLOSE - 1", lookback=0),
        declared("longer", "CLOSE / CLOSE.rolling_mean(30) - 1"),
        changes=settings,
    )
    with pytest.raises(RunError) as caught:
        open_project(experiment.folder / "config.yaml", experiment.folder / "data").run("features")
    assert re.search(r"features_are_causal failed: later bars change tomorrow of mine\.ideas", str(caught.value))
    assert re.search(
        r"lookbacks_hold failed: more bars than its lookback decide longer of mine\.ideas", str(caught.value)
    )
