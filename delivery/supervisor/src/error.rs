//! What can go wrong, and whose it is to mend.

use std::path::PathBuf;

use rialto_delivery_run::size::Size;

/// A supervisor's action failed.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// A file or folder of the slot.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The slot's record makes no sense.
    #[error("{path} is damaged: {reason}; stop the slot's process by hand and remove the file")]
    Record {
        /// File.
        path: PathBuf,
        /// Cause.
        reason: String,
    },
    /// The archive could not be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The program of the command is not in the archive.
    #[error("the program {program} is not in the release: looked for {path}")]
    ProgramMissing {
        /// As written in the definition.
        program: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It may not be executed.
    #[error(
        "the program {program} of the release is not executable; \
         set its executable bit before the artifact is made (chmod +x)"
    )]
    NotExecutable {
        /// As written in the definition.
        program: String,
    },
    /// The system has no `setsid`.
    #[error("the program setsid (package util-linux) was not found; services need it to start")]
    SetsidMissing,
    /// It may not be started without isolation.
    #[error("the service was not started: {0}")]
    Isolation(String),
    /// It asks for more than the house gives.
    #[error(
        "the release asks for {} in service.{key}, this server gives at most {}: lower it in \
         .rialto/release.toml, or have the server's limit raised",
        in_words(key, *asked),
        in_words(key, *allowed)
    )]
    Limit {
        /// `memory` (bytes) or `processes`.
        key: &'static str,
        /// As asked for.
        asked: u64,
        /// The house's limit.
        allowed: u64,
    },
    /// A path part would leave the folder.
    #[error("\"{0}\" cannot be a part of a slot's path")]
    Name(String),
    /// No such slot.
    #[error("nothing is installed in {0}")]
    NotInstalled(String),
    /// A signal could not be sent.
    #[error("cannot stop process {pid}: {reason}")]
    Signal {
        /// Process.
        pid: i32,
        /// Cause.
        reason: String,
    },
}

impl SupervisorError {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// An archive could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The bytes are not those of the digest.
    #[error("the archive's SHA-256 is {found}, the release says {expected}; nothing was installed")]
    Digest {
        /// As released.
        expected: String,
        /// As read.
        found: String,
    },
    /// It cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
}

/// An archive cannot be unpacked safely.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Not a zip archive, or a damaged one.
    #[error("the archive is not a readable zip file: {0}")]
    Format(String),
    /// An entry would be written outside the folder, or is something else than a file.
    #[error("entry \"{name}\" of the archive is refused: {reason}")]
    Entry {
        /// Name in the archive.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// The archive is larger than allowed.
    #[error("the archive is refused: {0}")]
    TooLarge(String),
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Io {
        /// On what.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
}

/// Memory is told in units, everything else is a number.
fn in_words(key: &str, number: u64) -> String {
    match key {
        "memory" => Size(number).to_string(),
        _ => number.to_string(),
    }
}
