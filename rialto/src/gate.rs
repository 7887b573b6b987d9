//! `rialto gate …`: coverage of a change and replay of verdicts, right here, without a server.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use rialto_delivery_gate::{Decimal, replay};
use rialto_delivery_report::new_code::line_ranges;
use rialto_delivery_report::{
    Coverage, Diff, MeasuredExtensions, NewCodeCoverage, NewLines, Outcome, PathMapper, Ratio,
    new_code_coverage, new_lines, read_coverage,
};
use serde_json::{Value, json};

/// Usage, or a file that is not valid.
const INVALID: u8 = 2;

/// The commands of `rialto gate`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Coverage of new, existing and all code of a change; moved lines are not new.
    ///
    /// Exit codes: 0 done, 1 below the minimum, 2 usage or a file that is not valid.
    Coverage(CoverageArgs),
    /// Judge a stored gate input again and print the same verdict, byte for byte.
    ///
    /// FILE holds a gate input, or {"input": …, "verdict": …}; then the verdicts are compared.
    /// Exit codes: 0 done, 1 the verdicts differ, 2 usage or a file that is not valid.
    Replay(ReplayArgs),
}

/// Options of `rialto gate coverage`.
#[derive(Debug, Args)]
pub struct CoverageArgs {
    #[command(flatten)]
    change: ChangeArgs,
    /// Cobertura or LCOV reports; several are merged, as those of shards.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    coverage: Vec<PathBuf>,
    /// Extensions coverage is measured for: new files with one of these that no report mentions
    /// count as uncovered. Without it: the extensions the reports mention.
    #[arg(long, value_name = "EXT", value_delimiter = ',')]
    measured_extensions: Vec<String>,
    /// Exit with 1 if less than this percentage of the new lines is covered.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    minimum: Option<Decimal>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

/// A share of lines, 0 to 100.
fn percent(text: &str) -> Result<Decimal, String> {
    let value = text.parse::<Decimal>().map_err(|e| e.to_string())?;
    if value > Decimal::whole(100) {
        return Err("a percentage lies between 0 and 100".to_owned());
    }
    Ok(value)
}

/// What is new: exactly one of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ChangeArgs {
    /// Diff made by `git diff -M --no-color BASE...HEAD`; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    diff: Option<PathBuf>,
    /// Compare the merge base with this commit or branch to HEAD; committed changes only.
    #[arg(long, value_name = "REF")]
    base: Option<String>,
}

/// Options of `rialto gate replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The stored gate input; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How to print; `json` is the canonical bytes.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

/// Forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// One document.
    Json,
}

/// Runs a command. Whatever cannot be read, run or understood is told on standard error and ends
/// with exit code 2, so that 1 always means a minimum or a verdict that was not kept.
pub fn execute(command: Command) -> Result<ExitCode> {
    let done = match command {
        Command::Coverage(arguments) => coverage(&arguments),
        Command::Replay(arguments) => judge_again(&arguments),
    };
    Ok(done.unwrap_or_else(|error| invalid(&[format!("{error:#}")])))
}

