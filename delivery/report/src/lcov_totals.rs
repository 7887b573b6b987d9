//! What a record of an LCOV tracefile says of itself, held against its `DA` lines.
//!
//! Most tools write the number of `DA` lines as `LF` and of those with hits as `LH`. What the
//! others do is allowed to them alone, known by their handwriting, and as far as they do it.

use crate::contradiction::{Contradiction, Count, push};
use crate::coverage::FileCoverage;
use crate::xml::shorten;

/// Claims and handwriting of one record.
#[derive(Default)]
pub(crate) struct Record {
    /// `LF` and `LH` with their lines.
    found: Option<(Count, u32)>,
    hit: Option<(Count, u32)>,
    /// `DA` lines, and those with hits.
    lines: u64,
    lines_hit: u64,
    /// `FN` lines, and the number `FNF` gives.
    functions: u64,
    functions_said: u64,
    /// A `DA` has a checksum.
    checksums: bool,
    /// `BRF` stands after the last `DA` and before `LF`: llvm-cov alone writes it there.
    branches_after_lines: bool,
    /// `LH` stands before `LF`.
    hit_first: bool,
}

impl Record {
    /// Notes a `DA` line that was read.
    pub(crate) fn line(&mut self, hits: u64, checksum: bool) {
        self.lines += 1;
        self.lines_hit += u64::from(hits > 0);
        self.checksums |= checksum;
        self.branches_after_lines = false;
    }

    /// Notes any other line of the record.
    pub(crate) fn note(&mut self, keyword: &str, value: &str, number: u32) {
        match keyword {
            "FN" | "FNA" => self.functions += 1,
            "FNF" => self.functions_said = Count::read(value).number().unwrap_or(0),
            "BRF" => {
                self.branches_after_lines = self.lines > 0 && self.found.is_none();
            }
            "LF" => self.found = Some((Count::read(value), number)),
            "LH" => {
                self.hit_first = self.found.is_none();
                self.hit = Some((Count::read(value), number));
            }
            _ => {}
        }
    }

    /// Adds where the claims and the lines of the record of `path` disagree. `by_gcovr` tells that
    /// the file says it was written by gcovr.
    pub(crate) fn judge(
        &self,
        path: &str,
        file: &FileCoverage,
        by_gcovr: bool,
        into: &mut Vec<Contradiction>,
    ) {
        let counted = file.line_ratio();
        let number =
            |said: &Option<(Count, u32)>| said.as_ref().and_then(|(said, _)| said.number());
        let (found, hit) = (number(&self.found), number(&self.hit));
        let allowed = self.is_allowed(
            path,
            file,
            by_gcovr,
            (
                found.unwrap_or(counted.total),
                hit.unwrap_or(counted.covered),
            ),
        );
        for (keyword, said, countings) in [
            ("LF", &self.found, [counted.total, self.lines]),
            ("LH", &self.hit, [counted.covered, self.lines_hit]),
        ] {
            let (message, line) = match said {
                Some((Count::Of(said), line)) if !allowed && !countings.contains(said) => {
                    let what = format!("{keyword}:{said}, its DA lines make {}", countings[0]);
                    (what, *line)
                }
                Some((Count::Unreadable(text), line)) => {
                    (format!("{keyword}:{text}, which is not a count"), *line)
                }
                _ => continue,
            };
            let path = shorten(path);
            push(into, line, format!("the record of {path} says {message}"));
        }
    }

    fn is_allowed(
        &self,
        path: &str,
        file: &FileCoverage,
        by_gcovr: bool,
        (found, hit): (u64, u64),
    ) -> bool {
        let counted = file.line_ratio();
        let missed = counted.total - counted.covered;
        if hit > found {
            // coverage.py before 7.2.2 gave the lines of statements as `DA` and the number of
            // statements as `LF`.
            let statements = self.checksums && path.to_ascii_lowercase().ends_with(".py");
            return statements && hit == counted.covered && found <= counted.total;
        }
        // Lines counted once for every function, instance of a template or closure they are in:
        // never more often than there are functions, and a line that nobody ran stays missed.
        let most = self.functions.max(self.functions_said).max(1);
        let per_function =
            found <= self.lines.saturating_mul(most) && hit <= self.lines_hit.saturating_mul(most);
        if by_gcovr {
            return per_function && hit >= counted.covered && found - hit >= missed;
        }
        if self.branches_after_lines {
            // llvm-cov leaves the lines of macros out of `LF`; Rust has none that are lines of
            // their own.
            return per_function && (found - hit >= missed || !path.ends_with(".rs"));
        }
        // Node's runner lists every line of a file but those told to be passed over, which it
        // counts as hit: they are missing from the numbering, or behind its end.
        let last = file.lines.keys().next_back().copied().map_or(0, u64::from);
        let passed_over = found.saturating_sub(counted.total);
        self.hit_first
            && !self.checksums
            && hit.checked_sub(counted.covered) == Some(passed_over)
            && passed_over <= last
    }
}
