//! Expected flows of every product.

use rialto_otc_pricing::engine::{Ask, Greeking};
use rialto_otc_pricing::select;

use crate::world::{NEAR, ask, products};

#[test]
fn expected_flows_of_every_product_add_up_to_its_value() {
    let mut without = Vec::new();
    for (name, plan) in products() {
        let model = NEAR.model(&plan);
        let ask = Ask {
            flows: true,
            greeks: Greeking::None,
            ..ask(&plan)
        };
        let priced = select::price(&plan, &model, &ask, None)
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .priced;
        if priced.flows.is_empty() {
            let told = priced
                .notes
                .iter()
                .any(|note| note.code.starts_with("N-FLOWS-"));
            assert!(told, "{name}: {:?}", priced.notes);
            without.push(name);
            continue;
        }
        let sum: f64 = priced.flows.iter().map(|flow| flow.contribution).sum();
        let off = (sum - priced.value).abs();
        // Every flow has an error of its own: the tolerance of the whole.
        let counted = priced
            .notes
            .iter()
            .any(|note| note.code == "N-FLOWS-SIMULATED");
        let noise = if counted { 5e-3 } else { 0.0 };
        let allowed = 3.0 * priced.error.abs + (1e-5 + noise) * plan.notional.abs();
        assert!(off <= allowed, "{name}: off by {off}, {allowed} allowed");
        for flow in &priced.flows {
            assert!((0.0..=1.0).contains(&flow.probability), "{name}: {flow:?}");
            assert!(flow.amount.is_finite(), "{name}: {flow:?}");
        }
    }
    // The holder of these decides.
    assert_eq!(without, ["american-bermudan", "american"]);
}
