"""An idea that is looked at again and again, on other sessions or under other names, pays more each time."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from trading_assets.config.sections import Interval
from trading_assets.protocol.batches import alpha_of
from trading_assets.protocol.exposures import NO_CONTENTS, Contents
from trading_assets.protocol.looks import LookRequest, caps_of, decide_look, history_of, look_of, registered_since
from trading_assets.protocol.prices import Idea, idea_of, price_of, returns_of_ideas
from trading_assets.protocol.records import Entry, Record
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets_tests.protocol.worlds import SESSIONS, chain, make_bars, registered

SPANS = [Interval(start=SESSIONS[first], end=SESSIONS[first + 79]) for first in (0, 80, 160, 240, 320)]
MOMENTUM = Idea("momentum")
#: Daily returns on train and validation of what was looked at, by registration: contents of the records.
EARNED: dict[str, pl.DataFrame] = {}


def looked(
    records: list[Record],
    span: Interval,
    idea: Idea = MOMENTUM,
    strategy: str = "s",
    *,
    symbols: tuple[str, ...] = ("A", "B"),
    market: int = 0,
    configuration: str = "main",
    registration: str | None = None,
    **more: Any,
) -> tuple[list[Record], Record]:
    """Register a strategy on a span and look at it; the records then, and that of the look."""
    returns = equal_weight_returns(
        [make_bars(symbols, common=0.7, seed=market, market=market)], symbols, SESSIONS[0], SESSIONS[-1]
    )
    hash_of_it = registration or f"{configuration} {strategy} {span.start}"
    holdout = [span.start.isoformat(), span.end.isoformat()]
    plan = registered(strategy, symbols, holdout=holdout, plan_hash=hash_of_it)
    records = chain(plan, configuration=configuration, after=records)
    own = {each.row: returns for each in records if set(each.payload.get("symbols", ())) == set(symbols)}
    own |= {each.row: EARNED[each.payload["registration_hash"]] for each in returns_of_ideas(records)}
    contents = Contents(own, {})
    if "own_returns" in more:
        EARNED[hash_of_it] = more["own_returns"]
    asked = LookRequest(configuration, strategy, hash_of_it, "c", span, symbols, "{}", returns, idea=idea, **more)
    since = registered_since(records, asked.member, lambda each: each.payload["plan_hash"] == hash_of_it)
    records = chain(*decide_look(records, asked, since, contents), configuration=configuration, after=records)
    found = look_of(records, asked.member, hash_of_it)
    assert found is not None
    return records, found


def test_the_rates_of_all_looks_at_an_idea_sum_to_a_bound() -> None:
    """The sum of 1 / k^2 is pi^2 / 6 = 1.6449: 8.2 % of 5 %, however often somebody looks."""
    assert [price_of(looks) for looks in range(3)] == [1.0, 0.25, pytest.approx(1 / 9)]
    assert 0.05 * sum(map(price_of, range(100_000))) < 0.0823


def test_disjoint_holdouts_of_one_idea_share_a_price_and_need_no_reason() -> None:
    """5 %, 5 % / 4, 5 % / 9: each is the first look at its holdout, and none is capped for being a further one."""
    records: list[Record] = []
    alphas = []
    for span in SPANS[:3]:
        records, made = looked(records, span)
        alphas.append(alpha_of(records, ("main", "s")))
        assert (made.payload["of_holdout"], made.payload["override"], caps_of(made)) == (1, None, [])
    assert alphas == pytest.approx([0.05, 0.05 / 4, 0.05 / 9])
    assert history_of(records, ("main", "s")).endswith(
        "After 2 looks at the same idea or holdout this one has 1/9 of its batch's error rate."
    )


@pytest.mark.parametrize(
    ("more", "looks"),
    [
        ({"strategy": "renamed"}, 1),
        ({"configuration": "two"}, 1),
        ({"configuration": "two", "strategy": "renamed", "symbols": ("A", "C", "D")}, 1),
        ({"configuration": "two", "idea": Idea("copied.module", "code")}, 1),
        ({"configuration": "two", "idea": Idea("another.module", "other code")}, 0),
        ({"idea": Idea("another.module", "other code")}, 1),  # its module edited and renamed, its name as it was
        ({"configuration": "two", "symbols": ("X", "Y"), "market": 9}, 0),
    ],
)
def test_an_idea_is_its_module_and_its_market(more: dict[str, Any], looks: int) -> None:
    """Neither another name, configuration, holdout or copy of the module is a new idea; another market is."""
    records, _ = looked([], SPANS[0], Idea("own.module", "code"))
    records, made = looked(records, SPANS[2], **{"idea": Idea("own.module", "code"), **more})
    assert made.payload["looks_before"] == looks


def earned(noise: float, *, sign: int = 1, late: int = 0) -> pl.DataFrame:
    """Returns of one idea with noise of its own, n beside 1: the correlation is 1 / sqrt(1 + n^2)."""
    common, own = (np.random.default_rng(seed).normal(0, 0.01, 300) for seed in (1, 2))
    values = sign * np.roll(common, late) + noise * own
    return pl.DataFrame({"session": SESSIONS[:300], "value": values})


@pytest.mark.parametrize(
    ("own_returns", "looks"),
    [
        (earned(0.0), 1),
        (earned(0.4), 1),  # 1 / sqrt(1.16) = 0.93
        (earned(0.6), 0),  # 1 / sqrt(1.36) = 0.86
        (earned(0.1, sign=-1), 1),
        (earned(0.1, late=1), 1),
        (earned(0.0).tail(19), 0),  # too few sessions in common to tell
        (None, 0),
    ],
)
def test_a_module_that_was_edited_and_renamed_is_known_by_what_it_earned(
    own_returns: pl.DataFrame | None, looks: int
) -> None:
    """Another module, strategy, configuration and holdout, in the same market."""
    records, _ = looked([], SPANS[0], Idea("own.module", "code"), own_returns=earned(0.0))
    assert [each.kind for each in records][-3:] == ["batch", "evidence", "look"]
    other: dict[str, Any] = {"strategy": "renamed", "configuration": "two", "idea": Idea("new.module", "edited code")}
    records, made = looked(records, SPANS[2], **other, own_returns=own_returns)
    assert made.payload["looks_before"] == looks
    assert made.payload["price"] == 1 / (1 + looks) ** 2


def test_what_earned_the_same_in_another_market_is_another_idea() -> None:
    records, _ = looked([], SPANS[0], Idea("own.module", "code"), own_returns=earned(0.0))
    other: dict[str, Any] = {"configuration": "two", "symbols": ("X", "Y"), "market": 9, "idea": Idea("new", "new")}
    assert looked(records, SPANS[2], **other, own_returns=earned(0.0))[1].payload["looks_before"] == 0


def test_who_is_registered_later_on_the_same_sessions_joins_the_price_whatever_the_idea() -> None:
    """Of the same configuration in an unrelated market, so that nothing of the first look exposes it."""
    records, _ = looked([], SPANS[0])
    other: dict[str, Any] = {"symbols": ("X", "Y"), "market": 9}
    records, made = looked(records, SPANS[0], Idea("reversion"), "t", **other)
    assert (made.payload["exposures"], made.payload["price"]) == (0, 0.25)
    assert looked(records, SPANS[3], Idea("reversion"), "u", configuration="two", **other)[1].payload["price"] == 0.25
    assert looked(records, SPANS[3], Idea("pairs"), "u", configuration="two", **other)[1].payload["price"] == 1.0


def test_a_batch_that_was_looked_at_is_one_look() -> None:
    """Twenty strategies of one batch shared 5 %: the idea was looked at once, and each of them pays for no other."""
    names = [f"s{number}" for number in range(20)]
    records = chain(
        *(registered(name, holdout=_days(SPANS[0]), plan_hash=f"main {name} {SPANS[0].start}") for name in names)
    )
    for name in names:
        records, made = looked(records, SPANS[0], strategy=name)
        assert made.payload["price"] == 1.0
    assert looked(records, SPANS[4], strategy="late")[1].payload["looks_before"] == 1


def test_an_overlapping_holdout_is_a_further_look() -> None:
    """One day in common: it takes a reason, and it is conditional at best."""
    records, _ = looked([], SPANS[0])
    shifted = Interval(start=SPANS[0].end, end=SPANS[1].end)
    records, made = looked(records, shifted, override="the span was mistyped")
    assert caps_of(made)[-1] == "it is look 2, after a change (the span was mistyped)"


def test_the_idea_of_a_look_that_does_not_say_it_is_that_of_its_registration() -> None:
    said = {"registration_hash": "old", "look": 1, "override": None, "imported": {}}
    records = chain(Entry("registration", "s", {"registration_hash": "old", "imported": {}}), Entry("look", "s", said))
    text = json.dumps({"type": "trading_assets.strategies.momentum"})
    assert idea_of(records[1], records, Contents({}, {1: text})) == MOMENTUM
    assert not MOMENTUM.is_that_of(idea_of(records[1], records, NO_CONTENTS))


def _days(span: Interval) -> list[str]:
    return [day.isoformat() for day in (span.start, span.end) if isinstance(day, dt.date)]
