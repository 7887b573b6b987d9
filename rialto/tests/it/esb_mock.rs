//! `rialto esb mock` from outside.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use crate::support::{rialto, run};

const DOCUMENT: &str = r#"
openapi: 3.0.3
info: {title: Orders, version: 1.2.0}
paths:
  /orders:
    post:
      requestBody:
        required: true
        content: {application/json: {schema: {type: object, required: [quantity], properties: {quantity: {type: integer}}}}}
      responses:
        '201': {description: made, content: {application/json: {schema: {type: object, required: [id], properties: {id: {type: string, format: uuid}}}}}}
        '400': {description: wrong, content: {application/problem+json: {schema: {type: object}}}}
"#;

struct Process(Child, String);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn post(&self, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.1).unwrap();
        let length = body.len();
        let request = format!(
            "POST /orders HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }
}

#[test]
fn an_interface_answers_before_it_is_built() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("orders.yaml"), DOCUMENT).unwrap();
    let mut command = rialto(folder.path());
    command.args(["esb", "mock", "orders.yaml", "--listen", "127.0.0.1:0"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    assert!(
        line.ends_with(" answers 1 operation(s) of Orders 1.2.0"),
        "{line}"
    );
    let address = line
        .split(['/', ' '])
        .find(|part| part.starts_with("127"))
        .unwrap();
    let mock = Process(child, address.to_owned());

    let good = mock.post(r#"{"quantity": 100}"#);
    assert!(
        good.starts_with("HTTP/1.1 201 ") && good.contains("x-rialto-mock: generated\r\n"),
        "{good}"
    );
    assert_eq!(lines.next().unwrap().unwrap(), "POST /orders 201 generated");
    let bad = mock.post(r#"{"quantity": "many"}"#);
    assert!(
        bad.starts_with("HTTP/1.1 400 ") && bad.contains("body/quantity"),
        "{bad}"
    );
    assert_eq!(lines.next().unwrap().unwrap(), "POST /orders 400 findings");
    assert!(
        lines
            .next()
            .unwrap()
            .unwrap()
            .contains("  body/quantity: type: ")
    );
}

#[test]
fn what_cannot_be_mocked_is_told_by_place() {
    let folder = tempfile::tempdir().unwrap();
    let twice = DOCUMENT.replace("/orders:", "/orders/{a}{b}:");
    std::fs::write(folder.path().join("twice.yaml"), twice).unwrap();
    let (code, _, err) = run(rialto(folder.path()).args(["esb", "mock", "twice.yaml"]));
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("POST /orders/{a}{b}") && err.contains("two variables"),
        "{err}"
    );
}
