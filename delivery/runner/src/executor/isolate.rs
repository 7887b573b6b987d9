//! Keeping a job from what is not its own.

use std::fs;

use rialto_delivery_cage::{IsolationMode, Reach, Verdict, verdict};

use super::environment::MARK_VARIABLE;
use super::job::{Job, Stop};
use super::{JobDirectories, StepError};
use crate::cage::Cage;
use crate::process::Launcher;

/// Opens the job's cage, if it is to have one, and tells in the log what it cannot do.
pub(super) fn isolate(job: &mut Job<'_>, directories: &JobDirectories) -> Result<(), Stop> {
    let Some(isolation) = &job.config.isolation else {
        return Ok(());
    };
    if isolation.mode == IsolationMode::Off {
        return Ok(());
    }
    // A rule is about the folder that is there now: it must not be made anew later.
    fs::create_dir_all(&directories.project)
        .map_err(|e| StepError::system(format!("{}: {e}", directories.project.display())))?;
    let reach = Reach {
        hidden: isolation.hidden.clone(),
        writable: vec![
            directories.project.clone(),
            directories.home.clone(),
            directories.temporary.clone(),
            directories.variables.clone(),
        ],
        named: isolation.writable.clone(),
        temporary: Some(directories.temporary.clone()),
        readable: vec![directories.script.clone()],
        pipes: vec![directories.pipes.clone()],
        switches_user: job.config.run_as.is_some(),
    };
    let mark = (MARK_VARIABLE, job.mark.as_str());
    let (cage, restricted) = Cage::open(&isolation.cage, mark, reach, &directories.pipes)
        .map_err(|e| StepError::system(format!("the job cannot be isolated: {e}")))?;
    match verdict(restricted.abi, isolation.mode, "job") {
        Verdict::Refused(why) => return Err(StepError::system(why).into()),
        Verdict::None(why) => {
            job.log().warning(&why);
            return Ok(());
        }
        Verdict::Partial(why) => job.log().warning(&why),
        Verdict::Full => {}
    }
    for folder in restricted.closed {
        job.log().warning(&format!(
            "{} cannot be listed by the runner: what is in it is closed to this job",
            folder.display()
        ));
    }
    job.tree.leave_out(cage.pid());
    job.isolation
        .push(format!("landlock_abi_{}", restricted.abi));
    job.isolation
        .push(format!("hidden_folders_{}", restricted.hidden));
    if restricted.private > 0 {
        job.isolation
            .push(format!("private_folders_{}", restricted.private));
    }
    if restricted.read_only {
        job.isolation.push("elsewhere_read_only".to_owned());
    }
    if restricted.powers_taken {
        job.isolation.push("root_powers_taken".to_owned());
    }
    job.launcher = Launcher::Caged(cage);
    Ok(())
}
