//! Refused uploads over real sockets: the answer arrives, the connection is not reset.

use std::net::SocketAddr;
use std::time::Duration;

use rialto_platform_web::serve;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::world::World;

async fn served(world: &World) -> (SocketAddr, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stopping = CancellationToken::new();
    tokio::spawn(serve(listener, world.router.clone(), stopping.clone()));
    (address, stopping)
}

/// One answer: status line and body.
async fn answer(stream: &mut TcpStream) -> (String, String) {
    let mut text = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let all = String::from_utf8_lossy(&text).into_owned();
            if let Some((head, body)) = all.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|l| l.strip_prefix("content-length: ")?.parse::<usize>().ok());
                if body.len() >= length.unwrap_or(0) {
                    let line = head.lines().next().unwrap_or_default().to_owned();
                    return (line, body.to_owned());
                }
            }
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).await.expect("not reset");
            assert!(count > 0, "the connection ended: {all}");
            text.extend_from_slice(&piece[..count]);
        }
    });
    ended.await.expect("an answer in time")
}

#[tokio::test]
async fn a_body_that_is_too_large_is_read_to_its_end_and_the_connection_lives_on() {
    let world = World::on_each_engine().await.remove(0);
    let (address, stopping) = served(&world).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let size = 16 << 20;
    let head = format!(
        "POST /api/platform/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {size}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // All of it is sent before a byte of the answer is read, as simple clients do.
    stream.write_all(&vec![b' '; size]).await.expect("taken");
    let (status, body) = answer(&mut stream).await;
    assert_eq!(status, "HTTP/1.1 413 Payload Too Large", "{body}");
    assert!(body.contains("too_large"), "{body}");
    let again = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(again).await.unwrap();
    assert_eq!(answer(&mut stream).await.0, "HTTP/1.1 200 OK");
    stopping.cancel();
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let world = World::on_each_engine().await.remove(0);
    let (address, stopping) = served(&world).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /api/platform/v1/tokens HTTP/1.1\r\nHost: x\r\n\
                Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x1_0000], b"\r\n"].concat();
    let mut sent: u64 = 0;
    while sent < 1 << 30 && stream.write_all(&chunk).await.is_ok() {
        sent += 0x1_0000;
    }
    assert!(sent < 256 << 20, "{sent} bytes were taken for nothing");
    assert!(sent >= 32 << 20, "cut off after {sent} bytes");
    stopping.cancel();
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_without_sending() {
    let world = World::on_each_engine().await.remove(0);
    let (address, stopping) = served(&world).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /api/platform/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\
                Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.0, "HTTP/1.1 401 Unauthorized");
    stopping.cancel();
}
