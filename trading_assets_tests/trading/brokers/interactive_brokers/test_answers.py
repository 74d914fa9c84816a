"""Numbers that TWS answers with: which say no, and in which words."""

from __future__ import annotations

import pytest

from trading_assets.trading.brokers.interactive_brokers.answers import in_words, informs_only, is_known


@pytest.mark.parametrize("code", [2104, 2106, 2158, 2109, 399, 404, 10167, 10349])
def test_notes_say_no_to_nothing(code: int) -> None:
    assert informs_only(code)
    assert is_known(code)


@pytest.mark.parametrize("code", [110, 200, 201, 202, 203, 321, 326, 10147, 10243])
def test_refusals_are_no_notes(code: int) -> None:
    assert not informs_only(code)


def test_words_have_the_number_and_what_was_said_on_one_line() -> None:
    assert in_words(201, "Order rejected - reason:<br>No  margin\n") == (
        "IB rejected it (201: Order rejected - reason: No margin)"
    )
    assert not is_known(12_345)
    assert in_words(12_345, "new") == "TWS says no (12345: new)"
