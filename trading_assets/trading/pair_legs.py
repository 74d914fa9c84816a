"""Legs of a pair at a broker: both are entered or neither, whatever it makes of one of them.

Where a leg is refused the other one is not sent, or taken back. One that has filled all the same, or whose other leg
never did, is closed by the next sheet: a leg by itself is another bet than the pair.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import polars as pl

from trading_assets.trading.broker_books import Leg

_NOTHING = 1e-9


def other_entries(ready: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Return the ids of the other legs' entries of each entry of a pair on a sheet, by its own id.

    Parameters
    ----------
    ready
        Rows of `trading.order_sheets` that are ready.

    Examples
    --------
    >>> rows = {"client_order_id": ["a", "b", "c"], "pair_id": ["1", "1", None], "entry": [True, True, True]}
    >>> other_entries(pl.DataFrame(rows))
    {'a': ('b',), 'b': ('a',)}
    """
    legs = defaultdict(list)
    for name, pair in ready.filter("entry").drop_nulls("pair_id").select("client_order_id", "pair_id").iter_rows():
        legs[pair].append(name)
    return {
        name: tuple(each for each in names if each != name)
        for names in legs.values()
        for name in names
        if len(names) > 1
    }


def broken_legs(ours: Mapping[Leg, float], engine: Mapping[Leg, float]) -> tuple[set[Leg], set[Leg]]:
    """Return the legs that a broker holds of pairs of which it holds another leg not at all, and those others.

    Parameters
    ----------
    ours
        Units by the broker's fills of our own orders, by symbol and pair.
    engine
        Units that the engine holds of what was sent: all legs of such a pair.

    Examples
    --------
    >>> broken_legs({("AAA", "p"): 10.0}, {("AAA", "p"): 10.0, ("BBB", "p"): -5.0})
    ({('AAA', 'p')}, {('BBB', 'p')})
    """
    legs = defaultdict(set)
    for leg, units in engine.items():
        if leg[1] is not None and abs(units) > _NOTHING:
            legs[leg[1]].add(leg)
    there, gone = set[Leg](), set[Leg]()
    for own in legs.values():
        held = {leg for leg in own if ours.get(leg, 0.0) * engine[leg] > 0.0}
        if len(own) > 1 and held and held != own:
            there |= held
            gone |= own - held
    return there, gone
