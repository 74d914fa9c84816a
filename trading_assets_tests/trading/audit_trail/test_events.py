"""What belongs on the trail: each row once, stops where they move, words by whoever said them."""

from __future__ import annotations

import ast
import datetime as dt
import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from trading_assets.protocol import Protocol
from trading_assets.trading import halt as halts
from trading_assets.trading.audit_trail.events import (
    _WORDS,
    TRAIL,
    events_of_rows,
    events_of_sheet,
    events_on_record,
    new_events,
)
from trading_assets.trading.audit_trail.tables import EVENTS
from trading_assets.trading.halt import halt
from trading_assets.trading.tables import HOLDINGS, ORDER_SHEETS
from trading_assets.warehouse import Rows
from trading_assets_tests.trading.audit_trail.events_of_a_week import ACCOUNT, NOW, STRATEGY, place, send

NOTHING: frozenset[tuple[str, str]] = frozenset()


def holding(day: int, stop: float | None) -> dict[str, object]:
    return {
        "strategy": STRATEGY,
        "account": ACCOUNT,
        "label": "paper, verdict reject",
        "session": dt.date(2017, 8, day),
        "symbol": "AAA",
        "pair_id": None,
        "quantity": 10.0,
        "mark": 50.0,
        "weight": 0.01,
        "entry_session": dt.date(2017, 8, 1),
        "entry_price": 50.0,
        "stop_price": stop,
        "trade_id": "breakout-1-AAA-20170801",
    }


def test_a_stop_is_an_event_where_it_is_new_or_moves(tmp_path: Path) -> None:
    warehouse, _ = place(tmp_path)
    rows = [holding(day, stop) for day, stop in ((1, None), (2, 45.0), (3, 45.0), (4, 46.5))]
    warehouse.replace(Rows("strategy", STRATEGY), {HOLDINGS: HOLDINGS.conform(pl.DataFrame(rows))})
    found = events_of_rows(warehouse, STRATEGY, NOTHING)
    assert found["event"].unique().to_list() == ["stop"]
    said = [json.loads(text) for text in found["detail"]]
    assert [(row["session"], row["previous_stop"], row["stop_price"]) for row in said] == [
        ("2017-08-02", None, 45.0),
        ("2017-08-04", 45.0, 46.5),
    ]


def test_what_is_known_is_left_out(tmp_path: Path) -> None:
    warehouse, _ = place(tmp_path)
    for number in (1, 2):
        send(warehouse, number)
    known = frozenset([("intended", "order-1/intended")])
    assert events_of_rows(warehouse, STRATEGY, known)["reference"].to_list() == ["order-2/intended"]
    found = events_of_rows(warehouse, STRATEGY, NOTHING)
    assert new_events([found, found], known)["reference"].to_list() == ["order-2/intended"]
    assert events_of_rows(warehouse, "wide", NOTHING).is_empty()


def test_a_line_of_a_sheet_that_is_made_otherwise_is_another_event() -> None:
    line = dict.fromkeys(ORDER_SHEETS.columns)
    line |= {"strategy": STRATEGY, "account": ACCOUNT, "client_order_id": "ta-1", "session": dt.date(2017, 8, 1)}
    same, other = (
        ORDER_SHEETS.conform(pl.DataFrame([line | {"status": status}], infer_schema_length=None))
        for status in ("ready", "blocked")
    )
    references = [events_of_sheet(sheet)["reference"].item() for sheet in (same, same, other)]
    assert references[0] == references[1] != references[2]
    assert {each.rsplit("/", 1)[0] for each in references} == {"ta-1/2017-08-01"}


def test_words_on_record_are_events_and_ends_of_the_trail_are_none(tmp_path: Path) -> None:
    _, configuration = place(tmp_path)
    protocol = Protocol.of(configuration)
    halt(configuration, by="ops", reason="why", now=NOW)
    protocol.append("account", None, {"action": "trail", "month": "2017-07"}, now=NOW)
    rows = [{"difference_id": name, "account": ACCOUNT, "session": "2017-08-01", "symbol": "AAA"} for name in "ab"]
    protocol.append("account", STRATEGY, {"action": "difference", "rows": rows}, now=NOW)
    found = events_on_record(protocol.read(), configuration.name, NOTHING)
    assert found["event"].to_list() == ["halt", "difference", "difference"]
    assert found["session"].to_list() == [None, dt.date(2017, 8, 1), dt.date(2017, 8, 1)]
    assert found["strategy"].to_list() == [None, STRATEGY, STRATEGY]
    assert found["reference"].n_unique() == 3
    assert events_on_record(protocol.read(), "another", NOTHING).is_empty()


def test_a_closing_and_steps_of_a_strategy_are_entered_by_their_own_word_and_name(tmp_path: Path) -> None:
    """`close` is the word of a session; a stage is on record of `strategy/<name>`, and that of a model is of all."""
    _, configuration = place(tmp_path)
    protocol = Protocol.of(configuration)
    said = {"action": "close", "account": ACCOUNT, "session": "2017-08-01", "by": "ops", "reason": "over"}
    protocol.append("account", STRATEGY, said, now=NOW)
    for subject in (f"strategy/{STRATEGY}", "model/gate"):
        protocol.append("account", subject, {"action": "rollout", "stage": "off"}, now=NOW)
    found = events_on_record(protocol.read(), configuration.name, NOTHING)
    assert found["event"].to_list() == ["closing", "rollout", "rollout"]
    assert found["strategy"].to_list() == [STRATEGY, STRATEGY, None]
    assert json.loads(found["detail"][2])["subject"] == "model/gate"


def actions_in_the_code() -> Iterator[str]:
    """What dictionaries of the stage have as `action`: the words of its records, and of decisions on champions."""
    root = Path(importlib.import_module("trading_assets").__file__ or "").parent
    for file in sorted((root / "trading").rglob("*.py")):
        module = importlib.import_module(".".join(file.relative_to(root.parent).with_suffix("").parts))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
                if isinstance(key, ast.Constant) and key.value == "action":
                    word = value.value if isinstance(value, ast.Constant) else getattr(module, ast.unparse(value), None)
                    if word is not None:
                        yield str(word)


def test_every_word_of_the_record_is_explained() -> None:
    words = {*actions_in_the_code(), halts._HALT, halts._RESUME} - {TRAIL}
    assert {"open", "close", "rollout", "rollout_sheet", "alarm", "slippage", "difference", "accept"} <= words
    assert {_WORDS.get(word, word) for word in words} <= set(EVENTS)
