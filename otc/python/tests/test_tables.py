"""Tables in, tables out: every form the same bits, threads, locks, bad rows."""

import json
import math
import threading
import time

import numpy
import pandas
import polars
import pyarrow
import pytest
from conftest import EXAMPLES, SHEETS

import rialto_otc as ro

MEASURES = ["pv", "error_estimate", "greeks", "desk", "delta_by_name"]


def flat(doc, path=""):
    """A sheet as one row: dotted names."""
    row = {}
    for name, value in doc.items():
        at = f"{path}{name}"
        if isinstance(value, dict):
            row.update(flat(value, f"{at}."))
        else:
            row[at] = value
    return row


def sheets():
    """Sheets on one underlying, as dicts, their values text and booleans."""
    docs = [json.loads(path.read_text(encoding="utf-8")) for path in SHEETS]
    return [doc for doc in docs if "underlying" in doc]


def same(table, other):
    """The same columns, bit for bit."""
    assert table.columns == other.columns
    ours, theirs = table.to_pydict(), other.to_pydict()
    for name in table.columns:
        for a, b in zip(ours[name], theirs[name], strict=True):
            assert a == b or (a != a and b != b), name


def test_dict_json_arrow_pandas_and_polars_give_the_same_bits(mkt):
    docs = sheets()
    rows = [flat(doc) for doc in docs]
    names = sorted({name for row in rows for name in row})
    columns = {name: [row.get(name) for row in rows] for name in names}
    # One column of a table has one type: leverage is the only number among texts.
    columns = {
        name: [None if cell is None else cell for cell in cells] for name, cells in columns.items()
    }
    arrow = pyarrow.table(columns)
    reference = ro.price(docs, mkt, MEASURES)
    assert reference["error_code"] == [None] * len(docs)
    forms = [
        [json.dumps(doc) for doc in docs],
        [ro.term_sheet(doc) for doc in docs],
        tuple(docs),
        arrow,
        pyarrow.table({"sheet": [json.dumps(doc) for doc in docs]}),
        arrow.to_batches()[0],
        pyarrow.concat_tables([arrow.slice(0, 4), arrow.slice(4)]),
        pandas.DataFrame(rows),
        pandas.DataFrame(rows, index=range(5, 5 + len(rows))),
        pandas.json_normalize(docs),
        polars.DataFrame(columns),
        polars.DataFrame({"sheet": [json.dumps(doc) for doc in docs]}),
    ]
    for form in forms:
        same(ro.price(form, mkt, MEASURES), reference)
    for doc, pv in zip(docs, reference["pv"]):
        # Structs and lists as columns: one table for each, as no two have the same fields.
        assert ro.price(pyarrow.Table.from_pylist([doc]), mkt, MEASURES)["pv"] == [pv]
        assert ro.price(polars.from_dicts([doc]), mkt, MEASURES)["pv"] == [pv]
        assert ro.term_sheet(doc).price(mkt, greeks="all").pv == pv


def test_numbers_dates_and_categories_of_tables_are_read():
    mkt = ro.market(as_of="2026-03-09", spot={"XSHG:000905": 5802.16}, r=0.017, q=0.05, vol=0.2)
    frame = pandas.DataFrame(
        {
            "schema": "rialto.otc/1",
            "trade_id": [f"T{n}" for n in range(6)],
            "template": pandas.Categorical(["european/1"] * 6),
            "direction": "house_sells",
            "underlying.code": "XSHG:000905",
            "underlying.initial": 5802.16,
            "notional": numpy.arange(1, 7) * 1_000_000,
            "dates.start": pandas.Timestamp("2026-03-09"),
            "dates.end": pandas.to_datetime(["2026-09-09", "2027-03-09"] * 3),
            "terms.type": ["call", "put"] * 3,
            "terms.strike": [5000.0, 5500.5, 5802.16, 6000.0, 6500.0, 7000.0],
            "premium.amount": [None, 1.0, None, 2.0, None, None],
        }
    )
    table = ro.price(frame, mkt, ["pv", "delta"])
    assert table["error"] == [None] * 6
    same(ro.price(polars.from_pandas(frame), mkt, ["pv", "delta"]), table)
    same(ro.price(pyarrow.Table.from_pandas(frame), mkt, ["pv", "delta"]), table)
    mixed = frame.astype({"terms.strike": object})
    mixed.loc[1, "terms.strike"] = "95%"
    assert ro.price(mixed, mkt)["error"] == [None] * 6


