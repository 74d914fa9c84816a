"""Who may open an account, from when on, and what stands on record of it."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest

from trading_assets.config import ConfigurationError
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.protocol import Decide
from trading_assets.trading.closing.close import close_account
from trading_assets.trading.opening import gone_from, next_session, open_account, open_accounts, openings_on
from trading_assets.trading.saved_state import engine_layout
from trading_assets_tests.trading.experiment import FIRST, STRATEGY, Experiment


def test_an_opening_is_dated_and_on_record_for_good(paper: Experiment) -> None:
    assert open_accounts(paper.configuration) == {}
    made = paper.open(capital=25_000.0)
    assert (made.account, made.session, made.capital, made.by) == ("known-1", FIRST, 25_000.0, "ops")
    assert made.label == f"paper, verdict {made.verdict}"
    assert made.verdict != "go"
    assert open_accounts(paper.configuration) == {STRATEGY: made}
    record = Protocol.of(paper.configuration).read()[-1]
    assert (record.kind, record.subject, record.payload["mode"]) == ("account", STRATEGY, "paper")


def test_an_opening_keeps_its_broker_and_another_one_begins_another_account(paper: Experiment) -> None:
    """The verdict on it is no go: it may not be live, whatever the configuration says."""
    assert paper.open().broker == "simulated"
    end = str(paper.configuration.as_of)
    paper.until(end, trading={"broker": "alpaca", "live": True, "live_account": "123456789"})
    assert open_accounts(paper.configuration)[STRATEGY].broker == "simulated"
    with pytest.raises(ConfigurationError, match="a live account of known is refused: the verdict on it is"):
        paper.open(mode="live")
    made = paper.open()
    assert (made.account, made.broker, made.mode) == ("known-2", "alpaca", "paper")
    assert open_accounts(paper.configuration) == {STRATEGY: made}


def test_an_opening_says_where_each_symbol_came_from(paper: Experiment) -> None:
    universe = paper.open().universe
    assert universe == {each: ["synthetic", "XNYS", "equity"] for each in ("AAA", "BBB", "CCC", "DDD")}
    assert gone_from(universe, {**universe, "EEE": ["file", "XNYS", "equity"]}) == []
    assert gone_from(universe, {**universe, "BBB": ["file", "XNYS", "equity"]}) == ["BBB"]
    assert gone_from(universe, {}) == ["AAA", "BBB", "CCC", "DDD"]


def test_the_first_session_is_the_one_after_a_holdout_that_ends_with_the_bars(paper: Experiment) -> None:
    """It ends on Friday, 30 June 2017; 3 July is a half day."""
    assert paper.open(session=None).session == dt.date(2017, 7, 3)


@pytest.mark.parametrize(
    ("strategy", "said", "words"),
    [
        ("unknown", {}, "the holdout of unknown is closed: an account would read it"),
        ("knwon", {}, "no strategy 'knwon'"),
        ("known", {"mode": "live"}, "a live account is refused"),
        ("known", {"session": dt.date(2017, 6, 30)}, "2017-06-30 is in the holdout of known or before it"),
        ("known", {"session": dt.date(2017, 7, 4)}, "2017-07-04 is no session of XNYS"),
        ("known", {"capital": -1.0}, "capital -1"),
        ("known", {"capital": float("nan")}, "capital nan"),
    ],
)
def test_what_may_not_be_opened_is_refused_in_words(
    strategy: str, said: dict[str, Any], words: str, paper: Experiment
) -> None:
    before = Protocol.of(paper.configuration).read()
    asked: dict[str, Any] = {
        "session": FIRST,
        "capital": None,
        "mode": "paper",
        "by": "ops",
        "now": dt.datetime(2017, 7, 1),
    }
    with pytest.raises(ConfigurationError, match=words) as refusal:
        open_account(paper.warehouse, paper.configuration, strategy, **asked | said)
    assert "what to do: " in str(refusal.value)
    assert Protocol.of(paper.configuration).read() == before


def test_one_account_of_a_real_broker_is_for_one_strategy(paper: Experiment) -> None:
    """Another strategy's account is there: refused until it is closed, and no matter at the simulated broker."""
    end, protocol = str(paper.configuration.as_of), Protocol.of(paper.configuration)
    paper.until(end, trading={"broker": "alpaca"})
    said = dict(paper.open().__dict__)
    other = {name: said[name] for name in ("capital", "verdict", "plan_hash", "by", "mode", "broker")}
    other |= {"action": "open", "account": "unknown-1", "session": FIRST.isoformat(), "universe": {}}
    protocol.append("account", "unknown", other, now=dt.datetime(2017, 7, 1))
    before = protocol.read()
    with pytest.raises(ConfigurationError, match="unknown-1 is at the paper account of alpaca already"):
        paper.open()
    assert protocol.read() == before
    paper.until(end)
    assert paper.open().broker == "simulated"


