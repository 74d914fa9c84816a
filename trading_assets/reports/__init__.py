"""The report: one self-contained page a strategy, an index, and exports."""

from trading_assets.reports.build import build_reports, remarks_on, verdict_summary

__all__ = ["build_reports", "remarks_on", "verdict_summary"]
