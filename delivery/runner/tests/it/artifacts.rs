//! Artifacts, reports and caches between jobs.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use rialto_delivery_pipeline::plan::{
    Artifacts, ArtifactsWhen, Cache, CacheKey, CachePolicy, CoverageReport, Reports,
};
use rialto_delivery_run::assignment::{ArtifactSource, JobOutcome, JobResult, Limits};
use rialto_delivery_run::state::FailureReason;
use rialto_delivery_runner::archive::{self, UnpackError};
use zip::write::SimpleFileOptions;

use crate::world::{World, failed};

fn artifacts(paths: &[&str]) -> Artifacts {
    Artifacts {
        paths: paths.iter().map(|p| (*p).to_owned()).collect(),
        ..Artifacts::default()
    }
}

fn source(outcome: &JobOutcome) -> ArtifactSource {
    let file = outcome
        .files
        .iter()
        .find(|f| f.kind == "archive")
        .expect("an archive");
    ArtifactSource {
        job_name: "build".to_owned(),
        location: file.path.clone(),
        sha256: file.sha256.clone(),
        size: file.size,
    }
}

#[test]
fn artifacts_travel_from_job_to_job() {
    let mut build = World::new(&[
        "mkdir -p out/bin out/empty; echo '#!/bin/sh' > out/bin/tool; chmod 755 out/bin/tool",
        "ln -s bin/tool out/link; echo skip > out/skip.tmp; touch -d @1700000000 out/bin/tool",
    ]);
    build.assignment.artifacts = Some(Artifacts {
        name: Some("build-$WHICH".to_owned()),
        exclude: vec!["**/*.tmp".to_owned()],
        ..artifacts(&["out/"])
    });
    build.variable("WHICH", "7");
    let outcome = build.run();
    assert_eq!(outcome.result, JobResult::Success, "{}", build.log.text());
    assert_eq!(outcome.files[0].name, "build-7.zip");
    let manifest: Vec<archive::ManifestEntry> =
        serde_json::from_slice(&fs::read(&outcome.files[1].path).unwrap()).unwrap();
    let names: Vec<&str> = manifest.iter().map(|e| e.path.as_str()).collect();
    assert_eq!(names, ["out/bin/tool", "out/empty/", "out/link"]);
    assert_eq!((manifest[0].mode, manifest[0].size), (0o755, 10));

    let mut test =
        World::new(&["find out | sort; readlink out/link; stat -c '%a %Y' out/bin/tool"]);
    test.assignment.dependencies = vec![source(&outcome)];
    assert_eq!(test.run().result, JobResult::Success, "{}", test.log.text());
    assert_eq!(
        test.lines(),
        [
            "out",
            "out/bin",
            "out/bin/tool",
            "out/empty",
            "out/link",
            "bin/tool",
            "755 1700000000"
        ]
    );
}

#[test]
fn artifacts_follow_when() {
    for (when, exit, kept) in [
        (ArtifactsWhen::OnSuccess, 0, true),
        (ArtifactsWhen::OnSuccess, 1, false),
        (ArtifactsWhen::OnFailure, 0, false),
        (ArtifactsWhen::OnFailure, 1, true),
        (ArtifactsWhen::Always, 1, true),
    ] {
        let mut world = World::new(&["echo x > a", &format!("exit {exit}")]);
        world.assignment.artifacts = Some(Artifacts {
            when,
            ..artifacts(&["a"])
        });
        assert_eq!(!world.run().files.is_empty(), kept, "{when:?} {exit}");
    }
}

#[test]
fn no_match_is_a_warning() {
    let mut world = World::new(&["true"]);
    world.assignment.artifacts = Some(artifacts(&["nothing/*"]));
    let outcome = world.run();
    assert_eq!(outcome.result, JobResult::Success);
    assert!(outcome.files.is_empty());
    assert!(
        world
            .log
            .text()
            .contains("WARNING: nothing/*: no matching files")
    );
}

#[test]
fn an_archive_over_the_limit_fails_the_job() {
    let mut world = World::new(&["head -c 300000 /dev/urandom > big"]);
    world.assignment.artifacts = Some(artifacts(&["big"]));
    world.limits(Limits {
        artifact_bytes: Some(100_000),
        ..Limits::default()
    });
    let message = failed(&world.run(), FailureReason::ResourceLimitExceeded);
    assert!(message.contains("larger than 100000 bytes"), "{message}");
    assert!(!world.dir.path().join("out/artifacts.zip").exists());
}

#[test]
fn links_out_of_the_tree_and_devices_are_not_kept() {
    let mut world = World::new(&["ln -s /etc/passwd out; mkfifo pipe; echo x > ok"]);
    world.assignment.artifacts = Some(artifacts(&["*"]));
    let outcome = world.run();
    assert_eq!(outcome.result, JobResult::Success);
    assert!(outcome.notes.contains(&"artifact_refused".to_owned()));
    assert!(world.log.text().contains("out: a link to an absolute path"));
}

