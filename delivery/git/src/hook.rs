//! The push policy and the `pre-receive` hook that enforces it.
//!
//! The server hands the policy to `git receive-pack` in [`POLICY_VARIABLE`]; git runs the hook in
//! its quarantine, before any ref moves. All refs of a push are judged; one refusal refuses the
//! whole push, and every reason is told.

use std::collections::HashMap;
use std::io::{BufRead as _, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::ZERO_SHA;

/// Environment variable that carries the policy as JSON.
pub const POLICY_VARIABLE: &str = "RIALTO_GIT_POLICY";

/// Refs in one push.
const MAX_REFS: usize = 1000;

/// Who pushes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pusher {
    /// User id.
    pub id: String,
    /// Login.
    pub login: String,
    /// Name for people.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// How the person or machine authenticated, e.g. `token`.
    pub auth: String,
}

/// Rule for one protected branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedBranch {
    /// Branch name; `*` stands for any characters.
    pub pattern: String,
    /// Whether this pusher may push here at all.
    pub may_push: bool,
    /// Whether history may be rewritten.
    pub allow_force: bool,
    /// Whether the branch may be deleted.
    pub allow_delete: bool,
}

/// What this pusher may do in this push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushPolicy {
    /// Identifies the push; the receipt's file name.
    pub push_id: String,
    /// Who pushes.
    pub pusher: Pusher,
    /// Whether this pusher may push to the project.
    pub may_push: bool,
    /// Protected branches.
    pub protected: Vec<ProtectedBranch>,
    /// Folder for the receipt.
    pub receipts: PathBuf,
    /// Names that a push option `ci.variable` must not set; `*` at the end stands for any rest.
    #[serde(default)]
    pub reserved_variables: Vec<String>,
}

impl PushPolicy {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings, booleans and paths made of valid UTF-8")
    }

    /// The rule for a branch, if it is protected.
    #[must_use]
    pub fn rule(&self, branch: &str) -> Option<&ProtectedBranch> {
        self.protected
            .iter()
            .find(|rule| matches_pattern(&rule.pattern, branch))
    }
}

/// Whether a branch name matches a pattern in which `*` stands for any characters.
#[must_use]
pub fn matches_pattern(pattern: &str, branch: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == branch;
    };
    let Some(mut tail) = branch.strip_prefix(head) else {
        return false;
    };
    let parts: Vec<&str> = rest.split('*').collect();
    let (last, middle) = parts.split_last().expect("split yields at least one part");
    for part in middle {
        let Some(at) = tail.find(part) else {
            return false;
        };
        tail = &tail[at + part.len()..];
    }
    tail.ends_with(last)
}

/// One ref of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefChange {
    /// Full ref name.
    pub name: String,
    /// Before; [`ZERO_SHA`] when new.
    pub old: String,
    /// After; [`ZERO_SHA`] when deleted.
    pub new: String,
}

/// What is left on disk when a push is accepted, before its refs move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushReceipt {
    /// As in the policy.
    pub push_id: String,
    /// Who pushed.
    pub pusher: Pusher,
    /// Every ref of the push.
    pub changes: Vec<RefChange>,
    /// `--push-option` values.
    pub options: Vec<String>,
    /// Microseconds since 1970 when the push was accepted.
    pub received_at: i64,
}

/// Why a push is refused, in words for the person who pushed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookRefusal {
    /// The hook was not started by the server.
    #[error("this repository takes pushes only through the server: {0}")]
    NoPolicy(String),
    /// Git's input to the hook is not understood.
    #[error("the list of pushed refs cannot be read: {0}")]
    Input(String),
    /// One reason per refused ref.
    #[error("push refused:\n{}", .0.iter().map(|r| format!("  - {r}")).collect::<Vec<_>>().join("\n"))]
    Refs(Vec<String>),
    /// The receipt could not be written: without it the push would be lost to the pipeline.
    #[error("the server cannot record this push: {0}; nothing was changed, push again later")]
    Receipt(String),
}

/// Judges a push. `input` is the hook's standard input, `env` the process's environment, `now` the
/// time in microseconds since 1970.
///
/// # Errors
/// [`HookRefusal`]; print it to standard error and exit with status 1.
pub fn pre_receive(
    input: &mut dyn Read,
    env: &HashMap<String, String>,
    now: i64,
) -> Result<(), HookRefusal> {
    let policy = env
        .get(POLICY_VARIABLE)
        .ok_or_else(|| HookRefusal::NoPolicy(format!("{POLICY_VARIABLE} is not set")))?;
    let policy: PushPolicy =
        serde_json::from_str(policy).map_err(|e| HookRefusal::NoPolicy(e.to_string()))?;
    let changes = read_changes(input)?;
    let mut refusals = Vec::new();
    for change in &changes {
        refusals.extend(judge(&policy, change, &is_fast_forward)?);
    }
    if !refusals.is_empty() {
        return Err(HookRefusal::Refs(refusals));
    }
    let options = push_options(env);
    refuse_reserved(&policy.reserved_variables, &options)?;
    let receipt = PushReceipt {
        push_id: policy.push_id.clone(),
        pusher: policy.pusher.clone(),
        changes,
        options,
        received_at: now,
    };
    write_receipt(&policy.receipts, &receipt).map_err(|e| HookRefusal::Receipt(e.to_string()))
}

