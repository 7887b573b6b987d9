use rialto_delivery_git::{GitError, RepositoryName};

use crate::world::World;

#[tokio::test]
async fn files_commits_and_refs_are_read_at_a_sha() {
    let world = World::new().await;
    let first = world.commit("main", "src/a.txt", "one\n").await;
    let second = world.commit("main", "src/b.txt", "two\n").await;
    let repository = &world.repository;

    let refs = repository.refs().await.unwrap();
    assert_eq!(refs.len(), 1);
    assert_eq!(
        (refs[0].name.as_str(), refs[0].sha.as_str()),
        ("refs/heads/main", &*second)
    );
    let commit = repository.commit(&second).await.unwrap();
    assert_eq!(commit.title(), "change src/b.txt");
    assert_eq!(commit.parents, std::slice::from_ref(&first));
    assert_eq!(commit.author_email, "lin@example.test");

    let read = |sha: String, path: &'static str| async move {
        repository.read_file(&sha, path, 100).await.unwrap()
    };
    assert_eq!(
        read(second.clone(), "src/b.txt").await.as_deref(),
        Some(&b"two\n"[..])
    );
    assert_eq!(read(first.clone(), "src/b.txt").await, None);
    assert_eq!(
        read(first.clone(), "src").await,
        None,
        "a folder is not a file"
    );
    let large = repository
        .read_file(&second, "src/b.txt", 2)
        .await
        .unwrap_err();
    assert!(matches!(large, GitError::TooLarge { .. }), "{large}");

    let snapshot = repository.snapshot(&second).unwrap();
    assert_eq!(
        snapshot.read("src/a.txt", 100).unwrap().as_deref(),
        Some(&b"one\n"[..])
    );
    assert_eq!(snapshot.read("src", 100).unwrap(), None);
    assert_eq!(snapshot.read("nothing here", 100).unwrap(), None);
    assert!(snapshot.read("src/a.txt", 1).is_err());
    assert_eq!(
        snapshot.read("src/b.txt", 100).unwrap().as_deref(),
        Some(&b"two\n"[..])
    );
    assert_eq!(snapshot.paths().unwrap(), ["src/a.txt", "src/b.txt"]);
    assert_eq!(snapshot.changed_paths(&first).unwrap(), ["src/b.txt"]);
}

#[tokio::test]
async fn history_and_differences_are_read_between_commits() {
    let world = World::new().await;
    let first = world.commit("main", "a.txt", "one\n").await;
    let second = world.commit("main", "a.txt", "one\ntwo\n").await;
    let other = world.commit("other", "c.txt", "x\n").await;
    let repository = &world.repository;

    let log = repository.log(Some(&first), "main", 10).await.unwrap();
    assert_eq!(
        log.iter().map(|c| c.sha.as_str()).collect::<Vec<_>>(),
        [second.as_str()]
    );
    assert!(repository.is_ancestor(&first, &second).await.unwrap());
    assert!(!repository.is_ancestor(&second, &first).await.unwrap());
    assert_eq!(
        repository.merge_base(&first, &second).await.unwrap(),
        Some(first.clone())
    );
    assert_eq!(repository.merge_base(&first, &other).await.unwrap(), None);
    let diff = repository
        .diff(Some(&first), &second, 1 << 20)
        .await
        .unwrap();
    let diff = String::from_utf8(diff).unwrap();
    assert!(
        diff.contains("@@ -1,0 +2 @@") && diff.contains("\n+two\n"),
        "{diff}"
    );
    let whole = repository.diff(None, &first, 1 << 20).await.unwrap();
    assert!(String::from_utf8(whole).unwrap().contains("+one"));
    assert_eq!(
        repository
            .changed_paths(Some(&first), &second)
            .await
            .unwrap(),
        ["a.txt"]
    );
    assert_eq!(repository.resolve("main").await.unwrap(), Some(second));
    assert_eq!(repository.resolve("absent").await.unwrap(), None);
    let missing = repository.commit(&"f".repeat(40)).await.unwrap_err();
    assert!(matches!(missing, GitError::NotFound { .. }), "{missing}");
}

#[tokio::test]
async fn an_unknown_repository_is_not_found() {
    let world = World::new().await;
    let settings = rialto_delivery_git::GitSettings::new(world.folder.path(), vec!["true".into()]);
    let git = rialto_delivery_git::Git::open(settings).await.unwrap();
    let name = RepositoryName::parse("sample/absent").unwrap();
    assert!(matches!(
        git.repository(&name),
        Err(GitError::NotFound { .. })
    ));
}

#[tokio::test]
async fn configuration_and_hooks_inside_the_repository_are_not_executed() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new().await;
    let hooks = world.repository.path().join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    let trap = world.folder.path().join("trap");
    let hook = hooks.join("reference-transaction");
    std::fs::write(&hook, format!("#!/bin/sh\ntouch {}\n", trap.display())).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    world.commit("main", "a.txt", "one\n").await;
    assert!(!trap.exists());
}
