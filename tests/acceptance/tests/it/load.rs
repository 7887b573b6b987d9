//! Users of a deployed service: constant requests, and a count of those that failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::Result;
use tokio::task::JoinHandle;

/// Requests under way in the background until stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
    workers: Vec<JoinHandle<()>>,
}

impl Load {
    /// Four users that never pause.
    pub fn start(url: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (sent, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let workers = (0..4)
            .map(|_| {
                let (url, stop) = (url.to_owned(), Arc::clone(&stop));
                let (sent, failed) = (Arc::clone(&sent), Arc::clone(&failed));
                tokio::spawn(async move {
                    let http = reqwest::Client::new();
                    while !stop.load(Ordering::Relaxed) {
                        sent.fetch_add(1, Ordering::Relaxed);
                        let good = match http.get(&url).send().await {
                            Ok(answer) if answer.status().is_success() => {
                                answer.bytes().await.is_ok()
                            }
                            _ => false,
                        };
                        if !good {
                            failed.fetch_add(1, Ordering::Relaxed);
                        }
                        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                    }
                })
            })
            .collect();
        Self {
            stop,
            sent,
            failed,
            workers,
        }
    }

    /// Stops and tells (requests sent, requests failed).
    pub async fn stop(self) -> Result<(u64, u64)> {
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.workers {
            worker.await?;
        }
        Ok((
            self.sent.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
        ))
    }
}
