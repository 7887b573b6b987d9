//! What the records must say together: each deployment that reached production traffic has a
//! passed verdict, an approval by someone who is not an author, and the digest that was judged,
//! approved and released.
//!
//! Body fields read: `project`, `pipeline`, `digest`, `environment`, `tier` (or an environment
//! called `production`), `result` (a verdict may call it `overall`), `authors`, `approver`,
//! `verdict` and `deployment` (ids that tie records together where they are given), and a
//! verdict's `artifact_digest`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::record::Record;

/// Results of a deployment whose version was given traffic.
const REACHED_TRAFFIC: &[&str] = &["succeeded", "success", "rolled_back", "rollback_failed"];

/// Project and pipeline.
type Origin = (String, String);

/// Collects what the rules need, record by record.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    verdicts: BTreeMap<Origin, Vec<Verdict>>,
    releases: BTreeMap<Origin, BTreeSet<String>>,
    approvals: Vec<Approval>,
    deployments: Vec<Deployment>,
}

#[derive(Debug)]
struct Verdict {
    seq: u64,
    id: String,
    passed: bool,
    digest: String,
}

#[derive(Debug)]
struct Approval {
    seq: u64,
    deployment: String,
    project: String,
    environment: String,
    digest: String,
    people: BTreeSet<String>,
}

#[derive(Debug)]
struct Deployment {
    seq: u64,
    id: String,
    verdict: String,
    origin: Origin,
    environment: String,
    digest: String,
    authors: BTreeSet<String>,
}

impl Meaning {
    pub(super) fn observe(&mut self, record: &Record) {
        let (body, seq) = (&record.body, record.seq);
        let origin = || (text(body, "project"), text(body, "pipeline"));
        match record.kind.as_str() {
            "verdict" => self.verdicts.entry(origin()).or_default().push(Verdict {
                seq,
                id: text(body, "verdict"),
                passed: [text(body, "result"), text(body, "overall")].contains(&"passed".into()),
                digest: text(body, "artifact_digest"),
            }),
            "release" => {
                self.releases
                    .entry(origin())
                    .or_default()
                    .insert(text(body, "digest"));
            }
            "approval" if text(body, "result") == "approved" => {
                let mut people = people(body.get("approver"));
                people.insert(record.actor.id.to_lowercase());
                self.approvals.push(Approval {
                    seq,
                    deployment: text(body, "deployment"),
                    project: text(body, "project"),
                    environment: text(body, "environment"),
                    digest: text(body, "digest"),
                    people,
                });
            }
            "deployment"
                if is_production(body)
                    && REACHED_TRAFFIC.contains(&text(body, "result").as_str()) =>
            {
                self.deployments.push(Deployment {
                    seq,
                    id: text(body, "deployment"),
                    verdict: text(body, "verdict"),
                    origin: origin(),
                    environment: text(body, "environment"),
                    digest: text(body, "digest"),
                    authors: people(body.get("authors")),
                });
            }
            _ => {}
        }
    }

    /// Number of deployments to production, and what is wanting, each with the deployment's seq.
    pub(super) fn finish(self) -> (usize, Vec<(u64, String)>) {
        let mut findings = Vec::new();
        for deployment in &self.deployments {
            let mut missing = |what: String| {
                let (place, seq) = (&deployment.environment, deployment.seq);
                findings.push((seq, format!("deployment to {place} (record {seq}): {what}")));
            };
            self.check_verdict(deployment, &mut missing);
            self.check_digest(deployment, &mut missing);
            self.check_approval(deployment, &mut missing);
        }
        (self.deployments.len(), findings)
    }