fn coverage(arguments: &CoverageArgs) -> Result<ExitCode> {
    // Both sides are read at the same time: each may be large, or wait for git.
    let (lines, reports, tracked) = std::thread::scope(|scope| {
        let lines = scope.spawn(|| read_new_lines(&arguments.change));
        let tracked = scope.spawn(tracked_files);
        let reports = read_reports(&arguments.coverage);
        let gone = || anyhow!("reading the diff was cut short");
        let lines = lines.join().map_err(|_| gone()).and_then(|lines| lines);
        (lines, reports, tracked.join().unwrap_or_default())
    });
    let (lines, reports) = match (lines?, reports?) {
        (Ok(lines), Ok(reports)) => (lines, reports),
        (lines, reports) => {
            let mut faults: Vec<String> = lines.err().into_iter().collect();
            faults.extend(reports.err().unwrap_or_default());
            return Ok(invalid(&faults));
        }
    };
    let files = repository_files(&lines, &tracked);
    let mapper = PathMapper::new(files.iter().map(|path| path.as_ref()));
    let (whole, unmapped) = merge(reports, &mapper);
    let measured = if arguments.measured_extensions.is_empty() {
        MeasuredExtensions::of_coverage(&whole)
    } else {
        MeasuredExtensions::new(&arguments.measured_extensions)
    };
    let result = new_code_coverage(&lines, &whole, &measured);
    let text = match arguments.output {
        Output::Json => format!("{}\n", as_json(&result, &lines, &unmapped)),
        Output::Table => as_table(&result, &lines, &unmapped),
    };
    print(text.as_bytes())?;
    let kept = arguments
        .minimum
        .is_none_or(|minimum| reaches(minimum, result.new));
    Ok(if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The new lines, or why the diff is not valid.
fn read_new_lines(change: &ChangeArgs) -> Result<Result<NewLines, String>> {
    let (name, bytes) = match (&change.diff, &change.base) {
        (Some(file), _) => (file.display().to_string(), read(file)?),
        (None, Some(base)) => (format!("git diff {base}...HEAD"), git_diff(base)?),
        (None, None) => bail!("give --diff FILE or --base REF"),
    };
    let lines = Diff::read(&bytes).map(|diff| new_lines(&diff));
    Ok(lines.map_err(|error| format!("{name}: {error}")))
}

/// The reports, or why some of them are not valid.
fn read_reports(files: &[PathBuf]) -> Result<Result<Vec<Coverage>, Vec<String>>> {
    let mut reports = Vec::new();
    let mut faults = Vec::new();
    for file in files {
        match read_coverage(&read(file)?) {
            // The server fails a report that contradicts itself; so does this.
            Outcome::Parsed { value } => {
                let told = value.contradictions.iter();
                faults.extend(told.map(|one| fault_at(file, one.line, &one.message)));
                reports.push(value);
            }
            Outcome::Partial { reason, line, .. } | Outcome::Refused { reason, line } => {
                faults.push(fault_at(file, line, &reason));
            }
        }
    }
    Ok(if faults.is_empty() {
        Ok(reports)
    } else {
        Err(faults)
    })
}

/// `FILE:LINE: MESSAGE`; line 0 is the file as a whole.
fn fault_at(file: &Path, line: u32, message: &str) -> String {
    let line = if line > 0 {
        format!(":{line}")
    } else {
        String::new()
    };
    format!("{}{line}: {message}", file.display())
}

/// Nothing new is nothing uncovered.
fn reaches(minimum: Decimal, new: Ratio) -> bool {
    new.total == 0
        || minimum
            .compare_fraction(u128::from(new.covered) * 100, new.total)
            .is_ge()
}

/// Merges reports under repository paths; files that are not of the repository keep their path and
/// are listed.
fn merge(reports: Vec<Coverage>, mapper: &PathMapper<'_>) -> (Coverage, BTreeSet<String>) {
    let mut whole = Coverage::default();
    let mut unmapped = BTreeSet::new();
    for mut report in reports {
        let roots: Vec<String> = report.source_roots.iter().cloned().collect();
        let foreign: Vec<String> = report
            .files
            .keys()
            .filter(|path| mapper.find(path, &roots).is_err())
            .cloned()
            .collect();
        for path in foreign {
            if let Some(file) = report.files.remove(&path) {
                whole.files.entry(path.clone()).or_default().merge(&file);
            }
            unmapped.insert(path);
        }
        let (mapped, _) = mapper.map(report);
        whole.merge(mapped);
    }
    (whole, unmapped)
}

/// Files of the working copy here, each ended by a zero byte; nothing outside a working copy.
fn tracked_files() -> Vec<u8> {
    git(&["ls-files", "-z", "--full-name", ":/"]).unwrap_or_default()
}

/// Paths that reports are mapped to: those of the working copy here if the diff is of it, else the
/// paths of the diff itself.
fn repository_files<'a>(lines: &'a NewLines, tracked: &'a [u8]) -> Vec<Cow<'a, str>> {
    let tracked: HashSet<&[u8]> = tracked
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty())
        .collect();
    let of_diff = lines.files.keys().map(|path| Cow::Borrowed(path.as_str()));
    if !lines
        .files
        .keys()
        .any(|path| tracked.contains(path.as_bytes()))
    {
        return of_diff.collect();
    }
    tracked
        .iter()
        .map(|path| String::from_utf8_lossy(path))
        .chain(of_diff)
        .collect()
}

fn git_diff(base: &str) -> Result<Vec<u8>> {
    if base.starts_with('-') {
        bail!("`{base}` is not a commit or branch");
    }
    let range = format!("{base}...HEAD");
    git(&[
        "diff",
        "-M",
        "-U0",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        &range,
        "--",
    ])
}

fn git(arguments: &[&str]) -> Result<Vec<u8>> {
    let output = std::process::Command::new("git")
        .args(arguments)
        .output()
        .context("cannot run `git`; install it or give --diff FILE")?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        bail!("git {}: {}", arguments.join(" "), told.trim());
    }
    Ok(output.stdout)
}

fn as_json(result: &NewCodeCoverage, lines: &NewLines, unmapped: &BTreeSet<String>) -> Value {
    let ratio = |ratio: Ratio| json!({"covered": ratio.covered, "total": ratio.total, "percent": ratio.percent()});
    let files: Vec<Value> = result
        .files
        .iter()
        .map(|file| {
            json!({
                "path": file.path,
                "covered": file.lines.covered,
                "total": file.lines.total,
                "percent": file.lines.percent(),
                "new_covered": file.new.covered,
                "new_total": file.new.total,
                "uncovered_new_lines": file.uncovered_new_lines,
                "absent": file.absent,
            })
        })
        .collect();
    json!({
        "overall": ratio(result.overall),
        "existing": ratio(result.existing),
        "new_lines": ratio(result.new),
        "moved_lines": moved(lines),
        "moved_search_stopped": lines.moved_search_stopped,
        "files": files,
        "not_measured": result.not_measured,
        "unmapped": unmapped,
    })
}

