//! The roles of a house.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What somebody is in the house. A person may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Changes code and runs pipelines.
    Developer,
    /// Runs pipelines and judges their reports.
    Tester,
    /// Owns gate rules; may approve.
    QualityOwner,
    /// Decides on releases; may approve.
    ReleaseManager,
    /// Runs environments; may approve and roll back.
    Operations,
    /// Reviews security.
    Security,
    /// Reads everything, changes nothing.
    Auditor,
    /// Manages people and projects; has no right to approve by being administrator.
    Administrator,
    /// Quotes, books and amends OTC trades.
    Trader,
    /// Checks OTC trades: approves, confirms, enters fixings.
    MiddleOffice,
    /// Has flows of OTC trades paid.
    Settlement,
    /// Watches the risk of the OTC book; may approve.
    Risk,
    /// Offers interfaces to other systems.
    Provider,
    /// Calls interfaces of other systems.
    Caller,
    /// Governs interfaces: taxonomy, reviews, waivers, withdrawal.
    InterfaceManager,
}

/// A word that is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role; roles are {all}", all = Role::all_names())]
pub struct UnknownRoleError(pub String);

impl Role {
    /// Every role.
    pub const ALL: [Self; 15] = [
        Self::Developer,
        Self::Tester,
        Self::QualityOwner,
        Self::ReleaseManager,
        Self::Operations,
        Self::Security,
        Self::Auditor,
        Self::Administrator,
        Self::Trader,
        Self::MiddleOffice,
        Self::Settlement,
        Self::Risk,
        Self::Provider,
        Self::Caller,
        Self::InterfaceManager,
    ];

    /// The role's name in the API, in files and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Developer => "developer",
            Self::Tester => "tester",
            Self::QualityOwner => "quality_owner",
            Self::ReleaseManager => "release_manager",
            Self::Operations => "operations",
            Self::Security => "security",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
            Self::Trader => "trader",
            Self::MiddleOffice => "middle_office",
            Self::Settlement => "settlement",
            Self::Risk => "risk",
            Self::Provider => "provider",
            Self::Caller => "caller",
            Self::InterfaceManager => "interface_manager",
        }
    }

    fn all_names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRoleError;

    fn from_str(text: &str) -> Result<Self, UnknownRoleError> {
        let unknown = || UnknownRoleError(text.chars().take(64).collect());
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_reads_back_from_its_name() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        let error = "root".parse::<Role>().expect_err("no such role");
        assert!(
            error.to_string().contains("roles are developer, tester"),
            "{error}"
        );
    }
}
