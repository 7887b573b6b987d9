//! Pushes and fetches by a real git client over a bare-bones HTTP server.

use std::path::Path;
use std::process::Output;

use bytes::Bytes;
use rialto_delivery_git::hook::{PushPolicy, read_receipts};
use rialto_delivery_git::{GitSettings, Repository, Service};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::world::World;

/// Serves one repository on loopback, connection by connection, just enough HTTP for git.
async fn serve(repository: Repository, policy: PushPolicy) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, repository.clone(), policy.clone()));
        }
    });
    format!("http://{address}/r.git")
}

async fn answer(stream: TcpStream, repository: Repository, policy: PushPolicy) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await.unwrap() == 0 {
            return;
        }
        if line.trim_end().is_empty() {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        head.iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let target = head[0].split(' ').nth(1).unwrap().to_owned();
    let protocol = header("git-protocol");
    if header("expect").is_some() {
        reader
            .get_mut()
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
            .await
            .unwrap();
    }
    let mut answer = Vec::new();
    let kind;
    if let Some((_, service)) = target.split_once("service=") {
        let service = Service::parse(service).unwrap();
        kind = service.advertisement_type();
        answer = repository
            .advertise(service, protocol.as_deref())
            .await
            .unwrap();
    } else {
        let body = read_body(&mut reader, &header).await;
        let service = Service::parse(target.rsplit('/').next().unwrap()).unwrap();
        kind = service.result_type();
        let gzip = header("content-encoding").is_some_and(|v| v == "gzip");
        let body = futures::stream::iter(
            body.chunks(1000)
                .map(|c| Ok(Bytes::copy_from_slice(c)))
                .collect::<Vec<_>>(),
        );
        let mut exchange = repository
            .exchange(service, protocol.as_deref(), gzip, Some(&policy), body)
            .unwrap();
        while let Some(chunk) = exchange.output.recv().await {
            answer.extend_from_slice(&chunk.unwrap());
        }
        let _ = exchange.finished.await.unwrap();
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    let stream = reader.get_mut();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&answer).await.unwrap();
    let _ = stream.shutdown().await;
}

async fn read_body(
    reader: &mut BufReader<TcpStream>,
    header: &impl Fn(&str) -> Option<String>,
) -> Vec<u8> {
    let mut body = Vec::new();
    if let Some(length) = header("content-length") {
        body.resize(length.parse().unwrap(), 0);
        reader.read_exact(&mut body).await.unwrap();
        return body;
    }
    loop {
        let mut size = String::new();
        reader.read_line(&mut size).await.unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let start = body.len();
        body.resize(start + size + 2, 0);
        reader.read_exact(&mut body[start..]).await.unwrap();
        body.truncate(start + size);
        if size == 0 {
            return body;
        }
    }
}

async fn git(folder: &Path, arguments: &[&str]) -> Output {
    tokio::process::Command::new("git")
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .args(["-c", "user.name=Lin", "-c", "user.email=lin@example.test"])
        .args(arguments)
        .output()
        .await
        .unwrap()
}

