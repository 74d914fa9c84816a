# ruff: noqa: E501
"""Files of Chinese and Indian vendors and exchanges. Volume is in shares, whatever the file counts."""

from __future__ import annotations

from trading_assets_tests.market_data.vendor_files import VendorFile

_UDIFF = (
    "TradDt,BizDt,Sgmt,Src,FinInstrmTp,FinInstrmId,ISIN,TckrSymb,SctySrs,XpryDt,FininstrmActlXpryDt,StrkPric,OptnTp,"
    "FinInstrmNm,OpnPric,HghPric,LwPric,ClsPric,LastPric,PrvsClsgPric,UndrlygPric,SttlmPric,OpnIntrst,ChngInOpnIntrst,"
    "TtlTradgVol,TtlTrfVal,TtlNbOfTxsExctd,SsnId,NewBrdLotQty,Rmks,Rsvd1,Rsvd2,Rsvd3,Rsvd4"
)
_BARS = (10.0, 12.0, 9.0, 11.0, 1000.0)
_LATER = (11.0, 13.0, 10.0, 12.5, 2000.0)


def _udiff(day: str, source: str, symbol: str, series: str, cells: str, volume: int, value: int) -> str:
    tail = f"{volume},{value},50,F1,1,,,,,"
    return f"{day},{day},CM,{source},STK,1,INE000A01010,{symbol},{series},,,,,NAME,{cells},10,,,,,{tail}"


