//! What each path answers.

use std::time::Duration;

use crate::http::Response;
use crate::market::{limits, securities, yuan, Security};

/// The price feed counts as stale after this long without a refresh, and the service as unwell.
pub const STALE_AFTER: Duration = Duration::from_secs(3600);

/// Facts about the running process.
pub struct Service {
    pub version: String,
    pub environment: String,
}

impl Service {
    /// Answers one request; `since_refresh` is the age of the price feed.
    pub fn answer(&self, method: &str, path: &str, since_refresh: Duration) -> Response {
        if method != "GET" {
            return error(405, "only GET is served");
        }
        match path.trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice() {
            ["healthz"] => self.health(since_refresh),
            ["version"] => ok(format!(
                r#"{{"version":"{}","environment":"{}"}}"#,
                self.version, self.environment
            )),
            ["quotes"] => {
                let all: Vec<_> = securities().iter().map(quote).collect();
                ok(format!("[{}]", all.join(",")))
            }
            ["quotes", code] => find(code, quote),
            ["limits", code] => find(code, |security| {
                let (high, low) = limits(security);
                format!(
                    r#"{{"code":"{}","limit_up":"{}","limit_down":"{}"}}"#,
                    security.code,
                    yuan(high),
                    yuan(low)
                )
            }),
            _ => error(404, "no such path"),
        }
    }

    fn health(&self, since_refresh: Duration) -> Response {
        if since_refresh > STALE_AFTER {
            return error(503, "the price feed is stale");
        }
        ok(format!(r#"{{"status":"ok","version":"{}"}}"#, self.version))
    }
}

fn find(code: &str, show: impl Fn(&Security) -> String) -> Response {
    match securities().iter().find(|security| security.code == code) {
        Some(security) => ok(show(security)),
        None => error(404, "no security of that code"),
    }
}

fn quote(security: &Security) -> String {
    format!(
        r#"{{"code":"{}","name":"{}","board":"{}","last":"{}","previous_close":"{}"}}"#,
        security.code,
        security.name,
        security.board.name(),
        yuan(security.last),
        yuan(security.previous_close)
    )
}

fn ok(body: String) -> Response {
    Response { status: 200, body }
}

fn error(status: u16, detail: &str) -> Response {
    Response { status, body: format!(r#"{{"detail":"{detail}"}}"#) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(method: &str, path: &str) -> Response {
        let service = Service { version: "1".into(), environment: "test".into() };
        service.answer(method, path, Duration::ZERO)
    }

    #[test]
    fn a_fresh_feed_is_healthy_and_a_stale_one_is_not() {
        let service = Service { version: "1".into(), environment: "test".into() };
        assert_eq!(service.answer("GET", "/healthz", Duration::ZERO).status, 200);
        let stale = service.answer("GET", "/healthz", STALE_AFTER + Duration::from_secs(1));
        assert_eq!(stale.status, 503);
    }

    #[test]
    fn an_unknown_security_is_not_found() {
        assert_eq!(answer("GET", "/quotes/999999").status, 404);
    }

    #[test]
    fn writing_is_refused() {
        assert_eq!(answer("POST", "/quotes").status, 405);
    }
}
