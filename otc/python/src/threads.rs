//! Threads of a call.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::fault::{Fault, Kind};

/// Most threads of one call.
const MOST: usize = 1024;

/// The pool of all cores, and the process that it belongs to: a process forked from another has its
/// memory but not its threads.
static ALL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

fn pool(threads: Option<usize>) -> Result<ThreadPool, Fault> {
    ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .thread_name(|number| format!("rialto-otc-{number}"))
        .build()
        .map_err(|error| {
            let en = format!("Threads cannot be started: {error}.");
            Fault::new(Kind::Input, "E-INPUT-THREADS", en, "无法启动线程。")
        })
}

fn all() -> Result<Arc<ThreadPool>, Fault> {
    let process = std::process::id();
    let mut kept = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((owner, pool)) = kept.as_ref()
        && *owner == process
    {
        return Ok(Arc::clone(pool));
    }
    let fresh = Arc::new(pool(None)?);
    // Another process's pool is left alone: its threads are not here to be joined.
    if let Some((_, foreign)) = kept.replace((process, Arc::clone(&fresh))) {
        std::mem::forget(foreign);
    }
    Ok(fresh)
}

/// Does work on so many threads, on all cores when not told. Results never depend on it.
pub fn run<T: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> Result<T, Fault> + Send,
) -> Result<T, Fault> {
    match threads {
        None => all()?.install(work),
        Some(count) if (1..=MOST).contains(&count) => pool(Some(count))?.install(work),
        Some(count) => Err(Fault::at(
            Kind::Input,
            "E-INPUT-THREADS",
            "/threads",
            Some(count.to_string()),
            format!("Threads are 1 to {MOST}; leave them out for all cores."),
            format!("线程数须为 1 至 {MOST}；不填则使用全部核心。"),
        )),
    }
}
