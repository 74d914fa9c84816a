"""The state of a running account as text: what its next session goes on from.

The text is the engine's arrays byte by byte behind a header that names their layout, compressed, in base 64: the same
state has the same text. A state of another layout is refused, never guessed at.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from trading_assets.backtests.engine.dtypes import ACCOUNT, DECISION, FILL, ORDER, POSITION, SPREAD, TRADE
from trading_assets.backtests.engine.resumable_run import SavedRun
from trading_assets.backtests.running_backtest import SavedBacktest
from trading_assets.config.canonical import canonical, digest
from trading_assets.protocol import Record
from trading_assets.trading.runs_on_record import runs_on_record

#: Raise it when the engine's state gains or loses a field, or one of its fields another meaning.
LAYOUT = 2
#: Types of the engine's arrays; those of numbers are floats if nothing is said.
_DTYPES: dict[str, np.dtype[Any]] = {
    **{name: np.dtype(np.float64) for name in SavedRun._fields},
    **dict.fromkeys(("held", "queue", "positions_held", "unexplained_moves"), np.dtype(np.int64)),
    **dict.fromkeys(("busy", "ordered"), np.dtype(np.bool_)),
    "account": ACCOUNT,
    "positions": POSITION,
    "orders": ORDER,
    "spread": SPREAD,
    "trades": TRADE,
    "decisions": DECISION,
    "fills": FILL,
}
_NAMES = ("symbols", "pairs", "triggers", "exits")


class StateLayoutError(Exception):
    """A saved state is of another layout than the engine's; `str()` says of which."""


def engine_layout() -> str:
    """Return what a run puts on record of the layout of the state that it saves."""
    return digest([LAYOUT, {name: _engine_has(name) for name in _DTYPES}])[:16]


def is_of_another_layout(records: Iterable[Record], configuration: str, account: str) -> bool:
    """Return whether the last run of an account on record saved a state that this version cannot go on from.

    Versions before layout 2 put none on record.

    Parameters
    ----------
    records
        Records of the protocol.
    configuration, account
        Names of the configuration and of the account.
    """
    said = runs_on_record(records, configuration, account)
    return bool(said) and said[-1].get("layout") != engine_layout()


def encode(saved: SavedBacktest) -> str:
    """Return a state as text."""
    arrays = saved.run._asdict()
    header = {
        "layout": LAYOUT,
        "arrays": [[name, _described(array.dtype), array.size] for name, array in arrays.items()],
        "sessions": list(saved.sessions),
        "slots": [list(slot) for slot in saved.slots],
        **{name: list(getattr(saved, name)) for name in _NAMES},
    }
    text = canonical(header).encode()
    content = b"".join([len(text).to_bytes(8, "little"), text, *(array.tobytes() for array in arrays.values())])
    return base64.b64encode(zlib.compress(content, 6)).decode()


def decode(text: str) -> SavedBacktest:
    """Return the state that a text says.

    Raises
    ------
    StateLayoutError
        It is of another layout, by its number or by what its arrays are made of.
    """
    content = zlib.decompress(base64.b64decode(text))
    length = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    if header["layout"] != LAYOUT:
        raise StateLayoutError(f"the state has layout {header['layout']}, this version reads layout {LAYOUT}")
    described = {name: what for name, what, _ in header["arrays"]}
    other = [name for name in {**_DTYPES, **described} if described.get(name) != _engine_has(name)]
    if other:
        raise StateLayoutError(
            f"the state has layout {LAYOUT}, but its {other[0]} is none of this version's engine: it is of another one"
        )
    arrays: dict[str, Any] = {}
    place = 8 + length
    for name, _, size in header["arrays"]:
        dtype = _DTYPES[name]
        arrays[name] = np.frombuffer(content, dtype, size, place).copy()
        place += size * dtype.itemsize
    run = SavedRun(**arrays)
    return SavedBacktest(
        run=run,
        sessions=tuple(map(dt.date.fromisoformat, header["sessions"])),
        slots=tuple((symbol, pair) for symbol, pair in header["slots"]),
        **{name: tuple(header[name]) for name in _NAMES},
    )


def _engine_has(name: str) -> Any:
    """The layout of an array of the engine as a header has it; None if there is no such array."""
    return _described(_DTYPES[name]) if name in _DTYPES else None


def _described(dtype: np.dtype[Any]) -> Any:
    """The layout of an array as JSON has it: the name of a number, or fields with theirs."""
    if dtype.names is None:
        return dtype.str
    return [
        [name, dtype[name].base.str, *([list(dtype[name].shape)] if dtype[name].shape else [])] for name in dtype.names
    ]
