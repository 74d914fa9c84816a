"""Who may close an account, from when on it acts, and what becomes of the account."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace

import duckdb
import polars as pl
import pytest

from trading_assets.config import ConfigurationError
from trading_assets.protocol import Protocol
from trading_assets.protocol.records import Entry
from trading_assets.trading.closing.close import (
    account_state,
    accounts_at_work,
    assert_would_be_sold,
    close_account,
    first_session,
    why_revoked,
)
from trading_assets.trading.closing.record import Closing, closing_of
from trading_assets.trading.opening import Opening
from trading_assets.trading.tables import EQUITY
from trading_assets.warehouse import Rows
from trading_assets_tests.trading.experiment import FIRST, OPENED, STRATEGY, Experiment
from trading_assets_tests.trading.test_published import equity

NOW = dt.datetime(2017, 7, 3, 20, 0)


def opening(recorded_at: dt.datetime, session: dt.date = dt.date(2026, 3, 2), calendar: str = "XNYS") -> Opening:
    universe = {"AAA": ["files", calendar, "equity"]}
    return Opening("s", "s-1", session, 1e5, "reject", "0", "ops", recorded_at, universe)


@pytest.mark.parametrize(
    ("through", "now", "expected"),
    [
        ((3, 4), (3, 4, 22), (3, 5)),  # Wednesday is published: it acts at the close of Thursday
        ((3, 3), (3, 4, 20), (3, 4)),  # before the close of Wednesday, 21:00 UTC
        ((3, 3), (3, 4, 21), (3, 5)),  # at the close, and not published yet: nobody acts on a close that is known
        ((3, 3), (3, 7, 12), (3, 9)),  # two sessions are behind, it is Saturday: Monday
        (None, (3, 1, 12), (3, 2)),  # nothing is published: the session of the opening
    ],
)
def test_it_acts_at_the_first_close_that_is_not_over(
    through: tuple[int, int] | None, now: tuple[int, int, int], expected: tuple[int, int]
) -> None:
    published = None if through is None else dt.date(2026, *through)
    found = first_session(opening(dt.datetime(2026, 3, 1)), published, dt.datetime(2026, *now))
    assert found == dt.date(2026, *expected)


def test_a_coin_s_close_is_at_midnight() -> None:
    coins = opening(dt.datetime(2026, 3, 1), calendar="24/7")
    assert first_session(coins, dt.date(2026, 3, 3), dt.datetime(2026, 3, 4, 23, 59)) == dt.date(2026, 3, 4)
    assert first_session(coins, dt.date(2026, 3, 3), dt.datetime(2026, 3, 5)) == dt.date(2026, 3, 5)


def test_a_replay_may_be_left_at_a_close_that_was_over_when_the_account_was_opened() -> None:
    late = opening(dt.datetime(2026, 6, 1))
    assert first_session(late, dt.date(2026, 3, 3), dt.datetime(2026, 6, 2)) == dt.date(2026, 3, 4)


def test_a_closing_is_on_record_with_who_and_why(paper: Experiment) -> None:
    paper.open()
    made = close_account(paper.configuration, STRATEGY, by="ops", reason=" enough ", now=NOW)
    # The opening went on record after the pipeline had run, today: all of 2017 is a replay.
    assert (made.account, made.acts_from, made.by, made.reason) == ("known-1", FIRST, "ops", "enough")
    assert closing_of(Protocol.of(paper.configuration).read(), paper.configuration.name, "known-1") == made
    assert set(accounts_at_work(paper.configuration)) == {STRATEGY}, "it is being left"
    with pytest.raises(ConfigurationError, match="known-1 is closing already, by ops: enough"):
        close_account(paper.configuration, STRATEGY, by="ops", reason="again", now=NOW)
    with pytest.raises(ConfigurationError, match="known-1 is being left: it still holds something"):
        paper.open()
    said = {"account": "known-1", "through": "2017-07-06", "follows": 0, "closing": made.row, "left": True}
    Protocol.of(paper.configuration).append_decided(lambda _: [Entry("evidence", None, said)], now=NOW)
    assert accounts_at_work(paper.configuration) == {}
    assert paper.open().account == "known-2"


def test_an_edited_table_opens_no_account_beside_one_that_holds_something(paper: Experiment) -> None:
    """Orders of the next one would go to the same broker, and what the first one holds would never be sold."""
    paper.open()
    made = close_account(paper.configuration, STRATEGY, by="ops", reason="over", now=NOW)
    own = {"strategy": pl.lit(STRATEGY), "account": pl.lit("known-1"), "session": pl.lit(made.acts_from)}
    paper.warehouse.replace(Rows("strategy", STRATEGY), {EQUITY: equity(1.0).with_columns(**own)})
    with pytest.raises(ConfigurationError, match="known-1 is being left: it still holds something"):
        paper.open()


@pytest.mark.parametrize(
    ("strategy", "reason", "words"),
    [
        ("knwon", "over", "no strategy 'knwon'"),
        (STRATEGY, "  ", "an account is closed without a reason"),
        (STRATEGY, "over", "no account of known is open"),
    ],
)
def test_what_cannot_be_closed_is_refused_in_words(strategy: str, reason: str, words: str, paper: Experiment) -> None:
    before = Protocol.of(paper.configuration).read()
    with pytest.raises(ConfigurationError, match=words):
        close_account(paper.configuration, strategy, by="ops", reason=reason, now=NOW)
    assert Protocol.of(paper.configuration).read() == before


def test_an_account_of_which_a_symbol_is_gone_would_never_be_sold(paper: Experiment) -> None:
    assert_would_be_sold(paper.warehouse, paper.configuration, STRATEGY)
    paper.open()
    assert_would_be_sold(paper.warehouse, paper.configuration, STRATEGY)
    with duckdb.connect(str(paper.configuration.warehouse_path)) as connection:
        connection.execute("DELETE FROM market_data.instruments WHERE symbol = 'DDD'")
    with pytest.raises(ConfigurationError, match="what known-1 holds would never be sold"):
        assert_would_be_sold(paper.warehouse, paper.configuration, STRATEGY)


def test_of_two_who_close_at_once_one_is_refused(paper: Experiment) -> None:
    paper.open()
    said: list[str] = []

    def close(by: str) -> None:
        try:
            said.append(close_account(paper.configuration, STRATEGY, by=by, reason="over", now=NOW).by)
        except ConfigurationError as error:
            said.append(str(error).splitlines()[0].split(", by ")[0])

    threads = [threading.Thread(target=close, args=[by]) for by in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) in (["known-1 is closing already", "one"], ["known-1 is closing already", "two"])


def test_the_states_of_an_account() -> None:
    first = opening(OPENED)
    second = replace(first, account="s-2")
    closing = Closing("s-1", 4, FIRST, "ops", "over", OPENED)
    flat = (
        EQUITY.empty()
        .select("session", "positions")
        .clear(1)
        .with_columns(session=pl.lit(FIRST), positions=pl.lit(0, pl.Int64))
    )
    held, none = flat.with_columns(positions=pl.lit(1, pl.Int64)), flat.clear()
    assert account_state(first, [first], None, flat) == "open"
    assert account_state(first, [first], closing, none) == "closing"
    assert account_state(first, [first], closing, held) == "closing"
    assert account_state(first, [first], closing, flat) == "closed"
    assert account_state(first, [first, second], closing, flat) == "closed"
    assert account_state(first, [first, second], closing, held) == "ended"
    assert account_state(first, [first, second], None, flat) == "ended"


def test_a_verdict_is_revoked_where_it_is_worse_than_at_the_opening(paper: Experiment) -> None:
    """The experiment is rejected: so it was when the account was opened, and an account under `go` would lose it."""
    made = paper.open()
    assert why_revoked(paper.warehouse, paper.configuration, made) is None
    better = replace(made, verdict="go")
    why = why_revoked(paper.warehouse, paper.configuration, better)
    assert why == f"the verdict is {made.verdict}, and was go when the account was opened"
    paper.write(registration={})
    gone = why_revoked(paper.warehouse, paper.configuration, made)
    assert gone is not None and gone.startswith("no verdict on known")
