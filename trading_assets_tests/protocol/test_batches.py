"""A batch has a price, whatever the order in which its strategies are judged."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.config.sections import Interval
from trading_assets.protocol.batches import Share, batch_of, batch_of_imported, share_of, waiting, weights_of
from trading_assets.protocol.exposures import exposure
from trading_assets.protocol.records import Entry, Record
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets_tests.protocol.worlds import HOLDOUT, SESSIONS, chain, make_bars, registered

RETURNS = equal_weight_returns([make_bars(["A", "B"], common=0.5, seed=1)], ["A", "B"], SESSIONS[0], SESSIONS[-1])


def shares(entry: Entry) -> dict[str, float]:
    return {f"{each['configuration']}/{each['strategy']}": each["weight"] for each in entry.payload["members"]}


def look(strategy: str) -> Entry:
    return Entry("look", strategy, {"registration_hash": "r", "look": 1})


def test_three_of_a_configuration_are_a_batch_of_three() -> None:
    """alpha = 0.05 / 3."""
    records = chain(*map(registered, "abc"))
    batch = batch_of(records, ("main", "b"), {})
    assert shares(batch) == pytest.approx({"main/a": 1 / 3, "main/b": 1 / 3, "main/c": 1 / 3})
    share = share_of(chain(batch, after=records), ("main", "c"))
    assert share is not None and share.members == 3
    assert share.alpha == pytest.approx(0.05 / 3)


def test_the_order_of_looks_does_not_matter() -> None:
    records = chain(*map(registered, "abc"))
    assert len({str(shares(batch_of(records, ("main", name), {}))) for name in "abc"}) == 1


def test_a_batch_is_frozen() -> None:
    """Another strategy that is registered afterwards makes a batch of its own and changes no rate."""
    records = chain(*map(registered, "ab"))
    records = chain(batch_of(records, ("main", "a"), {}), look("a"), registered("c"), after=records)
    later = batch_of(records, ("main", "c"), {})
    assert shares(later) == {"main/c": 1.0}
    records = chain(later, after=records)
    assert share_of(records, ("main", "b")) == Share(2, 0.5)
    assert share_of(records, ("main", "c")) == Share(1, 1.0)


def test_twenty_configurations_with_one_strategy_each_are_a_batch_of_twenty() -> None:
    """Registered before any of them was looked at, on the same symbols: another name buys no rate of its own."""
    records: list[Record] = []
    for number in range(20):
        records = chain(registered("s"), configuration=f"c{number}", after=records)
    assert batch_of(records, ("c3", "s"), {}).payload["m"] == 20


def test_another_configuration_counts_by_its_returns_and_an_unrelated_one_does_not() -> None:
    returns = {
        row: equal_weight_returns(
            [make_bars(["X", "Y"], common=0.5, seed=market, market=market)], ["X", "Y"], SESSIONS[0], SESSIONS[-1]
        )
        for row, market in ((1, 0), (2, 0), (3, 1))
    }
    records = chain(registered("s", ["A"]))
    records = chain(registered("copy", ["B"]), configuration="two", after=records)
    records = chain(registered("other", ["C"]), configuration="three", after=records)
    assert set(shares(batch_of(records, ("main", "s"), returns))) == {"main/s", "two/copy"}
    elsewhere = [(HOLDOUT.end.replace(year=2031)).isoformat(), (HOLDOUT.end.replace(year=2032)).isoformat()]
    records = chain(registered("later", ["A"], holdout=elsewhere), configuration="four", after=records)
    assert "four/later" not in shares(batch_of(records, ("main", "s"), returns))


def test_what_was_registered_and_left_out_counts_and_a_changed_registration_counts_once() -> None:
    records = chain(registered("a"), registered("gone"), registered("a", plan_hash="changed"))
    assert [each.member for each in waiting(records)] == [("main", "gone"), ("main", "a")]
    assert batch_of(records, ("main", "a"), {}).payload["m"] == 2


def test_weights_that_are_stated() -> None:
    """0.5 is stated; the two others share what is left: 0.25 each."""
    stated = {("c", "a"): 0.5, ("c", "b"): None, ("c", "d"): None}
    assert weights_of(stated) == {("c", "a"): 0.5, ("c", "b"): 0.25, ("c", "d"): 0.25}
    assert weights_of({("c", "a"): 0.2}) == {("c", "a"): 0.2}
    assert weights_of({("c", "a"): 1.0, ("d", "a"): 1.0}) == {("c", "a"): 0.5, ("d", "a"): 0.5}


@given(st.lists(st.one_of(st.none(), st.floats(0.001, 1)), min_size=1, max_size=8))
def test_weights_of_any_batch_sum_to_at_most_one_and_none_is_zero(stated: list[float | None]) -> None:
    weights = weights_of({("c", str(place)): weight for place, weight in enumerate(stated)})
    assert sum(weights.values()) <= 1 + 1e-9
    assert min(weights.values()) > 0


def test_looks_of_an_earlier_version_are_a_batch_of_those_that_were_looked_at() -> None:
    records = chain(*itertools.chain.from_iterable((registered(name), look(name)) for name in "ab"), look("a"))
    batch = batch_of_imported(records, "main")
    assert batch is not None and shares(batch) == {"main/a": 0.5, "main/b": 0.5}
    assert batch_of_imported(chain(batch, after=records), "main") is None
    assert batch_of_imported(records, "another") is None


def seen(strategy: str = "a", start: int = 200) -> Entry:
    """Signals of a strategy in the holdout."""
    return exposure("strategies", strategy, SESSIONS[start], SESSIONS[-1], ["A", "B"], RETURNS)


def test_weights_are_frozen_by_the_first_signal_of_the_holdout() -> None:
    """Twenty are registered, their signals tell which one is lucky, and its weight is raised before the first look."""
    names = [f"s{number}" for number in range(20)]
    records = chain(*map(registered, names), seen("s0"))
    raised = [registered(name, weight=0.99 if name == "s7" else 0.01 / 19) for name in names]
    records = chain(*raised, after=records)
    assert shares(batch_of(records, ("main", "s7"), {}))["main/s7"] == pytest.approx(1 / 20)
    before = chain(*map(registered, names), *raised, seen("s0"))
    assert shares(batch_of(before, ("main", "s7"), {}))["main/s7"] == pytest.approx(0.99)


def test_losers_leave_no_batch_whose_holdout_was_seen() -> None:
    """Registered elsewhere, on other sessions or with another plan, they count where they were."""
    elsewhere = {"holdout": ["2031-01-01", "2031-12-31"], "plan_hash": "moved"}
    records = chain(*map(registered, "abc"), seen())
    moved = chain(registered("b", **elsewhere), registered("c", plan_hash="changed", weight=0.001), after=records)
    assert shares(batch_of(moved, ("main", "a"), {})) == pytest.approx({f"main/{name}": 1 / 3 for name in "abc"})


def test_the_order_of_looks_changes_no_frozen_weight_either() -> None:
    records = chain(
        registered("a", weight=0.6), registered("b"), registered("c"), seen("b"), registered("a", weight=0.9)
    )
    assert {str(shares(batch_of(records, ("main", name), {}))) for name in "abc"} == {
        str({"main/a": 0.6, "main/b": 0.2, "main/c": 0.2})
    }


def test_who_comes_after_the_holdout_was_seen_has_one_part_of_all_and_takes_none_away() -> None:
    """m is 3, whatever weight it states; the two that were there before have a half each."""
    records = chain(*map(registered, "ab"), seen(), registered("late", weight=0.9))
    late = batch_of(records, ("main", "late"), {})
    assert shares(late) == pytest.approx({"main/late": 1 / 3})
    assert late.payload["m"] == 3  # what it has a part of
    records = chain(late, after=records)
    assert shares(batch_of(records, ("main", "a"), {})) == pytest.approx({"main/a": 0.5, "main/b": 0.5})


def test_what_was_seen_before_the_holdout_or_before_the_registration_freezes_nothing() -> None:
    early = exposure("backtests", "a", SESSIONS[0], SESSIONS[199], ["A", "B"], RETURNS)
    records = chain(seen(), *map(registered, "ab"), early, registered("a", weight=0.9))
    assert shares(batch_of(records, ("main", "a"), {})) == pytest.approx({"main/a": 0.9, "main/b": 0.1})


def test_each_holdout_of_a_strategy_has_a_batch_of_its_own() -> None:
    later = Interval(start=dt.date(2031, 1, 1), end=dt.date(2031, 12, 31))
    records = chain(*map(registered, "ab"))
    records = chain(batch_of(records, ("main", "a"), {}), after=records)
    records = chain(registered("a", holdout=["2031-01-01", "2031-12-31"], plan_hash="moved"), after=records)
    assert share_of(records, ("main", "a"), later) is None
    records = chain(batch_of(records, ("main", "a"), {}), after=records)
    assert share_of(records, ("main", "a"), later) == Share(1, 1.0)
    assert share_of(records, ("main", "a"), HOLDOUT) == Share(2, 0.5)
