//! What a report may cost us.

use serde::{Deserialize, Serialize};

/// Bounds every reader keeps; the defaults are those of the delivery specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest file, unpacked, in bytes.
    pub file_bytes: usize,
    /// Deepest nesting of XML elements.
    pub depth: u32,
    /// Most XML nodes (elements, texts, comments, instructions) or report lines.
    pub nodes: u64,
    /// Longest XML attribute value, in bytes as written.
    pub attribute_bytes: usize,
    /// Text kept of one test case (message and output together), in bytes; the rest is cut and the
    /// SHA-256 of the whole is kept.
    pub case_text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 100 << 20,
            depth: 64,
            nodes: 10_000_000,
            attribute_bytes: 1 << 20,
            case_text_bytes: 64 << 10,
        }
    }
}

impl Limits {
    /// The refusal of a file that is larger than allowed.
    pub(crate) fn check_size(&self, bytes: &[u8]) -> Result<(), String> {
        if bytes.len() > self.file_bytes {
            return Err(format!(
                "the file has {}, more than the {} allowed; upload smaller reports, for \
                 example one per job",
                size_in_words(bytes.len()),
                size_in_words(self.file_bytes)
            ));
        }
        Ok(())
    }
}

/// Bytes for people: whole MiB where there are any, else bytes.
pub(crate) fn size_in_words(bytes: usize) -> String {
    const MIB: usize = 1 << 20;
    if bytes >= MIB && bytes.is_multiple_of(MIB) {
        return format!("{} MiB", bytes / MIB);
    }
    format!("{bytes} bytes")
}
