"""A champion is replaced by what is better beyond chance, and by its own procedure fitted on later data."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss

from trading_assets.models.promotion import (
    CHALLENGER,
    CHAMPION,
    MINIMUM_EFFECT,
    Record,
    SessionLoss,
    decide,
    losses_by_session,
)

FIRST = dt.date(2010, 1, 4)


def record(
    losses: np.ndarray, target: str = "returns", first: dt.date = FIRST, procedure: str = "own", symbols: str = "all"
) -> Record:
    days = (first + dt.timedelta(days=place) for place in range(losses.size))
    found = {day: SessionLoss(float(loss), symbols) for day, loss in zip(days, losses, strict=True)}
    return Record(target, 5, procedure, found)


def of_champion(losses: np.ndarray, procedure: str = "another", symbols: str = "all") -> Record:
    return record(losses, procedure=procedure, symbols=symbols)


def noise(seed: int, sessions: int = 750, span: int = 5) -> np.ndarray:
    """Losses around 0.69 whose labels overlap over five sessions."""
    shocks = np.random.default_rng(seed).standard_normal(sessions + span - 1)
    return 0.69 + 0.01 * np.convolve(shocks, np.ones(span), mode="valid") / math.sqrt(span)


@pytest.mark.parametrize(
    ("candidate", "champion", "decision", "reason"),
    [
        (record(noise(1)), None, CHAMPION, "no champion yet"),
        (record(noise(1) - 0.01), of_champion(noise(2)), CHAMPION, "better than the champion: log loss lower by 0.0"),
        (record(noise(1)), of_champion(noise(2) - 0.01), CHALLENGER, "not better than chance makes of equals: log"),
        (record(noise(1)), of_champion(noise(2)), CHALLENGER, "not better than chance makes of equals"),
        (record(noise(1) + 1), of_champion(noise(2), "own"), CHAMPION, "the champion's own procedure, fitted anew"),
        (record(noise(1)), of_champion(noise(1)), CHALLENGER, "differs from the champion by the same on each of 750"),
        (record(noise(1)[:40]), of_champion(noise(2)[:40]), CHALLENGER, "40 sessions in common with the champion"),
        (record(noise(1), first=dt.date(2000, 1, 1)), of_champion(noise(1)), CHALLENGER, "on no session that both"),
        (record(np.array([])), of_champion(noise(1)), CHALLENGER, "on no session that both have measured"),
        (record(noise(1) - 1, symbols="five"), of_champion(noise(2)), CHALLENGER, "on no session that both"),
        (record(noise(1) - 1, "other"), of_champion(noise(1)), CHALLENGER, "predicts other, the champion returns"),
        (record(noise(1) - 1e-5 + 1e-7 * (noise(3) - 0.69)), of_champion(noise(1)), CHALLENGER, "by less than 0.0001"),
    ],
)
def test_who_is_champion(candidate: Record, champion: Record | None, decision: str, reason: str) -> None:
    made = decide(candidate, champion)
    assert (made.decision, reason in made.reason) == (decision, True), made.reason
    assert (made.test is not None) == ("log loss" in made.reason)


@pytest.mark.slow
def test_of_a_thousand_equal_candidates_hardly_any_is_promoted() -> None:
    """2.5 % by the test's level, which three standard errors put at 4 % at most; half would be by the mean alone."""
    promoted = better_by_the_mean = 0
    for seed in range(1_000):
        own, other = noise(2 * seed), noise(2 * seed + 1)
        promoted += decide(record(own), of_champion(other)).decision == CHAMPION
        better_by_the_mean += own.mean() < other.mean()
    assert promoted <= 40
    assert 450 <= better_by_the_mean <= 550


@pytest.mark.slow
def test_a_better_candidate_is_promoted_four_times_out_of_five() -> None:
    """By 0.24 standard deviations of a session's difference, which is that of two losses."""
    better = 0.24 * 0.01 * math.sqrt(2)
    assert better > MINIMUM_EFFECT
    made = [decide(record(noise(2 * seed) - better), of_champion(noise(2 * seed + 1))) for seed in range(500)]
    assert sum(each.decision == CHAMPION for each in made) >= 400


def test_losses_are_those_of_sklearn_by_session_of_labels_known_before_the_holdout() -> None:
    """The third session has no label yet, and that of the fourth ends in the holdout."""
    days = [FIRST + dt.timedelta(days=day) for day in range(4)]
    score = np.random.default_rng(1).random((4, 3))
    score[0, 0] = 1.0  # sure and wrong: the loss is that of the machine epsilon
    label: list[list[int | None]] = [[0, 1, 0], [1, 1, 0], [None] * 3, [1, 0, 1]]
    ends = [days[2], days[3], days[3], dt.date(2010, 2, 1)]
    rows = pl.DataFrame(
        [
            (days[day], "ABC"[place], float(score[day, place]), label[day][place], ends[day])
            for day in range(4)
            for place in range(3)
        ],
        schema={
            "session": pl.Date,
            "symbol": pl.String,
            "score": pl.Float64,
            "label": pl.Int8,
            "label_end": pl.Date,
        },
        orient="row",
    )
    found = losses_by_session(rows.sample(fraction=1.0, shuffle=True, seed=1), dt.date(2010, 2, 1))
    expected = {days[day]: log_loss(label[day], score[day], labels=[0, 1]) for day in (0, 1)}
    assert list(found) == list(expected)
    assert {day: each.loss for day, each in found.items()} == pytest.approx(expected, rel=1e-12)
    assert len({each.symbols for each in found.values()}) == 1
    without = losses_by_session(rows.filter(pl.col("symbol") != "C"), dt.date(2010, 2, 1))
    assert without[days[0]].symbols != found[days[0]].symbols
