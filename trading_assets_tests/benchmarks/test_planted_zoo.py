"""The tables of the planted zoo follow from scores: by models of which it is known what they know."""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import polars as pl
import pytest

from trading_assets.market_data import calendars
from trading_assets_tests.benchmarks.planted_zoo import (
    QUARTER,
    SPANS,
    TOLD,
    Lived,
    Scored,
    World,
    events,
    figures,
    found_by,
    lived,
    scored_world,
    spans,
    succeeded,
)
from trading_assets_tests.benchmarks.planted_zoo_page import PAGE, curves_of, table_of_events, table_of_models
from trading_assets_tests.benchmarks.zoo_market import PARTS, YEAR, market, part_of, zoo

BROKEN, AGAIN = (first for _, first in PARTS[1:])


@cache
def world() -> World:
    """`logistic` says one half. `xgboost` says 0.7 or 0.3 by the rule of the edge, also while it is broken."""
    made = scored_world(zoo(("logistic", "ridge")), market(3))
    rows = made.scored["logistic"].rows
    rng, known = np.random.default_rng(5), rows["label"].to_numpy() > 0
    is_told = rng.random(rows.height) < 0.7
    is_broken = rows["session"].is_between(BROKEN, AGAIN, closed="left").to_numpy()
    says_up = (known == is_told) != is_broken
    blind, knows = (
        rows.with_columns(score=pl.Series(score), naive=pl.lit(0.5))
        for score in (np.full(rows.height, 0.5), np.where(says_up, 0.7, 0.3))
    )
    blind = blind.with_columns(score=pl.Series(0.5 + rng.normal(0, 0.005, rows.height)))
    scored = {"logistic": Scored("logistic", blind, 1.0), "ridge": Scored("ridge", knows, 2.0)}
    return World(made.configuration, scored, made.samples, made.folds)


@cache
def the_year() -> Lived:
    return lived(world())


def test_gap_and_volume_tell_the_next_session_together_and_nothing_alone() -> None:
    bars = market(8).filter(asset_class="equity").sort("symbol", "session")
    own = pl.col("close").log()
    rows = bars.with_columns(
        gap=(pl.col("open").log() - own.shift(1)).over("symbol"),
        is_high=pl.col("volume") > 1e7,
        next=(own - pl.col("open").log()).shift(-1).over("symbol"),
    ).drop_nulls(["gap", "next"])
    rows = rows.with_columns(
        told=pl.col("gap").sign() * pl.when("is_high").then(1.0).otherwise(-1.0),
        part=pl.col("session").map_elements(part_of, pl.String),
    )
    for name, sign in (("edge", 1), ("break", -1), ("return", 1)):
        # The session after the last of a part is of the next one.
        part = rows.filter(part=name)
        assert np.corrcoef(part["told"], part["next"])[0, 1] * sign > 0.4
    edge = rows.filter(part="edge")
    assert abs(np.corrcoef(edge["gap"].sign(), edge["next"])[0, 1]) < 0.05
    assert abs(np.corrcoef(edge["is_high"].cast(pl.Float64), edge["next"])[0, 1]) < 0.05


def test_what_a_model_finds_is_worked_out_by_hand() -> None:
    """Of a share s of rows that are right by a score of 0.7 the gain over one half is log 2 + s log 0.7 + (1 - s) log
    0.3. With two scores the AUC is the mean of the shares that are right of those with label 1 and of those without.
    """
    scored = world().scored["ridge"]
    found = found_by(scored, 1)
    for span, rows in spans(scored.rows).items():
        right = ((rows["score"] > 0.5) == (rows["label"] > 0)).to_numpy()
        share, label = right.mean(), rows["label"].to_numpy() > 0
        assert abs(share - (0.3 if span == "break" else 0.7)) < 0.09
        gain = np.log(2) + share * np.log(0.7) + (1 - share) * np.log(0.3)
        assert found[f"{span}: gain"] == pytest.approx(gain, abs=1e-12)
        assert found[f"{span}: auc"] == pytest.approx((right[label].mean() + right[~label].mean()) / 2, abs=1e-12)
    assert found["t"] > found["critical"]
    blind = found_by(world().scored["logistic"], 1)
    assert blind["t"] < blind["critical"]