    fn check_verdict(&self, deployment: &Deployment, missing: &mut impl FnMut(String)) {
        let verdicts = self
            .verdicts
            .get(&deployment.origin)
            .map_or(&[][..], Vec::as_slice);
        let named =
            |verdict: &&Verdict| deployment.verdict.is_empty() || deployment.verdict == verdict.id;
        let mut known: Vec<_> = verdicts.iter().filter(named).collect();
        if known.is_empty() {
            return missing("no verdict of its pipeline".into());
        }
        known.retain(|verdict| verdict.seq < deployment.seq);
        // The newest verdict before the deployment is the one that counted.
        let Some(verdict) = known.last() else {
            return missing("its verdict came afterwards".into());
        };
        if !verdict.passed {
            missing(format!("its verdict did not pass (record {})", verdict.seq));
        }
        if !verdict.digest.is_empty() && verdict.digest != deployment.digest {
            missing(format!(
                "it deployed {} and the verdict is about {} (record {})",
                deployment.digest, verdict.digest, verdict.seq
            ));
        }
    }

    fn check_digest(&self, deployment: &Deployment, missing: &mut impl FnMut(String)) {
        if deployment.digest.is_empty() {
            missing("it names no digest".into());
        }
        match self.releases.get(&deployment.origin) {
            None => missing("no release of its pipeline".into()),
            Some(released) if !released.contains(&deployment.digest) => {
                let released: Vec<_> = released.iter().map(String::as_str).collect();
                missing(format!(
                    "it deployed {} and the release is {}",
                    deployment.digest,
                    released.join(", ")
                ));
            }
            Some(_) => {}
        }
    }

    fn check_approval(&self, deployment: &Deployment, missing: &mut impl FnMut(String)) {
        if deployment.authors.is_empty() {
            missing("it names no authors, so nobody can be shown to be another person".into());
        }
        let mut fitting = self
            .approvals
            .iter()
            .filter(|a| a.is_of(deployment))
            .peekable();
        if fitting.peek().is_none() {
            missing("no approval of this digest for this environment came before it".into());
        } else if fitting.all(|approval| !approval.people.is_disjoint(&deployment.authors)) {
            missing("it was approved by its authors alone".into());
        }
    }
}

impl Approval {
    fn is_of(&self, deployment: &Deployment) -> bool {
        let same_deployment = self.deployment.is_empty()
            || deployment.id.is_empty()
            || self.deployment == deployment.id;
        same_deployment
            && self.seq < deployment.seq
            && self.project == deployment.origin.0
            && self.environment == deployment.environment
            && self.digest == deployment.digest
    }
}

fn is_production(body: &Value) -> bool {
    text(body, "tier") == "production"
        || (body.get("tier").is_none() && text(body, "environment") == "production")
}

