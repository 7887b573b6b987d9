//! Interface definitions as the interface platform keeps them: read from OpenAPI documents,
//! checked by the house's rules, compared version with version.
//!
//! Everything here is pure: texts come in, values go out. An imported document stays the artefact
//! it was; [`Definition`] is what its operations mean, with schemas lifted to JSON Schema 2020-12.

mod bundle;
pub mod compat;

mod definition;
mod finding;
pub mod joined;
pub mod lint;

mod openapi;
mod words;

pub use bundle::{Bundle, ReadBundleError};
pub use definition::{
    Body, BusinessError, Definition, Format, Header, Idempotency, In, Media, Method, Operation,
    Outcome, Parameter, Scheme, SecurityNeed, Server, Spot,
};
pub use finding::{Finding, Severity, sort_findings};
pub use openapi::{Import, ImportDefinitionError, Loss, foreign_format, import};
pub use words::Words;
