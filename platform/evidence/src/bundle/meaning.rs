//! What the records must say together: each deployment to production has a passed verdict, an
//! approval by someone who is not an author, and the digest that was approved and released.
//!
//! Body fields read: `project`, `pipeline`, `digest`, `environment`, `result`, `authors`,
//! `approver`, and `tier` where an environment is not itself called `production`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::record::Record;

/// Collects what the rules need, record by record.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    verdicts: BTreeMap<(String, String), (u64, bool)>,
    releases: BTreeMap<(String, String), BTreeSet<String>>,
    approvals: Vec<Approval>,
    deployments: Vec<Deployment>,
}

#[derive(Debug)]
struct Approval {
    project: String,
    environment: String,
    digest: String,
    people: BTreeSet<String>,
}

#[derive(Debug)]
struct Deployment {
    seq: u64,
    project: String,
    pipeline: String,
    environment: String,
    digest: String,
    authors: BTreeSet<String>,
}

impl Meaning {
    pub(super) fn observe(&mut self, record: &Record) {
        let body = &record.body;
        let key = || (text(body, "project"), text(body, "pipeline"));
        match record.kind.as_str() {
            "verdict" => {
                let passed = is_one_of(body, &["passed"]);
                self.verdicts.insert(key(), (record.seq, passed));
            }
            "release" => {
                self.releases
                    .entry(key())
                    .or_default()
                    .insert(text(body, "digest"));
            }
            "approval" if is_one_of(body, &["approved"]) => {
                let mut approvers = people(body.get("approver"));
                approvers.insert(record.actor.id.to_lowercase());
                self.approvals.push(Approval {
                    project: text(body, "project"),
                    environment: text(body, "environment"),
                    digest: text(body, "digest"),
                    people: approvers,
                });
            }
            "deployment" if is_production(body) && is_one_of(body, &["succeeded", "success"]) => {
                self.deployments.push(Deployment {
                    seq: record.seq,
                    project: text(body, "project"),
                    pipeline: text(body, "pipeline"),
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
                let place = &deployment.environment;
                findings.push((
                    deployment.seq,
                    format!("deployment to {place} (record {}): {what}", deployment.seq),
                ));
            };
            self.check_verdict(deployment, &mut missing);
            self.check_digest(deployment, &mut missing);
            self.check_approval(deployment, &mut missing);
        }
        (self.deployments.len(), findings)
    }

    fn check_verdict(&self, deployment: &Deployment, missing: &mut impl FnMut(String)) {
        let key = (deployment.project.clone(), deployment.pipeline.clone());
        match self.verdicts.get(&key) {
            None => missing("no verdict of its pipeline".into()),
            Some((seq, _)) if *seq > deployment.seq => {
                missing(format!("its verdict came afterwards (record {seq})"));
            }
            Some((_, true)) => {}
            Some((seq, false)) => missing(format!("its verdict did not pass (record {seq})")),
        }
    }

    fn check_digest(&self, deployment: &Deployment, missing: &mut impl FnMut(String)) {
        let key = (deployment.project.clone(), deployment.pipeline.clone());
        if deployment.digest.is_empty() {
            missing("it names no digest".into());
        }
        match self.releases.get(&key) {
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
        let fitting: Vec<_> = self
            .approvals
            .iter()
            .filter(|approval| {
                approval.project == deployment.project
                    && approval.environment == deployment.environment
                    && approval.digest == deployment.digest
            })
            .collect();
        if fitting.is_empty() {
            missing("no approval of this digest for this environment".into());
        } else if fitting
            .iter()
            .all(|a| !a.people.is_disjoint(&deployment.authors))
        {
            missing("it was approved by its authors alone".into());
        }
    }
}

fn is_production(body: &Value) -> bool {
    text(body, "tier") == "production"
        || (body.get("tier").is_none() && text(body, "environment") == "production")
}

fn is_one_of(body: &Value, words: &[&str]) -> bool {
    words.contains(&text(body, "result").as_str())
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
    fn a_verdict_after_the_deployment_does_not_count() {
        only(&story(|f| f.rotate_left(1)), "came afterwards");
    }
}
