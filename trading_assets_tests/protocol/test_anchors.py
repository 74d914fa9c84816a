"""Exported lines: what they say, and that a protocol which was rewritten as a whole does not pass them."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trading_assets.protocol import Protocol
from trading_assets.protocol.anchors import (
    Anchor,
    AnchorError,
    assert_anchored,
    export_anchor,
    read_anchors,
    write_anchor,
)

NOON = dt.datetime(2026, 11, 21, 12)


def look(protocol: Protocol, strategy: str) -> None:
    protocol.append("look", strategy, {}, now=NOON)


@pytest.fixture
def protocol(tmp_path: Path) -> Protocol:
    """Three records: that of the folder and two looks."""
    protocol = Protocol(tmp_path / "data", "research")
    look(protocol, "a")
    look(protocol, "b")
    return protocol


def test_export_says_the_end_and_is_on_record(protocol: Protocol) -> None:
    before = protocol.read()
    anchor = export_anchor(protocol, NOON)
    assert anchor == Anchor(before[0].payload["id"], 3, before[2].row_hash, NOON)
    assert json.loads(anchor.line) == {
        "folder": before[0].payload["id"],
        "count": 3,
        "head": before[2].row_hash,
        "date": "2026-11-21T12:00:00",
    }
    added = protocol.read()[3]
    assert (added.kind, added.payload["count"], added.payload["row_hash"]) == ("export", 3, before[2].row_hash)


def test_export_of_a_new_folder_begins_it(tmp_path: Path) -> None:
    assert export_anchor(Protocol(tmp_path, "research"), NOON).count == 1


def test_lines_stay_true_as_the_protocol_grows(protocol: Protocol, tmp_path: Path) -> None:
    file = tmp_path / "kept.txt"
    for strategy in "cd":
        write_anchor(file, export_anchor(protocol, NOON))
        look(protocol, strategy)
    anchors = read_anchors(file)
    assert [anchor.count for anchor in anchors] == [3, 5]
    for anchor in anchors:
        assert_anchored(protocol.read(), anchor)


def rewritten(protocol: Protocol, *strategies: str) -> Protocol:
    """The protocol made anew from the record of the folder on, everything consistent in itself."""
    identity = protocol.read()[0].payload["id"]
    shutil.rmtree(protocol.data)
    forged = Protocol(protocol.data, "research")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("secrets.token_hex", lambda size: identity)
        for strategy in strategies:
            look(forged, strategy)
    return forged


def another_folder(protocol: Protocol) -> Protocol:
    other = Protocol(protocol.data / "other", "research")
    look(other, "a")
    look(other, "b")
    return other


REWRITTEN: dict[str, tuple[Callable[[Protocol], Protocol], str]] = {
    "a look taken out": (lambda protocol: rewritten(protocol, "a"), "there are 2 records now"),
    "a look replaced": (lambda protocol: rewritten(protocol, "a", "x"), "record 3 is another one now"),
    "replaced, and more after it": (lambda protocol: rewritten(protocol, "x", "b", "c"), "record 3 is another one now"),
    "nothing there": (lambda protocol: Protocol(protocol.data / "empty", "research"), "has no protocol"),
    "another folder": (another_folder, "is another one"),
}


@pytest.mark.parametrize("kind", REWRITTEN)
def test_a_protocol_that_was_rewritten_does_not_pass(protocol: Protocol, kind: str) -> None:
    anchor = export_anchor(protocol, NOON)
    rewrite, named = REWRITTEN[kind]
    with pytest.raises(AnchorError, match=named):
        assert_anchored(rewrite(protocol).read(), anchor)


HASH = "f" * 64
DATE = '"date":"2026-11-21T12:00:00"'
ABSURD = {
    "empty": "",
    "no JSON": "hello",
    "zeroed": "\0" * 170,
    "a list": "[1, 2]",
    "a key less": f'{{"count":3,"folder":"a","head":"{HASH}"}}',
    "negative": f'{{"count":-3,"folder":"a","head":"{HASH}",{DATE}}}',
    "NaN": f'{{"count":NaN,"folder":"a","head":"{HASH}",{DATE}}}',
    "1e400": f'{{"count":1e400,"folder":"a","head":"{HASH}",{DATE}}}',
    "a list for a number": f'{{"count":[3],"folder":"a","head":"{HASH}",{DATE}}}',
    "true": f'{{"count":true,"folder":"a","head":"{HASH}",{DATE}}}',
    "many digits": f'{{"count":{"9" * 5_000},"folder":"a","head":"{HASH}",{DATE}}}',
    "no hash": f'{{"count":3,"folder":"a","head":"x",{DATE}}}',
    "year 0": f'{{"count":3,"folder":"a","head":"{HASH}","date":"0000-01-01T00:00:00"}}',
    "nested deep": "[" * 100_000,
    "huge": " " * 1_500_000,
    "not ASCII": "é",
}


@pytest.mark.parametrize("kind", ABSURD)
def test_an_absurd_file_is_one_block(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "kept.txt"
    file.write_text(ABSURD[kind], encoding="utf-8")
    with pytest.raises(AnchorError, match=r"file: .*kept\.txt"):
        read_anchors(file)


def test_a_file_that_cannot_be_opened_is_one_block(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.txt"):
        with pytest.raises(AnchorError, match="cannot read the exported line"):
            read_anchors(path)
    with pytest.raises(AnchorError, match="cannot write the exported line"):
        write_anchor(tmp_path, Anchor("a", 1, HASH, NOON))
