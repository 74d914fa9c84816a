"""What is on record of a strategy, in words."""

from __future__ import annotations

from trading_assets.protocol.chronicle import chronicle
from trading_assets.protocol.exposures import NO_CONTENTS, exposure
from trading_assets.protocol.looks import LookRequest, decide_look, look_of, result_payload
from trading_assets.protocol.records import Entry
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets_tests.protocol.worlds import HOLDOUT, SESSIONS, chain, make_bars, registered

OWN = ["A", "B"]
RETURNS = equal_weight_returns([make_bars(OWN, common=0.5, seed=1)], OWN, SESSIONS[0], SESSIONS[-1])


def test_everything_of_a_strategy_and_nothing_of_others() -> None:
    records = chain(
        Entry("folder", None, {"id": "0"}),
        registered("s", plan_hash="0123456789abcdef"),
        registered("t"),
        exposure("backtests", "s", SESSIONS[0], SESSIONS[9], OWN, RETURNS),
    )
    request = LookRequest("main", "s", "r", "config", HOLDOUT, OWN, "{}", RETURNS)
    records = chain(*decide_look(records, request, records[1], NO_CONTENTS), after=records)
    look = look_of(records, ("main", "s"), "r")
    assert look is not None
    result = result_payload(look, verdict="insufficient_evidence", sharpe=1.2345, bets=None, product_version="1")
    records = chain(Entry("result", "s", result), after=records)
    assert chronicle(records, ("main", "s")).drop("recorded_at").rows() == [
        ("registration", f"plan 0123456789ab, holdout {HOLDOUT.start} to {HOLDOUT.end}, 2 symbols"),
        ("exposure", "backtests on 2020-01-01 to 2020-01-10, 2 symbols"),
        ("batch", "one of 2: weight 0.5, judged at an error rate of 2.500%"),
        ("look", "look 1, retrospective"),
        ("result", "seen at look 1: Sharpe 1.23, undefined bets, insufficient evidence"),
    ]
    assert chronicle(records, ("main", "t"))["kind"].to_list() == ["registration", "batch"]
    assert chronicle(records, ("other", "s")).is_empty()


def test_records_of_earlier_versions_and_looks_after_a_change() -> None:
    upgrade = {"old_hash": "a", "new_hash": "b", "old_version": "1", "new_version": "2", "reason": "words"}
    records = chain(
        Entry(
            "registration", "s", {"registration_hash": "0123456789abcdef", "imported": {"recorded_at": "2025-01-01"}}
        ),
        Entry("look", "s", {"look": 1, "imported": {"evaluated_at": "2025-01-02"}}),
        Entry("upgrade", "s", upgrade),
        Entry("look", "s", {"look": 2, "override": "why", "changed": ["share: 0.1 -> 0.2"], "exposures": 3}),
    )
    assert chronicle(records, ("main", "s"))["what"].to_list() == [
        "registration 0123456789ab of an earlier version, of 2025-01-01",
        "look 1 by an earlier version, of 2025-01-02",
        "version 2 took the place of 1: words",
        "look 2, after a change (why), retrospective; changed: share: 0.1 -> 0.2; seen before by 3 evaluations",
    ]
