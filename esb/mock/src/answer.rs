//! What a mock answers (specification, section 9): what the caller prefers, else the 4xx declared
//! for a request that is not valid, else the example of the first success, else a generated value.

mod body;

use rialto_esb_contract::{Definition, Method, Operation, Outcome};
use rialto_esb_policy::path::normalise;
use rialto_esb_policy::route::{Decision, Facts, Route, Router};
use rialto_esb_schema::request::{Finding, OperationCheck, Request};
use serde_json::json;

use crate::prefer::Prefer;
use crate::seed::Seed;

/// A request to a mock.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'r> {
    /// `GET` …
    pub method: &'r str,
    /// The path, still percent-encoded.
    pub path: &'r str,
    /// The query after `?`, still percent-encoded; empty for none.
    pub query: &'r str,
    /// Names and values of headers.
    pub headers: &'r [(String, String)],
    /// The body; empty for none.
    pub body: &'r [u8],
}

/// What a mock answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names and values of headers, the body's type among them.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// Where it comes from.
    pub from: From,
    /// What is wrong with the request.
    pub findings: Vec<Finding>,
}

/// Where an answer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// An example of the definition, by name.
    Example(String),
    /// Made from the schema.
    Generated,
    /// The definition declares no body.
    Empty,
    /// The findings of a request that is not valid, in the declared form.
    Findings,
    /// The mock's own problem, by code: the definition has no answer to this.
    Problem(&'static str),
}

impl std::fmt::Display for From {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Example(name) => write!(f, "example {name}"),
            Self::Generated => f.write_str("generated"),
            Self::Empty => f.write_str("empty"),
            Self::Findings => f.write_str("findings"),
            Self::Problem(code) => write!(f, "problem {code}"),
        }
    }
}

/// Why a definition cannot be mocked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct MockError(pub Vec<String>);

/// An interface that answers although nobody has built it.
#[derive(Debug)]
pub struct Mock {
    definition: Definition,
    router: Router,
    checks: Vec<OperationCheck>,
}

struct NoFacts;

impl Facts for NoFacts {
    fn header(&self, _: &str) -> Option<&str> {
        None
    }
    fn query(&self, _: &str) -> Option<&str> {
        None
    }
    fn caller(&self, _: &str) -> Option<&str> {
        None
    }
}

impl Mock {
    /// A mock of a definition.
    ///
    /// # Errors
    /// Every path that cannot be routed and every schema that cannot be compiled.
    pub fn new(definition: Definition) -> Result<Self, MockError> {
        let mut errors = Vec::new();
        let routes: Vec<Route> = definition
            .operations
            .iter()
            .map(|operation| Route {
                id: operation.name(),
                host: None,
                method: operation.method.to_string(),
                path: operation.path.clone(),
                predicates: Vec::new(),
                order: 0,
            })
            .collect();
        let router = match Router::compile(&routes) {
            Ok(router) => Some(router),
            Err(all) => {
                errors.extend(all.iter().map(ToString::to_string));
                None
            }
        };
        let mut checks = Vec::new();
        for operation in &definition.operations {
            match OperationCheck::new(operation, &definition) {
                Ok(check) => checks.push(check),
                Err(error) => {
                    errors.push(format!("{}: {}: {error}", operation.spot, operation.name()));
                }
            }
        }
        match router {
            Some(router) if errors.is_empty() => Ok(Self {
                definition,
                router,
                checks,
            }),
            _ => Err(MockError(errors)),
        }
    }

