//! What a job of root may not have: powers that lead around the rules about files and processes.
//! A runner of an ordinary user has none of them.

use std::io;

use rustix::thread::{
    CapabilitySet, capabilities, remove_capability_from_bounding_set, set_capabilities,
};

/// To look into any process, to load code into the kernel, to reach the machine's memory and disks
/// beside the file system, to mount, and to open files without a path.
const TAKEN: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::BPF)
    .union(CapabilitySet::CHECKPOINT_RESTORE)
    .union(CapabilitySet::SYS_MODULE)
    .union(CapabilitySet::SYS_RAWIO)
    .union(CapabilitySet::SYS_BOOT)
    .union(CapabilitySet::MAC_ADMIN)
    .union(CapabilitySet::MAC_OVERRIDE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::MKNOD);

/// Takes these powers from the calling thread and from all it will start, for good. Says whether
/// there were any.
///
/// # Errors
/// When the kernel refuses; the job must not run then.
pub(super) fn give_up() -> io::Result<bool> {
    let mut own = capabilities(None)?;
    if !(own.permitted | own.inheritable).intersects(TAKEN)
        && !own.permitted.contains(CapabilitySet::SETPCAP)
    {
        return Ok(false);
    }
    if own.permitted.contains(CapabilitySet::SETPCAP) {
        for capability in TAKEN.iter() {
            match remove_capability_from_bounding_set(capability) {
                // Older than this power: it does not know it.
                Ok(()) | Err(rustix::io::Errno::INVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    own.effective -= TAKEN;
    own.permitted -= TAKEN;
    own.inheritable -= TAKEN;
    set_capabilities(None, own)?;
    Ok(true)
}
