//! Plain scalars the way Ruby's Psych reads them (YAML 1.1 with its own habits).

/// What a plain scalar means.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// `~`, `null`, empty.
    Null,
    /// `yes`, `true`, `on`, and their opposites.
    Bool(bool),
    /// Decimal, octal, hexadecimal, binary, or base 60.
    Int(i64),
    /// With a point, `.inf`, `.nan`, or base 60 with a fraction.
    Float(f64),
    /// Anything else, symbols (`:foo`) included.
    Text(String),
    /// A date or a time stamp, which a pipeline file may not contain.
    Timestamp,
}

/// Reads a plain (unquoted) scalar. Whole numbers that do not fit 64 bits become their decimal
/// digits as text, which is all the language ever does with them.
#[must_use]
pub fn tokenize(text: &str) -> Scalar {
    if text.is_empty() {
        return Scalar::Null;
    }
    if looks_like_word(text) || text.contains('\n') {
        return word(text);
    }
    let bytes = text.as_bytes();
    if is_time(bytes) || is_date(bytes) {
        return Scalar::Timestamp;
    }
    match text.to_ascii_lowercase().as_str() {
        ".inf" | "+.inf" => return Scalar::Float(f64::INFINITY),
        "-.inf" => return Scalar::Float(f64::NEG_INFINITY),
        ".nan" => return Scalar::Float(f64::NAN),
        _ => {}
    }
    if bytes[0] == b':' && text.chars().count() > 1 {
        return Scalar::Text(symbol(text));
    }
    base60(text)
        .or_else(|| float(text))
        .or_else(|| integer(text))
        .unwrap_or_else(|| Scalar::Text(text.to_owned()))
}

/// A first character that is no digit, point, colon or dash, or none, then a letter, a blank or
/// one of a set of signs: such text is never a number.
fn looks_like_word(text: &str) -> bool {
    let in_class = |c: char| {
        c.is_alphabetic()
            || matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
            || "_!@#$%^&*(){}<>|/\\~;=".contains(c)
    };
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return false;
    };
    let skippable = !first.is_ascii_digit() && !matches!(first, '.' | ':' | '-');
    in_class(first) || (skippable && chars.next().is_some_and(in_class))
}

fn word(text: &str) -> Scalar {
    if text.chars().count() > 5 {
        return Scalar::Text(text.to_owned());
    }
    let lines = || text.split('\n');
    let starts_otherwise = lines().any(|line| {
        line.chars()
            .next()
            .is_some_and(|c| !"ytonf~".contains(c.to_ascii_lowercase()))
    });
    let any = |words: &[&str]| lines().any(|l| words.iter().any(|w| l.eq_ignore_ascii_case(w)));
    if starts_otherwise {
        Scalar::Text(text.to_owned())
    } else if text == "~" || any(&["null"]) {
        Scalar::Null
    } else if any(&["yes", "true", "on"]) {
        Scalar::Bool(true)
    } else if any(&["no", "false", "off"]) {
        Scalar::Bool(false)
    } else {
        Scalar::Text(text.to_owned())
    }
}

fn symbol(text: &str) -> String {
    let rest = &text[1..];
    if let Some(quote @ (b'"' | b'\'')) = rest.as_bytes().first()
        && let Some(end) = rest[1..].rfind(*quote as char)
    {
        let inner = &rest[1..=end];
        return inner.strip_prefix(':').unwrap_or(inner).to_owned();
    }
    rest.to_owned()
}

/// A cursor over ASCII bytes for the fixed formats.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn digits(&mut self, least: usize, most: usize) -> Option<usize> {
        let count = self
            .0
            .iter()
            .take(most)
            .take_while(|b| b.is_ascii_digit())
            .count();
        if count < least {
            return None;
        }
        self.0 = &self.0[count..];
        Some(count)
    }

    fn one_of(&mut self, set: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        set.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }

    fn skip_while(&mut self, keep: impl Fn(u8) -> bool) -> usize {
        let count = self.0.iter().take_while(|b| keep(**b)).count();
        self.0 = &self.0[count..];
        count
    }
}

