//! What each section of the definition means.

use super::environments::environments;
use super::table::{Placed, Section};
use crate::definition::{HealthSpec, RESERVED_ENV, ReleaseDefinition, ServiceSpec};

pub(super) const SECOND: u64 = 1_000;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;
/// Less memory is a slip: no service starts in it.
const LEAST_MEMORY: u64 = 1 << 20;

pub(super) fn root(section: &Section<'_>) -> Option<ReleaseDefinition> {
    section.only(&["artifact", "service", "health", "gate", "environments"]);
    if let Some(gate) = section.section("gate")
        && let Some(at) = gate.first_key()
    {
        section.sink.error(
            at,
            "tightening the gate in the release definition is not carried out; \
             put the rule into the project's gate rules and remove it here"
                .to_owned(),
        );
    }
    let artifact_job = artifact(section);
    let service = service(section);
    let health = health(section);
    let environments = environments(section);
    Some(ReleaseDefinition {
        artifact_job: artifact_job?,
        service: service?,
        health,
        environments,
    })
}

fn artifact(root: &Section<'_>) -> Option<String> {
    let Some(section) = root.section("artifact") else {
        root.missing("artifact", "[artifact] with job = \"package\"");
        return None;
    };
    section.only(&["job"]);
    let Some(job) = section.string("job") else {
        section.missing("job", "job = \"package\"");
        return None;
    };
    if job.value.trim().is_empty() {
        section.sink.error(
            job.at,
            "\"artifact.job\" is empty; name a job of the pipeline".to_owned(),
        );
        return None;
    }
    Some(job.value.to_owned())
}

fn service(root: &Section<'_>) -> Option<ServiceSpec> {
    let Some(section) = root.section("service") else {
        root.missing("service", "[service] with command = [\"./my-service\"]");
        return None;
    };
    section.only(&[
        "command",
        "ready_timeout",
        "stop_timeout",
        "memory",
        "processes",
        "env",
    ]);
    let ready_timeout_ms = section.duration("ready_timeout", 100, HOUR, 30 * SECOND);
    let stop_timeout_ms = section.duration("stop_timeout", 0, 10 * MINUTE, 10 * SECOND);
    let memory_bytes = section.size("memory", LEAST_MEMORY);
    let processes = section
        .holds("processes")
        .then(|| section.number("processes", 1, u32::MAX, 1));
    let env = section
        .section("env")
        .map(|env| variables(&env))
        .unwrap_or_default();
    let command = command(&section)?;
    Some(ServiceSpec {
        command,
        ready_timeout_ms,
        stop_timeout_ms,
        memory_bytes,
        processes,
        env,
    })
}

fn command(section: &Section<'_>) -> Option<Vec<String>> {
    let Some(words) = section.strings("command") else {
        section.missing(
            "command",
            "command = [\"./my-service\", \"--port\", \"${PORT}\"]",
        );
        return None;
    };
    let Some(program) = words.first() else {
        section.sink.error(
            section.at,
            "\"service.command\" is an empty list; its first word is the program to run".to_owned(),
        );
        return None;
    };
    if program.value.is_empty() || program.value.split('/').any(|part| part == "..") {
        section.sink.error(
            program.at,
            "the program of \"service.command\" must be a file inside the archive (\"./name\") \
             or a program of the system"
                .to_owned(),
        );
    }
    for word in &words {
        check_word(section, *word);
    }
    Some(words.iter().map(|word| word.value.to_owned()).collect())
}

/// `${PORT}` is the one thing replaced in arguments; anything else that looks like it is a mistake.
fn check_word(section: &Section<'_>, word: Placed<&str>) {
    if word.value.contains('\0') {
        section.sink.error(
            word.at,
            "a NUL character cannot be part of a command".to_owned(),
        );
    }
    let mut rest = word.value;
    while let Some(at) = rest.find("${") {
        rest = &rest[at + 2..];
        let name = rest.split('}').next().unwrap_or(rest);
        if !rest.contains('}') || name != "PORT" {
            section.sink.error(
                word.at,
                format!(
                    "\"${{{name}}}\" is not replaced in commands, only ${{PORT}} is; \
                     other values are given as variables of the environment"
                ),
            );
        }
    }
}

pub(super) fn variables(section: &Section<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in section.text_entries() {
        let mut chars = name.value.chars();
        let starts_well = chars
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !starts_well || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            section.sink.error(
                name.at,
                format!(
                    "\"{}\" is not a variable name (letters, digits and _)",
                    name.value
                ),
            );
        } else if RESERVED_ENV.contains(&name.value) {
            section.sink.error(
                name.at,
                format!(
                    "\"{}\" is set by the platform itself and cannot be set here",
                    name.value
                ),
            );
        } else if value.value.contains('\0') {
            section.sink.error(
                value.at,
                "a NUL character cannot be part of a variable".to_owned(),
            );
        } else {
            found.push((name.value.to_owned(), value.value.to_owned()));
        }
    }
    found
}

fn health(root: &Section<'_>) -> HealthSpec {
    let default = HealthSpec {
        path: "/healthz".to_owned(),
        interval_ms: SECOND,
        timeout_ms: SECOND,
        consecutive: 3,
        failure_limit: 3,
    };
    let Some(section) = root.section("health") else {
        return default;
    };
    section.only(&[
        "path",
        "interval",
        "timeout",
        "consecutive",
        "failure_limit",
    ]);
    let path = section
        .string("path")
        .and_then(|path| checked_path(&section, "health.path", path));
    HealthSpec {
        path: path.unwrap_or(default.path),
        interval_ms: section.duration("interval", 50, MINUTE, default.interval_ms),
        timeout_ms: section.duration("timeout", 10, MINUTE, default.timeout_ms),
        consecutive: section.number("consecutive", 1, 100, default.consecutive),
        failure_limit: section.number("failure_limit", 1, 100, default.failure_limit),
    }
}

pub(super) fn checked_path(section: &Section<'_>, key: &str, path: Placed<&str>) -> Option<String> {
    let well = path.value.starts_with('/')
        && path
            .value
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'#');
    if !well {
        section.sink.error(
            path.at,
            format!(
                "\"{key}\": \"{}\" must start with / and hold no blanks, fragments or \
                 characters that need percent-encoding",
                path.value
            ),
        );
        return None;
    }
    Some(path.value.to_owned())
}
