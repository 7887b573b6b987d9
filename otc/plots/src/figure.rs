//! SVG of a picture: a light card that reads on light and dark pages.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 340.0;
/// Bars hang below the curves.
const BARS_TOP: f64 = 460.0;
const BARS_BOTTOM: f64 = 560.0;

/// A line.
pub(crate) struct Curve {
    name: &'static str,
    colour: &'static str,
    dashes: &'static str,
    /// Shares of the initial fixing, and of the notional.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Curve {
    const fn new(
        name: &'static str,
        (colour, dashes): (&'static str, &'static str),
        points: Vec<(f64, f64)>,
    ) -> Self {
        Self {
            name,
            colour,
            dashes,
            points,
        }
    }

    pub(crate) const fn solid(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self::new(name, ("#1f4e9c", ""), points)
    }

    pub(crate) const fn dashed(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self::new(name, ("#b3541e", " stroke-dasharray=\"7 4\""), points)
    }

    pub(crate) const fn now(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self::new(name, ("#1d7a46", ""), points)
    }
}

/// A bar.
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) height: f64,
}

/// All of it.
pub(crate) struct Picture {
    pub(crate) title: String,
    pub(crate) underlying: String,
    pub(crate) others: bool,
    pub(crate) range: (f64, f64),
    pub(crate) curves: Vec<Curve>,
    pub(crate) levels: Vec<(f64, &'static str)>,
    pub(crate) bars: Vec<Bar>,
}

/// Round steps of an axis with about `count` of them.
fn ticks(lo: f64, hi: f64, count: f64) -> (Vec<f64>, usize) {
    let rough = (hi - lo) / count;
    let power = 10_f64.powi(rough.log10().floor() as i32);
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|times| times * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    // A step of 2.5 needs a digit more than its power.
    let percent = step * 100.0;
    let digits = (0..4)
        .find(|digits| {
            let scaled = percent * 10_f64.powi(*digits);
            (scaled - scaled.round()).abs() < 1e-6
        })
        .unwrap_or(4) as usize;
    let first = (lo / step - 1e-9).ceil() as i64;
    let last = (hi / step + 1e-9).floor() as i64;
    ((first..=last).map(|n| n as f64 * step).collect(), digits)
}

/// A text with a place and an anchor.
fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, colour: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{words}</text>"
    );
}

fn line(out: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64), style: &str) {
    let _ = writeln!(
        out,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>"
    );
}

/// The points of a line without those that lie on the way between their neighbours, to a twentieth
/// of a pixel.
fn corners(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let mut first = 0;
    for (index, point) in points.iter().enumerate() {
        let (a, b) = (points[first], points.get(index + 1));
        let straight = b.is_some_and(|b| {
            points[first..=index].iter().all(|p| {
                let way = a.1 + (b.1 - a.1) * (p.0 - a.0) / (b.0 - a.0);
                (way - p.1).abs() < 0.05
            })
        });
        if index == 0 || !straight {
            kept.push(*point);
            first = index;
        }
    }
    kept
}

