//! What callers do not see of JSON answers. The text is rewritten piece by piece: what is clear stays
//! byte for byte as the provider wrote it, numbers included.

use std::collections::HashMap;

use rialto_esb_policy::mask::{Label, Mask, UNLABELLED_LEVEL};
use rialto_esb_snapshot::Masking;

/// Masks answers of a route.
#[derive(Debug)]
pub(crate) struct Masker {
    root: Field,
    unlabelled: Label,
    /// The highest level of all; a field nobody labelled may always come.
    highest: u8,
}

/// Fields by their place.
#[derive(Debug, Default)]
struct Field {
    label: Option<Label>,
    members: HashMap<String, Field>,
    /// `*`: every item or member without a place of its own.
    any: Option<Box<Field>>,
}

impl Masker {
    /// `None` when a field names a label that is not there.
    pub(crate) fn new(masking: &Masking, labels: &[Label]) -> Option<Self> {
        let mut root = Field::default();
        let mut highest = UNLABELLED_LEVEL;
        for field in &masking.fields {
            let label = labels.iter().find(|label| label.name == field.label)?;
            let mut at = &mut root;
            for step in field.pointer.split('/').skip(1) {
                at = match step {
                    "*" => at.any.get_or_insert_default(),
                    step => {
                        let name = step.replace("~1", "/").replace("~0", "~");
                        at.members.entry(name).or_default()
                    }
                };
            }
            highest = highest.max(label.level);
            at.label = Some(label.clone());
        }
        Some(Self {
            root,
            highest,
            unlabelled: Label {
                name: String::new(),
                level: UNLABELLED_LEVEL,
                mask: Mask::Hidden,
            },
        })
    }

    /// Whether somebody of this clearance may not see all of an answer.
    pub(crate) fn hides_from(&self, clearance: u8) -> bool {
        clearance < self.highest
    }

    /// The answer as somebody of this clearance sees it; `None` when it is no JSON.
    pub(crate) fn masked(&self, text: &[u8], clearance: u8) -> Option<String> {
        // Checked first, so that the rewriting below may rely on the form (and on its depth).
        serde_json::from_slice::<serde::de::IgnoredAny>(text).ok()?;
        let text = str::from_utf8(text).ok()?;
        let mut writer = Writer {
            text,
            at: 0,
            out: String::with_capacity(text.len()),
            clearance,
        };
        writer.space();
        let label = self.root.label.as_ref().unwrap_or(&self.unlabelled);
        writer.value(Some(&self.root), label)?;
        writer.space();
        Some(writer.out)
    }
}

impl Field {
    fn below(&self, name: &str) -> Option<&Self> {
        self.members.get(name).or(self.any.as_deref())
    }
}

struct Writer<'t> {
    text: &'t str,
    at: usize,
    out: String,
    clearance: u8,
}