def test_the_answer_goes_to_arrow_pandas_and_polars(mkt):
    table = ro.price(sheets(), mkt, ["pv", "delta_by_name"])
    arrow = pyarrow.table(table)
    assert arrow.column("pv").to_pylist() == table["pv"] == table.to_pandas()["pv"].tolist()
    assert table.to_polars()["pv"].to_list() == table["pv"]
    assert table.to_pyarrow().equals(arrow)
    assert pyarrow.record_batch(table).num_rows == len(table) == table.num_rows
    assert table.to_numpy("pv").dtype == numpy.float64
    assert table.to_pylist()[0]["pv"] == table["pv"][0]
    assert "pv" in repr(table)
    with pytest.raises(KeyError, match="there are"):
        _ = table["nothing"]
    with pytest.raises(TypeError):
        table.to_numpy("engine")


def test_several_underlyings_have_lists_and_no_silent_sum(mkt):
    basket = ro.term_sheet(EXAMPLES / "basket.json")
    table = ro.price([basket], mkt, ["delta", "delta_by_name", "cash_delta", "vega"])
    greeks = basket.greeks(mkt)
    assert table["delta"] == [None]
    assert table["delta_by_name"] == [[row["delta"] for row in greeks.by_name.values()]]
    assert table["cash_delta"][0] == pytest.approx(
        sum(row["cash_delta"] for row in greeks.desk["underlyings"])
    )


def test_threads_do_not_change_a_bit(mkt):
    trades = [ro.term_sheet(path) for path in SHEETS] * 2
    one = ro.price(trades, mkt, MEASURES, threads=1)
    for threads in (2, 3, None):
        same(ro.price(trades, mkt, MEASURES, threads=threads), one)
    for threads in (0, 5000):
        with pytest.raises(ro.InputError) as raised:
            ro.price(trades, mkt, threads=threads)
        assert raised.value.code == "E-INPUT-THREADS"


def test_python_goes_on_while_rust_prices(mkt):
    snowball = ro.term_sheet(EXAMPLES / "snowball.json")
    trades = [snowball] * 150
    gaps, done = [], threading.Event()

    def watch():
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.perf_counter()
    ro.price(trades, mkt, ["pv", "delta"], threads=1)
    took = time.perf_counter() - begun
    done.set()
    watcher.join()
    # With the lock held the watcher would have had one gap as long as the whole call.
    assert len(gaps) > 20, (len(gaps), took)
    assert max(gaps) < 0.5 * took, (max(gaps), took)


