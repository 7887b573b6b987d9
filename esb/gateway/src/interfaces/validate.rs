//! Requests and answers checked against the definition (specification, section 5.7). Observing never
//! changes what passes: a copy is looked at when the message is through. Enforcing holds a message
//! until it is known to fit.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use hyper::body::{Body, Frame, SizeHint};
use rialto_esb_policy::drift::Direction;
use rialto_esb_schema::answer::{AnswerCheck, Expected, body_findings};
use rialto_esb_schema::portable::{Portable, ReadPortableError};
use rialto_esb_schema::request::{Finding, OperationCheck, Request};
use rialto_esb_snapshot::{self as model, Mode};

use super::Interfaces;
use super::decide::Decided;
use super::drift::Of;
use super::refusal::{Refusal, Sent};
use super::table::Table;
use crate::body::BoxError;

/// Most errors told in a problem document.
const MOST_TOLD: usize = 20;

/// The rules of a route, compiled.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) request: Mode,
    pub(crate) response: Mode,
    requests: OperationCheck,
    answers: AnswerCheck,
}

impl Rules {
    pub(crate) fn compile(
        asked: &model::Validation,
        text: &str,
    ) -> Result<Self, ReadPortableError> {
        let (requests, answers) = Portable::compile(text)?;
        Ok(Self {
            request: asked.request,
            response: asked.response,
            requests,
            answers,
        })
    }
}

/// What checking and telling need to know of a message.
struct Watch {
    interfaces: Arc<Interfaces>,
    rules: Arc<Rules>,
    of: Of,
}

impl Watch {
    fn of(
        interfaces: &Arc<Interfaces>,
        table: &Table,
        decided: &Decided<'_>,
        direction: Direction,
    ) -> Option<Self> {
        let rules = decided.route.rules.as_ref()?;
        let mode = match direction {
            Direction::Request => rules.request,
            Direction::Response => rules.response,
        };
        let caller = decided.caller.as_ref();
        (mode != Mode::Off).then(|| Self {
            interfaces: Arc::clone(interfaces),
            rules: Arc::clone(rules),
            of: Of {
                route: table.snapshot.routes[decided.number].id.clone(),
                application: caller
                    .map(|caller| table.snapshot.applications[caller.application].id.clone()),
                direction,
            },
        })
    }

    fn tell(&self, findings: &[Finding]) {
        let at = self.interfaces.clock.now().at;
        self.interfaces.drift.checked(&self.of, at, findings);
    }

    fn unchecked(&self) {
        self.interfaces.drift.unchecked();
    }
}

/// A request that is to be checked.
pub(crate) struct RequestWatch {
    watch: Watch,
    variables: Vec<(String, String)>,
    query: String,
    headers: Vec<(String, String)>,
    packed: bool,
}

impl RequestWatch {
    /// `None` when requests of the route are not checked. `headers` are those of the caller.
    pub(crate) fn new(
        interfaces: &Arc<Interfaces>,
        table: &Table,
        decided: &Decided<'_>,
        headers: &HeaderMap,
    ) -> Option<Self> {
        let watch = Watch::of(interfaces, table, decided, Direction::Request)?;
        let text =
            |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let query = decided.target.split_once('?');
        Some(Self {
            watch,
            variables: decided.variables.clone(),
            query: query.map_or_else(String::new, |(_, query)| query.to_owned()),
            headers: headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
            packed: headers.contains_key(header::CONTENT_ENCODING),
        })
    }

    /// Whether the body has to be held until it is known to fit.
    pub(crate) fn enforces(&self) -> bool {
        self.watch.rules.request == Mode::Enforce
    }

    fn findings(&self, body: &[u8]) -> Vec<Finding> {
        let variables = self.variables.iter();
        let variables: Vec<(&str, &str)> = variables
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let mut found = self.watch.rules.requests.findings(&Request {
            variables: &variables,
            query: &self.query,
            headers: &self.headers,
            body,
        });
        found.sort();
        found
    }

