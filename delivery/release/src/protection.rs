//! What protects an environment, whoever writes the release definition.
//!
//! The definition comes with the change, so its author could ask for no approval of it. Two things
//! stand against that: production always takes one, and the rule in force is that of the version
//! that serves. A laxer one counts from the deployment after the one that brought it, which was
//! approved under the old rule (specification §14: changes to protection are themselves four-eyes).

use crate::definition::{EnvironmentSpec, Tier};

/// The protection in force for a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection {
    /// Tier of the environment.
    pub tier: Tier,
    /// Approvals a deployment needs.
    pub approvals: u32,
    /// More approvals than the release's own definition asks for.
    pub raised: bool,
}

impl Protection {
    /// The protection of a deployment whose definition says `asked`, into an environment whose
    /// serving version says `standing`.
    #[must_use]
    pub fn of(asked: &EnvironmentSpec, standing: Option<&EnvironmentSpec>) -> Self {
        let tiers = [Some(asked.tier), standing.map(|spec| spec.tier)];
        // An environment that is called production is no other by saying so.
        let production = Tier::from_name(&asked.name) == Tier::Production
            || tiers.contains(&Some(Tier::Production));
        let approvals = asked
            .approvals
            .max(standing.map_or(0, |spec| spec.approvals))
            .max(u32::from(production));
        Self {
            tier: if production {
                Tier::Production
            } else {
                asked.tier
            },
            approvals,
            raised: approvals > asked.approvals,
        }
    }

    /// Whether people are asked before anything changes.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.tier == Tier::Production || self.approvals > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Strategy;

    fn spec(name: &str, tier: Tier, approvals: u32) -> EnvironmentSpec {
        EnvironmentSpec {
            name: name.to_owned(),
            tier,
            strategy: Strategy::BlueGreen,
            listen: None,
            bake_ms: 0,
            requires: None,
            approvals,
            smoke: Vec::new(),
            env: Vec::new(),
        }
    }

    #[test]
    fn production_always_takes_an_approval() {
        for asked in [
            spec("production", Tier::Production, 0),
            spec("production", Tier::Testing, 0),
            spec("city", Tier::Production, 0),
        ] {
            let found = Protection::of(&asked, None);
            assert_eq!((found.tier, found.approvals), (Tier::Production, 1));
            assert!(found.raised && found.is_protected());
        }
    }

    #[test]
    fn a_laxer_rule_does_not_hold_for_the_deployment_that_brings_it() {
        let standing = spec("city", Tier::Production, 2);
        let laxer = spec("city", Tier::Testing, 0);
        let found = Protection::of(&laxer, Some(&standing));
        assert_eq!((found.tier, found.approvals), (Tier::Production, 2));
        let after = Protection::of(&laxer, Some(&laxer));
        assert_eq!((after.tier, after.approvals), (Tier::Testing, 0));
        assert!(!after.raised && !after.is_protected());
    }

    #[test]
    fn a_stricter_rule_holds_at_once() {
        let standing = spec("test", Tier::Testing, 0);
        let found = Protection::of(&spec("test", Tier::Testing, 3), Some(&standing));
        assert_eq!((found.approvals, found.raised), (3, false));
    }
}
