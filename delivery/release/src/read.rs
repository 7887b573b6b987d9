//! Reader of release definitions: walks the TOML tree itself so that every error has its place
//! and all of them are reported at once.

mod environments;
mod sections;
mod table;

use toml::de::DeTable;

use crate::definition::{MAX_DEFINITION_BYTES, ReleaseDefinition};
use crate::message::{DefinitionError, line_and_column};
use table::{Section, Sink};

/// Reads and checks a definition.
pub(crate) fn definition(
    text: &str,
    file: &str,
) -> Result<ReleaseDefinition, Vec<DefinitionError>> {
    let sink = Sink::new(file, text);
    if text.len() > MAX_DEFINITION_BYTES {
        sink.error(
            0,
            format!(
                "the release definition is larger than {} KiB",
                MAX_DEFINITION_BYTES >> 10
            ),
        );
        return Err(sink.into_errors());
    }
    let (root, syntax) = DeTable::parse_recoverable(text);
    if !syntax.is_empty() {
        for error in syntax {
            let at = error.span().map_or(0, |span| span.start);
            sink.error(at, error.message().to_owned());
        }
        return Err(sink.into_errors());
    }
    let found = sections::root(&Section::new(&sink, "", root.get_ref(), 0));
    let errors = sink.into_errors();
    match found {
        Some(definition) if errors.is_empty() => Ok(definition),
        _ => Err(errors),
    }
}

/// Sorts by place so that a reader can work from top to bottom.
fn in_file_order(mut errors: Vec<DefinitionError>) -> Vec<DefinitionError> {
    errors.sort_by_key(|error| (error.line, error.column));
    errors.dedup();
    errors
}

impl Sink<'_> {
    fn into_errors(self) -> Vec<DefinitionError> {
        let (file, text, raw) = self.into_parts();
        in_file_order(
            raw.into_iter()
                .map(|(at, message)| {
                    let (line, column) = line_and_column(text, at);
                    DefinitionError {
                        file: file.to_owned(),
                        line,
                        column,
                        message,
                    }
                })
                .collect(),
        )
    }
}
