//! Texts by format and by pattern.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::labels::digits;
use crate::seed::Seed;

/// A text of a format; `None` for formats that say nothing we know.
pub(crate) fn formatted(format: &str, seed: &mut Seed) -> Option<String> {
    let mut number = |from: usize, count: usize| from + seed.below(count);
    let date = format!(
        "{:04}-{:02}-{:02}",
        number(2020, 8),
        number(1, 12),
        number(1, 28)
    );
    let time = format!(
        "{:02}:{:02}:{:02}",
        number(9, 6),
        number(0, 60),
        number(0, 60)
    );
    Some(match format {
        "date" => date,
        "time" => format!("{time}+08:00"),
        "date-time" => format!("{date}T{time}+08:00"),
        "uuid" => {
            let bits = seed.number();
            let more = seed.number();
            format!(
                "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                bits >> 32,
                bits >> 16 & 0xffff,
                bits & 0xfff,
                more >> 52,
                more & 0xffff_ffff_ffff
            )
        }
        "email" => format!("user{}@example.com", digits(4, seed)),
        "uri" | "url" => format!("https://example.com/{}", digits(4, seed)),
        "hostname" => format!("host{}.example.com", digits(2, seed)),
        // Blocks for documentation: RFC 5737 and RFC 3849.
        "ipv4" => format!("192.0.2.{}", 1 + seed.below(254)),
        "ipv6" => format!("2001:db8::{:x}", 1 + seed.below(0xfffe)),
        "byte" => "cmlhbHRv".to_owned(),
        "decimal" => format!("{}.{}", 1 + seed.below(1000), digits(2, seed)),
        _ => return None,
    })
}

/// Most letters a pattern's repetitions may come to.
const MAX_PATTERN: usize = 4096;

/// How often a text is made anew when an anchor or a word boundary in its midst does not hold.
const TRIES: usize = 8;

/// A text that a pattern finds itself in; `None` when the pattern cannot be read, finds nothing
/// that was tried (`$a` finds nothing at all), or comes to more than [`MAX_PATTERN`] letters. It is as short as the pattern
/// lets it be, longer by up to `more` letters where a repetition is open.
pub(crate) fn matching(pattern: &str, more: usize, seed: &mut Seed) -> Option<String> {
    let hir = regex_syntax::Parser::new().parse(pattern).ok()?;
    let finds = regex::Regex::new(pattern).ok()?;
    (0..TRIES).find_map(|_| {
        let mut out = String::new();
        let mut left = more;
        write(&hir, &mut left, seed, &mut out)?;
        finds.is_match(&out).then_some(out)
    })
}

fn write(hir: &Hir, more: &mut usize, seed: &mut Seed, out: &mut String) -> Option<()> {
    if out.len() > MAX_PATTERN {
        return None;
    }
    match hir.kind() {
        HirKind::Empty => {}
        // Anchors at the ends hold, as what is made stands alone; for others the check tells.
        HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges: Vec<(u32, u32)> = class
                .iter()
                .map(|one| (one.start().into(), one.end().into()))
                .collect();
            out.push(letter(&ranges, seed)?);
        }
        HirKind::Class(Class::Bytes(class)) => {
            let ranges: Vec<(u32, u32)> = class
                .iter()
                .map(|one| (one.start().into(), one.end().into()))
                .collect();
            out.push(letter(&ranges, seed)?);
        }
        HirKind::Repetition(repetition) => {
            let least = usize::try_from(repetition.min).ok()?;
            let open = match repetition.max {
                Some(max) => usize::try_from(max - repetition.min).ok()?,
                None => usize::MAX,
            };
            let extra = seed.below(open.min(*more).saturating_add(1));
            *more -= extra;
            for _ in 0..least + extra {
                write(&repetition.sub, more, seed, out)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, more, seed, out)?,
        HirKind::Concat(parts) => {
            for part in parts {
                write(part, more, seed, out)?;
            }
        }
        HirKind::Alternation(parts) => {
            let part = seed.pick(parts)?;
            write(part, more, seed, out)?;
        }
    }
    Some(())
}

/// A letter of a class, a plain one where there is one.
fn letter(ranges: &[(u32, u32)], seed: &mut Seed) -> Option<char> {
    let clipped = |from: char, to: char| -> Vec<(u32, u32)> {
        let (from, to) = (u32::from(from), u32::from(to));
        let cut = ranges
            .iter()
            .map(|(start, end)| (from.max(*start), to.min(*end)));
        cut.filter(|(start, end)| start <= end).collect()
    };
    let plain = [('a', 'z'), ('0', '9'), ('A', 'Z'), ('!', '~'), ('一', '龥')];
    let choices: Vec<(u32, u32)> = plain
        .into_iter()
        .flat_map(|(from, to)| clipped(from, to))
        .collect();
    let choices = if choices.is_empty() {
        ranges.to_vec()
    } else {
        choices
    };
    let (start, end) = *seed.pick(&choices)?;
    let width = usize::try_from(end - start).ok()?.saturating_add(1);
    let number = start + u32::try_from(seed.below(width)).ok()?;
    char::from_u32(number).or_else(|| char::from_u32(start))
}
