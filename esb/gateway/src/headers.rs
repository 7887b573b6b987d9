//! Headers on their way through (RFC 9110 §7.6).

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Connection-level headers that are never forwarded.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The protocol asked for, when the message asks for an upgrade.
pub(crate) fn upgrade_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let asks = connection_options(headers).any(|option| option == "upgrade");
    if asks {
        headers.get(header::UPGRADE).cloned()
    } else {
        None
    }
}

fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = String> + '_ {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|option| option.trim().to_ascii_lowercase())
        .filter(|option| !option.is_empty())
}

/// Removes connection-level headers, also those that `Connection` names.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = connection_options(headers)
        .filter_map(|option| option.parse().ok())
        .collect();
    for name in named.into_iter().chain(HOP_BY_HOP) {
        // A `Connection: host` must not take away what the message needs to be understood.
        if name != header::HOST && name != header::CONTENT_LENGTH {
            headers.remove(name);
        }
    }
}

/// Makes the request's headers fit for the upstream. What the client says of earlier hops is
/// dropped: there is no trusted proxy before this one.
pub(crate) fn for_upstream(headers: &mut HeaderMap, client: IpAddr, host: Option<HeaderValue>) {
    let trailers_welcome = headers.get_all(header::TE).iter().any(|v| {
        v.to_str()
            .is_ok_and(|t| t.to_ascii_lowercase().contains("trailers"))
    });
    remove_hop_by_hop(headers);
    if trailers_welcome {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    // The expectation was met here, when the body was asked for.
    headers.remove(header::EXPECT);
    headers.remove(header::FORWARDED);
    if let Ok(value) = HeaderValue::from_str(&client.to_string()) {
        headers.insert("x-forwarded-for", value);
    }
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    match host {
        Some(host) => {
            headers.insert("x-forwarded-host", host.clone());
            headers.insert(header::HOST, host);
        }
        None => {
            headers.remove("x-forwarded-host");
        }
    }
    headers.append(header::VIA, HeaderValue::from_static("1.1 rialto"));
}

/// Makes the answer's headers fit for the client.
pub(crate) fn for_client(headers: &mut HeaderMap, label_name: &HeaderName, label: &HeaderValue) {
    remove_hop_by_hop(headers);
    headers.append(header::VIA, HeaderValue::from_static("1.1 rialto"));
    headers.insert(label_name, label.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)))
            .collect()
    }

    #[test]
    fn headers_named_by_connection_go_but_never_host_or_length() {
        let mut map = headers(&[
            ("connection", "close, X-Secret, Host"),
            ("x-secret", "1"),
            ("host", "a"),
            ("keep-alive", "5"),
            ("accept", "*/*"),
        ]);
        remove_hop_by_hop(&mut map);
        let left: Vec<&str> = map.keys().map(HeaderName::as_str).collect();
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(map.contains_key("host") && map.contains_key("accept"));
    }

    #[test]
    fn what_a_client_says_of_its_own_origin_is_replaced() {
        let mut map = headers(&[("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=1.1.1.1")]);
        for_upstream(
            &mut map,
            IpAddr::from([127, 0, 0, 1]),
            Some(HeaderValue::from_static("h")),
        );
        assert_eq!(map["x-forwarded-for"], "127.0.0.1");
        assert_eq!(map["x-forwarded-host"], "h");
        assert!(!map.contains_key("forwarded"));
        assert_eq!(map["via"], "1.1 rialto");
    }

    #[test]
    fn an_upgrade_is_asked_for_by_both_headers_only() {
        let both = headers(&[
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
        ]);
        assert_eq!(upgrade_protocol(&both).unwrap(), "websocket");
        assert!(upgrade_protocol(&headers(&[("upgrade", "websocket")])).is_none());
    }
}
