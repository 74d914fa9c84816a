"""From when on a closing acts: by what is on record alone, whoever asks and whenever."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from trading_assets.protocol import Protocol
from trading_assets.protocol.records import Entry
from trading_assets.trading.closing.record import Closing, closing_of, is_left, left_on_record
from trading_assets.trading.tables import EQUITY

NOW = dt.datetime(2026, 3, 4, 18, 0)
TUESDAY, WEDNESDAY, THURSDAY = (dt.date(2026, 3, day) for day in (3, 4, 5))


def close(protocol: Protocol, session: dt.date = WEDNESDAY, account: str = "s-1") -> int:
    said = {"action": "close", "account": account, "session": session.isoformat(), "by": "ops", "reason": "over"}
    [record] = protocol.append_decided(lambda _: [Entry("account", "s", said)], now=NOW)
    return record.row


def published(
    protocol: Protocol, through: dt.date, closing: int | None = None, account: str = "s-1", *, left: bool = False
) -> None:
    """A run puts on record what it is about to publish, the closing that it knew of, and whether that is at its end."""
    said = {"account": account, "through": through.isoformat(), "follows": 0}
    known = {} if closing is None else {"closing": closing, "left": left}
    protocol.append_decided(lambda _: [Entry("evidence", None, said | known)], now=NOW)


def acts_from(protocol: Protocol) -> dt.date:
    found = closing_of(protocol.read(), "c", "s-1")
    assert found is not None
    return found.acts_from


def test_it_acts_from_the_session_that_it_says(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "c")
    assert closing_of(protocol.read(), "c", "s-1") is None
    published(protocol, TUESDAY)
    row = close(protocol)
    found = closing_of(protocol.read(), "c", "s-1")
    assert found == Closing("s-1", row, WEDNESDAY, "ops", "over", NOW)
    assert closing_of(protocol.read(), "c", "s-2") is None
    assert closing_of(protocol.read(), "other", "s-1") is None


def test_what_a_run_published_that_did_not_know_of_it_stays(tmp_path: Path) -> None:
    """The run had begun before: it decided Wednesday without it, so that it acts from the day after on."""
    protocol = Protocol(tmp_path, "c")
    close(protocol)
    published(protocol, WEDNESDAY)
    assert acts_from(protocol) == THURSDAY
    published(protocol, dt.date(2026, 3, 20), account="s-2")
    assert acts_from(protocol) == THURSDAY, "what another account publishes does not count"


def test_once_a_run_has_acted_on_it_nothing_moves_it(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "c")
    row = close(protocol)
    published(protocol, WEDNESDAY, closing=row)
    published(protocol, THURSDAY, closing=row)
    published(protocol, dt.date(2026, 3, 20))
    assert acts_from(protocol) == WEDNESDAY


def test_of_two_closings_the_first_counts(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "c")
    close(protocol)
    close(protocol, THURSDAY)
    assert acts_from(protocol) == WEDNESDAY


def test_it_is_left_on_record_by_the_last_run_that_says_so(tmp_path: Path) -> None:
    """A run that was killed before it wrote is made again, on other bars perhaps: then something may still be held."""
    protocol = Protocol(tmp_path, "c")
    row = close(protocol)
    assert not left_on_record(protocol.read(), "c", "s-1")
    published(protocol, WEDNESDAY, closing=row, left=True)
    assert left_on_record(protocol.read(), "c", "s-1")
    assert not left_on_record(protocol.read(), "c", "s-2")
    assert not left_on_record(protocol.read(), "other", "s-1")
    published(protocol, WEDNESDAY, closing=row)
    assert not left_on_record(protocol.read(), "c", "s-1")
    published(protocol, THURSDAY, closing=row, left=True)
    assert left_on_record(protocol.read(), "c", "s-1")


def test_an_account_is_left_once_it_holds_nothing_at_a_close_of_the_closing() -> None:
    closing = Closing("s-1", 7, WEDNESDAY, "ops", "over", NOW)

    def equity(*positions: int) -> pl.DataFrame:
        days = [TUESDAY, WEDNESDAY, THURSDAY][: len(positions)]
        return (
            EQUITY.empty()
            .select("session", "positions")
            .clear(len(positions))
            .with_columns(session=pl.Series(days), positions=pl.Series(positions))
        )

    assert not is_left(closing, equity(0)), "flat before it acted"
    assert not is_left(closing, equity(0, 2, 1))
    assert is_left(closing, equity(2, 1, 0))
    assert is_left(closing, equity(0, 0))