fn is_date(bytes: &[u8]) -> bool {
    let parts: Vec<&[u8]> = bytes.split(|b| *b == b'-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let number = |part: &[u8]| -> Option<u32> {
        let fits = (1..=2).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
        fits.then(|| part.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0')))
    };
    year.len() == 4
        && year.iter().all(u8::is_ascii_digit)
        && number(month).is_some_and(|m| m <= 12)
        && number(day).is_some_and(|d| d <= 31)
}

fn is_time(bytes: &[u8]) -> bool {
    fn read(bytes: &[u8]) -> Option<bool> {
        let blank = |b: u8| matches!(b, b' ' | b'\t' | b'\x0b' | b'\x0c' | b'\r' | b'\n');
        let mut at = Cursor(bytes);
        at.one_of(b"-");
        at.digits(4, 4)?;
        at.one_of(b"-")?;
        at.digits(1, 2)?;
        at.one_of(b"-")?;
        at.digits(1, 2)?;
        if at.one_of(b"Tt").is_none() && at.skip_while(blank) == 0 {
            return None;
        }
        at.digits(1, 2)?;
        for _ in 0..2 {
            at.one_of(b":")?;
            at.digits(2, 2)?;
        }
        if at.one_of(b".").is_some() {
            at.skip_while(|b| b.is_ascii_digit());
        }
        if at.0.is_empty() {
            return Some(true);
        }
        at.skip_while(blank);
        if at.one_of(b"Z").is_none() {
            at.one_of(b"+-")?;
            at.digits(1, 2)?;
            at.one_of(b":");
            at.digits(2, 2);
        }
        Some(at.0.is_empty())
    }
    read(bytes).unwrap_or(false)
}

/// `12:30` and `12:30:45` count 60ths: the first part is always hours.
fn base60(text: &str) -> Option<Scalar> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let mut parts = whole.split(':');
    let head = parts.next()?;
    let unsigned = head.strip_prefix(['-', '+']).unwrap_or(head);
    let head_ok = unsigned.starts_with(|c: char| c.is_ascii_digit())
        && unsigned.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let tail: Vec<&str> = parts.collect();
    let tail_ok = (1..=2).contains(&tail.len())
        && tail.iter().all(|part| match part.as_bytes() {
            [one] => one.is_ascii_digit(),
            [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
            _ => false,
        });
    if !head_ok || !tail_ok {
        return None;
    }
    if let Some(fraction) = fraction {
        if !fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
            return None;
        }
        let last = format!("{}.{}0", tail.last()?, leading_digits(fraction));
        let mut sum = leading_digits(unsigned).parse::<f64>().ok()? * 3600.0;
        if head.starts_with('-') {
            sum = -sum;
        }
        let middle = if tail.len() == 2 {
            tail[0].parse::<f64>().ok()? * 60.0
        } else {
            0.0
        };
        let unit = if tail.len() == 2 { 1.0 } else { 60.0 };
        return Some(Scalar::Float(
            sum + middle + last.parse::<f64>().ok()? * unit,
        ));
    }
    let mut sum = leading_digits(unsigned)
        .parse::<i64>()
        .ok()?
        .checked_mul(3600)?;
    if head.starts_with('-') {
        sum = -sum;
    }
    for (part, unit) in tail.iter().zip([60, 1]) {
        sum = sum.checked_add(part.parse::<i64>().ok()? * unit)?;
    }
    Some(Scalar::Int(sum))
}

/// The number at the start, single underscores between digits dropped, as Ruby's `to_i` reads it.
fn leading_digits(text: &str) -> String {
    let mut digits = String::new();
    let mut previous = b'_';
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => digits.push(byte as char),
            b'_' if previous != b'_' => {}
            _ => break,
        }
        previous = byte;
    }
    digits
}

fn float(text: &str) -> Option<Scalar> {
    let mut at = Cursor(text.as_bytes());
    at.one_of(b"+-");
    if at.0.first().is_some_and(u8::is_ascii_digit) {
        at.skip_while(|b| b.is_ascii_digit() || b == b'_' || b == b',');
    }
    at.one_of(b".")?;
    at.skip_while(|b| b.is_ascii_digit());
    if at.one_of(b"eE").is_some() {
        at.one_of(b"+-")?;
        at.digits(1, usize::MAX)?;
    }
    if !at.0.is_empty() || matches!(text, "." | "+." | "-.") {
        return None;
    }
    let plain: String = text.chars().filter(|c| !matches!(c, '_' | ',')).collect();
    plain.parse().ok().map(Scalar::Float)
}

fn integer(text: &str) -> Option<Scalar> {
    let (negative, body) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, radix) = if let Some(rest) = body.strip_prefix("0b") {
        (rest, 2)
    } else if let Some(rest) = body.strip_prefix("0x") {
        (rest, 16)
    } else if body.len() > 1 && body.starts_with('0') {
        (body, 8)
    } else {
        (body, 10)
    };
    if radix == 10 {
        // Separators stand between digits only, one at a time.
        let mut previous = b'_';
        for byte in digits.bytes() {
            let separator = matches!(byte, b'_' | b',');
            if !(byte.is_ascii_digit() || (separator && !matches!(previous, b'_' | b','))) {
                return None;
            }
            previous = byte;
        }
        if digits.is_empty() || matches!(previous, b'_' | b',') {
            return None;
        }
    }
    let plain: String = digits.chars().filter(|c| !matches!(c, '_' | ',')).collect();
    if plain.is_empty() || !plain.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    if let Ok(value) = i128::from_str_radix(&plain, radix) {
        let value = if negative { -value } else { value };
        return Some(match i64::try_from(value) {
            Ok(value) => Scalar::Int(value),
            Err(_) => Scalar::Text(value.to_string()),
        });
    }
    (radix == 10).then(|| Scalar::Text(if negative { format!("-{plain}") } else { plain }))
}

/// A float as Ruby prints it: `3.1`, `1000.0`, `1.0e+16`, `Infinity`.
pub(super) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let point = if mantissa.contains('.') { "" } else { ".0" };
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{mantissa}{point}e{sign}{exponent:0>2}");
    }
    let text = format!("{value}");
    if text.contains('.') {
        text
    } else {
        format!("{text}.0")
    }
}
