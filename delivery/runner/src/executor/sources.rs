//! Getting the sources: the working tree of a slot brought to one commit (specification §6.4).
//!
//! Nothing a former job left behind is executed: the repository's own configuration and hooks are
//! replaced before git is called, and system and user configuration are not read.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use rialto_delivery_run::state::FailureReason;

use super::StepError;
use super::environment::{Environment, MARK_VARIABLE};
use super::script::quote;

/// `GIT_STRATEGY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Reuse the tree of the last job in this slot.
    Fetch,
    /// Start from nothing.
    Clone,
    /// Leave the directory as it is, no git at all.
    None,
    /// An empty directory.
    Empty,
}

/// Reads `GIT_STRATEGY` and refuses what is not supported.
///
/// # Errors
/// On an unknown strategy, or on submodules.
pub fn strategy(environment: &Environment) -> Result<Strategy, StepError> {
    if let Some(submodules) = environment.get("GIT_SUBMODULE_STRATEGY")
        && !matches!(submodules, "" | "none")
    {
        return Err(StepError {
            reason: FailureReason::RunnerUnsupported,
            message: format!(
                "GIT_SUBMODULE_STRATEGY={submodules} is not supported by this runner; fetch \
                 submodules in before_script, or set it to none"
            ),
        });
    }
    match environment.get("GIT_STRATEGY").unwrap_or("fetch") {
        "fetch" | "" => Ok(Strategy::Fetch),
        "clone" => Ok(Strategy::Clone),
        "none" => Ok(Strategy::None),
        "empty" => Ok(Strategy::Empty),
        other => Err(StepError {
            reason: FailureReason::RunnerUnsupported,
            message: format!("GIT_STRATEGY={other} is not known; use fetch, clone, none or empty"),
        }),
    }
}

/// Makes the directory ready for git: what is not a plain repository is removed, configuration,
/// hooks and left-over locks are replaced.
///
/// # Errors
/// On file system errors.
pub fn prepare_tree(project: &Path, keep: bool, sha: &str) -> io::Result<()> {
    let git = project.join(".git");
    let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|m| m.is_dir());
    // A link in the place of a folder leads git, and what is removed below, somewhere else.
    let plain = is_folder(project) && is_folder(&git) && is_folder(&git.join("objects"));
    if !(keep && plain) {
        empty_directory(project)?;
        return Ok(());
    }
    for name in [
        "hooks",
        "info",
        "commondir",
        "config.worktree",
        "modules",
        "worktrees",
        "config",
    ] {
        remove_any(&git.join(name))?;
    }
    remove_any(&git.join("objects/info/alternates"))?;
    for lock in [
        "index.lock",
        "HEAD.lock",
        "shallow.lock",
        "config.lock",
        "packed-refs.lock",
    ] {
        remove_any(&git.join(lock))?;
    }
    fs::write(git.join("config"), clean_config(sha))
}

/// Removes a directory's content and makes sure it exists. A directory that is there stays the
/// same one: what is allowed to an isolated job is allowed for that very directory.
///
/// # Errors
/// On file system errors.
pub fn empty_directory(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path).is_ok_and(|m| m.is_dir()) {
        remove_any(path)?;
        return fs::create_dir_all(path);
    }
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path);
            fs::read_dir(path)?
        }
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?.path();
        let removed = match remove_any(&entry) {
            // The directory itself may be what a job made read-only.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                make_writable(path);
                remove_any(&entry)
            }
            other => other,
        };
        removed?;
    }
    Ok(())
}

/// Removes a file, link or tree; nothing there is fine. Directories a job made read-only (module
/// caches do that) are made writable first.
///
/// # Errors
/// On file system errors.
pub fn remove_any(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path);
            fs::remove_dir_all(path)
        }
        other => other,
    }
}

fn make_writable(root: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mut queue = vec![root.to_path_buf()];
    while let Some(path) = queue.pop() {
        if !fs::symlink_metadata(&path).is_ok_and(|m| m.is_dir()) {
            continue;
        }
        let _ = fs::set_permissions(&path, fs::Permissions::from_mode(0o700));
        if let Ok(entries) = fs::read_dir(&path) {
            queue.extend(entries.flatten().map(|e| e.path()));
        }
    }
}

fn clean_config(sha: &str) -> &'static str {
    if sha.len() == 64 {
        "[core]\n\trepositoryformatversion = 1\n\tfilemode = true\n\tbare = false\n\
         [extensions]\n\tobjectformat = sha256\n"
    } else {
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"
    }
}

/// Checks a commit id and a ref name before they reach a command line.
///
/// # Errors
/// When either is not what it should be.
pub fn check_names(sha: &str, git_ref: &str) -> Result<(), StepError> {
    let sha_fits = matches!(sha.len(), 40 | 64) && sha.bytes().all(|b| b.is_ascii_hexdigit());
    let ref_fits = git_ref.starts_with("refs/")
        && !git_ref.contains("..")
        && !git_ref
            .bytes()
            .any(|b| b <= b' ' || b == 0x7f || b":*?[\\^~".contains(&b));
    if sha_fits && ref_fits {
        return Ok(());
    }
    Err(StepError {
        reason: FailureReason::RunnerSystemFailure,
        message: format!("cannot get {sha:?} from {git_ref:?}: not a full commit id and ref name"),
    })
}

