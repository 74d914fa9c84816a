"""Every criterion and metric has words, and none an underscore."""

from __future__ import annotations

from collections import defaultdict

from trading_assets.backtests.results.metrics import METRICS
from trading_assets.config.verdict import VerdictThresholds
from trading_assets.reports.strategy_page.words import (
    CRITERIA,
    MAIN_METRICS,
    METRIC_WORDS,
    criterion_words,
    metric_words,
)
from trading_assets.robustness.verdict.criteria import AT_BEST, ENDINGS_MET, criteria


def test_every_criterion_has_words_and_no_other() -> None:
    statistics = defaultdict(lambda: 1.0, {ENDINGS_MET: 1.0, "alpha": 0.05})
    judged = {criterion.name for criterion in criteria(statistics, VerdictThresholds())}
    assert set(CRITERIA) == judged
    assert criterion_words(f"{AT_BEST}_2") == "at best conditional"


def test_no_words_have_underscores_and_no_two_metrics_the_same() -> None:
    words = [metric_words(name) for name in METRICS]
    assert len(set(words)) == len(words)
    assert not any("_" in text for text in [*words, *(text for text, _ in CRITERIA.values())])
    assert set(METRIC_WORDS) | set(MAIN_METRICS) <= set(METRICS)
