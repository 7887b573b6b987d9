//! The example file and the print of settings in force.

use std::fmt::Write as _;

use serde_json::Value;

use crate::load::{Loaded, get, tree};
use crate::settings::{KEYS, Settings};

/// A commented file with every key at its default.
#[must_use]
pub fn example() -> String {
    let defaults = tree(&Settings::default());
    let mut text = String::from(
        "# Every key of the configuration at its default. A key may also be set by a variable:\n\
         # `server.listen` by RIALTO__SERVER__LISTEN. Flags win over variables, variables over\n\
         # this file. Secrets are refused here: use their *_file key or their variable.\n",
    );
    let mut section = "";
    for key in KEYS {
        let Some((head, name)) = key.path.split_once('.') else {
            continue;
        };
        if head != section {
            section = head;
            let _ = write!(text, "\n[{section}]\n");
        }
        let _ = writeln!(text, "# {}", key.doc);
        let value = get(&defaults, key.path);
        let _ = if key.secret {
            let variable = key.path.to_ascii_uppercase().replace('.', "__");
            writeln!(text, "# {name}: only by RIALTO__{variable}")
        } else if value.is_null() && key.is_list() {
            writeln!(text, "# {name} = {}", key.example)
        } else if value.is_null() {
            writeln!(text, "# {name} = {}", Value::from(key.example))
        } else {
            writeln!(text, "{name} = {value}")
        };
    }
    text
}

/// One line a key, `section.key = value`; with origins, where each value came from. Secrets are
/// hidden.
#[must_use]
pub fn print(loaded: &Loaded, origins: bool) -> String {
    let values = tree(&loaded.settings);
    let mut text = String::new();
    for key in KEYS {
        let value = match get(&values, key.path) {
            Value::Null => "(absent)".to_owned(),
            _ if key.secret => "(hidden)".to_owned(),
            value => value.to_string(),
        };
        let _ = write!(text, "{} = {value}", key.path);
        if let (true, Some(origin)) = (origins, loaded.origins.get(key.path)) {
            let _ = write!(text, "  # {origin}");
        }
        text.push('\n');
    }
    text
}
