//! What is wrong with a payload, all of it at once: a field that cannot be read is given what it
//! wants and the rest is read again.

use serde_json::{Value, json};
use serde_path_to_error::Segment;

use super::{Kind, Payload};
use crate::refusal::Refusal;

pub(super) type Unreadable = serde_path_to_error::Error<serde_json::Error>;

/// Most faults of one payload that are told one by one.
const MAX_FAULTS: usize = 20;

/// The refusal of a payload, with all of its faults.
pub(super) fn refusal(kind: Kind, mut value: Value, first: &Unreadable) -> Refusal {
    let mut fault = Fault::of(kind, first, &value);
    let first = fault.refusal.clone();
    let mut more = Vec::new();
    while more.len() < MAX_FAULTS {
        let Some((mended, Some(next))) = fault.mended(kind, &value) else {
            break;
        };
        more.push(next.refusal.clone());
        (value, fault) = (mended, next);
    }
    first.and(&more)
}

/// One fault.
struct Fault {
    refusal: Refusal,
    /// What its field could hold instead; nothing for a field that should not be there.
    wants: Vec<Option<Value>>,
    is_choice: bool,
}

impl Fault {
    fn of(kind: Kind, error: &Unreadable, value: &Value) -> Self {
        let mut pointer = String::from("/payload");
        for step in error.path() {
            match step {
                Segment::Seq { index } => pointer += &format!("/{index}"),
                Segment::Map { key } => pointer += &format!("/{key}"),
                Segment::Enum { variant } => pointer += &format!("/{variant}"),
                Segment::Unknown => {}
            }
        }
        let message = error.inner().to_string();
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let kind = kind.text();
        let (mut wants, mut is_choice) = (any(), false);
        let (en, zh) = match quoted.split_first() {
            Some((field, [])) if message.starts_with("missing field") => {
                pointer += &format!("/{field}");
                (
                    format!("The payload of {kind:?} lacks the field {field:?}."),
                    format!("{kind:?} 事件缺少字段 {field:?}。"),
                )
            }
            Some((field, known)) if message.starts_with("unknown field") => {
                if !pointer.ends_with(&format!("/{field}")) {
                    pointer += &format!("/{field}");
                }
                wants = vec![None];
                let (list, liste) = (known.join(", "), known.join("、"));
                (
                    format!("The payload of {kind:?} has no field {field:?}; known are {list}."),
                    format!("{kind:?} 事件没有字段 {field:?}，可用字段：{liste}。"),
                )
            }
            Some((seen, known)) if message.starts_with("unknown variant") => {
                wants = known.iter().map(|text| Some(json!(text))).collect();
                is_choice = true;
                (
                    format!("{seen:?} is not one of {}.", known.join(", ")),
                    format!("{seen:?} 无效，可选：{}。", known.join("、")),
                )
            }
            _ => {
                let seen = pointer.strip_prefix("/payload");
                let seen = seen.and_then(|at| value.pointer(at));
                let seen = seen.map(|seen| format!(" {seen}")).unwrap_or_default();
                (
                    format!("The payload of {kind:?} cannot be read here: {message}."),
                    format!("{kind:?} 事件的该字段取值{seen} 无法识别，请检查类型与格式。"),
                )
            }
        };
        let refusal = Refusal::new("E-BOOK-PAYLOAD", &pointer, en, zh);
        Self {
            refusal,
            wants,
            is_choice,
        }
    }

    /// The payload with this fault mended, and the next fault.
    fn mended(&self, kind: Kind, value: &Value) -> Option<(Value, Option<Self>)> {
        let at = &self.refusal.pointer;
        let place = at.strip_prefix("/payload/")?;
        self.wants.iter().find_map(|wanted| {
            let mut mended = value.clone();
            put(&mut mended, place, wanted.as_ref())?;
            let next = Payload::parse(kind, &mended).err();
            let next = next.map(|error| Self::of(kind, &error, &mended));
            match next {
                Some(next) if next.refusal.pointer != *at => Some((mended, Some(next))),
                // A field that was missing turns out to be a choice.
                Some(next) if next.is_choice && !self.is_choice => next.mended(kind, &mended),
                Some(_) => None,
                None => Some((mended, None)),
            }
        })
    }
}

/// Values of which every field that is no choice takes one.
fn any() -> Vec<Option<Value>> {
    let choices = [
        json!("1"),
        json!("2026-01-05"),
        json!(1),
        json!(true),
        json!([]),
        json!({}),
    ];
    choices.into_iter().map(Some).collect()
}

/// Puts a value at a place of an object; without one the field is taken away.
fn put(object: &mut Value, place: &str, value: Option<&Value>) -> Option<()> {
    let (path, field) = match place.rsplit_once('/') {
        Some((path, field)) => (format!("/{path}"), field),
        None => (String::new(), place),
    };
    match (object.pointer_mut(&path)?, value) {
        (Value::Object(fields), Some(value)) => {
            fields.insert(field.to_owned(), value.clone());
        }
        (Value::Object(fields), None) => {
            fields.remove(field)?;
        }
        (Value::Array(items), Some(value)) => {
            *items.get_mut(field.parse::<usize>().ok()?)? = value.clone();
        }
        _ => return None,
    }
    Some(())
}
