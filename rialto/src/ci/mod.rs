//! `rialto ci`: pipelines of a working copy, without a server.

mod expand;
mod lint;
mod list;
mod origin;
pub mod run;
mod simulate;

use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitCode};

use anyhow::Context as _;
use rialto_delivery_pipeline::{Compiled, Context, Diagnostic, Repository, Severity, compile};

/// Exit code for a wrong command line or an invalid pipeline file.
pub const EXIT_INVALID: u8 = 2;

/// The commands on a pipeline file.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run the pipeline, or some jobs of it, right here.
    Run(run::Args),
    /// Say all that is wrong with the file, with place and cure.
    Lint(lint::Args),
    /// Print the fully resolved file.
    Expand(expand::Args),
    /// List the jobs this pipeline would contain.
    List(list::Args),
    /// Play events on the pipeline and print the states after each.
    Simulate(simulate::Args),
}

/// Runs a command.
///
/// A command that cannot do its work ends with exit code 2, as with a bad pipeline file.
///
/// # Errors
/// None; the form is that of the other commands.
pub fn execute(command: Command) -> anyhow::Result<ExitCode> {
    let done = match command {
        Command::Run(args) => run::execute(args),
        Command::Lint(args) => lint::execute(&args),
        Command::Expand(args) => expand::execute(&args),
        Command::List(args) => list::execute(&args),
        Command::Simulate(args) => simulate::execute(&args),
    };
    // 1 is kept for a job that failed.
    Ok(done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(EXIT_INVALID)
    }))
}

/// Which file, for which event.
#[derive(Debug, Clone, clap::Args)]
pub struct Source {
    /// Pipeline file [default: .gitlab-ci.yml of this folder].
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A pipeline variable; may be given several times.
    #[arg(long = "variable", value_name = "KEY=VALUE", value_parser = key_value)]
    pub variables: Vec<(String, String)>,
    /// Branch the pipeline is for [default: the one checked out, or main].
    #[arg(long, value_name = "BRANCH", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub branch: Option<String>,
    /// What starts the pipeline, e.g. push, merge_request_event, schedule, web.
    #[arg(long, value_name = "SOURCE", default_value = "push", value_parser = SOURCES)]
    pub source: String,
}

/// Values of `CI_PIPELINE_SOURCE`.
const SOURCES: [&str; 16] = [
    "push",
    "merge_request_event",
    "schedule",
    "web",
    "api",
    "trigger",
    "pipeline",
    "parent_pipeline",
    "chat",
    "external",
    "external_pull_request_event",
    "webide",
    "ondemand_dast_scan",
    "ondemand_dast_validation",
    "security_orchestration_policy",
    "unknown",
];

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

/// The folder a pipeline file belongs to, as a repository.
pub struct WorkingCopy {
    root: PathBuf,
}

impl WorkingCopy {
    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What git prints, without the line end. `None`: no git, no repository, or a failure.
    fn git(&self, arguments: &[&str]) -> Option<String> {
        let output = Process::new("git")
            .arg("-C")
            .arg(&self.root)
            .args(arguments)
            .output()
            .ok()?;
        let text = output
            .status
            .success()
            .then(|| String::from_utf8(output.stdout).ok())??;
        Some(text.trim_end_matches('\n').to_owned())
    }

    /// What stands at the path instead of a regular file, to follow the path in a message.
    fn obstacle(&self, path: &str) -> Option<String> {
        let mut whole = self.root.clone();
        for part in Path::new(path).components() {
            whole.push(part);
            let data = std::fs::symlink_metadata(&whole).ok()?;
            if data.is_symlink() {
                return Some(self.link(path, &whole));
            }
        }
        let data = std::fs::symlink_metadata(&whole).ok()?;
        if data.is_dir() {
            Some("is a folder, not a file".to_owned())
        } else if !data.is_file() {
            Some("is no regular file".to_owned())
        } else {
            None
        }
    }

    fn link(&self, path: &str, link: &Path) -> String {
        let target = std::fs::read_link(link).unwrap_or_default();
        let name = link.strip_prefix(&self.root).unwrap_or(link);
        let what = if name == Path::new(path) {
            format!("is a symbolic link to `{}`", target.display())
        } else {
            let name = name.display();
            format!(
                "lies behind the symbolic link `{name}` to `{}`",
                target.display()
            )
        };
        let inside = match (link.canonicalize(), self.root.canonicalize()) {
            (Ok(target), Ok(root)) => target.starts_with(root),
            _ => return format!("{what}, which does not exist"),
        };
        if inside {
            format!("{what}; a pipeline is read from its commit, where links are not followed")
        } else {
            format!("{what}, which leads out of the repository")
        }
    }