impl Picture {
    /// The file.
    pub(crate) fn svg(&self) -> String {
        let height = if self.bars.is_empty() { 416.0 } else { 610.0 };
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" \
             width=\"{WIDTH:.0}\" height=\"{height:.0}\" role=\"img\" \
             font-family=\"system-ui, sans-serif\" font-size=\"13\">\n"
        );
        let _ = writeln!(out, "<title>{}</title>", self.title);
        let _ = writeln!(
            out,
            "<rect width=\"{WIDTH:.0}\" height=\"{height:.0}\" rx=\"8\" fill=\"#fcfcfa\" stroke=\"#c9c9c4\"/>"
        );
        let _ = writeln!(
            out,
            "<text x=\"{LEFT:.0}\" y=\"24\" font-size=\"15\" font-weight=\"600\" fill=\"#1a1a1a\">{}</text>",
            self.title
        );
        self.legend(&mut out);
        self.plot(&mut out);
        if !self.bars.is_empty() {
            self.bars(&mut out);
        }
        out.push_str("</svg>\n");
        out
    }

    fn legend(&self, out: &mut String) {
        let mut x = LEFT;
        for curve in &self.curves {
            let style = format!(
                "stroke=\"{}\" stroke-width=\"2.5\"{}",
                curve.colour, curve.dashes
            );
            line(out, (x, 40.0), (x + 28.0, 40.0), &style);
            text(out, (x + 34.0, 44.5), "start", "#1a1a1a", curve.name);
            x += 34.0 + 6.8 * curve.name.len() as f64 + 18.0;
        }
    }

    fn plot(&self, out: &mut String) {
        let all = self.curves.iter().flat_map(|curve| &curve.points);
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| {
            (low.min(point.1), high.max(point.1))
        });
        let margin = 0.06 * (high - low).max(0.01);
        let (low, high) = (low - margin, high + margin);
        let (lo, hi) = self.range;
        let x = |share: f64| LEFT + (RIGHT - LEFT) * (share - lo) / (hi - lo);
        let y = |value: f64| BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low);
        let (steps, digits) = ticks(low, high, 6.0);
        for value in steps {
            let weight = if value.abs() < 1e-12 {
                "#8a8a85"
            } else {
                "#e2e2dd"
            };
            line(
                out,
                (LEFT, y(value)),
                (RIGHT, y(value)),
                &format!("stroke=\"{weight}\""),
            );
            let label = format!("{:.digits$}%", value * 100.0 + 0.0);
            text(out, (LEFT - 8.0, y(value) + 4.5), "end", "#3c3c3a", &label);
        }
        for share in ticks(lo, hi, 8.0).0 {
            line(
                out,
                (x(share), BOTTOM),
                (x(share), BOTTOM + 5.0),
                "stroke=\"#8a8a85\"",
            );
            let label = format!("{:.0}%", share * 100.0);
            text(out, (x(share), BOTTOM + 20.0), "middle", "#3c3c3a", &label);
        }
        line(out, (LEFT, BOTTOM), (RIGHT, BOTTOM), "stroke=\"#8a8a85\"");
        let others = if self.others {
            ", the others at their initial fixings"
        } else {
            ""
        };
        let middle = (LEFT + RIGHT) / 2.0;
        let axis = format!("{} in % of the initial fixing{others}", self.underlying);
        text(out, (middle, BOTTOM + 40.0), "middle", "#3c3c3a", &axis);
        let amounts = "amounts to the holder in % of the notional (quantity times initial fixing)";
        text(out, (middle, BOTTOM + 58.0), "middle", "#3c3c3a", amounts);
        self.marks(out, &x);
        for curve in &self.curves {
            let at = curve
                .points
                .iter()
                .map(|(share, value)| (x(*share), y(*value)));
            let points: Vec<String> = corners(&at.collect::<Vec<_>>())
                .iter()
                .map(|(x, y)| format!("{x:.1},{y:.1}"))
                .collect();
            let _ = writeln!(
                out,
                "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2.2\"{} points=\"{}\"/>",
                curve.colour,
                curve.dashes,
                points.join(" ")
            );
        }
    }

    /// Levels: a dashed line each; names of neighbours stand below each other.
    fn marks(&self, out: &mut String, x: &impl Fn(f64) -> f64) {
        let mut before = f64::NEG_INFINITY;
        let mut row = 0.0;
        for (share, what) in &self.levels {
            let at = x(*share);
            row = if at - before < 130.0 {
                (row + 1.0) % 4.0
            } else {
                0.0
            };
            before = at;
            line(
                out,
                (at, TOP),
                (at, BOTTOM),
                "stroke=\"#6d6d69\" stroke-dasharray=\"3 4\"",
            );
            let label = format!("{what} {:.1}%", share * 100.0);
            let (place, anchor) = if at > RIGHT - 120.0 {
                (at - 5.0, "end")
            } else {
                (at + 5.0, "start")
            };
            text(
                out,
                (place, TOP + 12.0 + 16.0 * row),
                anchor,
                "#3c3c3a",
                &label,
            );
        }
    }

    fn bars(&self, out: &mut String) {
        let highest = self.bars.iter().map(|bar| bar.height).fold(0.02, f64::max);
        let sum: f64 = self.bars.iter().map(|bar| bar.height).sum();
        let title = format!(
            "probability of a knock-out by date, {:.1}% in all",
            sum * 100.0
        );
        text(out, (LEFT, BARS_TOP - 22.0), "start", "#1a1a1a", &title);
        let y = |value: f64| BARS_BOTTOM - (BARS_BOTTOM - BARS_TOP) * value / highest;
        for value in ticks(0.0, highest, 3.0).0 {
            line(
                out,
                (LEFT, y(value)),
                (RIGHT, y(value)),
                "stroke=\"#e2e2dd\"",
            );
            let label = format!("{:.0}%", value * 100.0);
            text(out, (LEFT - 8.0, y(value) + 4.5), "end", "#3c3c3a", &label);
        }
        let width = (RIGHT - LEFT) / self.bars.len() as f64;
        let every = (self.bars.len() as f64 / 7.0).ceil().max(1.0) as usize;
        for (number, bar) in self.bars.iter().enumerate() {
            let left = LEFT + width * number as f64;
            let _ = writeln!(
                out,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#1f4e9c\"/>",
                left + 0.15 * width,
                y(bar.height),
                0.7 * width,
                BARS_BOTTOM - y(bar.height)
            );
            if number.is_multiple_of(every) {
                let place = (left + 0.5 * width, BARS_BOTTOM + 18.0);
                text(out, place, "middle", "#3c3c3a", &bar.label);
            }
        }
        line(
            out,
            (LEFT, BARS_BOTTOM),
            (RIGHT, BARS_BOTTOM),
            "stroke=\"#8a8a85\"",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{corners, ticks};

    #[test]
    fn a_line_keeps_its_corners_only() {
        let line: Vec<(f64, f64)> = (0..50)
            .map(|x| (f64::from(x), f64::from((x - 20).max(0))))
            .collect();
        assert_eq!(corners(&line), [(0.0, 0.0), (20.0, 0.0), (49.0, 29.0)]);
    }

    #[test]
    fn axes_have_round_steps() {
        let (steps, digits) = ticks(-0.013, 0.247, 6.0);
        assert_eq!(digits, 0);
        assert!(
            steps
                .windows(2)
                .all(|pair| (pair[1] - pair[0] - 0.05).abs() < 1e-12)
        );
        assert_eq!(ticks(0.0, 0.05, 6.0).1, 0);
        assert_eq!(ticks(0.0, 0.012, 6.0).1, 1);
    }
}
