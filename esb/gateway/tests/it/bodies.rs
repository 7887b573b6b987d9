use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyExt, StreamBody};
use hyper::Request;
use hyper::body::Frame;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use crate::world::{Backend, World};

const SIZE: u64 = 256 * 1024 * 1024;

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_stream_both_ways_in_bounded_memory() {
    let world = World::start().await;
    let blue = Backend::start("blue").await;
    let at = world.service(&blue, None, json!({})).await;
    let before = resident_bytes();

    let request = Request::get(format!("http://{at}/big?bytes={SIZE}"))
        .body(http_body_util::Full::default())
        .unwrap();
    let mut body = world.client.request(request).await.unwrap().into_body();
    let (mut read, mut most) = (0, 0);
    while let Some(frame) = body.frame().await {
        read += frame.unwrap().data_ref().map_or(0, |d| d.len() as u64);
        most = most.max(resident_bytes());
    }
    assert_eq!(read, SIZE);

    let piece = Bytes::from(vec![b'x'; 65_536]);
    let pieces = futures::stream::iter(0..SIZE / 65_536)
        .map(move |_| Ok::<_, std::convert::Infallible>(Frame::data(piece.clone())));
    let request = Request::put(format!("http://{at}/sink"))
        .body(StreamBody::new(pieces))
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.unwrap();
    let counted = response.collect().await.unwrap().to_bytes();
    assert_eq!(counted, SIZE.to_string());
    most = most.max(resident_bytes());
    let grown = most.saturating_sub(before);
    assert!(grown < 64 * 1024 * 1024, "memory grew by {grown} bytes");
}

#[tokio::test]
async fn a_version_that_dies_in_mid_answer_is_seen_as_a_cut_not_as_an_end() {
    let world = World::start().await;
    let blue = Backend::start("blue").await;
    let at = world.service(&blue, None, json!({})).await;
    let request = Request::get(format!("http://{at}/ticks"))
        .body(http_body_util::Full::default())
        .unwrap();
    let mut body = world.client.request(request).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    blue.kill().await;
    let cut = loop {
        match body.frame().await {
            Some(Ok(_)) => {}
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(cut, "a truncated answer must not look complete");
    world
        .until("counted", |s| {
            s.failed_requests == 1 && s.active.as_ref().unwrap().in_flight == 0
        })
        .await;
}
