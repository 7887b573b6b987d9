//! What must hold before a deployment may begin.

use serde::{Deserialize, Serialize};

/// What is known when a deployment is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// SHA-256 of the artifact, hex.
    pub digest: String,
    /// The artifact store holds it and its content still has this digest.
    pub digest_stored: bool,
    /// The newest verdict of the pipeline the release came from.
    pub verdict: Option<VerdictFact>,
    /// The environment that must have had this digest before, and whether it had.
    pub required: Option<RequiredFact>,
    /// Why the environment is locked (a rollback that failed), if it is.
    pub environment_locked: Option<String>,
    /// How the router differs from the record, if it does.
    pub router_drift: Option<String>,
    /// Health of the serving slot; `None` when nothing serves yet.
    pub active_healthy: Option<bool>,
    /// The newer version that went live since this one was asked for, if one did.
    pub superseded_by: Option<String>,
}

/// The verdict of the gate, as far as deployment cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictFact {
    /// Id of the record.
    pub id: String,
    /// Digest the verdict is about.
    pub digest: Option<String>,
    /// Overall result was `passed`.
    pub passed: bool,
}

/// The environment that comes before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredFact {
    /// Name.
    pub environment: String,
    /// A deployment of the same digest succeeded there.
    pub deployed: bool,
}

/// One precondition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Unmet {
    /// The artifact is not stored, or is not what its digest says.
    #[error("the artifact {digest} is not in the artifact store, or its content does not match")]
    ArtifactMissing {
        /// Digest.
        digest: String,
    },
    /// No verdict was made.
    #[error("there is no gate verdict for this pipeline; run its gate first")]
    VerdictMissing,
    /// The verdict is about something else.
    #[error("the gate verdict {verdict} is about {about}, not about artifact {digest}")]
    VerdictOnOtherDigest {
        /// Verdict id.
        verdict: String,
        /// Digest it names, or `no artifact`.
        about: String,
        /// Digest of the release.
        digest: String,
    },
    /// The gate said no.
    #[error("the gate verdict {verdict} did not pass")]
    VerdictFailed {
        /// Verdict id.
        verdict: String,
    },
    /// The environment before has not had this digest.
    #[error(
        "this artifact was not deployed to environment {environment} before; deploy it there first"
    )]
    RequiredEnvironment {
        /// Environment that comes first.
        environment: String,
    },
    /// A rollback failed and people have to look first.
    #[error("the environment is locked: {reason}")]
    EnvironmentLocked {
        /// Why.
        reason: String,
    },
    /// Somebody changed the router behind the record.
    #[error("the router does not show what the record says: {drift}")]
    RouterDrift {
        /// Difference.
        drift: String,
    },
    /// A newer version went live since this one was asked for.
    #[error("{by}")]
    Superseded {
        /// Which, and what to do.
        by: String,
    },
    /// There is no standby to go back to.
    #[error("there is no healthy standby to go back to")]
    NoStandby,
}

impl Unmet {
    /// Whether the gate is what refused (a job then fails `gate_failed`).
    #[must_use]
    pub const fn is_gate(&self) -> bool {
        matches!(
            self,
            Self::VerdictMissing | Self::VerdictOnOtherDigest { .. } | Self::VerdictFailed { .. }
        )
    }
}

/// Proof that every precondition held. Only the checks of this module make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clearance {
    warning: Option<Warning>,
}

impl Clearance {
    /// What people should know although it is no reason to refuse.
    #[must_use]
    pub const fn warning(&self) -> Option<Warning> {
        self.warning
    }
}

/// Something to know about a deployment that goes ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// The serving version is sick, and a repair takes the slot of the other one.
    #[error(
        "no healthy version to go back to: the serving version is not healthy; traffic moves only \
         after the new version has proved its health"
    )]
    NoWayBack,
}

