//! Files: term sheets one or many, markets.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use rialto_otc_contract::document::Node;
use rialto_otc_contract::finding::Findings;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_time::Calendars;

use super::fault::{Fault, Origin};

/// Longest file that is read, bytes; one term sheet in it has a limit of its own.
const MAX_FILE: u64 = 256 * 1024 * 1024;

/// The text of a file.
#[derive(Debug)]
pub struct Text {
    /// Its name, `-` for standard input.
    pub file: String,
    pub text: String,
}

/// Reads a file; `-` is standard input.
pub fn read(path: &Path) -> Result<Text, Fault> {
    let file = path.display().to_string();
    let mut bytes = Vec::new();
    let got = if path == Path::new("-") {
        std::io::stdin().take(MAX_FILE + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|open| open.take(MAX_FILE + 1).read_to_end(&mut bytes))
    };
    got.map_err(|error| {
        let en = format!("{file} cannot be read: {error}. Check the name.");
        let zh = format!("无法读取 {file}：{error}，请检查文件名。");
        Fault::input("E-INPUT-FILE", en, zh)
    })?;
    if bytes.len() as u64 > MAX_FILE {
        let en = format!("{file} has more than {MAX_FILE} bytes. Split it.");
        let zh = format!("{file} 超过 {MAX_FILE} 字节，请拆分。");
        return Err(Fault::input("E-INPUT-SIZE", en, zh));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let en = format!("{file} is not UTF-8 text (byte {at}). Save it as UTF-8.");
        let zh = format!("{file} 不是 UTF-8 文本（第 {at} 字节），请另存为 UTF-8。");
        Fault::input("E-INPUT-UTF8", en, zh)
    })?;
    Ok(Text { file, text })
}

/// A market and where it was read.
#[derive(Debug)]
pub struct Market {
    pub file: String,
    pub node: Option<Node>,
    pub snapshot: Snapshot,
}

/// Reads a snapshot.
pub fn market(path: &Path) -> Result<Market, Fault> {
    let Text { file, text } = read(path)?;
    let node = Node::from_text(&text).ok();
    match Snapshot::from_text(&text) {
        Ok((snapshot, notices)) => {
            for notice in &notices {
                eprintln!("notice: {file}: {notice}");
            }
            // It is priced all the same: what is looked at may be wrong, but not in silence. The
            // answers carry those of their own underlyings as notes.
            for breach in &snapshot.arbitrage(Calendars::builtin()) {
                eprintln!("warning: {file}: {breach}");
            }
            Ok(Market {
                file,
                node,
                snapshot,
            })
        }
        Err(findings) => {
            let origin = Origin {
                file: &file,
                node: node.as_ref(),
                at: (1, 1),
                market: None,
            };
            Err(origin.fault(&findings))
        }
    }
}

/// A term sheet of a file.
#[derive(Debug)]
pub struct Entry {
    pub file: String,
    /// Line and column of its first character.
    pub at: (u32, u32),
    /// Trade it names, when that much can be read.
    pub trade_id: Option<String>,
    pub node: Option<Node>,
    pub sheet: Result<TermSheet, Findings>,
}

impl Entry {
    fn new(file: &str, at: (u32, u32), text: &str) -> Self {
        let (node, sheet) = match Node::from_text(text) {
            Ok(node) => (Some(node.clone()), TermSheet::from_node(node)),
            Err(findings) => (None, Err(findings)),
        };
        let trade_id = node
            .as_ref()
            .and_then(|node| node.get("trade_id")?.scalar().map(str::to_owned));
        Self {
            file: file.to_owned(),
            at,
            trade_id,
            node,
            sheet,
        }
    }

    /// Where findings about it stand.
    pub fn origin<'a>(&'a self, market: Option<&'a Market>) -> Origin<'a> {
        Origin {
            file: &self.file,
            node: self.node.as_ref(),
            at: self.at,
            market,
        }
    }
}

/// Term sheets, and whether the answer is a list.
#[derive(Debug)]
pub struct Entries {
    pub list: Vec<Entry>,
    /// Several files, an array, or JSON lines.
    pub many: bool,
}

