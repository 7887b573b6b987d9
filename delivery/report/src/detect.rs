//! What a file is, when it is not what it was handed in as.

use crate::coverage::Coverage;
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::xml::shorten;

/// Reads a coverage report of whichever known format under the default [`Limits`].
///
/// Cobertura and LCOV are read; other formats are refused by name with the way to convert them.
pub fn read_coverage(bytes: &[u8]) -> Outcome<Coverage> {
    read_coverage_with(bytes, &Limits::default())
}

/// Reads a coverage report of whichever known format under `limits`.
pub fn read_coverage_with(bytes: &[u8], limits: &Limits) -> Outcome<Coverage> {
    match guess(bytes) {
        Guess::Xml => crate::cobertura::read_with(bytes, limits),
        Guess::Lcov => crate::lcov::read_with(bytes, limits),
        Guess::Empty => Outcome::refused("the file is empty", 0),
        Guess::Json => Outcome::refused(
            "the file is JSON; coverage is read as Cobertura XML or LCOV (coverage.py: `coverage \
             xml` or `coverage lcov`; istanbul: the `cobertura` or `lcov` reporter; cargo \
             llvm-cov: `--cobertura` or `--lcov`)",
            1,
        ),
        Guess::GoProfile => Outcome::refused(
            "the file is a Go cover profile; convert it with gocover-cobertura",
            1,
        ),
        Guess::Zip => Outcome::refused("the file is a ZIP archive; upload the report itself", 0),
        Guess::Gzip => Outcome::refused("the file is gzip data; upload the report itself", 0),
        Guess::Unknown => Outcome::refused(
            "the file is neither Cobertura XML (`<coverage …>`) nor LCOV (`SF:…`)",
            1,
        ),
    }
}

/// A first look at a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guess {
    Empty,
    Xml,
    Lcov,
    Json,
    GoProfile,
    Zip,
    Gzip,
    Unknown,
}

pub(crate) fn guess(bytes: &[u8]) -> Guess {
    if bytes.starts_with(b"PK\x03\x04") {
        return Guess::Zip;
    }
    if bytes.starts_with(&[0x1F, 0x8B]) {
        return Guess::Gzip;
    }
    // UTF-16 and marks: only the ASCII letters matter for a first look.
    let start: Vec<u8> = bytes
        .iter()
        .copied()
        .take(4096)
        .filter(|byte| *byte != 0 && byte.is_ascii())
        .skip_while(u8::is_ascii_whitespace)
        .take(16)
        .collect();
    match start.as_slice() {
        [] if bytes.len() <= 4096 => Guess::Empty,
        [b'<', ..] => Guess::Xml,
        [b'{' | b'[', ..] => Guess::Json,
        other if other.starts_with(b"mode:") => Guess::GoProfile,
        other => {
            let records: [&[u8]; 5] = [b"TN:", b"SF:", b"VER:", b"DA:", b"#"];
            let is_lcov = records.iter().any(|record| other.starts_with(record));
            if is_lcov { Guess::Lcov } else { Guess::Unknown }
        }
    }
}

/// The refusal of a file that cannot be XML at all, or `None` if it may be.
pub(crate) fn not_xml(bytes: &[u8], wanted: &str) -> Option<String> {
    let found = match guess(bytes) {
        Guess::Xml => return None,
        Guess::Empty => return Some("the file is empty".to_owned()),
        Guess::Lcov => "LCOV coverage",
        Guess::Json => "JSON",
        Guess::GoProfile => "a Go cover profile",
        Guess::Zip => "a ZIP archive",
        Guess::Gzip => "gzip data",
        Guess::Unknown => "not XML",
    };
    Some(format!("the file is {found}, not {wanted}"))
}

/// The message for a root element that is not the wanted one: what the file is, and what to do.
pub(crate) fn wrong_root(root: &str, wanted: &str) -> String {
    let known = match root {
        "coverage" => "a coverage report; declare it under `artifacts:reports:coverage_report`",
        "report" => {
            "a JaCoCo report; reading JaCoCo is not supported yet: convert it to Cobertura with \
             cover2cover"
        }
        "CoverageSession" => {
            "an OpenCover report; convert it to Cobertura with ReportGenerator \
             (`-reporttypes:Cobertura`)"
        }
        "CoverageReport" => {
            "a ReportGenerator or dotCover report; write it with `-reporttypes:Cobertura`"
        }
        "Root" => "a dotCover report; convert it to Cobertura with ReportGenerator",
        "results" => {
            "a Visual Studio coverage report; convert it to Cobertura with dotnet-coverage"
        }
        "testsuites" | "testsuite" => {
            "a JUnit test report; declare it under `artifacts:reports:junit`"
        }
        "assemblies" => "an xUnit.net report; write it with the junit logger",
        "test-run" => "an NUnit 3 report; write it with `nunit3-junit.xslt` or the junit logger",
        "test-results" => "an NUnit 2 report; convert it to JUnit",
        "TestRun" => "a Visual Studio TRX report; write it with the junit logger",
        "testng-results" => "a TestNG report; use the `junitreports` folder TestNG also writes",
        "robot" => "a Robot Framework report; write it with `--xunit`",
        "checkstyle" => "a Checkstyle report",
        "pmd" => "a PMD report",
        "BugCollection" => "a SpotBugs report",
        "html" | "HTML" => "an HTML page",
        "project" => "a build file or another project document",
        _ => "",
    };
    if known.is_empty() {
        format!("the root element is <{}>, not {wanted}", shorten(root))
    } else {
        format!("the root element is <{root}>: {known}; wanted {wanted}")
    }
}
