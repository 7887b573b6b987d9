//! Signed paging tokens: where the next page begins, for one list and one reader.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{Page, Problem, Web, codes};

const DEFAULT_SIZE: u32 = 50;
const LARGEST_SIZE: u32 = 1_000;
/// Bytes kept of the signature.
const SIGNATURE: usize = 16;

impl Web {
    /// Rows of one page: 50 unless asked for, 1 to 1,000.
    ///
    /// # Errors
    /// 422 for another number.
    pub fn page_size(&self, asked: Option<u32>) -> Result<u32, Problem> {
        match asked {
            None => Ok(DEFAULT_SIZE),
            Some(size @ 1..=LARGEST_SIZE) => Ok(size),
            Some(size) => Err(Problem::unprocessable().invalid(
                "page_size",
                "out_of_range",
                format!("{size} is not 1 to {LARGEST_SIZE}"),
            )),
        }
    }

    /// The cursor inside a token. `context` names the list, its filter and the reader's scope.
    ///
    /// # Errors
    /// 400 when the token was altered or made for another context.
    pub fn open_page_token(
        &self,
        token: Option<&str>,
        context: &str,
    ) -> Result<Option<String>, Problem> {
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Ok(None);
        };
        let opened = open(&self.settings().signing_key, token, context);
        opened
            .map(Some)
            .ok_or_else(|| Problem::new(codes::INVALID_PAGE_TOKEN, ""))
    }

    /// A token for the page after `cursor`.
    #[must_use]
    pub fn seal_page_token(&self, cursor: &str, context: &str) -> String {
        seal(&self.settings().signing_key, cursor, context)
    }

    /// A page of at most `size` rows out of up to `size + 1` that were read; `cursor` names the
    /// place after a row.
    pub fn page<T>(
        &self,
        mut rows: Vec<T>,
        size: u32,
        context: &str,
        cursor: impl FnOnce(&T) -> String,
    ) -> Page<T> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let last = rows.last().filter(|_| more).map(cursor);
        let token = last.map(|cursor| self.seal_page_token(&cursor, context));
        Page {
            items: rows,
            next_page_token: token,
        }
    }
}

fn sign(key: &[u8; 32], cursor: &str, context: &str) -> [u8; SIGNATURE] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(b"rialto page token v1\0");
    mac.update(context.as_bytes());
    mac.update(&[0]);
    mac.update(cursor.as_bytes());
    let mut signature = [0; SIGNATURE];
    signature.copy_from_slice(&mac.finalize().into_bytes()[..SIGNATURE]);
    signature
}

fn seal(key: &[u8; 32], cursor: &str, context: &str) -> String {
    let mut bytes = sign(key, cursor, context).to_vec();
    bytes.extend_from_slice(cursor.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn open(key: &[u8; 32], token: &str, context: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (signature, cursor) = bytes.split_at_checked(SIGNATURE)?;
    let cursor = std::str::from_utf8(cursor).ok()?;
    let expected = sign(key, cursor, context);
    let same = signature
        .iter()
        .zip(expected)
        .fold(0, |sum, (a, b)| sum | (a ^ b))
        == 0;
    same.then(|| cursor.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_only_with_its_own_context_and_unaltered() {
        let key = [3; 32];
        let token = seal(&key, "2026-11-22|一", "pipelines?ref=main by u1");
        assert_eq!(
            open(&key, &token, "pipelines?ref=main by u1").as_deref(),
            Some("2026-11-22|一")
        );
        assert_eq!(open(&key, &token, "pipelines?ref=other by u1"), None);
        assert_eq!(open(&[4; 32], &token, "pipelines?ref=main by u1"), None);
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).expect("still text");
            let opened = open(&key, &altered, "pipelines?ref=main by u1");
            assert!(opened.is_none() || altered == token, "altered at {at}");
        }
        for nonsense in ["", "x", "!!!", "AAAA"] {
            assert_eq!(open(&key, nonsense, ""), None, "{nonsense}");
        }
    }
}
