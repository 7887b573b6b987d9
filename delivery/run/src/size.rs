//! Sizes for people.

use std::fmt;

/// A number of bytes as people say it: `512 MiB`, `1.3 GiB`, `20000 bytes`.
///
/// From one MiB on the larger of GiB and MiB that gives a whole number; where none does, tenths
/// rounded up, so that what is above a round limit never reads like it. Below that, KiB or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Size {
    /// Of a length in memory.
    #[must_use]
    pub fn of(length: usize) -> Self {
        Self(length as u64)
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const LARGE: [(&str, u64); 2] = [("GiB", 1 << 30), ("MiB", MIB)];

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        let reached = |(_, unit): &&(&str, u64)| bytes >= *unit;
        let whole = |unit: &&(&str, u64)| reached(unit) && bytes.is_multiple_of(unit.1);
        if let Some((name, unit)) = LARGE.iter().find(whole) {
            return write!(f, "{} {name}", bytes / unit);
        }
        let Some((name, unit)) = LARGE.iter().find(reached) else {
            return match bytes {
                1 => f.write_str("1 byte"),
                _ if bytes >= KIB && bytes.is_multiple_of(KIB) => write!(f, "{} KiB", bytes / KIB),
                _ => write!(f, "{bytes} bytes"),
            };
        };
        let tenths = (u128::from(bytes) * 10).div_ceil(u128::from(*unit));
        write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn sizes_are_told_in_words_and_what_is_above_a_limit_never_reads_like_it() {
        for (bytes, words) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (20_000, "20000 bytes"),
            (64 << 10, "64 KiB"),
            (512 << 20, "512 MiB"),
            ((512 << 20) + 1, "512.1 MiB"),
            (70_240 << 10, "68.6 MiB"),
            (1536 << 20, "1536 MiB"),
            (20 << 30, "20 GiB"),
            ((20 << 30) + 5, "20.1 GiB"),
            (u64::MAX, "17179869184.0 GiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), words);
        }
    }
}
