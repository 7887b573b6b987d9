//! Whole documents against Ruby's own reader, where Ruby is installed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use super::{Node, Value, read};
use crate::diagnostic::Sink;

/// Reads a JSON array of texts, writes a JSON array of what Psych makes of them.
const ORACLE: &str = r##"
require 'psych'; require 'json'
def plain(value)
  case value
  when Hash then { 'map' => value.map { |k, v| [k.to_s, plain(v)] } }
  when Array then value.map { |v| plain(v) }
  when Symbol then value.to_s
  when Float then { 'float' => value.to_s }
  when Integer then { 'int' => value.to_s }
  else value
  end
end
out = JSON.parse(STDIN.read).map do |text|
  begin
    plain(Psych.safe_load(text, permitted_classes: [Symbol], aliases: true))
  rescue StandardError, SystemStackError
    'REFUSED'
  end
end
puts JSON.generate(out)
"##;

fn plain(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!({"int": value.to_string()}),
        Value::Float(_) => json!({"float": node.scalar_text()}),
        Value::Text(text) => json!(&**text),
        Value::List(items) | Value::Reference(items) => items.iter().map(plain).collect(),
        Value::Map(map) => {
            let pairs: Vec<Json> = map
                .iter()
                .map(|(key, entry)| json!([&**key, plain(&entry.value)]))
                .collect();
            json!({ "map": pairs })
        }
    }
}

fn ours(text: &str) -> Json {
    let mut sink = Sink::default();
    let documents = read(text.as_bytes(), 0, &mut sink);
    match documents.filter(|_| sink.error_count() == 0) {
        Some(documents) => documents.first().map_or(Json::Null, plain),
        None => json!("REFUSED"),
    }
}

/// What Psych makes of each text; `None` without Ruby.
fn theirs(texts: &[String]) -> Option<Vec<Json>> {
    let mut child = Command::new("ruby")
        .args(["-e", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take().expect("stdin is piped");
    let body = serde_json::to_vec(texts).expect("texts are JSON");
    let writer = std::thread::spawn(move || input.write_all(&body));
    let output = child.wait_with_output().expect("ruby ends");
    writer
        .join()
        .expect("the writer does not panic")
        .expect("ruby reads its input");
    Some(serde_json::from_slice(&output.stdout).expect("the oracle answers in JSON"))
}

/// Left out: a tab before the first key (Psych refuses it, our parser does not mind), keys that are
/// lists or maps (refused here).
const TEXTS: &[&str] = &[
    "a: 1\nb: [x, 'y', \"z\"]\n",
    "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: {x: 3, <<: *a}\n",
    "a: &a {x: 1}\nb: &b {x: 2, z: 1}\nc: {<<: [*a, *b]}\nd: {<<: *a, <<: *b}\ne: {<<: *b, q: 1, <<: *a}\n",
    "a: &a {x: {p: 1}}\nb: {<<: *a, x: {q: 2}}\n",
    "a: {<<: {x: 1}, y: 2}\n",
    "a: &x 1\nb: &x 2\nc: *x\n",
    "a: 1\na: 2\nb: 3\na: 4\n",
    "a: |\n  one\n    two\n\n  three\n\nb: >\n  folded\n  text\n\n  para\nc: |-\n  strip\nd: |+\n  keep\n\n",
    "a: |2\n    two\n  one\nb: >-\n    more\n      indented\n    text\n",
    "a: \"esc \\t \\n \\x41 \\u00e9 \\\\ \\\" \\\n   joined\"\nb: 'it''s'\n",
    "a: plain over\n  two lines\n\n  and a gap\nb: x # comment\n",
    "- - a\n  - b\n-\n  - c\n- d: e\n  f: g\n-   - h\n",
    "a:\n- b\n- c\nd:\n  - e\n",
    "{a: b, c: {d: e}, f: [g, {h: i}]}\n",
    "[a, b: c, {d: e}]\n",
    "? key\n: value\n",
    "yes: 1\nno: 2\n~: 3\n1: 4\n0x10: 5\n1.50: 6\n",
    "a: !!str 12\nb: !!int '12'\nc: !!float 1\nd: ! 12\ne: !foo 12\nf: !foo [1]\ng: !!str\n",
    "--- \na: b\n...\n",
    "%YAML 1.1\n---\na: b\n",
    "a: - b\n",
    "a: b: c\n",
    "- echo \"x: y\"\n- echo 'a' b\n",
    "a: 'x' y\n",
    "a: @x\n",
    "a: `x`\n",
    "a: %x\n",
    "a: [x, y\n",
    "a:\tb\n",
    "a: b\t# c\n",
    "a: *none\n",
    "a: {b: 1, }\nc: [1, ]\nd: []\ne: {}\n",
    "a: 2024-01-01\n",
    "a: :sym\n:b: c\nd: ':e'\n",
    "a: 12:30\nb: 0644\nc: 1_000\nd: 3.10\n",
    "a: '#no'\nb: x#y\nc: x #y\n",
    "a: https://x.y/z?q=1:2\nb: [https://x.y]\n",
    "a:\n  b:\n\n  c: d\n",
    "a: \"\"\nb: ''\nc:\nd: ~\n",
    "a: [x: 1, y]\nb: {x, y: 2}\n",
    "\"a b\": c\n'd': e\n? f\n? g\n",
    "a: >\n\n  lead\nb: |\n\n  lead\n",
    "a: x\n # indented comment\nb: y\n",
    "a: &anchor\n  b: c\nd: *anchor\n",
    "- &a a\n- *a\n- &b [*a]\n- *b\n",
    "a: $[[ inputs.x ]]\nb: ${X}\nc: $X: y\n",
    "a: é ü 漢字\nb: \"\\u6f22\"\n",
    "a: [a,b,c]\nb: {a: b,c: d}\n",
    "a: {b:c}\nd: {\"e\":f}\n",
    "key with spaces: v\n",
    "a: 'multi\n  line\n\n  quoted'\n",
    "a: |\n  one\n  two",
    "a: >\n  one\n  two",
    "a: |+\n  one",
    "a: |-\n  one",
    "k:\n  a: 'multi\n ne\n\n  quoted'\n  b: c\n",
    "k:\n  - \"echo a\n  b\n  c\"\n  - d\n",
    "a: 'one\ntwo' # c\nb: \"x\n\ny\"\n",
    "",
    "# only a comment\n",
    "text\n",
];

#[test]
fn documents_read_as_psych_reads_them() {
    let texts: Vec<String> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
    let Some(theirs) = theirs(&texts) else {
        let mut err = std::io::stderr();
        let text = "SKIPPED documents_read_as_psych_reads_them: ruby is not installed";
        writeln!(err, "{text}").expect("standard error is open");
        return;
    };
    let different: Vec<String> = texts
        .iter()
        .zip(&theirs)
        .map(|(text, theirs)| (text, theirs, ours(text)))
        .filter(|(_, theirs, ours)| ours != *theirs)
        .map(|(text, theirs, ours)| format!("{text:?}\n  psych {theirs}\n  ours  {ours}"))
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}
