//! Where interfaces stand in the catalogue: a tree that is data.

use rialto_document::{Limits, Node, read};
use rialto_esb_contract::Words;

/// A branch of the tree.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Branch {
    /// Ids from the root on, joined by `/`.
    pub path: String,
    /// Its name.
    pub name: Words,
    /// Branches below it, in written order.
    pub children: Vec<Branch>,
}

/// The tree.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Taxonomy {
    /// Branches from the root, in written order.
    pub branches: Vec<Branch>,
}

/// Why a text is no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadTaxonomyError {
    /// Line, from 1.
    pub line: u32,
    /// What is wrong and what would be right.
    pub what: String,
}

impl std::fmt::Display for ReadTaxonomyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for ReadTaxonomyError {}

/// Deepest branch.
const DEEPEST: usize = 6;

impl Taxonomy {
    /// Reads a tree: a list of `{id, en, zh, children}`.
    ///
    /// # Errors
    /// [`ReadTaxonomyError`]: the first place that is wrong.
    pub fn read(text: &str) -> Result<Self, ReadTaxonomyError> {
        let document = read(text, &Limits::default()).map_err(|error| ReadTaxonomyError {
            line: error.place.line,
            what: error.fault.to_string(),
        })?;
        let branches = branches(&document, "", 1)?;
        Ok(Self { branches })
    }

    /// The starter tree of the house.
    #[must_use]
    pub fn starter() -> Self {
        Self::read(include_str!("../data/taxonomy.yaml"))
            .expect("the starter tree is read by a test of this crate")
    }

    /// The branch of a path.
    #[must_use]
    pub fn branch(&self, path: &str) -> Option<&Branch> {
        let mut level = &self.branches;
        let mut end = 0;
        loop {
            end = path[end..].find('/').map_or(path.len(), |at| end + at);
            let found = level.iter().find(|branch| branch.path == path[..end])?;
            if end == path.len() {
                return Some(found);
            }
            level = &found.children;
            end += 1;
        }
    }

    /// All paths, parents before their children.
    #[must_use]
    pub fn paths(&self) -> Vec<&str> {
        fn walk<'t>(branches: &'t [Branch], found: &mut Vec<&'t str>) {
            for branch in branches {
                found.push(&branch.path);
                walk(&branch.children, found);
            }
        }
        let mut found = Vec::new();
        walk(&self.branches, &mut found);
        found
    }
}

fn branches(node: &Node, above: &str, depth: usize) -> Result<Vec<Branch>, ReadTaxonomyError> {
    let wrong = |node: &Node, what: &str| ReadTaxonomyError {
        line: node.place.line,
        what: what.to_owned(),
    };
    if depth > DEEPEST {
        return Err(wrong(node, "the tree is deeper than six branches"));
    }
    let items = node
        .list()
        .ok_or_else(|| wrong(node, "a list of branches is asked for"))?;
    let mut found: Vec<Branch> = Vec::new();
    for item in items {
        let told = |name: &str| {
            let text = item.get_text(name).unwrap_or_default().trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let (Some(id), Some(en), Some(zh)) = (told("id"), told("en"), told("zh")) else {
            return Err(wrong(item, "a branch needs `id`, `en` and `zh`"));
        };
        if !id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        {
            return Err(wrong(item, "an id has lower-case letters, digits and `-`"));
        }
        let path = match above {
            "" => id,
            above => format!("{above}/{id}"),
        };
        if found.iter().any(|branch| branch.path == path) {
            return Err(wrong(item, "this id stands here twice"));
        }
        let children = match item.get("children") {
            Some(children) => branches(children, &path, depth + 1)?,
            None => Vec::new(),
        };
        found.push(Branch {
            path,
            name: Words::new(en, zh),
            children,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_tree_has_the_nine_branches_of_the_house() {
        let tree = Taxonomy::starter();
        let names: Vec<&str> = tree
            .branches
            .iter()
            .map(|one| one.name.zh.as_str())
            .collect();
        let nine = [
            "客户", "账户", "行情", "交易", "清算", "产品", "资讯", "风控", "公共",
        ];
        assert_eq!(names, nine);
        let order = tree.branch("trade/order").expect("there");
        assert_eq!(order.name, Words::new("Orders", "委托"));
        for path in ["", "trade/", "/trade", "trade/order/x", "order"] {
            assert_eq!(tree.branch(path), None, "{path}");
        }
        for path in tree.paths() {
            assert_eq!(tree.branch(path).expect("there").path, path);
        }
    }

    #[test]
    fn a_wrong_tree_says_the_line() {
        let told = |text: &str| Taxonomy::read(text).expect_err("refused").to_string();
        assert_eq!(
            told("- {id: a, en: A}"),
            "line 1: a branch needs `id`, `en` and `zh`"
        );
        let twice = "- {id: a, en: A, zh: 甲}\n- {id: a, en: B, zh: 乙}";
        assert_eq!(told(twice), "line 2: this id stands here twice");
        assert_eq!(told("a: b"), "line 1: a list of branches is asked for");
    }
}
