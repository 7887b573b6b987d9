//! Open files that whoever started this process left open.

use std::io;

use nix::errno::Errno;

/// Closes every open file but the three standard ones. Through an inherited descriptor a program
/// would reach what no rule about paths keeps it from.
///
/// For a process that has just begun: nothing in it may own such a file yet.
///
/// # Errors
/// When there is no `/proc`, or a file cannot be closed.
pub fn close_inherited() -> io::Result<()> {
    // The list's own descriptor is among them and closed by then.
    let numbers: Vec<i32> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in numbers {
        match nix::unistd::close(number) {
            Ok(()) | Err(Errno::EBADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
