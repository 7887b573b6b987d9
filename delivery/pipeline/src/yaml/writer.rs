//! A [`Node`] tree as text that any YAML 1.1 reader reads back to the same tree.

use std::fmt::Write as _;

use super::{Map, Node, Scalar, Value, tokenize};

/// Writes a map as a document.
pub(crate) fn write(map: &Map) -> String {
    let mut out = String::new();
    write_map(&mut out, map, 0);
    out
}

fn indent(out: &mut String, level: usize) {
    out.extend(std::iter::repeat_n(' ', level * 2));
}

fn write_map(out: &mut String, map: &Map, level: usize) {
    for (key, entry) in map {
        indent(out, level);
        write_key(out, key);
        write_value(out, &entry.value, level);
    }
}

fn write_key(out: &mut String, key: &str) {
    write_text(out, key);
    out.push(':');
}

/// Writes the value after `key:` or `-`, line end included.
fn write_value(out: &mut String, node: &Node, level: usize) {
    match &node.value {
        Value::Map(map) if map.is_empty() => out.push_str(" {}\n"),
        Value::Map(map) => {
            out.push('\n');
            write_map(out, map, level + 1);
        }
        Value::List(list) | Value::Reference(list) => {
            if matches!(node.value, Value::Reference(_)) {
                out.push_str(" !reference");
            }
            if list.is_empty() {
                out.push_str(" []\n");
                return;
            }
            out.push('\n');
            for item in list.iter() {
                indent(out, level + 1);
                out.push('-');
                write_value(out, item, level + 1);
            }
        }
        Value::Text(text) if block_fits(text) => write_block(out, text, level + 1),
        _ => {
            out.push(' ');
            write_scalar(out, node);
            out.push('\n');
        }
    }
}

fn write_scalar(out: &mut String, node: &Node) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Text(text) => write_text(out, text),
        Value::Float(value) if value.is_nan() => out.push_str(".nan"),
        Value::Float(value) if value.is_infinite() => {
            out.push_str(if *value > 0.0 { ".inf" } else { "-.inf" });
        }
        _ => out.push_str(&node.scalar_text().unwrap_or_default()),
    }
}

/// Text that reads back as itself without quotes.
fn plain_fits(text: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./$+=()".contains(c);
    let first_safe = text.starts_with(|c: char| c.is_ascii_alphanumeric() || "_./$".contains(c));
    first_safe
        && !text.ends_with(' ')
        && text.chars().all(|c| safe(c) || c == ' ')
        && tokenize(text) == Scalar::Text(text.to_owned())
}

fn write_text(out: &mut String, text: &str) {
    if plain_fits(text) {
        out.push_str(text);
    } else if text
        .chars()
        .all(|c| !c.is_control() && c != '\u{feff}' && !is_break(c))
    {
        let _ = write!(out, "'{}'", text.replace('\'', "''"));
    } else {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                c if c.is_control() || c == '\u{feff}' || is_break(c) => {
                    let _ = match u32::from(c) {
                        code @ ..=0xff => write!(out, "\\x{code:02x}"),
                        code => write!(out, "\\u{code:04x}"),
                    };
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

/// Line breaks of YAML 1.1 beyond the newline.
fn is_break(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Several lines that a literal block holds exactly.
fn block_fits(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with(['\n', ' ', '\t'])
        && !text.ends_with("\n\n")
        && text
            .split('\n')
            .all(|line| !line.ends_with([' ', '\t']) || !line.trim().is_empty())
        && text
            .chars()
            .all(|c| c == '\n' || c == '\t' || !(c.is_control() || c == '\u{feff}' || is_break(c)))
}

fn write_block(out: &mut String, text: &str, level: usize) {
    let (body, chomp) = match text.strip_suffix('\n') {
        Some(body) => (body, ""),
        None => (text, "-"),
    };
    let _ = writeln!(out, " |{chomp}");
    for line in body.split('\n') {
        if !line.is_empty() {
            indent(out, level);
            out.push_str(line);
        }
        out.push('\n');
    }
}
