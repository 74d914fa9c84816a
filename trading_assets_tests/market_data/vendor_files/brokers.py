"""Files of brokers' terminals, of Stooq, HistData and TradingView: stamps in zones and columns of their own."""

from __future__ import annotations

from trading_assets_tests.market_data.vendor_files import FIRST, LAST, VendorFile, bars_named

BROKERS: dict[str, list[VendorFile]] = {
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
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
            **bars_named("AAPL"),
        ),
        # A futures day opens on the evening before: 1704150000 is Monday 2024-01-01 23:00 UTC, 17:00 in Chicago.
        VendorFile(
            "CME_MINI_DL_ES1!, 1D.csv",
            """
time,open,high,low,close,Volume
1704150000,10,12,9,11,1000
1704236400,11,13,10,12.5,2000
""",
            first=("ES1!", *FIRST[1:]),
            last=("ES1!", "2024-01-03", *LAST[2:]),
            settings={"calendar": "CMES"},
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
            **bars_named("aapl"),
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
            **bars_named("AAPL"),
        ),
    ],
}  # fmt: skip
