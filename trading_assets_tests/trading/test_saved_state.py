"""The text of a state: the same state, the same text; what comes back is what was saved; another layout is refused."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace

import numpy as np
import pytest

from trading_assets.backtests.running_backtest import RunningBacktest, SavedBacktest
from trading_assets.trading import saved_state
from trading_assets.trading.saved_state import StateLayoutError, decode, encode
from trading_assets_tests.backtests.frames import frames, loaded, prepare_strategy, weekdays

DAYS = weekdays(300)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedBacktest:
    prepared = prepare_strategy(loaded(tmp_path_factory.mktemp("small")), "breakout", frames(300))
    running = RunningBacktest(prepared, DAYS[80], split="train")
    running.advance(DAYS[250])
    return running.save()


def test_what_comes_back_is_what_was_saved(saved: SavedBacktest) -> None:
    found = decode(encode(saved))
    for name, array in saved.run._asdict().items():
        again = getattr(found.run, name)
        assert again.dtype == array.dtype, name
        assert again.tobytes() == array.tobytes(), name
        assert again.flags.writeable
    assert (found.sessions, found.symbols, found.slots) == (saved.sessions, saved.symbols, saved.slots)
    assert (found.pairs, found.triggers, found.exits) == (saved.pairs, saved.triggers, saved.exits)
    assert saved.run.fills.size > 0


def test_the_same_state_has_the_same_text(saved: SavedBacktest) -> None:
    assert encode(saved) == encode(decode(encode(saved)))


def test_another_layout_is_refused(saved: SavedBacktest, monkeypatch: pytest.MonkeyPatch) -> None:
    text = encode(saved)
    monkeypatch.setattr(saved_state, "LAYOUT", 3)
    with pytest.raises(StateLayoutError, match="layout 2, this version reads layout 3"):
        decode(text)


def test_an_array_of_another_engine_is_refused_under_the_same_number(saved: SavedBacktest) -> None:
    """A field of another type or with another name has another meaning, whatever the layout's number says."""
    held = saved.run._replace(held=saved.run.held.astype(np.int32))
    with pytest.raises(StateLayoutError, match="its held is none of this version's engine"):
        decode(encode(replace(saved, run=held)))
    account = saved.run.account
    names = ["money" if name == "cash" else name for name in account.dtype.names or ()]
    renamed = account.astype(np.dtype([(name, account.dtype[place]) for place, name in enumerate(names)]))
    with pytest.raises(StateLayoutError, match="its account is none of this version's engine"):
        decode(encode(replace(saved, run=saved.run._replace(account=renamed))))


def test_a_text_is_small_for_what_it_holds(saved: SavedBacktest) -> None:
    """Most numbers behind a decision play no part: they take no room."""
    whole = sum(array.nbytes for array in saved.run._asdict().values())
    assert len(encode(saved)) < whole / 2
    assert len(zlib.decompress(base64.b64decode(encode(saved)))) > whole
    assert isinstance(saved.run.account, np.ndarray)
