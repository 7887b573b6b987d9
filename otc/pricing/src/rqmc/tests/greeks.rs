//! Greeks by common points at moved markets.

use super::*;

#[test]
fn greeks_of_a_snowball_are_quadratures_within_their_noise() {
    let model = flat(100.0, 0.03, 0.05, 0.2);
    let plan = Snowball::default().plan();
    let asked = Ask {
        greeks: Greeking::Spot,
        ..ask(1 << 16, 6)
    };
    let priced = price(&plan, &model, &asked);
    let truth = quad(&plan, &model).greeks;
    let scale = plan.notional / 100.0;
    assert!((priced.greeks.delta[0] - truth.delta[0]).abs() < 0.03 * scale);
    assert!((priced.greeks.gamma[0] - truth.gamma[0]).abs() < 0.05 * scale);
}

#[test]
fn greeks_and_ladder_of_a_put_are_black_scholes() {
    let (s, k, t, r, q, vol) = (100.0, 105.0, 1.0, 0.03, 0.05, 0.2);
    let asked = Ask {
        greeks: Greeking::All,
        ladder: vec![90.0],
        ..ask(1 << 16, 3)
    };
    let priced = price(&european(-1.0, k, t), &flat(s, r, q, vol), &asked);
    let value = |s: f64, r: f64, q: f64, vol: f64| black_scholes(-1.0, s, k, t, r, q, vol);
    let slope = |f: &dyn Fn(f64) -> f64| (f(1e-4) - f(-1e-4)) / 2e-4;
    let greeks = &priced.greeks;
    let gamma =
        (value(s + 0.1, r, q, vol) - 2.0 * value(s, r, q, vol) + value(s - 0.1, r, q, vol)) / 0.01;
    for (name, found, truth, most) in [
        (
            "delta",
            greeks.delta[0],
            slope(&|h| value(s + h, r, q, vol)),
            1e-4,
        ),
        ("gamma", greeks.gamma[0], gamma, 2e-4),
        (
            "vega",
            greeks.vega[0],
            slope(&|h| value(s, r, q, vol + h)),
            2e-2,
        ),
        (
            "rho",
            greeks.rho.expect("rho"),
            slope(&|h| value(s, r + h, q, vol)),
            2e-2,
        ),
        (
            "rho_q",
            greeks.rho_q[0],
            slope(&|h| value(s, r, q + h, vol)),
            2e-2,
        ),
        (
            "ladder",
            priced.ladder[0].value,
            value(90.0, r, q, vol),
            1e-3,
        ),
    ] {
        assert!((found - truth).abs() < most, "{name}: {found} {truth}");
    }
    let told = priced.notes.iter().any(|note| note.code == "N-GREEK-NOISE");
    assert!(told, "{:?}", priced.notes);
}