    /// The commit a name means; a branch may be known from the server only.
    fn commit_of(&self, name: &str) -> Option<String> {
        let find = |name: &str| {
            let commit = format!("{name}^{{commit}}");
            self.git(&[
                "rev-parse",
                "--quiet",
                "--verify",
                "--end-of-options",
                &commit,
            ])
        };
        find(name).or_else(|| find(&format!("refs/remotes/origin/{name}")))
    }

    fn git_paths(&self, arguments: &[&str]) -> Option<Vec<String>> {
        let text = self.git(arguments)?;
        Some(
            text.split('\0')
                .filter(|path| !path.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }
}

impl Repository for WorkingCopy {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        // A pipe or a device would never end, and a link is not what a commit holds.
        if self.obstacle(path).is_some() {
            return None;
        }
        std::fs::read(self.root.join(path)).ok()
    }

    fn unreadable(&self, path: &str) -> Option<String> {
        self.obstacle(path).or_else(|| {
            let error = std::fs::File::open(self.root.join(path)).err()?;
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            (!missing).then(|| format!("cannot be read: {error}"))
        })
    }

    fn list(&self) -> Vec<String> {
        let tracked = [
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ];
        self.git_paths(&tracked).unwrap_or_else(|| {
            let mut out = Vec::new();
            walk(&self.root, "", &mut out);
            out.sort();
            out
        })
    }

    fn changed_paths(&self, compare_to: Option<&str>) -> Option<Vec<String>> {
        // A working copy knows no push event; only an explicit base can be compared with.
        let range = format!("{}...HEAD", self.commit_of(compare_to?)?);
        self.git_paths(&["diff", "--name-only", "-z", "--no-renames", &range])
    }

    fn has_ref(&self, name: &str) -> bool {
        // A folder that git does not know has nothing to compare with, and does not need to.
        self.commit_of(name).is_some() || self.git(&["rev-parse", "--verify", "HEAD"]).is_none()
    }

    fn size(&self, path: &str) -> Option<u64> {
        std::fs::metadata(self.root.join(path))
            .ok()
            .map(|data| data.len())
    }
}

/// Files below a folder, for a working copy that git does not know.
fn walk(folder: &Path, prefix: &str, out: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let path = format!("{prefix}{name}");
        if kind.is_dir() {
            if name != ".git" {
                walk(&entry.path(), &format!("{path}/"), out);
            }
        } else {
            out.push(path);
        }
    }
}

/// A compiled file and where it came from.
pub struct Opened {
    /// The folder of the file.
    pub copy: WorkingCopy,
    /// The event.
    pub context: Context,
    /// The outcome.
    pub compiled: Compiled,
}

impl Source {
    /// Reads and plans the file.
    ///
    /// # Errors
    /// When the current folder cannot be named or the file's name is no text.
    pub fn open(&self) -> anyhow::Result<Opened> {
        let (copy, config_path) = self.locate()?;
        let context = self.context(&copy, config_path);
        let compiled = compile(&copy, &context);
        Ok(Opened {
            copy,
            context,
            compiled,
        })
    }

    /// The repository is the current folder when the file lies in it, otherwise the file's own.
    fn locate(&self) -> anyhow::Result<(WorkingCopy, String)> {
        let here = std::env::current_dir().context("the current folder cannot be read")?;
        let Some(file) = &self.file else {
            return Ok((WorkingCopy { root: here }, ".gitlab-ci.yml".to_owned()));
        };
        let whole = here.join(file);
        let (root, path) = match whole.strip_prefix(&here) {
            Ok(path) if !path.components().any(|part| part.as_os_str() == "..") => {
                // The folder itself: told so when it is read.
                let folder = path.as_os_str().is_empty();
                (
                    here.clone(),
                    if folder {
                        PathBuf::from(".")
                    } else {
                        path.to_owned()
                    },
                )
            }
            _ => {
                let name = whole.file_name().context("--file names no file")?;
                let folder = whole.parent().unwrap_or(&here).to_owned();
                (folder, PathBuf::from(name))
            }
        };
        let path = path
            .to_str()
            .context("the name of the pipeline file is not UTF-8")?;
        Ok((
            WorkingCopy { root },
            path.trim_start_matches("./").to_owned(),
        ))
    }

