"""Documents in every form, constructors of every product, findings."""

import copy
import decimal
import json
import pickle
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy
import pytest
from conftest import EXAMPLES, PRODUCT_SHEETS, SHEETS, sheet, snowball

import rialto_otc as ro
from rialto_otc import _rialto_otc


def yaml(value, depth=0):
    """Enough of a YAML writer for term sheets."""
    pad = "  " * depth
    if isinstance(value, dict):
        return "".join(
            f"{pad}{name}:" + (f"\n{yaml(item, depth + 1)}" if isinstance(item, dict) else f" {json.dumps(item)}\n")
            for name, item in value.items()
        )
    raise TypeError(value)


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.stem)
def test_dict_json_yaml_and_path_are_the_same_contract(path, mkt):
    text = path.read_text(encoding="utf-8")
    doc = json.loads(text)
    of_path = ro.term_sheet(path)
    forms = [
        ro.term_sheet(str(path)),
        ro.term_sheet(text),
        ro.term_sheet(text.encode()),
        ro.term_sheet(doc),
        ro.term_sheet(yaml(doc)),
        ro.term_sheet(of_path.to_dict()),
        ro.term_sheet(of_path.to_json()),
        pickle.loads(pickle.dumps(of_path)),
    ]
    for contract in forms:
        assert contract == of_path and contract.hash == of_path.hash
        assert hash(contract) == hash(of_path)
    assert not [found for found in of_path.validate(mkt) if found.severity == "error"]
    assert of_path.explain() and of_path.explain("zh", mkt)


def test_values_of_python_are_those_of_the_text():
    text = sheet("snowball")
    plain = copy.deepcopy(text)
    plain["notional"] = 20_000_000
    plain["underlying"] = {"code": "XSHG:000905", "initial": decimal.Decimal("5802.16")}
    plain["dates"] = {"start": date(2026, 3, 9), "end": numpy.datetime64("2028-03-09")}
    assert ro.term_sheet(plain).to_json() == ro.term_sheet(text).to_json()
    plain["notional"] = numpy.float64(2e7)
    plain["underlying"]["initial"] = numpy.float32(5802.16).item() and 5802.16
    assert ro.term_sheet(plain).to_json() == ro.term_sheet(text).to_json()


def test_every_product_has_a_constructor():
    names = {name for name, _, _ in _rialto_otc.products()}
    assert len(names) == 29
    for name in names:
        assert callable(getattr(ro, name)) and name in ro.__all__
    tool = Path(__file__).resolve().parent.parent / "tools/products.py"
    done = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_product_sheet_can_be_written_with_its_constructor():
    seen = set()
    for path in PRODUCT_SHEETS + SHEETS:
        doc = json.loads(path.read_text(encoding="utf-8"))
        name = doc["template"].split("/")[0]
        seen.add(name)
        envelope = {
            key: value for key, value in doc.items() if key not in ("schema", "template", "terms", "dates")
        }
        dates = {key: value for key, value in doc.get("dates", {}).items() if key != "trade"}
        if "trade" in doc.get("dates", {}):
            dates["trade_date"] = doc["dates"]["trade"]
        terms = {("return_" if key == "return" else key): value for key, value in doc["terms"].items()}
        made = getattr(ro, name)(**envelope, **dates, **terms)
        assert made.to_json() == ro.term_sheet(doc).to_json(), path.name
    assert seen == {name for name, _, _ in _rialto_otc.products()}


def test_short_forms_write_the_long_ones():
    terms = snowball(bonus="14.7%").to_dict()["terms"]
    assert terms["ko"] == {
        "levels": {"first": "101%", "step": "-0.4%"},
        "schedule": {"freq": "1m", "lock": "3m"},
    }
    assert terms["ki"] == {"level": "71%"} and terms["coupon"] == {"rate": "14.7%"}
    phoenix = ro.phoenix(
        underlying="XSHG:000852", initial=6418.37, notional=8e6, start="2026-03-09", end="2027-09-09",
        coupon="0.95%", coupon_freq="1m", coupon_basis="per_period", coupon_level="78%", memory=True,
        ko="102%", ko_from=4, ki="66%", ki_schedule="daily", trade_id="EX-PHOENIX",
        clocks={"variance": "sessions:XSHG/244", "rate": "act365", "coupon": "act365"},
    )
    assert phoenix == ro.term_sheet(EXAMPLES / "phoenix.json")
    with pytest.raises(TypeError, match="level is given twice"):
        ro.phoenix(coupon={"rate": "1%", "level": "78%"}, coupon_level="70%", ko="102%")
    with pytest.raises(TypeError, match="strik"):
        ro.european(strik="100%", notional=1)
    with pytest.raises(TypeError, match="one price for each"):
        ro.basket(underlyings=["A", "B"], initial=[1.0], notional=1)


