"""The protocol of a data folder: one chain of all looks, exposures, registrations and trials, below every stage."""

from trading_assets.protocol.chain import LedgerTamperedError
from trading_assets.protocol.protocol import Protocol
from trading_assets.protocol.records import Entry, Kind, Record
from trading_assets.protocol.tables import RECORDS, RETURNS, TEXTS, TRIAL_ROWS

__all__ = ["RECORDS", "RETURNS", "TEXTS", "TRIAL_ROWS", "Entry", "Kind", "LedgerTamperedError", "Protocol", "Record"]
