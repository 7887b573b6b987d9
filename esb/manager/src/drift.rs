//! What does not fit the definitions, summed over the gateways of an environment.

use rialto_esb_policy::drift::{Direction, DriftFinding, DriftReport};

use crate::subscriptions::ENVIRONMENTS;
use crate::systems::one_of;
use crate::view::{DriftView, DriftingView};
use crate::{InterfacePlatform, PlatformError};

/// Most findings told at once, those that were seen most first.
const MOST: usize = 1_000;

/// Interface, version and operation of a route: `trade.order@1.0.0/getOrder`.
fn parts(route: &str) -> Option<(&str, &str, &str)> {
    let (interface, rest) = route.split_once('@')?;
    let (version, operation) = rest.split_once('/')?;
    Some((interface, version, operation))
}

fn view(found: DriftFinding) -> DriftingView {
    let (interface, version, operation) =
        parts(&found.key.route).unwrap_or((&found.key.route, "", ""));
    DriftingView {
        interface: interface.to_owned(),
        version: version.to_owned(),
        operation: operation.to_owned(),
        application: found.key.application,
        direction: match found.key.direction {
            Direction::Request => "request",
            Direction::Response => "response",
        }
        .to_owned(),
        place: format!("{}{}", found.key.place, found.key.pointer),
        keyword: found.key.keyword,
        class: found.key.class,
        count: found.seen.count,
        first_at: found.seen.first,
        last_at: found.seen.last,
    }
}

impl InterfacePlatform {
    /// What did not fit the definitions in an environment since its gateways started, summed over
    /// those that answer; of one interface or of all.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`] for another environment.
    pub async fn drift(
        &self,
        environment: &str,
        interface: Option<&str>,
    ) -> Result<DriftView, PlatformError> {
        one_of("environment", environment, &ENVIRONMENTS)?;
        let mut sum = DriftReport::default();
        let (mut told, mut silent) = (Vec::new(), Vec::new());
        for node in self.nodes(environment) {
            match node.drift().await {
                Ok(report) => {
                    sum = sum.and(report);
                    told.push(node.name().to_owned());
                }
                Err(_) => silent.push(node.name().to_owned()),
            }
        }
        let mut items: Vec<DriftingView> = sum.findings.into_iter().map(view).collect();
        items.retain(|one| interface.is_none_or(|wanted| one.interface == wanted));
        items.sort_by_key(|one| std::cmp::Reverse(one.count));
        items.truncate(MOST);
        Ok(DriftView {
            environment: environment.to_owned(),
            told,
            silent,
            checked: sum.checked,
            unchecked: sum.unchecked,
            beyond: sum.beyond,
            items,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_tells_interface_version_and_operation() {
        let told = parts("trade.order@1.0.0/getOrder");
        assert_eq!(told, Some(("trade.order", "1.0.0", "getOrder")));
        assert_eq!(parts("orders"), None);
    }
}
