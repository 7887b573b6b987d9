//! Texts of Nacos clients: which contents they listen to, and names with their group.

use crate::config::ItemKey;
use crate::registry::ServiceKey;

/// Namespace when a client names none.
pub const PUBLIC: &str = "public";
/// Group when a client names none.
pub const DEFAULT_GROUP: &str = "DEFAULT_GROUP";
/// Cluster when a client names none.
pub const DEFAULT_CLUSTER: &str = "DEFAULT";
/// Most items listened to by one request.
pub const MOST_LISTENED: usize = 3_000;

const WORD: char = '\u{2}';
const LINE: char = '\u{1}';

/// A value, or what stands for one that is absent. The Python client writes `None` for a value that
/// it does not have.
#[must_use]
pub fn or<'a>(value: Option<&'a str>, absent: &'a str) -> &'a str {
    match value.map(str::trim) {
        None | Some("" | "None") => absent,
        Some(value) => value,
    }
}

/// The service of `name` or `group@@name`; a group in the name wins.
#[must_use]
pub fn service(namespace: Option<&str>, group: Option<&str>, name: &str) -> ServiceKey {
    let (group, name) = match name.split_once("@@") {
        Some((group, name)) => (group, name),
        None => (or(group, DEFAULT_GROUP), name),
    };
    ServiceKey {
        namespace: or(namespace, PUBLIC).to_owned(),
        group: group.to_owned(),
        name: name.to_owned(),
    }
}

/// An item that a client listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listened {
    /// Which one.
    pub key: ItemKey,
    /// MD5 of the content that the client has; empty for none.
    pub md5: String,
    /// Whether the client named a namespace, which is then repeated in the answer.
    pub tenant: bool,
}

/// What a client listens to: `id^2group^2md5[^2namespace]^1` for each item.
///
/// # Errors
/// What is wrong, in English, as Nacos clients expect.
pub fn listened(text: &str) -> Result<Vec<Listened>, String> {
    let mut found = Vec::new();
    for line in text.split(LINE).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split(WORD).collect();
        let (id, group, md5, tenant) = match words.as_slice() {
            [id, group, md5] => (id, group, md5, ""),
            [id, group, md5, tenant] => (id, group, md5, *tenant),
            _ => return Err(format!("invalid Listening-Configs: {} words", words.len())),
        };
        if found.len() == MOST_LISTENED {
            return Err(format!("more than {MOST_LISTENED} items are listened to"));
        }
        let key = ItemKey {
            namespace: or(Some(tenant), PUBLIC).to_owned(),
            group: or(Some(group), DEFAULT_GROUP).to_owned(),
            id: (*id).to_owned(),
        };
        found.push(Listened {
            key,
            md5: (*md5).to_owned(),
            tenant: !tenant.is_empty(),
        });
    }
    Ok(found)
}

/// The items whose content is another by now, as the answer to a listener before it is escaped.
#[must_use]
pub fn changed<'a>(items: impl IntoIterator<Item = &'a Listened>) -> String {
    let mut text = String::new();
    for item in items {
        let key = &item.key;
        text.push_str(&key.id);
        text.push(WORD);
        text.push_str(&key.group);
        if item.tenant {
            text.push(WORD);
            text.push_str(&key.namespace);
        }
        text.push(LINE);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listened_to_is_read_and_answered() {
        let text = "a\u{2}G\u{2}0cc1\u{2}dev\u{1}b\u{2}\u{2}\u{2}\u{1}c\u{2}G\u{2}x\u{1}";
        let found = listened(text).unwrap();
        let keys: Vec<String> = found.iter().map(|one| one.key.to_string()).collect();
        assert_eq!(keys, ["dev/G/a", "public/DEFAULT_GROUP/b", "public/G/c"]);
        assert_eq!(found[1].md5, "");
        assert_eq!(
            changed(&found[..2]),
            "a\u{2}G\u{2}dev\u{1}b\u{2}DEFAULT_GROUP\u{1}"
        );
        assert!(listened("a\u{2}b\u{1}").is_err());
        assert_eq!(listened("").unwrap(), []);
        assert!(listened(&"a\u{2}b\u{2}c\u{1}".repeat(MOST_LISTENED + 1)).is_err());
    }

    #[test]
    fn a_group_in_the_name_wins() {
        let told = |group, name| {
            let key = service(None, group, name);
            format!("{}/{}/{}", key.namespace, key.group, key.name)
        };
        assert_eq!(told(None, "q"), "public/DEFAULT_GROUP/q");
        assert_eq!(told(Some("A"), "q"), "public/A/q");
        assert_eq!(told(Some("A"), "B@@q"), "public/B/q");
        assert_eq!(service(Some("None"), None, "q").namespace, "public");
    }
}
