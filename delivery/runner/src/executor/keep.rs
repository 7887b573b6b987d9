//! What a job takes from and leaves for others: caches, artifacts and reports.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rialto_delivery_pipeline::plan::{Artifacts, ArtifactsWhen, Cache, CacheKey, CachePolicy};
use rialto_delivery_run::assignment::OutcomeFile;
use rialto_delivery_run::size::Size;
use rialto_delivery_run::state::FailureReason;
use sha2::{Digest as _, Sha256};

use super::environment::Environment;
use super::job::Job;
use super::{DEFAULT_ARTIFACT_BYTES, JobDirectories, RunAs, StepError, dotenv, sources};
use crate::archive::{self, ManifestEntry, PackError, Packing};
use crate::cache::{CacheId, CacheStore, Restored, check_key};
use crate::collect;
use crate::process::Program;

impl Job<'_> {
    pub(super) fn restore_caches(&self, directories: &JobDirectories, environment: &Environment) {
        let Some(store) = &self.config.cache else {
            self.log().line("This runner keeps no caches");
            return;
        };
        for cache in self
            .assignment
            .cache
            .iter()
            .filter(|c| c.policy != CachePolicy::Push)
        {
            let first = self.cache_key(cache, directories, environment);
            let keys = std::iter::once(first)
                .chain(cache.fallback_keys.iter().map(|k| environment.expand(k)));
            for key in keys {
                if self.restore_cache(store, cache, &key, directories) {
                    break;
                }
            }
        }
    }

    fn restore_cache(
        &self,
        store: &CacheStore,
        cache: &Cache,
        key: &str,
        directories: &JobDirectories,
    ) -> bool {
        if let Err(why) = check_key(key) {
            self.log().warning(&format!("{why}; the cache is skipped"));
            return false;
        }
        let id = self.cache_id(cache, key);
        let limit = self.bounds.disk_bytes;
        match store.restore(&id, &directories.project, limit) {
            Ok(Restored::Hit) => {
                self.log().line(&format!("Cache {key}: restored"));
                return true;
            }
            Ok(Restored::Miss) => self.log().line(&format!("Cache {key}: none yet")),
            Ok(Restored::Corrupt(why)) => {
                self.log()
                    .warning(&format!("cache {key} is damaged and was removed: {why}"));
            }
            Err(error) => self
                .log()
                .warning(&format!("cache {key} was not restored: {error}")),
        }
        false
    }

    fn cache_id<'b>(&'b self, cache: &Cache, key: &'b str) -> CacheId<'b> {
        CacheId {
            project: &self.assignment.project_path,
            protected: self.assignment.protected_ref && !cache.unprotect,
            key,
        }
    }

    pub(super) fn save_caches(
        &self,
        directories: &JobDirectories,
        environment: &Environment,
        success: bool,
    ) {
        let Some(store) = &self.config.cache else {
            return;
        };
        for cache in self
            .assignment
            .cache
            .iter()
            .filter(|c| c.policy != CachePolicy::Pull)
        {
            if !applies(cache.when, success) {
                continue;
            }
            let key = self.cache_key(cache, directories, environment);
            if let Err(why) = check_key(&key) {
                self.log()
                    .warning(&format!("{why}; the cache is not saved"));
                continue;
            }
            let paths: Vec<String> = cache.paths.iter().map(|p| environment.expand(p)).collect();
            let untracked = if cache.untracked {
                self.untracked(directories, environment)
            } else {
                Vec::new()
            };
            let found = collect::find(&directories.project, &paths, &[], &untracked);
            for warning in &found.warnings {
                self.log().warning(warning);
            }
            if found.files.is_empty() {
                continue;
            }
            match store.save(
                &self.cache_id(cache, &key),
                &directories.project,
                &found.files,
                &|| self.check().is_ok(),
            ) {
                Ok(size) => self
                    .log()
                    .line(&format!("Cache {key}: saved, {}", Size(size))),
                Err(error) => self
                    .log()
                    .warning(&format!("cache {key} was not saved: {error}")),
            }
        }
    }

    pub(super) fn keep_artifacts(
        &mut self,
        directories: &JobDirectories,
        environment: &Environment,
        success: bool,
    ) -> Result<(), StepError> {
        let Some(artifacts) = &self.assignment.artifacts else {
            return Ok(());
        };
        let reports = self.keep_reports(artifacts, directories, environment);
        let wanted = !artifacts.paths.is_empty() || artifacts.untracked;
        if wanted && applies(artifacts.when, success) {
            self.keep_archive(artifacts, directories, environment)?;
        }
        reports
    }

    fn keep_archive(
        &mut self,
        artifacts: &Artifacts,
        directories: &JobDirectories,
        environment: &Environment,
    ) -> Result<(), StepError> {
        let expand = |list: &[String]| -> Vec<String> {
            list.iter().map(|p| environment.expand(p)).collect()
        };
        let untracked = if artifacts.untracked {
            self.untracked(directories, environment)
        } else {
            Vec::new()
        };
        let found = collect::find(
            &directories.project,
            &expand(&artifacts.paths),
            &expand(&artifacts.exclude),
            &untracked,
        );
        for warning in &found.warnings {
            self.log().warning(warning);
        }
        if found.refused {
            self.notes.push("artifact_refused".to_owned());
        }
        if found.files.is_empty() {
            self.log()
                .warning("no files for the artifact archive, none is kept");
            return Ok(());
        }
        let limit = self.artifact_bytes();
        let target = self.config.output_dir.join("artifacts.zip");
        let packing = Packing {
            go_on: &|| self.check().is_ok(),
            ..Packing::within(limit)
        };
        let packed = archive::pack(&directories.project, &found.files, &target, &packing);
        let packed = packed.map_err(|error| {
            let reason = match error {
                PackError::TooLarge { .. } | PackError::TooManyEntries(_) | PackError::Ratio => {
                    FailureReason::ResourceLimitExceeded
                }
                _ => FailureReason::RunnerSystemFailure,
            };
            StepError {
                reason,
                message: format!("the artifacts cannot be kept: {error}"),
            }
        })?;
        self.log().line(&format!(
            "Artifacts: {} entries, {}, sha256 {}",
            packed.entries.len(),
            Size(packed.size),
            packed.sha256
        ));
        let name = artifacts
            .name
            .as_deref()
            .map(|n| environment.expand(n))
            .unwrap_or_default();
        let name = if name.is_empty() { "artifacts" } else { &name }.replace('/', "_");
        self.files.push(outcome_file(
            "archive",
            format!("{name}.zip"),
            &target,
            packed.sha256,
            packed.size,
        ));
        self.keep_manifest(&packed.entries)
    }

    fn keep_manifest(&mut self, entries: &[ManifestEntry]) -> Result<(), StepError> {
        let path = self.config.output_dir.join("manifest.json");
        let lost = |e: io::Error| StepError::system(format!("{}: {e}", path.display()));
        let text = serde_json::to_vec(entries).map_err(|e| lost(e.into()))?;
        fs::write(&path, text).map_err(lost)?;
        let (sha256, size) = archive::digest(&path).map_err(lost)?;
        self.files.push(outcome_file(
            "manifest",
            "manifest.json".to_owned(),
            &path,
            sha256,
            size,
        ));
        Ok(())
    }

    fn keep_reports(
        &mut self,
        artifacts: &Artifacts,
        directories: &JobDirectories,
        environment: &Environment,
    ) -> Result<(), StepError> {
        let reports = &artifacts.reports;
        let mut wanted: Vec<(&str, Vec<String>)> = vec![
            ("junit", reports.junit.clone()),
            ("dotenv", reports.dotenv.clone()),
        ];
        if let Some(coverage) = &reports.coverage {
            wanted.push((&coverage.format, vec![coverage.path.clone()]));
        }
        let mut result = Ok(());
        for (kind, paths) in wanted.into_iter().filter(|(_, p)| !p.is_empty()) {
            let paths: Vec<String> = paths.iter().map(|p| environment.expand(p)).collect();
            let found = collect::find(&directories.project, &paths, &[], &[]);
            for warning in &found.warnings {
                self.log().warning(&format!("{kind} report: {warning}"));
            }
            for path in found.files {
                let kept = self.keep_report(kind, &directories.project, &path);
                result = result.and(kept);
            }
        }
        result
    }

    fn keep_report(&mut self, kind: &str, project: &Path, path: &Path) -> Result<(), StepError> {
        let source = project.join(path);
        let told =
            |e: io::Error| StepError::system(format!("{kind} report {}: {e}", path.display()));
        let meta = fs::metadata(&source).map_err(told)?;
        if !meta.is_file() {
            return Ok(());
        }
        if meta.len() > self.artifact_bytes() {
            return Err(StepError {
                reason: FailureReason::ResourceLimitExceeded,
                message: format!(
                    "{kind} report {} has {}, the limit is {}",
                    path.display(),
                    Size(meta.len()),
                    Size(self.artifact_bytes())
                ),
            });
        }
        if kind == "dotenv" {
            let variables =
                dotenv::parse(&fs::read(&source).map_err(told)?).map_err(|e| StepError {
                    reason: FailureReason::InvalidDotenv,
                    message: format!("dotenv report {}: {e}", path.display()),
                })?;
            for variable in variables {
                self.dotenv.retain(|v| v.key != variable.key);
                self.dotenv.push(variable);
            }
        }
        let target = self
            .config
            .output_dir
            .join(format!("report-{}", self.files.len()));
        fs::copy(&source, &target).map_err(told)?;
        let (sha256, size) = archive::digest(&target).map_err(told)?;
        self.log()
            .line(&format!("{kind} report {}: {}", path.display(), Size(size)));
        let name = path.to_string_lossy().into_owned();
        self.files
            .push(outcome_file(kind, name, &target, sha256, size));
        Ok(())
    }

    fn artifact_bytes(&self) -> u64 {
        self.assignment
            .limits
            .artifact_bytes
            .unwrap_or(DEFAULT_ARTIFACT_BYTES)
    }

    /// Files git does not track, ignored ones included.
    fn untracked(&self, directories: &JobDirectories, environment: &Environment) -> Vec<PathBuf> {
        match self.git(&["ls-files", "--others", "-z"], directories, environment) {
            Ok(output) => output
                .split(|b| *b == 0)
                .filter(|name| !name.is_empty())
                .filter_map(|name| std::str::from_utf8(name).ok())
                .map(PathBuf::from)
                .collect(),
            Err(error) => {
                self.log()
                    .warning(&format!("untracked files are not known: {error}"));
                Vec::new()
            }
        }
    }

    /// The key with variables expanded, or the hash of its files; `default` when there are none.
    fn cache_key(
        &self,
        cache: &Cache,
        directories: &JobDirectories,
        environment: &Environment,
    ) -> String {
        let (files, prefix, by_commits) = match &cache.key {
            CacheKey::Text(text) => return environment.expand(text),
            CacheKey::Files {
                files,
                prefix,
                by_commits,
            } => (files, prefix, *by_commits),
        };
        let files: Vec<String> = files.iter().map(|f| environment.expand(f)).collect();
        let found = collect::find(&directories.project, &files, &[], &[]).files;
        let mut hash = Sha256::new();
        if by_commits {
            let mut arguments = vec!["log", "-1", "--format=%H", "--"];
            arguments.extend(files.iter().map(String::as_str));
            let commit = self.git(&arguments, directories, environment);
            hash.update(commit.unwrap_or_default());
        } else {
            for path in &found {
                hash.update(path.to_string_lossy().as_bytes());
                hash.update([0]);
                hash.update(fs::read(directories.project.join(path)).unwrap_or_default());
            }
        }
        let key = if found.is_empty() {
            "default".to_owned()
        } else {
            hex::encode(&hash.finalize()[..20])
        };
        match prefix {
            Some(prefix) => format!("{}-{key}", environment.expand(prefix)),
            None => key,
        }
    }

    /// What a git command prints. The job may have written the repository's configuration, which
    /// can name programs: git runs where the job runs, as the job's user.
    fn git(
        &self,
        arguments: &[&str],
        directories: &JobDirectories,
        environment: &Environment,
    ) -> io::Result<Vec<u8>> {
        let program = Program {
            words: std::iter::once(&"git")
                .chain(arguments)
                .map(|word| (*word).into())
                .collect(),
            directory: directories.project.clone(),
            environment: sources::git_environment("", environment),
            run_as: self.config.run_as,
            own_session: false,
            with_errors: false,
        };
        let (code, output) = self.launcher.output(&program)?;
        if code != 0 {
            return Err(io::Error::other(format!("git ended with status {code}")));
        }
        Ok(output)
    }
}

fn outcome_file(kind: &str, name: String, path: &Path, sha256: String, size: u64) -> OutcomeFile {
    let path = path.to_string_lossy().into_owned();
    OutcomeFile {
        kind: kind.to_owned(),
        name,
        path,
        sha256,
        size,
    }
}

fn applies(when: ArtifactsWhen, success: bool) -> bool {
    match when {
        ArtifactsWhen::OnSuccess => success,
        ArtifactsWhen::OnFailure => !success,
        ArtifactsWhen::Always => true,
    }
}

/// Gives a tree to a user, links themselves included and not followed.
pub(super) fn own_tree(root: &Path, user: RunAs) -> io::Result<()> {
    let mut queue = vec![root.to_path_buf()];
    while let Some(path) = queue.pop() {
        let Ok(meta) = fs::symlink_metadata(&path) else {
            continue;
        };
        std::os::unix::fs::lchown(&path, Some(user.uid), Some(user.gid))?;
        if meta.is_dir() {
            queue.extend(fs::read_dir(&path)?.flatten().map(|e| e.path()));
        }
    }
    Ok(())
}
