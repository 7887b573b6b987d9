"""One contract at a time: the numbers of the command line, and what answers can do."""

import json
import math
import subprocess

import pytest
from conftest import EXAMPLES, SHEETS, sheet, snowball

import rialto_otc as ro

NUMERIC = ro.market(spot=47.1, r=0.018, q=0.0, vol=0.24)


def told(rialto, command, path, *more):
    """What the command line says."""
    line = [rialto, "otc", command, "--terms", path, "--market", EXAMPLES / "market.json"]
    done = subprocess.run([*line, "--output", "json", *more], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def near(ours, theirs, where=""):
    """The same but for the last digits, which a compiler may round otherwise."""
    if isinstance(theirs, dict):
        assert set(ours) >= set(theirs), where
        for name, value in theirs.items():
            near(ours[name], value, f"{where}/{name}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for n, pair in enumerate(zip(ours, theirs)):
            near(*pair, f"{where}/{n}")
    elif isinstance(theirs, float):
        # Greeks by differences and errors are small numbers left over by large ones.
        assert math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-7), f"{where}: {ours} {theirs}"
    else:
        assert ours == theirs, where


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.stem)
def test_every_example_has_the_value_of_the_command_line(path, mkt, rialto):
    price = ro.term_sheet(path).price(mkt, greeks="all")
    theirs = told(rialto, "price", path)
    near(price.to_dict(), {key: value for key, value in theirs.items() if key != "error_estimate"})
    assert math.isclose(price.err, theirs["error_estimate"]["abs"], rel_tol=1e-2, abs_tol=1e-6)
    assert price.tolerance_met


def test_cash_flows_and_ladders_are_those_of_the_command_line(mkt, rialto):
    path = EXAMPLES / "snowball.json"
    contract = ro.term_sheet(path)
    flows = contract.cashflows(mkt)
    near(flows.projected, told(rialto, "cashflows", path)["projected"])
    ladder = contract.ladder(mkt, spot=(0.7, 1.3, 7))
    near(ladder.to_dict()["value"], [p["value"] for p in told(rialto, "ladder", path, "--spots", "70%:130%:7")["ladder"]])
    solved = contract.solve("coupon", mkt, target="100%", increment="0.01%")
    theirs = told(rialto, "solve", path, "--for", "coupon", "--target", "100%", "--increment", "0.01%")
    assert solved.value == theirs["value"]
    assert solved.contract.price(mkt).pv == solved.pv >= 0.999 * 2e7


def test_answers_carry_engine_error_why_and_stamp(mkt):
    contract = ro.term_sheet(EXAMPLES / "snowball.json")
    price = contract.price(mkt)
    assert float(price) == price.pv == price.pv_open + price.pv_determined
    assert price.engine.startswith("quad1d") and 0 <= price.err < 200
    assert [c["engine"] for c in price.why if c["chosen"]] == [price.engine]
    assert price.stamp["snapshot_id"] == mkt.id and price.stamp["contract_hash"] == contract.hash
    assert price.currency == "CNY" and price.tolerance_met and price.err_kind
    frame = price.to_pandas()
    assert frame.loc[0, "pv"] == price.pv
    assert "engine" in repr(price) or price.engine in repr(price)


def test_greeks_raw_and_of_the_desk(mkt):
    contract = ro.term_sheet(EXAMPLES / "snowball.json")
    greeks = contract.greeks(mkt)
    desk = greeks.desk["underlyings"][0]
    # The house sold it: its sign is the other one.
    assert desk["cash_delta"] == pytest.approx(-greeks.delta * 5802.16)
    assert desk["vega_1pt"] == pytest.approx(-greeks.vega / 100)
    assert desk["lots"]["future"] == "IC2606"
    assert greeks.by_name["XSHG:000905"]["gamma"] == greeks.gamma
    assert list(greeks.to_pandas()["underlying"]) == ["XSHG:000905"]
    up = contract.ladder(mkt, spots=[5802.16 * 0.999, 5802.16 * 1.001]).value
    assert (up[1] - up[0]) / (0.002 * 5802.16) == pytest.approx(greeks.delta, rel=1e-3)
    basket = ro.term_sheet(EXAMPLES / "basket.json").greeks(mkt)
    assert set(basket.by_name) == {"XSHG:000905", "XSHG:000300", "XSHG:000852"}
    with pytest.raises(AttributeError, match="by_name"):
        _ = basket.delta


