//! What a contract sees of a market, and what it is told when something is missing.

use rialto_otc_contract::plan::{Moment, Plan};
use rialto_otc_contract::shape::{Shape, Side, Vanilla};
use rialto_otc_market::model::Dynamics;
use rialto_otc_market::view::{self, Ground, ModelConfig, ModelKind, VolAt};
use rialto_otc_market::vol::Svi;
use rialto_otc_time::{AsOf, Calendars, Clocks, Exchange};

use crate::support::{
    clocks, close, codes, date, dated, dates, market, numeric, plan, read, times,
};

const INDEX: &str = "XSHG:000905";
const START: &str = "2026-03-09";

fn variance(dynamics: &Dynamics) -> &rialto_otc_market::model::Curve {
    let Dynamics::Gbm { variance } = dynamics else {
        panic!("not a GBM: {dynamics:?}")
    };
    variance
}

fn sessions(from: &str, to: &str) -> f64 {
    let calendar = Calendars::builtin().get(Exchange::Xshg);
    f64::from(
        calendar
            .count_sessions(date(from), date(to))
            .expect("covered"),
    )
}

#[test]
fn tenors_fall_on_the_contracts_clocks() {
    let plan = plan(&[INDEX], &dates(START, &["2026-06-09", "2028-03-09"]));
    let viewed = dated(&market("csi500.json"), &plan, START, ModelKind::Quoted).expect("ok");
    let told: Vec<&str> = viewed.notices.iter().map(|one| one.code).collect();
    assert_eq!(told, ["N-MODEL-SMILE"], "{}", viewed.notices);
    let model = &viewed.model;
    close(model.as_of.rate, 70.0 / 365.0, 1e-15);
    close(
        model.as_of.variance,
        sessions(START, "2026-05-18") / 244.0,
        1e-15,
    );
    close(model.names[0].spot, 5871.42, 0.0);
    // Total variance of the six-month smile at the forward, on its day of the session clock.
    let near = Svi {
        a: 0.009,
        b: 0.061,
        rho: -0.31,
        m: 0.02,
        s: 0.17,
    };
    let day = sessions("2026-05-18", "2026-11-18") / 244.0;
    close(
        variance(&model.names[0].dynamics).integral_to(day),
        near.at(0.0).value,
        1e-15,
    );
}

#[test]
fn an_intraday_moment_leaves_the_rest_of_the_session_ahead() {
    let plan = plan(&["XSHG:600519"], &dates("2026-05-11", &["2027-05-11"]));
    let viewed = dated(
        &market("stock.json"),
        &plan,
        "2026-05-11",
        ModelKind::Quoted,
    )
    .expect("ok");
    // 10:30 is 60 of 240 minutes into the session of the 18th.
    let elapsed = sessions("2026-05-11", "2026-05-18") - 0.75;
    close(viewed.model.as_of.variance, elapsed / 244.0, 1e-15);
    let dividends = &viewed.model.names[0].dividends;
    close(dividends[0].rate, 31.0 / 365.0, 1e-15);
    close(
        dividends[0].variance,
        (sessions("2026-05-18", "2026-06-18") + 0.75) / 244.0,
        1e-15,
    );
    close(dividends[1].proportional, 0.018, 0.0);
}

#[test]
fn quotes_by_strike_are_met_at_their_strikes() {
    let plan = plan(&["XSHG:600519"], &dates("2026-05-11", &["2026-08-18"]));
    let kind = ModelKind::Gbm {
        vol: VolAt::AtStrike(1400.0),
    };
    let viewed = dated(&market("stock.json"), &plan, "2026-05-11", kind).expect("ok");
    let horizon = (sessions("2026-05-18", "2026-08-18") + 0.75) / 244.0;
    let variance = variance(&viewed.model.names[0].dynamics);
    close(
        (variance.integral_to(horizon) / horizon).sqrt(),
        0.25,
        1e-12,
    );
}

