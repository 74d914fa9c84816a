"""The engine's rules once more, slow and plain: the oracle of the compiled kernel.

Written from the trading rules alone, by another hand than the kernel, over Python lists and floats. Each
method is one step of a session; `Twin.run` is their order. Read it as the specification; what happens at an
open is in its base, `Book`.
"""

from __future__ import annotations

import math
import statistics

import numpy as np

from trading_assets.backtests.engine.arrays import SCALING_CONTINUOUS, SCALING_OFF, SCALING_REGIME, Market, Signals
from trading_assets.backtests.engine.settings import Settings
from trading_assets_tests.backtests.reference_arithmetic import (
    average_ranks,
    clip,
    deviation,
    floor_to_lot,
    largest_cut,
    loses_more,
)
from trading_assets_tests.backtests.reference_book import Book, Order, Outcome, Position
from trading_assets_tests.backtests.reference_correlations import Correlations
from trading_assets_tests.backtests.reference_health import health
from trading_assets_tests.backtests.reference_marking import Marked
from trading_assets_tests.backtests.reference_value_at_risk import part_within, value_at_risk

#: Score, and the ranks of strength, relative strength and diversification that it is made of.
Ranks = tuple[float, float, float, float]


def simulate_plainly(market: Market, signals: Signals, run_parameters: np.void, settings: Settings) -> Outcome:
    """Run one trial."""
    return Twin(market, signals, run_parameters, settings).run()


