//! Just enough HTTP/1.1 for a demonstration: GET, keep-alive, no body.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longest request head accepted.
const MAX_HEAD: usize = 16 * 1024;

/// An answer: status and JSON text.
pub struct Response {
    pub status: u16,
    pub body: String,
}

/// Answers requests on a connection until the client closes it.
pub fn serve(stream: TcpStream, answer: impl Fn(&str, &str) -> Response) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let Some((method, path, close)) = read_head(&mut reader)? else { return Ok(()) };
        let Response { status, body } = answer(&method, &path);
        let connection = if close { "close" } else { "keep-alive" };
        write!(
            writer,
            "HTTP/1.1 {status} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: {connection}\r\n\r\n{body}",
            reason(status),
            body.len()
        )?;
        writer.flush()?;
        if close {
            return Ok(());
        }
    }
}

/// Method, path and whether the client wants the connection closed.
fn read_head(reader: &mut impl BufRead) -> io::Result<Option<(String, String, bool)>> {
    let mut line = String::new();
    let mut size = reader.read_line(&mut line)?;
    if size == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let path = words.next().unwrap_or("/").to_owned();
    let mut close = words.next() == Some("HTTP/1.0");
    loop {
        let mut header = String::new();
        size += reader.read_line(&mut header)?;
        if size > MAX_HEAD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "request head too long"));
        }
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            return Ok(Some((method, path, close)));
        }
        if header.starts_with("connection:") && header.contains("close") {
            close = true;
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Service Unavailable",
    }
}
