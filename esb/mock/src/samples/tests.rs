//! Samples are run by their own programs and must send the very request they stand for.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use rialto_esb_contract::{Bundle, Definition, import};

use super::*;
use crate::call::call;

const DOCUMENT: &str = r#"
openapi: 3.0.3
info: {title: t, version: '1'}
paths:
  /orders/{account}/notes:
    post:
      parameters:
        - {name: account, in: path, required: true, schema: {type: string}, example: "A/1 ü"}
        - {name: tag, in: query, required: true, schema: {type: array, items: {type: string}}, example: ["x&y", "50%"]}
        - {name: page, in: query, schema: {type: integer}}
        - {name: X-Desk, in: header, required: true, schema: {type: string, enum: [north]}}
      requestBody:
        required: true
        content:
          application/json:
            schema: {type: object}
            example: {text: "it's \"5 $HOME\" \\ `x`\n净值", price: 10.50}
      responses: {'200': {description: fine}}
  /impossible:
    get:
      parameters: [{name: n, in: query, required: true, schema: {type: integer, minimum: 3, maximum: 2}}]
      responses: {'200': {description: fine}}
"#;

fn definition() -> Definition {
    let bundle = Bundle::single("t.yaml", DOCUMENT).expect("a bundle");
    import(&bundle).expect("a definition").definition
}

/// Answers one request and gives it back as it came.
fn listener() -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        let mut bytes = Vec::new();
        let mut part = [0_u8; 4096];
        loop {
            let read = stream.read(&mut part).expect("a request");
            bytes.extend_from_slice(&part[..read]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                assert!(read > 0, "the request ends in its head: {text}");
                continue;
            };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let named = name.eq_ignore_ascii_case("content-length");
                named.then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                let answer =
                    "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nfine";
                stream.write_all(answer.as_bytes()).expect("an answer");
                return text;
            }
        }
    });
    (address, heard)
}

/// Runs a program that is given a sample, and gives back what it printed.
fn run(program: &str, words: &[&str], text: &str) -> String {
    let mut child = Command::new(program)
        .args(words)
        .env(KEY, "key-1")
        .env("no_proxy", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut input = child.stdin.take().expect("an input");
    input.write_all(text.as_bytes()).expect("written");
    drop(input);
    let done = child.wait_with_output().expect("an end");
    assert!(done.status.success(), "{program}: {text}");
    String::from_utf8(done.stdout).expect("text")
}

#[test]
fn each_sample_sends_the_request_it_stands_for() {
    let definition = definition();
    let made = call(&definition.operations[0], &definition, 1);
    assert_eq!(
        made.target,
        "/orders/A%2F1%20%C3%BC/notes?tag=x%26y&tag=50%25"
    );
    assert!(made.open.is_empty(), "{:?}", made.open);
    let body = made.body.clone().expect("a body");
    let value: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(value["text"], "it's \"5 $HOME\" \\ `x`\n净值");
    for (language, program, words) in [
        (Language::Curl, "sh", &["-s"][..]),
        (Language::Python, "python3", &["-"][..]),
        (
            Language::TypeScript,
            "node",
            &["--input-type=module", "-"][..],
        ),
    ] {
        let (address, heard) = listener();
        let text = sample(language, &made, &format!("http://{address}"), true);
        let printed = run(program, words, &text);
        assert!(printed.contains("fine"), "{language:?}: {printed}");
        let heard = heard.join().expect("a request");
        let (head, sent) = heard.split_once("\r\n\r\n").expect("a head");
        let head = head.to_lowercase();
        let first = format!("post {} http/1.1", made.target.to_lowercase());
        assert!(head.starts_with(&first), "{language:?}: {head}");
        for header in [
            "x-api-key: key-1",
            "x-desk: north",
            "content-type: application/json",
        ] {
            assert!(head.contains(header), "{language:?}: {header}: {head}");
        }
        assert_eq!(sent, body, "{language:?}");
    }
}

#[test]
fn compiled_languages_write_the_same_values() {
    let definition = definition();
    let made = call(&definition.operations[0], &definition, 1);
    let base = "http://127.0.0.1:1";
    let rust = sample(Language::Rust, &made, base, true);
    let java = sample(Language::Java, &made, base, true);
    for (text, key) in [
        (&rust, "std::env::var(\"RIALTO_API_KEY\")"),
        (&java, "System.getenv"),
    ] {
        assert!(text.contains(&made.target) && text.contains(key), "{text}");
        assert!(text.contains(r#"\"5 $HOME\\\" \\\\ `x`\\n净值"#), "{text}");
    }
    let open = sample(Language::Java, &made, base, false);
    assert!(!open.contains("RIALTO_API_KEY"), "{open}");
}

#[test]
fn what_cannot_be_made_is_said() {
    let definition = definition();
    let made = call(&definition.operations[1], &definition, 1);
    assert_eq!(made.target, "/impossible?n=");
    assert!(made.open[0].starts_with("query n: "), "{:?}", made.open);
}
