//! The body of an outcome: its example, else a generated value, in the form the caller accepts.

use rialto_document::Node;
use rialto_esb_contract::{Media, Outcome};
use rialto_esb_schema::Compiled;
use rialto_esb_schema::request::{essence, is_json, takes};

use super::{Answer, From, Turn, problem_document};
use crate::generate::{Direction, Unsatisfiable, generate};
use crate::seed::Seed;

pub(super) const PROBLEM: &str = "application/problem+json";

/// Tries until a generated value fits its schema.
const TRIES: usize = 20;

impl Turn<'_> {
    /// Answers with an outcome.
    pub(super) fn of(&self, outcome: &Outcome, status: u16, seed: &mut Seed) -> Answer {
        let mut headers = Vec::new();
        for header in &outcome.headers {
            let Some(schema) = header.schema.as_ref().filter(|_| header.required) else {
                continue;
            };
            match self.made(schema, seed) {
                Ok(value) => headers.push((header.name.to_ascii_lowercase(), text_of(&value))),
                Err(error) => return unsatisfiable(&format!("header {}: {error}", header.name)),
            }
        }
        let bodiless = matches!(status, 204 | 205 | 304);
        if outcome.media.is_empty() || bodiless {
            return Answer {
                status,
                headers,
                body: Vec::new(),
                from: From::Empty,
                findings: Vec::new(),
            };
        }
        let Some(media) = self.accepted(&outcome.media) else {
            let known: Vec<&str> = outcome
                .media
                .iter()
                .map(|media| media.name.as_str())
                .collect();
            let detail = format!("this answer comes as {}", known.join(", "));
            return Answer::problem(406, "not-acceptable", &detail);
        };
        match self.body(media, status, seed) {
            Ok((body, from)) => {
                headers.push(("content-type".to_owned(), sent_as(media)));
                Answer {
                    status,
                    headers,
                    body,
                    from,
                    findings: Vec::new(),
                }
            }
            Err(answer) => *answer,
        }
    }

    /// The form the caller likes best (RFC 9110, section 12.5.1), the first written of equals; one
    /// that holds the example asked for, when one is.
    fn accepted<'m>(&self, media: &'m [Media]) -> Option<&'m Media> {
        let named = |media: &Media| match &self.prefer.example {
            Some(name) => media.examples.iter().any(|(known, _)| known == name),
            None => true,
        };
        let accept = self.request.header("accept").unwrap_or("*/*");
        let mut best: Option<(u32, &Media)> = None;
        for one in media {
            let weight = weight_of(accept, &essence(&one.name)) * 2 + u32::from(named(one));
            if weight > 1 && best.is_none_or(|(most, _)| weight > most) {
                best = Some((weight, one));
            }
        }
        best.map(|(_, one)| one)
    }

    fn body(
        &self,
        media: &Media,
        status: u16,
        seed: &mut Seed,
    ) -> Result<(Vec<u8>, From), Box<Answer>> {
        let json = is_json(&essence(&sent_as(media)));
        if let Some(name) = &self.prefer.example {
            let example = media.examples.iter().find(|(known, _)| known == name);
            let Some((_, example)) = example else {
                let detail = format!("{} has no example {name} here", self.operation.name());
                return Err(Box::new(Answer::problem(400, "no-such-example", &detail)));
            };
            return Ok((written(example, json), From::Example(name.clone())));
        }
        if !self.findings.is_empty()
            && (400..500).contains(&status)
            && essence(&media.name) == PROBLEM
            && let Some(body) = self.refused(media, status)
        {
            return Ok((body, From::Findings));
        }
        if let Some((name, example)) = media.examples.first() {
            return Ok((written(example, json), From::Example(name.clone())));
        }
        let Some(schema) = &media.schema else {
            return Ok((Vec::new(), From::Empty));
        };
        if !json && !essence(&media.name).starts_with("text/") {
            let detail = format!(
                "{}: a value of {} is not generated; give the definition an example",
                self.operation.name(),
                media.name
            );
            return Err(Box::new(Answer::problem(
                501,
                "mock-unsatisfiable",
                &detail,
            )));
        }
        match self.made(schema, seed) {
            Ok(value) => Ok((written(&value, json), From::Generated)),
            Err(error) => {
                let detail = format!("{}: {error}", self.operation.name());
                Err(Box::new(unsatisfiable(&detail)))
            }
        }
    }

    /// What is wrong with the request as a problem document, when the declared schema allows it.
    fn refused(&self, media: &Media, status: u16) -> Option<Vec<u8>> {
        let title = "The request does not fit its definition";
        let detail = format!("{} {}", self.operation.method, self.path);
        let body = problem_document(status, "invalid-request", title, &detail, self.findings);
        if let Some(schema) = &media.schema {
            let compiled = Compiled::new(schema, self.definition).ok()?;
            if !compiled.fits(&serde_json::from_slice(&body).ok()?) {
                return None;
            }
        }
        Some(body)
    }

    /// A value of a schema that has been checked against it.
    fn made(&self, schema: &Node, seed: &mut Seed) -> Result<Node, Unsatisfiable> {
        let refuse = |pointer: &str, keyword: &str, why: &str| Unsatisfiable {
            pointer: pointer.to_owned(),
            keyword: keyword.to_owned(),
            why: why.to_owned(),
        };
        let compiled = Compiled::new(schema, self.definition)
            .map_err(|error| refuse(&error.pointer, "schema", &error.message))?;
        let mut last = None;
        for _ in 0..TRIES {
            let made = generate(schema, self.definition, Direction::Response, seed)?;
            match compiled.violations(&made.to_value()).into_iter().next() {
                None => return Ok(made),
                Some(violation) => last = Some(violation),
            }
        }
        let last = last.expect("there was a try");
        Err(refuse(
            &last.pointer,
            &last.keyword,
            "is met by no value that was tried",
        ))
    }
}

fn unsatisfiable(detail: &str) -> Answer {
    Answer::problem(501, "mock-unsatisfiable", detail)
}

/// The type an answer is sent as: a range becomes JSON.
fn sent_as(media: &Media) -> String {
    if media.name.contains('*') {
        "application/json".to_owned()
    } else {
        media.name.clone()
    }
}

/// How much an `Accept` header likes a type, in thousandths; the most specific range counts.
fn weight_of(accept: &str, kind: &str) -> u32 {
    let mut best: Option<(usize, u32)> = None;
    for part in accept.split(',') {
        let mut fields = part.split(';').map(str::trim);
        let range = fields.next().unwrap_or_default().to_ascii_lowercase();
        if !takes(&range, kind) && !takes(kind, &range) {
            continue;
        }
        let told = fields.find_map(|field| field.strip_prefix("q=")?.parse::<f64>().ok());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 1000"
        )]
        let weight = (told.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0) as u32;
        let narrow = range.split('/').filter(|half| *half != "*").count();
        if best.is_none_or(|(most, _)| narrow > most) {
            best = Some((narrow, weight));
        }
    }
    best.map_or(0, |(_, weight)| weight)
}

/// A value as a body; a text that is no JSON stands as it is.
fn written(value: &Node, json: bool) -> Vec<u8> {
    if json {
        value.to_json().into_bytes()
    } else {
        text_of(value).into_bytes()
    }
}

fn text_of(value: &Node) -> String {
    match value.text() {
        Some(text) => text.to_owned(),
        None => value.to_json(),
    }
}
