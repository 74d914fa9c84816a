"""The report: one page a strategy, an index, and exports."""

from trading_assets.reports.build import build_reports, build_single_files, remarks_on, verdict_summary

__all__ = ["build_reports", "build_single_files", "remarks_on", "verdict_summary"]