/// Refuses `ci.variable=KEY=value` for names that only the platform sets.
fn refuse_reserved(reserved: &[String], options: &[String]) -> Result<(), HookRefusal> {
    let is_reserved = |key: &str| {
        reserved.iter().any(|name| match name.strip_suffix('*') {
            Some(beginning) => key.starts_with(beginning),
            None => key == name,
        })
    };
    let refused: Vec<String> = options
        .iter()
        .filter_map(|option| option.strip_prefix("ci.variable="))
        .filter_map(|pair| pair.trim_matches('"').split_once('='))
        .filter(|(key, _)| is_reserved(key))
        .map(|(key, _)| {
            format!("push option ci.variable: {key} is set by the platform and not by a push")
        })
        .collect();
    match refused.is_empty() {
        true => Ok(()),
        false => Err(HookRefusal::Refs(refused)),
    }
}

fn read_changes(input: &mut dyn Read) -> Result<Vec<RefChange>, HookRefusal> {
    let mut changes = Vec::new();
    // 1000 refs of at most 1 KiB each, with room.
    for line in std::io::BufReader::new(input.take(4 << 20)).lines() {
        let line = line.map_err(|e| HookRefusal::Input(format!("{e}; ref names must be UTF-8")))?;
        let mut words = line.splitn(3, ' ');
        let (Some(old), Some(new), Some(name)) = (words.next(), words.next(), words.next()) else {
            return Err(HookRefusal::Input(format!("`{line}`")));
        };
        changes.push(RefChange {
            name: name.into(),
            old: old.into(),
            new: new.into(),
        });
        if changes.len() > MAX_REFS {
            return Err(HookRefusal::Refs(vec![format!(
                "more than {MAX_REFS} refs in one push; push them in parts"
            )]));
        }
    }
    Ok(changes)
}

/// Tells whether `new` contains `old`.
type FastForward<'a> = &'a dyn Fn(&str, &str) -> Result<bool, HookRefusal>;

fn judge(
    policy: &PushPolicy,
    change: &RefChange,
    fast_forward: FastForward<'_>,
) -> Result<Option<String>, HookRefusal> {
    if !policy.may_push {
        return Ok(Some(format!(
            "{} has no right to push to this project",
            policy.pusher.login
        )));
    }
    if let Some(tag) = change.name.strip_prefix("refs/tags/") {
        let moved = change.old != ZERO_SHA && change.new != ZERO_SHA;
        return Ok(moved.then(|| format!("tag `{tag}` exists; a tag is not moved: use a new name")));
    }
    let Some(branch) = change.name.strip_prefix("refs/heads/") else {
        return Ok(Some(format!(
            "`{}` is neither a branch (refs/heads/…) nor a tag (refs/tags/…)",
            change.name
        )));
    };
    let Some(rule) = policy.rule(branch) else {
        return Ok(None);
    };
    if !rule.may_push {
        return Ok(Some(format!(
            "branch `{branch}` is protected: {} may not push to it; push to another branch",
            policy.pusher.login
        )));
    }
    if change.new == ZERO_SHA {
        return Ok((!rule.allow_delete)
            .then(|| format!("branch `{branch}` is protected and may not be deleted")));
    }
    if change.old != ZERO_SHA && !rule.allow_force && !fast_forward(&change.old, &change.new)? {
        return Ok(Some(format!(
            "branch `{branch}` is protected: its history may not be rewritten (force push); \
             rebase onto {} or revert with a new commit",
            change.old.get(..8).unwrap_or(&change.old)
        )));
    }
    Ok(None)
}

/// Asks git inside the quarantine; the environment git gave the hook is kept for that.
fn is_fast_forward(old: &str, new: &str) -> Result<bool, HookRefusal> {
    let status = Command::new("git")
        .args(["merge-base", "--is-ancestor", old, new])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|e| HookRefusal::Input(format!("git cannot be started: {e}")))?;
    match status.code() {
        Some(0) => Ok(true),
        // 1: not an ancestor. 128: the object is not a commit; both are refused.
        _ => Ok(false),
    }
}

fn push_options(env: &HashMap<String, String>) -> Vec<String> {
    let count: usize = env
        .get("GIT_PUSH_OPTION_COUNT")
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
        .min(100);
    (0..count)
        .filter_map(|i| env.get(&format!("GIT_PUSH_OPTION_{i}")).cloned())
        .collect()
}

/// Written beside, synced, renamed: a receipt is whole or absent.
fn write_receipt(folder: &Path, receipt: &PushReceipt) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let fresh = folder.join(format!(".{}", receipt.push_id));
    let mut file = std::fs::File::create(&fresh)?;
    file.write_all(&serde_json::to_vec(receipt)?)?;
    file.sync_all()?;
    std::fs::rename(&fresh, folder.join(format!("{}.json", receipt.push_id)))?;
    std::fs::File::open(folder)?.sync_all()
}