fn text(body: &Value, name: &str) -> String {
    body.get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// Every name of the people in a value: a text, an object of texts (`name`, `email`, …), or a
/// list of these. Two values name the same person when they share any of them.
fn people(value: Option<&Value>) -> BTreeSet<String> {
    match value {
        Some(Value::String(name)) if !name.is_empty() => BTreeSet::from([name.to_lowercase()]),
        Some(Value::Array(items)) => items.iter().flat_map(|item| people(Some(item))).collect(),
        Some(Value::Object(fields)) => fields
            .values()
            .filter(|field| field.is_string())
            .flat_map(|f| people(Some(f)))
            .collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::hash::Hash;
    use crate::record::Actor;

    fn story(change: impl Fn(&mut Vec<(&'static str, Value)>)) -> Vec<String> {
        let mut facts = vec![
            (
                "verdict",
                json!({"project": "p", "pipeline": "1", "result": "passed"}),
            ),
            (
                "release",
                json!({"project": "p", "pipeline": "1", "digest": "d"}),
            ),
            (
                "approval",
                json!({"project": "p", "environment": "production", "digest": "d",
                       "result": "approved", "approver": "wang"}),
            ),
            (
                "deployment",
                json!({"project": "p", "pipeline": "1", "environment": "production",
                       "digest": "d", "result": "succeeded",
                       "authors": [{"name": "Li", "email": "li@example.com"}]}),
            ),
        ];
        change(&mut facts);
        let mut meaning = Meaning::default();
        for (seq, (kind, body)) in (0..).zip(facts) {
            meaning.observe(&Record {
                v: 1,
                log: "l".into(),
                seq,
                time: jiff::Timestamp::UNIX_EPOCH,
                epoch: 1,
                actor: Actor::new("user-7", "user", "session"),
                kind: kind.into(),
                subject: "project:p".into(),
                body,
                refs: Vec::new(),
                prev: Hash::ZERO,
            });
        }
        let (deployments, findings) = meaning.finish();
        assert_eq!(deployments, 1);
        findings.into_iter().map(|(_, text)| text).collect()
    }

    fn only(findings: &[String], expected: &str) {
        assert!(
            matches!(findings, [one] if one.contains(expected)),
            "{findings:?}"
        );
    }

    #[test]
    fn a_complete_story_has_no_finding() {
        assert_eq!(story(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn each_missing_part_is_named() {
        only(
            &story(|f| {
                f.remove(0);
                f.push(("job", json!({})));
            }),
            "no verdict",
        );
        only(
            &story(|f| f[0].1["result"] = json!("failed")),
            "did not pass (record 0)",
        );
        only(
            &story(|f| {
                f.remove(1);
            }),
            "no release",
        );
        only(
            &story(|f| f[1].1["digest"] = json!("other")),
            "deployed d and the release is other",
        );
        only(
            &story(|f| {
                f.remove(2);
            }),
            "no approval",
        );
        only(
            &story(|f| f[2].1["result"] = json!("rejected")),
            "no approval",
        );
        only(&story(|f| f[2].1["digest"] = json!("other")), "no approval");
        only(
            &story(|f| f[3].1["authors"] = json!([])),
            "names no authors",
        );
    }

    #[test]
    fn an_author_s_own_approval_does_not_count() {
        only(
            &story(|f| f[2].1["approver"] = json!("LI@example.com")),
            "by its authors alone",
        );
        only(
            &story(|f| f[3].1["authors"] = json!([{"id": "user-7"}])),
            "by its authors alone",
        );
    }

    #[test]
    fn ids_tie_records_together_where_they_are_given() {
        let tied = |verdict: &str, deployment: &str| {
            let (verdict, deployment) = (verdict.to_owned(), deployment.to_owned());
            story(move |f| {
                f[0].1["verdict"] = json!("v1");
                f[2].1["deployment"] = json!("x1");
                f[3].1["verdict"] = json!(verdict);
                f[3].1["deployment"] = json!(deployment);
            })
        };
        assert_eq!(tied("v1", "x1"), Vec::<String>::new());
        only(&tied("v2", "x1"), "no verdict");
        only(&tied("v1", "x2"), "no approval");
    }

    #[test]
    fn the_newest_verdict_before_the_deployment_counts() {
        let failed = || json!({"project": "p", "pipeline": "1", "overall": "failed"});
        only(
            &story(|f| f.insert(1, ("verdict", failed()))),
            "did not pass (record 1)",
        );
        assert_eq!(
            story(|f| f.insert(0, ("verdict", failed()))),
            Vec::<String>::new()
        );
        assert_eq!(
            story(|f| f.push(("verdict", failed()))),
            Vec::<String>::new()
        );
        only(
            &story(|f| f[0].1["artifact_digest"] = json!("e")),
            "the verdict is about e",
        );
    }

    #[test]
    fn a_deployment_that_was_rolled_back_needs_the_same() {
        let rolled_back = |f: &mut Vec<(&'static str, Value)>| {
            f[3].1["result"] = json!("rolled_back");
            f[3].1["environment"] = json!("live");
            f[3].1["tier"] = json!("production");
        };
        only(
            &story(rolled_back),
            "deployment to live (record 3): no approval",
        );
    }

    #[test]
    fn a_verdict_after_the_deployment_does_not_count() {
        only(&story(|f| f.rotate_left(1)), "came afterwards");
    }
}