    /// The predefined variables that make sense here, below the ones given.
    fn context(&self, copy: &WorkingCopy, config_path: String) -> Context {
        let git = git_folder(&copy.root);
        let checked_out = || git.as_deref().and_then(branch_of);
        let branch = self
            .branch
            .clone()
            .or_else(checked_out)
            .unwrap_or_else(|| "main".to_owned());
        let name = git
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(&copy.root)
            .file_name()
            .map_or_else(
                || "project".to_owned(),
                |name| name.to_string_lossy().into_owned(),
            );
        let mut context = Context {
            source: self.source.clone(),
            config_path,
            local: true,
            ..Context::default()
        };
        let mut set = |key: &str, value: &str| {
            context.variables.insert(key.to_owned(), value.to_owned());
        };
        set("CI", "true");
        set("GITLAB_CI", "true");
        set("CI_CONFIG_PATH", &context.config_path);
        set(
            "CI_DEFAULT_BRANCH",
            &git.as_deref()
                .and_then(default_branch)
                .unwrap_or("main".into()),
        );
        set("CI_COMMIT_REF_NAME", &branch);
        set(
            "CI_COMMIT_REF_SLUG",
            &rialto_delivery_pipeline::variables::slug(&branch),
        );
        set("CI_COMMIT_REF_PROTECTED", "false");
        if self.source == "merge_request_event" {
            set("CI_MERGE_REQUEST_IID", "1");
            set("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", &branch);
        } else {
            set("CI_COMMIT_BRANCH", &branch);
        }
        if let Some(sha) = git.as_deref().and_then(commit_of) {
            set("CI_COMMIT_SHA", &sha);
            set("CI_COMMIT_SHORT_SHA", sha.get(..8).unwrap_or(&sha));
        }
        for (key, value) in project_variables(git.as_deref(), &name) {
            set(key, &value);
        }
        set("CI_SERVER_NAME", "Rialto");
        set("CI_SERVER_VERSION", env!("CARGO_PKG_VERSION"));
        context.variables.extend(self.variables.iter().cloned());
        context
    }
}

/// What `CI_PROJECT_…` say: as the remote `origin` names the project, else its folder's name.
fn project_variables(git: Option<&Path>, folder: &str) -> [(&'static str, String); 6] {
    let path = git
        .and_then(|git| origin::project_path(&common_folder(git)))
        .unwrap_or_else(|| format!("local/{folder}"));
    let (namespace, name) = path.rsplit_once('/').unwrap_or(("local", folder));
    let root = namespace.split('/').next().unwrap_or(namespace);
    let slug = rialto_delivery_pipeline::variables::slug(&path);
    [
        ("CI_PROJECT_NAME", name.to_owned()),
        ("CI_PROJECT_TITLE", name.to_owned()),
        ("CI_PROJECT_NAMESPACE", namespace.to_owned()),
        ("CI_PROJECT_ROOT_NAMESPACE", root.to_owned()),
        ("CI_PROJECT_PATH_SLUG", slug),
        ("CI_PROJECT_PATH", path),
    ]
}

/// The `.git` folder of a folder or its parents; a linked work tree's own one.
fn git_folder(root: &Path) -> Option<PathBuf> {
    root.ancestors().find_map(|folder| {
        let git = folder.join(".git");
        let data = std::fs::metadata(&git).ok()?;
        if data.is_dir() {
            return Some(git);
        }
        let text = std::fs::read_to_string(&git).ok()?;
        Some(folder.join(text.strip_prefix("gitdir:")?.trim()))
    })
}

/// The checked-out branch, read from `HEAD` without starting git.
fn branch_of(git: &Path) -> Option<String> {
    let head = std::fs::read_to_string(git.join("HEAD")).ok()?;
    head.trim()
        .strip_prefix("ref: refs/heads/")
        .map(str::to_owned)
}

/// The folder that holds the refs: of a linked work tree, the main one's.
fn common_folder(git: &Path) -> PathBuf {
    match std::fs::read_to_string(git.join("commondir")) {
        Ok(path) => git.join(path.trim()),
        Err(_) => git.to_owned(),
    }
}

/// The commit of `HEAD`, from loose or packed refs.
fn commit_of(git: &Path) -> Option<String> {
    let head = std::fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.trim().strip_prefix("ref: ") else {
        return Some(head.trim().to_owned());
    };
    let common = common_folder(git);
    if let Ok(sha) = std::fs::read_to_string(common.join(name)) {
        return Some(sha.trim().to_owned());
    }
    let packed = std::fs::read_to_string(common.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| {
        let (sha, found) = line.split_once(' ')?;
        (found == name).then(|| sha.to_owned())
    })
}

/// What the remote calls its default branch, if it is known here.
fn default_branch(git: &Path) -> Option<String> {
    let head = common_folder(git).join("refs/remotes/origin/HEAD");
    let text = std::fs::read_to_string(head).ok()?;
    text.trim()
        .strip_prefix("ref: refs/remotes/origin/")
        .map(str::to_owned)
}

/// Prints findings to standard error; warnings only when `all`.
pub fn print_diagnostics(diagnostics: &[Diagnostic], all: bool) {
    for diagnostic in diagnostics {
        if all || diagnostic.severity != Severity::Warning {
            eprintln!("{diagnostic}");
        }
    }
}

impl Opened {
    /// Whether what the file means is not known: it has errors, or takes in a file that is not read.
    /// Prints what is wrong, and what of the pipeline is refused.
    pub(crate) fn is_unknown(&self) -> bool {
        print_diagnostics(&self.compiled.diagnostics, false);
        let unread = self.compiled.refusals().any(|found| found.job.is_none());
        unread || !self.compiled.is_valid()
    }

    /// The exit code of a command that shows the pipeline: what `run` refuses is no success here.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.compiled.refusals().next().is_none() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(EXIT_INVALID)
        }
    }
}

