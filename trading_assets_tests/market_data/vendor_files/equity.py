"""Files of vendors of stocks. Volume is in shares."""

from __future__ import annotations

from trading_assets_tests.market_data.vendor_files import FIRST, VendorFile, bars_named

EQUITY: dict[str, list[VendorFile]] = {
    "yahoo": [
        VendorFile(
            "AAPL.csv",
            """
Date,Open,High,Low,Close,Adj Close,Volume
2024-01-02,10,12,9,11,10.9,1000
2024-01-16,11,13,10,12.5,12.5,2000
""",
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
            actions=(("2024-01-16", 0.24, 1.0),),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            first=FIRST,
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
            first=FIRST,
            last=FIRST,
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("aapl"),
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
            **bars_named("AAPL"),
        ),
    ],
}  # fmt: skip
