"""What the reference engine believes of prices: a loss at once, a gain when a later bar has confirmed it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any


@dataclass
class Marked:
    """A position's prices: `mark` is for its equity, `believed` is what bars have confirmed."""

    mark: float
    believed: float
    pending: tuple[int, float] | None = None  # session and close of the bar that waits for the next one
    met: int = 0  # extreme moves that later bars confirmed
    dividends: float = 0.0  # a unit, since the entry

    def divide(self, ratio: float) -> None:
        self.mark /= ratio
        self.believed /= ratio
        self.dividends /= ratio
        if self.pending is not None:
            self.pending = (self.pending[0], self.pending[1] / ratio)


@dataclass
class Doubt:
    """A holding at a close at which its last bar was unconfirmed."""

    session: int
    bar: int
    symbol: int
    change: float  # of equity, if the mark is made again


class Marking:
    """Part of the reference engines; `m` is the market, plain."""

    m: Any
    doubts: list[Doubt]
    unexplained: Counter[int]

    def received(self, t: int, i: int) -> bool:
        return bool(self.m.expected[t][i]) and not math.isnan(self.m.close[t][i])

    def take_back_or_confirm(self, t: int, i: int, position: Marked) -> None:
        """Before the open: count what today's bar confirms."""
        if position.pending is not None and self.received(t, i) and not self.m.refuted[position.pending[0]][i]:
            position.met += 1
            self.unexplained.update([position.pending[0], t])

    def hear(self, t: int, i: int, position: Marked, is_short: bool) -> bool:
        """Mark at the close; True if the bar counts as one held through."""
        if not self.received(t, i):
            return False
        close = self.m.close[t][i]
        if position.pending is not None and not self.m.refuted[position.pending[0]][i]:
            position.believed = position.pending[1]
        position.pending = None
        if self.m.present[t][i]:
            position.mark = position.believed = close
            return True
        position.pending = (t, close)
        position.mark = max(position.believed, close) if is_short else min(position.believed, close)
        return False

    def remember_doubt(self, t: int, i: int, quantity: float, position: Marked) -> None:
        if position.pending is not None:
            change = quantity * (position.believed - position.mark)
            self.doubts.append(Doubt(t, position.pending[0], i, change))

    def settle(self, equity: list[float], first: int, last: int) -> list[float]:
        """The equity with refuted marks made again, once the run is over."""
        settled = list(equity)
        for doubt in self.doubts:
            later = (t for t in range(doubt.bar + 1, last + 1) if self.received(t, doubt.symbol))
            if self.m.refuted[doubt.bar][doubt.symbol] and next(later, None) is not None:
                settled[doubt.session - first] += doubt.change
        return settled

    def worth_at_the_end(self, i: int, position: Marked, is_short: bool) -> float:
        """A unit of a delisted position."""
        value: float = self.m.delisting_value[i]
        if math.isnan(value):
            gain: float = self.m.delisting_return[i]
            value = position.mark * (1 + (0.0 if math.isnan(gain) else gain))
        return max(0.0, value if is_short else value * (1 - self.m.ending_loss[i]))

    def opens_worse(self, t: int, i: int, position: Marked, is_short: bool) -> bool:
        """A bar that trades, and opens against the position: what was missing is left there, however far off."""
        opening = self.m.open[t][i]
        return bool(self.m.tradable[t][i]) and (opening > position.mark if is_short else opening < position.mark)