/// Reads term sheets: JSON or YAML, a JSON array of sheets, or JSON lines.
pub fn sheets(paths: &[PathBuf]) -> Result<Entries, Fault> {
    let mut entries = Entries {
        list: Vec::new(),
        many: paths.len() > 1,
    };
    for path in paths {
        let Text { file, text } = read(path)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        match parts(text) {
            Some(parts) => {
                entries.many = true;
                let mut cursor = Cursor::new(text);
                for (start, end) in parts {
                    let at = cursor.place(start);
                    entries.list.push(Entry::new(&file, at, &text[start..end]));
                }
            }
            None => entries.list.push(Entry::new(&file, (1, 1), text)),
        }
    }
    if entries.list.is_empty() {
        let en = "There are no term sheets in the input.";
        return Err(Fault::input("E-INPUT-EMPTY", en, "输入中没有合约条款。"));
    }
    Ok(entries)
}

/// Byte ranges of the sheets of an array or of JSON lines; `None` for a document of one sheet, and
/// for an array whose brackets do not match, which the reader of documents then reports.
fn parts(text: &str) -> Option<Vec<(usize, usize)>> {
    match text.trim_start().bytes().next()? {
        b'[' => elements(text),
        b'{' => lines(text),
        _ => None,
    }
}

fn lines(text: &str) -> Option<Vec<(usize, usize)>> {
    let mut parts = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if !trimmed.is_empty() {
            let begin = start + (line.len() - line.trim_start().len());
            parts.push((begin, begin + trimmed.len()));
            // The first line decides: a sheet over several lines does not close its braces there.
            if parts.len() == 1 && closed(trimmed) != Some(trimmed.len()) {
                return None;
            }
        }
        start += line.len();
    }
    (parts.len() > 1).then_some(parts)
}

fn elements(text: &str) -> Option<Vec<(usize, usize)>> {
    let bytes = text.as_bytes();
    let blank = |at: &mut usize| {
        while bytes.get(*at).is_some_and(u8::is_ascii_whitespace) {
            *at += 1;
        }
    };
    let mut at = text.find('[')? + 1;
    let mut parts = Vec::new();
    loop {
        blank(&mut at);
        match bytes.get(at)? {
            b']' if parts.is_empty() => break,
            b'{' => {
                let length = closed(text.get(at..)?)?;
                parts.push((at, at + length));
                at += length;
            }
            _ => return None,
        }
        blank(&mut at);
        match bytes.get(at)? {
            b',' => at += 1,
            b']' => break,
            _ => return None,
        }
    }
    text.get(at + 1..)?.trim().is_empty().then_some(parts)
}

/// Length of the object that the text begins with; `None` when it does not end.
fn closed(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Lines and columns of growing offsets.
struct Cursor<'t> {
    text: &'t str,
    offset: usize,
    line: u32,
    column: u32,
}

impl<'t> Cursor<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            offset: 0,
            line: 1,
            column: 1,
        }
    }

    fn place(&mut self, offset: usize) -> (u32, u32) {
        let between = self.text.get(self.offset..offset).unwrap_or_default();
        for letter in between.chars() {
            if letter == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.offset = offset;
        (self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, parts};

    fn cut(text: &str) -> Option<Vec<&str>> {
        let ranges = parts(text)?;
        Some(ranges.into_iter().map(|(a, b)| &text[a..b]).collect())
    }

    #[test]
    fn an_array_and_json_lines_are_cut_and_one_sheet_is_not() {
        assert_eq!(
            cut("[{\"a\":\"}],\\\"\"},\n {\"b\":[1]}]\n"),
            Some(vec!["{\"a\":\"}],\\\"\"}", "{\"b\":[1]}"])
        );
        assert_eq!(
            cut("{\"a\":1}\n\n{\"b\""),
            Some(vec!["{\"a\":1}", "{\"b\""])
        );
        assert_eq!(cut("{\"a\":1,\n\"b\":2}"), None);
        assert_eq!(cut("{\"a\":1}\n"), None);
        assert_eq!(cut("[]"), Some(vec![]));
        assert_eq!(cut("[{\"a\":1}"), None);
        assert_eq!(cut("[{\"a\":1},]"), None);
        assert_eq!(cut("a: 1"), None);
    }

    #[test]
    fn places_count_characters() {
        let mut cursor = Cursor::new("雪\n球x");
        assert_eq!(cursor.place(0), (1, 1));
        assert_eq!(cursor.place(7), (2, 2));
    }
}