def test_a_second_account_is_refused_while_the_plan_is_the_same(paper: Experiment) -> None:
    paper.open()
    with pytest.raises(ConfigurationError, match="known-1 is open already, since 2017-07-03"):
        paper.open()
    assert len(openings_on(Protocol.of(paper.configuration).read(), "small", STRATEGY)) == 1


def saved_on_record(paper: Experiment, account: str, **layout: str) -> None:
    """Have a run on record that saved a state; of an earlier version it does not say the layout."""
    said = {"account": account, "through": "2017-07-06", "follows": 0}
    Protocol.of(paper.configuration).append("evidence", None, said | layout, now=dt.datetime(2017, 7, 6, 22, 0))


def test_an_account_that_this_version_cannot_go_on_with_is_followed_by_another(paper: Experiment) -> None:
    """Neither may it be closed: nothing would ever sell what it holds."""
    paper.open()
    saved_on_record(paper, "known-1", layout=engine_layout())
    with pytest.raises(ConfigurationError, match="known-1 is open already"):
        paper.open()
    saved_on_record(paper, "known-1")
    with pytest.raises(ConfigurationError, match="known-1 was saved by another version") as refusal:
        close_account(paper.configuration, STRATEGY, by="ops", reason="over", now=dt.datetime(2017, 7, 7))
    assert "what to do: trading-assets account open known" in str(refusal.value)
    assert paper.open().account == "known-2"
    with pytest.raises(ConfigurationError, match="known-2 is open already"):
        paper.open()


def test_an_account_that_was_being_left_by_another_version_is_followed_by_another(paper: Experiment) -> None:
    paper.open()
    close_account(paper.configuration, STRATEGY, by="ops", reason="over", now=dt.datetime(2017, 7, 5))
    saved_on_record(paper, "known-1", layout="of another engine")
    assert paper.open().account == "known-2"


def test_of_two_who_open_at_once_one_is_refused(paper: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked whether an account is open before either of them has opened one."""
    together, said = threading.Barrier(2), list[str]()

    def decided_together(known: Protocol, decide: Decide, *, now: dt.datetime) -> tuple[Record, ...]:
        together.wait(60)
        return alone(known, decide, now=now)

    def opened() -> None:
        try:
            said.append(paper.open().account)
        except ConfigurationError as refusal:
            said.append(str(refusal).splitlines()[0])

    alone, threads = Protocol.append_decided, [threading.Thread(target=opened) for _ in range(2)]
    monkeypatch.setattr(Protocol, "append_decided", decided_together)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["known-1", "known-1 is open already, since 2017-07-03"]
    assert len(openings_on(Protocol.of(paper.configuration).read(), "small", STRATEGY)) == 1


def test_a_registration_that_changed_since_its_look_opens_nothing(paper: Experiment) -> None:
    paper.write(strategies={"known": {"type": "equity_momentum", "trend_slope": -0.5}})
    with pytest.raises(ConfigurationError, match="no verdict on known"):
        paper.open()


def test_the_next_session_of_two_calendars_is_the_earlier_one() -> None:
    """After Friday, 30 June 2017: the exchange trades on Monday, coins on Saturday."""
    assert next_session(["XNYS"], dt.date(2017, 6, 30)) == dt.date(2017, 7, 3)
    assert next_session(["XNYS", "24/7"], dt.date(2017, 6, 30)) == dt.date(2017, 7, 1)