#[test]
fn altered_artifacts_are_refused() {
    let mut build = World::new(&["echo x > a"]);
    build.assignment.artifacts = Some(artifacts(&["a"]));
    let mut dependency = source(&build.run());
    dependency.sha256 = "0".repeat(64);
    let mut test = World::new(&["touch ran"]);
    test.assignment.dependencies = vec![dependency];
    let message = failed(&test.run(), FailureReason::DataIntegrityFailure);
    assert!(message.contains("SHA-256"), "{message}");
    assert!(!test.project().join("ran").exists());
}

#[test]
fn missing_artifacts_are_a_missing_dependency() {
    let mut world = World::new(&["true"]);
    world.assignment.dependencies = vec![ArtifactSource {
        job_name: "build".to_owned(),
        location: "/nowhere/artifacts.zip".to_owned(),
        sha256: "0".repeat(64),
        size: 1,
    }];
    let message = failed(&world.run(), FailureReason::MissingDependency);
    assert!(message.contains("job build"), "{message}");
}

fn hostile(make: impl FnOnce(&mut zip::ZipWriter<File>)) -> (tempfile::TempDir, UnpackError) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.zip");
    let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
    make(&mut zip);
    zip.finish().unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    let error = archive::unpack(&path, &root, None, 1 << 40).unwrap_err();
    (dir, error)
}

fn add(zip: &mut zip::ZipWriter<File>, name: &str, content: &[u8]) {
    zip.start_file(name, SimpleFileOptions::default()).unwrap();
    zip.write_all(content).unwrap();
}

#[test]
fn archives_that_climb_out_are_refused() {
    for name in ["../escaped", "a/../../escaped", "/tmp/escaped-absolute"] {
        let (dir, error) = hostile(|zip| add(zip, name, b"x"));
        let text = error.to_string();
        assert!(text.contains("escaped"), "{text}");
        assert!(!dir.path().join("escaped").exists());
        assert!(!Path::new("/tmp/escaped-absolute").exists());
    }
}

#[test]
fn links_that_leave_the_tree_are_refused() {
    for target in ["/etc", "..", "a/../../..", "../../etc"] {
        let (dir, error) = hostile(|zip| {
            zip.add_symlink("link", target, SimpleFileOptions::default())
                .unwrap();
        });
        assert!(error.to_string().contains("link"), "{error}");
        assert!(fs::symlink_metadata(dir.path().join("root/link")).is_err());
    }
}

#[test]
fn writing_through_a_link_that_was_there_before_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
    fs::create_dir(&root).unwrap();
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
    let path = dir.path().join("a.zip");
    let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
    add(&mut zip, "link/planted", b"x");
    zip.finish().unwrap();
    let error = archive::unpack(&path, &root, None, 1 << 40).unwrap_err();
    assert!(
        error.to_string().contains("leads out of the working tree"),
        "{error}"
    );
    assert!(!outside.join("planted").exists());
}

#[test]
fn a_file_replaces_a_link_instead_of_following_it() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    let outside = dir.path().join("outside");
    fs::write(&outside, "untouched").unwrap();
    std::os::unix::fs::symlink(&outside, root.join("f")).unwrap();
    let path = dir.path().join("a.zip");
    let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
    add(&mut zip, "f", b"new");
    zip.finish().unwrap();
    archive::unpack(&path, &root, None, 1 << 40).unwrap();
    assert_eq!(fs::read_to_string(&outside).unwrap(), "untouched");
    assert_eq!(fs::read_to_string(root.join("f")).unwrap(), "new");
}

#[test]
fn a_zip_bomb_is_stopped_early() {
    let (dir, error) = hostile(|zip| {
        zip.start_file("bomb", SimpleFileOptions::default())
            .unwrap();
        let zeros = vec![0_u8; 1 << 20];
        for _ in 0..64 {
            zip.write_all(&zeros).unwrap();
        }
    });
    assert!(matches!(error, UnpackError::Ratio { .. }), "{error}");
    let size = fs::metadata(dir.path().join("root/bomb")).map_or(0, |m| m.len());
    assert!(size < 20 << 20, "{size}");
}

#[test]
fn what_is_no_zip_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.zip"), "not a zip").unwrap();
    let error = archive::unpack(&dir.path().join("a.zip"), dir.path(), None, 1 << 40).unwrap_err();
    assert!(
        error.to_string().starts_with("not a readable zip"),
        "{error}"
    );
}