def test_the_year_shows_each_decision_in_order() -> None:
    """Train, keep, promote, an alarm of the champion within ten sessions of the break, back on that day, and again."""
    year = the_year()
    said = events(world(), year)
    kinds = [what for _, what, _, _ in said]
    assert kinds[0] == "train, begin with"
    assert [kind for kind in kinds if kind not in ("train, keep", "alarm")] == [
        "train, begin with",
        "train, promote",
        "roll back to",
        "promote by word",
    ]
    days = {what: (day, whose) for day, what, whose, _ in said if what != "train, keep"}
    alarm, whose = days["alarm"]
    sessions = world().samples.keys["session"].unique().sort()
    assert BROKEN <= alarm <= sessions.filter(sessions >= BROKEN)[10]
    assert whose == "ridge"
    back, follows = days["roll back to"]
    assert follows == "logistic"
    assert back == sessions.filter(sessions > alarm)[0]
    assert days["train, promote"][0] < YEAR
    again, who = days["promote by word"]
    assert who == "ridge"
    assert again > AGAIN
    assert [(each.action, each.candidate, each.day) for each in year.by_hand] == [
        ("rollback", "logistic", alarm),
        ("promote", "ridge", sessions.filter(sessions < again)[-1]),
    ]
    assert len(sessions.filter(sessions.is_between(AGAIN, again))) < 3 * QUARTER
    alone, only_back = (
        [(reign.start, reign.champion) for reign in succeeded(world(), said).reigns] for said in ([], year.by_hand[:1])
    )
    begin = [(days["train, begin with"][0], "logistic"), (days["train, promote"][0], "ridge")]
    assert alone == begin, "without the person nothing is taken back"
    assert only_back == [*begin, (back, "logistic")], "nor do the tests alone let it trade again"


@pytest.mark.slow
def test_of_the_market_of_the_page_the_person_alone_takes_back_and_lets_trade_again() -> None:
    """The page says so of the whole market; three candidates of it are enough: who begins, who trades, who could."""
    whole = scored_world(zoo(("logistic", "catboost", "lightgbm")), market())
    year = lived(whole)
    back, again = year.by_hand
    assert (back.action, back.candidate, again.action, again.candidate) == (
        "rollback",
        "logistic",
        "promote",
        "catboost",
    )
    alone, only_back = ([reign.champion for reign in succeeded(whole, said).reigns] for said in ([], year.by_hand[:1]))
    assert alone == ["logistic", "catboost"]
    assert only_back == ["logistic", "catboost", "logistic"]


def test_nothing_is_decided_by_what_came_later() -> None:
    """Of a market that ends in the middle of the break all decisions until then are the same."""
    whole, last = world(), dt.date(2017, 1, 20)
    over = pl.col("label_end") <= last
    cut = World(
        whole.configuration,
        {name: Scored(name, each.rows.filter(over), each.seconds) for name, each in whole.scored.items()},
        whole.samples,
        [fold for fold in whole.folds if fold.test_start <= last],
    )
    until = [each for each in events(whole, the_year()) if each[0] <= last]
    assert [each for each in events(cut, lived(cut)) if each[0] <= last] == until
    assert until[-1][1] in ("roll back to", "train, keep")


def test_the_page_says_within_how_many_sessions_of_the_break_alarms_were_raised() -> None:
    page = PAGE.read_text(encoding="utf-8")
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| `")]
    found = {row[0]: row[6] for row in cells if len(row) == len(SPANS) + 5 and row[1].startswith("yes") and row[6]}
    assert len(found) == 8, "all but the ranking, which is no candidate"
    since = calendars.sessions("XNYS", BROKEN, AGAIN)
    took = [since.to_list().index(dt.date.fromisoformat(day)) for day in found.values()]
    assert (min(took), max(took)) == (6, 15)
    assert "within six to fifteen sessions of the break" in page


def test_the_tables_say_what_was_found_and_decided() -> None:
    year = the_year()
    assert set(TOLD) <= set(world().samples.names)
    rows = figures(world(), year)
    assert rows["model"].to_list() == ["ridge", "logistic"]
    assert rows["found"].to_list() == [True, False]
    sessions = world().samples.keys["session"].unique()
    assert rows["sessions"].sum() == sessions.filter(sessions >= YEAR).len()
    table = table_of_models(rows).splitlines()
    assert len(table) == 4
    assert table[2].startswith("| `ridge` | yes (t ")
    assert {line.count("|") for line in table} == {len(SPANS) + 6}
    decided = table_of_events(events(world(), year)).splitlines()
    assert sum("roll back to" in line for line in decided) == 1
    kept = sum(what == "train, keep" for _, what, _, _ in events(world(), year))
    assert sum(int(line.split("(")[1].split(" ")[0]) for line in decided if "refits)" in line) in (kept, kept - 1)
    drawn = curves_of(world(), year)
    assert set(drawn["name"]) == {"logistic", "traded as week"}