    /// Checks a request whose body is at hand.
    ///
    /// # Errors
    /// What does not fit, where that is refused.
    pub(crate) fn check(&self, body: &[u8]) -> Result<(), Refusal> {
        if self.packed && !body.is_empty() {
            self.watch.unchecked();
            return if self.enforces() {
                Err(Refusal::new(
                    "unsupported-media-type",
                    "a body that has to be checked may not be packed: send it without Content-Encoding",
                    "需校验的请求体不得压缩，请去除 Content-Encoding",
                ))
            } else {
                Ok(())
            };
        }
        let found = self.findings(body);
        self.watch.tell(&found);
        if found.is_empty() || !self.enforces() {
            return Ok(());
        }
        Err(refused(&found))
    }

    /// The body as it passes, checked when it is through.
    pub(crate) fn over<B>(self, body: B, most: u64) -> Watched<B> {
        let judge: Judge = Box::new(move |body| match (body, self.packed) {
            (Some(body), false) => self.watch.tell(&self.findings(body)),
            _ => self.watch.unchecked(),
        });
        Watched::new(body, most, judge)
    }
}

fn refused(found: &[Finding]) -> Refusal {
    let keyword = |keyword: &str| {
        let mut of_body = found.iter().filter(|one| one.place == "body");
        of_body.find(|one| one.keyword == keyword)
    };
    let mut refusal = if let Some(one) = keyword("content-type") {
        Refusal::new(
            "unsupported-media-type",
            one.message.clone(),
            "请求体的类型不在接口定义之内",
        )
    } else if let Some(one) = keyword("syntax") {
        Refusal::new(
            "malformed-body",
            one.message.clone(),
            "请求体不是有效的 JSON",
        )
    } else {
        let count = found.len();
        Refusal::new(
            "request-invalid",
            format!("{count} parts of the request do not fit the interface, see `errors`"),
            format!("请求中有 {count} 处不符合接口定义，见 errors"),
        )
    };
    refusal.errors = told(found);
    refusal
}

fn told(found: &[Finding]) -> Vec<(String, String)> {
    let first = found.iter().take(MOST_TOLD);
    first
        .map(|one| (format!("{}{}", one.place, one.pointer), one.message.clone()))
        .collect()
}

/// An answer that is to be checked.
pub(crate) struct AnswerWatch {
    watch: Watch,
    status: StatusCode,
    kind: Option<String>,
    packed: bool,
}

/// What an answer's head makes of the check.
pub(crate) enum Verdict {
    /// Nothing of the body has to be looked at.
    Passes,
    /// The body is looked at as it passes.
    Observed(AnswerWatch),
    /// The body is held until it is known to fit.
    Held(AnswerWatch),
}

impl AnswerWatch {
    /// Looks at the head of an answer.
    ///
    /// # Errors
    /// An answer nobody declared, where only declared ones pass.
    pub(crate) fn verdict(
        interfaces: &Arc<Interfaces>,
        table: &Table,
        decided: &Decided<'_>,
        (status, headers): (StatusCode, &HeaderMap),
        has_content: bool,
    ) -> Result<Verdict, Refusal> {
        let Some(watch) = Watch::of(interfaces, table, decided, Direction::Response) else {
            return Ok(Verdict::Passes);
        };
        let kind = has_content.then(|| match headers.get(header::CONTENT_TYPE) {
            Some(kind) => String::from_utf8_lossy(kind.as_bytes()).into_owned(),
            None => String::new(),
        });
        let enforces = watch.rules.response == Mode::Enforce;
        let expected = watch
            .rules
            .answers
            .expected(status.as_u16(), kind.as_deref());
        match expected {
            Expected::Anything => {
                watch.tell(&[]);
                Ok(Verdict::Passes)
            }
            Expected::Undeclared(finding) => {
                // A status is a word of its own: one of failure says more than we could.
                let speaks = finding.keyword == "status" && !status.is_success();
                watch.tell(std::slice::from_ref(&finding));
                if enforces && !speaks {
                    return Err(withheld(&[finding]));
                }
                Ok(Verdict::Passes)
            }
            Expected::Json(_) => {
                let made = Self {
                    packed: headers.contains_key(header::CONTENT_ENCODING),
                    watch,
                    status,
                    kind,
                };
                Ok(if enforces {
                    Verdict::Held(made)
                } else {
                    Verdict::Observed(made)
                })
            }
        }
    }

