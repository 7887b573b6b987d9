//! What a change of a schema weighs (specification, section 8, table "Schemas").

use crate::finding::Severity::{self, Error, Info, Warning};

/// Which way a value travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// From the caller.
    Request,
    /// To the caller.
    Response,
}

/// A rule's weight in a request and in an answer.
pub(super) fn weight(rule: &str, way: Way) -> Severity {
    let (request, response) = match rule {
        "SC02" | "SC29-response" => (Info, Info),
        "SC03" => (Warning, Warning),
        "SC05" | "SC07" | "SC09" | "SC11" | "SC33" | "SC13-dropped" | "SC35-removed" | "SC37" => {
            (Info, Error)
        }
        "SC01" | "SC04" | "SC08" | "SC10" | "SC12" | "SC13" | "SC17" | "SC19" | "SC21" | "SC24"
        | "SC26" | "SC27" | "SC34" | "SC35" | "SC36" | "SC16" => (Error, Info),
        "SC18" | "SC20" | "SC23" | "SC25" | "SC26-unset" | "SC28" | "SC16-removed" => {
            (Info, Warning)
        }
        "SC22" => (Error, Warning),
        "SC29" => (Warning, Info),
        "SC30" => (Warning, Info),
        "SC30-write" => (Info, Error),
        // SC03 of a required property in an answer, SC06, SC14, SC15, SC31, SC38, SC39, undecidable
        _ => (Error, Error),
    };
    match way {
        Way::Request => request,
        Way::Response => response,
    }
}
