//! Line and branch coverage of files, as counted facts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::contradiction::Contradiction;
use crate::outcome::Note;
use crate::ratio::Ratio;

/// What one report, or several merged ones, say about coverage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// By path: as written in the report, or of the repository once mapped
    /// ([`crate::PathMapper::map`]).
    pub files: BTreeMap<String, FileCoverage>,
    /// Folders the report says its paths start from.
    pub source_roots: BTreeSet<String>,
    /// Bytes that are not text in the file's encoding were replaced.
    pub bytes_replaced: bool,
    /// Oddities that did not stop the reading.
    pub notes: Vec<Note>,
    /// Where totals the file states differ from its lines. They are about one file: merging leaves
    /// them behind.
    #[serde(default)]
    pub contradictions: Vec<Contradiction>,
}

/// Executable lines of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCoverage {
    /// Executable line (counted from 1) to times run.
    pub lines: BTreeMap<u32, u64>,
    /// Lines with branches.
    pub branches: BTreeMap<u32, LineBranches>,
}

/// Branches of one line: by name where the format names them, else as bare counts.
///
/// Both are kept so that merging gives the same whatever the order of the files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineBranches {
    /// Branch (`block,branch` as written) to times taken.
    pub named: BTreeMap<String, u64>,
    /// The most branches a report says were taken.
    pub counted_covered: u32,
    /// The most branches a report says there are.
    pub counted_total: u32,
}

impl LineBranches {
    /// Branches there are.
    pub fn total(&self) -> u64 {
        (self.named.len() as u64).max(u64::from(self.counted_total))
    }

    /// Branches that were taken.
    pub fn covered(&self) -> u64 {
        let named = self.named.values().filter(|hits| **hits > 0).count() as u64;
        named.max(u64::from(self.counted_covered)).min(self.total())
    }

    /// Joins what another report says of the same line: named branches add up; bare counts cannot
    /// be told apart, so the higher one stands.
    pub fn merge(&mut self, other: &Self) {
        for (name, hits) in &other.named {
            let own = self.named.entry(name.clone()).or_insert(0);
            *own = own.saturating_add(*hits);
        }
        self.counted_covered = self.counted_covered.max(other.counted_covered);
        self.counted_total = self.counted_total.max(other.counted_total);
    }
}

impl FileCoverage {
    /// Adds `hits` to an executable line.
    pub fn hit(&mut self, line: u32, hits: u64) {
        let own = self.lines.entry(line).or_insert(0);
        *own = own.saturating_add(hits);
    }

    /// Covered of executable lines.
    pub fn line_ratio(&self) -> Ratio {
        let covered = self.lines.values().filter(|hits| **hits > 0).count();
        Ratio::new(covered as u64, self.lines.len() as u64)
    }

    /// Taken of all branches.
    pub fn branch_ratio(&self) -> Ratio {
        self.branches
            .values()
            .map(|line| Ratio::new(line.covered(), line.total()))
            .fold(Ratio::default(), Ratio::plus)
    }

    /// Joins the hits of another report for the same file.
    pub fn merge(&mut self, other: &Self) {
        for (line, hits) in &other.lines {
            self.hit(*line, *hits);
        }
        for (line, branches) in &other.branches {
            self.branches.entry(*line).or_default().merge(branches);
        }
    }
}

impl Coverage {
    /// Covered of executable lines of all files.
    pub fn line_ratio(&self) -> Ratio {
        self.files
            .values()
            .map(FileCoverage::line_ratio)
            .fold(Ratio::default(), Ratio::plus)
    }

    /// Taken of all branches of all files.
    pub fn branch_ratio(&self) -> Ratio {
        self.files
            .values()
            .map(FileCoverage::branch_ratio)
            .fold(Ratio::default(), Ratio::plus)
    }

    /// Joins another report, such as the one of another shard. Hits add up, so the order of
    /// merging does not matter. Map paths before merging when the reports have different roots.
    pub fn merge(&mut self, other: Self) {
        for (path, file) in other.files {
            match self.files.entry(path) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(file);
                }
                std::collections::btree_map::Entry::Occupied(mut own) => own.get_mut().merge(&file),
            }
        }
        self.source_roots.extend(other.source_roots);
        self.bytes_replaced |= other.bytes_replaced;
        for note in other.notes {
            crate::outcome::push_note(&mut self.notes, note.line, note.message);
        }
    }

    /// Keeps the files for which `keep` holds, for example to leave out generated ones; returns
    /// the paths of the others.
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
