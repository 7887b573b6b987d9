//! The words of the language.

/// Top-level keys that are no jobs.
pub(crate) const TOP_LEVEL: &[&str] = &[
    "default",
    "include",
    "stages",
    "variables",
    "workflow",
    "spec",
    "image",
    "services",
    "before_script",
    "after_script",
    "cache",
    "types",
];

/// Keys `default` may hold.
pub(crate) const DEFAULT: &[&str] = &[
    "after_script",
    "artifacts",
    "before_script",
    "hooks",
    "cache",
    "image",
    "interruptible",
    "id_tokens",
    "identity",
    "retry",
    "services",
    "tags",
    "timeout",
];

/// Top-level keys that are an old way to write `default`.
pub(crate) const GLOBAL_DEFAULTS: &[&str] = &[
    "image",
    "services",
    "before_script",
    "after_script",
    "cache",
];

/// Keys of a job.
pub(crate) const JOB: &[&str] = &[
    "image",
    "services",
    "before_script",
    "after_script",
    "hooks",
    "rules",
    "variables",
    "cache",
    "id_tokens",
    "identity",
    "inputs",
    "secrets",
    "script",
    "run",
    "stage",
    "only",
    "extends",
    "needs",
    "except",
    "tags",
    "allow_failure",
    "timeout",
    "when",
    "start_in",
    "manual_confirmation",
    "dependencies",
    "artifacts",
    "environment",
    "release",
    "coverage",
    "retry",
    "parallel",
    "interruptible",
    "resource_group",
    "trigger",
    "inherit",
    "publish",
    "pages",
    "dast_configuration",
];

/// Kinds of `artifacts:reports`.
pub(crate) const REPORTS: &[&str] = &[
    "accessibility",
    "annotations",
    "junit",
    "browser_performance",
    "coverage_report",
    "codequality",
    "dotenv",
    "lsif",
    "sast",
    "dependency_scanning",
    "container_scanning",
    "dast",
    "license_management",
    "license_scanning",
    "requirements",
    "secret_detection",
    "metrics",
    "terraform",
    "cyclonedx",
    "sarif",
    "load_performance",
    "repository_xray",
];

/// Words of `retry:when`.
pub(crate) const RETRY_WHEN: &[&str] = &[
    "always",
    "script_failure",
    "api_failure",
    "stuck_or_timeout_failure",
    "runner_system_failure",
    "runner_unsupported",
    "stale_schedule",
    "job_execution_timeout",
    "archived_failure",
    "unmet_prerequisites",
    "scheduler_failure",
    "data_integrity_failure",
    "unknown_failure",
];

/// Words looked at for a hint.
const MAX_CANDIDATES: usize = 5_000;

/// The known word closest to `word`, if it is close enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let longest = word.chars().count();
    if longest > 64 {
        return None;
    }
    let allowed = (longest / 3).clamp(1, 3);
    known
        .take(MAX_CANDIDATES)
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= allowed * 4)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, remove, replace, swap neighbours) between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (row[j] + usize::from(x != y))
                .min(row[j + 1] + 1)
                .min(next[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{JOB, nearest};

    #[test]
    fn a_slip_of_the_pen_finds_its_word() {
        let near = |word| nearest(word, JOB.iter().copied());
        assert_eq!(near("scripts"), Some("script"));
        assert_eq!(near("sciprt"), Some("script"));
        assert_eq!(near("enviroment"), Some("environment"));
        assert_eq!(near("befor_script"), Some("before_script"));
        assert_eq!(near("colour"), None);
    }
}
