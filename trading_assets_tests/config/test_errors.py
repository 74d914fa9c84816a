"""One block says what, where, what was expected and what to do."""

from __future__ import annotations

from pathlib import Path

from trading_assets.config.errors import SHOWN, KeyPath, block, known_part, shortened


def test_a_block_has_the_line_of_the_nearest_key_of_the_file() -> None:
    lines: dict[KeyPath, int] = {("a",): 3, ("a", "b"): 4}
    assert known_part(("a", "b", "c"), lines) == ("a", "b")
    assert block(Path("f.yaml"), lines, ("a", "b", "c"), "what", "that", "this").splitlines() == [
        "what",
        "  file: f.yaml, line 4",
        "  key: a.b.c",
        "  expected: that",
        "  what to do: this",
    ]


def test_what_is_shown_is_short_and_can_be_printed() -> None:
    assert shortened("plain") == "plain"
    assert shortened("a\x1b[31m\n") == "a\\x1b[31m\\n"
    assert shortened("x" * 1000) == "x" * SHOWN + "..."
