"""Files of vendors of stocks. Volume is in shares."""

from __future__ import annotations

from trading_assets_tests.market_data.vendor_files import VendorFile

_FIRST = ("AAPL", "2024-01-02", 10.0, 12.0, 9.0, 11.0, 1000.0)
_LAST = ("AAPL", "2024-01-16", 11.0, 13.0, 10.0, 12.5, 2000.0)


def _bars(symbol: str, factor: float = 1.0) -> dict[str, tuple[str, str, float, float, float, float, float]]:
    """The two bars of most files, under another name, with another volume."""
    return {
        "first": (symbol, *_FIRST[1:6], _FIRST[6] * factor),
        "last": (symbol, *_LAST[1:6], _LAST[6] * factor),
    }


EQUITY: dict[str, list[VendorFile]] = {
    "yahoo": [
        VendorFile(
            "AAPL.csv",
            """
Date,Open,High,Low,Close,Adj Close,Volume
2024-01-02,10,12,9,11,10.9,1000
2024-01-16,11,13,10,12.5,12.5,2000
""",
            **_bars("AAPL"),
        ),
    ],
    "yfinance_history": [
        VendorFile(
            "AAPL.csv",
            """
Date,Open,High,Low,Close,Volume,Dividends,Stock Splits
2024-01-02 00:00:00-05:00,10,12,9,11,1000,0.0,0.0
2024-01-16 00:00:00-05:00,11,13,10,12.5,2000,0.24,2.0
""",
            **_bars("AAPL"),
        ),
    ],
    "yfinance_history_raw": [
        VendorFile(
            "AAPL.csv",
            """
Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits
2024-01-02 00:00:00-05:00,10,12,9,11,10.9,1000,0.0,0.0
2024-01-16 00:00:00-05:00,11,13,10,12.5,12.5,2000,0.24,2.0
""",
            **_bars("AAPL"),
            actions=(("2024-01-16", 0.24, 1.0),),
        ),
    ],
    "stooq_download": [
        VendorFile(
            "aapl_us_d.csv",
            """
Date,Open,High,Low,Close,Volume
2024-01-02,10,12,9,11,1000
2024-01-16,11,13,10,12.5,2000
""",
            **_bars("aapl"),
        ),
    ],
    "stooq_daily": [
        VendorFile(
            "data/daily/us/nasdaq stocks/1/aapl.us.txt",
            """
<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>
AAPL.US,D,20240102,000000,10,12,9,11,1000,0
AAPL.US,D,20240116,000000,11,13,10,12.5,2000,0
""",
            **_bars("AAPL"),
        ),
    ],
    "tiingo": [
        VendorFile(
            "AAPL.csv",
            """
date,close,high,low,open,volume,adjClose,adjHigh,adjLow,adjOpen,adjVolume,divCash,splitFactor
2024-01-02,11,12,9,10,1000,5.4,5.9,4.4,4.9,2000,0.0,1.0
2024-01-16,12.5,13,10,11,2000,12.5,13,10,11,2000,0.24,2.0
""",
            **_bars("AAPL"),
            actions=(("2024-01-16", 0.24, 2.0),),
        ),
    ],
    "alpha_vantage_adjusted": [
        VendorFile(
            "daily_adjusted_AAPL.csv",
            """
timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient
2024-01-16,11,13,10,12.5,12.5,2000,0.24,2.0
2024-01-02,10,12,9,11,5.4,1000,0.0000,1.0
""",
            **_bars("AAPL"),
            actions=(("2024-01-16", 0.24, 2.0),),
        ),
    ],
    "zipline_csvdir": [
        VendorFile(
            "daily/AAPL.csv",
            """
date,open,high,low,close,volume,dividend,split
2024-01-02,10,12,9,11,1000,0.0,1.0
2024-01-16,11,13,10,12.5,2000,0.24,2.0
""",
            **_bars("AAPL"),
            actions=(("2024-01-16", 0.24, 2.0),),
        ),
    ],
    "quandl_wiki": [
        VendorFile(
            "WIKI_PRICES.csv",
            """
ticker,date,open,high,low,close,volume,ex-dividend,split_ratio,adj_open,adj_high,adj_low,adj_close,adj_volume
AAPL,2024-01-02,10,12,9,11,1000,0.0,1.0,4.9,5.9,4.4,5.4,2000
AAPL,2024-01-16,11,13,10,12.5,2000,0.24,2.0,11,13,10,12.5,2000
""",
            **_bars("AAPL"),
            actions=(("2024-01-16", 0.24, 2.0),),
        ),
    ],
    "eodhd": [
        VendorFile(
            "AAPL.csv",
            """
Date,Open,High,Low,Close,Adjusted_close,Volume
2024-01-02,10,12,9,11,10.9,1000
2024-01-16,11,13,10,12.5,12.5,2000
""",
            **_bars("AAPL"),
        ),
    ],
    "alpha_vantage_daily": [
        VendorFile(
            "daily_AAPL.csv",
            """
timestamp,open,high,low,close,volume
2024-01-16,11.0000,13.0000,10.0000,12.5000,2000
2024-01-02,10.0000,12.0000,9.0000,11.0000,1000
""",
            **_bars("AAPL"),
        ),
    ],
    "alpha_vantage_intraday": [
        # 09:25 is before the open and 16:00 after the close: 600 + 400 shares between.
        VendorFile(
            "intraday_5min_AAPL.csv",
            """
timestamp,open,high,low,close,volume
2024-01-16 09:30:00,11,13,10,12.5,2000
2024-01-02 16:00:00,11,99,11,99,5000
2024-01-02 09:35:00,10.5,12,10,11,400
2024-01-02 09:30:00,10,11,9,10.5,600
2024-01-02 09:25:00,7,7,7,7,5000
""",
            **_bars("AAPL"),
        ),
    ],
    "nasdaq": [
        VendorFile(
            "AAPL.csv",
            """
Date,Close/Last,Volume,Open,High,Low
01/16/2024,$12.50,"2,000",$11.00,$13.00,$10.00
01/02/2024,$11.00,"1,000",$10.00,$12.00,$9.00
""",
            **_bars("AAPL"),
        ),
    ],
    "investing_month_first": [
        # 1.00K is 1,000 and 0.002M is 2,000.
        VendorFile(
            "AAPL Historical Data.csv",
            """
"Date","Price","Open","High","Low","Vol.","Change %"
"01/16/2024","12.50","11.00","13.00","10.00","0.002M","13.64%"
"01/02/2024","11.00","10.00","12.00","9.00","1.00K","1.00%"
""",
            **_bars("AAPL"),
        ),
    ],
    "investing_day_first": [
        VendorFile(
            "AAPL Historical Data.csv",
            """
"Date","Price","Open","High","Low","Vol.","Change %"
"16/01/2024","12.50","11.00","13.00","10.00","0.002M","13.64%"
"02/01/2024","11.00","10.00","12.00","9.00","1.00K","1.00%"
""",
            **_bars("AAPL"),
        ),
    ],
    "investing_de": [
        VendorFile(
            "AAPL Historische Daten.csv",
            """
"Datum","Zuletzt","Eröffn.","Hoch","Tief","Vol.","+/- %"
"16.01.2024","12,50","11,00","13,00","10,00","0,002M","13,64%"
"02.01.2024","11,00","10,00","12,00","9,00","1,00K","1,00%"
""",
            **_bars("AAPL"),
        ),
    ],
    "polygon_flat": [
        # 1704171600 s is 2024-01-02 05:00 UTC, midnight in New York in winter; 1719806400 is 2024-07-01 04:00 UTC.
        VendorFile(
            "us_stocks_sip/day_aggs_v1/2024.csv",
            """
ticker,volume,open,close,high,low,window_start,transactions
AAPL,1000,10,11,12,9,1704171600000000000,9
MSFT,7,1,1,1,1,1704171600000000000,9
AAPL,2000,11,12.5,13,10,1719806400000000000,9
""",
            first=_FIRST,
            last=("AAPL", "2024-07-01", 11.0, 13.0, 10.0, 12.5, 2000.0),
        ),
        # 14:29 UTC is before the open at 9:30 New York: 600 + 400 shares after it.
        VendorFile(
            "us_stocks_sip/minute_aggs_v1/2024-01-02.csv",
            """
ticker,volume,open,close,high,low,window_start,transactions
AAPL,5000,7,7,7,7,1704205740000000000,9
AAPL,600,10,10.5,11,9,1704205800000000000,9
AAPL,400,10.5,11,12,10,1704205860000000000,9
""",
            first=_FIRST,
            last=_FIRST,
            sessions=1,
        ),
    ],
    "databento": [
        # 1704153600 s is 2024-01-02 00:00 UTC, 1705363200 is 2024-01-16.
        VendorFile(
            "equs-summary.ohlcv-1d.csv",
            """
ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol
1704153600000000000,35,90,32,10000000000,12000000000,9000000000,11000000000,1000,AAPL
1705363200000000000,35,90,32,11000000000,13000000000,10000000000,12500000000,2000,AAPL
""",
            **_bars("AAPL"),
        ),
    ],
    "databento_pretty": [
        VendorFile(
            "equs-summary.ohlcv-1d.csv",
            """
ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol
2024-01-02T00:00:00.000000000Z,35,90,32,10.000000000,12.000000000,9.000000000,11.000000000,1000,AAPL
2024-01-16T00:00:00.000000000Z,35,90,32,11.000000000,13.000000000,10.000000000,12.500000000,2000,AAPL
""",
            **_bars("AAPL"),
        ),
    ],
    "stooq_intraday_warsaw": [
        # 15:30 in Warsaw is 9:30 in New York; 15:25 is before the open, 22:00 after the close.
        VendorFile(
            "data/5 min/us/nasdaq stocks/1/aapl.us.txt",
            """
<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>
AAPL.US,5,20240102,152500,7,7,7,7,5000,0
AAPL.US,5,20240102,153000,10,11,9,10.5,600,0
AAPL.US,5,20240102,153500,10.5,12,10,11,400,0
AAPL.US,5,20240102,220000,11,99,11,99,5000,0
AAPL.US,5,20240116,153000,11,13,10,12.5,2000,0
""",
            **_bars("AAPL"),
        ),
    ],
    "stooq_intraday_new_york": [
        VendorFile(
            "data/hourly/us/nasdaq stocks/1/aapl.us.txt",
            """
<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>
AAPL.US,60,20240102,093000,10,11,9,10.5,600,0
AAPL.US,60,20240102,103000,10.5,12,10,11,400,0
AAPL.US,60,20240116,093000,11,13,10,12.5,2000,0
""",
            **_bars("AAPL"),
        ),
    ],
    "metatrader4": [
        VendorFile(
            "EURUSD1440.csv",
            """
2024.01.02,00:00,1.10,1.12,1.09,1.11,1000
2024.01.16,00:00,1.11,1.13,1.10,1.125,2000
""",
            first=("EURUSD", "2024-01-02", 1.10, 1.12, 1.09, 1.11, 1000.0),
            last=("EURUSD", "2024-01-16", 1.11, 1.13, 1.10, 1.125, 2000.0),
        ),
        # Minutes in the zone that the user knows: 16:30 at UTC+2 is 9:30 in New York, 16:29 before the open.
        VendorFile(
            "AAPL.csv",
            """
2024.01.02,16:29,7,7,7,7,5000
2024.01.02,16:30,10,11,9,10.5,600
2024.01.02,16:31,10.5,12,10,11,400
2024.01.16,16:30,11,13,10,12.5,2000
""",
            **_bars("AAPL"),
            settings={"timezone": "Etc/GMT-2"},
        ),
    ],
    "metatrader5_daily": [
        VendorFile(
            "AAPL_Daily_202401020000_202401160000.csv",
            """
<DATE>	<OPEN>	<HIGH>	<LOW>	<CLOSE>	<TICKVOL>	<VOL>	<SPREAD>
2024.01.02	10	12	9	11	77	1000	1
2024.01.16	11	13	10	12.5	88	2000	1
""",
            **_bars("AAPL"),
        ),
    ],
    "metatrader5_intraday": [
        VendorFile(
            "AAPL_M1_202401021629_202401161630.csv",
            """
<DATE>	<TIME>	<OPEN>	<HIGH>	<LOW>	<CLOSE>	<TICKVOL>	<VOL>	<SPREAD>
2024.01.02	16:29:00	7	7	7	7	5	5000	1
2024.01.02	16:30:00	10	11	9	10.5	5	600	1
2024.01.02	16:31:00	10.5	12	10	11	5	400	1
2024.01.16	16:30:00	11	13	10	12.5	5	2000	1
""",
            **_bars("AAPL"),
            settings={"timezone": "Etc/GMT-2"},
        ),
    ],
    "histdata_mt": [
        # Monday's session of 24/5 is midnight to midnight UTC: 18:59 at UTC-5 on Sunday is 23:59 UTC, 19:00 is Monday.
        VendorFile(
            "DAT_MT_EURUSD_M1_202401.csv",
            """
2024.01.07,18:59,1.5,1.5,1.5,1.5,0
2024.01.07,19:00,1.10,1.11,1.09,1.105,0
2024.01.07,19:01,1.105,1.12,1.10,1.11,0
2024.01.08,19:00,1.11,1.13,1.10,1.125,0
""",
            first=("EURUSD", "2024-01-08", 1.10, 1.12, 1.09, 1.11, 0.0),
            last=("EURUSD", "2024-01-09", 1.11, 1.13, 1.10, 1.125, 0.0),
        ),
    ],
    "histdata_ascii": [
        VendorFile(
            "DAT_ASCII_EURUSD_M1_202401.csv",
            """
20240107 185900;1.5;1.5;1.5;1.5;0
20240107 190000;1.10;1.11;1.09;1.105;0
20240107 190100;1.105;1.12;1.10;1.11;0
20240108 190000;1.11;1.13;1.10;1.125;0
""",
            first=("EURUSD", "2024-01-08", 1.10, 1.12, 1.09, 1.11, 0.0),
            last=("EURUSD", "2024-01-09", 1.11, 1.13, 1.10, 1.125, 0.0),
        ),
    ],
    "tradingview": [
        # 1704205800 is 2024-01-02 14:30 UTC, the open in New York; 1705415400 is 2024-01-16 14:30 UTC.
        VendorFile(
            "NASDAQ_AAPL, 1D_4f8c2.csv",
            """
time,open,high,low,close,Volume,MA
1704205800,10,12,9,11,1000,10.1
1705415400,11,13,10,12.5,2000,10.2
""",
            **_bars("AAPL"),
        ),
        # A futures day opens on the evening before: 1704150000 is Monday 2024-01-01 23:00 UTC, 17:00 in Chicago.
        VendorFile(
            "CME_MINI_DL_ES1!, 1D.csv",
            """
time,open,high,low,close,Volume
1704150000,10,12,9,11,1000
1704236400,11,13,10,12.5,2000
""",
            first=("ES1!", *_FIRST[1:]),
            last=("ES1!", "2024-01-03", *_LAST[2:]),
            settings={"calendar": "CMES"},
        ),
    ],
    "alpaca": [
        VendorFile(
            "bars.csv",
            """
symbol,timestamp,open,high,low,close,volume,trade_count,vwap
AAPL,2024-01-02 05:00:00+00:00,10,12,9,11,1000,9,10.5
AAPL,2024-01-16 05:00:00+00:00,11,13,10,12.5,2000,9,11.5
""",
            **_bars("AAPL"),
        ),
    ],
    "qlib": [
        VendorFile(
            "AAPL.csv",
            """
date,open,close,high,low,volume,factor
2024-01-02,10,11,12,9,1000,0.5
2024-01-16,11,12.5,13,10,2000,0.5
""",
            **_bars("AAPL"),
        ),
    ],
    "lean_equity": [
        # 100000 ten-thousandths of a dollar are 10.
        VendorFile(
            "equity/usa/daily/aapl.csv",
            """
20240102 00:00,100000,120000,90000,110000,1000
20240116 00:00,110000,130000,100000,125000,2000
""",
            **_bars("aapl"),
        ),
    ],
    "sharadar_sep": [
        VendorFile(
            "SHARADAR_SEP.csv",
            """
ticker,date,open,high,low,close,volume,closeadj,closeunadj,lastupdated
AAPL,2024-01-16,11,13,10,12.5,2000,12.5,12.5,2024-01-17
AAPL,2024-01-02,10,12,9,11,1000,10.9,11,2024-01-17
""",
            **_bars("AAPL"),
        ),
    ],
}  # fmt: skip
