"""The stage on the small experiment: `known` has opened its holdout, `unknown` has not."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import polars as pl
import pytest

import trading_assets.analytics.assets
import trading_assets.analytics.checks
from trading_assets.analytics.attribution import residuals
from trading_assets.analytics.tables import ATTRIBUTION, CONTRIBUTIONS
from trading_assets.backtests.tables import EQUITY
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
    done = materialise(experiment)
    assert done.success
    assert checks_of(done, "adds_up") == {"analytics/known": True, "analytics/unknown": True}
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
