//! What a Cobertura report says of itself, held against the lines it lists.
//!
//! Tools count lines in several ways, so a claim is right if any way in use gives it: lines of a
//! file once (istanbul, coverage.py), lines of every class (grcov, Cobertura itself), every `line`
//! element (gcovr with instances of a template, coverlet, scoverage), lines of methods. Rates of
//! packages and classes and all rates of branches are derived figures and are not judged.

use crate::contradiction::{Contradiction, Count, push};
use crate::coverage::Coverage;
use crate::ratio::Ratio;
use crate::xml::{Cursor, Element, Fault, shorten};

/// Rates are written with few digits, rounded or cut: this much is never a contradiction, …
const FINEST_STEP: f64 = 1e-4;
/// … and this much is, however few digits are written: `1` is said only where all is covered.
const COARSEST_STEP: f64 = 1e-2;

/// Claims of the root element.
#[derive(Default)]
pub(crate) struct Claims {
    line: u32,
    rate: Option<String>,
    covered: Option<Count>,
    valid: Option<Count>,
}

/// The ways to count besides the lines of the files as they were read.
#[derive(Default)]
pub(crate) struct Tally {
    /// `line` elements of classes, or of the methods of a class that lists none itself.
    pub(crate) elements: Ratio,
    /// Lines of classes, those of their methods included.
    pub(crate) of_classes: Ratio,
    /// `line` elements of methods.
    pub(crate) of_methods: Ratio,
    /// Different lines that classes list themselves.
    pub(crate) own: Ratio,
}

impl Tally {
    /// Counts one class by its own lines and those of its methods, each with its hits.
    pub(crate) fn class(&mut self, own: &[(u32, u64)], methods: &[(u32, u64)]) {
        let listed = if own.is_empty() { methods } else { own };
        self.elements = self.elements.plus(elements(listed));
        self.of_methods = self.of_methods.plus(elements(methods));
        self.own = self.own.plus(distinct(listed.iter()));
        let all = own.iter().chain(methods);
        self.of_classes = self.of_classes.plus(distinct(all));
    }
}

fn elements(lines: &[(u32, u64)]) -> Ratio {
    let covered = lines.iter().filter(|(_, hits)| *hits > 0).count();
    Ratio::new(covered as u64, lines.len() as u64)
}

fn distinct<'a>(lines: impl Iterator<Item = &'a (u32, u64)>) -> Ratio {
    let mut lines: Vec<(u32, bool)> = lines.map(|(line, hits)| (*line, *hits > 0)).collect();
    // The covered entry of a line first, so that it is the one kept.
    lines.sort_unstable_by_key(|(line, covered)| (*line, !covered));
    lines.dedup_by_key(|(line, _)| *line);
    let covered = lines.iter().filter(|(_, covered)| *covered).count();
    Ratio::new(covered as u64, lines.len() as u64)
}

impl Claims {
    /// Reads the claims of the root element.
    pub(crate) fn read(cursor: &Cursor<'_>, root: &Element<'_>) -> Result<Self, Fault> {
        let [rate, covered, valid] =
            root.attributes(cursor, ["line-rate", "lines-covered", "lines-valid"])?;
        Ok(Self {
            line: cursor.line_at(root.offset()),
            rate: rate.map(std::borrow::Cow::into_owned),
            covered: covered.as_deref().map(Count::read),
            valid: valid.as_deref().map(Count::read),
        })
    }

