//! The one table of who may do what.

use std::fmt;

use crate::role::Role;
use crate::role::Role::{
    Administrator, Auditor, Caller, Developer, InterfaceManager, MiddleOffice, Operations,
    Provider, QualityOwner, ReleaseManager, Risk, Security, Settlement, Tester, Trader,
};

const EVERYBODY: &[Role] = &Role::ALL;

macro_rules! permissions {
    ($($(#[$meta:meta])* $name:ident = $text:literal : $roles:expr;)+) => {
        /// Something one may be allowed to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $($(#[$meta])* $name,)+
        }

        impl Permission {
            /// Every permission.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The permission's name in documents and messages.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The roles that give it. Runners have [`Permission::RunnerWork`] and nothing else.
            #[must_use]
            pub const fn roles(self) -> &'static [Role] {
                match self { $(Self::$name => $roles),+ }
            }
        }
    };
}

permissions! {
    /// See who is in the house.
    UserRead = "platform.user.read": EVERYBODY;
    /// Add people, change roles, issue login links.
    UserManage = "platform.user.manage": &[Administrator];
    /// Have API tokens of one's own.
    TokenOwn = "platform.token.own": EVERYBODY;
    /// Read and check the evidence log.
    EvidenceRead = "platform.evidence.read": EVERYBODY;
    /// Make the server that leads end, to measure how another one takes over.
    StandbyDrill = "platform.standby.drill": &[Operations, Administrator];
    /// See projects, pipelines, jobs, logs, reports, verdicts, releases and environments.
    DeliveryRead = "delivery.read": EVERYBODY;
    /// Add a project.
    ProjectCreate = "delivery.project.create":
        &[Developer, QualityOwner, ReleaseManager, Administrator];
    /// Read and change a project's variables.
    VariableManage = "delivery.variable.manage":
        &[ReleaseManager, Operations, Administrator];
    /// Change gate rules.
    GateRuleManage = "delivery.gate_rule.manage": &[QualityOwner];
    /// Clone and fetch.
    CodeRead = "delivery.code.read": EVERYBODY;
    /// Push.
    CodePush = "delivery.code.push": &[Developer, Tester, QualityOwner, ReleaseManager, Operations];
    /// Start, cancel and retry pipelines; play, cancel and retry jobs.
    PipelineRun = "delivery.pipeline.run":
        &[Developer, Tester, QualityOwner, ReleaseManager, Operations];
    /// Approve or reject a deployment (beside the rules of separation of duties).
    DeploymentApprove = "delivery.deployment.approve":
        &[QualityOwner, ReleaseManager, Operations];
    /// Cancel a deployment.
    DeploymentCancel = "delivery.deployment.cancel":
        &[Developer, ReleaseManager, Operations];
    /// Roll an environment back.
    EnvironmentRollBack = "delivery.environment.roll_back": &[ReleaseManager, Operations];
    /// See the OTC book; check and price term sheets.
    OtcRead = "otc.read":
        &[Trader, MiddleOffice, Settlement, Risk, Auditor, Administrator];
    /// Enter market snapshots.
    OtcMarketEnter = "otc.market.enter": &[Trader, MiddleOffice, Risk];
    /// Make, accept and reject quotes.
    OtcQuote = "otc.quote.make": &[Trader];
    /// Book trades; submit, amend, end and cancel them (beside the second person's signature).
    OtcTrade = "otc.trade.book": &[Trader];
    /// Confirm trades with the counterparty, close reviews, enter official valuations.
    OtcConfirm = "otc.trade.confirm": &[MiddleOffice];
    /// Enter fixings and barrier hits.
    OtcFixing = "otc.fixing.enter": &[MiddleOffice];
    /// Instruct and settle flows.
    OtcSettle = "otc.flow.settle": &[Settlement];
    /// Sign as the second person on the OTC desk.
    OtcApprove = "otc.approval.decide": &[MiddleOffice, Risk];
    /// See the catalogue of interfaces: systems, definitions, versions, reviews.
    EsbRead = "esb.read": EVERYBODY;
    /// Add systems and change who owns them.
    EsbSystemManage = "esb.system.manage": &[InterfaceManager, Administrator];
    /// Draw up interfaces: import definitions, edit drafts, submit them.
    EsbProvide = "esb.interface.provide": &[Provider];
    /// Approve or refuse interface versions, waive guards by name (beside four eyes).
    EsbReview = "esb.version.review": &[InterfaceManager, Security];
    /// Publish to the gateways of an environment, and go back.
    EsbPublish = "esb.snapshot.publish": &[Operations, InterfaceManager];
    /// Add applications and ask for subscriptions.
    EsbSubscribe = "esb.subscription.request": &[Caller];
    /// Register and remove instances of services, tell that they live, set thresholds.
    EsbInstanceRegister = "esb.instance.register": &[Provider, Operations];
    /// Add, change, roll back and remove configuration items.
    EsbConfigWrite = "esb.config.write": &[Provider, Operations];
    /// See the content of secret configuration items.
    EsbConfigOpen = "esb.config.open": &[Provider, Operations];
    /// Take jobs, hand in logs and results.
    RunnerWork = "delivery.runner.work": &[];
}

