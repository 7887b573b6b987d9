//! A node of a bundle that knows its file and pointer.

use rialto_document::{Node, pointer_step};

use crate::bundle::{Astray, Bundle, Target};
use crate::definition::Spot;

/// A node, where it stands.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'b> {
    pub(super) bundle: &'b Bundle,
    pub(super) file: &'b str,
    pub(super) pointer: String,
    pub(super) node: &'b Node,
}

/// Longest chain of references to references.
const MAX_CHAIN: usize = 32;

impl<'b> Cursor<'b> {
    pub(super) fn root(bundle: &'b Bundle) -> Self {
        Self {
            bundle,
            file: bundle.root(),
            pointer: String::new(),
            node: bundle.document(),
        }
    }

    pub(super) fn spot(&self) -> Spot {
        Spot {
            file: self.file.to_owned(),
            line: self.node.place.line,
            column: self.node.place.column,
            pointer: self.pointer.clone(),
        }
    }

    fn step(&self, name: &str, node: &'b Node) -> Self {
        Self {
            bundle: self.bundle,
            file: self.file,
            pointer: format!("{}{}", self.pointer, pointer_step(name)),
            node,
        }
    }

    /// The named value.
    pub(super) fn get(&self, name: &str) -> Option<Self> {
        self.node.get(name).map(|node| self.step(name, node))
    }

    /// The named values of an object.
    pub(super) fn members(&self) -> Vec<(&'b str, Self)> {
        let map = self.node.map().into_iter().flatten();
        map.map(|(name, member)| (&**name, self.step(name, &member.node)))
            .collect()
    }

    /// The named values of an object that may be extended (`x-…`), without the extensions.
    pub(super) fn fields(&self) -> Vec<(&'b str, Self)> {
        let mut all = self.members();
        all.retain(|(name, _)| !name.starts_with("x-"));
        all
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Vec<Self> {
        let list = self.node.list().unwrap_or_default();
        let items = list.iter().enumerate();
        items
            .map(|(n, node)| self.step(&n.to_string(), node))
            .collect()
    }

    /// The members of a named object; nothing when absent.
    pub(super) fn members_of(&self, name: &str) -> Vec<(&'b str, Self)> {
        self.get(name).map(|one| one.members()).unwrap_or_default()
    }

    /// The fields of a named object, without its extensions; nothing when absent.
    pub(super) fn fields_of(&self, name: &str) -> Vec<(&'b str, Self)> {
        self.get(name).map(|one| one.fields()).unwrap_or_default()
    }

    /// The items of a named list; nothing when absent.
    pub(super) fn items_of(&self, name: &str) -> Vec<Self> {
        self.get(name).map(|one| one.items()).unwrap_or_default()
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.node.get_text(name).map(str::to_owned)
    }

    /// Where its reference leads; itself without one.
    pub(super) fn followed(&self) -> Result<Self, (Self, String, Astray)> {
        let mut here = self.clone();
        for _ in 0..MAX_CHAIN {
            let Some(reference) = here.node.get_text("$ref") else {
                return Ok(here);
            };
            let next = here
                .bundle
                .target(here.file, reference)
                .and_then(|target| here.to(&target));
            match next {
                Ok(next) => here = next,
                Err(astray) => return Err((here.clone(), reference.to_owned(), astray)),
            }
        }
        let reference = self.node.get_text("$ref").unwrap_or_default().to_owned();
        Err((self.clone(), reference, Astray::Circle))
    }

    pub(super) fn to(&self, target: &Target) -> Result<Self, Astray> {
        let node = self.bundle.node(target)?;
        let file = self
            .bundle
            .file(&target.file)
            .ok_or_else(|| Astray::NoFile(target.file.clone()))?;
        Ok(Self {
            bundle: self.bundle,
            file,
            pointer: target.pointer.clone(),
            node,
        })
    }
}
