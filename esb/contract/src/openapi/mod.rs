//! Reading OpenAPI 2.0, 3.0 and 3.1.

mod collect;
mod cursor;
mod schema;
mod shared;
#[cfg(test)]
mod tests;
mod v2;
mod v3;

use rialto_document::Node;

use crate::bundle::{Bundle, ReadBundleError};
use crate::definition::{Definition, Format, Spot};
use crate::finding::{Finding, sort_findings};
use crate::words::Words;
use collect::Collector;
use cursor::Cursor;

/// What an import yields.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// What the document means.
    pub definition: Definition,
    /// What is kept in the artefact but not in the definition, and what was read otherwise than
    /// written.
    pub losses: Vec<Loss>,
    /// What is wrong with the document itself; rules `IM…`.
    pub findings: Vec<Finding>,
}

/// Something the definition does not hold as it was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Loss {
    /// The construct, `nullable`.
    pub construct: String,
    /// Where.
    #[serde(flatten)]
    pub spot: Spot,
    /// What was done with it.
    pub done: Words,
}

/// Why a text is no definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportDefinitionError {
    /// The files cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadBundleError),
    /// It is another format than OpenAPI.
    #[error(
        "{file} is {format}, which is not imported yet; OpenAPI 2.0, 3.0 and 3.1 are. \
         Convert it, or draw the interface in the editor."
    )]
    NotYet {
        /// The file.
        file: String,
        /// The format's name.
        format: &'static str,
    },
    /// It is a version of OpenAPI that is not known.
    #[error("{file}: OpenAPI {version} is not known; 2.0, 3.0 and 3.1 are read")]
    Version {
        /// The file.
        file: String,
        /// The version it names.
        version: String,
    },
    /// It names no format at all.
    #[error(
        "{file} is no interface definition: it has neither `openapi` nor `swagger` at its top. \
         OpenAPI 2.0, 3.0 and 3.1 are imported."
    )]
    Unknown {
        /// The file.
        file: String,
    },
}

/// Reads a definition.
///
/// # Errors
/// [`ImportDefinitionError`] when it is no OpenAPI document; what is wrong inside of one is told by
/// the findings.
pub fn import(bundle: &Bundle) -> Result<Import, ImportDefinitionError> {
    let format = format(bundle)?;
    let mut collector = Collector::new(bundle, format);
    let root = Cursor::root(bundle);
    let definition = match format {
        Format::OpenApi20 => v2::read(&root, &mut collector),
        Format::OpenApi30 | Format::OpenApi31 => v3::read(&root, &mut collector),
    };
    Ok(collector.finish(definition))
}

/// The first bytes of formats that are told apart without reading them: texts that are no JSON or
/// YAML never become a [`Bundle`].
#[must_use]
pub fn foreign_format(text: &str) -> Option<&'static str> {
    let start = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if start.starts_with('<') {
        let wsdl = start.contains("schemas.xmlsoap.org/wsdl") || start.contains("ns/wsdl");
        return Some(if wsdl { "WSDL" } else { "an XML document" });
    }
    let proto = start
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("//"));
    let proto = proto.is_some_and(|line| {
        line.starts_with("syntax") && line.contains("proto")
            || line.starts_with("package ") && line.ends_with(';')
    });
    proto.then_some("a protobuf file")
}

fn format(bundle: &Bundle) -> Result<Format, ImportDefinitionError> {
    let document = bundle.document();
    let file = bundle.root().to_owned();
    let version = |name: &str| {
        document
            .get(name)
            .map(|node| match node.text().or(node.number()) {
                Some(text) => text.to_owned(),
                None => node.kind().to_owned(),
            })
    };
    if let Some(version) = version("openapi") {
        return match version.split('.').take(2).collect::<Vec<_>>()[..] {
            ["3", "0"] => Ok(Format::OpenApi30),
            ["3", _] => Ok(Format::OpenApi31),
            _ => Err(ImportDefinitionError::Version { file, version }),
        };
    }
    if let Some(version) = version("swagger") {
        return match version.as_str() {
            "2.0" | "2" => Ok(Format::OpenApi20),
            _ => Err(ImportDefinitionError::Version { file, version }),
        };
    }
    match named_format(document) {
        Some(format) => Err(ImportDefinitionError::NotYet { file, format }),
        None => Err(ImportDefinitionError::Unknown { file }),
    }
}

fn named_format(document: &Node) -> Option<&'static str> {
    let schema = document
        .at("/info/schema")
        .and_then(Node::text)
        .unwrap_or_default();
    let has = |name: &str| document.get(name).is_some();
    if schema.contains("getpostman.com") || document.at("/info/_postman_id").is_some() {
        Some("a Postman collection")
    } else if document.at("/log/entries").is_some() {
        Some("a HAR recording")
    } else if has("asyncapi") {
        Some("an AsyncAPI document")
    } else if has("swaggerVersion") {
        Some("a Swagger 1 document")
    } else if has("raml") {
        Some("a RAML document")
    } else if has("_type") && has("resources") {
        Some("an Insomnia export")
    } else if has("apiCollection") {
        Some("an Apifox project")
    } else {
        None
    }
}

impl Collector<'_> {
    fn finish(mut self, mut definition: Definition) -> Import {
        self.drain();
        definition.schemas = std::mem::take(&mut self.schemas);
        definition.schema_spots = std::mem::take(&mut self.schema_spots);
        sort_findings(&mut self.findings);
        self.losses
            .sort_by(|a, b| (&a.spot, &a.construct).cmp(&(&b.spot, &b.construct)));
        Import {
            definition,
            losses: self.losses,
            findings: self.findings,
        }
    }
}
