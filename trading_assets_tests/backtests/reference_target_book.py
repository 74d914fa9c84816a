"""The book of the target-weight twin: what is held and ordered, and what the open of a session does to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from trading_assets.backtests.engine.arrays import EXIT_REASONS, Candidates, Market, Signals, Targets
from trading_assets.backtests.engine.settings import Settings
from trading_assets_tests.backtests.reference_arithmetic import floor_to_lot, less
from trading_assets_tests.backtests.reference_book import Plain
from trading_assets_tests.backtests.reference_engine import Twin
from trading_assets_tests.backtests.reference_legs import CLOSING, HALT, Leg, Target
from trading_assets_tests.backtests.reference_regimes import Row

REBALANCE = EXIT_REASONS.index("rebalance")
STAND_IN_ATR = 2.5


def _no_signals(market: Market) -> Signals:
    none = np.zeros(0, dtype=np.int64)
    first = np.zeros(market.day.size + 1, dtype=np.int64)
    candidates = Candidates(first, none, none.astype(np.bool_), np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0))
    return Signals(candidates, np.zeros((0, *market.close.shape), dtype=bool))


class TargetBook(Twin):
    legs: dict[int, Leg]

    def __init__(self, market: Market, targets: Targets, run_parameters: np.void, settings: Settings) -> None:
        super().__init__(market, _no_signals(market), run_parameters, settings)
        self.targets = Plain({name: value.tolist() for name, value in targets._asdict().items()})
        self.legs = {}
        self.held = self.legs  # type: ignore[assignment]
        self.orders: list[Target] = []
        self.going_on: dict[int, Row] = {}
        self.leaves: dict[int, float] = {}
        self.growth_of: dict[int, float] = {}
        self.traded: dict[tuple[int, int], float] = {}

    # --- small words ---------------------------------------------------------------------------------------

    def symbol(self, p: int) -> int:
        return self.targets.symbol[p]  # type: ignore[no-any-return]

    def partner(self, p: int) -> int | None:
        pair_index = self.targets.pair_index[p]
        others = [q for q, other in enumerate(self.targets.pair_index) if other == pair_index >= 0 and q != p]
        return others[0] if others else None

    def order_of(self, p: int) -> Target | None:
        return next((order for order in self.orders if order.position_index == p), None)

    def drop(self, p: int) -> None:
        self.orders = [order for order in self.orders if order.position_index != p]

    def quantity(self, p: int) -> float:
        return self.legs[p].quantity if p in self.legs else 0.0

    def weight(self, p: int) -> float:
        equity = self.out.equity[-1]
        return self.quantity(p) * self.legs[p].mark / equity if p in self.legs and equity > 0 else 0.0

    def say(self, t: int, p: int, decision: str, reason: str | int, *, at_close: bool = True, **numbers: Any) -> int:
        index = self.decide(t, self.symbol(p), decision, reason, at_close=at_close, **numbers)
        self.out.decisions[index]["pair_index"] = self.targets.pair_index[p]
        return index

    def order(self, t: int, p: int, weight: float, reason: int, decision: int) -> None:
        self.drop(p)
        atr = self.m.atr[t][self.symbol(p)]
        self.orders.append(Target(p, weight, reason, atr, t, self.run_parameters.delay, decision))

    # --- before and at the open ----------------------------------------------------------------------------

    def borrow(self, t: int) -> None:
        for leg in self.legs.values():
            if leg.quantity < 0:
                days = self.m.day[t] - self.m.day[t - 1]
                rate = self.m.borrow_bps[t - 1][leg.symbol] / 1e4 * self.run_parameters.borrow_multiplier / 365 * days
                cost = -leg.quantity * leg.mark * rate
                leg.borrow += cost
                self.receive(leg, -cost)  # type: ignore[arg-type]

    def actions(self, t: int) -> None:
        for leg in self.legs.values():
            i = leg.symbol
            ratio, dividend = self.m.split_ratio[t][i], self.m.cash_dividend[t][i]
            self.receive(leg, dividend * leg.quantity)  # type: ignore[arg-type]
            if ratio == 1:
                continue
            leg.entry_price /= ratio
            leg.divide(ratio)
            leg.left *= ratio
            leg.left_at /= ratio
            exact = leg.quantity * ratio
            leg.quantity = math.copysign(floor_to_lot(abs(exact), self.m.lot[i]), exact)
            self.receive(leg, (exact - leg.quantity) * self.opening(t, leg))  # type: ignore[arg-type]
        for order in self.orders:
            order.atr /= self.m.split_ratio[t][self.symbol(order.position_index)]

    def opening(self, t: int, leg: Leg) -> float:
        price = self.m.open[t][leg.symbol]
        return leg.mark if math.isnan(price) else price  # type: ignore[no-any-return]

    def valued_at_open(self, t: int, leg: Leg) -> float:
        """Where the open is a gain that a later bar has to confirm, the mark."""
        price = self.opening(t, leg)
        gains = (price - leg.mark) * leg.quantity > 0
        return leg.mark if gains and not self.m.fillable[t][leg.symbol] else price

    def wanted(self, t: int, order: Target, equity: float) -> float:
        i = self.symbol(order.position_index)
        price = self.m.open[t][i]
        if order.position_index in self.legs:
            price = self.valued_at_open(t, self.legs[order.position_index])
        if not (price > 0 and equity > 0):
            return 0.0
        return math.copysign(floor_to_lot(abs(order.weight) * equity / price, self.m.lot[i]), order.weight)

    def open_of(self, t: int) -> None:
        equity = self.cash + sum(leg.quantity * self.valued_at_open(t, leg) for leg in self.legs.values())
        state, grows, out = {}, {}, set()
        for order in self.orders:
            p, i = order.position_index, self.symbol(order.position_index)
            wanted = self.wanted(t, order, equity) if p in self.legs else order.weight
            grows[p] = wanted * self.quantity(p) < 0 or abs(wanted) > abs(self.quantity(p))
            early = not self.m.expected[t][i] or order.wait > 0
            if early and 0 <= self.m.delisted[i] <= t:
                state[p] = 2
            elif early:
                order.wait -= self.m.expected[t][i]
                state[p] = 1
            else:
                state[p] = 0 if self.m.fillable[t][i] else 2
                out |= {p} if self.m.fillable[t][i] or self.leaves_worse(t, p) else set()
            if state[p] == 0 and grows[p] and order.weight < 0 and not self.m.borrowable[t - 1][i]:
                state[p] = 3
        alone = dict(state)
        for p in state:
            other = self.partner(p)
            if other in state and grows[p] and grows[other]:
                state[p] = max(alone[p], alone[other])
        self.leaves, self.growth_of, self.traded = self.trades_at_open(t, equity, state, grows, out)
        for order in sorted(self.orders, key=lambda order: order.position_index):
            if order.position_index in self.legs and order.position_index in out:
                self.shrink(t, order, grows[order.position_index])
        self.grow_all(t, state, grows)

    def trades_at_open(
        self, t: int, equity: float, state: dict[int, int], grows: dict[int, bool], out: set[int]
    ) -> tuple[dict[int, float], dict[int, float], dict[tuple[int, int], float]]:
        """By slot what leaves and what comes, and what that is worth by symbol and side: one order each."""
        leaves: dict[int, float] = {}
        comes: dict[int, float] = {}
        sold: dict[tuple[int, int], float] = {}
        traded: dict[tuple[int, int], float] = {}
        due = [order for order in self.orders if state[order.position_index] == 0 or order.position_index in out]
        for order in sorted(due, key=lambda order: order.position_index):
            p, i = order.position_index, self.symbol(order.position_index)
            held, wanted = self.quantity(p), self.wanted(t, order, equity)
            key = (i, 1 - self.legs[p].side) if p in self.legs else (i, 0)
            if p not in self.legs or p not in out:
                leaves[p] = 0.0
            elif order.weight == 0 and order.reason in (HALT, CLOSING):
                room, adv, lot = math.inf, self.m.adv[order.decided][i], self.m.lot[i]
                if adv > 0:
                    room = max(floor_to_lot(self.run_parameters.capacity * adv / self.legs[p].mark, lot), lot)
                    room = max(0.0, floor_to_lot(room - sold.get(key, 0.0), lot))
                leaves[p] = min(abs(held), room)
                sold[key] = sold.get(key, 0.0) + leaves[p]
            else:
                leaves[p] = max(0.0, abs(held) - abs(wanted)) if wanted * held > 0 else abs(held)
            traded[key] = traded.get(key, 0.0) + leaves[p] * self.m.open[t][i]
            comes[p] = max(0.0, abs(wanted) - (abs(held) - leaves[p])) if grows[p] and state[p] == 0 else 0.0
        for order in due:
            p, other = order.position_index, self.partner(order.position_index)
            if other in comes and grows[other] and comes[other] == 0:
                continue  # the other leg is too small: neither is sent
            key = (self.symbol(p), int(order.weight < 0))
            traded[key] = traded.get(key, 0.0) + comes[p] * self.m.open[t][self.symbol(p)]
        return leaves, comes, traded

    def leaves_worse(self, t: int, p: int) -> bool:
        leg = self.legs.get(p)
        return leg is not None and self.opens_worse(t, leg.symbol, leg, is_short=leg.side == 1)

    def shrink(self, t: int, order: Target, grows: bool) -> None:
        p, leg = order.position_index, self.legs[order.position_index]
        leaving, sliced = self.leaves[p], order.weight == 0 and order.reason in (HALT, CLOSING)
        if leaving == 0 and leg.quantity != 0:
            if not grows and not sliced:
                self.say(t, p, "reject", "zero_size", at_close=False)
                self.drop(p)
            return
        side, rest = 1 - leg.side, sliced and leaving < abs(leg.quantity)
        raw = self.m.open[t][leg.symbol]
        bps, mean = self.slippage(t, leg.symbol, order.decided, self.traded[leg.symbol, side], side)
        price = self.traded_at(leg.symbol, raw, bps, side)
        if order.reason == CLOSING and sliced and self.is_too_far(price, leg.mark, side):
            return
        self.book_exit(t, leg, leaving, raw, price, bps, mean, order.reason, order.decision)
        if not grows and not rest:
            self.drop(p)

    def grow_all(self, t: int, state: dict[int, int], grows: dict[int, bool]) -> None:
        for order in list(self.orders):
            p = order.position_index
            if self.order_of(p) is not order or not grows[p]:
                continue
            if state[p] >= 2:
                self.say(t, p, "reject", "no_fill" if state[p] == 2 else "no_borrow", at_close=False)
                if self.quantity(p) * order.weight < 0:
                    order.weight = 0.0  # the closing half of a flip stays due
                else:
                    self.drop(p)
            elif state[p] == 0:
                other = self.order_of(q) if (q := self.partner(p)) is not None else None
                both = other is not None and grows[other.position_index] and state[other.position_index] == 0
                self.grow(t, [order, other] if both and other else [order])

    def grow(self, t: int, orders: list[Target]) -> None:
        """Both legs of a pair, or a slot: what cash takes from one it takes from all."""
        shorts = sum(-leg.quantity * self.valued_at_open(t, leg) for leg in self.legs.values() if leg.quantity < 0)
        free, sizes = self.cash - shorts, []
        for order in orders:
            i = self.symbol(order.position_index)
            quantity, side, raw = self.growth_of[order.position_index], int(order.weight < 0), self.m.open[t][i]
            bps, mean = self.slippage(t, i, order.decided, self.traded.get((i, side), 0.0), side)
            sizes.append((quantity, raw, self.traded_at(i, raw, bps, side), bps, mean))
        cut = [size[0] for size in sizes]
        if self.left_of(free, orders, cut, sizes) < 0:
            part = free / (free - self.left_of(free, orders, cut, sizes)) if free > 0 else 0.0
            lots = [self.m.lot[self.symbol(order.position_index)] for order in orders]
            cut = [floor_to_lot(quantity * part, lot) for quantity, lot in zip(cut, lots, strict=True)]
            if self.left_of(free, orders, cut, sizes) < 0:
                cut = [less(quantity, lot) for quantity, lot in zip(cut, lots, strict=True)]
        reason = None
        if min(size[0] for size in sizes) <= 0:
            reason = "zero_size"
        elif min(cut) <= 0:
            reason = "insufficient_cash"
        for order, quantity, (asked, raw, price, bps, mean) in zip(orders, cut, sizes, strict=True):
            self.drop(order.position_index)
            if reason:
                self.say(t, order.position_index, "reject", reason, at_close=False)
            else:
                self.book_entry(t, order, asked, quantity, raw, price, bps, mean)

    def left_of(
        self, free: float, orders: list[Target], quantities: list[float], sizes: Sequence[tuple[float, ...]]
    ) -> float:
        """Free cash after the trades: what is worth a short position is not free, its proceeds are cash."""
        for order, quantity, (_, raw, price, _, _) in zip(orders, quantities, sizes, strict=True):
            value = quantity * price
            fee = value * self.fee_rate(self.symbol(order.position_index))
            free -= quantity * raw - value + fee if order.weight < 0 else value + fee
        return free

    # --- books ---------------------------------------------------------------------------------------------

    def book_entry(
        self, t: int, order: Target, asked: float, quantity: float, raw: float, price: float, bps: float, mean: float
    ) -> None:
        p, i = order.position_index, self.symbol(order.position_index)
        side = int(order.weight < 0)
        sign = -1 if side else 1
        if p not in self.legs:
            self.legs[p] = Leg(
                position_index=p, symbol=i, pair_index=self.targets.pair_index[p], round_trip=self.round_trips,
                entered=t, decided=order.decided, trigger=order.reason, side=side, mark=price, believed=price,
            )  # fmt: skip
            self.legs = dict(sorted(self.legs.items()))
            self.held = self.legs  # type: ignore[assignment]
            self.round_trips += 1
        leg, notional, drawn = self.legs[p], quantity * price, bps
        if leg.quantity == 0:  # new, or a reverse split has left nothing
            leg.side = side
        entered = abs(leg.quantity) + leg.left
        leg.entry_price = (leg.entry_price * entered + price * quantity) / (entered + quantity)
        if leg.basis > 0:
            bps = (leg.entry_bps * leg.basis + bps * notional) / (leg.basis + notional)
        leg.entry_bps = bps
        leg.basis += notional
        leg.risk += STAND_IN_ATR * (order.atr if order.atr > 0 else math.nan) * quantity
        leg.quantity += sign * quantity
        fee = notional * self.fee_rate(i)
        leg.entry_fee += fee
        leg.lost += quantity * sign * (price - raw)
        self.receive(leg, -sign * notional - fee)  # type: ignore[arg-type]
        self.out.turnover += notional
        self.note(t, leg, side, 0, order.reason, order.decision, asked, quantity, raw, price, drawn, mean)

    def book_exit(
        self, t: int, leg: Leg, quantity: float, raw: float, price: float, bps: float, mean: float, reason: int,
        decision: int,
    ) -> None:  # fmt: skip
        notional, sign = quantity * price, 1 - 2 * leg.side
        fee = notional * self.fee_rate(leg.symbol)
        self.receive(leg, sign * notional - fee)  # type: ignore[arg-type]
        self.out.turnover += notional
        left, worth = leg.left + quantity, leg.left_notional + notional
        leg.left_at = (leg.left_at * leg.left + price * quantity) / left if left and leg.left else price
        leg.exit_bps = (leg.exit_bps * leg.left_notional + bps * notional) / worth if worth and leg.left else bps
        leg.left, leg.left_notional = left, worth
        leg.exit_fee += fee
        leg.lost += quantity * sign * (raw - price)
        self.note(t, leg, 1 - leg.side, 1, reason, decision, quantity, quantity, raw, price, bps, mean)
        if quantity < abs(leg.quantity):
            leg.quantity -= sign * quantity
            return
        del self.legs[leg.position_index]
        self.out.trades.append(
            {
                "symbol": leg.symbol,
                "pair_index": leg.pair_index,
                "round_trip": leg.round_trip,
                "side": leg.side,
                "entry_session": leg.entered,
                "exit_session": t,
                "decision_session": leg.decided,
                "trigger": leg.trigger,
                "exit_reason": reason,
                "entry_price": leg.entry_price,
                "exit_price": leg.left_at,
                "quantity": leg.left,
                "pnl": leg.cash_flow,
                "return": leg.cash_flow / leg.basis if leg.basis > 0 else math.nan,
                "r_multiple": leg.cash_flow / leg.risk,
                "hold_sessions": leg.held_sessions,
                "unexplained_moves": leg.met,
                "entry_fee": leg.entry_fee,
                "exit_fee": leg.exit_fee,
                "borrow_cost": leg.borrow,
                "entry_slippage_bps": leg.entry_bps,
                "exit_slippage_bps": leg.exit_bps,
                "slippage_cost": leg.lost,
            }
        )

    def note(
        self, t: int, leg: Leg, side: int, effect: int, reason: int, decision: int, asked: float, quantity: float,
        raw: float, price: float, bps: float, mean: float,
    ) -> None:  # fmt: skip
        self.out.fills.append(
            {
                "session": t,
                "symbol": leg.symbol,
                "pair_index": leg.pair_index,
                "round_trip": leg.round_trip,
                "side": side,
                "effect": effect,
                "reason": reason,
                "decision": decision,
                "asked": asked,
                "quantity": quantity,
                "raw_price": raw,
                "price": price,
                "fee": quantity * price * self.fee_rate(leg.symbol),
                "slippage_bps": bps,
                "mean_slippage_bps": mean,
            }
        )
