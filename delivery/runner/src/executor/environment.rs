//! The environment of a job (specification §6.5): starts empty, every name has a known source.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use rialto_delivery_run::assignment::{Assignment, Source};
use rialto_delivery_run::size::Size;
use rialto_delivery_run::state::FailureReason;

use super::sources::split_credentials;
use super::{ExecutorConfig, JobDirectories, StepError};

/// Longest `NAME=value` the kernel takes in an environment, with its final NUL byte.
const MAX_ENTRY_BYTES: usize = 128 * 1024;

/// Name of the variable by which processes of a job are recognised after they left its group.
pub const MARK_VARIABLE: &str = "RIALTO_JOB_RUN";

/// Names only the runner can know; a value may refer to them as `$NAME` or `${NAME}`.
const RUNNER_NAMES: [&str; 4] = [
    "CI_PROJECT_DIR",
    "CI_BUILDS_DIR",
    "CI_CONCURRENT_ID",
    "CI_CONCURRENT_PROJECT_ID",
];

/// Variables of a job by name.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    values: BTreeMap<String, String>,
}

impl Environment {
    /// Builds the environment and writes the file variables.
    ///
    /// # Errors
    /// When a name or value cannot stand in an environment (named), or a file variable cannot be
    /// written.
    pub fn build(
        assignment: &Assignment,
        config: &ExecutorConfig,
        directories: &JobDirectories,
        mark: &str,
    ) -> Result<Self, StepError> {
        let mut values = base(assignment, config, directories);
        let runner: Vec<(&str, String)> = RUNNER_NAMES
            .iter()
            .map(|n| (*n, values[*n].clone()))
            .collect();
        for variable in &assignment.variables {
            let mut value = variable.value.clone();
            for (name, own) in &runner {
                value = replace_reference(&value, name, own);
            }
            if variable.file {
                check_key(&variable.key)?;
                value = write_file_variable(directories, &variable.key, &value)?;
            }
            values.insert(variable.key.clone(), value);
        }
        values.extend(
            runner
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        values.insert(MARK_VARIABLE.to_owned(), mark.to_owned());
        for (key, value) in &values {
            check_entry(key, value)?;
        }
        Ok(Self { values })
    }

    /// A variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    /// Name and value of each variable, for a process.
    #[must_use]
    pub fn pairs(&self) -> Vec<(OsString, OsString)> {
        self.values
            .iter()
            .map(|(k, v)| (k.into(), v.into()))
            .collect()
    }

    /// Replaces `$NAME` and `${NAME}`; an unknown name becomes nothing, `$$` a single `$`.
    #[must_use]
    pub fn expand(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some((name, after)) =
                rest.strip_prefix('{').and_then(|r| r.split_once('}'))
            {
                out.push_str(self.get(name).unwrap_or_default());
                rest = after;
            } else {
                let end = name_length(rest);
                if end == 0 {
                    out.push('$');
                } else {
                    out.push_str(self.get(&rest[..end]).unwrap_or_default());
                }
                rest = &rest[end..];
            }
        }
        out.push_str(rest);
        out
    }
}

fn base(
    assignment: &Assignment,
    config: &ExecutorConfig,
    directories: &JobDirectories,
) -> BTreeMap<String, String> {
    let path = |p: &std::path::Path| p.to_string_lossy().into_owned();
    let mut values = BTreeMap::from([
        ("PATH".to_owned(), config.path.clone()),
        ("HOME".to_owned(), path(&directories.home)),
        ("TMPDIR".to_owned(), path(&directories.temporary)),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("CI_PROJECT_DIR".to_owned(), path(&directories.project)),
        ("CI_BUILDS_DIR".to_owned(), path(&config.builds_dir)),
        ("CI_CONCURRENT_ID".to_owned(), config.slot.to_string()),
        (
            "CI_CONCURRENT_PROJECT_ID".to_owned(),
            config.slot.to_string(),
        ),
        ("CI_SERVER".to_owned(), "yes".to_owned()),
        ("CI_JOB_STATUS".to_owned(), "running".to_owned()),
        (
            "CI_JOB_TIMEOUT".to_owned(),
            assignment.timeout_s.to_string(),
        ),
        ("CI_JOB_STARTED_AT".to_owned(), now()),
        (
            "CI_RUNNER_VERSION".to_owned(),
            env!("CARGO_PKG_VERSION").to_owned(),
        ),
        (
            "CI_RUNNER_EXECUTABLE_ARCH".to_owned(),
            format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
        ),
    ]);
    values.extend(config.inherited.iter().cloned());
    values
}

fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// Everything that must not appear in the log: masked variables, the job token, the lease and the
/// credentials inside the repository's URL.
#[must_use]
pub fn secrets(assignment: &Assignment) -> Vec<String> {
    let mut all: Vec<String> = assignment
        .variables
        .iter()
        .filter(|v| v.masked || matches!(v.key.as_str(), "CI_JOB_TOKEN" | "CI_REGISTRY_PASSWORD"))
        .map(|v| v.value.clone())
        .collect();
    all.push(assignment.lease.clone());
    let repository = assignment
        .variables
        .iter()
        .find(|v| v.key == "CI_REPOSITORY_URL")
        .map(|v| v.value.as_str());
    let source = match &assignment.source {
        Source::Git { url, .. } => Some(url.as_str()),
        Source::WorkingCopy { .. } => None,
    };
    for url in repository.into_iter().chain(source) {
        if let (_, Some((_, password))) = split_credentials(url) {
            all.push(password);
        }
    }
    all
}

fn name_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if bytes.first().is_none_or(u8::is_ascii_digit) {
        return 0;
    }
    bytes
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
        .count()
}

/// Replaces `$name` and `${name}` and leaves everything else, other variables included.
fn replace_reference(text: &str, name: &str, value: &str) -> String {
    if !text.contains('$') {
        return text.to_owned();
    }
    let text = text.replace(&format!("${{{name}}}"), value);
    let needle = format!("${name}");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(&needle) {
        let after = &rest[at + needle.len()..];
        out.push_str(&rest[..at]);
        let longer_name = after
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        out.push_str(if longer_name { &needle } else { value });
        rest = after;
    }
    out.push_str(rest);
    out
}

fn invalid(message: String) -> StepError {
    StepError {
        reason: FailureReason::RunnerSystemFailure,
        message,
    }
}

fn check_key(key: &str) -> Result<(), StepError> {
    let fits = !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        && !key.bytes().all(|b| b == b'.');
    fits.then_some(()).ok_or_else(|| {
        invalid(format!(
            "file variable {key:?}: the name must be of letters, digits and `_`"
        ))
    })
}

fn check_entry(key: &str, value: &str) -> Result<(), StepError> {
    if key.is_empty() || key.contains(['=', '\0']) {
        return Err(invalid(format!(
            "variable {key:?}: not a name an environment can hold"
        )));
    }
    if value.contains('\0') {
        return Err(invalid(format!(
            "variable {key}: its value holds a NUL character"
        )));
    }
    if key.len() + value.len() + 2 > MAX_ENTRY_BYTES {
        return Err(invalid(format!(
            "variable {key}: its value has {}, a process can be given at most 128 KiB; \
             make it a file variable",
            Size::of(value.len())
        )));
    }
    Ok(())
}

fn write_file_variable(
    directories: &JobDirectories,
    key: &str,
    value: &str,
) -> Result<String, StepError> {
    let path = directories.variables.join(key);
    let write = || {
        let _ = std::fs::remove_file(&path);
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?
            .write_all(value.as_bytes())
    };
    write().map_err(|e| invalid(format!("file variable {key}: {}: {e}", path.display())))?;
    Ok(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_expand_to_nothing() {
        let mut environment = Environment::default();
        environment.set("A", "1");
        assert_eq!(environment.expand("$A-${A}x$B$$A $"), "1-1x$A $");
    }

    #[test]
    fn only_the_runners_own_names_are_replaced_in_values() {
        let text = "$CI_PROJECT_DIR/a ${CI_PROJECT_DIR} $CI_PROJECT_DIRECTORY $OTHER";
        assert_eq!(
            replace_reference(text, "CI_PROJECT_DIR", "/b"),
            "/b/a /b $CI_PROJECT_DIRECTORY $OTHER"
        );
    }

    #[test]
    fn a_value_over_128_kib_is_refused_by_name() {
        let error = check_entry("BIG", &"x".repeat(128 * 1024)).unwrap_err();
        assert!(error.message.contains("variable BIG"), "{}", error.message);
        assert!(check_entry("FITS", &"x".repeat(127 * 1024)).is_ok());
    }
}