/// The script that fetches and checks out; run by bash like any other part of the job.
#[must_use]
pub fn script(url: &str, sha: &str, git_ref: &str, environment: &Environment) -> String {
    let (clean_url, _) = split_credentials(url);
    let depth = environment
        .get("GIT_DEPTH")
        .and_then(|d| d.parse::<u32>().ok())
        .unwrap_or(20);
    let depth = if depth == 0 {
        String::new()
    } else {
        format!("--depth {depth}")
    };
    let extra = flags(environment.get("GIT_FETCH_EXTRA_FLAGS").unwrap_or_default());
    let format = if sha.len() == 64 {
        "--object-format=sha256"
    } else {
        ""
    };
    let (url, short) = (quote(&clean_url), &sha[..8]);
    let fetch = format!("git fetch --quiet --force --no-tags {depth} {extra} {url}");
    let refspec = quote(&format!("+{git_ref}:refs/rialto/{git_ref}"));
    let mut text = format!(
        "set -eo pipefail\n\
         [ -d .git ] || git init --quiet --template= --initial-branch=main {format}\n\
         {fetch} {refspec} || {fetch} {sha}\n\
         git cat-file -e {sha}^{{commit}} 2>/dev/null || {fetch} {sha}\n"
    );
    if !matches!(environment.get("GIT_CHECKOUT"), Some("false" | "0")) {
        text.push_str(&format!(
            "git checkout --quiet --force --detach {sha}\n\
             echo 'Checked out {short} as detached HEAD (ref is '{}')'\n",
            quote(git_ref)
        ));
    }
    let clean = environment.get("GIT_CLEAN_FLAGS").unwrap_or("-ffdx");
    if clean != "none" {
        text.push_str(&format!("git clean --quiet {}\n", flags(clean)));
    }
    text
}

fn flags(text: &str) -> String {
    text.split_ascii_whitespace()
        .map(quote)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Environment for git: no configuration but ours, no prompt, credentials only in a header for
/// this one host, never in an argument or a file.
#[must_use]
pub fn git_environment(url: &str, environment: &Environment) -> Vec<(OsString, OsString)> {
    let mut settings = vec![
        ("core.hooksPath".to_owned(), "/dev/null".to_owned()),
        ("core.fsmonitor".to_owned(), "false".to_owned()),
        ("core.attributesFile".to_owned(), "/dev/null".to_owned()),
        ("safe.directory".to_owned(), "*".to_owned()),
        ("submodule.recurse".to_owned(), "false".to_owned()),
        ("gc.autoDetach".to_owned(), "false".to_owned()),
        ("maintenance.autoDetach".to_owned(), "false".to_owned()),
        ("advice.detachedHead".to_owned(), "false".to_owned()),
    ];
    if let (clean, Some((user, password))) = split_credentials(url)
        && let Some(base) = scheme_and_host(&clean)
    {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        settings.push((
            format!("http.{base}/.extraHeader"),
            format!("Authorization: Basic {basic}"),
        ));
    }
    let mut pairs: Vec<(OsString, OsString)> = ["PATH", "HOME", "TMPDIR", "LANG", MARK_VARIABLE]
        .iter()
        .filter_map(|name| Some(((*name).into(), environment.get(name)?.into())))
        .collect();
    for (name, value) in [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_ASKPASS", "true"),
        ("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
    ] {
        pairs.push((name.into(), value.into()));
    }
    pairs.push(("GIT_CONFIG_COUNT".into(), settings.len().to_string().into()));
    for (index, (key, value)) in settings.into_iter().enumerate() {
        pairs.push((format!("GIT_CONFIG_KEY_{index}").into(), key.into()));
        pairs.push((format!("GIT_CONFIG_VALUE_{index}").into(), value.into()));
    }
    pairs
}

/// Splits `scheme://user:password@host/path` into the URL without credentials and the
/// credentials, percent-decoded.
#[must_use]
pub fn split_credentials(url: &str) -> (String, Option<(String, String)>) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url.to_owned(), None);
    };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let Some(at) = rest[..authority_end].rfind('@') else {
        return (url.to_owned(), None);
    };
    let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
    let clean = format!("{scheme}://{}", &rest[at + 1..]);
    if !matches!(scheme, "http" | "https") {
        return (url.to_owned(), Some((decode(user), decode(password))));
    }
    (clean, Some((decode(user), decode(password))))
}

fn scheme_and_host(url: &str) -> Option<&str> {
    let start = url.find("://")? + 3;
    Some(&url[..url[start..].find('/').map_or(url.len(), |end| start + end)])
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let hex = (bytes[index] == b'%')
            .then(|| text.get(index + 1..index + 3))
            .flatten()
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        if let Some(byte) = hex {
            out.push(byte);
            index += 3;
        } else {
            out.push(bytes[index]);
            index += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out_of_the_url() {
        let (url, credentials) = split_credentials("http://ci:t%40ken@localhost:8080/git/a/b.git");
        assert_eq!(url, "http://localhost:8080/git/a/b.git");
        assert_eq!(credentials, Some(("ci".to_owned(), "t@ken".to_owned())));
        assert_eq!(
            split_credentials("/srv/a.git"),
            ("/srv/a.git".to_owned(), None)
        );
    }

    #[test]
    fn credentials_are_never_in_the_script() {
        let environment = Environment::default();
        let url = "http://ci:top-secret@localhost/git/a/b.git";
        let sha = "a".repeat(40);
        let text = script(url, &sha, "refs/heads/main", &environment);
        assert!(!text.contains("top-secret"), "{text}");
    }

    #[test]
    fn names_that_could_be_options_or_more_are_refused() {
        let sha = "a".repeat(40);
        assert!(check_names(&sha, "refs/heads/main").is_ok());
        for wrong in [
            "--upload-pack=x",
            "refs/heads/a b",
            "refs/heads/a:b",
            "refs/../x",
            "main",
        ] {
            assert!(check_names(&sha, wrong).is_err(), "{wrong}");
        }
        assert!(check_names("main", "refs/heads/main").is_err());
    }
}