def test_calls_from_many_threads_at_once_agree(mkt):
    trades = [ro.term_sheet(path) for path in SHEETS]
    reference = ro.price(trades, mkt)["pv"]
    answers = []
    workers = [
        threading.Thread(target=lambda: answers.append(ro.price(trades, mkt)["pv"])) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert answers == [reference] * 4


def test_a_forked_process_prices_too(mkt):
    import multiprocessing

    contract = ro.term_sheet(EXAMPLES / "basket.json")
    here = contract.price(mkt, engine="rqmc", paths=4096).pv
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe()
    child = context.Process(
        target=lambda: send.send(contract.price(mkt, engine="rqmc", paths=4096).pv)
    )
    child.start()
    assert receive.poll(60), "the child hangs"
    assert receive.recv() == here
    child.join(10)
    assert child.exitcode == 0


def test_one_bad_trade_fails_alone(mkt):
    good = next(doc for doc in sheets() if "notional" in doc)
    bad = {**good, "notional": "-1", "direction": "nobody"}
    unknown = {**good, "colour": "red"}
    unpriced = {**good, "underlying": {"code": "XSHG:999999", "initial": "1"}}
    table = ro.price([good, bad, unknown, unpriced, "{", good], mkt)
    assert [pv is None for pv in table["pv"]] == [False, True, True, True, True, False]
    assert table["pv"][0] == table["pv"][5]
    assert table["error_code"][0] is None and table["error_code"][2] == "E-FIELD-UNKNOWN"
    findings = json.loads(table["findings"][1])
    assert {found["pointer"] for found in findings} >= {"/notional", "/direction"}
    assert all(table["error_zh"][1:5])
    assert numpy.isnan(table.to_numpy("pv")[1])


def test_a_portfolio_tells_every_wrong_row_with_its_field(mkt):
    good = next(doc for doc in sheets() if "notional" in doc)
    bad = {**good, "trade_id": "B-1", "notional": "-1", "direction": "nobody"}
    unknown = {**good, "colour": "red"}
    with pytest.raises(ro.TermSheetError) as raised:
        ro.portfolio([good, bad, good, unknown, "{"])
    places = [found.pointer for found in raised.value.findings]
    assert {"/1/notional", "/1/direction", "/3/colour"} <= set(places)
    assert {place.split("/")[1] for place in places} == {"1", "3", "4"}
    first = raised.value.findings[0]
    assert first.en.startswith("Row 1 (B-1): ") and first.zh.startswith("第 1 行（B-1）：")
    table = pyarrow.table({"sheet": [json.dumps(bad), json.dumps(good), json.dumps(unknown)]})
    with pytest.raises(ro.TermSheetError) as raised:
        ro.portfolio(table)
    rows = {found.pointer.split("/")[1] for found in raised.value.findings}
    assert rows == {"0", "2"}
    with pytest.raises(ro.TermSheetError) as raised:
        ro.portfolio([unknown] * 600)
    told = raised.value.findings
    assert len(told) == 501 and told[-1].code == "E-DOC-MORE" and "100" in told[-1].en


def test_every_column_that_cannot_be_read_is_told(mkt):
    odd = pyarrow.table({"a": pyarrow.array([b"x"]), "b": pyarrow.array([1], pyarrow.duration("s"))})
    with pytest.raises(ro.InputError) as raised:
        ro.price(odd, mkt)
    assert [found.pointer for found in raised.value.findings] == ["/a", "/b"]
    twice = pyarrow.table({"terms": [{"a": 1, "b": 2}], "terms.a": [2], "terms.b": [3]})
    findings = json.loads(ro.price(twice, mkt)["findings"][0])
    assert [found["pointer"] for found in findings] == ["/terms/a", "/terms/b"]


def test_empty_and_odd_tables(mkt):
    for empty in ([], (), pyarrow.table({}), pandas.DataFrame(), polars.DataFrame(), pyarrow.table({"sheet": pyarrow.array([], "string")})):
        table = ro.price(empty, mkt, ["pv", "delta_by_name"])
        assert len(table) == 0 and "pv" in table.columns
        assert len(table.to_pandas()) == 0 and pyarrow.table(table).num_rows == 0
    for odd, code in [
        (pyarrow.table({"a": pyarrow.array([b"x"])}), "E-INPUT-COLUMN"),
        (pyarrow.table({"a": pyarrow.array([1], pyarrow.duration("s"))}), "E-INPUT-COLUMN"),
        (pyarrow.table({"sheet": ["{}"], "notional": [1.0]}), "E-INPUT-COLUMN"),
    ]:
        with pytest.raises(ro.InputError) as raised:
            ro.price(odd, mkt)
        assert raised.value.code == code
    twice = pyarrow.table({"terms": [{"a": 1}], "terms.a": [2]})
    assert ro.price(twice, mkt)["error_code"] == ["E-DOC-DUPLICATE"]
    nothing = pyarrow.table({"sheet": pyarrow.array([None], "string")})
    assert ro.price(nothing, mkt)["error_code"] == ["E-DOC-EMPTY"]
    nulls = pyarrow.table({"schema": pyarrow.nulls(3), "notional": [float("nan"), float("inf"), None]})
    assert all(ro.price(nulls, mkt)["error_code"])
    with pytest.raises(ro.InputError) as raised:
        ro.price([], mkt, ["price"])
    assert raised.value.code == "E-INPUT-MEASURE"
    with pytest.raises(TypeError):
        ro.price(17, mkt)


def test_scenarios_are_prices_in_moved_markets(mkt):
    contract = ro.term_sheet(EXAMPLES / "snowball.json")
    book = ro.portfolio([contract, contract.to_dict()])
    assert len(book) == 2
    table = book.calc(mkt, ["pv", "delta"], scenarios=[(0, 0), (0.05, 0), (0, 0.01)], threads=2)
    rows = table.to_pylist()
    assert [row["spot_move"] for row in rows] == [0, 0.05, 0] * 2
    assert [row["pv"] for row in rows[:3]] == [row["pv"] for row in rows[3:]]
    up = contract.ladder(mkt, spots=[5802.16 * 1.05]).value[0]
    assert rows[1]["pv"] == pytest.approx(up, abs=2e7 * 1e-5)
    vega = contract.greeks(mkt).vega
    assert rows[2]["pv"] - rows[0]["pv"] == pytest.approx(0.01 * vega, rel=0.2)
    assert len(ro.grid(spot=3, vol=3)) == 9 and (0.0, 0.0) in ro.grid(spot=3, vol=3).moves
    with pytest.raises(ro.InputError):
        book.calc(mkt, scenarios=[(math.nan, 0)])
    ruin = book.calc(mkt, scenarios=[(-1.0, 0.0)])
    assert all(ruin["error_code"]) and ruin["pv"] == [None, None]
