//! Pushes of a real git client.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path as UrlPath, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures::StreamExt as _;
use rialto_delivery_engine::Push;
use rialto_delivery_git::Service;
use rialto_delivery_run::state::Status;
use rialto_platform_identity::{Actor, Role};

use crate::world::{World, developer, person};

struct Host {
    delivery: rialto_delivery_engine::Delivery,
    actor: Actor,
}

async fn info(
    State(host): State<Arc<Host>>,
    UrlPath((space, name)): UrlPath<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let service = query.unwrap_or_default();
    let service = Service::parse(service.trim_start_matches("service=")).unwrap();
    let path = format!("{space}/{}", name.trim_end_matches(".git"));
    let protocol = headers
        .get("git-protocol")
        .map(|v| v.to_str().unwrap().to_owned());
    let bytes = host
        .delivery
        .advertise_refs(&path, service, protocol.as_deref())
        .await
        .unwrap();
    ([("content-type", service.advertisement_type())], bytes).into_response()
}

async fn serve(
    State(host): State<Arc<Host>>,
    UrlPath((space, name, service)): UrlPath<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let service = Service::parse(&service).unwrap();
    let request = Push {
        project_path: format!("{space}/{}", name.trim_end_matches(".git")),
        service,
        protocol: headers
            .get("git-protocol")
            .map(|v| v.to_str().unwrap().to_owned()),
        gzip: headers.get("content-encoding").is_some_and(|v| v == "gzip"),
        body: Box::pin(
            body.into_data_stream()
                .map(|chunk| chunk.map_err(std::io::Error::other)),
        ),
    };
    let answer = match service {
        Service::UploadPack => host.delivery.fetch(request).await,
        Service::ReceivePack => host.delivery.push(&host.actor, request).await,
    };
    let Ok(mut answer) = answer else {
        return axum::http::StatusCode::FORBIDDEN.into_response();
    };
    let stream = futures::stream::poll_fn(move |context| answer.poll_recv(context));
    (
        [("content-type", service.result_type())],
        Body::from_stream(stream),
    )
        .into_response()
}

/// Serves a world's repositories as this actor; the URL of its project.
async fn host(world: &World, actor: Actor) -> String {
    let state = Arc::new(Host {
        delivery: world.delivery.clone(),
        actor,
    });
    let router = axum::Router::new()
        .route("/git/{space}/{name}/info/refs", get(info))
        .route("/git/{space}/{name}/{service}", post(serve))
        .with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}/git/sample/quote.git")
}

async fn git(folder: &Path, arguments: &[&str]) -> Output {
    tokio::process::Command::new("git")
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
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

async fn clone(world: &World, url: &str) -> std::path::PathBuf {
    let folder = world.folder();
    good(&folder, &["clone", "-q", url, "clone"]).await;
    folder.join("clone")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_push_makes_its_pipeline_before_it_returns() {
    for world in World::all().await {
        world.configure("job: {script: [x]}\n").await;
        world.pass().await;
        let lin = developer();
        let clone = clone(&world, &host(&world, lin.clone()).await).await;
        std::fs::write(clone.join("a.txt"), "x").unwrap();
        good(&clone, &["add", "."]).await;
        good(&clone, &["commit", "-q", "-m", "by hand"]).await;
        let started = std::time::Instant::now();
        good(&clone, &["push", "-q", "origin", "HEAD:main"]).await;
        println!("push with pipeline: {:?}", started.elapsed());
        let pipeline = world.newest().await.summary;
        assert_eq!((pipeline.no, pipeline.title.as_str()), (2, "by hand"));
        assert_eq!(pipeline.trigger_user.as_deref(), Some(lin.name.as_str()));
        let work = world.take().await.unwrap();
        assert_eq!(work.value("GITLAB_USER_LOGIN"), Some("lin"));
        assert_ne!(
            work.value("CI_COMMIT_BEFORE_SHA"),
            Some("0".repeat(40).as_str())
        );
        world.pass_work(&work).await;
        let option = "ci.skip";
        good(&clone, &["commit", "-q", "--allow-empty", "-m", "quiet"]).await;
        good(&clone, &["push", "-q", "-o", option, "origin", "HEAD:main"]).await;
        assert_eq!(world.newest().await.summary.status, Status::Skipped);
        assert_eq!(world.count().await, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_push_to_main_is_refused_and_makes_nothing() {
    for world in World::all().await {
        world.configure("job: {script: [x]}\n").await;
        let clone = clone(&world, &host(&world, developer()).await).await;
        good(&clone, &["commit", "-q", "--amend", "-m", "rewritten"]).await;
        let out = git(&clone, &["push", "--force", "origin", "HEAD:main"]).await;
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(
            !out.status.success() && said.contains("may not be rewritten"),
            "{said}"
        );
        world.delivery.take_pushes(&world.project).await.unwrap();
        assert_eq!(world.count().await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_push_is_turned_away() {
    for world in World::all().await {
        world.configure("job: {script: [x]}\n").await;
        let auditor = person("aud", &[Role::Auditor]);
        let clone = clone(&world, &host(&world, auditor).await).await;
        good(&clone, &["commit", "-q", "--allow-empty", "-m", "x"]).await;
        let out = git(&clone, &["push", "origin", "HEAD:main"]).await;
        assert!(!out.status.success());
        assert_eq!(world.count().await, 1);
    }
}
