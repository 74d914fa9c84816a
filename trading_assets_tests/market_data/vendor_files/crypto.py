"""Files of crypto exchanges and of sites that collect them. Volume is in coins wherever it can be.

1704067200 is 2024-01-01 00:00 UTC (19,723 days of 86,400 seconds), 1735689600 is 2025-01-01 (20,089 days).
"""

from __future__ import annotations

from trading_assets_tests.market_data.vendor_files import VendorFile

_FUTURES = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)

CRYPTO: dict[str, list[VendorFile]] = {
    "binance_spot": [
        # 2,000 coins times about 100 = 200,000 USDT; microseconds as in files of spot since 2025.
        VendorFile(
            "spot/monthly/klines/SOLUSDT/1d/SOLUSDT-1d-2025-01.csv",
            """
1735689600000000,100.0,110.0,95.0,105.0,2000.5,1735775999999999,205051.25,900,1000.0,102500.0,0
1735776000000000,105.0,108.0,101.0,102.0,1500.0,1735862399999999,156000.0,800,700.0,72800.0,0
""",
            first=("SOLUSDT", "2025-01-01", 100.0, 110.0, 95.0, 105.0, 2000.5),
            last=("SOLUSDT", "2025-01-02", 105.0, 108.0, 101.0, 102.0, 1500.0),
        ),
        # Two days of 12 hours would be no layout's interval; these are hours: 100 + 50 coins on the first day.
        VendorFile(
            "spot/daily/klines/SOLUSDT/1h/SOLUSDT-1h-2024-01-01.csv",
            """
1704067200000,100,101,99,100.5,100,1704070799999,10025,9,50,5000,0
1704070800000,100.5,103,100,102,50,1704074399999,5075,9,25,2500,0
1704153600000,102,104,101,103,70,1704157199999,7210,9,30,3000,0
""",
            first=("SOLUSDT", "2024-01-01", 100.0, 103.0, 99.0, 102.0, 150.0),
            last=("SOLUSDT", "2024-01-02", 102.0, 104.0, 101.0, 103.0, 70.0),
        ),
    ],
    "binance_usdm_futures": [
        VendorFile(
            "klines/SOLUSDT-1d-2024-01.csv",
            f"""
{_FUTURES}
1704067200000,100.0,110.0,95.0,105.0,2000,1704153599999,205000.0,900,1000,102500.0,0
1704153600000,105.0,108.0,101.0,102.0,1500,1704239999999,156000.0,800,700,72800.0,0
""",
            first=("SOLUSDT", "2024-01-01", 100.0, 110.0, 95.0, 105.0, 2000.0),
            last=("SOLUSDT", "2024-01-02", 105.0, 108.0, 101.0, 102.0, 1500.0),
        ),
        VendorFile(
            "data/futures/um/SOLUSDT-1d-2021-01.csv",
            """
1704067200000,100.0,110.0,95.0,105.0,2000,1704153599999,205000.0,900,1000,102500.0,0
""",
            first=("SOLUSDT", "2024-01-01", 100.0, 110.0, 95.0, 105.0, 2000.0),
            last=("SOLUSDT", "2024-01-01", 100.0, 110.0, 95.0, 105.0, 2000.0),
            sessions=1,
        ),
    ],
    "binance_coinm_futures": [
        # 8,000 contracts of 100 USD at 40,000 are 20 coins.
        VendorFile(
            "klines/BTCUSD_PERP-1d-2024-01.csv",
            f"""
{_FUTURES}
1704067200000,40000,41000,39000,40500,8000,1704153599999,20.0,900,4000,10.0,0
1704153600000,40500,42000,40000,41000,4100,1704239999999,10.0,800,2050,5.0,0
""",
            first=("BTCUSD_PERP", "2024-01-01", 40000.0, 41000.0, 39000.0, 40500.0, 20.0),
            last=("BTCUSD_PERP", "2024-01-02", 40500.0, 42000.0, 40000.0, 41000.0, 10.0),
        ),
        # 1,000 contracts of 10 USD at 2,000 are 5 coins.
        VendorFile(
            "klines/eth.csv",
            f"""
{_FUTURES}
1704067200000,2000,2100,1900,2050,1000,1704153599999,5.0,900,500,2.5,0
""",
            first=("eth", "2024-01-01", 2000.0, 2100.0, 1900.0, 2050.0, 5.0),
            last=("eth", "2024-01-01", 2000.0, 2100.0, 1900.0, 2050.0, 5.0),
            settings={"symbol_pattern": "^(eth)"},
            sessions=1,
        ),
    ],
    "kraken": [
        VendorFile(
            "SOLUSD_1440.csv",
            """
1704067200,100.0,110.0,95.0,105.0,2000.5,912
1704153600,105.0,108.0,101.0,102.0,1500.25,801
""",
            first=("SOLUSD", "2024-01-01", 100.0, 110.0, 95.0, 105.0, 2000.5),
            last=("SOLUSD", "2024-01-02", 105.0, 108.0, 101.0, 102.0, 1500.25),
        ),
    ],
    "kraken_api": [
        VendorFile(
            "SOLUSD.json",
            """
{"error": [], "result": {"SOLUSD": [
  [1704067200, "100.0", "110.0", "95.0", "105.0", "102.1", "2000.5", 912],
  [1704153600, "105.0", "108.0", "101.0", "102.0", "104.0", "1500.25", 801]], "last": 1704067200}}
""",
            first=("SOLUSD", "2024-01-01", 100.0, 110.0, 95.0, 105.0, 2000.5),
            last=("SOLUSD", "2024-01-02", 105.0, 108.0, 101.0, 102.0, 1500.25),
        ),
    ],
    "coinbase": [
        # Low, high, open, close; newest first.
        VendorFile(
            "SOL-USD.json",
            """
[[1704153600, 101.0, 108.0, 105.0, 102.0, 1500.25], [1704067200, 95.0, 110.0, 100.0, 105.0, 2000.5]]
""",
            first=("SOL-USD", "2024-01-01", 100.0, 110.0, 95.0, 105.0, 2000.5),
            last=("SOL-USD", "2024-01-02", 105.0, 108.0, 101.0, 102.0, 1500.25),
        ),
    ],
    "bybit_spot_linear": [
        VendorFile(
            "SOLUSDT.json",
            """
{"retCode": 0, "retMsg": "OK", "result": {"category": "linear", "symbol": "SOLUSDT", "list": [
  ["1704153600000", "105", "108", "101", "102", "1500", "156000"],
  ["1704067200000", "100", "110", "95", "105", "2000.5", "205051.25"]]}, "time": 1704200000000}
""",
            first=("SOLUSDT", "2024-01-01", 100.0, 110.0, 95.0, 105.0, 2000.5),
            last=("SOLUSDT", "2024-01-02", 105.0, 108.0, 101.0, 102.0, 1500.0),
        ),
    ],
    "bybit_inverse": [
        # 800,000 contracts of 1 USD at 40,000 are 20 coins.
        VendorFile(
            "BTCUSD.json",
            """
{"retCode": 0, "result": {"category": "inverse", "symbol": "BTCUSD", "list": [
  ["1704153600000", "40500", "42000", "40000", "41000", "410000", "10"],
  ["1704067200000", "40000", "41000", "39000", "40500", "800000", "20"]]}}
""",
            first=("BTCUSD", "2024-01-01", 40000.0, 41000.0, 39000.0, 40500.0, 20.0),
            last=("BTCUSD", "2024-01-02", 40500.0, 42000.0, 40000.0, 41000.0, 10.0),
        ),
    ],
    "cryptodatadownload": [
        # Seconds in the old row, milliseconds in the new one.
        VendorFile(
            "Binance_SOLUSDT_d.csv",
            """
https://www.CryptoDataDownload.com
unix,date,symbol,open,high,low,close,Volume SOL,Volume USDT,tradecount
1704153600000,2024-01-02 00:00:00,SOL/USDT,105.0,108.0,101.0,102.0,1500.25,156000.0,801
1704067200.0,2024-01-01,SOL/USDT,100.0,110.0,95.0,105.0,2000.5,205000.0,
""",
            first=("SOL", "2024-01-01", 100.0, 110.0, 95.0, 105.0, 2000.5),
            last=("SOL", "2024-01-02", 105.0, 108.0, 101.0, 102.0, 1500.25),
        ),
    ],
    "coinmarketcap": [
        # 210,000 USD at a close of 105 are 2,000 coins; 153,000 at 102 are 1,500.
        VendorFile(
            "Solana_1_1_2024-1_2_2024_historical_data_coinmarketcap.csv",
            """
timeOpen;timeClose;timeHigh;timeLow;name;open;high;low;close;volume;marketCap;timestamp
"2024-01-02T00:00:00.000Z";"2024-01-02T23:59:59.999Z";"2024-01-02T10:00:00.000Z";"2024-01-02T11:00:00.000Z";"2781";105;108;101;102;153000;43000000;"2024-01-02T23:59:59.999Z"
"2024-01-01T00:00:00.000Z";"2024-01-01T23:59:59.999Z";"2024-01-01T10:00:00.000Z";"2024-01-01T11:00:00.000Z";"2781";100;110;95;105;210000;44000000;"2024-01-01T23:59:59.999Z"
""",
            first=("Solana", "2024-01-01", 100.0, 110.0, 95.0, 105.0, 2000.0),
            last=("Solana", "2024-01-02", 105.0, 108.0, 101.0, 102.0, 1500.0),
        ),
    ],
    "coinmarketcap_kaggle": [
        VendorFile(
            "coin_Solana.csv",
            """
SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap
1,Solana,SOL,2024-01-01 23:59:59,110,95,100,105,210000,44000000
2,Solana,SOL,2024-01-02 23:59:59,108,101,105,102,153000,43000000
""",
            first=("SOL", "2024-01-01", 100.0, 110.0, 95.0, 105.0, 2000.0),
            last=("SOL", "2024-01-02", 105.0, 108.0, 101.0, 102.0, 1500.0),
        ),
    ],
    "lean_crypto": [
        VendorFile(
            "crypto/coinbase/daily/solusd_trade.csv",
            """
20240101 00:00,100.5,110,95,105,2000.5
20240102 00:00,105,108,101,102,1500.25
""",
            first=("solusd_trade", "2024-01-01", 100.5, 110.0, 95.0, 105.0, 2000.5),
            last=("solusd_trade", "2024-01-02", 105.0, 108.0, 101.0, 102.0, 1500.25),
        ),
    ],
}  # fmt: skip