impl<'t> Writer<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.out.push(char::from(byte));
            self.at += 1;
        }
    }

    /// One value; false when it is not to be there at all.
    fn value(&mut self, field: Option<&Field>, label: &Label) -> Option<bool> {
        let hidden = label.level > self.clearance;
        if hidden && label.mask == Mask::Removed {
            let length = self.out.len();
            self.skip(field, label)?;
            self.out.truncate(length);
            return Some(false);
        }
        match self.peek()? {
            b'{' => self.members(field, label, b'}')?,
            b'[' => self.members(field, label, b']')?,
            b'"' => {
                let from = self.at;
                let end = self.string_end()?;
                let raw = &self.text[from..end];
                self.at = end;
                if hidden {
                    let text: String = serde_json::from_str(raw).ok()?;
                    self.write(label, &text);
                } else {
                    self.out.push_str(raw);
                }
            }
            _ => {
                let from = self.at;
                while self.peek().is_some_and(|b| !b",]} \t\r\n".contains(&b)) {
                    self.at += 1;
                }
                let raw = &self.text[from..self.at];
                if hidden && raw != "null" {
                    self.write(label, raw);
                } else {
                    self.out.push_str(raw);
                }
            }
        }
        Some(true)
    }

    /// Walks over a value; what it writes is thrown away.
    fn skip(&mut self, field: Option<&Field>, label: &Label) -> Option<()> {
        let clear = Label {
            level: 0,
            mask: Mask::Clear,
            ..label.clone()
        };
        let clearance = std::mem::replace(&mut self.clearance, u8::MAX);
        let done = self.value(field, &clear);
        self.clearance = clearance;
        done.map(|_| ())
    }

    fn write(&mut self, label: &Label, text: &str) {
        let shown = label.mask.apply(text).unwrap_or_default();
        self.out
            .push_str(&serde_json::Value::from(shown).to_string());
    }

    /// Members of an object or items of an array.
    fn members(&mut self, field: Option<&Field>, label: &Label, end: u8) -> Option<()> {
        self.out.push(char::from(self.peek()?));
        self.at += 1;
        let (mut first, mut comma) = (true, None);
        let mut n = 0_usize;
        loop {
            self.space();
            if self.peek()? == end {
                self.out.push(char::from(end));
                self.at += 1;
                return Some(());
            }
            if self.peek()? == b',' {
                comma = Some(self.out.len());
                self.at += 1;
                continue;
            }
            let mut began = self.out.len();
            // Where it stood, and only between two that are there.
            if let Some(at) = comma.take().filter(|_| !first) {
                self.out.insert(at, ',');
                began = at;
            }
            let name = if end == b'}' {
                self.name()?
            } else {
                n.to_string()
            };
            let below = field.and_then(|field| field.below(&name));
            let own = below
                .and_then(|field| field.label.as_ref())
                .unwrap_or(label);
            if self.value(below, own)? {
                first = false;
            } else if end == b']' {
                // Places of items speak: what is taken out leaves a gap.
                self.out.push_str("null");
                first = false;
            } else {
                self.out.truncate(began);
            }
            n += 1;
        }
    }

    /// A member's name, and what stands between it and the value.
    fn name(&mut self) -> Option<String> {
        let from = self.at;
        let end = self.string_end()?;
        let raw = &self.text[from..end];
        self.at = end;
        self.out.push_str(raw);
        self.space();
        self.out.push(':');
        self.at += 1;
        self.space();
        serde_json::from_str(raw).ok()
    }

    fn string_end(&self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        loop {
            match bytes.get(at)? {
                b'\\' => at += 2,
                b'"' => return Some(at + 1),
                _ => at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rialto_esb_policy::mask::catalogue;
    use rialto_esb_snapshot::FieldMask;

    use super::*;

    fn masker(fields: &[(&str, &str)]) -> Masker {
        let fields = fields.iter().map(|(pointer, label)| FieldMask {
            pointer: (*pointer).to_owned(),
            label: (*label).to_owned(),
        });
        let masking = Masking {
            fields: fields.collect(),
        };
        Masker::new(&masking, &catalogue()).unwrap()
    }

    const FIELDS: &[(&str, &str)] = &[
        ("/items/*/mobile", "mobile"),
        ("/items/*/id", "none"),
        ("/items/*/secret", "secret"),
        ("/a~1b", "name"),
        ("/tags/*", "none"),
        ("/tags/1", "secret"),
    ];

    #[test]
    fn fields_are_masked_by_label_and_all_else_stays_as_written() {
        let text = "{ \"items\": [ {\"secret\": {\"x\":[1]}, \"id\" : 1.50, \"mobile\":\"13812345678\"} ],\n \"a/b\":\"欧阳修\", \"tags\":[\"a\",\"b\",\"c\"], \"other\": 7 }";
        let masked = masker(FIELDS).masked(text.as_bytes(), 1).unwrap();
        assert_eq!(
            masked,
            "{ \"items\": [ { \"id\" : 1.50, \"mobile\":\"138****5678\"} ],\n \"a/b\":\"欧**\", \"tags\":[\"a\",null,\"c\"], \"other\": \"***\" }"
        );
    }

    #[test]
    fn clearance_opens_what_is_not_above_it() {
        let text = "{\"items\":[{\"mobile\":13812345678,\"secret\":1}],\"other\":7}";
        let all = masker(FIELDS);
        let seen = |clearance| all.masked(text.as_bytes(), clearance).unwrap();
        assert_eq!(
            seen(1),
            "{\"items\":[{\"mobile\":\"138****5678\"}],\"other\":\"***\"}"
        );
        assert_eq!(
            seen(2),
            "{\"items\":[{\"mobile\":13812345678}],\"other\":\"***\"}"
        );
        assert_eq!(
            seen(3),
            "{\"items\":[{\"mobile\":13812345678}],\"other\":7}"
        );
        assert_eq!(seen(4), text);
        assert_eq!(
            [3, 4].map(|clearance| all.hides_from(clearance)),
            [true, false]
        );
        // Without a secret, a clearance of the level of the unlabelled sees all.
        let plain = masker(&FIELDS[..2]);
        assert_eq!(
            [2, 3].map(|clearance| plain.hides_from(clearance)),
            [true, false]
        );
    }

    #[test]
    fn what_is_no_json_is_withheld() {
        let masker = masker(FIELDS);
        for text in ["", "{", "{\"a\":1}x", "<a/>", "\"\u{1}\""] {
            assert_eq!(masker.masked(text.as_bytes(), 4), None, "{text}");
        }
        assert_eq!(masker.masked(&[b'"', 0xff, b'"'], 4), None);
        assert_eq!(masker.masked("[".repeat(100_000).as_bytes(), 4), None);
    }

    proptest::proptest! {
        #[test]
        fn with_full_clearance_any_json_stays_as_it_is(text in "[\\[\\]{}\":,a0. \\\\]{0,24}") {
            if let Some(masked) = masker(FIELDS).masked(text.as_bytes(), 4) {
                proptest::prop_assert_eq!(masked, text);
            }
        }

        #[test]
        fn what_is_masked_is_json(name in "\\PC{0,8}", value in "\\PC{0,8}", n: i64) {
            let text = serde_json::json!({"items": [{"mobile": value, name: [n, {"secret": 1}]}]}).to_string();
            let masked = masker(FIELDS).masked(text.as_bytes(), 1).expect("JSON");
            proptest::prop_assert!(serde_json::from_str::<serde_json::Value>(&masked).is_ok(), "{}", masked);
        }
    }
}
