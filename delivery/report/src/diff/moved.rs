//! Which added lines were moved from elsewhere in the same diff.

use std::collections::HashMap;

use super::{Diff, Side};

/// Consecutive lines of one side of one file.
pub(super) struct Block<'a> {
    /// Index of the file in the diff.
    pub(super) file: usize,
    /// First line, counted from 1.
    pub(super) start: u32,
    pub(super) lines: Vec<&'a [u8]>,
}

/// Which added lines were moved, in the order of the blocks.
pub(super) struct Search {
    pub(super) moved: Vec<bool>,
    pub(super) stopped: bool,
}

/// Shortest run that counts as moved.
const LEAST_LINES: usize = 3;
/// Fewest non-blank characters of such a run.
const LEAST_CHARACTERS: u64 = 40;
/// Comparisons of lines after which the search gives up: far beyond honest diffs, and a bound for
/// one that repeats the same lines thousands of times.
const MOST_COMPARISONS: u64 = 200_000_000;

/// Runs of consecutive lines of one side. Consecutive means by line number, so the number of
/// context lines of the diff makes no difference.
pub(super) fn blocks<'a>(diff: &Diff<'a>, side: Side) -> Vec<Block<'a>> {
    let mut blocks: Vec<Block<'a>> = Vec::new();
    for (file, file_diff) in diff.files.iter().enumerate() {
        if !file_diff.is_plain_file() {
            continue;
        }
        let mut next = None;
        for hunk in &file_diff.hunks {
            let mut number = if side == Side::Added {
                hunk.new_start
            } else {
                hunk.old_start
            };
            for line in &hunk.lines {
                if line.side == side {
                    match blocks.last_mut() {
                        Some(block) if next == Some(number) => block.lines.push(line.text),
                        _ => blocks.push(Block {
                            file,
                            start: number,
                            lines: vec![line.text],
                        }),
                    }
                    next = number.checked_add(1);
                }
                if line.side == side || line.side == Side::Context {
                    number = number.saturating_add(1);
                }
            }
        }
    }
    blocks
}

/// Lines as numbers, equal lines equal, with a number of its own between blocks.
struct Numbered<'a> {
    ids: HashMap<&'a [u8], u32>,
    deleted: Vec<u32>,
    added: Vec<u32>,
    /// The text of each added line.
    texts: Vec<&'a [u8]>,
    /// For each added line that is in a block: its place in `added`.
    places: Vec<usize>,
    /// For each place in `added`: how many lines from here on have an equal deleted line.
    room: Vec<usize>,
}

/// No deleted line is like this one.
const NEVER: u32 = u32::MAX;
/// Between two blocks, and for a deleted line that no added line is like.
const GAP: u32 = u32::MAX - 1;

/// Tells most lines that one side does not have, at a fraction of the price of hashing them: most
/// changes move nothing. Wrong only in saying that a line may be there.
struct Sketch(Vec<u64>);

impl Sketch {
    /// 2^18 marks.
    const BITS: u32 = 18;

    fn of(blocks: &[Block<'_>]) -> Self {
        let mut marks = vec![0; 1 << (Self::BITS - 6)];
        for line in blocks.iter().flat_map(|block| &block.lines) {
            let place = Self::place(trim_start(line));
            marks[place / 64] |= 1 << (place % 64);
        }
        Self(marks)
    }

    fn may_hold(&self, line: &[u8]) -> bool {
        let place = Self::place(line);
        self.0[place / 64] >> (place % 64) & 1 == 1
    }

    /// Mixes the length and both ends of the line.
    fn place(line: &[u8]) -> usize {
        let end = |part: Option<&[u8; 8]>| part.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let first = end(line.first_chunk()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let last = end(line.last_chunk()).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        let middle = end(line
            .get(line.len() / 2..)
            .and_then(|half| half.first_chunk()));
        let mixed = (first ^ last.rotate_left(31) ^ middle ^ line.len() as u64)
            .wrapping_mul(0xD6E8_FEB8_6659_FD93);
        (mixed >> (64 - Self::BITS)) as usize
    }
}

impl<'a> Numbered<'a> {
    fn new(added: &[Block<'a>], deleted: &[Block<'a>]) -> Self {
        let mut numbered = Self {
            ids: HashMap::new(),
            deleted: Vec::new(),
            added: Vec::new(),
            texts: Vec::new(),
            places: Vec::new(),
            room: Vec::new(),
        };
        let sketch = Sketch::of(added);
        for block in deleted {
            for line in &block.lines {
                let line = trim_start(line);
                if !sketch.may_hold(line) {
                    numbered.deleted.push(GAP);
                    continue;
                }
                let next = u32::try_from(numbered.ids.len())
                    .unwrap_or(NEVER)
                    .min(GAP - 1);
                let id = *numbered.ids.entry(line).or_insert(next);
                numbered.deleted.push(id);
            }
            numbered.deleted.push(GAP);
        }
        let sketch = Sketch::of(deleted);
        for block in added {
            for line in &block.lines {
                let line = trim_start(line);
                numbered.places.push(numbered.added.len());
                let id = sketch
                    .may_hold(line)
                    .then(|| numbered.ids.get(line).copied());
                numbered.added.push(id.flatten().unwrap_or(NEVER));
                numbered.texts.push(line);
            }
            numbered.added.push(NEVER);
            numbered.texts.push(b"");
        }
        numbered.room = vec![0; numbered.added.len() + 1];
        for at in (0..numbered.added.len()).rev() {
            if numbered.added[at] != NEVER {
                numbered.room[at] = numbered.room[at + 1] + 1;
            }
        }
        numbered
    }
}

/// The first lines of a run of deleted lines, and where it starts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Window {
    lines: [u32; LEAST_LINES],
    start: usize,
}

/// All windows, equal ones together and in the order of the diff.
struct Windows(Vec<Window>);

impl Windows {
    fn new(numbered: &Numbered<'_>) -> Self {
        // Most changes move nothing: then there is nothing to sort.
        if !numbered.room.iter().any(|room| *room >= LEAST_LINES) {
            return Self(Vec::new());
        }
        let mut windows: Vec<Window> = Vec::with_capacity(numbered.deleted.len());
        for (start, window) in numbered.deleted.windows(LEAST_LINES).enumerate() {
            if let [a, b, c] = *window
                && !window.contains(&GAP)
            {
                windows.push(Window {
                    lines: [a, b, c],
                    start,
                });
            }
        }
        windows.sort_unstable();
        Self(windows)
    }

