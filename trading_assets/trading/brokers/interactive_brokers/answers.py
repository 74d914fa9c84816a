"""Numbers that TWS answers with, in words: what says no to an order, to the connection, or to nothing at all."""

from __future__ import annotations

READ_ONLY, CLIENT_ID_IN_USE = 321, 326
LOST, RESTORED = (1100, 2110), (1101, 1102)
#: Of an order that cannot be cancelled, because it is unknown or has ended.
NOT_CANCELLABLE = (161, 10147, 10148)
CANCELLED = 202

_WORDS = {
    103: "the number of the order was used before",
    110: "the price is no multiple of the tick",
    135: "TWS does not know the order",
    200: "IB has no such security, or more than one",
    201: "IB rejected it",
    202: "it was cancelled",
    203: "the security is not available or not allowed for this account",
    354: "no subscription of its market data",
    387: "the exchange does not take this type of order",
    434: "the size is zero",
    463: "TWS wants a limit price",
    478: "the security does not fit its number",
    10089: "no subscription of its market data",
    10090: "no subscription of its market data",
    10147: "TWS does not know the order",
    10148: "the order has ended, or is about to",
    10167: "no subscription of its market data, delayed data are shown",
    10168: "no subscription of its market data, and delayed data are off",
    10186: "no subscription of its market data, and delayed data are off",
    10197: "another login of the same user takes the market data",
    10243: "fractions of a share are not taken by the API",
    10244: "cash quantities are not taken by the API",
    10289: "a market order for coins is given in cash",
}
#: What is told about an order that goes on living; 2100 to 2199 are, too.
_INFORMS = frozenset({165, 399, 404, 10167, 10349})


def informs_only(code: int) -> bool:
    """Return whether an answer says no to nothing: farms that connect, an order that waits for the open."""
    return code in _INFORMS or 2100 <= code < 2200


def is_known(code: int) -> bool:
    """Return whether it is known what an answer means."""
    return code in _WORDS or informs_only(code)


def in_words(code: int, text: str) -> str:
    """Return an answer in words, with its number and what TWS said.

    Parameters
    ----------
    code, text
        Number and text of the answer.

    Examples
    --------
    >>> in_words(201, "Order rejected - reason:Insufficient buying power")
    'IB rejected it (201: Order rejected - reason:Insufficient buying power)'
    >>> in_words(9999, "Something new")
    'TWS says no (9999: Something new)'
    """
    said = " ".join(text.replace("<br>", " ").split())
    return f"{_WORDS.get(code, 'TWS says no')} ({code}: {said})"
