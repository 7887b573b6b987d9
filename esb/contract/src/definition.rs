//! What an interface offers, whatever it was written in.

use std::fmt;

use indexmap::IndexMap;
use rialto_document::Node;

/// A place in an artefact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
pub struct Spot {
    /// The file.
    pub file: String,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column in characters, from 1; 0 when unknown.
    pub column: u32,
    /// JSON pointer (RFC 6901) within the file.
    pub pointer: String,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}:{}", self.file, self.column),
        }
    }
}

/// What an artefact was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub enum Format {
    /// OpenAPI 2.0, also called Swagger.
    #[serde(rename = "openapi-2.0")]
    OpenApi20,
    /// OpenAPI 3.0.
    #[serde(rename = "openapi-3.0")]
    OpenApi30,
    /// OpenAPI 3.1, and later ones as far as they say the same.
    #[serde(rename = "openapi-3.1")]
    OpenApi31,
}

/// An interface: its operations and the schemas they share.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// What the artefact was written in.
    pub format: Format,
    /// Name for people.
    pub title: String,
    /// The version its author gave it.
    pub version: String,
    /// What it is for.
    pub description: Option<String>,
    /// Where it is served.
    pub servers: Vec<Server>,
    /// What can be called, in written order.
    pub operations: Vec<Operation>,
    /// Shared schemas by name, in JSON Schema 2020-12; `#/$defs/NAME` refers to them.
    pub schemas: IndexMap<String, Node>,
    /// Where each shared schema was written.
    pub schema_spots: IndexMap<String, Spot>,
    /// Ways to identify a caller, by name.
    pub schemes: IndexMap<String, Scheme>,
    /// Where the document begins.
    pub spot: Spot,
}

/// Where an interface is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// URL or path, variables as written.
    pub url: String,
    /// What it is.
    pub description: Option<String>,
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "they are named by RFC 9110")]
pub enum Method {
    Get,
    Put,
    Post,
    Delete,
    Options,
    Head,
    Patch,
    Trace,
}

impl Method {
    /// All of them, as a path item of OpenAPI names them.
    pub const ALL: [(&'static str, Method); 8] = [
        ("get", Method::Get),
        ("put", Method::Put),
        ("post", Method::Post),
        ("delete", Method::Delete),
        ("options", Method::Options),
        ("head", Method::Head),
        ("patch", Method::Patch),
        ("trace", Method::Trace),
    ];

    /// Whether a request may be sent again without asking (RFC 9110, section 9.2.2).
    #[must_use]
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Patch)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Head => "HEAD",
            Self::Patch => "PATCH",
            Self::Trace => "TRACE",
        })
    }
}

/// One thing that can be called.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The author's id of it.
    pub id: Option<String>,
    /// Its method.
    pub method: Method,
    /// Its path with `{names}`.
    pub path: String,
    /// One line for people.
    pub summary: Option<String>,
    /// More lines.
    pub description: Option<String>,
    /// Groups it belongs to.
    pub tags: Vec<String>,
    /// Whether callers are asked to leave it.
    pub deprecated: bool,
    /// The day it goes (`x-sunset`), `yyyy-mm-dd`.
    pub sunset: Option<String>,
    /// What goes into path, query, headers and cookies, those of the path item included.
    pub parameters: Vec<Parameter>,
    /// What goes into the body.
    pub body: Option<Body>,
    /// What comes back, by status.
    pub outcomes: Vec<Outcome>,
    /// Who may call: any one of these; empty for anybody.
    pub security: Vec<SecurityNeed>,
    /// Whether the document says so when it is anybody (`security: []`).
    pub open: bool,
    /// Business error codes it may answer with (`x-error-codes`).
    pub errors: Vec<BusinessError>,
    /// What its idempotency key means (`x-idempotency`).
    pub idempotency: Idempotency,
    /// Where it was written.
    pub spot: Spot,
}

/// What sending a request twice does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Idempotency {
    /// Nothing is said beyond the method.
    #[default]
    None,
    /// A key may be sent.
    Optional,
    /// A key must be sent.
    Required,
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are named by OpenAPI")]
pub enum In {
    Path,
    Query,
    Header,
    Cookie,
}

impl fmt::Display for In {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        })
    }
}

