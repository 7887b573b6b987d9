//! What an import gathers on its way: schemas that are referred to, losses, findings.

use std::collections::HashMap;

use indexmap::IndexMap;
use rialto_document::Node;

use super::Loss;
use super::cursor::Cursor;
use crate::bundle::{Astray, Bundle, Target};
use crate::definition::{Format, Spot};
use crate::finding::{Finding, Severity};
use crate::words::Words;

pub(super) struct Collector<'b> {
    pub(super) bundle: &'b Bundle,
    pub(super) format: Format,
    pub(super) schemas: IndexMap<String, Node>,
    pub(super) schema_spots: IndexMap<String, Spot>,
    pub(super) losses: Vec<Loss>,
    pub(super) findings: Vec<Finding>,
    names: HashMap<Target, String>,
    waiting: Vec<(String, Target)>,
}

impl<'b> Collector<'b> {
    pub(super) fn new(bundle: &'b Bundle, format: Format) -> Self {
        Self {
            bundle,
            format,
            schemas: IndexMap::new(),
            schema_spots: IndexMap::new(),
            losses: Vec::new(),
            findings: Vec::new(),
            names: HashMap::new(),
            waiting: Vec::new(),
        }
    }

    pub(super) fn lost(&mut self, at: &Cursor<'_>, construct: &str, en: &str, zh: &str) {
        self.losses.push(Loss {
            construct: construct.to_owned(),
            spot: at.spot(),
            done: Words::new(en, zh),
        });
    }

    /// A fault of the document itself.
    pub(super) fn fault(&mut self, at: &Cursor<'_>, rule: &'static str, what: Words, cure: Words) {
        let why = Words::new(
            "The OpenAPI specification asks for it; the gateway could not route or check without.",
            "OpenAPI 规范的要求；否则网关无法路由或校验。",
        );
        self.findings.push(Finding {
            rule,
            severity: Severity::Error,
            spot: at.spot(),
            what,
            why,
            cure,
        });
    }

    /// Follows references of anything but schemas; tells what leads nowhere.
    pub(super) fn follow<'c>(&mut self, at: &Cursor<'c>) -> Option<Cursor<'c>> {
        match at.followed() {
            Ok(there) => Some(there),
            Err((here, reference, astray)) => {
                self.stray(&here, &reference, &astray);
                None
            }
        }
    }

    pub(super) fn stray(&mut self, at: &Cursor<'_>, reference: &str, astray: &Astray) {
        let (en, zh, cure_en, cure_zh) = match astray {
            Astray::Remote => (
                "leads to another machine",
                "指向外部地址",
                "Nothing is fetched from the network: put the file into the bundle.",
                "导入不访问网络，请把该文件放进文件包。",
            ),
            Astray::Outside => (
                "leaves the bundle",
                "超出文件包范围",
                "Put the file into the bundle.",
                "请把该文件放进文件包。",
            ),
            Astray::NoFile(_) => (
                "names a file the bundle does not hold",
                "指向文件包中不存在的文件",
                "Add the file (import a zip) or mend its path.",
                "请加入该文件（可导入 zip）或更正路径。",
            ),
            Astray::NoPlace(_) => (
                "names a place that does not exist",
                "指向不存在的位置",
                "Mend the reference, or define what it names.",
                "请更正引用，或补充其定义。",
            ),
            Astray::Circle => (
                "leads back to itself",
                "最终指回自身",
                "Let one of them be a definition.",
                "请把其中一处改为实际定义。",
            ),
        };
        let what = Words::new(
            format!("The reference `{reference}` {en}."),
            format!("引用 `{reference}` {zh}。"),
        );
        self.fault(at, "IM02", what, Words::new(cure_en, cure_zh));
    }

    /// The name of the shared schema at a target; it is read when its turn comes.
    pub(super) fn name_of(&mut self, target: Target) -> String {
        if let Some(name) = self.names.get(&target) {
            return name.clone();
        }
        let last = target
            .pointer
            .rsplit('/')
            .next()
            .filter(|step| !step.is_empty());
        let stem = || {
            let file = target.file.rsplit('/').next().unwrap_or_default();
            file.split('.').next().unwrap_or_default().to_owned()
        };
        let wanted = last.map_or_else(stem, |step| step.replace("~1", "/").replace("~0", "~"));
        let mut name = wanted.clone();
        let mut n = 1;
        while self.schema_spots.contains_key(&name) {
            n += 1;
            name = format!("{wanted}_{n}");
        }
        self.names.insert(target.clone(), name.clone());
        self.schema_spots.insert(name.clone(), Spot::default());
        self.waiting.push((name.clone(), target));
        name
    }

    /// Reads the shared schemas that wait, and those they refer to.
    pub(super) fn drain(&mut self) {
        let mut n = 0;
        while n < self.waiting.len() {
            let (name, target) = self.waiting[n].clone();
            n += 1;
            let Ok(at) = Cursor::root(self.bundle).to(&target) else {
                continue;
            };
            let schema = self.lifted(&at);
            self.schema_spots.insert(name.clone(), at.spot());
            self.schemas.insert(name, schema);
        }
        self.waiting.clear();
    }
}