impl Permission {
    /// Whether having it could approve a production change, a booking or an interface. Neither
    /// system nor runner has these.
    #[must_use]
    pub const fn is_approval(self) -> bool {
        matches!(
            self,
            Self::DeploymentApprove | Self::OtcApprove | Self::EsbReview
        )
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody asked for what they may not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{login} may not do this: it needs the permission {permission}{hint}", hint = self.hint())]
pub struct Denied {
    /// Who asked.
    pub login: String,
    /// What was missing.
    pub permission: Permission,
}

impl Denied {
    fn hint(&self) -> String {
        let roles: Vec<&str> = self
            .permission
            .roles()
            .iter()
            .map(|role| role.as_str())
            .collect();
        match roles.is_empty() {
            true => ", which only runners have".to_owned(),
            false => format!(", which these roles give: {}", roles.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table, written out a second time: a changed right is a changed test.
    const EXPECTED: &[(&str, &str)] = &[
        ("platform.user.read", "DTQROSAXtmsrpci"),
        ("platform.user.manage", "-------X-------"),
        ("platform.token.own", "DTQROSAXtmsrpci"),
        ("platform.evidence.read", "DTQROSAXtmsrpci"),
        ("platform.standby.drill", "----O--X-------"),
        ("delivery.read", "DTQROSAXtmsrpci"),
        ("delivery.project.create", "D-QR---X-------"),
        ("delivery.variable.manage", "---RO--X-------"),
        ("delivery.gate_rule.manage", "--Q------------"),
        ("delivery.code.read", "DTQROSAXtmsrpci"),
        ("delivery.code.push", "DTQRO----------"),
        ("delivery.pipeline.run", "DTQRO----------"),
        ("delivery.deployment.approve", "--QRO----------"),
        ("delivery.deployment.cancel", "D--RO----------"),
        ("delivery.environment.roll_back", "---RO----------"),
        ("otc.read", "------AXtmsr---"),
        ("otc.market.enter", "--------tm-r---"),
        ("otc.quote.make", "--------t------"),
        ("otc.trade.book", "--------t------"),
        ("otc.trade.confirm", "---------m-----"),
        ("otc.fixing.enter", "---------m-----"),
        ("otc.flow.settle", "----------s----"),
        ("otc.approval.decide", "---------m-r---"),
        ("esb.read", "DTQROSAXtmsrpci"),
        ("esb.system.manage", "-------X------i"),
        ("esb.interface.provide", "------------p--"),
        ("esb.version.review", "-----S--------i"),
        ("esb.snapshot.publish", "----O---------i"),
        ("esb.subscription.request", "-------------c-"),
        ("esb.instance.register", "----O-------p--"),
        ("esb.config.write", "----O-------p--"),
        ("esb.config.open", "----O-------p--"),
        ("delivery.runner.work", "---------------"),
    ];

    #[test]
    fn every_role_has_exactly_the_rights_of_the_table() {
        let found: Vec<(String, String)> = Permission::ALL
            .iter()
            .map(|permission| {
                let row = Role::ALL
                    .iter()
                    .zip("DTQROSAXtmsrpci".chars())
                    .map(|(role, letter)| {
                        if permission.roles().contains(role) {
                            letter
                        } else {
                            '-'
                        }
                    });
                (permission.as_str().to_owned(), row.collect())
            })
            .collect();
        let expected: Vec<(String, String)> = EXPECTED
            .iter()
            .map(|(p, r)| ((*p).to_owned(), (*r).to_owned()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_auditor_changes_nothing_and_an_administrator_approves_nothing() {
        for permission in Permission::ALL {
            let name = permission.as_str();
            let reads = name.ends_with("read") || name == "platform.token.own";
            assert_eq!(permission.roles().contains(&Auditor), reads, "{name}");
            if permission.is_approval() {
                assert!(!permission.roles().contains(&Administrator), "{name}");
            }
        }
        assert!(
            Permission::ALL
                .iter()
                .filter(|p| !matches!(p, Permission::OtcRead | Permission::EsbReview))
                .all(|p| p.roles().contains(&Security) == p.roles().contains(&Auditor))
        );
    }

    #[test]
    fn a_denial_names_the_roles_that_would_do() {
        let denied = Denied {
            login: "auditor".into(),
            permission: Permission::UserManage,
        };
        assert_eq!(
            denied.to_string(),
            "auditor may not do this: it needs the permission platform.user.manage, which these \
             roles give: administrator"
        );
    }
}
