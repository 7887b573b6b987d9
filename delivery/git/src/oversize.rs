//! A pack over the limit, told in the server's own words.
//!
//! Git stops reading such a pack by itself and throws away what it had taken; all it says is
//! `fatal: pack exceeds maximum allowed size`. On its way to the client that line is replaced by
//! one that says what is too large, the limit, what raises it and what to do, and the reason in
//! the report of the push likewise. Everything else passes byte for byte.

/// What git says of a pack over `receive.maxInputSize` (`LC_ALL=C`).
const GITS_WORDS: &str = "pack exceeds maximum allowed size";
/// Bands of the side-band protocol.
const REPORT: u8 = 1;
const PROGRESS: u8 = 2;
/// Length field of a packet.
const HEAD: usize = 4;

/// The answer of `git receive-pack` on its way to the client.
#[derive(Debug)]
pub(crate) struct Oversize {
    limit: u64,
    /// The beginning of a packet whose rest has not come yet.
    pending: Vec<u8>,
    /// End of the progress text so far: git may break its line over two packets.
    tail: String,
    told: bool,
    /// The answer is not made of packets: nothing is looked at any more.
    passes: bool,
}

impl Oversize {
    /// For pushes of at most `limit` bytes.
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            pending: Vec::new(),
            tail: String::new(),
            told: false,
            passes: false,
        }
    }

    /// What goes to the client for the next piece of git's answer.
    pub(crate) fn pass(&mut self, piece: &[u8]) -> Vec<u8> {
        self.pending.extend_from_slice(piece);
        let mut out = Vec::new();
        while let Some(length) = self.next_packet() {
            let packet: Vec<u8> = self.pending.drain(..length).collect();
            self.take(&packet, &mut out);
        }
        if self.passes {
            out.append(&mut self.pending);
        }
        out
    }

    /// What is left when git has closed its output.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }

    /// Whether a pack over the limit was met.
    pub(crate) const fn met(&self) -> bool {
        self.told
    }

    /// Length of the packet at the front, once it is whole.
    fn next_packet(&mut self) -> Option<usize> {
        if self.passes {
            return None;
        }
        let head = self.pending.get(..HEAD)?;
        let Some(length) = length(head) else {
            self.passes = true;
            return None;
        };
        (self.pending.len() >= length).then_some(length)
    }

    fn take(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        match packet.get(HEAD) {
            Some(&PROGRESS) => self.progress(packet, out),
            Some(&REPORT) if self.told => out.extend(self.report(packet)),
            _ => out.extend_from_slice(packet),
        }
    }

    fn progress(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        let text = String::from_utf8_lossy(&packet[HEAD + 1..]).into_owned();
        self.tail.push_str(&text);
        if self.told || !self.tail.contains(GITS_WORDS) {
            let mut from = self.tail.len().saturating_sub(GITS_WORDS.len());
            while !self.tail.is_char_boundary(from) {
                from += 1;
            }
            self.tail.drain(..from);
            out.extend_from_slice(packet);
            return;
        }
        self.told = true;
        let kept: String = text
            .split_inclusive('\n')
            .filter(|line| !line.contains(GITS_WORDS))
            .collect();
        for said in [kept, words(self.limit)] {
            if !said.is_empty() {
                out.extend(framed(PROGRESS, said.as_bytes()));
            }
        }
    }

    /// The report of the push with our reason: `unpack <reason>` is its first line.
    fn report(&self, packet: &[u8]) -> Vec<u8> {
        let inner = &packet[HEAD + 1..];
        let first = inner.get(..HEAD).and_then(length);
        let line = first.and_then(|length| inner.get(HEAD..length));
        let (Some(length), Some(line)) = (first, line) else {
            return packet.to_vec();
        };
        if !line.starts_with(b"unpack ") || line.starts_with(b"unpack ok") {
            return packet.to_vec();
        }
        let reason = format!("unpack the push is larger than {}\n", size(self.limit));
        let mut said = format!("{:04x}{reason}", reason.len() + HEAD).into_bytes();
        said.extend_from_slice(&inner[length..]);
        framed(REPORT, &said)
    }
}