#[test]
fn reports_are_kept_whatever_the_result() {
    let mut world = World::new(&[
        "mkdir r; echo '<testsuite/>' > r/a.xml; echo '<testsuite/>' > r/b.xml",
        "echo 'SF:a' > lcov.info; echo 'VERSION=1.2' > build.env",
        "exit 1",
    ]);
    world.assignment.artifacts = Some(Artifacts {
        reports: Reports {
            junit: vec!["r/*.xml".to_owned()],
            coverage: Some(CoverageReport {
                format: "lcov".to_owned(),
                path: "lcov.info".to_owned(),
            }),
            dotenv: vec!["build.env".to_owned()],
        },
        ..Artifacts::default()
    });
    let outcome = world.run();
    failed(&outcome, FailureReason::ScriptFailure);
    let kinds: Vec<(&str, &str)> = outcome
        .files
        .iter()
        .map(|f| (f.kind.as_str(), f.name.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("junit", "r/a.xml"),
            ("junit", "r/b.xml"),
            ("dotenv", "build.env"),
            ("lcov", "lcov.info")
        ]
    );
    assert_eq!(outcome.dotenv[0].key, "VERSION");
    assert_eq!(
        archive::digest(Path::new(&outcome.files[0].path))
            .unwrap()
            .0,
        outcome.files[0].sha256
    );
}

#[test]
fn a_malformed_dotenv_fails_the_job_with_its_line() {
    let mut world = World::new(&["printf 'A=1\\n# comment\\n' > build.env"]);
    world.assignment.artifacts = Some(Artifacts {
        reports: Reports {
            dotenv: vec!["build.env".to_owned()],
            ..Reports::default()
        },
        ..Artifacts::default()
    });
    let message = failed(&world.run(), FailureReason::InvalidDotenv);
    assert!(
        message.contains("build.env: line 2: a comment"),
        "{message}"
    );
}

fn cache(key: CacheKey) -> Cache {
    Cache {
        key,
        paths: vec!["deps".to_owned()],
        untracked: false,
        unprotect: false,
        policy: CachePolicy::PullPush,
        when: ArtifactsWhen::OnSuccess,
        fallback_keys: Vec::new(),
    }
}

fn empty_project(world: &World) {
    fs::remove_dir_all(world.project()).unwrap();
    fs::create_dir(world.project()).unwrap();
}

#[test]
fn a_cache_is_found_by_the_next_job() {
    let mut world = World::new(&["cat deps/x || { mkdir deps; echo filled > deps/x; }"]);
    world.assignment.cache = vec![cache(CacheKey::Text("$BRANCH".to_owned()))];
    world.variable("BRANCH", "main");
    world.run();
    empty_project(&world);
    world.log.0.lock().unwrap().clear();
    world.run();
    assert_eq!(world.lines(), ["filled"], "{}", world.log.text());
}

#[test]
fn a_cache_by_files_changes_with_them_and_falls_back() {
    let mut world = World::new(&["cat deps/x || true; mkdir -p deps; cat lock > deps/x"]);
    let key = CacheKey::Files {
        files: vec!["lock".to_owned()],
        prefix: Some("p".into()),
        by_commits: false,
    };
    world.assignment.cache = vec![cache(key)];
    let run = |world: &World, lock: &str| {
        empty_project(world);
        fs::write(world.project().join("lock"), lock).unwrap();
        world.log.0.lock().unwrap().clear();
        assert_eq!(world.run().result, JobResult::Success);
        world.lines()
    };
    assert!(run(&world, "one")[0].contains("No such file"));
    assert_eq!(run(&world, "one"), ["one"]);
    assert!(run(&world, "two")[0].contains("No such file"));
    world.assignment.cache[0].key = CacheKey::Text("base".to_owned());
    run(&world, "base");
    world.assignment.cache[0].key = CacheKey::Text("feature".to_owned());
    world.assignment.cache[0].fallback_keys = vec!["base".to_owned()];
    assert_eq!(run(&world, "three"), ["base"]);
}

#[test]
fn cache_policies_are_directions() {
    let mut world = World::new(&["ls deps 2>/dev/null || true; mkdir -p deps; touch deps/x"]);
    world.assignment.cache = vec![cache(CacheKey::Text("k".to_owned()))];
    world.assignment.cache[0].policy = CachePolicy::Pull;
    world.run();
    empty_project(&world);
    world.assignment.cache[0].policy = CachePolicy::Push;
    world.log.0.lock().unwrap().clear();
    world.run();
    assert!(
        world.lines().is_empty(),
        "a pull-only cache was saved or a push-only one restored"
    );
    empty_project(&world);
    world.assignment.cache[0].policy = CachePolicy::Pull;
    world.log.0.lock().unwrap().clear();
    world.run();
    assert_eq!(world.lines(), ["x"]);
}

#[test]
fn a_bad_cache_key_never_fails_the_job() {
    let mut world = World::new(&["mkdir deps; touch deps/x"]);
    world.assignment.cache = vec![cache(CacheKey::Text("a/b".to_owned()))];
    assert_eq!(world.run().result, JobResult::Success);
    assert!(world.log.text().contains("cache key \"a/b\" holds a `/`"));
}
