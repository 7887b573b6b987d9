//! What a snapshot is: its quotes, one text, one id.

use proptest::prelude::*;
use rialto_otc_market::model::{Curve, Dynamics, Model};
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_market::view::ModelKind;
use rialto_otc_time::{AsOf, Calendars};
use rust_decimal::Decimal;

use crate::support::{codes, date, dated, dates, market, numeric, plan, read, text, times};

const FIXTURES: [&str; 7] = [
    "csi500.json",
    "csi500-reordered.yaml",
    "numeric.json",
    "basket.json",
    "stock.json",
    "models.json",
    "arbitrage.json",
];

#[test]
fn the_same_quotes_have_one_id_in_whatever_order_and_spelling() {
    let (a, b) = (market("csi500.json"), market("csi500-reordered.yaml"));
    assert_eq!(a.canonical(), b.canonical());
    assert_eq!(a.id(), b.id());
    assert_eq!(a.id().len(), 64);
}

#[test]
fn the_id_is_the_hash_of_the_canonical_text() {
    // sha256sum of the text below.
    let snapshot = read(r#"{"as_of":"2026-05-18","r":"1.70%"}"#);
    assert_eq!(
        snapshot.canonical(),
        r#"{"as_of":{"date":"2026-05-18","phase":"post_close"},"discount":{"*":"0.017"},"schema":"rialto.market/1"}"#
    );
    assert_eq!(
        snapshot.id(),
        "fefdf004581207b4b3d35693182611611f40e10007f6ef14a03539435589f751"
    );
}

#[test]
fn another_quote_is_another_id() {
    let changed = text("csi500.json").replace("5871.42", "5871.43");
    assert_ne!(read(&changed).id(), market("csi500.json").id());
}

#[test]
fn canonical_text_reads_back_to_the_same_snapshot() {
    for name in FIXTURES {
        let snapshot = market(name);
        let again = read(snapshot.canonical());
        assert_eq!(again, snapshot, "{name}");
    }
}

#[test]
fn a_volatility_above_200_percent_keeps_its_percent_sign() {
    let snapshot = read(r#"{"as_of":0,"spot":10,"vol":"230.8%"}"#);
    assert!(
        snapshot.canonical().contains(r#""vol":"230.8%""#),
        "{}",
        snapshot.canonical()
    );
    assert_eq!(read(snapshot.canonical()).id(), snapshot.id());
}

#[test]
fn quotes_are_found_by_name_and_kept_exactly() {
    let snapshot = market("csi500.json");
    let quotes = snapshot.underlying("XSHG:000905").expect("quoted");
    assert_eq!(quotes.spot, Decimal::new(587_142, 2));
    assert_eq!(
        snapshot.fixing("XSHG:000905", date("2026-03-09")),
        Some(Decimal::new(580_216, 2))
    );
    assert_eq!(snapshot.fixing("XSHG:000905", date("2026-03-10")), None);
    assert_eq!(snapshot.calendars(), Some("cn-2026.1"));
    assert!(snapshot.underlying("XSHG:000300").is_none());
}

#[test]
fn a_matrix_follows_the_underlyings_as_they_were_written() {
    let snapshot = market("basket.json");
    assert_eq!(snapshot.correlation("B", "A"), Some(Decimal::new(5, 1)));
    assert_eq!(snapshot.correlation("C", "B"), Some(Decimal::new(2, 1)));
    assert_eq!(snapshot.correlation("A", "C"), Some(Decimal::new(-1, 1)));
    assert_eq!(snapshot.correlation("A", "A"), Some(Decimal::ONE));
}

#[test]
fn arbitrage_is_named_by_tenor_and_k_and_blocks_promotion_not_reading() {
    let findings = market("arbitrage.json").arbitrage(Calendars::builtin());
    assert!(findings.has_errors());
    insta::assert_snapshot!(findings.to_string());
    for name in ["csi500.json", "stock.json", "basket.json"] {
        let findings = market(name).arbitrage(Calendars::builtin());
        assert_eq!(codes(&findings), [""; 0], "{name}: {findings}");
    }
}

#[test]
fn a_variance_that_reaches_zero_is_a_notice() {
    let (_, notices) = Snapshot::from_text(&text("models.json")).expect("reads");
    assert_eq!(codes(&notices), ["N-MKT-FELLER"]);
    assert!(!notices.has_errors());
}

/// A market seen by a contract on all that it quotes; `None` when it is refused.
fn any_view(snapshot: &Snapshot, kind: ModelKind) -> Option<Model> {
    let codes: Vec<&str> = snapshot.codes().collect();
    let viewed = match snapshot.as_of() {
        AsOf::Numeric(now) => numeric(
            snapshot,
            &plan(&codes, &times(&[now + 0.5, now + 1.5])),
            kind,
        ),
        AsOf::Dated { .. } => {
            let days = ["2026-12-09", "2028-03-09"];
            dated(
                snapshot,
                &plan(&codes, &dates("2026-03-09", &days)),
                "2026-03-09",
                kind,
            )
        }
    };
    viewed.ok().map(|viewed| viewed.model)
}

/// Whether all that an engine reads of a model is a number.
fn is_finite(model: &Model) -> bool {
    let times = [0.0, 0.3, 1.0, 5.0];
    let sound = |curve: &Curve| {
        times
            .iter()
            .all(|time| curve.integral_to(*time).is_finite())
    };
    sound(&model.discount)
        && model.correlation.iter().all(|rho| rho.is_finite())
        && model.names.iter().all(|name| {
            let moves = match &name.dynamics {
                Dynamics::Gbm { variance } => {
                    sound(variance)
                        && times
                            .windows(2)
                            .all(|w| variance.integral(w[0], w[1]) >= 0.0)
                }
                Dynamics::LocalVol(local) => times
                    .iter()
                    .all(|time| local.at(*time, name.spot * 0.8).is_finite()),
                Dynamics::Heston(heston) => heston.check().is_ok(),
            };
            moves && sound(&name.carry) && name.spot > 0.0
        })
}

fn shuffled(names: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    Just(names.to_vec()).prop_shuffle()
}

proptest! {
    #[test]
    fn the_id_is_independent_of_key_order(
        top in shuffled(&["as_of", "discount", "underlyings", "correlation"]),
        inner in shuffled(&["spot", "q", "vol"]),
        names in shuffled(&["A", "B", "C"]),
        spot in 1u32..1_000_000,
    ) {
        let quotes = |order: &[&str]| {
            let fields = order.iter().map(|name| match *name {
                "spot" => format!("\"spot\":{spot}"),
                "q" => "\"q\":0.01".to_owned(),
                _ => "\"vol\":\"20%\"".to_owned(),
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        };
        let document = |top: &[&str], inner: &[&str], names: &[&str]| {
            let fields = top.iter().map(|name| match *name {
                "as_of" => "\"as_of\":\"2026-05-18\"".to_owned(),
                "discount" => "\"discount\":{\"CNY\":\"1.5%\"}".to_owned(),
                "correlation" => {
                    "\"correlation\":[[\"A\",\"B\",0.1],[\"A\",\"C\",0.2],[\"C\",\"B\",0.3]]".to_owned()
                }
                _ => {
                    let all = names.iter().map(|name| format!("\"{name}\":{}", quotes(inner)));
                    format!("\"underlyings\":{{{}}}", all.collect::<Vec<_>>().join(","))
                }
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        };
        let sorted = document(
            &["as_of", "correlation", "discount", "underlyings"],
            &["q", "spot", "vol"],
            &["A", "B", "C"],
        );
        let (found, expected) = (read(&document(&top, &inner, &names)), read(&sorted));
        prop_assert_eq!(found.id(), expected.id());
    }

    #[test]
    fn no_text_makes_reading_panic(text in "[\\{\\}\\[\\]\",:a-z0-9.%-]{0,80}") {
        let _ = Snapshot::from_text(&text);
    }

    #[test]
    fn no_damage_to_a_market_makes_reading_or_viewing_panic(
        name in prop::sample::select(FIXTURES.to_vec()),
        at in 0.0..1.0f64,
        with in "[-0-9a-z\"\\[\\]{}:,.%]{0,3}",
        cut in 0usize..4,
    ) {
        let whole = text(name);
        let at = ((whole.len() as f64) * at) as usize;
        let damaged: String =
            whole[..at].chars().chain(with.chars()).chain(whole[at..].chars().skip(cut)).collect();
        if let Ok((snapshot, _)) = Snapshot::from_text(&damaged) {
            let again = read(snapshot.canonical());
            prop_assert_eq!(again.id(), snapshot.id());
            let _ = snapshot.arbitrage(Calendars::builtin());
            for kind in [ModelKind::Quoted, ModelKind::LocalVol] {
                if let Some(model) = any_view(&snapshot, kind) {
                    prop_assert!(is_finite(&model), "{model:?}");
                }
            }
        }
    }
}
