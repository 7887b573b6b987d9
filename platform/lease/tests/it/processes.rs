//! Leaders in processes of their own, killed and stopped.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rialto_platform_lease::Leadership;

use crate::world::{Server, notes, postgres};

const URL: &str = "RIALTO_LEASE_TEST_URL";

/// The other process: leads, writes as often as it may, and says what becomes of it.
#[tokio::test]
async fn a_leader_of_its_own() {
    let Ok(url) = std::env::var(URL) else { return };
    let server = Server::start(&url, "child").await;
    server.leads().await;
    println!("leads");
    let mut seen = server.lease.watch();
    tokio::spawn(async move {
        while seen.changed().await.is_ok() {
            if matches!(*seen.borrow(), Leadership::Standing { .. }) {
                println!("stands by");
            }
        }
    });
    loop {
        // A refusal is right while it does not lead; the notes tell which writes were taken.
        let _ = server.write("child").await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

struct Leader {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Leader {
    fn start(url: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "processes::a_leader_of_its_own", "--nocapture"])
            .env(URL, url)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let leader = Self { child, lines };
        leader.says("leads");
        leader
    }

    fn says(&self, word: &str) {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60));
            if line.expect("it says something").contains(word) {
                return;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(status.expect("kill runs").success());
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_killed_leader_is_taken_over() {
    let Some(db) = postgres().await else { return };
    let leader = Leader::start(&db.url);
    let two = Server::start(&db.url, "two").await;
    let before = std::time::Instant::now();
    leader.signal("-KILL");
    assert_eq!(two.leads().await.epoch, 2);
    println!(
        "taken over {} ms after kill -9",
        before.elapsed().as_millis()
    );
    two.write("two").await.expect("the new leader writes");
}

#[tokio::test]
async fn a_stopped_leader_is_taken_over_and_writes_nothing_when_it_goes_on() {
    let Some(db) = postgres().await else { return };
    let leader = Leader::start(&db.url);
    let two = Server::start(&db.url, "two").await;
    let before = std::time::Instant::now();
    leader.signal("-STOP");
    assert_eq!(two.leads().await.epoch, 2);
    println!(
        "taken over {} ms after a stop",
        before.elapsed().as_millis()
    );
    two.write("two").await.expect("the new leader writes");
    let count = notes(&db).await.len();
    leader.signal("-CONT");
    leader.says("stands by");
    two.write("two").await.expect("still the leader");
    let notes = notes(&db).await;
    assert_eq!(notes.len(), count + 1, "the old leader wrote");
    let late = notes
        .iter()
        .filter(|(writer, epoch)| writer == "child" && *epoch != 1);
    assert_eq!(late.count(), 0);
}
