"""The protocol of a data folder: one chain of all looks, exposures, registrations and trials, below every stage."""

from trading_assets.protocol.chain import LedgerTamperedError
from trading_assets.protocol.earlier import assert_imported
from trading_assets.protocol.protocol import Protocol
from trading_assets.protocol.records import Entry, Kind, Record
from trading_assets.protocol.tables import RECEIVED, RECORDS, RETURNS, TEXTS, TRIAL_ROWS
from trading_assets.protocol.trials import record_trials, trials_on

__all__ = [
    "RECEIVED",
    "RECORDS",
    "RETURNS",
    "TEXTS",
    "TRIAL_ROWS",
    "Entry",
    "Kind",
    "LedgerTamperedError",
    "Protocol",
    "Record",
    "assert_imported",
    "record_trials",
    "trials_on",
]
