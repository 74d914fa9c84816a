"""How the rollout stands, and that its table comes back from the record."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import polars as pl

from trading_assets.trading.rollout.assets import rollout_asset
from trading_assets.trading.rollout.moves import advance, back
from trading_assets.trading.rollout.status import rollout_status
from trading_assets.trading.rollout.tables import ROLLOUT
from trading_assets.trading.status import account_status
from trading_assets.warehouse import Whole
from trading_assets_tests.models.test_standing import World, world
from trading_assets_tests.trading.experiment import STRATEGY, Experiment

__all__ = ["world"]

NOW, SUBJECT = dt.datetime(2017, 7, 4, 12), f"strategy/{STRATEGY}"


def test_a_strategy_is_there_from_its_account_on_with_what_stands_against_its_next_step(paper: Experiment) -> None:
    assert rollout_status(paper.warehouse, paper.configuration).is_empty()
    paper.open()
    [row] = rollout_status(paper.warehouse, paper.configuration).to_dicts()
    assert (row["subject"], row["stage"], row["share"], row["since"], row["next"]) == (SUBJECT, "full", 1.0, None, None)
    back(paper.warehouse, paper.configuration, SUBJECT, to="shadow", by="ops", reason="why", now=NOW)
    [row] = rollout_status(paper.warehouse, paper.configuration).to_dicts()
    assert (row["stage"], row["share"], row["by"], row["reason"]) == ("shadow", 0.0, "ops", "why")
    assert row["since"] >= NOW
    assert (row["next"], row["stands_against_it"]) == ("canary", "sessions")
    assert account_status(paper.warehouse, paper.configuration)["stage"].to_list() == ["shadow"]


def test_candidates_are_there_with_the_one_that_is_champion_at_full(world: World) -> None:
    found = rollout_status(world.warehouse, world.configuration)
    assert found.select("subject", "stage", "next", "stands_against_it").rows() == [
        ("model/old", "shadow", "full", "loss"),
        ("model/better", "full", None, None),
    ]


def test_the_table_is_made_anew_from_the_record_whatever_was_done_to_it(paper: Experiment) -> None:
    paper.open()
    words = {"by": "ops", "reason": "why", "now": NOW}
    back(paper.warehouse, paper.configuration, SUBJECT, to="off", **words)  # type: ignore[arg-type]
    advance(paper.warehouse, paper.configuration, SUBJECT, **words)  # type: ignore[arg-type]
    resources = {"configuration": paper.configuration, "warehouse": paper.warehouse}
    assert dg.materialize([rollout_asset()], resources=resources).success
    rows = paper.warehouse.read(ROLLOUT)
    assert rows.select("step", "previous", "stage").rows() == [(1, "full", "off"), (2, "off", "shadow")]
    assert '"criterion": "verdict"' in rows["gate"][1]
    edited = rows.head(1).with_columns(stage=pl.lit("full"))
    paper.warehouse.replace(Whole(), {ROLLOUT: edited})
    assert rollout_status(paper.warehouse, paper.configuration)["stage"].to_list() == ["shadow"]
    assert dg.materialize([rollout_asset()], resources=resources).success
    assert paper.warehouse.read(ROLLOUT).equals(rows)
