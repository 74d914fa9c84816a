"""What scores said and how often that came true, with an interval that knows of rows that move together.

Symbols of a session share its market, and labels of neighbouring sessions share days: a thousand rows are no thousand
draws. Sessions are therefore put into blocks a few times as long as a label, and only blocks count as independent.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.models.evaluation_tables import RELIABILITY, types_of_folds
from trading_assets.models.reliability import groups_of
from trading_assets.models.stability import CONFIDENCE

Floats = NDArray[np.float64]

#: Sessions of a block, in lengths of a label: of what two neighbours hold an eighth is shared.
_LABELS_OF_A_BLOCK = 4


def reliability_rows(predictions: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """Return rows of `models.reliability` of all folds, without name and version of the model.

    Parameters
    ----------
    predictions
        session, score, uncalibrated and label; rows without a label are left out.
    horizon
        Sessions of a label.
    """
    known = predictions.drop_nulls("label")
    columns = [kind for kind in ("score", "uncalibrated") if known[kind].null_count() < known.height]
    block = (known["session"].rank("dense").cast(pl.Int64).to_numpy() - 1) // (_LABELS_OF_A_BLOCK * (horizon + 1))
    label = known["label"].cast(pl.Float64).to_numpy()
    parts = [_rows_of(kind, known[kind].to_numpy(), label, block) for kind in columns]
    return pl.concat([pl.DataFrame(schema=types_of_folds(RELIABILITY)), *parts])


def _rows_of(kind: str, score: Floats, label: Floats, block: NDArray[np.int64]) -> pl.DataFrame:
    group = groups_of(score)
    rows = np.bincount(group)
    ends = [share_interval(label[group == each], block[group == each]) for each in range(rows.size)]
    return pl.DataFrame(
        {
            "kind": [kind] * rows.size,
            "bin": np.arange(rows.size),
            "rows": rows,
            "score": np.bincount(group, score) / rows,
            "share": np.bincount(group, label) / rows,
            "low": [low for low, _ in ends],
            "high": [high for _, high in ends],
        }
    )


def share_interval(label: Floats, block: NDArray[np.int64]) -> tuple[float, float]:
    """Return an interval of 95 % of a share whose rows come in blocks.

    Wilson's interval (Brown, Cai and DasGupta, 2001, Interval estimation for a binomial proportion, section 3.1) of as
    many rows as independent ones would have to be for the variance between blocks, with the quantile of Student's t of
    the blocks less one: as Korn and Graubard (1998, Survey Methodology 24) do it with Clopper and Pearson's. Where all
    labels are the same there is no variance to be seen, and a block counts as one row; one block says nothing.

    Parameters
    ----------
    label, block
        (rows,) 1 or 0, and the number of the block of each row; at least one row.

    Examples
    --------
    Two blocks of two rows: shares of 1 and 0 around one half. The blocks are off by 1 and -1 rows, the variance of the
    share is 2 x 2 / 16 = 1/4, which is that of one row: nothing is known. Four blocks that all agree with the share
    leave its eight rows what they are, and t is 3.18: 0.5 +- 3.18 / (2 x root of (8 + 3.18^2)) = 0.5 +- 0.374.

    >>> share_interval(np.array([1.0, 1, 0, 0]), np.array([0, 0, 1, 1]))[0].__round__(2)
    0.0
    >>> low, high = share_interval(np.array([1.0, 0] * 4), np.repeat([0, 1, 2, 3], 2))
    >>> round(low, 3), round(high, 3)
    (0.126, 0.874)
    """
    from scipy.stats import t

    number = np.unique(block, return_inverse=True)[1]
    blocks, rows, share = int(number.max()) + 1, label.size, float(label.mean())
    if blocks < 2:
        return 0.0, 1.0
    off = np.bincount(number, label - share)
    variance = blocks / (blocks - 1) * float((off**2).sum()) / rows**2
    varies = 0 < share < 1
    independent = min(rows, share * (1 - share) / variance) if varies and variance > 0 else rows if varies else blocks
    quantile = float(t.ppf((1 + CONFIDENCE) / 2, blocks - 1))
    middle = (share + quantile**2 / (2 * independent)) / (1 + quantile**2 / independent)
    reach = quantile * np.sqrt(share * (1 - share) / independent + quantile**2 / (4 * independent**2))
    reach /= 1 + quantile**2 / independent
    return float(max(middle - reach, 0.0)), float(min(middle + reach, 1.0))
