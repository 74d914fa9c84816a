"""The verdict: what must hold on the holdout, whether it does, and what follows (trading rules, section 7).

The statistics are of the holdout's span, flat start: the run itself, the same run under worse slippage, its
sessions and trades of bear months, and what chance makes of it. Two are of train + validation, where the choice among
the trials was made: `dsr` and `pbo`. The drawdown is a positive fraction here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from trading_assets.config.verdict import ALPHA, VerdictThresholds
from trading_assets.robustness.tables import VERDICTS

Result = Literal["insufficient_evidence", "reject", "conditional", "go"]
Kind = Literal["evidence", "rejection", "primary", "secondary", "stress", "cap"]
Side = Literal["above", "at least", "below", "at most"]

NOT_EVALUATED = "not evaluated"
BEAR_MONTHS = "bear_months_expectancy_r"
#: What evidence is counted in, see `bets.count_bets`.
BETS = "bets"
PBO, PBO_LOSS = "pbo", "pbo_loss"
BOOTSTRAP_SHARPE = "bootstrap_sharpe"
#: What the reasons are called for which a verdict is no better.
AT_BEST = "at_best_conditional"
#: Statistic that says at which error rate the bootstrap and the permutation are judged; `ALPHA` where it is absent.
ERROR_RATE = "alpha"

#: Of the scenario in which endings without a recorded reason cost the holder a further part.
ENDINGS_MET = "unexplained_delistings_positions"
ENDINGS_SHARPE = "unexplained_delistings_sharpe"
ENDINGS_EXPECTANCY = "unexplained_delistings_expectancy_r"
#: Extreme moves without a corporate action that positions crossed, and what precedes a statistic's name where it is
#: without what was gained there.
UNEXPLAINED_MOVES = "unexplained_moves"
WITHOUT_GAINS = "without_unexplained_gains_"

#: Statistics that may be absent: `judge` then caps the result at `conditional`. A statistic that is there but
#: undefined (None) fails instead.
MAY_BE_ABSENT = frozenset({"permutation_percentile", "pbo"})


@dataclass(frozen=True)
class Criterion:
    """One line of the verdict; `passed` is None where the statistic was not evaluated."""

    kind: Kind
    name: str
    side: Side | None
    threshold: float | None
    value: float | None
    passed: bool | None
    note: str | None = None


@dataclass(frozen=True)
class Judgement:
    """The criteria in order of reading, what they amount to, and that in words."""

    strategy: str
    result: Result
    criteria: tuple[Criterion, ...]
    explanation: str


def bootstrap_statistic(alpha: float) -> str:
    """Return the name of the quantile alpha of the bootstrapped Sharpe ratio among the statistics, in percent."""
    return f"{BOOTSTRAP_SHARPE}_{100 * alpha:.8g}"


def judge(
    strategy: str,
    statistics: Mapping[str, float | None],
    thresholds: VerdictThresholds,
    caps: Sequence[str] = (),
    history: str = "",
    standing: str = "",
) -> Judgement:
    """Return the verdict on a registered strategy.

    Parameters
    ----------
    statistics
        Values by the names of `criteria`; None where undefined, which fails. Those of `MAY_BE_ABSENT` may be left out,
        and those of unexplained endings and moves: the endings are criteria where a position met one, and the moves cap
        the result at `conditional` where it would be another one without what was gained across them.
    thresholds
        The pre-registered criteria.
    caps
        Sentences on why the result is at best `conditional`, whatever the criteria say.
    history
        A sentence on the looks at this holdout, for the explanation.
    standing
        What the look was worth, for the first sentence.

    Raises
    ------
    KeyError
        A statistic is absent that may not be.
    """
    table = (*criteria(statistics, thresholds), *_caps(caps))
    result = _result(table, thresholds)
    without = _result((*criteria(_without_unexplained_gains(statistics), thresholds), *_caps(caps)), thresholds)
    capped: Result = "conditional" if result == "go" and without != "go" else result
    words = " ".join(
        filter(
            None, (_on_error_rate(statistics), _on_endings(statistics), _on_moves(statistics, result, without), history)
        )
    )
    return Judgement(strategy, capped, table, _explain(strategy, capped, table, thresholds, words, standing))


def criteria(statistics: Mapping[str, float | None], limits: VerdictThresholds) -> tuple[Criterion, ...]:
    """Return every criterion, judged."""

    def line(kind: Kind, name: str, side: Side, threshold: float) -> Criterion:
        if name not in statistics and name in MAY_BE_ABSENT:
            return Criterion(kind, name, side, threshold, None, None, NOT_EVALUATED)
        return judged_criterion(kind, name, side, threshold, statistics[name])

    alpha = _error_rate(statistics)
    # The name is the same at every error rate; the note says which quantile the value is.
    drawn = statistics[bootstrap_statistic(alpha)]
    quantile = None if drawn is None else f"the {100 * alpha:.4g} % quantile of the resamples"
    permutation = 100.0 - (100.0 - limits.reject_permutation) * alpha / ALPHA
    return (
        line("evidence", BETS, "at least", limits.min_bets),
        line("evidence", "sessions", "at least", limits.min_sessions),
        line("rejection", "drawdown", "at most", limits.reject_drawdown),
        line("rejection", "sharpe", "at least", limits.reject_sharpe),
        line("rejection", "calmar", "at least", limits.reject_calmar),
        line("rejection", "expectancy_r_without_best", "above", 0.0),
        line("rejection", "slippage_2x_expectancy_r", "above", 0.0),
        judged_criterion("rejection", BOOTSTRAP_SHARPE, "at least", limits.reject_bootstrap_sharpe, drawn, quantile),
        line("rejection", "permutation_percentile", "at least", permutation),
        line("rejection", "dsr", "at least", limits.reject_dsr),
        _pbo(statistics, limits),
        line("rejection", "look_ahead_violations", "at most", 0.0),
        *(
            [
                line("rejection", ENDINGS_SHARPE, "at least", limits.reject_sharpe),
                line("rejection", ENDINGS_EXPECTANCY, "above", 0.0),
            ]
            if (statistics.get(ENDINGS_MET) or 0) > 0
            else []
        ),
        line("primary", "sharpe", "above", limits.go_sharpe),
        line("primary", "drawdown", "below", limits.go_drawdown),
        line("primary", "calmar", "above", limits.go_calmar),
        line("primary", BETS, "at least", limits.go_bets),
        line("secondary", "expectancy_r", "above", limits.secondary_expectancy),
        line("secondary", "profit_factor", "above", limits.secondary_profit_factor),
        line("secondary", "correlation", "below", limits.secondary_correlation),
        line("secondary", "daily_loss_99", "below", limits.secondary_daily_loss),
        line("stress", "slippage_2x_sharpe", "above", limits.stress_sharpe_2x),
        line("stress", "slippage_3x_calmar", "above", limits.stress_calmar_3x),
        _bear_months(statistics, limits),
    )


def rows(judgement: Judgement) -> pl.DataFrame:
    """Return a judgement as rows of `robustness.verdicts`."""
    lines = [
        {
            "strategy": judgement.strategy,
            "position": position,
            "kind": criterion.kind,
            "criterion": criterion.name,
            "value": criterion.value,
            "side": criterion.side,
            "threshold": criterion.threshold,
            "passed": criterion.passed,
            "result": None,
            "note": criterion.note,
        }
        for position, criterion in enumerate(judgement.criteria)
    ]
    last = {
        "strategy": judgement.strategy,
        "position": len(lines),
        "kind": "result",
        "criterion": "verdict",
        "value": None,
        "side": None,
        "threshold": None,
        "passed": judgement.result == "go",
        "result": judgement.result,
        "note": judgement.explanation,
    }
    return pl.DataFrame([*lines, last], schema=VERDICTS.empty().schema)


def _error_rate(statistics: Mapping[str, float | None]) -> float:
    alpha = statistics.get(ERROR_RATE)
    return ALPHA if alpha is None else alpha


def _caps(sentences: Sequence[str]) -> Iterator[Criterion]:
    """Rows that say why the result is at best conditional; none of them is a number."""
    for number, sentence in enumerate(dict.fromkeys(sentences), 1):
        yield Criterion("cap", f"{AT_BEST}_{number}".removesuffix("_1"), None, None, None, False, sentence)


def judged_criterion(
    kind: Kind, name: str, side: Side, threshold: float, value: float | None, note: str | None = None
) -> Criterion:
    """Return a criterion with whether a value meets it; an undefined one does not.

    Parameters
    ----------
    kind, name, side, threshold, value, note
        Fields of the criterion.
    """
    if value is None:
        note = note or "undefined, which fails"
    return Criterion(kind, name, side, float(threshold), value, _holds(value, side, threshold), note)


def _holds(value: float | None, side: Side, threshold: float) -> bool:
    if value is None or math.isnan(value):
        return False
    if side == "above":
        return value > threshold
    if side == "at least":
        return value >= threshold
    if side == "below":
        return value < threshold
    return value <= threshold


def _pbo(statistics: Mapping[str, float | None], limits: VerdictThresholds) -> Criterion:
    """One criterion of two numbers: a choice that often ends below the median does no harm if it does not lose.

    Where all parameters are as good as each other, the best of one half is below the median of the other every other
    time, and that is no fault.
    """
    if PBO not in statistics:
        return Criterion("rejection", PBO, "at most", limits.reject_pbo, None, None, NOT_EVALUATED)
    found, loss = statistics[PBO], statistics.get(PBO_LOSS)
    passed = _holds(found, "at most", limits.reject_pbo) or (
        found is not None and _holds(loss, "at most", limits.reject_pbo_loss)
    )
    often = "undefined" if loss is None else f"{loss:.1%}"
    return Criterion(
        "rejection", PBO, "at most", limits.reject_pbo, found, passed,
        f"or the best of one half loses against the exposure-matched benchmark in the other ({often}) at most "
        f"{limits.reject_pbo_loss:.0%} of the time",
    )  # fmt: skip


def _bear_months(statistics: Mapping[str, float | None], limits: VerdictThresholds) -> Criterion:
    """One criterion of two numbers: either is enough."""
    expectancy, drawdown = statistics[BEAR_MONTHS], statistics["bear_months_drawdown"]
    limit = limits.stress_bear_drawdown
    passed = _holds(expectancy, "above", 0.0) or _holds(drawdown, "below", limit)
    depth = "undefined" if drawdown is None else f"{drawdown:.1%}"
    return Criterion(
        "stress", BEAR_MONTHS, "above", 0.0, expectancy, passed,
        f"or the drawdown of bear months ({depth}) below {limit:.0%}",
    )  # fmt: skip


def _result(table: Sequence[Criterion], limits: VerdictThresholds) -> Result:
    if not all(c.passed for c in _of(table, "evidence")):
        return "insufficient_evidence"
    if any(c.passed is False for c in _of(table, "rejection")):
        return "reject"
    complete = all(c.passed is not None for c in table) and not _of(table, "cap")
    primary = all(c.passed for c in _of(table, "primary"))
    secondary = sum(bool(c.passed) for c in _of(table, "secondary")) >= limits.secondary_needed
    stress = sum(bool(c.passed) for c in _of(table, "stress")) >= limits.stress_needed
    return "go" if complete and primary and secondary and stress else "conditional"


def _without_unexplained_gains(statistics: Mapping[str, float | None]) -> dict[str, float | None]:
    """The statistics, where it is known without what was gained across unexplained extreme moves."""
    less = {
        name.removeprefix(WITHOUT_GAINS): value for name, value in statistics.items() if name.startswith(WITHOUT_GAINS)
    }
    return {**statistics, **less}


def _on_error_rate(statistics: Mapping[str, float | None]) -> str:
    """A sentence on the batch and on looks before; empty for the first look of a batch of one."""
    alpha = _error_rate(statistics)
    if alpha == ALPHA:
        return ""
    why = "It is one of a batch, or of several looks"
    return f"{why}: bootstrap and permutation are judged at an error rate of {alpha:.3%}."


def _on_endings(statistics: Mapping[str, float | None]) -> str:
    """A sentence on the endings without a recorded reason; empty if that was not looked at."""
    met = statistics.get(ENDINGS_MET)
    if met is None:
        return ""
    if met == 0:
        return "No position met an ending without a recorded reason."
    positions = "1 position, which is" if met == 1 else f"{met:g} positions, which are"
    return f"An ending without a recorded reason met {positions} judged as if the worst had come of it."


def _on_moves(statistics: Mapping[str, float | None], result: Result, without: Result) -> str:
    """A sentence on the extreme moves that nothing on record explains; empty if no position crossed one."""
    count = statistics.get(UNEXPLAINED_MOVES)
    if not count:
        return ""
    moves = "an extreme move" if count == 1 else f"{count:g} extreme moves"
    crossed = f"Positions crossed {moves} that no corporate action on record explains"
    if without == result:
        return f"{crossed}; the verdict is the same without what was gained there."
    consequence = ", so it cannot be better than conditional" if result == "go" else ""
    return f"{crossed}; without what was gained there the verdict would be {without.replace('_', ' ')}{consequence}."


def _explain(
    strategy: str, result: Result, table: Sequence[Criterion], limits: VerdictThresholds, history: str, standing: str
) -> str:
    by_name = {(c.kind, c.name): c for c in table}
    bets, sessions = by_name["evidence", BETS], by_name["evidence", "sessions"]
    sentences = [
        f"{strategy}: {', '.join(filter(None, (result.replace('_', ' '), standing)))}.",
        f"The holdout has {bets.value or 0:.4g} bets in {sessions.value or 0:g} sessions.",
    ]
    if result == "insufficient_evidence":
        sentences.append(f"That is too little to judge: {_listed(_failed(table, 'evidence'))}.")
    elif result == "reject":
        sentences.append(f"It is rejected because of {_listed(_failed(table, 'rejection'))}.")
    else:
        sentences.append("Nothing that was evaluated rejects it.")
        sentences += _toward_go(table, limits)
    sentences += [f"At best conditional: {_one_line(c.note or '')}" for c in _of(table, "cap")]
    absent = [c.name.replace("_", " ") for c in table if c.passed is None]
    if absent:
        sentences.append(
            f"Not evaluated: {', '.join(absent)}; without them the verdict cannot be better than conditional."
        )
    return " ".join([*sentences, *([history] if history else [])])


def _one_line(sentence: str) -> str:
    return sentence.strip().rstrip(".") + "."


def _toward_go(table: Sequence[Criterion], limits: VerdictThresholds) -> list[str]:
    needed = {
        "primary": len(_of(table, "primary")),
        "secondary": limits.secondary_needed,
        "stress": limits.stress_needed,
    }
    sentences = []
    for kind, least in needed.items():
        group, failed = _of(table, kind), _failed(table, kind)
        count = len(group) - len(failed)
        short = f" (missing: {_listed(failed)})" if failed else ""
        sentences.append(f"It meets {count} of {len(group)} {kind} criteria, {least} needed for a go{short}.")
    return sentences


def _of(table: Sequence[Criterion], kind: str) -> list[Criterion]:
    return [c for c in table if c.kind == kind]


def _failed(table: Sequence[Criterion], kind: str) -> list[Criterion]:
    return [c for c in _of(table, kind) if c.passed is False]


def _listed(group: Sequence[Criterion]) -> str:
    return ", ".join(f"{_words(c)} (needs {c.side} {c.threshold or 0.0:.6g})" for c in group)


def _words(criterion: Criterion) -> str:
    value = "undefined" if criterion.value is None else f"{criterion.value:.3g}"
    return f"{criterion.name.replace('_', ' ')} {value}"
