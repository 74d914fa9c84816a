"""What a look is worth is decided by what was on record before it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from trading_assets.protocol.exposures import NO_CONTENTS, exposure
from trading_assets.protocol.looks import (
    LookRefusedError,
    LookRequest,
    caps_of,
    decide_look,
    look_of,
    looks_of,
    registered_since,
    result_payload,
    seen_but_unknown,
    standing,
)
from trading_assets.protocol.records import Entry, Record
from trading_assets.protocol.universe_returns import equal_weight_returns
from trading_assets_tests.protocol.worlds import HOLDOUT, SESSIONS, START, chain, make_bars, registered

OWN = ["A", "B"]
RETURNS = equal_weight_returns([make_bars(OWN, common=0.5, seed=1)], OWN, SESSIONS[0], SESSIONS[-1])
FOLDER = Entry("folder", None, {"id": "0"})


def request(strategy: str = "s", registration: str = "r1", **more: Any) -> LookRequest:
    return LookRequest("main", strategy, registration, "config", HOLDOUT, OWN, "{}", RETURNS, **more)


def look(records: list[Record], asked: LookRequest) -> tuple[list[Record], Record]:
    """Make a look at what is registered; the records then, and that of the look."""
    since = registered_since(records, asked.member, lambda record: True)
    records = chain(*decide_look(records, asked, since, NO_CONTENTS), after=records)
    found = look_of(records, asked.member, asked.registration_hash)
    assert found is not None
    return records, found


def seen(stage: str = "backtests", end: dt.date = SESSIONS[-1]) -> Entry:
    return exposure(stage, "other", SESSIONS[0], end, OWN, RETURNS)


def test_a_first_look_needs_nothing_and_costs_nothing() -> None:
    records, made = look(chain(FOLDER, registered("s")), request())
    assert [each.kind for each in records] == ["folder", "registration", "batch", "look"]
    assert (made.payload["look"], made.payload["override"], caps_of(made)) == (1, None, [])
    assert standing(records, made) == "retrospective; unseen in this folder since 2026-01-01"


def test_the_same_registration_is_no_further_look() -> None:
    records, made = look(chain(FOLDER, registered("s")), request())
    assert look(records, request(override="never needed here")) == (records, made)


@pytest.mark.parametrize("stage", ["sensitivity", "models", "signals"])
def test_what_was_evaluated_before_the_registration_is_an_exposure(stage: str) -> None:
    records, made = look(chain(FOLDER, seen(stage), registered("s")), request())
    assert caps_of(made) == ["the holdout was exposed before its registration"]
    assert standing(records, made) == (
        f"retrospective; seen before its registration: main/other ({stage}) saw {HOLDOUT.start} to {HOLDOUT.end} "
        "on 2026-01-01, 2 shared symbols: A, B"
    )


def test_what_was_evaluated_after_the_registration_is_none() -> None:
    _, made = look(chain(FOLDER, registered("s"), seen()), request())
    assert caps_of(made) == []


def test_own_development_before_the_holdout_is_none() -> None:
    _, made = look(chain(FOLDER, seen(end=SESSIONS[199]), registered("s")), request())
    assert caps_of(made) == []


@pytest.mark.parametrize(
    ("configuration", "state", "count"),
    [("main", {"state": "c"}, 0), ("main", {"state": "d"}, 1), ("two", {"state": "c"}, 1), ("main", {}, 1)],
)
def test_scores_that_the_registration_unlocked_in_the_same_run_are_its_own(
    configuration: str, state: dict[str, str], count: int
) -> None:
    """Scores of a model stand before the registrations that unlock it, if nothing was changed in between.

    An earlier version did not say of which code and data they were.
    """
    more = {"opened_by": ["other"], "config_hash": "c", **state}
    scores = exposure("models", "m", SESSIONS[0], SESSIONS[-1], OWN, RETURNS, more)
    records = chain(
        registered("s", config_hash="c", state="c"), after=chain(FOLDER, scores, configuration=configuration)
    )
    _, made = look(records, request())
    assert made.payload["exposures"] == count


def test_members_of_a_batch_do_not_expose_each_other_and_who_comes_later_is_exposed() -> None:
    records, _ = look(chain(FOLDER, registered("s"), registered("t")), request())
    records, second = look(records, request("t", "r2"))
    assert caps_of(second) == []
    records, third = look(chain(registered("u"), after=records), request("u", "r3"))
    assert third.payload["exposures"] == 2
    assert "main/s (holdout) saw" in standing(records, third)


def test_a_change_needs_a_new_reason_and_is_capped_for_ever() -> None:
    records, _ = look(chain(FOLDER, registered("s")), request())
    changed = request(registration="r2", changed=["share: 0.1 -> 0.2"])
    with pytest.raises(LookRefusedError, match=r"(?s)changed: share: 0\.1 -> 0\.2.*a reason for a further look"):
        look(records, changed)
    records, second = look(records, replace(changed, override="the share was mistyped"))
    assert second.payload["override"] == "the share was mistyped"
    assert caps_of(second) == ["it is look 2, after a change (the share was mistyped)"]
    with pytest.raises(LookRefusedError, match="was given for look 2"):
        look(records, request(registration="r3", override="the share was mistyped"))


def test_thirty_overridden_looks_are_thirty_capped_looks() -> None:
    records, _ = look(chain(FOLDER, registered("s")), request())
    for number in range(2, 32):
        records, made = look(records, request(registration=f"r{number}", override=f"reason number {number}"))
        assert made.payload["look"] == number and caps_of(made)
    assert len(looks_of(records, ("main", "s"))) == 31


def test_a_registration_stands_since_it_last_came_back() -> None:
    """Registered as p, then q, then p again: it stands since the third record, and what was seen between counts."""
    records = chain(registered("s", plan_hash="p"), registered("s", plan_hash="q"), seen())
    records = chain(registered("s", plan_hash="p"), registered("s", plan_hash="p"), after=records)
    since = registered_since(records, ("main", "s"), lambda record: record.payload["plan_hash"] == "p")
    assert since is not None and since.row == 4
    made = decide_look(records, request(), since, NO_CONTENTS)[-1]
    assert made.payload["exposures"] == 1
    assert registered_since(records, ("main", "s"), lambda record: record.payload["plan_hash"] == "r") is None


def test_what_is_not_on_record_as_registered_was_exposed_by_all() -> None:
    made = decide_look(chain(registered("s"), seen()), request(), None, NO_CONTENTS)[-1]
    assert made.payload["exposures"] == 1


@pytest.mark.parametrize(
    ("first", "word"), [(dt.date(2025, 1, 1), "retrospective"), (dt.date(2027, 1, 1), "prospective")]
)
def test_prospective_by_the_date_of_the_export(first: dt.date, word: str) -> None:
    """The export is of 2026-01-01: a holdout of 2027 begins after it, one of 2025 began before."""
    asked = replace(request(), holdout=type(HOLDOUT)(start=first, end=first.replace(year=first.year + 1)))
    records, made = look(chain(FOLDER, registered("s"), Entry("export", None, {"rows": 2})), asked)
    assert standing(records, made).startswith(word)
    _, without = look(chain(FOLDER, Entry("export", None, {"rows": 1}), registered("s")), asked)
    assert without.payload["prospective"] is False


def test_a_look_without_a_result_counts_as_seen() -> None:
    records, made = look(chain(FOLDER, registered("s")), request())
    assert [each.row for each in seen_but_unknown(records, ("main", "s"))] == [made.row]
    result = result_payload(made, verdict="go", sharpe=1.5, bets=60.0, product_version="1")
    records = chain(Entry("result", "s", result), after=records)
    assert seen_but_unknown(records, ("main", "s")) == []


def test_imported_looks_keep_their_numbers_and_are_a_batch_of_their_own() -> None:
    imported = [
        Entry("look", name, {"registration_hash": f"old {name}", "look": 1, "override": None, "imported": {}})
        for name in "st"
    ]
    records, made = look(chain(FOLDER, *imported, registered("s")), request(registration="old s"))
    assert made.payload["look"] == 1 and caps_of(made) == []
    batches = [each for each in records if each.kind == "batch"]
    assert [each.payload["m"] for each in batches] == [2]
    _, second = look(records, request(registration="new", override="a reason to look again"))
    assert second.payload["look"] == 2 and second.recorded_at > START
