//! Unified diffs as `git diff -M --no-color` writes them, with any number of context lines.

mod moved;
mod parse;
mod path;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use parse::ReadDiffError;

/// A diff, its lines borrowed from the bytes it was read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff<'a> {
    /// Files in the order of the diff.
    pub files: Vec<FileDiff<'a>>,
}

/// What happened to one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileDiff<'a> {
    /// Path before; `None` for an added file.
    pub old_path: Option<String>,
    /// Path after; `None` for a deleted file.
    pub new_path: Option<String>,
    /// Kind of change.
    pub change: Change,
    /// Mode before, such as `100644`, where the diff tells.
    pub old_mode: Option<u32>,
    /// Mode after, where the diff tells.
    pub new_mode: Option<u32>,
    /// The content is binary: there are no lines.
    pub binary: bool,
    /// Changed places.
    pub hunks: Vec<Hunk<'a>>,
}

/// Kind of change of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Content or mode changed.
    #[default]
    Modified,
    /// The file is new.
    Added,
    /// The file is gone.
    Deleted,
    /// The file has another path.
    Renamed,
    /// The file is a copy of another.
    Copied,
}

/// One changed place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk<'a> {
    /// First line before, counted from 1.
    pub old_start: u32,
    /// First line after, counted from 1.
    pub new_start: u32,
    /// Lines in order.
    pub lines: Vec<HunkLine<'a>>,
}

/// One line of a hunk, without its marker and line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HunkLine<'a> {
    /// Which side it is on.
    pub side: Side,
    /// The bytes of the line.
    pub text: &'a [u8],
}

/// Which side of a diff a line is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// On both.
    Context,
    /// Before only.
    Deleted,
    /// After only.
    Added,
}

impl<'a> Diff<'a> {
    /// Reads a diff.
    ///
    /// # Errors
    /// Where and why the bytes are not a unified diff; combined diffs (of a merge) are refused.
    pub fn read(bytes: &'a [u8]) -> Result<Self, ReadDiffError> {
        parse::read(bytes)
    }
}

impl FileDiff<'_> {
    /// True for a plain file, false for a symbolic link or a submodule.
    pub fn is_plain_file(&self) -> bool {
        const KIND: u32 = 0o170_000;
        const PLAIN: u32 = 0o100_000;
        [self.old_mode, self.new_mode]
            .into_iter()
            .flatten()
            .all(|mode| mode & KIND == PLAIN)
    }
}

/// New lines by path after the change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLines {
    /// Every plain file with added lines.
    pub files: BTreeMap<String, FileNewLines>,
    /// The diff repeats itself so much that looking for moved lines was stopped: lines not reached
    /// count as new.
    pub moved_search_stopped: bool,
}

/// New lines of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileNewLines {
    /// Added or changed lines that were not moved, in order.
    pub lines: Vec<NewLine>,
    /// Added lines that were moved from elsewhere in the same diff.
    pub moved: u32,
}

/// One new line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLine {
    /// Line after the change, counted from 1.
    pub number: u32,
    /// Nothing but white space.
    pub blank: bool,
}

impl NewLines {
    /// New lines of all files.
    pub fn count(&self) -> u64 {
        self.files
            .values()
            .map(|file| file.lines.len() as u64)
            .sum()
    }

    /// Keeps the files for which `keep` holds; returns the paths of the others.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) -> Vec<String> {
        let mut left_out = Vec::new();
        self.files.retain(|path, _| {
            let kept = keep(path);
            if !kept {
                left_out.push(path.clone());
            }
            kept
        });
        left_out
    }
}

/// Lines added or changed by a diff, moved ones excepted.
///
/// *Moved* is a run of at least 3 consecutive added lines of one file, with at least 40 non-blank
/// characters in all, that equals, leading white space aside, a run of consecutive deleted lines
/// of one file of the same diff. Added lines are taken in the order of the diff; each run is made
/// as long as it can be (of equally long ones the first in the diff), and a deleted line serves
/// one run only.
pub fn new_lines(diff: &Diff<'_>) -> NewLines {
    let added = moved::blocks(diff, Side::Added);
    let deleted = moved::blocks(diff, Side::Deleted);
    let search = moved::search(&added, &deleted);
    let mut result = NewLines {
        files: BTreeMap::new(),
        moved_search_stopped: search.stopped,
    };
    let mut moved = search.moved.into_iter();
    for blocks in added.chunk_by(|a, b| a.file == b.file) {
        let path = diff.files[blocks[0].file]
            .new_path
            .clone()
            .unwrap_or_default();
        let file: &mut FileNewLines = result.files.entry(path).or_default();
        for block in blocks {
            for ((index, text), was_moved) in (0_u32..).zip(&block.lines).zip(&mut moved) {
                if was_moved {
                    file.moved += 1;
                } else {
                    let blank = moved::trim_start(text).is_empty();
                    file.lines.push(NewLine {
                        number: block.start.saturating_add(index),
                        blank,
                    });
                }
            }
        }
    }
    result
}
