//! What a caller prefers (RFC 7240): `Prefer: code=404, example=none, seed=7, dynamic=true`.

/// The preferences a mock knows; others are passed over, as RFC 7240, section 2 demands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Prefer {
    /// The status to answer with.
    pub(crate) code: Option<String>,
    /// The example to answer with.
    pub(crate) example: Option<String>,
    /// What generated values begin with.
    pub(crate) seed: Option<u64>,
    /// Whether every answer is another one.
    pub(crate) dynamic: bool,
}

impl Prefer {
    /// Reads all `Prefer` headers of a request; of a name given twice the first counts.
    ///
    /// # Errors
    /// The preference whose value cannot be.
    pub(crate) fn read<'h>(headers: impl Iterator<Item = &'h str>) -> Result<Self, String> {
        let mut prefer = Self::default();
        let mut dynamic = None;
        for part in headers.flat_map(parts) {
            // Parameters of a preference follow a semicolon.
            let told = part.split(';').next().unwrap_or_default();
            let (name, value) = told.split_once('=').unwrap_or((told, ""));
            let value = value.trim().trim_matches('"');
            let wrong = || format!("the preference {} cannot be `{value}`", name.trim());
            match name.trim().to_ascii_lowercase().as_str() {
                "code" => {
                    let status =
                        value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_digit());
                    if !status || !(b'2'..=b'5').contains(&value.as_bytes()[0]) {
                        return Err(wrong());
                    }
                    prefer.code.get_or_insert_with(|| value.to_owned());
                }
                "example" if value.is_empty() => return Err(wrong()),
                "example" => {
                    prefer.example.get_or_insert_with(|| value.to_owned());
                }
                "seed" => {
                    let seed = value.parse().map_err(|_| wrong())?;
                    prefer.seed.get_or_insert(seed);
                }
                "dynamic" => {
                    let told = match value {
                        "true" | "" => true,
                        "false" => false,
                        _ => return Err(wrong()),
                    };
                    dynamic.get_or_insert(told);
                }
                _ => {}
            }
        }
        prefer.dynamic = dynamic.unwrap_or_default();
        Ok(prefer)
    }
}

/// A header's preferences; a comma in quotes parts nothing.
fn parts(header: &str) -> Vec<&str> {
    let (mut out, mut start, mut quoted) = (Vec::new(), 0, false);
    for (n, letter) in header.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                out.push(&header[start..n]);
                start = n + 1;
            }
            _ => {}
        }
    }
    out.push(&header[start..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Result<Prefer, String> {
        Prefer::read([header].into_iter())
    }

    #[test]
    fn preferences_are_read_as_rfc_7240_writes_them() {
        let told =
            read("respond-async, Code=404; x=1, example=\"a, b\", seed=7, dynamic, code=200");
        let expected = Prefer {
            code: Some("404".into()),
            example: Some("a, b".into()),
            seed: Some(7),
            dynamic: true,
        };
        assert_eq!(told, Ok(expected));
        assert_eq!(read(""), Ok(Prefer::default()));
    }

    #[test]
    fn a_value_that_cannot_be_is_named() {
        for header in [
            "code=20",
            "code=999",
            "code=2x0",
            "code=é0",
            "seed=-1",
            "dynamic=2",
            "example=",
        ] {
            let error = read(header).expect_err(header);
            let name = header.split('=').next().expect("a name");
            assert!(error.contains(name), "{error}");
        }
    }
}
