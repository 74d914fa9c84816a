"""What the twin's fills cost: fee, slippage, impact and the tick."""

from __future__ import annotations

import math
from typing import Any

from trading_assets_tests.backtests.reference_arithmetic import clip, standard_normal


class Costs:
    """Part of the reference engines: `m`, `s` and `run_parameters` are the market, settings and parameters, plain."""

    m: Any
    s: Any
    run_parameters: Any

    def traded_at(self, i: int, raw: float, bps: float, side: int) -> float:
        """Bought up to the next tick, sold down to it."""
        tick = self.m.tick[i] if raw >= 1 else self.m.tick_below_one[i]
        if side == 0:
            price = raw * (1 + bps / 1e4)
            return math.ceil(price / tick - 1e-9) * tick if tick > 0 else price
        price = max(raw * (1 - bps / 1e4), 0.0)
        return math.floor(price / tick + 1e-9) * tick if tick > 0 else price

    def fee_rate(self, i: int) -> float:
        return float(self.m.fee_bps[i] / 1e4 * self.run_parameters.fee_multiplier)

    def slippage(self, t: int, i: int, decided: int, notional: float, side: int) -> tuple[float, float]:
        """Of a fill, and its mean."""
        ratio, adv = self.m.volatility_ratio[decided][i], self.m.adv[decided][i]
        volatility = 1.0 if math.isnan(ratio) else clip(ratio, self.s.volatility_low, self.s.volatility_high)
        if math.isnan(adv) or adv <= 0:
            size = self.s.size_high
        else:
            size = clip(notional / (0.5 * self.run_parameters.capacity * adv), self.s.size_low, self.s.size_high)
        stressed = self.m.stressed[t][i]
        mean = self.m.slippage_bps[i] * volatility * size * self.run_parameters.slippage_multiplier
        mean *= self.m.weekend_multiplier[i] if self.m.weekend[t] else 1.0
        mean *= self.s.stress_multiplier if stressed else 1.0
        mean *= self.s.crash_slippage if self.crash(t) else 1.0
        beyond = self.impact(i, decided, notional) * (self.s.crash_slippage if self.crash(t) else 1.0)
        if not self.s.noise:
            return mean + beyond, mean + beyond
        deviation = self.s.stress_noise_deviation if stressed else self.s.noise_deviation
        draw = standard_normal(self.s.seed, self.m.symbol_key[i], self.m.day[t], side)
        return max(0.0, mean + mean * deviation * draw) + beyond, mean + beyond

    def impact(self, i: int, decided: int, notional: float) -> float:
        """In bp, of the part of an order that the size factor does not see."""
        adv, volatility = self.m.adv[decided][i], self.m.volatility[decided][i]
        if math.isnan(volatility):
            return 0.0
        share = notional / adv if adv > 0 else 1.0
        ends = 0.5 * self.run_parameters.capacity * self.s.size_high
        roots = math.sqrt(share) - math.sqrt(ends)
        beyond: float = 1e4 * self.s.impact * volatility * roots * self.run_parameters.slippage_multiplier
        return max(0.0, beyond)

    def crash(self, t: int) -> bool:
        return bool(self.m.crash) and self.m.crash[t]
