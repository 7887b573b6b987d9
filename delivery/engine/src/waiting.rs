//! Why a job waits that no runner can take: nobody needs to guess, or to wait until it is given up.

use std::collections::HashSet;

use rialto_delivery_run::state::Status;
use rialto_delivery_store::job::{self, JobRow};
use rialto_delivery_store::{json, runner};
use rialto_platform_store::{now, to_micros};

use crate::figures::SILENT;
use crate::{Delivery, DeliveryError};

/// The tags of each runner that is there.
pub(crate) type Connected = Vec<Vec<String>>;

impl Delivery {
    /// The runners that are there, if one of these jobs waits for one: those heard of lately, and
    /// those at work (a runner with all hands full asks for nothing).
    pub(crate) async fn runners_for(
        &self,
        rows: &[JobRow],
    ) -> Result<Option<Connected>, DeliveryError> {
        if !rows.iter().any(waits) {
            return Ok(None);
        }
        let mut db = self.db();
        let at_work = job::by_status(&mut db, Status::Running).await?;
        let at_work: HashSet<&str> = at_work
            .iter()
            .filter_map(|row| row.runner_name.as_deref())
            .collect();
        let since = to_micros(now()) - SILENT;
        runner::list(&mut db)
            .await?
            .into_iter()
            .filter(|row| row.last_contact_at >= since || at_work.contains(row.name.as_str()))
            .map(|row| Ok(json::read("tags", &row.tags)?))
            .collect::<Result<Connected, DeliveryError>>()
            .map(Some)
    }
}

/// The job is in the queue of the runners.
fn waits(row: &JobRow) -> bool {
    *row.status == Status::Pending && !row.managed && !row.superseded
}

/// Why the job waits, if none of the runners that are there can take it.
pub(crate) fn reason(row: &JobRow, connected: Option<&Connected>) -> Option<String> {
    let connected = connected.filter(|_| waits(row))?;
    // Damaged tags are told when the job is given up.
    let wanted: Vec<String> = json::read("tags", &row.tags).ok()?;
    why(&wanted, connected)
}

fn why(wanted: &[String], connected: &Connected) -> Option<String> {
    if connected.is_empty() {
        return Some(
            "no runner is connected; the job waits for one: start it with `rialto runner`"
                .to_owned(),
        );
    }
    let fits = |tags: &Vec<String>| wanted.iter().all(|tag| tags.contains(tag));
    (!connected.iter().any(fits)).then(|| {
        format!(
            "no connected runner carries the tags {}; the job waits for one that carries them all",
            wanted.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Text;

    fn tags(words: &str) -> Vec<String> {
        words.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_job_that_no_runner_can_take_says_why_in_both_languages() {
        let fast = || vec![tags("linux fast"), tags("gpu")];
        assert_eq!(why(&tags("linux"), &fast()), None);
        assert_eq!(why(&[], &vec![tags("")]), None);
        for (wanted, connected, said, zh) in [
            ("", vec![], "no runner is connected", "没有已连接的运行器"),
            (
                "gpu linux",
                fast(),
                "carries the tags gpu, linux;",
                "gpu, linux",
            ),
        ] {
            let reason = why(&tags(wanted), &connected).expect("nobody can take it");
            assert!(reason.contains(said), "{reason}");
            let text = Text::of(&reason);
            assert!(text.is_known() && text.zh.contains(zh), "{text:?}");
        }
    }
}