fn as_table(result: &NewCodeCoverage, lines: &NewLines, unmapped: &BTreeSet<String>) -> String {
    const SHOWN_RANGES: usize = 12;
    let row = |name: &str, ratio: Ratio| {
        let percent = ratio
            .percent()
            .map_or("n/a".to_owned(), |percent| format!("{percent} %"));
        format!(
            "{name:<10} {percent:>9}  {} of {} lines\n",
            ratio.covered, ratio.total
        )
    };
    let mut text = row("new", result.new);
    text += &row("existing", result.existing);
    text += &row("overall", result.overall);
    if moved(lines) > 0 {
        text += &format!("{} moved lines are not new\n", moved(lines));
    }
    if lines.moved_search_stopped {
        text += "the diff repeats itself too often: some moved lines may count as new\n";
    }
    for file in result
        .files
        .iter()
        .filter(|file| !file.uncovered_new_lines.is_empty())
    {
        let why = if file.absent { " (in no report)" } else { "" };
        let ranges = line_ranges(&file.uncovered_new_lines, SHOWN_RANGES);
        text += &format!("uncovered  {}{why}: {ranges}\n", file.path);
    }
    for path in unmapped {
        text += &format!("unmapped   {path}\n");
    }
    text
}

fn moved(lines: &NewLines) -> u64 {
    lines.files.values().map(|file| u64::from(file.moved)).sum()
}

fn judge_again(arguments: &ReplayArgs) -> Result<ExitCode> {
    let replayed = match replay(&read(&arguments.file)?) {
        Ok(replayed) => replayed,
        Err(error) => return Ok(invalid(&[format!("{}: {error}", arguments.file.display())])),
    };
    match arguments.output {
        Output::Json => {
            print(&replayed.bytes)?;
            print(b"\n")?;
        }
        Output::Table => {
            let verdict = &replayed.verdict;
            let mut text = format!("verdict {} of {}: ", verdict.id, verdict.sha);
            text += &format!("{}\n", word(&json!(verdict.overall)));
            text += &verdict
                .error
                .as_ref()
                .map(|error| format!("{error}\n"))
                .unwrap_or_default();
            for rule in &verdict.rules {
                let result = word(&json!(rule.result));
                text += &format!("{result:<14} {:<20} {}\n", rule.id, rule.detail);
            }
            print(text.as_bytes())?;
        }
    }
    if replayed.identical == Some(false) {
        eprintln!("error: the recorded verdict is not the one this input gives");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// The word an enum is written as.
fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn read(file: &Path) -> Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
        return Ok(bytes);
    }
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn print(bytes: &[u8]) -> Result<()> {
    std::io::stdout()
        .write_all(bytes)
        .context("cannot write to standard output")
}

fn invalid(faults: &[String]) -> ExitCode {
    for fault in faults {
        eprintln!("error: {fault}");
    }
    ExitCode::from(INVALID)
}

#[cfg(test)]
mod tests {
    use rialto_delivery_report::{Diff, PathMapper, Ratio, new_lines, read_coverage};

    use super::{merge, reaches, repository_files};

    #[test]
    fn a_minimum_is_kept_exactly_and_nothing_new_keeps_it() {
        let minimum = "80".parse().unwrap();
        assert!(reaches(minimum, Ratio::new(4, 5)));
        assert!(!reaches(minimum, Ratio::new(79_996, 100_000)));
        assert!(reaches(minimum, Ratio::new(0, 0)));
    }

    #[test]
    fn files_outside_the_repository_keep_their_path_and_are_listed() {
        let report = "SF:/builds/quote/src/a.py\nDA:1,1\nend_of_record\n\
                      SF:/usr/lib/x.py\nDA:1,1\nend_of_record\n";
        let report = read_coverage(report.as_bytes()).whole().unwrap().clone();
        let mapper = PathMapper::new(["src/a.py"]);
        let (whole, unmapped) = merge(vec![report.clone(), report], &mapper);
        assert_eq!(
            whole.files.keys().collect::<Vec<_>>(),
            ["/usr/lib/x.py", "src/a.py"]
        );
        assert_eq!(whole.files["src/a.py"].lines[&1], 2);
        assert_eq!(unmapped.into_iter().collect::<Vec<_>>(), ["/usr/lib/x.py"]);
    }

    #[test]
    fn the_working_copy_counts_only_if_the_diff_is_of_it() {
        let diff = "--- a/src/a.py\n+++ b/src/a.py\n@@ -0,0 +1 @@\n+x\n";
        let lines = new_lines(&Diff::read(diff.as_bytes()).unwrap());
        let count = |tracked: &[u8]| repository_files(&lines, tracked).len();
        assert_eq!(count(b"other.py\0more.py\0"), 1);
        assert_eq!(count(b"src/a.py\0more.py\0"), 3);
        assert_eq!(count(b""), 1);
    }
}
