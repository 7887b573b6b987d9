//! Whom a comparison of two versions touches: the callers by what they subscribed to.

use std::collections::{BTreeMap, BTreeSet};

use rialto_esb_contract::Severity;
use rialto_esb_contract::compat::Change;

/// What a caller may call of the version before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Code of the application.
    pub application: String,
    /// `sandbox` or `production`.
    pub environment: String,
    /// Ids of its operations; empty for all.
    pub operations: Vec<String>,
}

/// A caller that a comparison touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// Code of the application.
    pub application: String,
    /// Where it may call.
    pub environments: BTreeSet<String>,
    /// Operations it may call that change, as the changes name them.
    pub operations: BTreeSet<String>,
    /// Changes that break it.
    pub errors: usize,
    /// Changes that ask for its care.
    pub warnings: usize,
}

/// Callers that changes touch by more than a notice, those that break first, then by application.
///
/// `id_of` is the id of an operation as changes name it (`POST /v1/orders`) in the version before.
/// A change of no operation is one of all; an operation without an id may be anybody's.
pub fn affected<'i>(
    changes: &[Change],
    uses: &[Use],
    id_of: impl Fn(&str) -> Option<&'i str>,
) -> Vec<Affected> {
    let weighty: Vec<&Change> = changes
        .iter()
        .filter(|change| change.severity != Severity::Info)
        .collect();
    // Several subscriptions of one caller are one caller: a change counts once.
    let mut callers: BTreeMap<&str, Vec<&Use>> = BTreeMap::new();
    for one in uses {
        callers.entry(&one.application).or_default().push(one);
    }
    let mut found: Vec<Affected> = Vec::new();
    for (application, uses) in callers {
        let mut one = Affected {
            application: application.to_owned(),
            environments: BTreeSet::new(),
            operations: BTreeSet::new(),
            errors: 0,
            warnings: 0,
        };
        for change in &weighty {
            let mut touched = false;
            for used in &uses {
                let may = |operation: &&String| {
                    let id = id_of(operation);
                    used.operations.is_empty()
                        || id.is_none_or(|id| used.operations.iter().any(|one| one == id))
                };
                let mine: Vec<&String> = change.operations.iter().filter(may).collect();
                if mine.is_empty() && !change.operations.is_empty() {
                    continue;
                }
                touched = true;
                one.environments.insert(used.environment.clone());
                one.operations.extend(mine.into_iter().cloned());
            }
            match change.severity {
                _ if !touched => {}
                Severity::Error => one.errors += 1,
                _ => one.warnings += 1,
            }
        }
        if one.errors + one.warnings > 0 {
            found.push(one);
        }
    }
    found.sort_by_key(|one| std::cmp::Reverse((one.errors > 0, one.errors)));
    found
}

#[cfg(test)]
mod tests {
    use rialto_esb_contract::Words;

    use super::*;

    fn change(severity: Severity, operations: &[&str]) -> Change {
        Change {
            rule: "OP01",
            severity,
            operations: operations.iter().map(|&name| name.to_owned()).collect(),
            at: String::new(),
            way: None,
            old: None,
            new: None,
            what: Words::new("changed", "有变化"),
        }
    }

    fn used(application: &str, environment: &str, operations: &[&str]) -> Use {
        Use {
            application: application.to_owned(),
            environment: environment.to_owned(),
            operations: operations.iter().map(|&id| id.to_owned()).collect(),
        }
    }

    fn id_of(name: &str) -> Option<&'static str> {
        match name {
            "GET /orders" => Some("listOrders"),
            "POST /orders" => Some("placeOrder"),
            _ => None,
        }
    }

    #[test]
    fn only_who_calls_what_changes_is_named_and_those_that_break_first() {
        let changes = [
            change(Severity::Error, &["POST /orders"]),
            change(Severity::Warning, &["GET /orders", "POST /orders"]),
            change(Severity::Info, &["GET /orders"]),
        ];
        let uses = [
            used("app", "production", &["listOrders"]),
            used("desk", "sandbox", &[]),
            used("desk", "production", &["placeOrder"]),
            used("news", "production", &["headlines"]),
        ];
        let found = affected(&changes, &uses, id_of);
        let told: Vec<(&str, usize, usize, usize)> = found
            .iter()
            .map(|one| {
                let name = one.application.as_str();
                (name, one.errors, one.warnings, one.environments.len())
            })
            .collect();
        assert_eq!(told, [("desk", 1, 1, 2), ("app", 0, 1, 1)]);
        assert_eq!(
            found[1].operations,
            BTreeSet::from(["GET /orders".to_owned()])
        );
    }

    #[test]
    fn what_is_said_of_the_whole_touches_everybody_and_unnamed_operations_too() {
        let uses = [used("app", "production", &["listOrders"])];
        let whole = [change(Severity::Error, &[])];
        assert_eq!(affected(&whole, &uses, id_of)[0].errors, 1);
        let unnamed = [change(Severity::Error, &["GET /old"])];
        assert_eq!(affected(&unnamed, &uses, id_of).len(), 1);
        assert!(affected(&[change(Severity::Info, &[])], &uses, id_of).is_empty());
    }
}