/// A value beside the body.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it goes.
    pub place: In,
    /// What it means.
    pub description: Option<String>,
    /// Whether it must be there.
    pub required: bool,
    /// Whether callers are asked to leave it.
    pub deprecated: bool,
    /// How values become text (`form`, `simple` …).
    pub style: String,
    /// Whether items and members become parameters of their own.
    pub explode: bool,
    /// Whether reserved characters go unescaped.
    pub allow_reserved: bool,
    /// Whether `?name=` is let pass.
    pub allow_empty: bool,
    /// Its schema.
    pub schema: Option<Node>,
    /// The media type it is written in, when it is not by style.
    pub content: Option<String>,
    /// Examples by name.
    pub examples: Vec<(String, Node)>,
    /// Where it was written.
    pub spot: Spot,
}

/// A request's body.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// Whether it must be there.
    pub required: bool,
    /// What it means.
    pub description: Option<String>,
    /// Its forms, by media type.
    pub media: Vec<Media>,
    /// Where it was written.
    pub spot: Spot,
}

/// One form of a body.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// The media type, as written.
    pub name: String,
    /// Its schema.
    pub schema: Option<Node>,
    /// How parts of a form are written, as written.
    pub encoding: Option<Node>,
    /// Examples by name.
    pub examples: Vec<(String, Node)>,
    /// Where it was written.
    pub spot: Spot,
}

/// What comes back with a status.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `200`, `4XX` or `default`.
    pub status: String,
    /// What it means.
    pub description: Option<String>,
    /// Headers.
    pub headers: Vec<Header>,
    /// Forms of the body; empty without one.
    pub media: Vec<Media>,
    /// Names of links.
    pub links: Vec<String>,
    /// Whether a test can bring it about although it is `default` or 5xx (`x-testable`).
    pub testable: bool,
    /// Where it was written.
    pub spot: Spot,
}

impl Outcome {
    /// Whether it stands for success (2xx).
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.starts_with('2')
    }
}

/// A header of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Whether it is always there.
    pub required: bool,
    /// Its schema.
    pub schema: Option<Node>,
    /// Where it was written.
    pub spot: Spot,
}

/// Schemes that must all be met, each with its scopes; no scheme at all means anybody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecurityNeed {
    /// Names of schemes and the scopes they must grant.
    pub schemes: Vec<(String, Vec<String>)>,
}

/// A way to identify a caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheme {
    /// `apiKey`, `http`, `oauth2`, `openIdConnect`, `mutualTLS`.
    pub kind: String,
    /// All of it, as written.
    pub detail: Node,
    /// Where it was written.
    pub spot: Spot,
}

/// A business error code an operation may answer with.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BusinessError {
    /// The code.
    pub code: String,
    /// The status it comes with.
    pub status: Option<String>,
    /// What it means.
    pub meaning: String,
}

impl Operation {
    /// `POST /v1/orders`, as people name it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// What tells two operations apart: method and path, names of variables left out.
    #[must_use]
    pub fn shape(&self) -> (Method, String) {
        (self.method, path_shape(&self.path))
    }
}

/// A path with the names of its variables left out, so that `/a/{x}` equals `/a/{y}`.
#[must_use]
pub fn path_shape(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut depth = 0_usize;
    for part in path.chars() {
        match part {
            '{' => {
                depth += 1;
                out.push('{');
            }
            '}' => {
                depth = depth.saturating_sub(1);
                out.push('}');
            }
            _ if depth > 0 => {}
            other => out.push(other),
        }
    }
    out
}

/// Names of a path's variables, in order.
#[must_use]
pub fn path_names(path: &str) -> Vec<&str> {
    path.split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}').map(|(name, _)| name))
        .collect()
}

impl Definition {
    /// The schema a reference of ours (`#/$defs/NAME`) names.
    #[must_use]
    pub fn schema(&self, reference: &str) -> Option<&Node> {
        let (name, rest) = split_reference(reference)?;
        let schema = self.schemas.get(&name)?;
        schema.at(&rest)
    }
}

/// `#/$defs/NAME/rest` as the name, unescaped, and the pointer after it.
fn split_reference(reference: &str) -> Option<(String, String)> {
    let rest = reference.strip_prefix("#/$defs/")?;
    let (name, rest) = match rest.find('/') {
        Some(n) => rest.split_at(n),
        None => (rest, ""),
    };
    let name = crate::bundle::percent_decoded(name);
    Some((name.replace("~1", "/").replace("~0", "~"), rest.to_owned()))
}
