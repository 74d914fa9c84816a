"""A holdout that was seen stays seen, through the file, whatever it is called the next time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from trading_assets.config.sections import Interval
from trading_assets.protocol import RETURNS, TEXTS, Entry, Protocol
from trading_assets.protocol.exposures import exposure
from trading_assets.protocol.looks import LookRefusedError, LookRequest, caps_of, standing
from trading_assets.protocol.recording import (
    Registering,
    contents_of,
    make_look,
    record_exposures,
    record_registrations,
    record_upgrade,
)
from trading_assets.protocol.records import Record
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets_tests.protocol.worlds import HOLDOUT, SESSIONS, make_bars

NOW = dt.datetime(2026, 1, 1)
OWN, RENAMED = ["A", "B", "C", "D"], ["P", "Q", "R", "S"]


def returns_of(symbols: Sequence[str], market: int = 0, end: dt.date = SESSIONS[-1]) -> pl.DataFrame:
    bars = make_bars(symbols, common=0.6, seed=market, market=market).with_columns(pl.col("adj_close") * 0.37)
    return equal_weight_returns([bars], symbols, SESSIONS[0], end)


def register(
    protocol: Protocol,
    *strategies: str,
    symbols: Sequence[str] = tuple(OWN),
    market: int = 0,
    holdout: Interval = HOLDOUT,
    plan: str = "p",
) -> None:
    entries = [
        Entry(
            "registration",
            strategy,
            {
                "registration_hash": None,
                "plan_hash": f"{plan} of {strategy}",
                "holdout": [holdout.start, holdout.end],
                "symbols": list(symbols),
                "weight": None,
                "received": {"until": None},
                "product_version": "1",
                "config_hash": "c",
            },
            {TEXTS: pl.DataFrame({"text": ["{}"]})},
        )
        for strategy in strategies
    ]
    registrations = [Registering(each, lambda: returns_of(symbols, market)) for each in entries]
    record_registrations(protocol, registrations, NOW)


def look(
    protocol: Protocol,
    strategy: str,
    registration: str = "r",
    *,
    symbols: Sequence[str] = tuple(OWN),
    market: int = 0,
    holdout: Interval = HOLDOUT,
    override: str | None = None,
    plan: str = "p",
) -> tuple[str, list[str]]:
    """What the look is worth in words, and its caps."""
    request = LookRequest(
        protocol.configuration,
        strategy,
        f"{registration} of {strategy}",
        "config",
        holdout,
        symbols,
        "{}",
        returns_of(symbols, market),
        override=override,
    )

    def is_same(record: Record, _: str) -> bool:
        return bool(record.payload["plan_hash"] == f"{plan} of {strategy}")

    records, made = make_look(protocol, request, is_same, NOW)
    return standing(records, made), caps_of(made)


@pytest.fixture
def seen(tmp_path: Path) -> Protocol:
    """A folder in which the holdout was looked at once, as the first time and for nothing."""
    protocol = Protocol(tmp_path, "main")
    register(protocol, "first")
    assert look(protocol, "first") == ("retrospective; unseen in this folder since 2026-01-01", [])
    return protocol


SHIFTED = Interval(start=HOLDOUT.start + dt.timedelta(days=1), end=HOLDOUT.end + dt.timedelta(days=1))


@pytest.mark.parametrize(
    ("configuration", "strategy", "symbols", "holdout"),
    [
        ("main", "another_name", OWN, HOLDOUT),
        ("another", "first", OWN, HOLDOUT),
        ("main", "a_copied_module", OWN, HOLDOUT),
        ("main", "renamed_and_rescaled", RENAMED, HOLDOUT),
        ("main", "shifted_by_a_day", OWN, SHIFTED),
        ("main", "one_symbol_more", [*OWN, "E"], HOLDOUT),
        ("main", "half_of_the_symbols", OWN[:2], HOLDOUT),
        ("main", "half_and_renamed", RENAMED[:2], HOLDOUT),
        ("main", "one_more_and_renamed", [*RENAMED, "T"], HOLDOUT),
    ],
)
def test_no_other_name_buys_a_first_look(
    seen: Protocol, configuration: str, strategy: str, symbols: list[str], holdout: Interval
) -> None:
    protocol = Protocol(seen.data, configuration)
    register(protocol, strategy, symbols=symbols, holdout=holdout)
    words, caps = look(protocol, strategy, symbols=symbols, holdout=holdout)
    assert caps == ["the holdout was exposed before its registration"]
    assert words.startswith("retrospective; seen before its registration: main/first (holdout) saw ")
    assert ("shared symbol" in words) == bool(set(OWN) & set(symbols))
    assert ("correlation 0." in words or "correlation 1." in words) != bool(set(OWN) & set(symbols))


@pytest.mark.parametrize("symbols", [OWN, RENAMED])
def test_a_span_that_was_swept_as_train_is_no_holdout(tmp_path: Path, symbols: list[str]) -> None:
    other = Protocol(tmp_path, "other")
    record_exposures(
        other, [exposure("sensitivity", "s", SESSIONS[0], SESSIONS[250], symbols, returns_of(symbols))], NOW
    )
    protocol = Protocol(tmp_path, "main")
    register(protocol, "s")
    words, caps = look(protocol, "s")
    assert caps and f"other/s (sensitivity) saw {HOLDOUT.start} to {SESSIONS[250]}" in words


def test_an_unrelated_market_is_no_exposure(seen: Protocol) -> None:
    register(seen, "unrelated", symbols=RENAMED, market=1)
    assert look(seen, "unrelated", symbols=RENAMED, market=1)[1] == []


def test_a_reason_buys_a_look_and_never_a_go(seen: Protocol) -> None:
    register(seen, "first", plan="q")
    with pytest.raises(LookRefusedError):
        look(seen, "first", "changed", plan="q")
    before = seen.read()
    _, caps = look(seen, "first", "changed", override="it was mistyped", plan="q")
    assert caps[-1] == "it is look 2, after a change (it was mistyped)"
    assert len(seen.read()) == len(before) + 1


def test_registrations_are_written_once_and_again_after_a_change(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "main")
    register(protocol, "a", "b")
    register(protocol, "a", "b")
    register(protocol, "a", plan="q")
    register(protocol, "a", plan="p")
    own = [record for record in protocol.read() if record.kind == "registration"]
    assert [each.subject for each in own] == ["a", "b", "a", "a"]
    returns = contents_of(protocol, protocol.read()).returns[own[1].row]
    assert returns.equals(protocol.contents(RETURNS, own[1:2]).select("session", "value"))


def test_an_upgrade_is_written_once(tmp_path: Path) -> None:
    protocol = Protocol(tmp_path, "main")
    said = {"old_hash": "a", "new_hash": "b", "old_version": "1", "new_version": "2", "reason": "words"}
    for _ in range(2):
        record_upgrade(protocol, "s", said, NOW)
    record_upgrade(protocol, "s", {**said, "new_version": "3"}, NOW)
    assert [each.payload["new_version"] for each in protocol.read() if each.kind == "upgrade"] == ["2", "3"]
