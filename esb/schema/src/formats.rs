//! Formats the house asserts beside those of JSON Schema.

/// A format and whether a text has it.
type Format = (&'static str, fn(&str) -> bool);

pub(crate) const FORMATS: &[Format] = &[("decimal", is_decimal), ("byte", is_base64)];

/// A decimal number without exponent, as money is written.
fn is_decimal(text: &str) -> bool {
    let body = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = body.split_once('.').unwrap_or((body, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(part)
}

/// Base64 with padding (RFC 4648, section 4).
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len().is_multiple_of(4) && text.len() - body.len() <= 2 && body.bytes().all(alphabet)
}
