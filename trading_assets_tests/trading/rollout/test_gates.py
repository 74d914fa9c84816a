"""What stands against a step forward: each criterion closed and open, and none that a table can be edited for."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.config import Configuration
from trading_assets.config.rollout import Rollout
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.written_rows import record_written
from trading_assets.robustness.tables import VERDICTS
from trading_assets.trading.differences_on_record import accept_difference, put_differences_on_record
from trading_assets.trading.divergence.slippage_on_record import put_slippage_on_record
from trading_assets.trading.divergence.tables import SLIPPAGE
from trading_assets.trading.opening import Opening, openings_on
from trading_assets.trading.published import asset_of, hashes_of
from trading_assets.trading.rollout.gates import (
    Criterion,
    EditedAccountError,
    _opens,
    _sessions,
    published_equity,
    strategy_gate,
)
from trading_assets.trading.rollout.moves import back
from trading_assets.trading.rollout.stages import note_sheet
from trading_assets.trading.tables import DIFFERENCES, EQUITY
from trading_assets.warehouse import Rows
from trading_assets_tests.trading.experiment import OPENED, STRATEGY, Experiment

NOW = dt.datetime(2017, 7, 5)


@pytest.fixture
def opened(paper: Experiment) -> Experiment:
    """An account that was put back to shadow."""
    paper.open()
    words: dict[str, Any] = {"to": "shadow", "by": "ops", "reason": "it begins there", "now": NOW}
    back(paper.warehouse, paper.configuration, f"strategy/{STRATEGY}", **words)
    return paper


def asked_of(experiment: Experiment, **keys: Any) -> Configuration:
    return experiment.configuration.model_copy(update={"rollout": Rollout(**keys)})


def with_money(opened: Experiment) -> None:
    """Its orders go to a real broker, to an account with money in it."""
    protocol = Protocol.of(opened.configuration)
    said = next(each.payload for each in protocol.read() if each.payload.get("action") == "open")
    protocol.append(
        "account", STRATEGY, dict(said) | {"mode": "live", "broker": "alpaca", "account": "known-2"}, now=NOW
    )


def gate(experiment: Experiment, configuration: Configuration | None = None) -> dict[str, Criterion]:
    configuration = configuration or experiment.configuration
    records = Protocol.of(configuration).read()
    found = strategy_gate(experiment.warehouse, configuration, records, STRATEGY)
    return {each.criterion: each for each in found}


def test_without_an_account_nothing_goes_forward(paper: Experiment) -> None:
    found = gate(paper)
    assert {name: each.passed for name, each in found.items()} == {"account": False}
    assert "account open known" in found["account"].detail


def test_paper_goes_on_without_a_go_and_says_so_and_money_does_not(opened: Experiment) -> None:
    found = gate(opened)["verdict"]
    assert found.passed
    assert "no go: on paper it may go on" in found.detail
    verdicts = opened.warehouse.read(VERDICTS, rows=Rows("strategy", STRATEGY))
    opened.warehouse.replace(Rows("strategy", STRATEGY), {VERDICTS: VERDICTS.empty()})
    assert gate(opened)["verdict"].detail == "none, no go: on paper it may go on"
    with_money(opened)
    assert not gate(opened)["verdict"].passed
    opened.warehouse.replace(Rows("strategy", STRATEGY), {VERDICTS: verdicts})
    found = gate(opened)["verdict"]
    assert not found.passed
    assert "money follows a standing go alone" in found.detail


def test_sessions_in_shadow_are_counted_from_the_step_on_and_each_once(opened: Experiment) -> None:
    days = [dt.date(2017, 7, each) for each in (3, 5, 6)]
    configuration = asked_of(opened, shadow_sessions=3)
    for day in (*days[:2], days[1]):
        note_sheet(configuration, STRATEGY, "known-1", day, "shadow", NOW)
    found = gate(opened, configuration)["sessions"]
    assert (found.value, found.threshold, found.passed) == (2.0, 3.0, False)
    note_sheet(configuration, STRATEGY, "known-1", days[2], "shadow", NOW)
    assert gate(opened, configuration)["sessions"].passed
    words: dict[str, Any] = {"to": "off", "by": "ops", "reason": "again", "now": NOW + dt.timedelta(days=1)}
    back(opened.warehouse, configuration, f"strategy/{STRATEGY}", **words)
    assert set(gate(opened, configuration)) == {"account", "verdict"}  # nothing is sent in shadow


def test_at_a_real_broker_sheets_count_that_were_on_record_before_their_open(paper: Experiment) -> None:
    """The sheet of 5 July is for the 6th, 13:30 UTC: a minute before it counts, a minute after it does not."""
    live, stage = asked_of(paper, shadow_sessions=1), "shadow"
    records = []
    for day, clock in ((5, dt.time(13, 29)), (6, dt.time(13, 31))):
        said = {"action": "rollout_sheet", "account": "known-1", "session": f"2017-07-0{day}", "stage": stage}
        at = dt.datetime.combine(dt.date(2017, 7, day + 1), clock)
        records.append(Record(day, "account", at, live.name, f"strategy/{STRATEGY}", said, ""))
    universe = {"AAA": ["file", "XNYS", "equity"]}
    opening = Opening(
        STRATEGY, "known-1", dt.date(2017, 7, 3), 1.0, "go", "0", "ops", OPENED, universe, "paper", "alpaca"
    )
    found = _sessions(live, records, opening, stage)
    assert (found.value, found.passed) == (1.0, True)
    assert found.detail == "2 sheets at shadow, 1 of them on record before their open"


def test_a_sheet_of_a_market_that_opens_as_it_closes_is_for_the_day_that_has_begun() -> None:
    """Five minutes after midnight the sheet of the 5th is for the 6th, which is over at midnight of the 7th."""
    universe = {"BTC": ["file", "24/7", "crypto"]}
    opening = Opening(STRATEGY, "known-1", dt.date(2017, 7, 3), 1.0, "go", "0", "ops", OPENED, universe)
    assert _opens(opening, dt.date(2017, 7, 5)) == dt.datetime(2017, 7, 7)
    currencies = replace(opening, universe={"EURUSD": ["file", "24/5", "fx"]})
    assert _opens(currencies, dt.date(2017, 7, 5)) == dt.datetime(2017, 7, 7)
    assert _opens(currencies, dt.date(2017, 7, 7)) == dt.datetime(2017, 7, 10), "a Friday: it opens on Monday"
    both = replace(opening, universe=universe | {"AAA": ["file", "XNYS", "equity"]})
    assert _opens(both, dt.date(2017, 7, 5)) == dt.datetime(2017, 7, 6, 13, 30)


def test_a_difference_stands_against_it_until_it_is_accepted(opened: Experiment) -> None:
    said = {"kind": "missed", "session": dt.date(2017, 7, 3), "detail": "d", "found_on": dt.date(2017, 7, 3)}
    row = said | {"strategy": STRATEGY, "account": "known-1", "difference_id": "abc"}
    found = DIFFERENCES.conform(pl.DataFrame([row]))
    put_differences_on_record(Protocol.of(opened.configuration), STRATEGY, found, NOW)
    refused = gate(opened)["differences"]
    assert (refused.value, refused.passed, refused.detail) == (1.0, False, "standing: missed")
    words: dict[str, Any] = {"by": "ops", "reason": "known", "now": NOW}
    accept_difference(opened.warehouse, opened.configuration, STRATEGY, "abc", **words)
    assert gate(opened)["differences"].passed


def raised(opened: Experiment, account: str, statistic: str) -> None:
    said = {"account": account, "statistic": statistic, "session": "2017-07-05", "value": 200.0, "level": 100.0}
    Protocol.of(opened.configuration).append("account", STRATEGY, {"action": "alarm", **said}, now=NOW)


def test_an_alarm_of_its_fills_stands_against_it_and_one_of_the_whole_account_only_at_full(opened: Experiment) -> None:
    for account, statistic in (("known-0", "slippage_wealth"), ("known-1", "live_wealth")):
        raised(opened, account, statistic)
        assert gate(opened)["divergence"].passed
    raised(opened, "known-1", "slippage_late")
    found = gate(opened)["divergence"]
    assert (found.value, found.passed, found.detail) == (1.0, False, "slippage_late")


def test_an_alarm_stays_with_the_plan_where_the_broker_is_switched_and_back(opened: Experiment) -> None:
    raised(opened, "known-1", "slippage_late")
    protocol = Protocol.of(opened.configuration)
    said = dict(next(each.payload for each in protocol.read() if each.payload.get("action") == "open"))
    protocol.append("account", STRATEGY, said | {"account": "known-2"}, now=NOW)
    assert not gate(opened)["divergence"].passed
    protocol.append("account", STRATEGY, said | {"account": "known-3", "plan_hash": "f" * 64}, now=NOW)
    assert gate(opened)["divergence"].passed


def judge(experiment: Experiment, day: dt.date) -> None:
    """As `trading/divergence` does of an account without a fill."""
    opening = openings_on(Protocol.of(experiment.configuration).read(), experiment.configuration.name, STRATEGY)[-1]
    put_slippage_on_record(Protocol.of(experiment.configuration), opening, SLIPPAGE.empty(), day, NOW)


def test_where_divergence_has_not_looked_up_to_the_last_sheet_no_gate_opens(opened: Experiment) -> None:
    note_sheet(opened.configuration, STRATEGY, "known-1", dt.date(2017, 7, 6), "shadow", NOW)
    found = gate(opened)["divergence"]
    assert (found.passed, "judged up to no session, not 2017-07-06" in found.detail) == (False, True)
    judge(opened, dt.date(2017, 7, 5))
    assert not gate(opened)["divergence"].passed
    judge(opened, dt.date(2017, 7, 6))
    assert gate(opened)["divergence"].passed


def published(experiment: Experiment, name: str, returns: np.ndarray, **of_cash: float) -> None:
    """Publish an account of a strategy with some daily returns, as a run does."""
    days = pl.date_range(dt.date(2017, 7, 3), dt.date(2019, 7, 3), eager=True)[: returns.size]
    curve = 1e5 * np.cumprod(1 + returns)
    numbers = dict.fromkeys(("cash", "costs", "gross_exposure", "drawdown"), 0.0)
    rows = pl.DataFrame({"session": days, "equity": curve, "replay_equity": curve, "daily_return": returns})
    own = {"strategy": name, "account": f"{name}-1", "label": "paper, verdict reject", "positions": 0}
    rest = numbers | own | {"replayed": False, "halted": False} | of_cash
    frame = EQUITY.conform(rows.with_columns(**{key: pl.lit(value) for key, value in rest.items()}))
    experiment.warehouse.replace(Rows("strategy", name), {EQUITY: frame})
    said = {"account": f"{name}-1", "through": days[-1].isoformat(), "follows": 0}
    protocol = Protocol.of(experiment.configuration)
    record_written(protocol, asset_of(name), hashes_of({EQUITY: frame}, name), NOW, said=said)


def of_other(experiment: Experiment) -> None:
    """Open an account of the other strategy, as it is on record of the first one."""
    protocol = Protocol.of(experiment.configuration)
    opened = next(each for each in protocol.read() if each.payload.get("action") == "open")
    protocol.append("account", "unknown", dict(opened.payload) | {"account": "unknown-1"}, now=NOW)


def test_what_replaces_another_strategy_is_held_to_its_sharpe_ratio(opened: Experiment) -> None:
    configuration = asked_of(opened, replaces={STRATEGY: "unknown"}, sharpe_sessions=60, sharpe_margin=1.0)
    assert gate(opened)["sharpe"].detail == "rollout.replaces names nothing for known"
    assert gate(opened, configuration)["sharpe"].detail == "unknown has no account to be compared with"
    of_other(opened)
    returns = np.random.default_rng(1).normal(0.0005, 0.01, 300)
    noise = np.random.default_rng(2).normal(0.0, 0.001, 300)
    published(opened, "unknown", returns)
    published(opened, STRATEGY, returns[:40])
    found = gate(opened, configuration)["sharpe"]
    assert (found.value, found.threshold, found.passed) == (40.0, 60.0, False)
    published(opened, STRATEGY, returns + noise)
    found = gate(opened, configuration)["sharpe"]
    assert found.passed
    assert "margin 1, 300 sessions); an equal one passes with probability 1.00" in found.detail
    published(opened, STRATEGY, returns - 0.002 + noise)
    assert not gate(opened, configuration)["sharpe"].passed


def test_what_earns_no_more_than_cash_replaces_nothing(opened: Experiment) -> None:
    """Bills at 4 % a year with hardly a deviation have a large ratio of return to risk, and a Sharpe ratio of 0."""
    configuration = asked_of(opened, replaces={STRATEGY: "unknown"}, sharpe_margin=0.25)
    of_other(opened)
    rate, random = 0.04 / 252, np.random.default_rng(5)
    shares, bills = random.normal(0.0012, 0.01, 300), random.normal(rate, 0.0003, 300)
    published(opened, "unknown", shares, risk_free=rate, interest=0.0)
    published(opened, STRATEGY, bills, risk_free=rate, interest=0.0)
    assert not gate(opened, configuration)["sharpe"].passed
    published(opened, STRATEGY, bills, risk_free=0.0, interest=0.0)
    assert gate(opened, configuration)["sharpe"].passed


def test_rows_that_were_edited_pass_no_gate(opened: Experiment) -> None:
    configuration = asked_of(opened, replaces={STRATEGY: "unknown"})
    of_other(opened)
    returns = np.random.default_rng(1).normal(0.0005, 0.01, 300)
    for name in (STRATEGY, "unknown"):
        published(opened, name, returns)
    assert gate(opened, configuration)["sharpe"].passed
    rows = opened.warehouse.read(EQUITY, rows=Rows("strategy", STRATEGY))
    better = rows.with_columns(daily_return=pl.col("daily_return") + 0.001)
    opened.warehouse.replace(Rows("strategy", STRATEGY), {EQUITY: better})
    found = gate(opened, configuration)["sharpe"]
    assert (found.passed, "are not as they were published" in found.detail) == (False, True)
    records = Protocol.of(configuration).read()
    opening = Opening(STRATEGY, "known-1", dt.date(2017, 7, 3), 1.0, "go", "0", "ops", OPENED)
    with pytest.raises(EditedAccountError):
        published_equity(opened.warehouse, records, configuration.name, opening)
