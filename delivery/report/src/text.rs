//! Bytes of a report to text: UTF-8, UTF-16 and GB18030, bad bytes replaced and flagged.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};

/// Text of a file and whether bytes had to be replaced to get it.
pub(crate) struct Decoded<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) replaced: bool,
}

/// Decodes an XML file by byte order mark, then by zero bytes, then by its declaration.
///
/// # Errors
/// The declared encoding, when it is none of those read here.
pub(crate) fn decode_xml(bytes: &[u8]) -> Result<Decoded<'_>, String> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return Ok(decode_as(encoding, bytes));
    }
    match bytes {
        [b'<', 0, ..] => return Ok(decode_as(UTF_16LE, bytes)),
        [0, b'<', ..] => return Ok(decode_as(UTF_16BE, bytes)),
        _ => {}
    }
    let Some(label) = declared_encoding(bytes) else {
        return Ok(decode_as(UTF_8, bytes));
    };
    match label.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => Ok(decode_as(UTF_8, bytes)),
        "gb18030" | "gbk" | "gb2312" | "cp936" => Ok(decode_as(GB18030, bytes)),
        // Without a mark and without zero bytes the declaration cannot be true.
        "utf-16" | "utf-16le" | "utf-16be" => Ok(decode_as(UTF_8, bytes)),
        // Whatever it claims to be, pure ASCII reads the same.
        _ if bytes.is_ascii() => Ok(decode_as(UTF_8, bytes)),
        other => Err(format!(
            "the encoding `{other}` is not read here; write the report as UTF-8, UTF-16 or GB18030"
        )),
    }
}

/// Decodes a plain text file: byte order mark, else UTF-8.
pub(crate) fn decode_plain(bytes: &[u8]) -> Decoded<'_> {
    let encoding = Encoding::for_bom(bytes).map_or(UTF_8, |(encoding, _)| encoding);
    decode_as(encoding, bytes)
}

fn decode_as<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Decoded<'a> {
    let (text, replaced) = encoding.decode_with_bom_removal(bytes);
    Decoded { text, replaced }
}

/// The `encoding` of an XML declaration at the very start of the file.
fn declared_encoding(bytes: &[u8]) -> Option<&str> {
    let head = &bytes[..bytes.len().min(256)];
    let rest = head.strip_prefix(b"<?xml")?;
    let end = rest.windows(2).position(|pair| pair == b"?>")?;
    let declaration = std::str::from_utf8(&rest[..end]).ok()?;
    let after = declaration
        .split_once("encoding")?
        .1
        .trim_start()
        .strip_prefix('=')?
        .trim_start();
    let quote = after
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    after[1..].split_once(quote).map(|(label, _)| label)
}

#[cfg(test)]
mod tests {
    use super::{decode_plain, decode_xml};

    #[test]
    fn a_declared_chinese_encoding_is_read() {
        let mut bytes = b"<?xml version=\"1.0\" encoding='GB18030'?><a>".to_vec();
        bytes.extend([0xD5, 0xCB, 0xBB, 0xA7]);
        let decoded = decode_xml(&bytes).unwrap();
        assert!(decoded.text.ends_with("<a>账户"));
        assert!(!decoded.replaced);
    }

    #[test]
    fn utf_16_is_known_by_its_mark_or_by_its_zero_bytes() {
        for mark in [true, false] {
            let mut bytes = if mark { vec![0xFF, 0xFE] } else { Vec::new() };
            bytes.extend("<a>行情</a>".encode_utf16().flat_map(u16::to_le_bytes));
            assert_eq!(decode_xml(&bytes).unwrap().text, "<a>行情</a>");
        }
    }

    #[test]
    fn bad_bytes_are_replaced_and_flagged() {
        let decoded = decode_plain(b"SF:a\xFFb");
        assert_eq!(decoded.text, "SF:a\u{FFFD}b");
        assert!(decoded.replaced);
    }

    #[test]
    fn another_encoding_is_refused_by_name_unless_the_file_is_ascii() {
        let ascii = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>";
        assert!(decode_xml(ascii).is_ok());
        let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a b='\xE9'/>";
        assert!(decode_xml(latin).is_err_and(|reason| reason.contains("`iso-8859-1`")));
    }
}