    fn starting_like(&self, added: &[u32]) -> &[Window] {
        let [a, b, c, ..] = *added else { return &[] };
        let lines = [a, b, c];
        let from = self.0.partition_point(|window| window.lines < lines);
        let to = from + self.0[from..].partition_point(|window| window.lines == lines);
        &self.0[from..to]
    }
}

/// Looks for moved runs: see [`super::new_lines`] for the rule.
pub(super) fn search(added: &[Block<'_>], deleted: &[Block<'_>]) -> Search {
    let numbered = Numbered::new(added, deleted);
    let windows = Windows::new(&numbered);
    let mut used = vec![false; numbered.deleted.len()];
    let mut moved = vec![false; numbered.added.len()];
    let mut left = MOST_COMPARISONS;
    let mut at = 0;
    while at + LEAST_LINES <= numbered.added.len() && left > 0 {
        if numbered.room[at] < LEAST_LINES {
            at += numbered.room[at] + 1;
            continue;
        }
        let starts = windows.starting_like(&numbered.added[at..]);
        let run = longest(&numbered, at, starts, &used, &mut left);
        match run {
            Some((start, length)) if enough(&numbered.texts[at..at + length]) => {
                used[start..start + length].fill(true);
                moved[at..at + length].fill(true);
                at += length;
            }
            _ => at += 1,
        }
    }
    let moved = numbered.places.iter().map(|place| moved[*place]).collect();
    Search {
        moved,
        stopped: left == 0,
    }
}

fn enough(lines: &[&[u8]]) -> bool {
    lines.iter().map(|line| non_blank(line)).sum::<u64>() >= LEAST_CHARACTERS
}

/// The longest run of unused deleted lines equal to the added ones from `at`, the first of equals.
fn longest(
    numbered: &Numbered<'_>,
    at: usize,
    starts: &[Window],
    used: &[bool],
    left: &mut u64,
) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize)> = None;
    for window in starts {
        let start = window.start;
        let length = numbered.added[at..]
            .iter()
            .zip(&numbered.deleted[start..])
            .zip(&used[start..])
            .take_while(|((added, deleted), used)| added == deleted && !**used)
            .count();
        *left = left.saturating_sub(length as u64 + 1);
        if *left == 0 {
            return None;
        }
        if length >= LEAST_LINES && best.is_none_or(|(_, longest)| length > longest) {
            best = Some((start, length));
        }
        // Nothing can be longer.
        if length == numbered.room[at] {
            break;
        }
    }
    best
}

/// The line without its leading white space.
pub(super) fn trim_start(line: &[u8]) -> &[u8] {
    let trimmed = line.trim_ascii_start();
    match trimmed.first() {
        // White space outside ASCII, such as the ideographic space.
        Some(byte) if !byte.is_ascii() => match std::str::from_utf8(trimmed) {
            Ok(text) => text.trim_start().as_bytes(),
            Err(_) => trimmed,
        },
        _ => trimmed,
    }
}

fn non_blank(line: &[u8]) -> u64 {
    if line.is_ascii() {
        return line
            .iter()
            .filter(|byte| !byte.is_ascii_whitespace())
            .count() as u64;
    }
    String::from_utf8_lossy(line)
        .chars()
        .filter(|c| !c.is_whitespace())
        .count() as u64
}