/// Checks a deployment of a release.
///
/// An unhealthy serving slot stops nothing, since a repair must stay possible: the candidate takes
/// the other slot, so the clearance warns that there is no healthy version to go back to.
///
/// # Errors
/// Every precondition that does not hold.
pub fn check(facts: &Facts) -> Result<Clearance, Vec<Unmet>> {
    let mut unmet = Vec::new();
    if !facts.digest_stored {
        unmet.push(Unmet::ArtifactMissing {
            digest: facts.digest.clone(),
        });
    }
    check_verdict(facts, &mut unmet);
    if let Some(required) = &facts.required
        && !required.deployed
    {
        unmet.push(Unmet::RequiredEnvironment {
            environment: required.environment.clone(),
        });
    }
    if let Some(reason) = &facts.environment_locked {
        unmet.push(Unmet::EnvironmentLocked {
            reason: reason.clone(),
        });
    }
    if let Some(drift) = &facts.router_drift {
        unmet.push(Unmet::RouterDrift {
            drift: drift.clone(),
        });
    }
    if let Some(by) = &facts.superseded_by {
        unmet.push(Unmet::Superseded { by: by.clone() });
    }
    if unmet.is_empty() {
        let warning = (facts.active_healthy == Some(false)).then_some(Warning::NoWayBack);
        Ok(Clearance { warning })
    } else {
        Err(unmet)
    }
}

fn check_verdict(facts: &Facts, unmet: &mut Vec<Unmet>) {
    let Some(verdict) = &facts.verdict else {
        unmet.push(Unmet::VerdictMissing);
        return;
    };
    if verdict.digest.as_deref() != Some(facts.digest.as_str()) {
        unmet.push(Unmet::VerdictOnOtherDigest {
            verdict: verdict.id.clone(),
            about: verdict
                .digest
                .clone()
                .unwrap_or_else(|| "no artifact".to_owned()),
            digest: facts.digest.clone(),
        });
    }
    if !verdict.passed {
        unmet.push(Unmet::VerdictFailed {
            verdict: verdict.id.clone(),
        });
    }
}

/// Checks a rollback to the standby: what stands there passed its own deployment, so only the
/// present matters. A lock left by a failed rollback does not stop it: this is the way out.
///
/// # Errors
/// [`Unmet::NoStandby`].
pub fn check_rollback(standby_healthy: bool) -> Result<Clearance, Vec<Unmet>> {
    if standby_healthy {
        Ok(Clearance { warning: None })
    } else {
        Err(vec![Unmet::NoStandby])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            digest: "aa".into(),
            digest_stored: true,
            verdict: Some(VerdictFact {
                id: "v1".into(),
                digest: Some("aa".into()),
                passed: true,
            }),
            required: Some(RequiredFact {
                environment: "test".into(),
                deployed: true,
            }),
            environment_locked: None,
            router_drift: None,
            active_healthy: Some(true),
            superseded_by: None,
        }
    }

    #[test]
    fn every_unmet_precondition_is_reported_not_only_the_first() {
        assert!(check(&facts()).is_ok());
        let bad = Facts {
            digest_stored: false,
            verdict: None,
            required: Some(RequiredFact {
                environment: "test".into(),
                deployed: false,
            }),
            environment_locked: Some("rollback of #7 failed".into()),
            router_drift: Some("it serves green".into()),
            active_healthy: Some(false),
            superseded_by: Some("version 9 went live".into()),
            ..facts()
        };
        assert_eq!(check(&bad).unwrap_err().len(), 6);
    }

    #[test]
    fn a_verdict_never_carries_over_to_another_digest() {
        for about in [None, Some("bb".to_owned())] {
            let verdict = Some(VerdictFact {
                id: "v1".into(),
                digest: about,
                passed: true,
            });
            let unmet = check(&Facts { verdict, ..facts() }).unwrap_err();
            assert!(matches!(
                unmet.as_slice(),
                [Unmet::VerdictOnOtherDigest { .. }]
            ));
            assert!(unmet[0].is_gate());
        }
    }

    #[test]
    fn a_sick_serving_version_blocks_no_repair_and_is_told() {
        assert_eq!(check(&facts()).unwrap().warning(), None);
        let first = Facts {
            active_healthy: None,
            ..facts()
        };
        assert_eq!(check(&first).unwrap().warning(), None);
        let sick = Facts {
            active_healthy: Some(false),
            ..facts()
        };
        assert_eq!(check(&sick).unwrap().warning(), Some(Warning::NoWayBack));
    }

    #[test]
    fn a_version_older_than_what_went_live_meanwhile_is_refused() {
        let late = Facts {
            superseded_by: Some("version 9 went live".into()),
            ..facts()
        };
        let unmet = check(&late).unwrap_err();
        assert_eq!(unmet[0].to_string(), "version 9 went live");
    }

    #[test]
    fn a_rollback_needs_a_healthy_standby_and_nothing_else() {
        assert!(check_rollback(true).is_ok());
        assert_eq!(check_rollback(false).unwrap_err(), vec![Unmet::NoStandby]);
    }
}
