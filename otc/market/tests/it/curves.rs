//! Curves built from quotes.

use proptest::prelude::*;
use rialto_otc_market::curve::Curve;
use rialto_otc_market::view::ModelKind;

use crate::support::{close, dated, dates, market, numeric, plan, read, times};

const INDEX: &str = "XSHG:000905";

#[test]
fn zero_rates_give_log_linear_discount_factors() {
    let plan = plan(&[INDEX], &dates("2026-03-09", &["2028-03-09"]));
    let viewed = dated(
        &market("csi500.json"),
        &plan,
        "2026-03-09",
        ModelKind::Quoted,
    )
    .expect("ok");
    let discount = &viewed.model.discount;
    close(
        discount.integral_to(92.0 / 365.0),
        0.0162 * 92.0 / 365.0,
        1e-15,
    );
    close(discount.integral_to(1.0), 0.0171, 1e-15);
    // mpmath, 40 digits: linear between 92 and 365 days.
    close(
        discount.integral_to(214.0 / 365.0),
        0.009_900_279_993_978_624,
        1e-15,
    );
    // Beyond the last pillar the forward rate goes on: 3y at 1096 days.
    let (one, three) = (0.0171, 0.0188 * 1096.0 / 365.0);
    let forward = (three - one) / (731.0 / 365.0);
    close(
        discount.integral_to(5.0),
        three + forward * (5.0 - 1096.0 / 365.0),
        1e-14,
    );
    close(discount.factor(1.0), (-0.0171_f64).exp(), 1e-15);
}

#[test]
fn carry_follows_from_the_futures_strip() {
    let plan = plan(&[INDEX], &dates("2026-03-09", &["2028-03-09"]));
    let viewed = dated(
        &market("csi500.json"),
        &plan,
        "2026-03-09",
        ModelKind::Quoted,
    )
    .expect("ok");
    let carry = &viewed.model.names[0].carry;
    // mpmath, 40 digits: q T = r T − ln(F/S).
    close(
        carry.integral_to(35.0 / 365.0),
        0.007_158_895_175_468_418,
        1e-15,
    );
    close(
        carry.integral_to(214.0 / 365.0),
        0.039_109_653_731_475_63,
        1e-15,
    );
    let points = &viewed.carries[0];
    assert_eq!(points[1].label, "IC2612");
    close(
        points[1].implied.expect("implied"),
        0.066_705_717_813_030_86,
        1e-14,
    );
    // Linear in q T between the futures, and on from the last one.
    let slope = (0.039_109_653_731_475_63 - 0.007_158_895_175_468_418) / (179.0 / 365.0);
    close(
        carry.integral_to(2.0),
        0.039_109_653_731_475_63 + slope * (2.0 - 214.0 / 365.0),
        1e-14,
    );
}

#[test]
fn a_trader_marks_over_quotes_and_both_are_kept() {
    let plan = plan(&["XSHG:600519"], &dates("2026-05-11", &["2027-05-11"]));
    let viewed = dated(
        &market("stock.json"),
        &plan,
        "2026-05-11",
        ModelKind::Quoted,
    )
    .expect("ok");
    let points = &viewed.carries[0];
    let shown: Vec<_> = points
        .iter()
        .map(|point| (point.label.as_str(), point.implied, point.marked))
        .collect();
    assert_eq!(
        shown,
        [
            ("6m", Some(0.012), None),
            ("1y", Some(0.015), Some(0.02)),
            ("2y", None, Some(0.022))
        ]
    );
    let carry = &viewed.model.names[0].carry;
    close(carry.integral_to(1.0), 0.02, 1e-15);
    close(
        carry.integral_to(184.0 / 365.0),
        0.012 * 184.0 / 365.0,
        1e-15,
    );
}

