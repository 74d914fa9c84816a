"""A champion is replaced when enough is known, by what was known then, and by a person's word from the next session."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from trading_assets.config import Configuration
from trading_assets.models.champions import Contender, Reign, Succession, score_asset, succession
from trading_assets.models.paired_test import LEVEL
from trading_assets.models.promotion import CHAMPION, SHADOW, decide, losses_by_session, returns_by_session
from trading_assets.models.promotion import Record as Judged
from trading_assets.protocol.decisions import HandDecision
from trading_assets_tests.models.contenders import HORIZON, cut, make_contender, make_labels
from trading_assets_tests.models.panels import weekdays
from trading_assets_tests.narrow import as_date

SESSIONS = weekdays(800)
REFITS = SESSIONS[100:800:50]
LABELS = make_labels()


def choose(
    *contenders: Contender, by_hand: tuple[HandDecision, ...] = (), refits: list[dt.date] = REFITS
) -> Succession:
    return succession(contenders, refits, SESSIONS, by_hand)


def word(action: str, candidate: str, day: dt.date, *, pinned: bool = False) -> HandDecision:
    return HandDecision("best", action, candidate, pinned, day, "somebody", "tried on paper")


OLD, BETTER = make_contender("old", LABELS, 0.2, seed=1), make_contender("better", LABELS, 0.9, seed=2)
EQUAL = make_contender("equal", LABELS, 0.2, seed=3)


def test_a_better_candidate_takes_over_at_a_refit_once_enough_is_known() -> None:
    """A test needs 45 sessions whose labels are over: 100 are before the second refit, none before the first."""
    found = choose(OLD, BETTER)
    first, second = found.reigns
    assert first == Reign(REFITS[0], "old")
    assert second.champion == "better"
    assert second.start in REFITS[1:6]
    rows = found.rows.filter(session=second.start).sort("candidate")
    assert rows["decision"].to_list() == [CHAMPION, SHADOW]
    assert rows["champion"].unique().to_list() == ["old"]
    assert (rows["statistic"] > rows["critical"]).drop_nulls().all()
    assert rows["reason"].to_list()[0].startswith("better than the champion: log loss lower by")
    assert rows["reason"].to_list()[1] == "better takes over"


def test_what_decides_at_a_refit_is_the_paired_test_of_labels_that_were_over_before() -> None:
    """By another way: the rows whose label ended earlier, session by session, handed to the test of the registry."""
    found = choose(OLD, BETTER)
    for day in REFITS[1:]:
        row = found.rows.filter(session=day, candidate="better").row(0, named=True)
        if row["champion"] == "better":
            continue
        over = [each.rows.filter(pl.col("label_end") < day) for each in (BETTER, OLD)]
        own, old = (
            Judged("coins", HORIZON, str(place), losses_by_session(rows, day), returns_by_session(rows, day))
            for place, rows in enumerate(over)
        )
        expected = decide(own, old)
        assert (row["decision"] == CHAMPION) == (expected.decision == CHAMPION)
        assert row["reason"] == expected.reason
        if expected.test is not None:
            assert (row["effect"], row["sessions"]) == (expected.test.difference, expected.test.sessions)
            assert row["power"] == expected.test.power(1e-4)
            assert row["last_label_end"] == as_date(over[0]["label_end"].max())
            assert row["last_label_end"] < day


@pytest.mark.parametrize("place", range(2, 14, 3))
def test_no_earlier_decision_changes_with_what_comes_later(place: int) -> None:
    """Brute force: of a history that ends at a refit, or in the middle of a fold, all rows so far are the same."""
    whole = choose(OLD, BETTER, EQUAL)
    for end in (REFITS[place], SESSIONS[SESSIONS.index(REFITS[place]) + 23]):
        known = [cut(each, end) for each in (OLD, BETTER, EQUAL)]
        refits = [day for day in REFITS if day <= end]
        short = succession(known, refits, [day for day in SESSIONS if day <= end])
        assert short.rows.equals(whole.rows.filter(pl.col("session") <= end))
        assert short.reigns == tuple(each for each in whole.reigns if each.start <= end)


def test_later_labels_that_are_turned_around_change_no_earlier_champion() -> None:
    whole, day = choose(OLD, BETTER), REFITS[6]
    turned = pl.when(pl.col("label_end") >= day).then(1 - pl.col("label")).otherwise("label").alias("label")
    changed = [replace(each, rows=each.rows.with_columns(turned)) for each in (OLD, BETTER)]
    until = pl.col("session") <= day
    assert choose(*changed).rows.filter(until).equals(whole.rows.filter(until))
    assert not choose(*changed).rows.equals(whole.rows)


def test_a_session_counts_with_those_of_its_labels_that_are_over() -> None:
    """One symbol has a hole: its label of a session ends fifty sessions after those of the others."""
    day = REFITS[3]
    held = SESSIONS[SESSIONS.index(day) - 20]
    late = pl.when((pl.col("session") == held) & (pl.col("symbol") == "S0")).then(pl.lit(SESSIONS[-1]))
    holed = [
        replace(each, rows=each.rows.with_columns(late.otherwise("label_end").alias("label_end")))
        for each in (OLD, BETTER)
    ]
    known = [cut(each, day) for each in holed]
    until = pl.col("session") <= day
    whole = choose(*holed).rows.filter(until)
    assert whole.equals(succession(known, REFITS[:4], SESSIONS[: SESSIONS.index(day) + 1]).rows)
    assert not whole.equals(choose(OLD, BETTER).rows.filter(until))


def test_traded_scores_are_of_each_session_those_of_who_was_champion_then() -> None:
    found = choose(OLD, BETTER)
    start = found.reigns[1].start
    traded = found.traded({"old": OLD.rows, "better": BETTER.rows})
    own = pl.col("session")
    expected = [OLD.rows.filter(own >= REFITS[0], own < start), BETTER.rows.filter(own >= start)]
    assert traded.equals(pl.concat(expected))
    assert (found.at(REFITS[0] - dt.timedelta(days=1)), found.at(REFITS[0]), found.at(start)) == (None, "old", "better")


def test_a_candidate_alone_is_champion_throughout() -> None:
    found = choose(OLD)
    assert found.reigns == (Reign(REFITS[0], "old"),)
    assert found.traded({"old": OLD.rows}).equals(OLD.rows.filter(pl.col("session") >= REFITS[0]))
    assert found.rows["reason"].to_list()[1] == "stays champion: no candidate was better"


def test_nobody_is_champion_without_a_refit() -> None:
    found = choose(OLD, BETTER, refits=[])
    assert (found.reigns, found.rows.height) == ((), 0)
    assert found.traded({"old": OLD.rows, "better": BETTER.rows}).is_empty()


def test_of_two_better_candidates_the_better_one_takes_over_and_each_has_its_share_of_the_level() -> None:
    """Two challengers: 1.25 % each, and the quantile of Student's t by the count of cosines."""
    from scipy.stats import t

    middling = make_contender("middling", LABELS, 0.5, seed=4)
    found = choose(OLD, middling, BETTER)
    second = found.reigns[1]
    assert second.champion == "better"
    rows = {row["candidate"]: row for row in found.rows.filter(session=second.start).iter_rows(named=True)}
    assert rows["better"]["effect"] > rows["middling"]["effect"] > 0
    last = found.rows.filter(session=REFITS[-1], candidate="old").row(0, named=True)
    count = min(int(0.4 * last["sessions"] ** (2 / 3)), last["sessions"] // 10)
    assert last["critical"] == pytest.approx(float(t.isf(LEVEL / 2, count)), rel=1e-12)


def test_a_pin_acts_from_the_session_after_its_day_and_no_test_takes_it_back() -> None:
    day = SESSIONS[200]
    found = choose(OLD, BETTER, by_hand=(word("pin", "old", day, pinned=True),))
    before = choose(OLD, BETTER)
    until = pl.col("session") <= day
    assert found.rows.filter(until).equals(before.rows.filter(until))
    assert found.reigns[-1] == Reign(SESSIONS[201], "old", True)
    last = found.rows.filter(session=REFITS[-1]).sort("candidate")
    assert last["decision"].to_list() == [SHADOW, CHAMPION]
    assert last["is_pinned"].all()
    assert last["reason"][1] == "stays champion: it is pinned"


def test_after_a_rollback_only_later_evidence_counts() -> None:
    """The loser of a person's word does not come back by what the person knew; it may by what comes later."""
    promoted = choose(OLD, BETTER).reigns[1].start
    day = SESSIONS[SESSIONS.index(promoted) + 60]
    found = choose(OLD, BETTER, by_hand=(word("rollback", "old", day),))
    acts = SESSIONS[SESSIONS.index(day) + 1]
    assert found.reigns[2] == Reign(acts, "old")
    assert found.at(day) == "better"
    again = found.reigns[3]
    assert again.champion == "better"
    row = found.rows.filter(session=again.start, candidate="better").row(0, named=True)
    assert row["sessions"] < SESSIONS.index(again.start) - SESSIONS.index(acts)


def test_of_two_words_of_a_day_the_last_counts_and_words_on_the_last_day_wait() -> None:
    both = (word("pin", "better", SESSIONS[200], pinned=True), word("rollback", "old", SESSIONS[200]))
    found = choose(OLD, BETTER, by_hand=both)
    assert found.rows.filter(session=SESSIONS[201])["cause"].unique().to_list() == ["rollback"]
    waiting = choose(OLD, BETTER, by_hand=(word("pin", "old", SESSIONS[-1], pinned=True),))
    assert waiting.rows.equals(choose(OLD, BETTER).rows)


def test_a_word_for_who_is_no_candidate_has_no_effect() -> None:
    assert choose(OLD, BETTER, by_hand=(word("pin", "gone", SESSIONS[200]),)).rows.equals(choose(OLD, BETTER).rows)


def test_what_its_best_scores_earned_can_veto() -> None:
    """The better model by its losses, whose best scores lost a percent where those of the old one earned something."""
    best_first = pl.col("score").rank("ordinal", descending=True).over("session") <= 2
    bad = BETTER.rows.with_columns(pl.when(best_first).then(-0.01).otherwise(0.0).alias("relative_return"))
    good = OLD.rows.with_columns(pl.lit(0.001).alias("relative_return"))
    noise = pl.Series(np.random.default_rng(7).normal(0, 1e-3, bad.height))
    worse = replace(BETTER, rows=bad.with_columns(pl.col("relative_return") + noise))
    found = choose(replace(OLD, rows=good), worse)
    assert {each.champion for each in found.reigns} == {"old"}
    assert (
        "vetoed by what its best scores earned"
        in found.rows.filter(session=REFITS[-1], candidate="better")["reason"][0]
    )


@pytest.mark.slow
def test_equal_candidates_are_rarely_promoted() -> None:
    """A hundred markets of fourteen refits: by the level of one test 2.5 % at each refit at most, and refits share it.

    Tests of a growing history say the same again, so that over all refits fewer than one in five is ever promoted.
    """
    promoted = decisions = 0
    for seed in range(100):
        labels = make_labels(800, 4, seed)
        found = choose(make_contender("one", labels, 0.5, 2 * seed), make_contender("two", labels, 0.5, 2 * seed + 1))
        promoted += len(found.reigns) > 1
        decisions += len(found.reigns) - 1
    assert promoted <= 20
    assert decisions <= 40


def test_key_of_the_asset_of_scores_says_whether_it_is_a_champion() -> None:
    made = Configuration.model_validate(
        {
            "name": "n",
            "start": "2010-01-01",
            "market_data": [{"source": "sample"}],
            "strategies": {"s": {"type": "equity_momentum"}},
            "models": {"one": {}},
            "champions": {"best": {"candidates": ["one"]}},
        }
    )
    assert [score_asset(made, each) for each in ("one", "best")] == ["models/one", "models/champion/best"]
