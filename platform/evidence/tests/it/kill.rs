//! A server killed with SIGKILL while it appends: what it acknowledged is there, and whole.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use rialto_platform_evidence::EvidenceLog;
use rialto_platform_store::Db;
use rialto_platform_store::testing::engines;
use serde_json::json;

use crate::{SETS, fact, key};

const URL_VARIABLE: &str = "RIALTO_TEST_KILL_URL";

/// Appends for ever, two records a transaction, and says so after each commit.
#[test]
#[ignore = "started by the test below, in a process of its own"]
fn appending_process() {
    let url = std::env::var(URL_VARIABLE).expect("the test below gives the database");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let db = Db::open(&url).await.expect("opens");
        let log = EvidenceLog::open(&db, key()).await.expect("opens");
        for turn in 0_u64.. {
            let mut tx = db.begin().await.expect("begins");
            for kind in ["push", "approval"] {
                log.append(&mut tx, fact(kind, "p", json!({"turn": turn})))
                    .await
                    .expect("appends");
            }
            tx.commit().await.expect("commits");
            println!("acknowledged {}", (turn + 1) * 2);
            std::io::stdout().flush().expect("flushes");
        }
    });
}

#[tokio::test]
async fn what_a_killed_server_acknowledged_is_there_and_whole() {
    for test in engines(SETS).await {
        let mut last = 0;
        for kill_after in [3, 17, 40] {
            let mut child = Command::new(std::env::current_exe().expect("this program"))
                .args([
                    "--exact",
                    "kill::appending_process",
                    "--ignored",
                    "--nocapture",
                ])
                .env(URL_VARIABLE, &test.url)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("starts");
            let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
            let acknowledged = lines
                .map(|line| line.expect("text"))
                .filter_map(|line| line.split_once("acknowledged ")?.1.parse::<u64>().ok())
                .nth(kill_after)
                .expect("it appends until killed");
            child.kill().expect("SIGKILL");
            child.wait().expect("ends");
            let log = EvidenceLog::open(&test, key()).await.expect("opens again");
            let report = log.check(&test).await.expect("checks");
            assert!(report.ok, "{}: {}", test.engine(), report.message);
            assert!(
                report.size >= last + acknowledged,
                "{}: a record was lost",
                test.engine()
            );
            assert!(
                report.size.is_multiple_of(2),
                "{}: half a transaction",
                test.engine()
            );
            last = report.size;
        }
    }
}
