//! Merging defaults, file, variables and flags into settings.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use rialto_kernel::Located;
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::nearest::nearest;
use crate::settings::{KEYS, Key, Settings};

/// Prefix of the variables that set keys.
const PREFIX: &str = "RIALTO__";

/// The texts to load from; later ones win.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Name and text of the configuration file.
    pub file: Option<(String, String)>,
    /// Environment variables; those that do not begin with `RIALTO__` are left alone.
    pub variables: Vec<(String, String)>,
    /// Flags as `(section.key, text)`.
    pub flags: Vec<(String, String)>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The built-in default.
    Default,
    /// The configuration file.
    File {
        /// Its name.
        file: String,
        /// Line, counted from 1.
        line: u32,
    },
    /// An environment variable.
    Variable(String),
    /// A command-line flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// Settings and where each came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings in force.
    pub settings: Settings,
    /// Origin by `section.key`, for every key.
    pub origins: BTreeMap<&'static str, Origin>,
}

/// A value offered for a key, before it is known to fit.
struct Offer {
    key: &'static Key,
    value: Value,
    origin: Origin,
    /// Where to point when the value does not fit: a place in the file, or a name.
    place: Place,
}

#[derive(Clone)]
enum Place {
    File(Located),
    Named(String),
}

impl Place {
    fn error(&self, message: impl Into<String>) -> Located {
        match self {
            Self::File(at) => Located {
                message: message.into(),
                ..at.clone()
            },
            Self::Named(name) => Located::of_file(name.clone(), message),
        }
    }
}

/// Reads the file (when one is named) and the variables of this process, then [`load`]s.
///
/// # Errors
/// A file that cannot be read, and everything [`load`] refuses.
pub fn read(file: Option<&Path>, flags: Vec<(String, String)>) -> Result<Loaded, Vec<Located>> {
    let file = match file {
        None => None,
        Some(path) => {
            let name = path.display().to_string();
            let bytes = std::fs::read(path).map_err(|error| {
                vec![Located::of_file(
                    name.clone(),
                    format!("cannot be read: {error}"),
                )]
            })?;
            let text = String::from_utf8(bytes).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                let before = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
                vec![Located::at_offset(
                    name.clone(),
                    &before,
                    at,
                    "is not UTF-8 from here on",
                )]
            })?;
            Some((name, text))
        }
    };
    let mut variables = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else {
            continue;
        };
        if !name.starts_with(PREFIX) {
            continue;
        }
        let value = value
            .into_string()
            .map_err(|_| vec![Located::of_file(name.clone(), "its value is not UTF-8")])?;
        variables.push((name, value));
    }
    variables.sort();
    load(Sources {
        file,
        variables,
        flags,
    })
}

/// Merges the sources into settings.
///
/// # Errors
/// Every error found, not only the first: text that is not TOML, unknown keys (with the nearest
/// known one), values of the wrong kind, secrets in the file, settings that contradict each other.
pub fn load(sources: Sources) -> Result<Loaded, Vec<Located>> {
    let mut errors = Vec::new();
    let defaults = tree(&Settings::default());
    let mut offers = Vec::new();
    if let Some((file, text)) = &sources.file {
        offers_of_file(file, text, &mut offers, &mut errors);
    }
    for (name, text) in &sources.variables {
        if let Some(rest) = name.strip_prefix(PREFIX) {
            let path = rest.to_ascii_lowercase().replace("__", ".");
            let spell =
                |path: &str| format!("{PREFIX}{}", path.to_ascii_uppercase().replace('.', "__"));
            let origin = Origin::Variable(name.clone());
            offer_of_text(
                &path,
                name,
                text,
                origin,
                &defaults,
                &spell,
                &mut offers,
                &mut errors,
            );
        }
    }
    for (path, text) in &sources.flags {
        let origin = Origin::Flag(format!("flag for {path}"));
        let spell = str::to_owned;
        offer_of_text(
            path,
            path,
            text,
            origin,
            &defaults,
            &spell,
            &mut offers,
            &mut errors,
        );
    }
    merge(defaults, offers, errors)
}

fn merge(
    defaults: Value,
    offers: Vec<Offer>,
    mut errors: Vec<Located>,
) -> Result<Loaded, Vec<Located>> {
    let mut merged = defaults.clone();
    let mut origins: BTreeMap<&'static str, Origin> =
        KEYS.iter().map(|key| (key.path, Origin::Default)).collect();
    let mut places = BTreeMap::new();
    for offer in offers {
        // One value at a time on top of the defaults: a refusal is then about this value alone.
        let mut alone = defaults.clone();
        put(&mut alone, offer.key.path, offer.value.clone());
        match serde_json::from_value::<Settings>(alone) {
            Err(error) => errors.push(offer.place.error(format!("{}: {error}", offer.key.path))),
            Ok(_) => {
                put(&mut merged, offer.key.path, offer.value);
                origins.insert(offer.key.path, offer.origin);
                places.insert(offer.key.path, offer.place);
            }
        }
    }
    if !errors.is_empty() {
        errors.sort();
        return Err(errors);
    }
    let settings: Settings = serde_json::from_value(merged)
        .map_err(|error| vec![Located::of_file("configuration", error.to_string())])?;
    for (path, message) in settings.conflicts() {
        let place = places
            .get(path)
            .cloned()
            .unwrap_or_else(|| Place::Named(path.to_owned()));
        errors.push(place.error(format!("{path}: {message}")));
    }
    if errors.is_empty() {
        Ok(Loaded { settings, origins })
    } else {
        Err(errors)
    }
}