/// Prints why there is no pipeline, if that is so.
pub fn print_no_pipeline(compiled: &Compiled) {
    if let Some(why) = &compiled.no_pipeline {
        let position = &why.position;
        let place = format!("{}:{}:{}", position.file, position.line, position.column);
        eprintln!("{place}: no pipeline for this event: {}", why.reason);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn source(file: &Path) -> Source {
        Source {
            file: Some(file.to_owned()),
            variables: vec![("KIND".to_owned(), "own".to_owned())],
            branch: None,
            source: "push".to_owned(),
        }
    }

    fn copy(root: &Path) -> WorkingCopy {
        WorkingCopy {
            root: root.to_owned(),
        }
    }

    #[test]
    fn branch_and_commit_are_read_without_git() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join(".git");
        fs::create_dir_all(git.join("refs/heads")).unwrap();
        fs::write(git.join("HEAD"), "ref: refs/heads/topic/x\n").unwrap();
        fs::write(
            git.join("packed-refs"),
            "# pack-refs\nabc123 refs/heads/topic/x\n",
        )
        .unwrap();
        assert_eq!(git_folder(&folder.path().join("deep")), Some(git.clone()));
        assert_eq!(branch_of(&git).as_deref(), Some("topic/x"));
        assert_eq!(commit_of(&git).as_deref(), Some("abc123"));
        fs::create_dir_all(git.join("refs/heads/topic")).unwrap();
        fs::write(git.join("refs/heads/topic/x"), "def456\n").unwrap();
        assert_eq!(commit_of(&git).as_deref(), Some("def456"));
        fs::write(git.join("HEAD"), "0123abcd\n").unwrap();
        assert_eq!(
            (branch_of(&git), commit_of(&git).as_deref()),
            (None, Some("0123abcd"))
        );
    }

    #[test]
    fn the_project_is_named_as_its_origin_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join(".git");
        fs::create_dir_all(&git).unwrap();
        fs::write(folder.path().join("ci.yml"), "a: {script: x}\n").unwrap();
        let named = || {
            let opened = source(&folder.path().join("ci.yml")).open().unwrap();
            ["PATH", "NAME", "NAMESPACE", "ROOT_NAMESPACE"]
                .map(|key| opened.context.variables[&format!("CI_PROJECT_{key}")].clone())
        };
        let folder_name = folder.path().file_name().unwrap().to_str().unwrap();
        assert_eq!(named()[0], format!("local/{folder_name}"));
        let config = "[remote \"origin\"]\n\turl = git@git.example.org:tools/deep/quotes.git\n";
        fs::write(git.join("config"), config).unwrap();
        assert_eq!(
            named(),
            ["tools/deep/quotes", "quotes", "tools/deep", "tools"]
        );
    }

    #[test]
    fn a_file_elsewhere_brings_its_own_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("ci.yml"),
            "include: more.yml\na: {script: x}\n",
        )
        .unwrap();
        fs::write(
            folder.path().join("more.yml"),
            "b: {script: x, rules: [{if: $KIND}]}\n",
        )
        .unwrap();
        let opened = source(&folder.path().join("ci.yml")).open().unwrap();
        assert_eq!(opened.context.config_path, "ci.yml");
        let plan = opened.compiled.plan.unwrap();
        assert_eq!(
            plan.jobs
                .iter()
                .map(|job| job.name.as_str())
                .collect::<Vec<_>>(),
            ["b", "a"]
        );
    }

    #[test]
    fn files_are_listed_outside_git_and_pipes_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/a.rs"), "").unwrap();
        let mut files = Vec::new();
        walk(folder.path(), "", &mut files);
        assert_eq!(files, ["src/a.rs"]);
        assert!(copy(folder.path()).read("src").is_none());
        assert!(copy(folder.path()).read("src/a.rs").is_some());
    }

    #[test]
    fn variables_are_key_and_value() {
        assert_eq!(key_value("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert_eq!(key_value("A="), Ok(("A".to_owned(), String::new())));
        assert!(key_value("A").is_err() && key_value("=b").is_err());
    }
}
