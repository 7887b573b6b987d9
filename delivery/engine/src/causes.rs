//! Who broke what on a branch whose light is red, each with a time of their own. Pure.

use rialto_delivery_store::incident::IncidentRow;
use rialto_delivery_store::json;
use serde::{Deserialize, Serialize};

use crate::DeliveryError;
use crate::incident::CandidateCommit;

/// Somebody's breakage, for as long as the light is red. Times in microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cause {
    /// Commit it was seen at first.
    pub(crate) sha: String,
    pub(crate) pushed_at: i64,
    pub(crate) red_at: i64,
    /// When the last of its jobs had passed again.
    pub(crate) repaired_at: Option<i64>,
    /// What it broke; nothing: the configuration.
    pub(crate) jobs: Vec<String>,
    /// Those of them that have not passed since.
    pub(crate) left: Vec<String>,
    /// `None`: the platform failed, which nobody pushed.
    pub(crate) owner: Option<Owner>,
    pub(crate) class: String,
    /// Per cent.
    pub(crate) confidence: i64,
    /// Commits that may have done it, newest first.
    pub(crate) commits: Vec<CandidateCommit>,
}

/// Who broke it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) name: String,
    pub(crate) email: String,
    /// The account; `None` for people known only from a commit.
    pub(crate) login: Option<String>,
}

/// What a further failing pipeline shows.
pub(crate) struct Failure<'a> {
    pub(crate) failed: &'a [String],
    pub(crate) passed: &'a [String],
    pub(crate) configuration: bool,
    /// The platform failed, not the jobs.
    pub(crate) platform: bool,
    /// When it came to rest.
    pub(crate) at: i64,
}

impl Cause {
    fn is_open(&self) -> bool {
        self.repaired_at.is_none()
    }

    fn is_platform(&self) -> bool {
        self.owner.is_none()
    }

    /// More jobs of the commit that is to blame already, seen when it was run again.
    pub(crate) fn take_in(&mut self, found: &Self) {
        for (known, names) in [(&mut self.jobs, &found.jobs), (&mut self.left, &found.left)] {
            known.extend(names.iter().cloned());
        }
        self.class.clone_from(&found.class);
        self.confidence = found.confidence;
    }
}

/// The causes of an incident, the first one first.
pub(crate) fn read(row: &IncidentRow) -> Result<Vec<Cause>, DeliveryError> {
    let causes: Vec<Cause> = json::read("causes", &row.causes)?;
    if !causes.is_empty() {
        return Ok(causes);
    }
    // An incident from before causes were kept has the one its columns tell of.
    let commits: Vec<CandidateCommit> = json::read("commits", &row.commits)?;
    let jobs: Vec<String> = json::read("failed_jobs", &row.failed_jobs)?;
    let newest = commits.first().map(|commit| commit.sha.clone());
    Ok(vec![Cause {
        sha: newest.unwrap_or_else(|| row.failing_sha.clone()),
        pushed_at: row.pushed_at,
        red_at: row.red_at,
        repaired_at: row.green_at,
        left: jobs.clone(),
        jobs,
        owner: row.owner_name.clone().map(|name| Owner {
            name,
            email: row.owner_email.clone().unwrap_or_default(),
            login: row.owner_login.clone(),
        }),
        class: row.cause_class.clone(),
        confidence: row.cause_confidence,
        commits,
    }])
}

/// Writes the causes; the columns that name one breaker name the first.
pub(crate) fn write(causes: &[Cause], row: &mut IncidentRow) -> Result<(), DeliveryError> {
    row.causes = json::write(&causes.to_vec())?;
    let Some(first) = causes.first() else {
        return Ok(());
    };
    let owner = first.owner.as_ref();
    row.owner_name = owner.map(|owner| owner.name.clone());
    row.owner_email = owner.map(|owner| owner.email.clone());
    row.owner_login = owner.and_then(|owner| owner.login.clone());
    row.cause_class.clone_from(&first.class);
    row.cause_confidence = first.confidence;
    row.commits = json::write(&first.commits)?;
    Ok(())
}

/// The jobs that fail now and that no known cause stands for; `None` when nothing is new. A broken
/// configuration is news without jobs. What the platform failed is news once it fails by itself.
pub(crate) fn news(causes: &[Cause], failure: &Failure<'_>) -> Option<Vec<String>> {
    let standing = |cause: &&Cause| {
        cause.is_open() && (failure.platform || failure.configuration || !cause.is_platform())
    };
    let mut standing = causes.iter().filter(standing);
    if failure.configuration {
        return standing.all(|cause| !cause.jobs.is_empty()).then(Vec::new);
    }
    let known: Vec<&String> = standing.flat_map(|cause| &cause.left).collect();
    let new: Vec<String> = failure
        .failed
        .iter()
        .filter(|name| !known.contains(name))
        .cloned()
        .collect();
    (!new.is_empty()).then_some(new)
}