ASIA: dict[str, list[VendorFile]] = {
    "tushare": [
        # 10 hands are 1,000 shares; 10.5 thousand yuan by 1,000 shares are 10.50.
        VendorFile(
            "daily.csv",
            """
ts_code,trade_date,open,high,low,close,pre_close,change,pct_chg,vol,amount
000001.SZ,20240116,11,13,10,12.5,11,1.5,13.64,20,23
000001.SZ,20240102,10,12,9,11,10,1,10,10,10.5
""",
            first=("000001.SZ", "2024-01-02", *_BARS),
            last=("000001.SZ", "2024-01-16", *_LATER),
        ),
    ],
    "akshare": [
        # The same names as of Hong Kong, but 10 hands, worth 10,500 yuan, are 1,000 shares.
        VendorFile(
            "600000.csv",
            """
日期,股票代码,开盘,收盘,最高,最低,成交量,成交额,振幅,涨跌幅,涨跌额,换手率
2024-01-02,600000,10,11,12,9,10,10500,30,10,1,0.1
2024-01-16,600000,11,12.5,13,10,20,23000,27,13.64,1.5,0.2
""",
            first=("600000", "2024-01-02", *_BARS),
            last=("600000", "2024-01-16", *_LATER),
        ),
    ],
    "tushare_hk": [
        # 10,500 dollars at about 11 are about 1,000 shares.
        VendorFile(
            "00001.csv",
            """
ts_code,trade_date,open,high,low,close,pre_close,change,pct_chg,vol,amount
00001.HK,20240116,11,13,10,12.5,11,1.5,13.64,2000,23000
00001.HK,20240102,10,12,9,11,10,1,10,1000,10500
""",
            first=("00001.HK", "2024-01-02", *_BARS),
            last=("00001.HK", "2024-01-16", *_LATER),
        ),
    ],
    "akshare_shares": [
        VendorFile(
            "00700.csv",
            """
日期,开盘,收盘,最高,最低,成交量,成交额,振幅,涨跌幅,涨跌额,换手率
2024-01-02,10,11,12,9,1000,10500,30,10,1,0.1
2024-01-16,11,12.5,13,10,2000,23000,27,13.64,1.5,0.2
""",
            first=("00700", "2024-01-02", *_BARS),
            last=("00700", "2024-01-16", *_LATER),
        ),
    ],
    "baostock": [
        VendorFile(
            "k.csv",
            """
date,code,open,high,low,close,preclose,volume,amount,adjustflag,turn,tradestatus,pctChg,isST
2024-01-02,sh.600000,10.0000,12.0000,9.0000,11.0000,10.0000,1000,10500.0000,3,0.1,1,10.0,0
2024-01-16,sh.600000,11.0000,13.0000,10.0000,12.5000,11.0000,2000,23000.0000,3,0.2,1,13.64,0
""",
            first=("sh.600000", "2024-01-02", *_BARS),
            last=("sh.600000", "2024-01-16", *_LATER),
        ),
    ],
    "baostock_minutes": [
        # The first five minutes end at 9:35: 600 + 400 shares; 9:30 would be before the open.
        VendorFile(
            "m.csv",
            """
date,time,code,open,high,low,close,volume,amount,adjustflag
2024-01-02,20240102093000000,sh.600000,7,7,7,7,5000,35000,3
2024-01-02,20240102093500000,sh.600000,10,11,9,10.5,600,6200,3
2024-01-02,20240102150000000,sh.600000,10.5,12,10,11,400,4400,3
2024-01-16,20240116093500000,sh.600000,11,13,10,12.5,1500,17000,3
2024-01-16,20240116094000000,sh.600000,12.5,12.5,12.5,12.5,500,6250,3
""",
            first=("sh.600000", "2024-01-02", *_BARS),
            last=("sh.600000", "2024-01-16", *_LATER),
        ),
    ],
    "baostock_adjusted": [
        VendorFile(
            "k.csv",
            """
date,code,open,high,low,close,preclose,volume,amount,adjustflag,turn,tradestatus,pctChg,isST
2024-01-02,sh.600000,10,12,9,11,10,1000,94500,2,0.1,1,10.0,0
2024-01-16,sh.600000,11,13,10,12.5,11,2000,207000,2,0.2,1,13.64,0
""",
            first=("sh.600000", "2024-01-02", *_BARS),
            last=("sh.600000", "2024-01-16", *_LATER),
        ),
    ],
    "nse_bhavcopy": [
        # Series BL (a block deal) is not the ordinary share.
        VendorFile(
            "cm02JAN2024bhav.csv",
            """
SYMBOL,SERIES,OPEN,HIGH,LOW,CLOSE,LAST,PREVCLOSE,TOTTRDQTY,TOTTRDVAL,TIMESTAMP,TOTALTRADES,ISIN,
INFY,EQ,10,12,9,11,11,10,1000,10500,02-JAN-2024,50,INE009A01021,
INFY,BL,15,15,15,15,15,10,9000,135000,02-JAN-2024,1,INE009A01021,
INFY,EQ,11,13,10,12.5,12.5,11,2000,23000,16-JAN-2024,60,INE009A01021,
""",
            first=("INFY", "2024-01-02", *_BARS),
            last=("INFY", "2024-01-16", *_LATER),
        ),
    ],
    "nse_full_bhavcopy": [
        # 0.105 lacs are 10,500 rupees.
        VendorFile(
            "sec_bhavdata_full_02012024.csv",
            """
SYMBOL, SERIES, DATE1, PREV_CLOSE, OPEN_PRICE, HIGH_PRICE, LOW_PRICE, LAST_PRICE, CLOSE_PRICE, AVG_PRICE, TTL_TRD_QNTY, TURNOVER_LACS, NO_OF_TRADES, DELIV_QTY, DELIV_PER
INFY, EQ, 02-Jan-2024, 10.00, 10.00, 12.00, 9.00, 11.00, 11.00, 10.50, 1000, 0.105, 50, 500, 50.00
INFY, BL, 02-Jan-2024, 10.00, 15.00, 15.00, 15.00, 15.00, 15.00, 15.00, 9000, 1.35, 1, -, -
INFY, EQ, 16-Jan-2024, 11.00, 11.00, 13.00, 10.00, 12.50, 12.50, 11.50, 2000, 0.23, 60, 900, 45.00
""",
            first=("INFY", "2024-01-02", *_BARS),
            last=("INFY", "2024-01-16", *_LATER),
        ),
    ],
    "nse_udiff": [
        VendorFile(
            "BhavCopy_NSE_CM_0_0_0_20240116_F_0000.csv",
            "\n".join(
                [
                    "",
                    _UDIFF,
                    _udiff("2024-01-02", "NSE", "INFY", "EQ", "10,12,9,11,11", 1000, 10500),
                    _udiff("2024-01-02", "NSE", "INFY", "BL", "15,15,15,15,15", 9000, 135000),
                    _udiff("2024-01-16", "NSE", "INFY", "EQ", "11,13,10,12.5,12.5", 2000, 23000),
                    "",
                ]
            ),
            first=("INFY", "2024-01-02", *_BARS),
            last=("INFY", "2024-01-16", *_LATER),
        ),
    ],
    "bse_udiff": [
        VendorFile(
            "BhavCopy_BSE_CM_0_0_0_20240116_F_0000.csv",
            "\n".join(
                [
                    "",
                    _UDIFF,
                    _udiff("2024-01-02", "BSE", "INFY", "A", "10,12,9,11,11", 1000, 10500),
                    _udiff("2024-01-16", "BSE", "INFY", "A", "11,13,10,12.5,12.5", 2000, 23000),
                    "",
                ]
            ),
            first=("INFY", "2024-01-02", *_BARS),
            last=("INFY", "2024-01-16", *_LATER),
        ),
    ],
    "bse_bhavcopy": [
        VendorFile(
            "EQ_ISINCODE_160124.csv",
            """
SC_CODE,SC_NAME,SC_GROUP,SC_TYPE,OPEN,HIGH,LOW,CLOSE,LAST,PREVCLOSE,NO_TRADES,NO_OF_SHRS,NET_TURNOV,TDCLOINDI,ISIN_CODE,TRADING_DATE,FILLER2,FILLER3
500209,INFOSYS LTD,A ,Q,10,12,9,11,11,10,50,1000,10500,,INE009A01021,02-Jan-24,,
500209,INFOSYS LTD,A ,Q,11,13,10,12.5,12.5,11,60,2000,23000,,INE009A01021,16-Jan-24,,
""",
            first=("500209", "2024-01-02", *_BARS),
            last=("500209", "2024-01-16", *_LATER),
        ),
    ],
}  # fmt: skip
