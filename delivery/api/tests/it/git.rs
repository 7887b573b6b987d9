//! Git's requests: who may, and refusals that git can show.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use rialto_platform_identity::Role;

use crate::world::{Answer, PIPELINE, World};

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("anybody:{password}")))
}

async fn refs(world: &World, password: Option<&str>, query: &str) -> Answer {
    let mut request = Request::get(format!("/git/a/b.git/info/refs{query}"));
    if let Some(password) = password {
        request = request.header(AUTHORIZATION, basic(password));
    }
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_token_as_password_reads_and_pushes_by_its_owners_rights() {
    for world in World::on_each_engine().await {
        let dev = world.token("dev", &[Role::Developer]).await;
        let auditor = world.token("auditor", &[Role::Auditor]).await;
        world.project(&dev, "a/b", PIPELINE).await;
        let (read, write) = ("?service=git-upload-pack", "?service=git-receive-pack");
        let answer = refs(&world, Some(&dev), read).await;
        assert_eq!(
            answer.header("content-type"),
            "application/x-git-upload-pack-advertisement"
        );
        assert!(
            answer.text().contains("refs/heads/main"),
            "{}",
            answer.text()
        );
        assert_eq!(refs(&world, Some(&auditor), read).await.status, 200);
        assert_eq!(refs(&world, Some(&dev), write).await.status, 200);
        let denied = refs(&world, Some(&auditor), write).await;
        assert_eq!(denied.status, 403);
        assert!(
            denied.text().contains("delivery.code.push"),
            "{}",
            denied.text()
        );
        assert!(denied.header("content-type").starts_with("text/plain"));
    }
}

#[tokio::test]
async fn without_a_token_git_is_asked_for_one() {
    for world in World::on_each_engine().await {
        let dev = world.token("dev", &[Role::Developer]).await;
        world.project(&dev, "a/b", PIPELINE).await;
        let read = "?service=git-upload-pack";
        for password in [None, Some("password"), Some("rlj_x_y"), Some("")] {
            let answer = refs(&world, password, read).await;
            assert_eq!(answer.status, 401, "{password:?}");
            assert_eq!(answer.header("www-authenticate"), "Basic realm=\"rialto\"");
        }
        assert_eq!(
            refs(&world, Some(&dev), "").await.status,
            403,
            "the dumb protocol"
        );
    }
}

#[tokio::test]
async fn unknown_repositories_and_bodies_are_refused() {
    for world in World::on_each_engine().await {
        let dev = world.token("dev", &[Role::Developer]).await;
        world.project(&dev, "a/b", PIPELINE).await;
        for path in ["/git/a/c.git", "/git/a/..", "/git/%2e%2e/b.git"] {
            let request = Request::get(format!("{path}/info/refs?service=git-upload-pack"))
                .header(AUTHORIZATION, basic(&dev));
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        }
        let post = |kind: &'static str, encoding: &'static str| {
            let request = Request::post("/git/a/b.git/git-upload-pack")
                .header(AUTHORIZATION, basic(&dev))
                .header(CONTENT_TYPE, kind)
                .header("content-encoding", encoding);
            world.send(request.body(Body::empty()).unwrap())
        };
        assert_eq!(post("text/plain", "gzip").await.status, 415);
        assert_eq!(
            post("application/x-git-upload-pack-request", "br")
                .await
                .status,
            415
        );
    }
}

#[tokio::test]
async fn a_body_that_is_not_git_s_is_told_so_and_never_answered_with_nothing() {
    for world in World::on_each_engine().await {
        let dev = world.token("dev", &[Role::Developer]).await;
        world.project(&dev, "a/b", PIPELINE).await;
        for service in ["git-upload-pack", "git-receive-pack"] {
            let post = |body: &'static [u8], encoding: &'static str| {
                let request = Request::post(format!("/git/a/b.git/{service}"))
                    .header(AUTHORIZATION, basic(&dev))
                    .header(CONTENT_TYPE, format!("application/x-{service}-request"))
                    .header("content-encoding", encoding);
                world.send(request.body(Body::from(body)).unwrap())
            };
            for (body, encoding) in [
                (b"garbage that is no packet".as_slice(), "identity"),
                (b"\xff\xfe\x00\x01", "identity"),
                (b"0009cut", "identity"),
                (b"not gzip at all", "gzip"),
            ] {
                let answer = post(body, encoding).await;
                let text = answer.text();
                assert_eq!(answer.status, 400, "{service} {body:?}: {text}");
                assert!(text.contains("this is no request of git"), "{text}");
            }
            // What git sends to see whether it is let in: a flush packet and nothing else.
            assert_eq!(post(b"0000", "identity").await.status, 200, "{service}");
        }
    }
}