/// Takes note of what passed, and of what turned out to be no fault of the platform's. `new` are
/// the jobs another cause stands for from now on.
pub(crate) fn settle(causes: &mut [Cause], failure: &Failure<'_>, new: &[String]) {
    for cause in causes.iter_mut().filter(|cause| cause.is_open()) {
        let platform = cause.is_platform();
        let over =
            |name: &String| failure.passed.contains(name) || (platform && new.contains(name));
        cause.left.retain(|name| !over(name));
        let was_configuration = cause.jobs.is_empty() && !failure.configuration;
        if was_configuration || (cause.left.is_empty() && !cause.jobs.is_empty()) {
            cause.repaired_at = Some(failure.at);
        }
    }
}

/// The newest cause that somebody pushed and that is not repaired yet.
pub(crate) fn newest_open(causes: &mut [Cause]) -> Option<&mut Cause> {
    causes
        .iter_mut()
        .rev()
        .find(|cause| cause.is_open() && !cause.is_platform())
}

/// Everything is repaired.
pub(crate) fn close(causes: &mut [Cause], at: i64) {
    for cause in causes.iter_mut().filter(|cause| cause.is_open()) {
        cause.repaired_at = Some(at);
        cause.left.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn cause(jobs: &[&str], login: Option<&str>) -> Cause {
        Cause {
            sha: "a".into(),
            pushed_at: 1,
            red_at: 2,
            repaired_at: None,
            jobs: names(jobs),
            left: names(jobs),
            owner: login.map(|login| Owner {
                name: login.into(),
                email: String::new(),
                login: Some(login.into()),
            }),
            class: "test".into(),
            confidence: 60,
            commits: Vec::new(),
        }
    }

    fn failure<'a>(failed: &'a [String], passed: &'a [String]) -> Failure<'a> {
        Failure {
            failed,
            passed,
            configuration: false,
            platform: false,
            at: 9,
        }
    }

    #[test]
    fn only_what_no_cause_stands_for_is_news() {
        let causes = [cause(&["deploy"], Some("wang"))];
        let seen = |failed: &[&str]| news(&causes, &failure(&names(failed), &[]));
        assert_eq!(seen(&["unit"]), Some(names(&["unit"])));
        assert_eq!(seen(&["deploy", "unit"]), Some(names(&["unit"])));
        assert_eq!(seen(&["deploy"]), None);
        let configuration = Failure {
            configuration: true,
            ..failure(&[], &[])
        };
        assert_eq!(news(&causes, &configuration), Some(Vec::new()));
        let broken = [cause(&[], Some("wang"))];
        assert_eq!(news(&broken, &configuration), None);
    }

    #[test]
    fn a_cause_ends_when_the_last_of_its_jobs_has_passed() {
        let mut causes = vec![
            cause(&["unit", "lint"], Some("wang")),
            cause(&["deploy"], Some("zhao")),
            cause(&[], Some("li")),
        ];
        let (failed, passed) = (names(&["deploy"]), names(&["unit"]));
        settle(&mut causes, &failure(&failed, &passed), &[]);
        let ends: Vec<_> = causes.iter().map(|cause| cause.repaired_at).collect();
        assert_eq!(ends, [None, None, Some(9)]);
        assert_eq!(causes[0].left, ["lint"]);
        let passed = names(&["lint"]);
        settle(&mut causes, &failure(&failed, &passed), &[]);
        assert_eq!(causes[0].repaired_at, Some(9));
        assert_eq!(causes[0].jobs, ["unit", "lint"], "what it broke stays");
    }

    #[test]
    fn what_the_platform_failed_is_news_once_it_fails_by_itself() {
        let mut causes = vec![cause(&["unit"], None)];
        let failed = names(&["unit"]);
        let again = Failure {
            platform: true,
            ..failure(&failed, &[])
        };
        assert_eq!(news(&causes, &again), None);
        let real = failure(&failed, &[]);
        let new = news(&causes, &real).unwrap();
        assert_eq!(new, ["unit"]);
        settle(&mut causes, &real, &new);
        assert_eq!(causes[0].repaired_at, Some(9));
    }
}
