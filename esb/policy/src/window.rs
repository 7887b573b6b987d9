//! Two counters over the last ten seconds, in parts of one.

const PARTS: usize = 10;
const PART_MS: u64 = 1_000;

#[derive(Debug, Clone, Copy, Default)]
struct Part {
    number: u64,
    counts: (u32, u32),
}

/// Counts of ten seconds; milliseconds are those of a clock that never goes back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window([Part; PARTS]);

impl Window {
    pub(crate) fn add(&mut self, now_ms: u64, more: (u32, u32)) {
        let number = now_ms / PART_MS;
        let part = &mut self.0[usize::try_from(number).unwrap_or(0) % PARTS];
        if part.number != number {
            *part = Part {
                number,
                ..Part::default()
            };
        }
        part.counts.0 = part.counts.0.saturating_add(more.0);
        part.counts.1 = part.counts.1.saturating_add(more.1);
    }

    pub(crate) fn sums(&self, now_ms: u64) -> (u32, u32) {
        let number = now_ms / PART_MS;
        let recent = |part: &&Part| part.number + PARTS as u64 > number;
        let parts = self.0.iter().filter(recent).map(|part| part.counts);
        parts.fold((0, 0), |a: (u32, u32), b| {
            (a.0.saturating_add(b.0), a.1.saturating_add(b.1))
        })
    }
}
