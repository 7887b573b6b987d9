//! Which powers of root remain. A process of an ordinary user has none of them.

use std::io;

use rustix::thread::{
    CapabilitySet, capabilities, remove_capability_from_bounding_set, set_capabilities,
};

/// Files of other users, within what the rules about files allow.
const FILES: CapabilitySet = CapabilitySet::DAC_OVERRIDE;
/// Owners and modes of files: `tar` and package managers set them when they run as root. No rule
/// of Landlock is about that, so only where everything else is mounted read-only.
const OWNERS: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID);
/// To become another user. Whoever can, can also speak as that user to a database or the session
/// bus.
const USERS: CapabilitySet = CapabilitySet::SETUID.union(CapabilitySet::SETGID);

fn kept(read_only_elsewhere: bool, switches_user: bool) -> CapabilitySet {
    let mut kept = FILES;
    if read_only_elsewhere {
        kept |= OWNERS;
    }
    if switches_user {
        kept |= USERS;
    }
    kept
}

/// Takes all other powers from the calling thread and from all it will start, for good. Says
/// whether there were any.
///
/// # Errors
/// When the kernel refuses; nothing must be started then.
pub(crate) fn give_up(read_only_elsewhere: bool, switches_user: bool) -> io::Result<bool> {
    let kept = kept(read_only_elsewhere, switches_user);
    let mut own = capabilities(None)?;
    if (own.permitted | own.inheritable).is_empty() {
        return Ok(false);
    }
    if own.permitted.contains(CapabilitySet::SETPCAP) {
        for capability in (CapabilitySet::all() - kept).iter() {
            match remove_capability_from_bounding_set(capability) {
                // Older than this power: it does not know it.
                Ok(()) | Err(rustix::io::Errno::INVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    // Without that power, what is not permitted now does not come back either: Landlock wants
    // processes that gain nothing by starting a program.
    own.effective &= kept;
    own.permitted &= kept;
    own.inheritable &= kept;
    set_capabilities(None, own)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_of_files_change_only_where_the_rest_is_read_only() {
        assert!(kept(true, false).contains(CapabilitySet::CHOWN));
        let open = kept(false, false);
        assert!(!open.intersects(OWNERS | USERS), "{open:?}");
        let never = CapabilitySet::NET_ADMIN
            | CapabilitySet::SYS_TIME
            | CapabilitySet::SYS_ADMIN
            | CapabilitySet::SYS_PTRACE
            | CapabilitySet::SYS_RESOURCE
            | CapabilitySet::KILL
            | CapabilitySet::SETPCAP;
        assert!(!kept(true, true).intersects(never));
    }

    #[test]
    fn what_was_given_up_does_not_come_back_with_a_program() {
        let status = std::thread::spawn(|| {
            give_up(true, false).unwrap();
            let output = std::process::Command::new("cat")
                .arg("/proc/self/status")
                .output();
            String::from_utf8(output.unwrap().stdout).unwrap()
        });
        let status = status.join().unwrap();
        let effective = status.lines().find_map(|l| l.strip_prefix("CapEff:"));
        let left = u64::from_str_radix(effective.unwrap().trim(), 16).unwrap();
        // CHOWN, DAC_OVERRIDE, FOWNER and FSETID, by their numbers.
        assert_eq!(left & !0b1_1011, 0, "{status}");
    }
}