class Twin(Book, Correlations):
    def __init__(self, market: Market, signals: Signals, run_parameters: np.void, settings: Settings) -> None:
        super().__init__(market, signals, run_parameters, settings)
        self.returns: list[float] = []
        self.exposed = False
        self.exposed_volatilities: list[float] = []
        self.reference_peak = settings.starting_equity
        self.old_peak = 0.0
        self.halted_at: int | None = None
        self.believed = settings.starting_equity
        self.believed_return = 0.0
        self.ruined = False
        self.reduced = False
        self.missing_run, self.unhealthy = health(self.m, self.s)

    def run(self) -> Outcome:
        for t in range(self.run_parameters.first_session, self.run_parameters.last_session + 1):
            for i, position in self.held.items():
                self.take_back_or_confirm(t, i, position)
            self.borrow(t)
            self.corporate_actions(t)
            self.exit_fills(t)
            self.entry_fills(t)
            self.flash_crash(t)
            self.mark(t)
            self.delistings(t)
            self.value(t)
            breaker_fired = self.breaker(t)
            if self.is_closing(t):
                self.cancel_orders(t, "closing")
            self.exit_decisions(t, breaker_fired)
            self.candidates(t)
        self.out.held = [self.held[i] for i in sorted(self.held)]
        self.out.queue = self.queue
        self.conclude_equity()
        return self.out

    def conclude_equity(self) -> None:
        first, last = self.run_parameters.first_session, self.run_parameters.last_session
        self.out.settled_equity = self.settle(self.out.equity, first, last)
        self.out.unexplained_moves = [self.unexplained[t] for t in range(first, last + 1)]

    # --- at the close --------------------------------------------------------------------------------

    def mark(self, t: int) -> None:
        for i, position in self.held.items():
            position.held_sessions += self.hear(t, i, position, is_short=self.is_short)

    def delistings(self, t: int) -> None:
        for i in sorted(self.held):
            if t == self.m.delisted[i]:
                position = self.held[i]
                position.exit_decision = self.decide(t, i, "exit", "delisted")
                worth = self.worth_at_the_end(i, position, is_short=self.is_short)
                self.close(t, position, position.quantity, worth, worth, 0.0, 0.0, "delisted")

    def value(self, t: int) -> None:
        invested = sum(self.held[i].quantity * self.held[i].mark for i in sorted(self.held))
        before = self.out.equity[-1] if self.out.equity else self.s.starting_equity
        equity = self.cash + self.sign * invested
        self.returns.append(equity / before - 1 if before > 0 else 0.0)
        self.believe(t, {i: (i, self.sign * p.quantity, p) for i, p in self.held.items()})
        self.out.equity.append(equity)
        self.out.cash.append(self.cash)
        self.exposed = invested > 0  # also below an equity of zero, where no fraction of it says so
        self.out.exposed += self.exposed
        self.out.gross_exposure.append(invested / equity if equity > 0 else 0.0)
        self.out.positions.append(len(self.held))

    def believe(self, t: int, held: dict[int, tuple[int, float, Marked]]) -> None:
        """Equity at the confirmed prices, and its change: what breaker and daily limit look at."""
        believed = self.cash + sum(quantity * marked.believed for _, quantity, marked in held.values())
        self.believed_return = believed / self.believed - 1 if self.believed > 0 else 0.0
        self.believed = believed
        for i, quantity, marked in held.values():
            self.remember_doubt(t, i, quantity, marked)

    def breaker(self, t: int) -> bool:
        """Halt or restart trading; True if it fired at this close."""
        equity = self.believed
        if equity <= 0 or self.cash < 0:
            fired, self.ruined = not self.ruined, True
            return self.cancel_orders(t) if fired else False
        if self.ruined:
            return False
        if self.halted_at is not None and t == self.halted_at + self.s.halt_sessions + 1:
            self.halted_at, self.reference_peak, self.reduced = None, equity, True
        if self.reduced and equity >= self.old_peak:
            self.reduced = False
        self.reference_peak = max(self.reference_peak, equity)
        if self.halted_at is None and loses_more(equity / self.reference_peak - 1, self.s.drawdown_limit):
            self.old_peak = max(self.old_peak, self.reference_peak)
            self.halted_at = t
            return self.cancel_orders(t)
        return False

    def is_closing(self, t: int) -> bool:
        """The account is left for good from the close of session `closing` - 1 on."""
        return bool(0 < self.run_parameters.closing <= t + 1)

    def cancel_orders(self, t: int, why: str = "halted") -> bool:
        for order in self.queue:
            self.decide(t, order.symbol, "reject", why)
        self.queue = []
        return True

    def exit_decisions(self, t: int, breaker_fired: bool) -> None:
        for i in sorted(self.held):
            position = self.held[i]
            self.raise_stop(t, position)
            if self.m.expected[t][i] and self.missing_run[t][i] == self.s.delisting_sessions:
                self.decide(t, i, "hold", "frozen")
            if position.exit_reason not in (None, "closing"):
                continue
            reason = self.reason_to_exit(t, position, breaker_fired)
            if reason not in (None, position.exit_reason):
                position.exit_reason, position.exit_decided = reason, t
                position.exit_wait = self.run_parameters.delay
                position.exit_decision = self.decide(t, i, "exit", reason)

    def raise_stop(self, t: int, position: Position) -> None:
        if self.usable(t, position.symbol) and self.signalled(self.run_parameters.raise_signal, t, position.symbol):
            away = self.run_parameters.raised_stop_atr * position.atr
            raised = position.entry_price - position.dividends - self.sign * away
            closer = self.sign * (raised - position.stop)
            if closer > 1e-12 * abs(position.stop):  # more than a split's rounding
                self.decide(t, position.symbol, "hold", "stop_raised")
            if closer > 0:
                position.stop = raised

    def reason_to_exit(self, t: int, position: Position, breaker_fired: bool) -> str | None:
        i = position.symbol
        if self.missing_run[t][i] >= self.s.missing_sessions_exit:
            return "data_missing"
        if breaker_fired:
            return "drawdown_halt"
        close = self.m.close[t][i]
        if self.usable(t, i) and (close > position.stop if self.is_short else close < position.stop):
            return "hard_stop"
        if self.is_closing(t):
            return "closing"
        if not self.usable(t, i):
            return None
        if self.signalled(self.run_parameters.exit_signal, t, i):
            return "rule"
        if 0 < self.run_parameters.max_hold <= position.held_sessions:
            return "max_hold"
        return None

    def usable(self, t: int, i: int) -> bool:
        return bool(self.m.expected[t][i] and self.m.present[t][i])

    def signalled(self, signal: int, t: int, i: int) -> bool:
        return signal >= 0 and self.exit_signals[signal][t][i]

    # --- entries ---------------------------------------------------------------------------------------

    def candidates(self, t: int) -> None:
        multiplier = self.risk_multiplier()
        self.out.multipliers.append(multiplier)
        portfolio = self.portfolio_correlation(t)
        survivors = []
        for k in range(self.c.first[t], self.c.first[t + 1]):
            i, label = self.c.symbol[k], self.label(k)
            if label is None:
                continue
            if i in self.held or any(order.symbol == i for order in self.queue):
                self.decide(t, i, "hold", "already_held")
                continue
            reason = self.reason_to_reject(t, k, portfolio)
            if reason is not None:
                self.decide(t, i, "reject", reason)
            else:
                survivors.append((k, i, label))
        for ranks, i, label in self.ranked(t, survivors):
            self.size(t, i, label, ranks, multiplier, portfolio)

    def label(self, k: int) -> int | None:
        """The last trigger that fires; a NaN compares false."""
        fired = [
            trigger
            for trigger, strength in enumerate(self.c.strength)
            if strength[k] >= self.run_parameters.threshold[trigger]
        ]
        return fired[-1] if fired else None

    def reason_to_reject(self, t: int, k: int, portfolio: float | None) -> str | None:
        i = self.c.symbol[k]
        close, distance = self.m.close[t][i], self.run_parameters.stop_atr * self.m.atr[t][i]
        if self.is_closing(t):
            return "closing"
        if self.ruined or self.halted_at is not None or self.out.equity[-1] <= 0:
            return "halted"
        if loses_more(self.believed_return, self.s.daily_loss_limit):
            return "daily_loss_limit"
        if self.unhealthy[t][i] or 0 <= self.m.delisted[i] <= t:
            return "health"
        if not self.c.eligible[k]:
            return "eligibility"
        if self.is_short and not self.lent(t, i):
            return "no_borrow"
        if math.isnan(distance) or distance <= 0 or close - distance >= close:
            return "invalid_stop"
        if portfolio is not None and portfolio > self.s.correlation_portfolio:
            own = self.correlation_to_holdings(t, i)
            if own is not None and own > self.s.correlation_candidate:
                return "correlation_limit"
        return None

    def risk_multiplier(self) -> float:
        """Volatility scaling times the reduced risk after a halt; today's volatility joins the baseline."""
        scale = self.volatility_multiplier()
        return scale * (self.s.restart_risk if self.reduced else 1.0)

    def volatility_multiplier(self) -> float:
        window = self.s.volatility_window
        if len(self.returns) < window:
            return 1.0
        volatility = deviation(self.returns[-window:])
        if self.exposed:
            self.exposed_volatilities.append(volatility)
        baseline_values = self.exposed_volatilities[-self.s.volatility_baseline :]
        if self.run_parameters.scaling == SCALING_OFF or len(baseline_values) < self.s.volatility_minimum:
            return 1.0
        baseline = statistics.median(baseline_values)
        if baseline == 0:
            return 1.0
        if self.run_parameters.scaling == SCALING_REGIME:
            return 0.5 if volatility > 2 * baseline else 1.0
        assert self.run_parameters.scaling == SCALING_CONTINUOUS
        return clip(1 / max(volatility / baseline, 1.0), self.s.volatility_floor, 1.0)

    def ranked(self, t: int, survivors: list[tuple[int, int, int]]) -> list[tuple[Ranks, int, int]]:
        """The queue: score and ranks, symbol, label."""
        strengths = average_ranks([self.c.rank[label][k] for k, _, label in survivors])
        relatives = average_ranks([self.c.relative_strength[k] for k, _, _ in survivors])
        diversity = []
        for _, i, _ in survivors:
            own = self.correlation_to_holdings(t, i)
            diversity.append(0.5 if own is None else 1 - own)
        diversities = average_ranks(diversity)
        w0, w1, w2 = self.run_parameters.rank_weights
        scored = [
            ((w0 * r0 + w1 * r1 + w2 * r2, r0, r1, r2), i, label)
            for r0, r1, r2, (_, i, label) in zip(strengths, relatives, diversities, survivors, strict=True)
        ]
        return sorted(scored, key=lambda row: (-row[0][0], row[1]))

    def size(self, t: int, i: int, label: int, ranks: Ranks, multiplier: float, portfolio: float | None) -> None:
        """One candidate in its turn: queue an order, or say why not."""
        close, lot, adv = self.m.close[t][i], self.m.lot[i], self.m.adv[t][i]
        atr, equity = self.m.atr[t][i], self.out.equity[-1]
        if len(self.held) + len(self.queue) >= self.s.max_positions:
            self.decide(t, i, "reject", "slots")
            return
        marks = sum(self.held[j].quantity * self.held[j].mark for j in sorted(self.held))
        queued = sum(order.quantity * order.close for order in self.queue)
        room = self.s.max_gross * equity - (marks + queued)
        cuts: list[tuple[float, str]] = []

        def at_most(quantity: float, most: float, limit: str) -> float:
            if most < quantity and quantity > 0:
                cuts.append((max(most, 0.0) / quantity, limit))
            return min(quantity, most)

        quantity = floor_to_lot(equity * self.s.risk_per_trade * multiplier / (self.run_parameters.stop_atr * atr), lot)
        cap = "max_symbol" if self.s.max_symbol == self.s.max_position else "max_position"  # the latter is the least
        quantity = at_most(quantity, floor_to_lot(self.s.max_position * equity / close, lot), cap)
        quantity = at_most(quantity, floor_to_lot(max(room, 0.0) / close, lot), "max_gross")
        sector_room = None
        if self.m.sector[i] >= 0:
            sector_room = self.s.max_sector * equity - self.in_sector(self.m.sector[i])
            quantity = at_most(quantity, floor_to_lot(max(sector_room, 0.0) / close, lot), "max_sector")
        if quantity <= 0:
            self.decide(t, i, "reject", "zero_size", limit=largest_cut(cuts))
            return
        if math.isnan(adv) or adv <= 0:
            self.decide(t, i, "reject", "no_liquidity")
            return
        limit = self.run_parameters.capacity * adv
        if quantity * close > limit:
            if self.s.reject_beyond_capacity:
                self.decide(t, i, "reject", "capacity", limit=largest_cut(cuts))
                return
            quantity = at_most(quantity, floor_to_lot(limit / close, lot), "capacity")
            if quantity <= 0:
                self.decide(t, i, "reject", "capacity")
                return
        free = self.free_cash()
        taken = close * (self.fee_rate(i) + (0 if self.is_short else 1))  # the proceeds of a short sale are set aside
        if taken > 0:
            quantity = at_most(quantity, floor_to_lot(free / taken, lot), "cash")
        elif free == 0:
            quantity = at_most(quantity, 0.0, "cash")
        if quantity <= 0:
            self.decide(t, i, "reject", "insufficient_cash")
            return
        quantity, risk, part = self.within_value_at_risk(t, i, quantity, equity)
        cuts += [(part, "var_limit")] if part < 1 else []
        if quantity <= 0:
            self.decide(t, i, "reject", "var_limit")
            return
        decision = self.decide(
            t, i, "enter", label, score=ranks[0], strength_rank=ranks[1], relative_strength_rank=ranks[2],
            diversification_rank=ranks[3], quantity=quantity, notional=quantity * close,
            risk_multiplier=multiplier, portfolio_correlation=portfolio,
            candidate_correlation=self.correlation_to_holdings(t, i), equity=equity, cash=free,
            gross_room=room, sector_room=sector_room, adv=adv, capacity_limit=self.run_parameters.capacity * adv,
            stop_distance=self.run_parameters.stop_atr * atr, value_at_risk=risk,
            limit=largest_cut(cuts),
        )  # fmt: skip
        self.queue.append(Order(i, quantity, atr, close, t, label, self.run_parameters.delay, decision))

    def free_cash(self) -> float:
        """Beside what the waiting orders take, and what is owed for shares sold short, at their marks."""
        owned = 0 if self.is_short else 1
        reserved = sum(order.quantity * order.close * (owned + self.fee_rate(order.symbol)) for order in self.queue)
        if self.is_short:
            reserved += sum(position.quantity * position.mark for _, position in sorted(self.held.items()))
        return max(self.cash - reserved, 0.0)

    def within_value_at_risk(self, t: int, i: int, quantity: float, equity: float) -> tuple[float, float | None, float]:
        """What is left of an order, the value at risk with it, and the part that the limit left."""
        close = self.sign * self.m.close[t][i]
        stays = [p for p in self.held.values() if p.exit_reason is None or p.exit_reason == "data_missing"]
        weights = [(self.sign * p.quantity * p.mark / equity, p.symbol) for p in stays]
        weights += [(self.sign * order.quantity * order.close / equity, order.symbol) for order in self.queue]
        before = value_at_risk(t, weights, self.m, self.s)
        if before is None:
            return quantity, None, 1.0

        def risk_at(part: float) -> float:
            risk = value_at_risk(t, [*weights, (part * quantity * close / equity, i)], self.m, self.s)
            assert risk is not None
            return risk

        part = part_within(risk_at, before, self.s.var_limit)
        left = quantity if part == 1.0 else floor_to_lot(quantity * part, self.m.lot[i])
        return left, risk_at(left / quantity), part

    def in_sector(self, sector: int) -> float:
        marks = sum(p.quantity * p.mark for i, p in sorted(self.held.items()) if self.m.sector[i] == sector)
        return marks + sum(o.quantity * o.close for o in self.queue if self.m.sector[o.symbol] == sector)
