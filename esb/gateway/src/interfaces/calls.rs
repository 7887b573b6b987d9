//! Calls counted as they pass (specification, section 7): by caller, operation, variant and hour,
//! with the fields of requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use rialto_esb_policy::calls::{CallReport, Calls, Count, Edge, fields_of};

use super::Interfaces;
use super::decide::Decided;
use super::table::Table;

/// Largest body whose fields are looked at.
pub(crate) const MOST_BYTES: u64 = 64 * 1024;

/// An edge by its places in a snapshot: version, route, application, variant.
type Id = (u64, usize, Option<usize>, usize);

/// Calls of a node since its start.
#[derive(Debug)]
pub(crate) struct Seen {
    boot: Timestamp,
    calls: Mutex<Calls<Id>>,
}

/// A call that was let through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    id: Id,
    at: i64,
    /// Whether its fields are to be looked at.
    sampled: bool,
}

impl Seen {
    pub(crate) fn new(boot: Timestamp) -> Self {
        Self {
            boot,
            calls: Mutex::default(),
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls<Id>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn began(&self, table: &Table, decided: &Decided<'_>, at: Timestamp) -> Call {
        let snapshot = &table.snapshot;
        let caller = decided.caller.as_ref().map(|caller| caller.application);
        let id = (snapshot.version, decided.number, caller, decided.variant);
        let at = at.as_microsecond();
        let sampled = self.calls().began(id, at, || {
            let route = &snapshot.routes[decided.number];
            Edge {
                application: caller.map(|caller| snapshot.applications[caller].id.clone()),
                interface: route.interface.clone(),
                version: route.version.clone(),
                operation: route.operation.clone(),
                variant: route.variants[decided.variant].name.clone(),
            }
        });
        Call { id, at, sampled }
    }

    /// The head of an answer is there.
    pub(crate) fn ended(&self, call: Call, status: StatusCode, took: Duration) {
        self.calls().ended(call.id, call.at, status.as_u16(), took);
    }

    /// Calls of every edge since the start.
    pub(crate) fn totals(&self) -> BTreeMap<Edge, Count> {
        self.calls().totals()
    }

    /// What was counted, of edges with a call at an instant (microseconds) or later.
    pub(crate) fn report(&self, since: i64, now: Timestamp) -> CallReport {
        let (edges, beyond) = self.calls().since(since);
        CallReport {
            boot: self.boot.as_microsecond(),
            at: now.as_microsecond(),
            beyond,
            edges,
        }
    }
}

/// Notes the fields of a request.
pub(crate) struct FieldWatch {
    interfaces: Arc<Interfaces>,
    call: Call,
    query: BTreeSet<String>,
    reads_body: bool,
}

impl FieldWatch {
    /// `None` when the fields of this call are not looked at. `headers` are those of the caller.
    pub(crate) fn new(
        interfaces: &Arc<Interfaces>,
        call: Call,
        decided: &Decided<'_>,
        headers: &HeaderMap,
    ) -> Option<Self> {
        if !call.sampled {
            return None;
        }
        let query = decided
            .target
            .split_once('?')
            .map_or("", |(_, query)| query);
        let names = query.split('&').filter(|pair| !pair.is_empty());
        let names = names.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
        let kind = headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let json = kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json");
        Some(Self {
            interfaces: Arc::clone(interfaces),
            call,
            query: fields_of(names, None),
            reads_body: json && !headers.contains_key(header::CONTENT_ENCODING),
        })
    }

    /// Whether there is something to be read of the body.
    pub(crate) fn reads_body(&self) -> bool {
        self.reads_body
    }

    /// Notes the fields, with those of the body where it was read whole.
    pub(crate) fn saw(self, body: Option<&[u8]>) {
        let body = body.filter(|body| self.reads_body && body.len() as u64 <= MOST_BYTES);
        let body = body.and_then(|body| serde_json::from_slice(body).ok());
        let mut fields = self.query;
        fields.extend(fields_of(std::iter::empty(), body.as_ref()));
        let mut calls = self.interfaces.calls.calls();
        calls.held(self.call.id, self.call.at, fields);
    }
}
