"""Errors without the secrets that they quote, with what they were raised from."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from trading_assets.asset_factories.quoted_secrets import HiddenError, cleaned, secrets_hidden
from trading_assets_tests.monitoring.rules.situations import configured

KEY = "the-planted-key"


class FixedError(Exception):
    """Says what it likes, whatever its arguments are."""

    def __str__(self) -> str:
        return f"fixed: {KEY}"


def raised_from(error: Exception, cause: Exception | None) -> Exception:
    try:
        raise error from cause
    except Exception as made:
        return made


def test_the_texts_of_a_chain_are_changed_and_their_types_stay() -> None:
    inner = ValueError(f"asked with {KEY}", 3)
    error = raised_from(KeyError(f"{KEY} is unknown"), inner)
    assert cleaned(error, [KEY])
    assert error.args == ("*** is unknown",) and inner.args == ("asked with ***", 3)


def test_what_cannot_be_changed_is_replaced_or_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_API_KEY", KEY)
    configuration = configured(tmp_path, market_data=[{"source": "polygon", "symbols": ["A"]}])
    with pytest.raises(HiddenError, match=r"FixedError: fixed: \*\*\*"), secrets_hidden(configuration):
        raise FixedError
    error = raised_from(RuntimeError("no"), FixedError())
    assert cleaned(error, [KEY]) and error.__cause__ is None and error.__context__ is None


def test_notes_and_members_of_a_group_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback prints both; the text of a group itself cannot be changed."""
    noted = ValueError("no")
    noted.add_note(f"asked at {KEY}")
    group = ExceptionGroup("two failed", [ExceptionGroup("one", [KeyError(KEY)]), noted])
    assert cleaned(raised_from(RuntimeError("no"), group), [KEY])
    assert KEY not in "".join(traceback.format_exception(group))
    monkeypatch.setenv("POLYGON_API_KEY", KEY)
    configuration = configured(tmp_path, market_data=[{"source": "polygon", "symbols": ["A"]}])
    with pytest.raises(HiddenError, match=r"ExceptionGroup: with \*\*\*"), secrets_hidden(configuration):
        raise ExceptionGroup(f"with {KEY}", [ValueError("no")])
    with pytest.raises(HiddenError), secrets_hidden(configuration):
        raise ExceptionGroup("one", [FixedError()])


def test_an_error_that_quotes_nothing_is_the_same(tmp_path: Path) -> None:
    error = ValueError("no bars", 7)
    with pytest.raises(ValueError, match="no bars") as found, secrets_hidden(configured(tmp_path)):
        raise error
    assert found.value is error and error.args == ("no bars", 7)