#[test]
fn a_vanilla_option_is_read_at_its_own_strike() {
    let mut plan = plan(&["XSHG:600519"], &dates("2026-05-11", &["2026-08-18"]));
    let vanilla = |strike| Vanilla {
        units: 1.0,
        w: Side::Put,
        strike,
    };
    let read = |plan: &Plan<f64>, kind| {
        let viewed = dated(&market("stock.json"), plan, "2026-05-11", kind).expect("ok");
        let told = viewed.notices.iter().any(|one| one.code == "N-MODEL-SMILE");
        let horizon = (sessions("2026-05-18", "2026-08-18") + 0.75) / 244.0;
        let variance = variance(&viewed.model.names[0].dynamics);
        ((variance.integral_to(horizon) / horizon).sqrt(), told)
    };
    for shape in [Shape::European, Shape::American] {
        plan.shape = Some(shape(vanilla(1400.0)));
        let (vol, told) = read(&plan, ModelKind::Quoted);
        close(vol, 0.25, 1e-12);
        assert!(!told, "nothing is left out");
    }
    plan.shape = None;
    let at_forward = read(&plan, ModelKind::Quoted);
    assert!(at_forward.1, "what is left out is told");
    let asked = ModelKind::Gbm {
        vol: VolAt::AtmForward,
    };
    assert_eq!(read(&plan, asked), (at_forward.0, false), "as asked for");
    plan.shape = Some(Shape::Forward {
        units: 1.0,
        strike: 1400.0,
    });
    assert!(!read(&plan, ModelKind::Quoted).1);
}

#[test]
fn a_quanto_contract_drifts_with_the_covariance() {
    let plan = plan(&["XHKG:00700"], &dates("2026-05-11", &["2027-05-11"]));
    let viewed = dated(
        &market("stock.json"),
        &plan,
        "2026-05-11",
        ModelKind::Quoted,
    )
    .expect("ok");
    let (name, discount) = (&viewed.model.names[0], &viewed.model.discount);
    close(discount.integral_to(1.0), 0.018, 1e-15);
    // σ is per year of the session clock, rates per calendar year: over one span of both.
    let last = plan.instants[0].at;
    let (years, clock) = (
        last.rate - viewed.model.as_of.rate,
        last.variance - viewed.model.as_of.variance,
    );
    let drift = discount.integral_to(years) - name.carry.integral_to(years);
    close(
        drift,
        (0.031 - 0.008) * years + 0.2 * 0.33 * 0.04 * clock,
        1e-12,
    );
}

#[test]
fn names_come_in_the_contracts_order() {
    let viewed = numeric(
        &market("basket.json"),
        &plan(&["C", "A", "B"], &times(&[1.0])),
        ModelKind::Quoted,
    )
    .expect("ok");
    let model = &viewed.model;
    let spots: Vec<f64> = model.names.iter().map(|name| name.spot).collect();
    assert_eq!(spots, [12.5, 50.0, 8.4]);
    assert_eq!(
        model.correlation,
        [1.0, -0.1, 0.2, -0.1, 1.0, 0.5, 0.2, 0.5, 1.0]
    );
    close(
        variance(&model.names[2].dynamics).integral_to(1.0),
        0.25 * 0.09 + 0.75 * 0.1225,
        1e-15,
    );
}

#[test]
fn a_market_names_its_model_and_a_configuration_may_choose_another() {
    let (market, plan) = (
        market("models.json"),
        plan(&["H", "C", "L"], &times(&[1.0])),
    );
    let viewed = numeric(&market, &plan, ModelKind::Quoted).expect("ok");
    let [heston, cev, grid] = &viewed.model.names[..] else {
        panic!("three")
    };
    let Dynamics::Heston(heston) = &heston.dynamics else {
        panic!("Heston")
    };
    close(heston.xi, 0.6, 0.0);
    let (Dynamics::LocalVol(cev), Dynamics::LocalVol(grid)) = (&cev.dynamics, &grid.dynamics)
    else {
        panic!("local volatility")
    };
    close(cev.at(0.3, 100.0), 0.2, 1e-15);
    close(cev.at(0.3, 50.0), 0.2 * 0.5_f64.powf(-0.8), 1e-15);
    close(grid.at(0.5, 80.0), 0.3, 1e-15);
    let chosen = numeric(&market, &plan, ModelKind::Heston).expect_err("two have no parameters");
    assert_eq!(
        codes(&chosen),
        ["E-MKT-HESTON-MISSING", "E-MKT-HESTON-MISSING"]
    );
    let gbm = ModelKind::Gbm {
        vol: VolAt::AtmForward,
    };
    let chosen = numeric(&market, &plan, gbm).expect_err("none has a volatility");
    assert_eq!(codes(&chosen), ["E-MKT-VOL-MISSING"; 3]);
}