    /// The definition it answers by.
    #[must_use]
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Answers a request: the same to the same request, unless it prefers `dynamic`, which takes
    /// `random` in place of the request's own number.
    #[must_use]
    pub fn answer(&self, asked: &Asked<'_>, random: u64) -> Answer {
        let path = match normalise(asked.path) {
            Ok(path) => path,
            Err(error) => return Answer::problem(400, "malformed-path", &error.to_string()),
        };
        let found = self.router.find("", &path, asked.method, &NoFacts, &mut ());
        let (number, variables) = match found {
            Decision::Found { route, variables } => (route, variables),
            Decision::MethodNotAllowed(methods) => {
                let methods = methods.join(", ");
                let detail = format!("{} {path}: this path takes {methods}", asked.method);
                let mut answer = Answer::problem(405, "method-not-allowed", &detail);
                answer.headers.push(("allow".to_owned(), methods));
                return answer;
            }
            Decision::NotFound => {
                let detail = format!("{} {path} is no operation of the definition", asked.method);
                return Answer::problem(404, "no-operation", &detail);
            }
        };
        let headers = asked.headers.iter();
        let told = headers.filter(|(name, _)| name.eq_ignore_ascii_case("prefer"));
        let prefer = match Prefer::read(told.map(|(_, value)| value.as_str())) {
            Ok(prefer) => prefer,
            Err(message) => return Answer::problem(400, "malformed-prefer", &message),
        };
        let request = Request {
            variables: &variables,
            query: asked.query,
            headers: asked.headers,
            body: asked.body,
        };
        let operation = &self.definition.operations[number];
        let mut findings = self.missing_credential(operation, &request);
        findings.extend(self.checks[number].findings(&request));
        let seed = match prefer.seed {
            Some(seed) => Seed::new(seed),
            None if prefer.dynamic => Seed::new(random),
            None => seed_of(operation, asked, &path),
        };
        let turn = Turn {
            definition: &self.definition,
            operation,
            request: &request,
            prefer: &prefer,
            findings: &findings,
            path: &path,
        };
        let mut answer = turn.answer(seed);
        answer.findings = findings;
        if asked.method == "HEAD" && operation.method == Method::Get {
            answer.body.clear();
        }
        answer
    }

    /// Nothing checks a credential here, but one must be there.
    fn missing_credential(&self, operation: &Operation, request: &Request<'_>) -> Vec<Finding> {
        let given = |name: &String| {
            let Some(scheme) = self.definition.schemes.get(name) else {
                return true;
            };
            let key = scheme.detail.get_text("name").unwrap_or_default();
            match (scheme.kind.as_str(), scheme.detail.get_text("in")) {
                ("mutualTLS", _) => true,
                ("apiKey", Some("header")) => request.header(key).is_some(),
                ("apiKey", Some("query")) => {
                    let mut pairs = form_urlencoded::parse(request.query.as_bytes());
                    pairs.any(|(known, _)| known == key)
                }
                ("apiKey", Some("cookie")) => {
                    let cookies = request.header("cookie").unwrap_or_default().split(';');
                    let mut names = cookies.filter_map(|pair| pair.trim().split_once('='));
                    names.any(|(known, _)| known == key)
                }
                _ => request.header("authorization").is_some(),
            }
        };
        let all = &operation.security;
        let met = |schemes: &[(String, Vec<String>)]| schemes.iter().all(|(name, _)| given(name));
        if all.is_empty() || all.iter().any(|need| met(&need.schemes)) {
            return Vec::new();
        }
        let names: Vec<&str> = all
            .iter()
            .flat_map(|need| need.schemes.iter().map(|(name, _)| name.as_str()))
            .collect();
        vec![Finding::new(
            "credential",
            "security",
            format!("one of {} is needed", names.join(", ")),
        )]
    }
}

/// The same request has the same number, whatever order its headers came in.
fn seed_of(operation: &Operation, asked: &Asked<'_>, path: &str) -> Seed {
    let body = String::from_utf8_lossy(asked.body);
    Seed::of_text(&format!(
        "{} {path}?{}\n{body}",
        operation.method, asked.query
    ))
}

/// One request on its way to an answer.
struct Turn<'t> {
    definition: &'t Definition,
    operation: &'t Operation,
    request: &'t Request<'t>,
    prefer: &'t Prefer,
    findings: &'t [Finding],
    path: &'t str,
}

