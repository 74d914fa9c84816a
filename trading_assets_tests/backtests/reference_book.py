"""The twin's book: what is held and ordered, and what the open of a session does to it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trading_assets.backtests.engine.arrays import EXIT_REASONS, Market, Signals
from trading_assets.backtests.engine.settings import Settings
from trading_assets_tests.backtests.reference_arithmetic import floor_to_lot, less
from trading_assets_tests.backtests.reference_costs import Costs
from trading_assets_tests.backtests.reference_marking import Marked, Marking


@dataclass(kw_only=True)
class Position(Marked):
    symbol: int
    quantity: float
    entry_price: float
    stop: float
    initial_stop: float
    atr: float
    risk: float
    notional: float
    cash_flow: float
    entry_fee: float
    entry_bps: float
    entered: int
    decided: int
    trigger: int
    held_sessions: int = 0
    exit_reason: str | None = None
    exit_decided: int = -1
    exit_wait: int = 0
    exit_decision: int = -1
    entry_decision: int = -1
    round_trip: int = 0
    left: float = 0.0
    left_at: float = 0.0  # mean exit price of what has left
    left_notional: float = 0.0
    exit_fee: float = 0.0
    exit_bps: float = 0.0
    lost: float = 0.0  # to slippage and rounding
    borrowed: float = 0.0  # paid to those who lend


@dataclass
class Order:
    symbol: int
    quantity: float
    atr: float
    close: float
    decided: int
    trigger: int
    wait: int
    decision: int


@dataclass
class Outcome:
    """What a run leaves: rows are dicts, `equity` and the like have a value a session."""

    equity: list[float] = field(default_factory=list)
    settled_equity: list[float] = field(default_factory=list)
    unexplained_moves: list[int] = field(default_factory=list)
    cash: list[float] = field(default_factory=list)
    gross_exposure: list[float] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    trades: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    fills: list[dict[str, Any]] = field(default_factory=list)
    held: list[Any] = field(default_factory=list)
    queue: list[Any] = field(default_factory=list)
    multipliers: list[float] = field(default_factory=list)
    turnover: float = 0.0
    exposed: int = 0  # sessions that end with something held


class Plain:
    """Named values as lists, floats and ints."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Book(Marking, Costs):
    def __init__(self, market: Market, signals: Signals, run_parameters: np.void, settings: Settings) -> None:
        self.m = Plain({name: value.tolist() for name, value in market._asdict().items()})
        self.c = Plain({name: value.tolist() for name, value in signals.candidates._asdict().items()})
        self.exit_signals = signals.exits.tolist()
        self.run_parameters = Plain({name: run_parameters[name].tolist() for name in run_parameters.dtype.names or ()})
        self.s = settings
        self.is_short = self.run_parameters.side == 1
        self.sign = -1 if self.is_short else 1  # quantities are positive here, whatever the side
        self.symbols = range(len(self.m.symbol_key))
        self.cash = settings.starting_equity
        self.held: dict[int, Position] = {}
        self.queue: list[Order] = []
        self.round_trips = 0
        self.doubts = []
        self.unexplained = Counter()
        self.out = Outcome()

    def borrow(self, t: int) -> None:
        if not self.is_short or t == 0:
            return
        for i in sorted(self.held):
            position, days = self.held[i], self.m.day[t] - self.m.day[t - 1]
            rate = self.m.borrow_bps[t - 1 if len(self.m.borrow_bps) > 1 else 0][i] / 1e4
            cost = position.quantity * position.mark * rate * self.run_parameters.borrow_multiplier * days / 365
            position.borrowed += cost
            self.receive(position, -cost)

    def lent(self, t: int, i: int) -> bool:
        return bool(self.m.borrowable[max(t, 0) if len(self.m.borrowable) > 1 else 0][i])

    def priced_at_open(self, t: int, position: Position) -> float:
        """Where there is no open, or one at a gain that a later bar has to confirm, the mark."""
        price = self.m.open[t][position.symbol]
        if math.isnan(price):
            return position.mark
        gains = price < position.mark if self.is_short else price > position.mark
        return position.mark if gains and not self.m.fillable[t][position.symbol] else price

    def corporate_actions(self, t: int) -> None:
        for i in sorted(self.held):
            position, ratio, dividend = self.held[i], self.m.split_ratio[t][i], self.m.cash_dividend[t][i]
            if ratio == 1 and dividend == 0:
                continue
            self.receive(position, self.sign * dividend * position.quantity)
            position.stop -= dividend
            position.dividends += dividend
            if ratio != 1:
                position.entry_price /= ratio
                position.stop /= ratio
                position.initial_stop /= ratio
                position.atr /= ratio
                position.divide(ratio)
                whole = floor_to_lot(position.quantity * ratio, self.m.lot[i])
                price = position.mark if math.isnan(self.m.open[t][i]) else self.m.open[t][i]
                self.receive(position, self.sign * (position.quantity * ratio - whole) * price)
                position.quantity = whole
                position.left *= ratio
                position.left_at /= ratio
        for order in self.queue:
            ratio = self.m.split_ratio[t][order.symbol]
            if ratio != 1:
                order.quantity = floor_to_lot(order.quantity * ratio, self.m.lot[order.symbol])
                order.atr /= ratio
                order.close /= ratio

    def exit_fills(self, t: int) -> None:
        for i in sorted(self.held):
            position = self.held[i]
            if position.exit_reason is None:
                continue
            if position.exit_wait > 0:
                position.exit_wait -= self.m.expected[t][i]
            elif self.m.fillable[t][i] or self.opens_worse(t, i, position, is_short=self.is_short):
                quantity = (
                    self.slice_of(position)
                    if position.exit_reason in ("drawdown_halt", "closing")
                    else position.quantity
                )
                self.leave(t, position, quantity, self.m.open[t][i], position.exit_decided, position.exit_reason)

    def slice_of(self, position: Position) -> float:
        """What one session takes of a halt's liquidation: the capacity, at least a lot, everything if unknown."""
        adv, lot = self.m.adv[position.exit_decided][position.symbol], self.m.lot[position.symbol]
        if math.isnan(adv) or adv <= 0:
            return position.quantity
        slice_ = max(floor_to_lot(self.run_parameters.capacity * adv / position.mark, lot), lot)
        return float(min(slice_, position.quantity))

    def entry_fills(self, t: int) -> None:
        waiting = []
        for order in self.queue:
            i = order.symbol
            early = not self.m.expected[t][i] or order.wait > 0
            if early and 0 <= self.m.delisted[i] <= t:
                self.decide(t, i, "reject", "no_fill", at_close=False)
            elif early:
                order.wait -= self.m.expected[t][i]
                waiting.append(order)
            elif not self.m.fillable[t][i]:
                self.decide(t, i, "reject", "no_fill", at_close=False)
            elif not self.is_short:
                self.buy(t, order)
            elif self.lent(t - 1, i):
                self.sell_short(t, order)
            else:
                self.decide(t, i, "reject", "no_borrow", at_close=False)
        self.queue = waiting

    def buy(self, t: int, order: Order) -> None:
        i = order.symbol
        opening, lot, fee_rate = self.m.open[t][i], self.m.lot[i], self.fee_rate(i)
        bps, mean = self.slippage(t, i, order.decided, order.quantity * opening, side=0)
        price = self.traded_at(i, opening, bps, side=0)
        quantity = min(order.quantity, floor_to_lot(self.cash / (price * (1 + fee_rate)), lot))
        while quantity > 0 and self.cash - quantity * price - quantity * price * fee_rate < 0:
            quantity = less(quantity, lot)
        if quantity <= 0:
            self.decide(t, i, "reject", "insufficient_cash", at_close=False)
            return
        self.enter(t, order, quantity, price, bps, mean)

    def sell_short(self, t: int, order: Order) -> None:
        """Free cash has to pay for fee and slippage: what the shares are worth is owed and set aside."""
        i = order.symbol
        opening, lot = self.m.open[t][i], self.m.lot[i]
        bps, mean = self.slippage(t, i, order.decided, order.quantity * opening, side=1)
        price = self.traded_at(i, opening, bps, side=1)
        free = self.cash - sum(each.quantity * self.priced_at_open(t, each) for _, each in sorted(self.held.items()))
        unit, quantity = opening - price + price * self.fee_rate(i), order.quantity
        if free < 0:
            quantity = 0.0
        elif free < quantity * unit:
            quantity = floor_to_lot(free / unit, lot)
            if free < quantity * unit:
                quantity = less(quantity, lot)
        if quantity <= 0:
            self.decide(t, i, "reject", "insufficient_cash", at_close=False)
            return
        self.enter(t, order, quantity, price, bps, mean)

    def enter(self, t: int, order: Order, quantity: float, price: float, bps: float, mean: float) -> None:
        i, opening, fee_rate = order.symbol, self.m.open[t][order.symbol], self.fee_rate(order.symbol)
        notional = quantity * price
        distance = self.run_parameters.stop_atr * order.atr
        stop = price - self.sign * distance
        self.held[i] = Position(
            symbol=i, quantity=quantity, entry_price=price, stop=stop, initial_stop=stop, atr=order.atr,
            mark=price, believed=price, risk=distance * quantity, notional=notional, cash_flow=0.0,
            entry_fee=notional * fee_rate, entry_bps=bps, entered=t, decided=order.decided,
            trigger=order.trigger, entry_decision=order.decision, round_trip=self.round_trips,
            lost=quantity * abs(price - opening),
        )  # fmt: skip
        self.round_trips += 1
        self.receive(self.held[i], -self.sign * notional - notional * fee_rate)
        self.out.turnover += notional
        asked, side = order.quantity, "sell" if self.is_short else "buy"
        self.log(t, self.held[i], side, order.decision, order.trigger, asked, quantity, opening, price, bps, mean)

    def leave(self, t: int, position: Position, quantity: float, opening: float, decided: int, reason: str) -> None:
        i, side = position.symbol, 0 if self.is_short else 1
        bps, mean = self.slippage(t, i, decided, quantity * opening, side=side)
        price = self.traded_at(i, opening, bps, side)
        if reason != "closing" or not self.is_too_far(price, position.mark, side):
            self.close(t, position, quantity, opening, price, bps, mean, reason)

    def is_too_far(self, price: float, mark: float, side: int) -> bool:
        """A closing waits for a better open than one further from the mark than its limit."""
        limit: float = self.s.closing_limit
        return price > mark * (1 + limit) if side == 0 else price < mark * (1 - limit)

    def close(
        self,
        t: int,
        position: Position,
        quantity: float,
        raw: float,
        price: float,
        bps: float,
        mean: float,
        reason: str,
    ) -> None:
        """Book what leaves; the last of it ends the position and makes its trade."""
        notional = quantity * price
        fee = notional * self.fee_rate(position.symbol)
        self.receive(position, self.sign * notional - fee)
        self.out.turnover += notional
        side = "buy" if self.is_short else "sell"
        self.log(t, position, side, position.exit_decision, reason, quantity, quantity, raw, price, bps, mean)
        first = position.left == 0
        left, both = position.left + quantity, position.left_notional + notional
        position.left_at = price if first or left == 0 else (position.left_at * position.left + price * quantity) / left
        position.exit_bps = (
            bps if first or both == 0 else (position.exit_bps * position.left_notional + bps * notional) / both
        )
        position.left, position.left_notional = left, both
        position.exit_fee += fee
        position.lost += quantity * abs(raw - price)
        if quantity < position.quantity:
            position.quantity -= quantity
            return
        del self.held[position.symbol]
        self.out.trades.append(
            {
                "symbol": position.symbol,
                "entry_session": position.entered,
                "exit_session": t,
                "decision_session": position.decided,
                "trigger": position.trigger,
                "exit_reason": EXIT_REASONS.index(reason),
                "entry_price": position.entry_price,
                "exit_price": position.left_at,
                "quantity": position.left,
                "stop_price": position.initial_stop,
                "pnl": position.cash_flow,
                "return": position.cash_flow / position.notional if position.notional else math.nan,
                "r_multiple": position.cash_flow / position.risk,
                "hold_sessions": position.held_sessions,
                "unexplained_moves": position.met,
                "entry_fee": position.entry_fee,
                "exit_fee": position.exit_fee,
                "entry_slippage_bps": position.entry_bps,
                "exit_slippage_bps": position.exit_bps,
                "slippage_cost": position.lost,
                "borrow_cost": position.borrowed,
                "round_trip": position.round_trip,
            }
        )

    def flash_crash(self, t: int) -> None:
        if not self.crash(t):
            return
        for i in sorted(self.held):
            worst = (self.m.high if self.is_short else self.m.low)[t][i]
            if math.isfinite(worst):
                position = self.held[i]
                position.exit_decision = self.decide(t, i, "exit", "hard_stop", at_close=False)
                self.leave(t, position, position.quantity, worst, t - 1, "hard_stop")

    def receive(self, position: Position, amount: float) -> None:
        self.cash += amount
        position.cash_flow += amount

    def decide(self, t: int, i: int, decision: str, reason: str | int, *, at_close: bool = True, **numbers: Any) -> int:
        """Record a decision; its number."""
        row = {"session": t, "at_close": at_close, "symbol": i, "decision": decision, "reason": reason}
        self.out.decisions.append({**row, **numbers})
        return len(self.out.decisions) - 1

    def log(
        self, t: int, position: Position, side: str, decision: int, reason: str | int,
        asked: float, quantity: float, raw: float, price: float, bps: float, mean: float,
    ) -> None:  # fmt: skip
        self.out.fills.append(
            {
                "session": t,
                "symbol": position.symbol,
                "round_trip": position.round_trip,
                "decision": decision,
                "side": side,
                "reason": reason,
                "asked": asked,
                "quantity": quantity,
                "raw_price": raw,
                "price": price,
                "fee": quantity * price * self.fee_rate(position.symbol),
                "slippage_bps": bps,
                "mean_slippage_bps": mean,
            }
        )
