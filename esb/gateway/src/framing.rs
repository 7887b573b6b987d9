//! Watches the framing of requests on a connection, before the HTTP parser sees them.
//!
//! A request with both `Content-Length` and `Transfer-Encoding` is how requests are smuggled past
//! a proxy. The parser quietly drops one of the two, so the conflict is found here: the name
//! `Content-Length` in such a head is overwritten (same length) with [`CONFLICT_MARK`], and the
//! proxy refuses the request by that mark.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Stands in the place of `Content-Length` in a head that also has `Transfer-Encoding`.
pub(crate) const CONFLICT_MARK: &str = "x-rialto-cl-te";

/// Largest head that is held back; the parser's own limit refuses longer ones.
const HEAD_LIMIT: usize = 64 * 1024;

/// A connection whose requests are watched.
pub(crate) struct Watched<S> {
    stream: S,
    framing: Framing,
    /// Bytes that may be handed on, from `given`.
    ready: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            framing: Framing::Head(Vec::new()),
            ready: Vec::new(),
            given: 0,
            ended: false,
        }
    }
}

/// Where in a request the connection is.
enum Framing {
    /// In a head, held back until it is complete.
    Head(Vec<u8>),
    /// In a body of known length.
    Length(u64),
    /// In the line with a chunk's size.
    ChunkSize(Vec<u8>),
    /// In a chunk, its line end included.
    Chunk(u64),
    /// In the trailers: the bytes of the line so far.
    Trailer(usize),
    /// Not looked into any more: an upgrade was asked for, or the parser will refuse it.
    Opaque,
}

impl Framing {
    /// Reads bytes, appends to `out` what may be handed on.
    fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        while !input.is_empty() {
            match self {
                Self::Opaque => {
                    out.extend_from_slice(input);
                    return;
                }
                Self::Head(held) => {
                    let used = until_head_ends(held, input);
                    held.extend_from_slice(&input[..used.unwrap_or(input.len())]);
                    let Some(used) = used else {
                        if held.len() > HEAD_LIMIT {
                            out.append(held);
                            *self = Self::Opaque;
                        }
                        return;
                    };
                    input = &input[used..];
                    let next = after_head(held);
                    out.append(held);
                    *self = next;
                }
                Self::Length(left) | Self::Chunk(left) => {
                    let used = usize::try_from(*left).map_or(input.len(), |l| l.min(input.len()));
                    out.extend_from_slice(&input[..used]);
                    input = &input[used..];
                    *left -= used as u64;
                    if *left == 0 {
                        *self = match self {
                            Self::Length(_) => Self::Head(Vec::new()),
                            _ => Self::ChunkSize(Vec::new()),
                        };
                    }
                }
                Self::ChunkSize(line) => {
                    let byte = input[0];
                    out.push(byte);
                    input = &input[1..];
                    line.push(byte);
                    if byte == b'\n' {
                        *self = match chunk_size(line) {
                            Some(0) => Self::Trailer(0),
                            Some(size) => size.checked_add(2).map_or(Self::Opaque, Self::Chunk),
                            None => Self::Opaque,
                        };
                    } else if line.len() > 4096 {
                        *self = Self::Opaque;
                    }
                }
                Self::Trailer(in_line) => {
                    let byte = input[0];
                    out.push(byte);
                    input = &input[1..];
                    match byte {
                        b'\n' if *in_line == 0 => *self = Self::Head(Vec::new()),
                        b'\n' => *in_line = 0,
                        b'\r' => {}
                        _ => *in_line += 1,
                    }
                }
            }
        }
    }
}

/// How many bytes of `input` complete the head begun in `held`, if they do.
fn until_head_ends(held: &[u8], input: &[u8]) -> Option<usize> {
    // Empty lines before a request are allowed and are no end of a head.
    let mut tail: Vec<u8> = held.iter().rev().take(3).rev().copied().collect();
    let mut started = held.iter().any(|b| !matches!(b, b'\r' | b'\n'));
    for (at, byte) in input.iter().enumerate() {
        started |= !matches!(byte, b'\r' | b'\n');
        tail.push(*byte);
        let ends = tail.ends_with(b"\n\r\n") || tail.ends_with(b"\n\n");
        if started && ends {
            return Some(at + 1);
        }
        if tail.len() > 8 {
            tail.drain(..5);
        }
    }
    None
}