#[test]
fn numeric_pieces_count_from_the_contracts_start() {
    let plan = plan(&["X"], &times(&[0.5, 1.25]));
    let viewed = numeric(&market("numeric.json"), &plan, ModelKind::Quoted).expect("ok");
    let name = &viewed.model.names[0];
    close(viewed.model.as_of.rate, 0.25, 0.0);
    close(viewed.model.as_of.variance, 0.25, 0.0);
    // The piece of 5 % ends a quarter after the as-of.
    close(name.carry.integral_to(0.25), 0.0125, 1e-15);
    close(name.carry.integral_to(1.0), 0.0125 + 0.0225, 1e-15);
    close(viewed.model.discount.integral_to(1.0), 0.018, 1e-15);
    close(
        name.forward(&viewed.model.discount, 1.0),
        47.1 * f64::exp(0.018 - 0.035),
        1e-12,
    );
}

#[test]
fn pieces_that_are_past_are_left_out() {
    let text =
        r#"{"as_of":1,"spot":10,"r":[[0.5,0.01],[2,0.03]],"q":0,"vol":[[1,0.5],[null,0.2]]}"#;
    let viewed = numeric(
        &read(text),
        &plan(&["X"], &times(&[3.0])),
        ModelKind::Quoted,
    )
    .expect("ok");
    close(viewed.model.discount.integral_to(2.0), 0.06, 1e-15);
    let rialto_otc_market::model::Dynamics::Gbm { variance } = &viewed.model.names[0].dynamics
    else {
        panic!("a GBM")
    };
    close(variance.integral_to(2.0), 0.08, 1e-15);
}

fn curve() -> impl Strategy<Value = Curve> {
    prop::collection::vec((0.01..2.0f64, -0.2..0.3f64), 1..8).prop_map(|steps| {
        let mut end = 0.0;
        let pieces: Vec<(f64, f64)> = steps
            .into_iter()
            .map(|(step, rate)| {
                end += step;
                (end, rate)
            })
            .collect();
        Curve::pieces(&pieces)
    })
}

proptest! {
    #[test]
    fn integrals_over_adjoining_intervals_add_up(
        curve in curve(),
        a in 0.0..20.0f64,
        b in 0.0..20.0f64,
        c in 0.0..20.0f64,
    ) {
        let whole = curve.integral(a, c);
        prop_assert!((curve.integral(a, b) + curve.integral(b, c) - whole).abs() < 1e-13);
    }

    #[test]
    fn an_integral_is_that_of_the_rates(curve in curve(), from in 0.0..5.0f64, to in 5.0..9.0f64) {
        let n = 20_000;
        let step = (to - from) / f64::from(n);
        let sum: f64 =
            (0..n).map(|i| curve.rate_after(from + (f64::from(i) + 0.5) * step) * step).sum();
        // A jump of at most 0.5 can fall inside one step of each knot.
        prop_assert!((curve.integral(from, to) - sum).abs() < 8.0 * 0.5 * step + 1e-10);
    }

    #[test]
    fn futures_implied_carry_reproduces_every_forward(
        spot in 10.0..9000.0f64,
        rate in -0.02..0.08f64,
        ratios in prop::collection::vec(0.8..1.15f64, 1..6),
        gaps in prop::collection::vec(0.02..0.8f64, 6),
    ) {
        let mut end = 0.0;
        let mut strip = Vec::new();
        for (ratio, gap) in ratios.iter().zip(&gaps) {
            end += gap;
            strip.push((end, spot * ratio));
        }
        let rows = strip.iter().map(|(time, price)| format!("[\"F\",{time:.6},{price:.6}]"));
        let rows = rows.collect::<Vec<_>>().join(",");
        let text = format!(
            r#"{{"as_of":0,"spot":{spot:.6},"r":{rate:.6},"q":{{"futures":[{rows}]}},"vol":0.2}}"#
        );
        let viewed =
            numeric(&read(&text), &plan(&["X"], &times(&[1.0])), ModelKind::Quoted).expect("ok");
        let (name, discount) = (&viewed.model.names[0], &viewed.model.discount);
        for (time, price) in strip {
            let time: f64 = format!("{time:.6}").parse().expect("a number");
            let forward = name.forward(discount, time);
            prop_assert!((forward / price - 1.0).abs() < 1e-6 / 8.0 + 1e-7);
        }
    }
}