def test_a_named_engine_is_used_or_refused(mkt):
    contract = ro.term_sheet(EXAMPLES / "snowball.json")
    quadrature = contract.price(mkt, engine="quad1d")
    grid = contract.price(mkt, engine="pde1d") if "pde1d/1" in ro.engines() else None
    if grid is not None:
        assert abs(grid.pv - quadrature.pv) <= 2e7 * 2e-5
    with pytest.raises(ro.PricingError) as raised:
        contract.price(mkt, engine="closed")
    assert raised.value.code == "E-ENGINE-REFUSED"
    with pytest.raises(ro.PricingError) as raised:
        contract.price(mkt, engine="oracle")
    assert raised.value.code == "E-ENGINE-UNKNOWN" and raised.value.findings[0].zh


def test_simulations_have_the_seeds_they_are_given(mkt):
    contract = ro.term_sheet(EXAMPLES / "basket.json")
    first = contract.price(mkt, engine="rqmc", seed=7, paths=8192)
    assert contract.price(mkt, engine="rqmc", seed=7, paths=8192).pv == first.pv
    other = contract.price(mkt, engine="rqmc", seed=8, paths=8192).pv
    assert other != first.pv and abs(other - first.pv) < 8 * first.err


def test_probabilities_add_up(mkt):
    contract = ro.term_sheet(EXAMPLES / "snowball.json")
    flows = contract.cashflows(mkt, engine="rqmc", paths=16384)
    ends = {flow["observed"] for flow in flows.projected}
    assert all(0 <= flow["probability"] <= 1 for flow in flows.projected) and len(ends) == 22
    frame = flows.to_pandas()
    assert len(frame) == len(flows)
    assert frame["contribution"].sum() == pytest.approx(flows.pv, abs=1)
    assert flows.pv == pytest.approx(contract.price(mkt).pv, abs=2e7 * 1e-3)
    legs = {flow["leg"] for flow in flows.projected}
    chances = [sum(flows.probabilities(leg).values()) for leg in legs]
    assert all(0 <= chance <= 1 + 1e-9 for chance in chances)
    # What the quadrature does not tell, it says that it does not.
    assert contract.cashflows(mkt).projected or contract.cashflows(mkt).notes


def walk(level, days=None):
    """A snowball on fixings that stay at one price."""
    contract = snowball()
    dates = contract.observations()[:days]
    return contract.observe({"XSHG:000905": dict.fromkeys(dates, level)})


def test_a_contract_walks_its_fixings():
    out = walk(5900)
    assert out.status == "ended_early" and out.flows[-1]["observed"] == "2026-06-09"
    assert "14.7" in out.flows[-1]["trace"] or "0.147" in out.flows[-1]["trace"]
    assert out.total == pytest.approx(2e7 * (1 + 0.147 * 92 / 365), abs=0.01)
    knocked_in = walk(4000)
    assert knocked_in.status == "expired" and knocked_in.state["ki"] == "1"
    assert knocked_in.total == pytest.approx(2e7 * 4000 / 5802.16, abs=0.01)
    live = walk(5000, 40)
    assert live.status == "live" and live.observed == 40 and not live.flows
    assert len(out.to_pandas()) == len(out.flows)