/// Reads a complete head: marks a conflict in place and says what follows.
fn after_head(head: &mut [u8]) -> Framing {
    let mut length: Option<(usize, Option<u64>)> = None;
    let mut chunked = None;
    let mut upgrade = false;
    let mut start = 0;
    while let Some(end) = head[start..]
        .iter()
        .position(|b| *b == b'\n')
        .map(|at| start + at)
    {
        let line = &head[start..end];
        if let Some(colon) = line.iter().position(|b| *b == b':') {
            let name = line[..colon].to_ascii_lowercase();
            let value = String::from_utf8_lossy(&line[colon + 1..])
                .trim()
                .to_ascii_lowercase();
            match name.as_slice() {
                b"content-length" => length = Some((start, value.parse().ok())),
                b"transfer-encoding" => chunked = Some(value.ends_with("chunked")),
                b"upgrade" => upgrade = true,
                _ => {}
            }
        }
        start = end + 1;
    }
    match (length, chunked) {
        (Some((at, _)), Some(_)) => {
            head[at..at + CONFLICT_MARK.len()].copy_from_slice(CONFLICT_MARK.as_bytes());
            // The request is refused and the connection closed, whatever follows.
            Framing::Opaque
        }
        _ if upgrade => Framing::Opaque,
        (None, Some(true)) => Framing::ChunkSize(Vec::new()),
        (None, Some(false)) | (Some((_, None)), None) => Framing::Opaque,
        (Some((_, Some(0))), None) | (None, None) => Framing::Head(Vec::new()),
        (Some((_, Some(bytes))), None) => Framing::Length(bytes),
    }
}

fn chunk_size(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    let digits = text.split([';', '\r', '\n']).next()?.trim();
    u64::from_str_radix(digits, 16).ok()
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.given < this.ready.len() {
                let count = buffer.remaining().min(this.ready.len() - this.given);
                buffer.put_slice(&this.ready[this.given..this.given + count]);
                this.given += count;
                return Poll::Ready(Ok(()));
            }
            this.ready.clear();
            this.given = 0;
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            if matches!(this.framing, Framing::Opaque) {
                return Pin::new(&mut this.stream).poll_read(cx, buffer);
            }
            let mut space = [0u8; 8 * 1024];
            let mut chunk = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                this.ended = true;
                if let Framing::Head(held) = &mut this.framing {
                    this.ready.append(held);
                }
            } else {
                this.framing.feed(chunk.filled(), &mut this.ready);
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(pieces: &[&[u8]]) -> (Framing, Vec<u8>) {
        let mut framing = Framing::Head(Vec::new());
        let mut out = Vec::new();
        for piece in pieces {
            framing.feed(piece, &mut out);
        }
        (framing, out)
    }

    #[test]
    fn bytes_are_unchanged_and_heads_are_found_however_they_are_cut() {
        let all: &[u8] = b"\r\nPOST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello\
            PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n0\r\nT: 1\r\n\r\n\
            GET /c HTTP/1.1\r\nHost: h\r\n\r\n";
        for size in 1..all.len() {
            let pieces: Vec<&[u8]> = all.chunks(size).collect();
            let (framing, out) = through(&pieces);
            assert_eq!(out, all, "cut every {size}");
            assert!(
                matches!(framing, Framing::Head(held) if held.is_empty()),
                "cut every {size}"
            );
        }
    }

    #[test]
    fn a_conflict_is_marked_in_either_order_and_after_other_requests() {
        for head in [
            "GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nCONTENT-LENGTH: 4\r\n\r\n",
        ] {
            for size in [1, 7, 1000] {
                let pieces: Vec<&[u8]> = head.as_bytes().chunks(size).collect();
                let (framing, out) = through(&pieces);
                assert!(
                    String::from_utf8(out)
                        .unwrap()
                        .contains("x-rialto-cl-te: 4")
                );
                assert!(matches!(framing, Framing::Opaque));
            }
        }
    }

    #[test]
    fn a_body_that_looks_like_a_conflict_is_not_touched() {
        let body = "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let text = format!(
            "POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (framing, out) = through(&[text.as_bytes()]);
        assert_eq!(out, text.as_bytes());
        assert!(matches!(framing, Framing::Head(_)));
    }
}
