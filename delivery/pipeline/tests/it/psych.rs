//! Plain scalars against Ruby's own reader, where Ruby is installed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use rialto_delivery_pipeline::yaml::{Scalar, tokenize};

/// Reads one JSON string per line, writes what Psych makes of each.
const ORACLE: &str = r##"
require 'psych'; require 'json'
scanner = Psych::ScalarScanner.new(Psych::ClassLoader::Restricted.new(['Symbol'], []))
STDIN.each_line do |line|
  text = JSON.parse(line, quirks_mode: true)
  out = begin
    value = scanner.tokenize(text)
    case value
    when nil then 'null'
    when true, false then "bool #{value}"
    when Integer then "int #{value}"
    when Float then "float #{value}"
    else "text #{value}"
    end
  rescue Psych::DisallowedClass then 'timestamp'
  rescue ArgumentError then 'refused'
  end
  puts JSON.generate([out])
end
"##;

fn ours(text: &str) -> String {
    match tokenize(text) {
        Scalar::Null => "null".to_owned(),
        Scalar::Bool(value) => format!("bool {value}"),
        Scalar::Int(value) => format!("int {value}"),
        Scalar::Float(value) if value.is_nan() => "float NaN".to_owned(),
        Scalar::Float(value) if value.is_infinite() => {
            format!("float {}Infinity", if value < 0.0 { "-" } else { "" })
        }
        Scalar::Float(value) => format!("float {value:?}"),
        Scalar::Text(value) => format!("text {value}"),
        Scalar::Timestamp => "timestamp".to_owned(),
    }
}

/// Texts that look like numbers, times and words, by a fixed pseudo-random walk.
fn samples() -> Vec<String> {
    const ALPHABET: &[u8] = b"0012345678999__,..::--++eExXobBtTfFnNyYsSuUlLrRaA~ZT !";
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % bound as u64).unwrap_or(0)
    };
    let mut out: Vec<String> = [
        "2024-01-01",
        "2024-02-31",
        "2024-1-1 1:00:00 +02:00",
        "::a",
        ":'b'",
        ":\"c",
        "1e3",
        "+1",
        "-1",
        "+.inf",
        "0_7",
        "0,7",
        "-0x1F",
        "1,",
        "on\non",
        "yes ",
        " yes",
        "12:30:45.5",
        "99999999999999999999",
        "-99999999999999999999",
        "1_0:30",
        "0b",
        "0x_",
    ]
    .map(str::to_owned)
    .to_vec();
    for _ in 0..20_000 {
        let length = 1 + next(9);
        out.push(
            (0..length)
                .map(|_| char::from(ALPHABET[next(ALPHABET.len())]))
                .collect(),
        );
    }
    out
}

#[test]
fn plain_scalars_read_as_psych_reads_them() {
    let child = Command::new("ruby")
        .args(["-e", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        let mut err = std::io::stderr();
        writeln!(
            err,
            "SKIPPED plain_scalars_read_as_psych_reads_them: ruby is not installed"
        )
        .unwrap();
        return;
    };
    let samples = samples();
    let mut input = child.stdin.take().unwrap();
    let lines: String = samples
        .iter()
        .map(|text| serde_json::to_string(text).unwrap() + "\n")
        .collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let answers: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<[String; 1]>(line).unwrap()[0].clone())
        .collect();
    assert_eq!(answers.len(), samples.len());
    let mut different = Vec::new();
    for (text, theirs) in samples.iter().zip(&answers) {
        let mine = ours(text);
        // Whole numbers beyond 64 bits are their digits as text here; what Ruby refuses to
        // convert is text.
        let big = |mine: &str| {
            mine.strip_prefix("text ")
                .map(|digits| format!("int {digits}"))
        };
        let floats = || {
            let number = |text: &str| {
                text.strip_prefix("float ")
                    .and_then(|t| t.parse::<f64>().ok())
            };
            number(&mine).is_some() && number(&mine) == number(theirs)
        };
        let same = mine == *theirs
            || big(&mine).as_ref() == Some(theirs)
            || (theirs == "refused" && mine.starts_with("text "))
            || floats();
        if !same {
            different.push(format!("{text:?}: psych {theirs}, ours {mine}"));
        }
    }
    assert!(
        different.is_empty(),
        "{} differ:\n{}",
        different.len(),
        different[..different.len().min(30)].join("\n")
    );
}
