//! The processes of this machine as `/proc` shows them, and the memory they use.

use std::io::Read as _;
use std::path::Path;

/// A process, told apart from a later one with the same number by its start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcessId {
    /// Process number.
    pub pid: i32,
    /// Start time in clock ticks since boot.
    pub start: u64,
}

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Which one.
    pub id: ProcessId,
    /// Parent's number.
    pub parent: i32,
    /// Process group.
    pub group: i32,
    /// Session.
    pub session: i32,
    /// State letter, e.g. `b'Z'` for one that ended and waits to be reaped.
    pub state: u8,
    /// Resident pages.
    pub resident_pages: u64,
}

impl Process {
    /// Whether it can still run.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X')
    }
}

/// Start time of a process, in clock ticks since boot; `None` when there is none of that number
/// or it has ended.
#[must_use]
pub fn start_time(pid: i32) -> Option<u64> {
    read_stat(pid).filter(Process::is_alive).map(|p| p.id.start)
}

/// The parent of a process; `None` when there is no process of that number.
#[must_use]
pub fn parent(pid: i32) -> Option<i32> {
    read_stat(pid).map(|p| p.parent)
}

/// What the kernel says of a process; `None` when there is none of that number.
#[must_use]
pub fn read_stat(pid: i32) -> Option<Process> {
    // One read is enough: the kernel writes the whole line at once, and it is short.
    let mut buffer = [0_u8; 1024];
    let mut file = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?;
    let count = file.read(&mut buffer).ok()?;
    parse_stat(pid, &String::from_utf8_lossy(&buffer[..count]))
}

/// Reads the fields of `/proc/PID/stat`; the name in brackets may hold spaces and brackets.
fn parse_stat(pid: i32, text: &str) -> Option<Process> {
    let rest = text.get(text.rfind(')')? + 2..)?;
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    let start = fields.nth(15)?.parse().ok()?;
    let resident_pages = fields.nth(1)?.parse().ok()?;
    Some(Process {
        id: ProcessId { pid, start },
        parent,
        group,
        session,
        state,
        resident_pages,
    })
}

/// Every process of the machine that this one may see.
#[must_use]
pub fn snapshot() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|e| e.file_name().to_str().and_then(|n| n.parse().ok()))
        .filter_map(read_stat)
        .collect()
}

/// Resident memory of all of them, bytes; pages they share are counted once for each.
#[must_use]
pub fn resident_bytes(processes: &[Process]) -> u64 {
    let page_bytes = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .and_then(|size| u64::try_from(size).ok())
        .unwrap_or(4096);
    processes
        .iter()
        .map(|p| p.resident_pages * page_bytes)
        .sum()
}

/// The bytes of memory these processes use, if that is more than `limit`. Pages they share are
/// divided among them, where the kernel tells.
#[must_use]
pub fn memory_above(limit: u64, processes: &[Process]) -> Option<u64> {
    let resident = resident_bytes(processes);
    if resident <= limit {
        return None;
    }
    let memory = proportional(processes).unwrap_or(resident);
    (memory > limit).then_some(memory)
}

/// Memory with shared pages divided among their users; `None` where the kernel does not tell.
fn proportional(alive: &[Process]) -> Option<u64> {
    let mut total = 0;
    for process in alive {
        let Ok(text) = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", process.id.pid))
        else {
            // It may just have ended; a machine without this file has none for us either.
            if Path::new("/proc/self/smaps_rollup").exists() {
                continue;
            }
            return None;
        };
        let kib: u64 = text
            .lines()
            .find_map(|line| line.strip_prefix("Pss:"))
            .and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok())?;
        total += kib * 1024;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_confuse_the_reader() {
        let text = "42 (a) b) S 7 8 9 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 2000000 321 18";
        let process = parse_stat(42, text).unwrap();
        assert_eq!(
            process.id,
            ProcessId {
                pid: 42,
                start: 12345
            }
        );
        assert_eq!((process.parent, process.group, process.session), (7, 8, 9));
        assert_eq!(process.resident_pages, 321);
    }

    #[test]
    fn this_process_is_found_with_its_start_time() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(start_time(own).is_some());
        assert!(snapshot().iter().any(|p| p.id.pid == own));
    }
}
