"""The rules of target weights, slow and plain: the oracle of the compiled entry point for them.

Health, breaker, limits, volatility scaling and costs are the order-based twin's; what differs is here. `Target` is an
order: a slot is to be `weight` of equity. Positions are signed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trading_assets.backtests.engine.arrays import EXIT_REASONS, Market, Targets
from trading_assets.backtests.engine.settings import Settings
from trading_assets_tests.backtests.reference_arithmetic import largest_cut, loses_more
from trading_assets_tests.backtests.reference_book import Outcome
from trading_assets_tests.backtests.reference_legs import CLOSING, HALT
from trading_assets_tests.backtests.reference_regimes import Row, spread
from trading_assets_tests.backtests.reference_target_book import REBALANCE, TargetBook
from trading_assets_tests.backtests.reference_value_at_risk import part_within, value_at_risk


def simulate_targets_plainly(market: Market, targets: Targets, run_parameters: np.void, settings: Settings) -> Outcome:
    """Run one trial."""
    return TargetTwin(market, targets, run_parameters, settings).run()


class TargetTwin(TargetBook):
    def run(self) -> Outcome:
        for t in range(self.run_parameters.first_session, self.run_parameters.last_session + 1):
            for leg in self.legs.values():
                self.take_back_or_confirm(t, leg.symbol, leg)
            self.borrow(t)
            self.actions(t)
            self.open_of(t)
            self.mark(t)
            self.delist(t)
            self.value(t)
            fired = self.breaker(t)
            self.force(t, fired)
            multiplier = self.risk_multiplier()
            self.out.multipliers.append(multiplier)
            self.decide_rows(t, multiplier)
        self.out.held = [self.legs[p] for p in sorted(self.legs)]  # type: ignore[misc]
        self.out.queue = self.orders  # type: ignore[assignment]
        self.conclude_equity()
        return self.out

    # --- at the close ----------------------------------------------------------------------------------------

    def mark(self, t: int) -> None:
        for leg in self.legs.values():
            leg.held_sessions += self.hear(t, leg.symbol, leg, is_short=leg.side == 1)

    def gone(self, t: int, i: int) -> bool:
        return bool(t == self.m.delisted[i])

    def delist(self, t: int) -> None:
        for p in sorted(self.legs):
            leg = self.legs[p]
            if self.gone(t, leg.symbol):
                decision = self.say(t, p, "exit", "delisted")
                worth = self.worth_at_the_end(leg.symbol, leg, is_short=leg.side == 1)
                self.book_exit(t, leg, abs(leg.quantity), worth, worth, 0.0, 0.0, 0, decision)
                self.drop(p)

    def value(self, t: int) -> None:
        invested = sum(leg.quantity * leg.mark for leg in self.legs.values())
        gross = sum(abs(leg.quantity) * leg.mark for leg in self.legs.values())
        before = self.out.equity[-1] if self.out.equity else self.s.starting_equity
        equity = self.cash + invested
        self.returns.append(equity / before - 1 if before > 0 else 0.0)
        self.believe(t, {p: (leg.symbol, leg.quantity, leg) for p, leg in self.legs.items()})
        self.out.equity.append(equity)
        self.out.cash.append(self.cash)
        self.exposed = gross > 0
        self.out.gross_exposure.append(gross / equity if equity > 0 else 0.0)
        self.out.positions.append(len(self.legs))

    def breaker(self, t: int) -> bool:
        if self.cash < 0 and not self.ruined:  # a short squeeze: as a total loss
            self.ruined = True
            return True
        return super().breaker(t)

    def cancel_orders(self, t: int, why: str = "halted") -> bool:
        return True  # `force` does it

    def force(self, t: int, fired: bool) -> None:
        if fired or self.is_closing(t):
            self.going_on = {}
        for order in list(self.orders):
            p = order.position_index
            if p not in self.legs and (fired or self.is_closing(t) or order.weight == 0):
                if order.weight != 0:
                    self.say(t, p, "reject", "halted" if fired else "closing")
                self.drop(p)
        for p in sorted(self.legs):
            waiting = self.order_of(p)
            i = self.symbol(p)
            if self.m.expected[t][i] and self.missing_run[t][i] == self.s.delisting_sessions:
                self.say(t, p, "hold", "frozen")
            leaves = waiting is not None and waiting.weight == 0
            if waiting is not None and leaves and waiting.reason != CLOSING:
                continue
            reason = self.forced_reason(t, p, fired or self.ruined)
            if reason is not None and not (leaves and reason == "closing"):
                for leg in (p, self.partner(p)):
                    self.going_on.pop(leg, None)  # type: ignore[arg-type]
                self.order(t, p, 0.0, EXIT_REASONS.index(reason), self.say(t, p, "exit", reason))

    def forced_reason(self, t: int, p: int, leaving: bool) -> str | None:
        missing, other = self.missing_run[t], self.partner(p)
        if other is not None and self.gone(t, self.symbol(other)):
            return "delisted"
        if missing[self.symbol(p)] >= self.s.missing_sessions_exit:
            return "data_missing"
        if other in self.legs and missing[self.symbol(other)] >= self.s.missing_sessions_exit:
            return "data_missing"
        if other is not None and missing[self.symbol(other)] >= self.s.delisting_sessions:
            return "data_missing"
        if leaving:
            return "drawdown_halt"
        return "closing" if self.is_closing(t) else None

    # --- rows ----------------------------------------------------------------------------------------------------

    def decide_rows(self, t: int, multiplier: float) -> None:
        rows = self.rows_of(t)
        for row in rows:
            row.wanted, row.scale = row.weight, multiplier
            self.test(t, row)
        self.reject_legs(rows)
        current = {row.position_index: self.weight(row.position_index) for row in rows}
        self.going_on |= spread(rows, current, self.s.max_regime_turnover)
        gross, symbols, sectors = self.standing(rows)
        self.cap(rows, symbols, sectors)
        asked = sum(row.granted for row in rows if row.growing)
        if gross + asked > self.s.max_gross and asked > 0:
            scale = max(0.0, self.s.max_gross - gross) / asked
            for row in rows:
                row.granted *= scale
                row.cuts.append((scale, "max_gross"))
        if self.s.reject_beyond_capacity:
            self.reject_beyond_capacity(t, rows)
            self.reject_legs(rows)
        else:
            self.cut_to_capacity(t, rows)
        growing = asked > 0 and any(row.growing for row in rows)
        part = self.part_within_value_at_risk(t, rows) if growing else 1.0
        for row in rows:
            row.granted *= part
            row.cuts += [(part, "var_limit")] if part < 1 else []
        for row in rows:
            if row.growing and row.granted < 1e-12:
                row.rejected = "var_limit" if part < 1e-12 else "zero_size"
        self.reject_legs(rows)
        for row in rows:
            self.conclude(t, row, multiplier)

    def rows_of(self, t: int) -> list[Row]:
        """What is stated, and what goes on from an earlier change of regime; what is stated ends that of its slot."""
        of = self.targets
        rows = [
            Row(
                of.position_index[k], of.weight[k], of.eligible[k], of.reason[k], bool(of.of_regime and of.of_regime[k])
            )
            for k in range(of.first[t], of.first[t + 1])
        ]
        stated = {row.position_index for row in rows}
        for p in stated:
            self.going_on.pop(p, None)

        def is_free(p: int) -> bool:
            return self.order_of(p) is None and bool(self.m.present[t][self.symbol(p)])

        for p in sorted(self.going_on):
            other = self.partner(p)
            if is_free(p) and (other not in self.going_on or is_free(other)):
                rows.append(self.going_on[p])
        for row in rows:
            self.going_on.pop(row.position_index, None)
        return sorted(rows, key=lambda row: row.position_index)

    def entry_block_reason(self, t: int) -> str | None:
        if self.is_closing(t):
            return "closing"
        if self.ruined or self.halted_at is not None or self.out.equity[-1] <= 0:
            return "halted"
        if loses_more(self.believed_return, self.s.daily_loss_limit):
            return "daily_loss_limit"
        return None

    def test(self, t: int, row: Row) -> None:
        p, i, current, waiting = (
            row.position_index,
            self.symbol(row.position_index),
            self.weight(row.position_index),
            self.order_of(row.position_index),
        )
        adv = self.m.adv[t][i]
        if waiting is not None and waiting.forced:
            if row.weight == 0:
                row.kind = "nothing"
            else:
                row.rejected = {HALT: "halted", CLOSING: "closing"}.get(waiting.reason, "health")
        elif row.weight == 0 and p not in self.legs and waiting is None:
            row.kind = "nothing"
        elif row.weight * current >= 0 and abs(row.weight) <= abs(current):
            row.kind = "shrink"
        elif self.entry_block_reason(t):
            row.rejected = self.entry_block_reason(t)
        elif self.unhealthy[t][i] or 0 <= self.m.delisted[i] <= t:
            row.rejected = "health"
        elif not row.eligible:
            row.rejected = "eligibility"
        elif row.weight < 0 and not self.m.borrowable[t][i]:
            row.rejected = "no_borrow"
        elif not adv > 0:
            row.rejected = "no_liquidity"

    def reject_legs(self, rows: list[Row]) -> None:
        for row in rows:
            if row.rejected and row.kind == "grow":
                for other in rows:
                    if other.position_index == self.partner(row.position_index) and other.growing:
                        other.rejected = "pair_leg"

    def waits_for_data(self, p: int) -> bool:
        waiting = self.order_of(p)
        return waiting is not None and waiting.forced and waiting.reason == EXIT_REASONS.index("data_missing")

    def standing_weights(self, rows: list[Row]) -> dict[int, float]:
        """Signed weight by slot of what the growing rows come on top of."""
        by_slot = {row.position_index: row for row in rows if row.kind != "nothing"}
        found = {}
        for p in {*self.legs, *(order.position_index for order in self.orders)}:
            row, waiting = by_slot.get(p), self.order_of(p)
            if self.waits_for_data(p):
                found[p] = self.weight(p)  # it cannot be left before its data are back
            elif waiting is not None and (row is None or waiting.forced):
                found[p] = waiting.weight
            elif row is None or row.rejected:
                found[p] = self.weight(p)
            else:
                found[p] = 0.0 if row.growing else row.weight
        return found

    def standing(self, rows: list[Row]) -> tuple[float, dict[int, float], dict[int, float]]:
        gross, symbols = 0.0, dict.fromkeys(self.symbols, 0.0)
        sectors: dict[int, float] = {}
        for p, signed in self.standing_weights(rows).items():
            i, weight = self.symbol(p), abs(signed)
            gross += weight
            symbols[i] += weight
            sectors[self.m.sector[i]] = sectors.get(self.m.sector[i], 0.0) + weight
        return gross, symbols, sectors

    def cap(self, rows: list[Row], symbols: dict[int, float], sectors: dict[int, float]) -> None:
        """Caps of symbol and sector in order of the rows; both legs of a pair by one factor."""
        done: set[int] = set()
        for row in rows:
            legs = [
                other
                for other in rows
                if other.position_index in (row.position_index, self.partner(row.position_index)) and other.growing
            ]
            if row.position_index in done or not row.growing:
                continue
            share, taken = 1.0, []
            for leg in legs:
                i = self.symbol(leg.position_index)
                sector, asked = self.m.sector[i], abs(leg.weight) * leg.scale
                room, limit = self.s.max_symbol - symbols[i], "max_symbol"
                if sector >= 0 and self.s.max_sector - sectors.get(sector, 0.0) < room:
                    room, limit = self.s.max_sector - sectors.get(sector, 0.0), "max_sector"
                got = min(asked, max(room, 0.0))
                left = got / asked if asked > 0 else 0.0
                share = min(share, left)
                for both in legs:
                    both.cuts += [(left, limit)] if left < 1 else []
                symbols[i] += got
                sectors[sector] = sectors.get(sector, 0.0) + got
                taken.append((leg, i, sector, asked, got))
            for leg, i, sector, asked, got in taken:
                leg.granted = asked * share
                symbols[i] += leg.granted - got
                sectors[sector] += leg.granted - got
                done.add(leg.position_index)

    def growth(self, row: Row) -> float:
        """Weight that comes on top of what is on that side already."""
        return max(0.0, row.granted - self.kept(row))

    def kept(self, row: Row) -> float:
        current = self.weight(row.position_index)
        return abs(current) if current * row.weight > 0 else 0.0

    def room(self, t: int, row: Row) -> float:
        return float(
            self.run_parameters.capacity * self.m.adv[t][self.symbol(row.position_index)] / self.out.equity[-1]
        )

    def cut_to_capacity(self, t: int, rows: list[Row]) -> None:
        """All that grow on one side of a symbol to one part of their growth; of a pair both to the smaller."""
        growing = {row.position_index: row for row in rows if row.growing}
        growth = {p: self.growth(row) for p, row in growing.items()}
        side = {p: (self.symbol(p), row.weight > 0) for p, row in growing.items()}
        part = {}
        for p, row in growing.items():
            whole = sum(growth[q] for q in growing if side[q] == side[p])
            part[p] = min(1.0, self.room(t, row) / whole) if growth[p] > 0 else 1.0
        for p, row in growing.items():
            other = self.partner(p)
            share = min(part[p], part[other]) if other in growing else part[p]
            if share < 1 and growth[p] > 0:
                whole = row.granted
                # not whole - cut: of a cut to almost nothing that leaves rounding, which may say that it shrinks
                row.granted = self.kept(row) + share * growth[p]
                row.cuts.append((row.granted / whole, "capacity"))

    def reject_beyond_capacity(self, t: int, rows: list[Row]) -> None:
        """In order, what does not fit into what is left of its symbol and side; both legs of a pair or neither."""
        taken: dict[tuple[int, bool], float] = {}
        done: set[int] = set()
        for row in rows:
            both = (row.position_index, self.partner(row.position_index))
            legs = [leg for leg in rows if leg.position_index in both and leg.growing and self.growth(leg) > 0]
            if row.position_index in done:
                continue
            done.update(p for p in both if p is not None)
            keys = {leg.position_index: (self.symbol(leg.position_index), leg.weight > 0) for leg in legs}
            too_large = [
                leg for leg in legs if taken.get(keys[leg.position_index], 0.0) + self.growth(leg) > self.room(t, leg)
            ]
            for leg in legs if not too_large else []:
                key = keys[leg.position_index]
                taken[key] = taken.get(key, 0.0) + self.growth(leg)
            for leg in too_large:
                leg.rejected = "capacity"

    def part_within_value_at_risk(self, t: int, rows: list[Row]) -> float:
        growing = [row for row in rows if row.growing]
        grown = {row.position_index for row in growing}
        weights = [(weight, self.symbol(p)) for p, weight in self.standing_weights(rows).items() if p not in grown]
        held = [(self.weight(p), self.symbol(p)) for p in grown]
        before = value_at_risk(t, [*weights, *held], self.m, self.s)
        if before is None:
            return 1.0

        def risk_at(part: float) -> float:
            asked = [
                (part * math.copysign(row.granted, row.weight), self.symbol(row.position_index)) for row in growing
            ]
            risk = value_at_risk(t, [*weights, *asked], self.m, self.s)
            assert risk is not None
            return risk

        return part_within(risk_at, before, self.s.var_limit)

    def conclude(self, t: int, row: Row, multiplier: float) -> None:
        p, current, waiting = row.position_index, self.weight(row.position_index), self.order_of(row.position_index)
        if row.kind == "nothing":
            return
        numbers: dict[str, Any] = {"target_weight": row.wanted, "equity": self.out.equity[-1]}
        if row.rejected:
            self.going_on.pop(p, None)
            if row.rejected in ("zero_size", "var_limit"):
                numbers["limit"] = largest_cut(row.cuts)
            self.say(t, p, "reject", row.rejected, **numbers)
            if waiting is not None and waiting.forced:
                return
            self.drop(p)
            if row.weight * current < 0:  # the closing half of a flip passes
                self.order(t, p, 0.0, row.reason, self.say(t, p, "exit", row.reason))
        elif row.kind == "shrink":
            reason = REBALANCE if row.weight != 0 else row.reason
            numbers["limit"] = "max_regime_turnover" if p in self.going_on else None
            decision = self.say(t, p, "exit", reason, granted_weight=row.weight, **numbers)
            self.drop(p)
            if p in self.legs or row.weight != 0:
                self.order(t, p, row.weight, reason, decision)
        else:
            reason = REBALANCE if row.weight * current > 0 else row.reason
            granted = math.copysign(row.granted, row.weight)
            grown = granted * current < 0 or abs(granted) > abs(current)
            kind = "enter" if grown else "exit"
            decision = self.say(
                t,
                p,
                kind,
                reason,
                granted_weight=granted,
                risk_multiplier=multiplier,
                limit=largest_cut(row.cuts),
                **numbers,
            )
            self.order(t, p, granted, reason, decision)