#[test]
fn local_volatility_is_one_flag_away() {
    let plan = plan(&[INDEX], &dates(START, &["2028-03-09"]));
    let viewed = dated(&market("csi500.json"), &plan, START, ModelKind::LocalVol).expect("ok");
    let Dynamics::LocalVol(grid) = &viewed.model.names[0].dynamics else {
        panic!("a grid")
    };
    close(grid.reference, 5871.42, 0.0);
    // The smile slopes down: lower prices are more volatile.
    assert!(grid.at(0.5, 4500.0) > grid.at(0.5, 5800.0));
    assert!(viewed.notices.is_empty(), "{}", viewed.notices);
}

#[test]
fn what_is_missing_is_told_all_at_once() {
    let text = r#"{"as_of":"2026-05-18","discount":{"USD":"4%"},
        "underlyings":{"A":{"spot":10},"B":{"spot":10,"q":0},"C":{"spot":10,"currency":"HKD","q":0,"vol":0.2}}}"#;
    let plan = plan(&["A", "B", "C", "D"], &dates(START, &["2027-03-09"]));
    let findings = dated(&read(text), &plan, START, ModelKind::Quoted).expect_err("refused");
    insta::assert_snapshot!(findings.to_string());
}

#[test]
fn a_market_of_another_moment_is_refused() {
    let (snapshot, clocks) = (market("csi500.json"), clocks());
    let plan = plan(&[INDEX], &dates(START, &["2028-03-09"]));
    let ground = Ground {
        clocks: &clocks,
        calendars: Calendars::builtin(),
        start: Some(date(START)),
    };
    let at = |as_of: AsOf| {
        view::model(&snapshot, &plan, &ground, &as_of, &ModelConfig::default())
            .map(|viewed| viewed.model.as_of)
            .map_err(|findings| findings.to_string())
    };
    insta::assert_snapshot!(at(AsOf::post_close(date("2026-05-19"))).expect_err("another day"));
    let open = AsOf::Dated {
        date: date("2026-05-18"),
        phase: rialto_otc_time::DayPhase::PreOpen,
    };
    let (close_of, open_of) = (
        at(AsOf::post_close(date("2026-05-18"))).expect("ok"),
        at(open).expect("ok"),
    );
    close(close_of.variance - open_of.variance, 1.0 / 244.0, 1e-15);
    assert!(
        at(AsOf::Numeric(0.0))
            .expect_err("numeric")
            .starts_with("E-MKT-ASOF")
    );
}

#[test]
fn a_dated_market_is_not_for_a_numeric_contract() {
    let findings = numeric(
        &market("csi500.json"),
        &plan(&[INDEX], &times(&[1.0])),
        ModelKind::Quoted,
    )
    .expect_err("refused");
    assert_eq!(codes(&findings), ["E-ASOF-KIND"]);
}

#[test]
fn a_contract_without_instants_stands_on_the_clocks_of_its_start() {
    let at = |dates: &[Moment]| {
        let snapshot = market("csi500.json");
        let viewed = dated(&snapshot, &plan(&[INDEX], dates), START, ModelKind::Quoted);
        viewed.expect("a model").model
    };
    let (ended, live) = (at(&[]), at(&dates(START, &["2028-03-09"])));
    assert_eq!(ended.as_of, live.as_of);
    assert_eq!(ended.discount, live.discount);
    assert_eq!(ended.names[0].spot, live.names[0].spot);
    let on_times = numeric(
        &market("numeric.json"),
        &plan(&["X"], &[]),
        ModelKind::Quoted,
    );
    close(on_times.expect("a model").model.as_of.rate, 0.25, 0.0);
    // Its kind is that of its start still.
    let other = numeric(
        &market("csi500.json"),
        &plan(&[INDEX], &[]),
        ModelKind::Quoted,
    );
    assert_eq!(codes(&other.expect_err("refused")), ["E-ASOF-KIND"]);
}

