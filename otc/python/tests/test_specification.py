"""The example of the specification, section 16, runs as it stands there."""

import json
import math
import warnings

import pytest
from conftest import snowball

import rialto_otc as ro


def fixings():
    """A close for every session up to the valuation of the example."""
    quiet = ro.snowball(
        underlying="XSHG:000905", initial=5802.16, notional=2e7, start="2026-03-09", end="2028-03-09",
        ko="101%", ko_step="-0.4%", lock="3m", ki="71%", coupon="14.7%",
    )
    dates = [date for date in quiet.observations() if date <= "2026-05-18"]
    return {"XSHG:000905": {date: 5800 + n for n, date in enumerate(dates)}}


@pytest.mark.filterwarnings("default::rialto_otc.StateAssumedWarning")
def test_the_example_as_it_stands(house_market):
    mkt = house_market
    with pytest.warns(ro.StateAssumedWarning, match="47 past observations|past observations"):
        sb = snowball()
        pv = sb.price(mkt).pv
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ro.StateAssumedWarning)
        greeks = sb.greeks(mkt).to_dict()
        ladder = sb.ladder(mkt, spot=(0.7, 1.3, 25)).to_pandas()
        solved = sb.solve("coupon", mkt, target="100%", charges={"hedge_bp": 2, "margin_bp": 15})
        flows = sb.cashflows(mkt)
        trades = [sb, sb.to_dict(), sb.to_json()]
        table = ro.price([sb], mkt, measures=["pv", "delta", "vega_1pt"])
        cube = ro.portfolio([sb]).calc(mkt, ["pv", "greeks"], scenarios=ro.grid(spot=21, vol=11))
    assert 1.8e7 < pv < 2.2e7
    assert greeks["delta"] > 0 and math.isfinite(greeks["vega"])
    assert list(ladder.columns) == ["spot", "value", "delta", "gamma"] and len(ladder) == 25
    assert ladder["spot"].iloc[0] == pytest.approx(0.7 * 5871.42)
    assert sum(solved.charges.values()) == pytest.approx(2e7 * 17e-4)
    # The client pays 100 %; what the contract is worth to him is less by the charges.
    assert solved.pv == pytest.approx(2e7 * (1 - 17e-4), abs=2e7 * 1e-4)
    assert flows.pv == pytest.approx(pv, abs=2.0)
    assert flows.projected or any(note["code"].startswith("N-FLOWS-") for note in flows.notes)
    events = sb.events(fixings())
    assert isinstance(events, list)
    assert sb.explain().startswith("Notional")
    assert sb.explain("zh").startswith("名义本金")
    assert table["pv"] == [pv]
    assert len(cube) == 21 * 11
    middle = [row for row in cube.to_pylist() if row["spot_move"] == row["vol_move"] == 0]
    assert middle[0]["pv"] == pytest.approx(pv, rel=1e-9)
    assert len(trades) == 3


def test_told_states_and_fixings_need_no_assumption(house_market):
    told = snowball(state={"ki": 0})
    pv = told.price(house_market).pv
    doc = house_market.to_dict()
    doc["fixings"] = fixings()
    by_fixings = snowball().price(ro.market(doc)).pv
    assert by_fixings == pv
    fallen = fixings()
    fallen["XSHG:000905"]["2026-04-15"] = 4000
    doc["fixings"] = fallen
    knocked_in = snowball().price(ro.market(doc)).pv
    assert knocked_in == snowball(state={"ki": 1}).price(house_market).pv < pv


def test_nothing_is_assumed_of_a_document_or_where_a_fixing_is_missing(house_market):
    with pytest.raises(ro.TermSheetError) as error:
        ro.term_sheet(snowball().to_dict()).price(house_market)
    assert error.value.code == "E-STATE-FIXING"
    doc = house_market.to_dict()
    some = fixings()
    del some["XSHG:000905"]["2026-04-15"]
    doc["fixings"] = some
    with pytest.raises(ro.TermSheetError) as error:
        snowball().price(ro.market(doc))
    assert error.value.code == "E-STATE-FIXING"
    average = ro.asian(
        underlying="XSHG:000905", initial=5802.16, notional=2e7, start="2026-03-09", end="2026-09-09",
        type="call", strike="100%", schedule="daily",
    )
    with pytest.raises(ro.TermSheetError) as error:
        average.price(house_market)
    assert error.value.code == "E-STATE-FIXING"


def test_numeric_schedules_need_no_calendar():
    put = ro.american(quantity=1, initial=50, strike=52, times=[0.8], type="put")
    price = put.price(ro.market(spot=47.1, r=0.018, q=0.0, vol=0.24))
    assert 6.6 < price.pv < 7
    assert price.engine and price.err < 1e-3 and any(c["chosen"] for c in price.why)
    assert json.dumps(price.to_dict())