/// The receipts waiting in a folder, oldest first, each with its file.
///
/// # Errors
/// When the folder cannot be read. A damaged receipt is skipped with a warning: the ref it tells
/// of is still found by comparing refs.
pub fn read_receipts(folder: &Path) -> std::io::Result<Vec<(PathBuf, PushReceipt)>> {
    let mut receipts = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(receipts),
        Err(e) => return Err(e),
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        match std::fs::read(&path).map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(receipt)) => receipts.push((path, receipt)),
            Ok(Err(e)) => tracing::warn!(path = %path.display(), error = %e, "damaged receipt"),
            Err(e) => tracing::warn!(path = %path.display(), error = %e, "unreadable receipt"),
        }
    }
    receipts.sort_by(|(_, a): &(PathBuf, PushReceipt), (_, b)| {
        (a.received_at, &a.push_id).cmp(&(b.received_at, &b.push_id))
    });
    Ok(receipts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(protected: ProtectedBranch) -> PushPolicy {
        PushPolicy {
            push_id: "p1".into(),
            pusher: Pusher {
                id: "u1".into(),
                login: "lin".into(),
                name: "Lin".into(),
                email: "lin@example.test".into(),
                auth: "token".into(),
            },
            may_push: true,
            protected: vec![protected],
            receipts: PathBuf::from("/nonexistent"),
            reserved_variables: vec!["CI_JOB_*".into(), "CI".into()],
        }
    }

    fn main_rule(may_push: bool) -> ProtectedBranch {
        ProtectedBranch {
            pattern: "main".into(),
            may_push,
            allow_force: false,
            allow_delete: false,
        }
    }

    fn change(name: &str, old: &str, new: &str) -> RefChange {
        RefChange {
            name: name.into(),
            old: old.into(),
            new: new.into(),
        }
    }

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    #[test]
    fn a_protected_branch_is_neither_forced_nor_deleted() {
        let policy = policy(main_rule(true));
        let judged = |c: RefChange, ff: bool| judge(&policy, &c, &|_, _| Ok(ff)).unwrap();
        assert_eq!(judged(change("refs/heads/main", A, B), true), None);
        assert!(
            judged(change("refs/heads/main", A, B), false)
                .unwrap()
                .contains("rewritten")
        );
        assert!(
            judged(change("refs/heads/main", A, ZERO_SHA), true)
                .unwrap()
                .contains("deleted")
        );
        assert_eq!(judged(change("refs/heads/topic", A, B), false), None);
        assert_eq!(judged(change("refs/heads/topic", A, ZERO_SHA), false), None);
    }

    #[test]
    fn only_branches_and_new_tags_are_taken() {
        let policy = policy(main_rule(true));
        let judged = |c: RefChange| judge(&policy, &c, &|_, _| Ok(true)).unwrap();
        assert!(judged(change("refs/rialto/x", ZERO_SHA, A)).is_some());
        assert!(judged(change("refs/tags/v1", A, B)).is_some());
        assert_eq!(judged(change("refs/tags/v1", ZERO_SHA, B)), None);
    }

    #[test]
    fn who_may_not_push_is_told_so() {
        let policy = policy(main_rule(false));
        let refusal = judge(&policy, &change("refs/heads/main", A, B), &|_, _| Ok(true))
            .unwrap()
            .unwrap();
        assert!(refusal.contains("lin may not push"), "{refusal}");
    }

    #[test]
    fn patterns_match_whole_names() {
        assert!(matches_pattern("main", "main"));
        assert!(!matches_pattern("main", "main2"));
        assert!(matches_pattern("release/*", "release/1.2"));
        assert!(!matches_pattern("release/*", "old/release/1"));
        assert!(matches_pattern("*-stable-*", "v1-stable-x"));
        assert!(!matches_pattern("*-stable", "v1-stable-x"));
    }

    #[test]
    fn a_hook_without_policy_refuses() {
        let refusal = pre_receive(&mut &b""[..], &HashMap::new(), 0).unwrap_err();
        assert!(matches!(refusal, HookRefusal::NoPolicy(_)));
    }

    #[test]
    fn push_options_do_not_set_what_the_platform_sets() {
        let reserved = ["CI_JOB_*".to_owned(), "CI".to_owned()];
        let judged = |option: &str| refuse_reserved(&reserved, &[option.to_owned()]);
        for option in ["ci.variable=CI_JOB_TOKEN=x", "ci.variable=\"CI=false\""] {
            let refusal = judged(option).expect_err("refused").to_string();
            assert!(refusal.contains("set by the platform"), "{refusal}");
        }
        for option in ["ci.variable=CITY=x", "ci.skip", "ci.variable=CI_JOB_TOKEN"] {
            assert_eq!(judged(option), Ok(()), "{option}");
        }
    }
}
