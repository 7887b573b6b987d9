//! The job log: masked, limited, with exact byte offsets and GitLab's section markers.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rialto_delivery_run::size::Size;

use crate::mask::Masker;

/// Log bytes kept when the assignment sets no limit: 16 MiB.
pub const DEFAULT_LOG_BYTES: u64 = 16 * 1024 * 1024;

/// Room for the runner's own lines after the limit, so that the end of a job is still told.
const EPILOGUE_BYTES: u64 = 64 * 1024;

/// Where masked log bytes go. Bytes arrive in order and are never rewritten.
pub trait LogSink: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// When the bytes cannot be kept; the job then fails rather than losing its log in silence.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// When durability cannot be promised.
    fn sync(&mut self) -> io::Result<()>;
}

/// A log file.
#[derive(Debug)]
pub struct FileSink(File);

impl FileSink {
    /// Creates the file, or empties it but for one byte that the first write takes the place of.
    ///
    /// ext4 writes a file that was emptied to the disk when it is closed, which keeps a short job
    /// waiting longer than its shell does.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut options = File::options();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        if file.metadata()?.len() > 1 {
            file.set_len(1)?;
        }
        Ok(Self(file))
    }
}

impl LogSink for FileSink {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// The log of one job.
pub struct JobLog {
    sink: Box<dyn LogSink>,
    masker: Masker,
    limit: u64,
    written: u64,
    full: bool,
    at_line_start: bool,
    error: Option<io::Error>,
    masked: Vec<u8>,
}

impl std::fmt::Debug for JobLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobLog")
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

impl JobLog {
    /// A log that keeps at most `limit` bytes of job output.
    #[must_use]
    pub fn new(sink: Box<dyn LogSink>, masker: Masker, limit: u64) -> Self {
        Self {
            sink,
            masker,
            limit,
            written: 0,
            full: false,
            at_line_start: true,
            error: None,
            masked: Vec::new(),
        }
    }

    /// Bytes written so far, after masking.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Whether output was dropped because of the limit.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Output of the job: masked, and dropped beyond the limit after one notice.
    pub fn output(&mut self, bytes: &[u8]) {
        if self.full {
            return;
        }
        let mut masked = std::mem::take(&mut self.masked);
        masked.clear();
        self.masker.push(bytes, &mut masked);
        self.keep_output(&masked);
        self.masked = masked;
    }

    /// Ends the output of one process: what the masker held back is decided, and the line closed.
    pub fn end_output(&mut self) {
        let mut rest = Vec::new();
        self.masker.finish(&mut rest);
        if !self.full {
            self.keep_output(&rest);
        }
        if !self.at_line_start {
            self.own(b"\n");
        }
    }

    /// A line of the runner itself; masked as well.
    pub fn line(&mut self, text: &str) {
        let mut masked = self.masker.mask(text.as_bytes());
        masked.push(b'\n');
        self.own(&masked);
    }

    /// A warning of the runner itself.
    pub fn warning(&mut self, text: &str) {
        self.line(&format!("\u{1b}[33;1mWARNING: {text}\u{1b}[0;m"));
    }

    /// An error of the runner itself.
    pub fn error(&mut self, text: &str) {
        self.line(&format!("\u{1b}[31;1mERROR: {text}\u{1b}[0;m"));
    }

    /// Opens a section; `name` is of `[A-Za-z0-9._-]`.
    pub fn section_start(&mut self, name: &str, header: &str) {
        let text = format!(
            "\u{1b}[0Ksection_start:{}:{name}\r\u{1b}[0K\u{1b}[36;1m{header}\u{1b}[0;m",
            unix_seconds()
        );
        self.line(&text);
    }

    /// Closes a section.
    pub fn section_end(&mut self, name: &str) {
        self.end_output();
        let text = format!("\u{1b}[0Ksection_end:{}:{name}\r\u{1b}[0K", unix_seconds());
        self.own(text.as_bytes());
        self.at_line_start = true;
    }

    /// Makes the log durable and tells the first error that kept bytes from being written.
    ///
    /// # Errors
    /// When any append or the final sync failed.
    pub fn finish(&mut self) -> io::Result<()> {
        self.end_output();
        match self.error.take() {
            Some(error) => Err(error),
            None => self.sink.sync(),
        }
    }

    fn keep_output(&mut self, bytes: &[u8]) {
        let room = usize::try_from(self.limit.saturating_sub(self.written)).unwrap_or(usize::MAX);
        if bytes.len() <= room {
            self.append(bytes);
            return;
        }
        self.append(&bytes[..room]);
        self.full = true;
        let limit = Size(self.limit);
        self.own(
            format!(
                "\n\u{1b}[33;1mWARNING: the log limit of {limit} is reached; further output \
                 is dropped, the job goes on.\u{1b}[0;m\n"
            )
            .as_bytes(),
        );
    }

    /// The runner's own bytes; bounded too, so that a thousand warnings cannot fill a disk.
    fn own(&mut self, bytes: &[u8]) {
        if self.written + bytes.len() as u64 <= self.limit + EPILOGUE_BYTES {
            self.append(bytes);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        if bytes.is_empty() || self.error.is_some() {
            return;
        }
        if let Err(error) = self.sink.append(bytes) {
            self.error = Some(error);
            return;
        }
        self.written += bytes.len() as u64;
        self.at_line_start = bytes.last() == Some(&b'\n');
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl LogSink for Memory {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(())
        }
        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(limit: u64, secrets: &[&str]) -> (JobLog, Memory) {
        let memory = Memory::default();
        let masker = Masker::new(secrets.iter().copied());
        (JobLog::new(Box::new(memory.clone()), masker, limit), memory)
    }

    fn text(memory: &Memory) -> String {
        String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn written_counts_exactly_the_stored_bytes() {
        let (mut log, memory) = log(1000, &["top-secret-1"]);
        log.section_start("step_script", "Running");
        log.output(b"hello top-sec");
        log.output(b"ret-1");
        log.section_end("step_script");
        log.finish().unwrap();
        let text = text(&memory);
        assert_eq!(log.written(), text.len() as u64);
        assert!(
            text.contains("hello [MASKED]\n\u{1b}[0Ksection_end:"),
            "{text:?}"
        );
    }

    #[test]
    fn output_beyond_the_limit_is_dropped_after_one_notice() {
        let (mut log, memory) = log(20, &[]);
        for _ in 0..10 {
            log.output(b"0123456789");
        }
        log.line("Job failed");
        log.finish().unwrap();
        let text = text(&memory);
        assert!(text.starts_with("01234567890123456789\n"), "{text:?}");
        assert_eq!(text.matches("log limit of 20 bytes").count(), 1);
        assert!(text.ends_with("Job failed\n"));
    }

    #[test]
    fn a_lost_log_byte_is_an_error() {
        struct Broken;
        impl LogSink for Broken {
            fn append(&mut self, _: &[u8]) -> io::Result<()> {
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }
            fn sync(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut log = JobLog::new(Box::new(Broken), Masker::new([]), 100);
        log.output(b"x");
        assert_eq!(log.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_log_in_the_place_of_a_longer_one_keeps_nothing_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("job.log");
        for (old, new) in [("", "ab"), ("x", "a"), ("old and long\n", "new\n")] {
            std::fs::write(&path, old).unwrap();
            let mut sink = FileSink::create(&path).unwrap();
            sink.append(new.as_bytes()).unwrap();
            drop(sink);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), new);
        }
    }
}
