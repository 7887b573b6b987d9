//! Text of a case, cut to a bound with the digest of the whole.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Text taken from a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptText {
    /// The text, cut at a character when it was too long.
    pub text: String,
    /// Bytes of the whole text.
    pub whole_bytes: u64,
    /// SHA-256 of the whole text in lower-case hex, when `text` is not all of it.
    pub whole_sha256: Option<String>,
}

/// Takes text piece by piece and keeps the beginning.
#[derive(Debug, Default)]
pub(super) struct TextKeeper {
    kept: String,
    whole_bytes: u64,
    /// Digest of everything so far, begun when the bound was first passed.
    digest: Option<Sha256>,
}

impl TextKeeper {
    pub(super) fn is_empty(&self) -> bool {
        self.whole_bytes == 0
    }

    pub(super) fn kept_bytes(&self) -> usize {
        self.kept.len()
    }

    /// Adds `piece`; `room` is the most the kept text may grow to.
    pub(super) fn push(&mut self, piece: &str, room: usize) {
        self.whole_bytes += piece.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(piece.as_bytes());
            return;
        }
        if self.kept.len() + piece.len() <= room {
            self.kept.push_str(piece);
            return;
        }
        let mut digest = Sha256::new();
        digest.update(self.kept.as_bytes());
        digest.update(piece.as_bytes());
        self.digest = Some(digest);
        let mut end = room.saturating_sub(self.kept.len()).min(piece.len());
        while !piece.is_char_boundary(end) {
            end -= 1;
        }
        self.kept.push_str(&piece[..end]);
    }

    /// The text, or `None` if nothing but white space came.
    pub(super) fn finish(self) -> Option<KeptText> {
        if self.digest.is_none() && self.kept.trim().is_empty() {
            return None;
        }
        Some(KeptText {
            text: self.kept,
            whole_bytes: self.whole_bytes,
            whole_sha256: self.digest.map(|digest| hex::encode(digest.finalize())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::TextKeeper;
    use sha2::{Digest, Sha256};

    #[test]
    fn long_text_is_cut_at_a_character_and_the_digest_covers_the_whole() {
        let mut keeper = TextKeeper::default();
        for piece in ["中文", "中文", "tail"] {
            keeper.push(piece, 10);
        }
        let kept = keeper.finish().unwrap();
        assert_eq!(kept.text, "中文中");
        assert_eq!(kept.whole_bytes, 16);
        let whole = hex::encode(Sha256::digest("中文中文tail"));
        assert_eq!(kept.whole_sha256.as_deref(), Some(whole.as_str()));
    }

    #[test]
    fn short_text_is_whole_and_carries_no_digest() {
        let mut keeper = TextKeeper::default();
        keeper.push("ok", 10);
        assert_eq!(keeper.finish().unwrap().whole_sha256, None);
    }
}