async fn good(folder: &Path, arguments: &[&str]) {
    let out = git(folder, arguments).await;
    assert!(
        out.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
}

/// A clone with one commit of its own, not yet pushed.
async fn clone_with_commit(world: &World, url: &str) -> std::path::PathBuf {
    let clone = world.folder.path().join("clone");
    good(world.folder.path(), &["clone", "-q", url, "clone"]).await;
    std::fs::write(clone.join("new.txt"), "new\n").unwrap();
    good(&clone, &["add", "."]).await;
    good(&clone, &["commit", "-q", "-m", "new file"]).await;
    clone
}

#[tokio::test]
async fn a_clone_and_a_push_go_through_and_leave_a_receipt() {
    let world = World::new().await;
    let first = world.commit("main", "a.txt", "one\n").await;
    let url = serve(world.repository.clone(), world.policy()).await;
    let clone = clone_with_commit(&world, &url).await;
    good(
        &clone,
        &["push", "-q", "-o", "ci.skip", "origin", "HEAD:main"],
    )
    .await;

    let receipts = read_receipts(&world.repository.receipts_folder()).unwrap();
    assert_eq!(receipts.len(), 1);
    let receipt = &receipts[0].1;
    assert_eq!(receipt.pusher.login, "lin");
    assert_eq!(receipt.options, ["ci.skip"]);
    assert_eq!(receipt.changes[0].old, first);
    let head = world.repository.resolve("main").await.unwrap();
    assert_eq!(head.as_deref(), Some(receipt.changes[0].new.as_str()));
}

#[tokio::test]
async fn a_force_push_to_a_protected_branch_is_refused_in_words() {
    let world = World::new().await;
    let first = world.commit("main", "a.txt", "one\n").await;
    let url = serve(world.repository.clone(), world.policy()).await;
    let clone = clone_with_commit(&world, &url).await;
    good(&clone, &["commit", "-q", "--amend", "-m", "other root"]).await;
    good(&clone, &["checkout", "-q", "--orphan", "rewritten"]).await;
    good(&clone, &["commit", "-q", "-m", "rewritten"]).await;
    let out = git(&clone, &["push", "--force", "origin", "rewritten:main"]).await;
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success());
    assert!(said.contains("its history may not be rewritten"), "{said}");
    assert_eq!(world.repository.resolve("main").await.unwrap(), Some(first));
    let deletion = git(&clone, &["push", "origin", ":main"]).await;
    assert!(!deletion.status.success());
    assert!(
        read_receipts(&world.repository.receipts_folder())
            .unwrap()
            .is_empty()
    );
    good(&clone, &["push", "-q", "origin", "rewritten:topic"]).await;
}

/// Every file and folder under `folder`, in order.
fn files_of(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_of(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_pack_over_the_limit_is_refused_and_leaves_nothing() {
    let world = World::with(|s: &mut GitSettings| s.limits.push_bytes = 20_000).await;
    let first = world.commit("main", "a.txt", "one\n").await;
    let url = serve(world.repository.clone(), world.policy()).await;
    let clone = clone_with_commit(&world, &url).await;
    let mut noise = Vec::new();
    let mut state: u64 = 7;
    for _ in 0..40_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        noise.extend_from_slice(&state.to_be_bytes());
    }
    std::fs::write(clone.join("noise.bin"), noise).unwrap();
    good(&clone, &["add", "."]).await;
    good(&clone, &["commit", "-q", "-m", "noise"]).await;
    let before = files_of(&world.repository.path().join("objects"));
    let out = git(&clone, &["push", "origin", "HEAD:main"]).await;
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success());
    // Told in our words, through git's own `remote:` lines.
    for line in [
        "remote: push refused, nothing of it was stored: what it brings is larger than 20000 bytes",
        "remote: The limit is delivery.push_limit of the server's configuration",
        "remote: Large files do not belong into git",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(
        said.contains("git filter-repo --strip-blobs-bigger-than"),
        "{said}"
    );
    assert!(
        said.contains("unpack failed: the push is larger than 20000 bytes"),
        "{said}"
    );
    assert!(!said.contains("fatal"), "{said}");
    assert_eq!(world.repository.resolve("main").await.unwrap(), Some(first));
    let after = files_of(&world.repository.path().join("objects"));
    assert_eq!(after, before, "nothing of the push is left on the disk");
    let receipts = read_receipts(&world.repository.receipts_folder()).unwrap();
    assert!(receipts.is_empty());
    // What fits goes through afterwards.
    good(&clone, &["reset", "-q", "--hard", "HEAD~1"]).await;
    good(&clone, &["push", "-q", "origin", "HEAD:main"]).await;
}

#[tokio::test]
async fn a_large_fetch_request_arrives_compressed() {
    let world = World::new().await;
    for n in 0..3 {
        world.commit("main", &format!("{n}.txt"), "x\n").await;
    }
    let url = serve(world.repository.clone(), world.policy()).await;
    let clone = clone_with_commit(&world, &url).await;
    // Many local commits make the negotiation long enough for git to compress its request.
    for n in 0..60 {
        good(
            &clone,
            &["commit", "-q", "--allow-empty", "-m", &n.to_string()],
        )
        .await;
    }
    world.commit("main", "later.txt", "later\n").await;
    good(&clone, &["fetch", "-q", "origin"]).await;
    good(&clone, &["cat-file", "-e", "origin/main:later.txt"]).await;
}
