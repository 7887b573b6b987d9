//! Log files of a service: written by the process itself, so that they outlive this one; rotated by
//! copying and cutting, because the process keeps its file open.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Size at which a log is rotated.
const ROTATE_AT: u64 = 8 * 1024 * 1024;
/// Older files kept.
const KEEP: u32 = 3;

/// The two logs of a slot.
pub(crate) const NAMES: [&str; 2] = ["stdout.log", "stderr.log"];

/// Opens a log for appending, as the process's output.
pub(crate) fn open(folder: &Path, name: &str) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(name))
}

/// Rotates logs that have grown too large. What is written between copy and cut is lost; a log is
/// not evidence.
pub(crate) fn rotate(folder: &Path) -> io::Result<()> {
    for name in NAMES {
        let path = folder.join(name);
        let Ok(metadata) = path.metadata() else {
            continue;
        };
        if metadata.len() < ROTATE_AT {
            continue;
        }
        let older = |n: u32| -> PathBuf { folder.join(format!("{name}.{n}")) };
        for n in (1..KEEP).rev() {
            if older(n).exists() {
                fs::rename(older(n), older(n + 1))?;
            }
        }
        fs::copy(&path, older(1))?;
        OpenOptions::new().write(true).open(&path)?.set_len(0)?;
    }
    Ok(())
}

/// The last lines of a log, for messages to people: at most `bytes`, one text.
pub(crate) fn tail(folder: &Path, name: &str, bytes: u64) -> String {
    use std::io::{Read, Seek, SeekFrom};
    let read = || -> io::Result<String> {
        let mut file = File::open(folder.join(name))?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(bytes)))?;
        let mut text = Vec::new();
        file.take(bytes).read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).trim().to_owned())
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_large_log_is_moved_on_while_the_writer_keeps_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = open(folder.path(), "stdout.log").unwrap();
        for round in 1..=5u8 {
            let block = vec![b'0' + round; usize::try_from(ROTATE_AT).unwrap()];
            writer.write_all(&block).unwrap();
            rotate(folder.path()).unwrap();
        }
        writer.write_all(b"last words\n").unwrap();
        assert_eq!(
            fs::read(folder.path().join("stdout.log")).unwrap(),
            b"last words\n"
        );
        assert_eq!(
            fs::read(folder.path().join("stdout.log.1")).unwrap()[0],
            b'5'
        );
        assert_eq!(
            fs::read(folder.path().join("stdout.log.3")).unwrap()[0],
            b'3'
        );
        assert!(!folder.path().join("stdout.log.4").exists());
        assert_eq!(tail(folder.path(), "stdout.log", 6), "words");
    }
}