    fn findings(&self, body: &[u8]) -> Vec<Finding> {
        let status = self.status.as_u16();
        let answers = &self.watch.rules.answers;
        match answers.expected(status, self.kind.as_deref()) {
            Expected::Json(schema) => body_findings(schema, body),
            _ => Vec::new(),
        }
    }

    /// Checks an answer whose body is at hand.
    ///
    /// # Errors
    /// What does not fit, where that is withheld.
    pub(crate) fn check(&self, body: &[u8]) -> Result<(), Refusal> {
        let enforces = self.watch.rules.response == Mode::Enforce;
        if self.packed {
            self.watch.unchecked();
            let one = Finding::new(
                "body",
                "content-encoding",
                "it is packed and cannot be checked",
            );
            return if enforces {
                Err(withheld(&[one]))
            } else {
                Ok(())
            };
        }
        let found = self.findings(body);
        self.watch.tell(&found);
        if found.is_empty() || !enforces {
            return Ok(());
        }
        Err(withheld(&found))
    }

    /// The body as it passes, checked when it is through.
    pub(crate) fn over<B>(self, body: B, most: u64) -> Watched<B> {
        let judge: Judge = Box::new(move |body| match (body, self.packed) {
            (Some(body), false) => self.watch.tell(&self.findings(body)),
            _ => self.watch.unchecked(),
        });
        Watched::new(body, most, judge)
    }
}

fn withheld(found: &[Finding]) -> Refusal {
    let first = found.first();
    let first = first.map_or_else(String::new, |one| format!("{}{}", one.place, one.pointer));
    let mut refusal = Refusal::new(
        "response-invalid",
        format!("the provider answered, and its answer does not fit the interface at {first}"),
        format!("后端已应答，但应答在 {first} 处不符合接口定义"),
    )
    .sent(Sent::Yes);
    refusal.errors = told(found);
    refusal
}

/// Hears a whole body; `None` when it was larger than what is held or broke off.
pub(crate) type Judge = Box<dyn FnOnce(Option<&[u8]>) + Send>;

/// A body that is copied as it passes and judged when it is through.
pub(crate) struct Watched<B> {
    body: B,
    held: BytesMut,
    left: u64,
    judge: Option<Judge>,
}

impl<B> Watched<B> {
    pub(crate) fn new(body: B, most: u64, judge: Judge) -> Self {
        Self {
            body,
            held: BytesMut::new(),
            left: most,
            judge: Some(judge),
        }
    }

    fn keep(&mut self, data: &[u8]) {
        if self.judge.is_none() {
            return;
        }
        match self.left.checked_sub(data.len() as u64) {
            Some(left) => {
                self.left = left;
                self.held.extend_from_slice(data);
            }
            None => self.end(false),
        }
    }

    fn end(&mut self, whole: bool) {
        let held = std::mem::take(&mut self.held);
        if let Some(judge) = self.judge.take() {
            judge(whole.then_some(&held[..]));
        }
    }
}

impl<B: Body<Data = Bytes, Error = BoxError> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.keep(data);
                }
                // A body of known length is not polled past its last byte.
                if self.body.is_end_stream() {
                    self.end(true);
                }
            }
            None => self.end(true),
            Some(Err(_)) => self.end(false),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        self.end(false);
    }
}
