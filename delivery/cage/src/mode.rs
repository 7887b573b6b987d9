//! How strictly processes are isolated, and what is done where the kernel cannot see to that.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Landlock's oldest version that allows renaming between folders; builds break without that.
const OLDEST_USABLE_ABI: u8 = 2;
/// Guards against emptying a file that may not be written (Linux 6.2).
const TRUNCATE_ABI: u8 = 3;
/// Guards against signals to processes outside (Linux 6.12).
const SCOPE_ABI: u8 = 6;

/// How strictly jobs and services are kept from the files and processes of others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IsolationMode {
    /// By Landlock as far as this kernel has it; what it lacks is told in the log of each.
    #[default]
    Landlock,
    /// By Landlock with all that is used of it; else a job fails as `runner_system_failure` and a
    /// service does not start.
    Required,
    /// Not at all: they reach whatever their user does.
    Off,
}

/// The names, as written in settings.
const NAMES: [(&str, IsolationMode); 3] = [
    ("landlock", IsolationMode::Landlock),
    ("required", IsolationMode::Required),
    ("off", IsolationMode::Off),
];

impl fmt::Display for IsolationMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, mode)| mode == self);
        f.write_str(name.map_or("landlock", |(name, _)| name))
    }
}

impl FromStr for IsolationMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, mode)| *mode)
            .ok_or_else(|| format!("{text:?} is no isolation; use landlock, required or off"))
    }
}

/// What a kernel's version of Landlock (0: none) means for what is to be isolated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All that is used of it is there.
    Full,
    /// It is used, and this warning tells what it cannot do.
    Partial(String),
    /// It cannot be used; started without, after this warning.
    None(String),
    /// It must not be started.
    Refused(String),
}

/// Decides by the kernel's version of Landlock and the mode; `what` names what is isolated.
#[must_use]
pub fn verdict(abi: u8, mode: IsolationMode, what: &str) -> Verdict {
    let advice = "Linux 6.12 or newer has all of it";
    let text = if abi < OLDEST_USABLE_ABI {
        format!(
            "this {what} is not isolated from the files of the server and of others: this kernel \
             has no usable Landlock; {advice}"
        )
    } else if abi < SCOPE_ABI {
        let truncate = if abi < TRUNCATE_ABI {
            "emptying files of the server, and "
        } else {
            ""
        };
        format!(
            "this {what} is only partly isolated: Landlock of this kernel (ABI {abi}) does not keep \
             it from {truncate}sending signals to other processes of its user; {advice}"
        )
    } else {
        return Verdict::Full;
    };
    match mode {
        IsolationMode::Required => Verdict::Refused(format!("isolation is required, but {text}")),
        _ if abi < OLDEST_USABLE_ABI => Verdict::None(text),
        _ => Verdict::Partial(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_landlock_is_told_or_refused() {
        for abi in [0, 1] {
            let Verdict::None(text) = verdict(abi, IsolationMode::Landlock, "job") else {
                panic!("ABI {abi} is not usable");
            };
            assert!(text.starts_with("this job is not isolated"), "{text}");
            let Verdict::Refused(text) = verdict(abi, IsolationMode::Required, "job") else {
                panic!("ABI {abi} does not do what is required");
            };
            assert!(text.starts_with("isolation is required"), "{text}");
        }
    }

    #[test]
    fn what_an_old_landlock_cannot_do_is_named() {
        let Verdict::Partial(old) = verdict(2, IsolationMode::Landlock, "job") else {
            panic!("usable in part");
        };
        assert!(old.contains("emptying files"), "{old}");
        let Verdict::Partial(newer) = verdict(5, IsolationMode::Landlock, "job") else {
            panic!("usable in part");
        };
        assert!(
            newer.contains("signals") && !newer.contains("emptying"),
            "{newer}"
        );
        assert!(matches!(
            verdict(5, IsolationMode::Required, "job"),
            Verdict::Refused(_)
        ));
        assert_eq!(verdict(6, IsolationMode::Required, "job"), Verdict::Full);
    }

    #[test]
    fn a_mode_is_read_as_it_is_written() {
        for (name, mode) in NAMES {
            assert_eq!(name.parse(), Ok(mode));
            assert_eq!(mode.to_string(), name);
        }
        assert!("on".parse::<IsolationMode>().is_err());
    }
}
