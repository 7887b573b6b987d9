//! A relay before the router's admin interface that holds changes back for as long as a test says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub struct Relay {
    pub address: SocketAddr,
    allowed: watch::Sender<usize>,
}

impl Relay {
    pub async fn before(router: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (allowed, said) = watch::channel(usize::MAX);
        let changes = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(hand_on(client, router, said.clone(), changes.clone()));
            }
        });
        Self { address, allowed }
    }

    /// Only so many changes pass, counted from the start; later ones wait.
    pub fn allow_changes(&self, count: usize) {
        self.allowed.send_replace(count);
    }
}

async fn hand_on(
    mut client: TcpStream,
    router: SocketAddr,
    mut allowed: watch::Receiver<usize>,
    changes: Arc<AtomicUsize>,
) {
    let mut begin = [0; 4];
    if client.read_exact(&mut begin).await.is_err() {
        return;
    }
    if begin != *b"GET " {
        let mine = changes.fetch_add(1, Ordering::SeqCst);
        if allowed.wait_for(|count| mine < *count).await.is_err() {
            return;
        }
    }
    let mut upstream = TcpStream::connect(router).await.unwrap();
    upstream.write_all(&begin).await.unwrap();
    let _ended = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
}