def test_fixings_come_in_every_form_and_are_checked():
    import pandas
    import polars

    contract = snowball()
    dates = contract.observations()[:60]
    rows = [{"date": date, "code": "XSHG:000905", "value": 5000.5} for date in dates]
    frame = pandas.DataFrame(rows)
    forms = [
        rows,
        {"XSHG:000905": dict.fromkeys(dates, 5000.5)},
        frame,
        frame.assign(date=pandas.to_datetime(frame["date"])),
        polars.DataFrame(rows),
        json.dumps(rows),
    ]
    walked = [contract.observe(form).to_dict() for form in forms]
    assert all(one == walked[0] for one in walked)
    gap = [row for row in rows if row["date"] != dates[30]]
    for wrong, code in [
        (gap, "E-FIXING-MISSING"),
        ([*rows, rows[0]], "E-FIXING-TWICE"),
        ([{**rows[0], "value": float("nan")}], "E-FIXING-VALUE"),
        ([{**rows[0], "value": -1}], "E-FIXING-VALUE"),
        ([{**rows[0], "date": "soon"}], "E-FIXING-DATE"),
        ([{"date": dates[0]}], "E-FIXING-FORM"),
        (17, "E-FIXING-FORM"),
    ]:
        with pytest.raises(ro.ObservationError) as raised:
            contract.observe(wrong)
        assert raised.value.code == code
    assert contract.observe(rows, until=dates[10]).observed == 11


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"tolerance": 0}, "E-INPUT-OPTION"),
        ({"tolerance": float("nan")}, "E-INPUT-OPTION"),
        ({"as_of": "noon"}, "E-INPUT-OPTION"),
        ({"as_of": -1}, "E-INPUT-OPTION"),
        ({"model": "sabr"}, "E-INPUT-OPTION"),
        ({"seed": -1}, "E-INPUT-OPTION"),
        ({"seed": 1.5}, "E-INPUT-OPTION"),
        ({"paths": 1000}, "E-INPUT-OPTION"),
        ({"greeks": "some"}, "E-INPUT-OPTION"),
    ],
    ids=str,
)
def test_wrong_options_are_named(options, code):
    put = ro.american(quantity=1, initial=50, strike=52, times=[0.8], type="put")
    with pytest.raises(ro.InputError) as raised:
        put.price(NUMERIC, **options)
    assert raised.value.code == code and raised.value.findings[0].pointer


def test_wrong_questions_are_named(mkt):
    contract = ro.term_sheet(EXAMPLES / "snowball.json")
    for call, kind in [
        (lambda: contract.solve("vol", mkt, target="100%"), ro.InputError),
        (lambda: contract.solve("coupon", mkt, target="par"), ro.InputError),
        (lambda: contract.solve("coupon", mkt, target=float("nan")), ro.InputError),
        (lambda: contract.solve("coupon", mkt, target="100%", increment=0), ro.InputError),
        (lambda: contract.solve("coupon", mkt, target="100%", charges={"tip": 1}), ro.InputError),
        (lambda: contract.solve("coupon", mkt, charges={"hedge_bp": -1}), ro.SolveError),
        (lambda: contract.solve("spread", mkt, target="100%"), ro.SolveError),
        (lambda: contract.solve("ki_level", mkt, target="500%"), ro.SolveError),
        (lambda: contract.ladder(mkt, spots=[2.0, 1.0]), ro.InputError),
        (lambda: contract.ladder(mkt, spots=[float("nan")]), ro.InputError),
        (lambda: contract.explain("fr"), ro.InputError),
        (lambda: contract.price(NUMERIC), ro.RialtoError),
        (lambda: contract.ladder(mkt), TypeError),
    ]:
        with pytest.raises(kind):
            call()


def test_the_edges_of_time_and_volatility_are_finite():
    call = ro.european(quantity=1, initial=100, strike=100, times=[1.0], type="call")
    for vol in (0.0, 1e-9, 1.9):
        for as_of in (0, 0.5, 1 - 1e-9):
            price = call.price(ro.market(as_of=as_of, spot=100, r=-0.01, q=0.1, vol=vol), greeks="all")
            assert math.isfinite(price.pv) and all(map(math.isfinite, price.greeks.raw["delta"]))


def test_a_surface_with_arbitrage_is_told_with_the_market_and_with_each_price():
    def smile(tenor, a):
        return {"tenor": tenor, "a": a, "b": 0.05, "rho": -0.3, "m": 0, "s": 0.2}

    falling = sheet("market")
    falling["underlyings"]["XSHG:000905"]["vol"] = {"svi": [smile("6m", 0.05), smile("2y", 0.04)]}
    steep = ro.market(falling)
    assert "E-ARB-CALENDAR" in [notice.code for notice in steep.notices]
    assert "E-ARB-CALENDAR" in [note["code"] for note in snowball().price(steep).notes]