    /// Where the claims and the lines disagree.
    pub(crate) fn contradictions(&self, tally: &Tally, coverage: &Coverage) -> Vec<Contradiction> {
        let mut countings = vec![
            tally.own,
            coverage.line_ratio(),
            tally.of_classes,
            tally.elements,
            tally.of_methods,
        ];
        // A way that finds nothing where there are lines is not in use here.
        countings.retain(|one| one.total > 0 || tally.own.total == 0);
        let mut found = Vec::new();
        let valid = self.valid.as_ref().and_then(Count::number);
        let covered = self.covered.as_ref().and_then(Count::number);
        let told = valid.zip(covered);
        let unlisted = told.is_some_and(|(valid, covered)| {
            may_leave_lines_out(tally, coverage)
                && leaves_out(Ratio::new(covered, valid), countings[0])
        });
        let part: fn(&Ratio) -> u64 = |counting| counting.covered;
        let whole: fn(&Ratio) -> u64 = |counting| counting.total;
        let mut counts_hold = true;
        for (attribute, said, pick) in [
            ("lines-valid", &self.valid, whole),
            ("lines-covered", &self.covered, part),
        ] {
            match said {
                Some(Count::Of(said))
                    if !unlisted && !countings.iter().any(|one| pick(one) == *said) =>
                {
                    counts_hold = false;
                    let counted = pick(&countings[0]);
                    let message =
                        format!("the file says {attribute}=\"{said}\", its lines make {counted}");
                    push(&mut found, self.line, message);
                }
                Some(Count::Unreadable(text)) => {
                    let message =
                        format!("the file says {attribute}=\"{text}\", which is not a count");
                    push(&mut found, self.line, message);
                }
                _ => {}
            }
        }
        let told = told.map(|(valid, covered)| Ratio::new(covered, valid));
        let rates = countings.into_iter().chain(told.filter(|_| counts_hold));
        if let Some(message) = self
            .rate
            .as_deref()
            .and_then(|rate| wrong_rate(rate, rates))
        {
            push(&mut found, self.line, message);
        }
        found
    }
}

/// Whether the tool is one of those that count more lines than they list: PHPUnit lists lines of
/// classes and functions and counts those of the script around them too; coverage.py lists one of
/// several files of the same path below different source roots and counts all of them.
fn may_leave_lines_out(tally: &Tally, coverage: &Coverage) -> bool {
    let php = |path: &String| path.to_ascii_lowercase().ends_with(".php");
    let all_php = !coverage.files.is_empty() && coverage.files.keys().all(php);
    all_php || (coverage.source_roots.len() > 1 && tally.of_methods.total == 0)
}

/// Whether `said` is `counted` and further lines: none fewer that are covered, none fewer that are
/// not.
fn leaves_out(said: Ratio, counted: Ratio) -> bool {
    said.covered >= counted.covered
        && said.total >= said.covered
        && said.total - said.covered >= counted.total - counted.covered
}

/// What is wrong with a rate as written, if it is none of `rates`; the first is the one shown.
fn wrong_rate(text: &str, rates: impl Iterator<Item = Ratio>) -> Option<String> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.eq_ignore_ascii_case("nan") {
        return None;
    }
    let shown = shorten(trimmed);
    let plain = trimmed.replace(',', ".");
    let Some(said) = plain
        .parse::<f64>()
        .ok()
        .filter(|rate| rate.is_finite() && *rate >= 0.0)
    else {
        return Some(format!(
            "the file says line-rate=\"{shown}\", which is not a rate"
        ));
    };
    let digits = plain.split_once('.').map_or(0, |(_, digits)| digits.len());
    let step = 10_f64
        .powi(-i32::try_from(digits).unwrap_or(i32::MAX))
        .clamp(FINEST_STEP, COARSEST_STEP)
        + 1e-9;
    // Some tools write percent.
    let as_said = [said, said / 100.0];
    let as_said = if said > 1.0 + step {
        &as_said[..]
    } else {
        &as_said[..1]
    };
    let mut first = None;
    for rate in rates {
        first.get_or_insert(rate);
        let holds = if rate.total == 0 {
            // Of nothing, all and none are covered: both are written.
            said == 0.0 || said == 1.0 || said == 100.0
        } else {
            let real = rate.covered as f64 / rate.total as f64;
            as_said.iter().any(|said| (said - real).abs() <= step)
        };
        if holds {
            return None;
        }
    }
    let Ratio { covered, total } = first.unwrap_or_default();
    Some(format!(
        "the file says line-rate=\"{shown}\", its lines make {covered} of {total}"
    ))
}
