"""The stage on the small experiment: `known` has opened its holdout, `unknown` has not."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import polars as pl
import pytest

import trading_assets.analytics.assets
import trading_assets.analytics.checks
from trading_assets.analytics.attribution import residuals
from trading_assets.analytics.tables import ATTRIBUTION, CONTRIBUTIONS, FACTOR_EXPOSURES, OVERLAP
from trading_assets.backtests.tables import EQUITY
from trading_assets.strategies.tables import STATUS
from trading_assets.warehouse import Rows
from trading_assets_tests.robustness.pipeline import Experiment, checks_of

HOLDOUT = dt.date(2016, 12, 16)


def materialise(experiment: Experiment) -> dg.ExecuteInProcessResult:
    configuration = experiment.configuration
    return dg.materialize(
        [
            *trading_assets.analytics.assets.build_assets(configuration),
            *trading_assets.analytics.checks.build_checks(configuration),
        ],
        resources={"configuration": configuration, "warehouse": experiment.warehouse},
        run_config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
        raise_on_error=False,
    )


@pytest.mark.slow
def test_attribution_adds_up_and_says_nothing_of_a_closed_holdout(experiment: Experiment) -> None:
    days = experiment.warehouse.read(EQUITY, rows=Rows("strategy", "known")).filter(split="full")["session"].sort()
    lines = [f"{day:%Y%m%d},{(-1) ** number * 0.5 + number % 7 / 10}" for number, day in enumerate(days)]
    (experiment.folder / "french.csv").write_text("\n".join(["", "date,Mkt-RF", *lines, "", "Copyright"]))
    experiment.write(analytics={"factors": "french.csv"})
    done = materialise(experiment)
    assert done.success
    assert checks_of(done, "adds_up") == {"analytics/known": True, "analytics/unknown": True}
    factors = experiment.warehouse.read(FACTOR_EXPOSURES).filter(model="file")
    assert set(factors.select("strategy", "factor").iter_rows()) == {
        (name, factor) for name in ("known", "unknown") for factor in ("alpha", "mkt_rf")
    }
    pairs = experiment.warehouse.read(OVERLAP).filter(measure="correlation")
    assert set(pairs.select("strategy", "other").iter_rows()) == {("known", "unknown"), ("unknown", "known")}
    rows = experiment.warehouse.read(ATTRIBUTION)
    assert dict(rows.select("strategy", "split").unique().iter_rows()) == {"known": "full", "unknown": "development"}
    last = dict(rows.group_by("strategy").agg(pl.col("session").max()).iter_rows())
    assert last["unknown"] < HOLDOUT < last["known"]
    for name, split in (("known", "full"), ("unknown", "development")):
        equity = experiment.warehouse.read(EQUITY, rows=Rows("strategy", name)).filter(split=split).sort("session")
        start = experiment.configuration.risk.starting_equity
        assert residuals(rows.filter(strategy=name), equity, starting_equity=start).is_empty()
        total = experiment.warehouse.read(CONTRIBUTIONS).filter(strategy=name, dimension="symbol")["millionths"].sum()
        interest = round(float(equity["interest"].sum()) * 1e6)
        assert total == round(equity["equity"][-1] * 1e6) - round(start * 1e6) + interest


@pytest.mark.slow
def test_a_wrong_file_of_factors_is_a_failure_that_names_it(experiment: Experiment) -> None:
    (experiment.folder / "french.csv").write_text("date,a\n2016-01-04,0.1\n2016-01-05,x\n")
    experiment.write(analytics={"factors": "french.csv"})
    done = materialise(experiment)
    assert checks_of(done, "completed") == {"analytics/known": False, "analytics/unknown": False}
    assert checks_of(done, "adds_up") == {"analytics/known": True, "analytics/unknown": True}
    status = experiment.warehouse.read(STATUS).filter(stage="analytics")
    assert all("french.csv, line 3" in text and "analytics.factors" in text for text in status["error"])
    assert experiment.warehouse.read(ATTRIBUTION).is_empty()
    assert experiment.warehouse.read(OVERLAP).filter(measure="common_holdings")["value"].null_count() == 2
    experiment.write()
    assert materialise(experiment).success
    assert experiment.warehouse.read(STATUS).filter(stage="analytics")["status"].to_list() == ["ok", "ok"]


@pytest.mark.slow
def test_an_edited_amount_fails_the_blocking_check(experiment: Experiment) -> None:
    assert materialise(experiment).success
    rows = experiment.warehouse.read(ATTRIBUTION)
    edited = rows.with_columns(millionths=pl.col("millionths") + (pl.int_range(pl.len()) == 0).cast(pl.Int64))
    experiment.warehouse.replace(Rows("strategy", "known"), {ATTRIBUTION: edited.filter(strategy="known")})
    [check] = [
        each
        for each in trading_assets.analytics.checks.build_checks(experiment.configuration)
        if next(iter(each.check_specs)).asset_key.path[-1] == "known"
    ]
    assert next(iter(check.check_specs)).blocking
    resources = {"configuration": experiment.configuration, "warehouse": experiment.warehouse}
    context = dg.build_asset_check_context(resources=resources)
    found = check(context)
    assert isinstance(found, dg.AssetCheckResult) and not found.passed