def test_all_findings_come_at_once_with_place_rule_and_both_languages():
    doc = sheet("snowball")
    doc["notional"] = "-1"
    doc["direction"] = "house_rents"
    doc["terms"]["ki"]["level"] = "103%"
    doc["terms"]["kii"] = {}
    with pytest.raises(ro.TermSheetError) as raised:
        ro.term_sheet(doc)
    error = raised.value
    pointers = {found.pointer for found in error.findings}
    assert {"/notional", "/direction", "/terms/ki/level", "/terms/kii"} <= pointers
    for found in error.findings:
        assert found.code.startswith("E-") and found.en and found.zh
        assert found.code in str(error) and found.zh in str(error)
    assert isinstance(error, ValueError) and isinstance(error, ro.RialtoError)
    again = pickle.loads(pickle.dumps(error))
    assert [f.to_dict() for f in again.findings] == [f.to_dict() for f in error.findings]
    assert [f.to_dict() for f in ro.validate(doc)] == [f.to_dict() for f in error.findings]

    doc = sheet("snowball")
    doc["terms"]["ki"]["level"] = "103%"
    (found,) = [found for found in ro.validate(doc) if found.severity == "error"]
    assert found.code == "E-TERM-KI-LEVEL" and found.pointer == "/terms/ki/level"
    text = (EXAMPLES / "snowball.json").read_text(encoding="utf-8").replace("71%", "103%")
    (found,) = [found for found in ro.validate(text) if found.severity == "error"]
    assert found.line > 1 and found.column > 1 and found.value is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        [],
        "",
        "{",
        "\x00",
        {"terms": object()},
        {1.5: 2, None: 3},
        {"a": {"b": [float("nan"), float("inf")]}},
        {"schema": "rialto.otc/1", "terms": {"ki": {"level": float("nan")}}},
        {"x": b"bytes"},
        {"x": {1, 2}},
        {"x": 10**400},
        {"x": "\ud800"},
    ],
    ids=repr,
)
def test_what_is_no_term_sheet_is_refused_and_never_a_panic(wrong):
    with pytest.raises((ro.RialtoError, UnicodeError)):
        ro.term_sheet(wrong)


def test_nesting_without_end_is_refused():
    deep = {}
    at = deep
    for _ in range(5000):
        at["x"] = {}
        at = at["x"]
    with pytest.raises(ro.TermSheetError):
        ro.term_sheet(deep)
    ring = {}
    ring["x"] = ring
    with pytest.raises(ro.TermSheetError):
        ro.term_sheet(ring)


def test_a_million_observations_are_refused_or_priced_but_never_a_crash():
    with pytest.raises(ro.RialtoError):
        ro.asian(
            quantity=1, initial=50, strike=50, type="call", times=[n * 1e-6 for n in range(1, 1_000_001)]
        )


def test_markets_in_every_form_and_their_findings(mkt):
    again = ro.market(mkt.to_json())
    assert again == mkt and again.id == mkt.id and hash(again) == hash(mkt)
    assert ro.market(mkt.to_dict()).id == mkt.id
    assert pickle.loads(pickle.dumps(mkt)) == mkt
    assert mkt.spot("XSHG:000905") == 5802.16
    parts = ro.market(
        as_of={"date": "2026-05-18", "phase": "intraday", "time": "10:30"},
        spot={"A": 50, "B": 8.4},
        r={"zero": [["3m", "1.6%"], ["3y", "1.9%"]]},
        q={"A": 0.01},
        vol={"A": 0.2, "B": {"svi": [{"tenor": "1y", "a": 0.01, "b": 0.06, "rho": -0.3, "m": 0, "s": 0.2}]}},
        correlation=0.5,
    )
    assert parts.codes == ["A", "B"]
    for wrong in [
        {"spot": -1.0},
        {"spot": {"A": 1.0}, "vol": -0.2},
        {"spot": {"A": float("nan")}},
        {"spot": {"A": 1.0}, "vol": float("nan")},
        {"spot": {"A": 1.0}, "r": 17},
        {"as_of": "2026-02-30", "spot": {"A": 1.0}},
        {"spot": {"A": 1.0, "B": 1.0}, "correlation": 1.5},
        {"vol": 0.2},
    ]:
        with pytest.raises(ro.MarketError) as raised:
            ro.market(**wrong)
        assert raised.value.code.startswith("E-") and raised.value.findings[0].zh
    with pytest.raises(KeyError):
        mkt.spot("XSHG:999999")
    with pytest.raises(TypeError):
        ro.market(mkt.to_dict(), r=0.1)
