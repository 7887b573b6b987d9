//! JSON and YAML documents as trees of values that know where they were written.
//!
//! One reader serves both: YAML 1.2 holds JSON. Scalars follow YAML's core schema, numbers stay the
//! text they were written in, a name stands once in an object, aliases are expanded within a
//! budget. What breaks a limit or the syntax is refused with its line and column.

mod node;
mod read;
mod write;

pub use node::{Map, Member, Node, Place, Value, pointer_step};
pub use read::{Limits, ReadDocumentError, ReadDocumentFault, Twice, read};
pub use write::quote;