#[test]
fn a_contract_that_has_ended_needs_nothing_but_the_discount_curve() {
    let read = |discount: &str| {
        let text = format!(
            r#"{{"as_of":"2026-05-18","discount":{{"{discount}":"4%"}},"underlyings":{{"A":{{"spot":10}}}}}}"#
        );
        read(&text)
    };
    let ended = plan(&["A", "B"], &[]);
    let snapshot = read(&ended.currency);
    let model = dated(&snapshot, &ended, START, ModelKind::Quoted)
        .expect("a model")
        .model;
    assert_eq!((model.names.len(), model.names[0].spot), (2, 10.0));
    assert_eq!(model.names[1].spot, ended.underlyings[1].initial);
    assert_eq!(model.correlation, [1.0, 0.0, 0.0, 1.0]);
    close(model.discount.integral_to(0.5), 0.02, 1e-12);
    let live = plan(&["A", "B"], &dates(START, &["2028-03-09"]));
    dated(&snapshot, &live, START, ModelKind::Quoted).expect_err("a live one needs its quotes");
    let findings = dated(&read("XXX"), &ended, START, ModelKind::Quoted).expect_err("no curve");
    assert_eq!(codes(&findings), ["E-MKT-DISCOUNT-MISSING"]);
}

#[test]
fn tenors_beyond_the_calendars_are_told() {
    let text = r#"{"as_of":"2026-05-18","r":"2%","spot":10,"q":0,
        "vol":{"svi":[{"tenor":"6m","a":0.01,"b":0.05,"rho":-0.3,"m":0,"s":0.2},{"tenor":"90y","a":3,"b":0.05,"rho":-0.3,"m":0,"s":0.2}]}}"#;
    let plan = plan(&[INDEX], &dates(START, &["2027-03-09"]));
    let findings = dated(&read(text), &plan, START, ModelKind::Quoted).expect_err("refused");
    assert_eq!(codes(&findings), ["E-CAL-COVERAGE"]);
}

#[test]
fn a_matrix_is_repaired_on_request_and_the_distance_told() {
    let text = r#"{"as_of":0,"r":0,"underlyings":{"A":{"spot":1,"q":0,"vol":0.2},"B":{"spot":1,"q":0,"vol":0.2},"C":{"spot":1,"q":0,"vol":0.2}},
        "correlation":{"matrix":[[1,0.9,0.9],[0.9,1,-0.9],[0.9,-0.9,1]],"repair":true}}"#;
    let plan = plan(&["A", "B", "C"], &times(&[1.0]));
    let viewed = numeric(&read(text), &plan, ModelKind::Quoted).expect("ok");
    assert_eq!(codes(&viewed.notices), ["N-MKT-CORRELATION-REPAIRED"]);
    assert!(viewed.model.correlation[1] < 0.9);
    close(viewed.model.correlation[0], 1.0, 1e-12);
}

#[test]
fn a_numeric_as_of_is_rate_time_and_variance_follows_the_contract() {
    let moment = |variance, rate| Moment {
        date: None,
        variance,
        rate,
        coupon: rate,
    };
    let plan = plan(&["X"], &[moment(0.4, 0.5), moment(1.0, 1.0)]);
    let viewed = numeric(&market("numeric.json"), &plan, ModelKind::Quoted).expect("ok");
    close(viewed.model.as_of.rate, 0.25, 0.0);
    close(viewed.model.as_of.variance, 0.2, 1e-15);
}

#[test]
fn a_variance_clock_without_sessions_needs_no_calendar() {
    let clocks = Clocks {
        variance: rialto_otc_time::Clock::Act365,
        rate: rialto_otc_time::Clock::Act365,
        coupon: rialto_otc_time::Clock::Act365,
    };
    let ground = Ground {
        clocks: &clocks,
        calendars: Calendars::builtin(),
        start: Some(date(START)),
    };
    let mut moment = dates(START, &["2027-03-09"])[0];
    (moment.variance, moment.rate) = (1.0, 1.0);
    let (snapshot, plan) = (market("csi500.json"), plan(&[INDEX], &[moment]));
    let viewed = view::model(
        &snapshot,
        &plan,
        &ground,
        snapshot.as_of(),
        &ModelConfig::default(),
    )
    .expect("ok");
    close(viewed.model.as_of.variance, 70.0 / 365.0, 1e-15);
}