fn offers_of_file(file: &str, text: &str, offers: &mut Vec<Offer>, errors: &mut Vec<Located>) {
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            errors.push(Located::at_offset(file, text, offset, error.message()));
            return;
        }
    };
    for (section, content) in table.get_ref() {
        let at = |offset, message: String| Located::at_offset(file, text, offset, message);
        let name = section.get_ref();
        let known = KEYS
            .iter()
            .any(|key| key.path.split('.').next() == Some(name));
        if !known {
            let sections = KEYS.iter().filter_map(|key| key.path.split('.').next());
            let message = unknown("section", name, nearest(name, sections));
            errors.push(at(section.span().start, message));
            continue;
        }
        let Some(keys) = content.get_ref().as_table() else {
            errors.push(at(
                content.span().start,
                format!("`{name}` is a section: write [{name}]"),
            ));
            continue;
        };
        for (key, value) in keys {
            let path = format!("{name}.{}", key.get_ref());
            let offset = key.span().start;
            let Some(known) = find(&path) else {
                let message = unknown("key", &path, nearest(&path, KEYS.iter().map(|k| k.path)));
                errors.push(at(offset, message));
                continue;
            };
            if known.secret {
                errors.push(at(offset, secret_in_file(known)));
                continue;
            }
            let place = at(value.span().start, String::new());
            match json(value.get_ref()) {
                Ok(value) => offers.push(Offer {
                    key: known,
                    value,
                    origin: Origin::File {
                        file: file.to_owned(),
                        line: place.line,
                    },
                    place: Place::File(place),
                }),
                Err(reason) => errors.push(Located {
                    message: format!("{path}: {reason}"),
                    ..place
                }),
            }
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one call site for variables and one for flags"
)]
fn offer_of_text(
    path: &str,
    name: &str,
    text: &str,
    origin: Origin,
    defaults: &Value,
    spell: &dyn Fn(&str) -> String,
    offers: &mut Vec<Offer>,
    errors: &mut Vec<Located>,
) {
    let Some(key) = find(path) else {
        let near = nearest(path, KEYS.iter().map(|key| key.path)).map(spell);
        errors.push(Located::of_file(
            name,
            unknown("key", path, near.as_deref()),
        ));
        return;
    };
    let place = Place::Named(name.to_owned());
    let list = Value::Array(Vec::new());
    let default = match get(defaults, path) {
        Value::Null if key.is_list() => &list,
        default => default,
    };
    match typed(text, default) {
        Ok(value) => offers.push(Offer {
            key,
            value,
            origin,
            place,
        }),
        Err(reason) => errors.push(place.error(format!("{path}: {reason}"))),
    }
}

fn unknown(what: &str, name: &str, near: Option<&str>) -> String {
    match near {
        Some(near) => format!("unknown {what} `{name}`; did you mean `{near}`?"),
        None => format!("unknown {what} `{name}`; `rialto config example` lists them all"),
    }
}

fn secret_in_file(key: &Key) -> String {
    format!(
        "`{path}` may carry a secret and is refused in this file; use `{path}_file` or {PREFIX}{}",
        key.path.to_ascii_uppercase().replace('.', "__"),
        path = key.path,
    )
}

fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The settings as a tree of JSON values, absent ones null.
pub(crate) fn tree(settings: &Settings) -> Value {
    serde_json::to_value(settings).unwrap_or(Value::Null)
}

/// The value at `section.key`.
pub(crate) fn get<'a>(tree: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(tree, |value, part| &value[part])
}

fn put(tree: &mut Value, path: &str, value: Value) {
    if let Some((section, key)) = path.split_once('.') {
        tree[section][key] = value;
    }
}

/// The text of a variable or flag as the kind of value its default has.
fn typed(text: &str, default: &Value) -> Result<Value, String> {
    match default {
        Value::Bool(_) => text
            .parse::<bool>()
            .map(Value::Bool)
            .map_err(|_| format!("`{text}` is neither true nor false")),
        Value::Number(_) => text
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| format!("`{text}` is not a whole number")),
        Value::Array(_) => Ok(text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| Value::String(part.to_owned()))
            .collect()),
        _ => Ok(Value::String(text.to_owned())),
    }
}

fn json(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::from)
            .map_err(|_| format!("`{number}` is too large"))?,
        DeValue::Array(items) => items
            .iter()
            .map(|item| json(item.get_ref()))
            .collect::<Result<_, _>>()?,
        other => return Err(format!("a {} is not expected here", other.type_str())),
    })
}
