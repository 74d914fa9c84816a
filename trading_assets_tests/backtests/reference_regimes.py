"""The rule on changes of regime, slow and plain: what of a row moves in a session, and what is left for the next."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Row:
    """A row of the session on its way to a decision: `rejected` says why not."""

    position_index: int
    weight: float
    eligible: bool
    reason: int
    of_regime: bool = False
    left: int | None = None  # of a row that goes on: sessions that it may still grow in
    wanted: float = 0.0  # before it was spread
    scale: float = 1.0
    kind: str = "grow"  # shrink, nothing
    rejected: str | None = None
    granted: float = 0.0
    cuts: list[tuple[float, str]] = field(default_factory=list)

    @property
    def growing(self) -> bool:
        return self.kind == "grow" and self.rejected is None


def move_of(row: Row, current: float) -> float:
    """What a row of a change of regime would move; a limit that takes from what is held waits for nothing."""
    if not row.of_regime or row.rejected or row.kind == "nothing":
        return 0.0
    if row.kind == "shrink":
        return row.weight - current
    end = row.weight * row.scale
    is_more = end * current < 0 or abs(end) > abs(current)
    return end - current if is_more else 0.0


def spread(rows: list[Row], current: dict[int, float], most: float) -> dict[int, Row]:
    """Cut the rows to what may move in this session; by slot, what goes on: rows as the strategy stated them."""
    moves = [move_of(row, current[row.position_index]) for row in rows]
    asked = sum(map(abs, moves))
    if asked <= most + 1e-6:  # what lots and costs left over
        return {}
    sessions_to_come = math.ceil((asked - 1e-6) / most) - 1
    counts_anew = any(row.of_regime and row.left is None for row in rows)
    goes_on = {}
    for row, move in zip(rows, moves, strict=True):
        if move == 0:
            continue
        left = max(1, sessions_to_come) if counts_anew or row.left is None else row.left
        held = current[row.position_index]
        row.weight = held + most / asked * move
        row.scale = 1.0
        row.cuts.append((most / asked, "max_regime_turnover"))
        same_side = row.weight * held >= 0
        if row.kind == "shrink" or (same_side and abs(row.weight) <= abs(held)):
            row.kind = "shrink"
        elif not counts_anew:
            left -= 1
        if left > 0:
            goes_on[row.position_index] = Row(row.position_index, row.wanted, row.eligible, row.reason, True, left)
    return goes_on
