//! Configuration items: their names, and which content a client gets while a new one is tried out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::str::FromStr;

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use crate::Words;

/// A configuration item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    /// Namespace; `public` when a client names none.
    pub namespace: String,
    /// Group; `DEFAULT_GROUP` when a client names none.
    pub group: String,
    /// Its id.
    pub id: String,
}

impl std::fmt::Display for ItemKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.group, self.id)
    }
}

/// MD5 of a content in hexadecimal: by it Nacos clients know whether theirs is the newest. It
/// protects nothing.
#[must_use]
pub fn md5(content: &str) -> String {
    hex::encode(Md5::digest(content.as_bytes()))
}

/// An address or a block of them, `10.1.2.3` or `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    address: IpAddr,
    bits: u32,
}

impl FromStr for Block {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = text
            .split_once('/')
            .map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().map_err(|_| ())?,
            None => most,
        };
        (bits <= most).then_some(Self { address, bits }).ok_or(())
    }
}

impl Block {
    fn holds(self, address: IpAddr) -> bool {
        let same = |a: u128, b: u128, width: u32| {
            let dropped = width - self.bits;
            dropped >= width || (a >> dropped) == (b >> dropped)
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
            _ => false,
        }
    }
}

/// Who gets a new content first: clients of any of the addresses, or with any of the labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grey {
    /// Addresses and blocks of them.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Values by label.
    #[serde(default)]
    pub labels: BTreeMap<String, BTreeSet<String>>,
}

/// A client that asks for a content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// Where it asks from.
    pub address: String,
    /// What it says of itself.
    pub labels: BTreeMap<String, String>,
}

impl Client {
    /// Reads labels as clients send them, `zone=sh,role=quote`; parts of another form are left out.
    #[must_use]
    pub fn new(address: &str, labels: &str) -> Self {
        let pairs = labels.split(',').filter_map(|part| part.split_once('='));
        Self {
            address: address.to_owned(),
            labels: pairs
                .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
                .collect(),
        }
    }
}

impl Grey {
    /// Whether it names somebody, and each address is one.
    ///
    /// # Errors
    /// JSON pointer within the rule, and what is wrong.
    pub fn check(&self) -> Result<(), (String, Words)> {
        if self.addresses.is_empty() && self.labels.values().all(BTreeSet::is_empty) {
            let en = "a grey release names addresses or labels of those who get it first";
            return Err((
                String::new(),
                Words::new(en, "灰度发布需指定客户端地址或标签"),
            ));
        }
        for (n, text) in self.addresses.iter().enumerate() {
            if text.parse::<Block>().is_err() {
                let en = format!("`{text}` is no address and no block such as 10.1.0.0/16");
                let zh = format!("“{text}”不是地址，也不是 10.1.0.0/16 形式的网段");
                return Err((format!("/addresses/{n}"), Words { en, zh }));
            }
        }
        Ok(())
    }

    /// Whether a client gets the new content.
    #[must_use]
    pub fn holds(&self, client: &Client) -> bool {
        let address = client.address.parse::<IpAddr>().ok();
        let by_address = address.is_some_and(|address| {
            let mut blocks = self
                .addresses
                .iter()
                .filter_map(|text| text.parse::<Block>().ok());
            blocks.any(|block| block.holds(address))
        });
        by_address
            || client
                .labels
                .iter()
                .any(|(name, value)| self.labels.get(name).is_some_and(|all| all.contains(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(addresses: &[&str], labels: &[(&str, &str)]) -> Grey {
        let mut made = Grey {
            addresses: addresses.iter().map(|text| (*text).to_owned()).collect(),
            ..Grey::default()
        };
        for (name, value) in labels {
            let values = made.labels.entry((*name).to_owned()).or_default();
            values.insert((*value).to_owned());
        }
        made
    }

    #[test]
    fn md5_is_that_of_rfc_1321() {
        assert_eq!(md5(""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(md5("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
    }

    #[test]
    fn addresses_and_labels_choose_who_is_first() {
        let rule = grey(
            &["10.1.0.0/16", "::1", "192.0.2.7"],
            &[("zone", "sh"), ("zone", "sz")],
        );
        assert_eq!(rule.check(), Ok(()));
        let holds = |address: &str, labels: &str| rule.holds(&Client::new(address, labels));
        assert!(holds("10.1.255.3", "") && holds("::1", "") && holds("::ffff:192.0.2.7", ""));
        assert!(!holds("10.2.0.1", "") && !holds("192.0.2.8", "") && !holds("::2", ""));
        assert!(holds("10.2.0.1", "role=x, zone=sz") && holds("unknown", "zone=sh"));
        assert!(!holds("unknown", "zone=bj") && !holds("unknown", "role=sh") && !holds("", "zone"));
        assert!(grey(&["0.0.0.0/0"], &[]).holds(&Client::new("203.0.113.9", "")));
    }

    #[test]
    fn a_rule_for_nobody_or_with_a_wrong_address_is_refused() {
        let pointer = |rule: &Grey| rule.check().unwrap_err().0;
        assert_eq!(pointer(&grey(&[], &[])), "");
        for wrong in ["10.0.0", "10.0.0.0/33", "::/129", "host", "10.0.0.0/x"] {
            assert_eq!(
                pointer(&grey(&["10.0.0.1", wrong], &[])),
                "/addresses/1",
                "{wrong}"
            );
        }
    }
}