/// Bytes of a packet with this head, the head included; `None` when it is none.
fn length(head: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(head).ok()?;
    let length = usize::from_str_radix(text, 16).ok()?;
    // 0 to 3 are marks without content.
    Some(length.max(HEAD))
}

fn framed(band: u8, content: &[u8]) -> Vec<u8> {
    let mut packet = format!("{:04x}", content.len() + HEAD + 1).into_bytes();
    packet.push(band);
    packet.extend_from_slice(content);
    packet
}

/// What the pusher reads, each line led by git's `remote:`.
fn words(limit: u64) -> String {
    // Worth taking out is a file that alone fills a good part of a push.
    let sizes = [
        (50 << 20, "50M"),
        (5 << 20, "5M"),
        (500 << 10, "500K"),
        (50 << 10, "50K"),
    ];
    let fitting = sizes.iter().find(|(bytes, _)| bytes * 2 <= limit);
    let large = fitting.map_or("5K", |(_, text)| text);
    let limit = size(limit);
    format!(
        "push refused, nothing of it was stored: what it brings is larger than {limit}, the most \
         one push may bring.\n\
         The limit is delivery.push_limit of the server's configuration; who runs the server can \
         raise it.\n\
         Large files do not belong into git: take them out of your commits (git filter-repo \
         --strip-blobs-bigger-than {large}) or point to them (git lfs migrate import --above={large}B, with \
         lfs.url of a store of yours: this server keeps no LFS objects). A long history without \
         large files goes in several pushes, older commits first.\n"
    )
}

/// Bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{} {name}", bytes / unit);
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FATAL: &[u8] = b"fatal: pack exceeds maximum allowed size (20.00 KiB)\n";

    /// The whole answer, handed over in pieces of `step` bytes.
    fn through(answer: &[u8], step: usize) -> String {
        let mut oversize = Oversize::new(512 << 20);
        let mut out: Vec<u8> = answer
            .chunks(step)
            .flat_map(|piece| oversize.pass(piece))
            .collect();
        out.extend(oversize.rest());
        String::from_utf8(out).unwrap()
    }

    fn refused() -> Vec<u8> {
        let mut answer = framed(PROGRESS, b"Unpacking objects: 5%\r");
        answer.extend(framed(PROGRESS, FATAL));
        let report =
            b"0028unpack unpack-objects abnormal exit\n0026ng refs/heads/main unpacker error\n0000";
        answer.extend(framed(REPORT, report));
        answer.extend(b"0000");
        answer
    }

    #[test]
    fn gits_words_become_ours_however_the_answer_is_cut() {
        let whole = through(&refused(), usize::MAX);
        for part in [
            "Unpacking objects: 5%",
            "larger than 512 MiB, the most",
            "delivery.push_limit",
            "git filter-repo",
            "002bunpack the push is larger than 512 MiB\n",
            "0026ng refs/heads/main unpacker error",
        ] {
            assert!(whole.contains(part), "{part}: {whole}");
        }
        assert!(!whole.contains("fatal"), "{whole}");
        assert!(whole.ends_with("0000"));
        for step in [1, 3, 64] {
            assert_eq!(through(&refused(), step), whole);
        }
    }

    #[test]
    fn words_broken_over_two_packets_are_found_too() {
        let (one, two) = FATAL.split_at(20);
        let mut answer = framed(PROGRESS, one);
        answer.extend(framed(PROGRESS, two));
        assert!(through(&answer, 7).contains("delivery.push_limit"));
    }

    #[test]
    fn any_other_answer_passes_byte_for_byte() {
        let mut well = framed(PROGRESS, "Größe: 50%\r".as_bytes());
        well.extend(framed(REPORT, b"000eunpack ok\n0000"));
        well.extend(b"0000");
        let plain = b"000eunpack ok\n0019ok refs/heads/main\n0000";
        for answer in [&well[..], plain, b"no packets at all", b"00", b""] {
            for step in [1, 5, usize::MAX] {
                assert_eq!(through(answer, step).as_bytes(), answer);
            }
        }
    }

    #[test]
    fn sizes_are_told_in_the_largest_unit_that_fits() {
        assert_eq!(size(2 << 30), "2 GiB");
        assert_eq!(size(20_000), "20000 bytes");
    }
}