impl Turn<'_> {
    fn answer(&self, mut seed: Seed) -> Answer {
        if let Some(code) = &self.prefer.code {
            let Some(outcome) = self.declared(code) else {
                let detail = format!(
                    "{} declares {} and no {code}",
                    self.operation.name(),
                    self.statuses().join(", ")
                );
                return Answer::problem(400, "no-such-answer", &detail);
            };
            let status = code.parse().unwrap_or(500);
            return self.of(outcome, status, &mut seed);
        }
        if let Some(name) = &self.prefer.example {
            let outcomes = self.operation.outcomes.iter();
            let mut named = outcomes.filter(|outcome| {
                let mut media = outcome.media.iter();
                media.any(|media| media.examples.iter().any(|(known, _)| known == name))
            });
            let Some(outcome) = named.next() else {
                let detail = format!("{} has no example {name}", self.operation.name());
                return Answer::problem(400, "no-such-example", &detail);
            };
            return self.of(outcome, status_of(outcome), &mut seed);
        }
        if let Some((outcome, status)) = self.refusal() {
            return self.of(outcome, status, &mut seed);
        }
        let mut outcomes = self.operation.outcomes.iter();
        let success = outcomes.find(|outcome| outcome.is_success());
        let found = success
            .or_else(|| self.declared("200"))
            .or_else(|| self.operation.outcomes.first());
        match found {
            Some(outcome) => self.of(outcome, status_of(outcome), &mut seed),
            None => {
                let detail = format!("{} declares no answer", self.operation.name());
                Answer::problem(501, "mock-no-answer", &detail)
            }
        }
    }

    fn statuses(&self) -> Vec<&str> {
        let outcomes = self.operation.outcomes.iter();
        outcomes.map(|outcome| outcome.status.as_str()).collect()
    }

    /// The outcome of a status: itself, its class, `default`.
    fn declared(&self, code: &str) -> Option<&Outcome> {
        let class = format!("{}XX", &code[..1]);
        [code, &class, "default"]
            .into_iter()
            .find_map(|wanted| self.exactly(wanted))
    }

    fn exactly(&self, status: &str) -> Option<&Outcome> {
        let mut outcomes = self.operation.outcomes.iter();
        outcomes.find(|outcome| outcome.status == status)
    }

    /// The declared 4xx that says what is wrong with the request.
    fn refusal(&self) -> Option<(&Outcome, u16)> {
        let first = self.findings.first()?;
        let wanted: &[u16] = match (first.place.as_str(), first.keyword.as_str()) {
            ("credential", _) => &[401, 403],
            ("body", "content-type") => &[415, 400, 422],
            _ => &[400, 422],
        };
        let exact = wanted.iter().find_map(|status| {
            let outcome = self.exactly(&status.to_string())?;
            Some((outcome, *status))
        });
        exact.or_else(|| Some((self.exactly("4XX")?, wanted[0])))
    }
}

/// The status an outcome is answered with when nobody asks for another.
fn status_of(outcome: &Outcome) -> u16 {
    match outcome.status.as_str() {
        "default" => 200,
        status => status.replace("XX", "00").parse().unwrap_or(200),
    }
}

impl Answer {
    /// A problem of the mock's own (RFC 9457), with the members every problem of the house has.
    #[must_use]
    pub fn problem(status: u16, code: &'static str, detail: &str) -> Self {
        let body = problem_document(status, code, "The mock has no answer", detail, &[]);
        Self {
            status,
            headers: vec![("content-type".into(), body::PROBLEM.into())],
            body,
            from: From::Problem(code),
            findings: Vec::new(),
        }
    }
}

/// A problem document; nothing traces what a mock does, so its trace is of nobody.
fn problem_document(
    status: u16,
    code: &str,
    title: &str,
    detail: &str,
    findings: &[Finding],
) -> Vec<u8> {
    let error = |one: &Finding| {
        json!({
            "pointer": format!("{}{}", one.place, one.pointer),
            "code": one.keyword,
            "message": one.message,
        })
    };
    let body = json!({
        "type": format!("/problems/{code}"),
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "/",
        "code": code,
        "trace_id": "0".repeat(32),
        "errors": findings.iter().map(error).collect::<Vec<_>>(),
    });
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests;
