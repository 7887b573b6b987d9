//! A definition read, checked and taken apart.

use std::collections::{BTreeMap, BTreeSet};

use rialto_document::{Node, Value as NodeValue};
use rialto_esb_catalogue::similar::Traits;
use rialto_esb_contract::lint::lint;
use rialto_esb_contract::{
    Bundle, Definition, Finding, Import, ImportDefinitionError, Media, Operation, ReadBundleError,
    Severity, foreign_format, import, sort_findings,
};
use rialto_esb_policy::mask::{UNLABELLED_LEVEL, catalogue};
use rialto_esb_schema::Schemas;
use rialto_esb_store::definition::{
    DefinitionRow, FileRow, FindingRow, OperationRow, SchemaRow, Whole,
};
use serde_json::{Value, json};

use crate::PlatformError;
use crate::artefact::{Artefact, ReadArtefactError};
use crate::view::{
    BodyView, ErrorCodeView, FindingView, HeaderView, LossView, MediaView, OperationView,
    OutcomeView, ParameterView, SpotView, Words,
};

/// Longest text that is searched of one definition, bytes.
const MOST_SEARCH: usize = 64 * 1024;
/// The rule whose findings are missing examples.
const EXAMPLES: &str = "LN13";
/// The rule whose findings are fields without a label.
const LABELS: &str = "LN09";

impl From<ReadArtefactError> for PlatformError {
    fn from(error: ReadArtefactError) -> Self {
        Self::Definition {
            words: Words::new(
                format!("What was sent {error}."),
                format!("{}。", error.zh()),
            ),
            findings: Vec::new(),
        }
    }
}

fn placed(file: &str, line: u32, column: u32, text: Words) -> FindingView {
    FindingView {
        no: 0,
        rule: "READ".to_owned(),
        severity: "error".to_owned(),
        spot: SpotView {
            file: file.to_owned(),
            line,
            column,
            pointer: String::new(),
        },
        text,
        why: Words::new(
            "What cannot be read cannot be kept.",
            "无法读取的内容不能入库。",
        ),
        cure: Words::new("Mend the file and send it again.", "请修正文件后重新提交。"),
    }
}

fn unreadable(error: &ImportDefinitionError) -> PlatformError {
    let en = error.to_string();
    match error {
        ImportDefinitionError::Unreadable(ReadBundleError::File { file, error: fault }) => {
            let at = fault.place;
            let text = Words::new(fault.fault.to_string(), fault.fault.zh());
            let zh = format!("{file} 第 {} 行第 {} 列：{}", at.line, at.column, text.zh);
            PlatformError::Definition {
                words: Words::new(en, zh),
                findings: vec![placed(file, at.line, at.column, text)],
            }
        }
        ImportDefinitionError::Unreadable(ReadBundleError::TooLong(bytes, most)) => {
            let zh = format!("文件共 {bytes} 字节，最多读取 {most} 字节");
            PlatformError::Definition {
                words: Words::new(en, zh),
                findings: Vec::new(),
            }
        }
        ImportDefinitionError::Unreadable(ReadBundleError::NoRoot(root)) => {
            PlatformError::Definition {
                words: Words::new(en, format!("文件中没有 {root}")),
                findings: Vec::new(),
            }
        }
        ImportDefinitionError::NotYet { file, format } => foreign(file, format),
        ImportDefinitionError::Version { file, version } => {
            let zh = format!("{file}：不认识 OpenAPI {version}，可读取 2.0、3.0 与 3.1");
            located(file, Words::new(en, zh))
        }
        ImportDefinitionError::Unknown { file } => {
            let zh = format!("{file} 不是接口定义：顶层既无 `openapi` 也无 `swagger`");
            located(file, Words::new(en, zh))
        }
    }
}

fn located(file: &str, words: Words) -> PlatformError {
    PlatformError::Definition {
        findings: vec![placed(file, 1, 1, words.clone())],
        words,
    }
}

fn foreign(file: &str, format: &str) -> PlatformError {
    let name = match format {
        "a Postman collection" => "Postman 集合",
        "a HAR recording" => "HAR 录制文件",
        "an AsyncAPI document" => "AsyncAPI 文档",
        "a Swagger 1 document" => "Swagger 1 文档",
        "a RAML document" => "RAML 文档",
        "an Insomnia export" => "Insomnia 导出文件",
        "an Apifox project" => "Apifox 项目",
        "an XML document" => "XML 文档",
        "a protobuf file" => "protobuf 文件",
        other => other,
    };
    let words = Words::new(
        format!("{file} is {format}, which is not imported yet; OpenAPI 2.0, 3.0 and 3.1 are."),
        format!("{file} 是 {name}，暂不支持导入；可导入 OpenAPI 2.0、3.0 与 3.1。"),
    );
    located(file, words)
}

/// Reads a definition. What is wrong inside of it is told all at once.
///
/// # Errors
/// [`PlatformError::Definition`].
pub fn read(artefact: &Artefact) -> Result<Import, PlatformError> {
    let root = artefact.texts.get(&artefact.root);
    if let Some(format) = root.and_then(|text| foreign_format(text)) {
        return Err(foreign(&artefact.root, format));
    }
    let bundle = Bundle::read(&artefact.root, &artefact.texts)
        .map_err(|error| unreadable(&ImportDefinitionError::Unreadable(error)))?;
    let read = import(&bundle).map_err(|error| unreadable(&error))?;
    let errors: Vec<FindingView> = read
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(FindingView::from)
        .collect();
    if errors.is_empty() {
        return Ok(read);
    }
    let count = errors.len();
    Err(PlatformError::Definition {
        words: Words::new(
            format!("The definition has {count} fault(s); nothing was changed."),
            format!("接口定义有 {count} 处错误，未做任何更改。"),
        ),
        findings: errors,
    })
}

/// What the rules of the house say, and what the import said.
fn check(read: &Import) -> Vec<Finding> {
    let schemas = Schemas::new(&read.definition);
    let mut findings = lint(&read.definition, &schemas, &BTreeMap::new());
    findings.extend(read.findings.iter().cloned());
    sort_findings(&mut findings);
    findings
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Rows of findings, and their counts written to the definition.
fn counted(
    row: &mut DefinitionRow,
    findings: &[Finding],
) -> Result<Vec<FindingRow>, PlatformError> {
    let of = |severity| {
        number(
            findings
                .iter()
                .filter(|one| one.severity == severity)
                .count(),
        )
    };
    let by = |rule| number(findings.iter().filter(|one| one.rule == rule).count());
    row.errors = of(Severity::Error);
    row.warnings = of(Severity::Warning);
    row.infos = of(Severity::Info);
    row.missing_examples = by(EXAMPLES);
    if by(LABELS) > 0 {
        row.highest_level = row.highest_level.max(i64::from(UNLABELLED_LEVEL));
    }
    let rows = findings.iter().zip(1..).map(|(finding, no)| {
        let mut view = FindingView::from(finding);
        view.no = no;
        Ok(FindingRow {
            hash: row.hash.clone(),
            kind: "finding".to_owned(),
            no: i64::try_from(no).unwrap_or(i64::MAX),
            rule: view.rule.clone(),
            severity: view.severity.clone(),
            document: serde_json::to_string(&view).map_err(PlatformError::json("finding"))?,
        })
    });
    rows.collect()
}

/// Findings of a definition that is kept, made anew.
///
/// # Errors
/// [`PlatformError::Definition`] when today's rules do not read it any more.
pub fn recheck(
    artefact: &Artefact,
    row: &mut DefinitionRow,
) -> Result<Vec<FindingRow>, PlatformError> {
    let read = read(artefact)?;
    counted(row, &check(&read))
}

/// Everything that is kept of a definition.
///
/// # Errors
/// As [`read`].
pub fn take_apart(artefact: &Artefact, login: &str, at: i64) -> Result<Whole, PlatformError> {
    let read = read(artefact)?;
    let findings = check(&read);
    let definition = &read.definition;
    let hash = artefact.hash();
    let traits = Traits::of(definition);
    let format = serde_json::to_value(definition.format).map_err(PlatformError::json("format"))?;
    let mut row = DefinitionRow {
        hash: hash.clone(),
        format: format.as_str().unwrap_or_default().to_owned(),
        title: definition.title.clone(),
        version: definition.version.clone(),
        root: artefact.root.clone(),
        files: number(artefact.texts.len()),
        bytes: number(artefact.bytes()),
        operations: number(definition.operations.len()),
        schemas: number(definition.schemas.len()),
        losses: number(read.losses.len()),
        errors: 0,
        warnings: 0,
        infos: 0,
        missing_examples: 0,
        highest_level: highest_level(definition),
        search: searched(definition, &traits),
        traits: json!({"segments": traits.segments, "fields": traits.fields}).to_string(),
        created_by: login.to_owned(),
        created_at: at,
    };
    let mut rows = counted(&mut row, &findings)?;
    for (loss, no) in read.losses.iter().zip(1..) {
        let mut view = LossView::from(loss);
        view.no = no;
        rows.push(FindingRow {
            hash: hash.clone(),
            kind: "loss".to_owned(),
            no: i64::try_from(no).unwrap_or(i64::MAX),
            rule: loss.construct.clone(),
            severity: "info".to_owned(),
            document: serde_json::to_string(&view).map_err(PlatformError::json("loss"))?,
        });
    }
    let files = artefact.texts.iter().map(|(path, text)| FileRow {
        hash: hash.clone(),
        path: path.clone(),
        text: text.clone(),
    });
    let operations = definition.operations.iter().zip(1..);
    let schemas = definition.schemas.iter().zip(1..);
    Ok(Whole {
        files: files.collect(),
        operations: operations
            .map(|(one, no)| operation_row(&hash, no, one))
            .collect::<Result<_, _>>()?,
        schemas: schemas
            .map(|((name, node), no)| schema_row(&hash, no, name, node))
            .collect(),
        findings: rows,
        definition: row,
    })
}

fn operation_row(hash: &str, no: i64, one: &Operation) -> Result<OperationRow, PlatformError> {
    let view = operation_view(no, one);
    let words = [
        one.id.as_deref().unwrap_or_default(),
        one.path.as_str(),
        one.summary.as_deref().unwrap_or_default(),
        &one.method.to_string(),
    ];
    Ok(OperationRow {
        hash: hash.to_owned(),
        no,
        operation_id: one.id.clone(),
        method: one.method.to_string(),
        path: one.path.clone(),
        summary: one.summary.clone().unwrap_or_default(),
        tags: json!(one.tags).to_string(),
        deprecated: i64::from(one.deprecated),
        search: words.join(" ").to_lowercase(),
        document: serde_json::to_string(&view).map_err(PlatformError::json("operation"))?,
    })
}

fn schema_row(hash: &str, no: i64, name: &str, node: &Node) -> SchemaRow {
    SchemaRow {
        hash: hash.to_owned(),
        no,
        name: name.to_owned(),
        title: node.get_text("title").unwrap_or_default().to_owned(),
        document: node.to_json(),
    }
}

fn examples(told: &[(String, Node)]) -> BTreeMap<String, Value> {
    let pairs = told
        .iter()
        .map(|(name, node)| (name.clone(), node.to_value()));
    pairs.collect()
}

fn media(told: &[Media]) -> Vec<MediaView> {
    let views = told.iter().map(|one| MediaView {
        name: one.name.clone(),
        schema: one.schema.as_ref().map(Node::to_value),
        examples: examples(&one.examples),
    });
    views.collect()
}

fn operation_view(no: i64, one: &Operation) -> OperationView {
    let parameters = one.parameters.iter().map(|parameter| ParameterView {
        name: parameter.name.clone(),
        place: parameter.place.to_string(),
        description: parameter.description.clone(),
        required: parameter.required,
        deprecated: parameter.deprecated,
        schema: parameter.schema.as_ref().map(Node::to_value),
        examples: examples(&parameter.examples),
        spot: (&parameter.spot).into(),
    });
    let outcomes = one.outcomes.iter().map(|outcome| OutcomeView {
        status: outcome.status.clone(),
        description: outcome.description.clone(),
        headers: outcome
            .headers
            .iter()
            .map(|header| HeaderView {
                name: header.name.clone(),
                required: header.required,
                schema: header.schema.as_ref().map(Node::to_value),
            })
            .collect(),
        media: media(&outcome.media),
    });
    let errors = one.errors.iter().map(|error| ErrorCodeView {
        code: error.code.clone(),
        status: error.status.clone(),
        meaning: error.meaning.clone(),
    });
    let needs = one.security.iter();
    OperationView {
        no: u64::try_from(no).unwrap_or(0),
        id: one.id.clone(),
        method: one.method.to_string(),
        path: one.path.clone(),
        summary: one.summary.clone(),
        description: one.description.clone(),
        tags: one.tags.clone(),
        deprecated: one.deprecated,
        sunset: one.sunset.clone(),
        parameters: parameters.collect(),
        body: one.body.as_ref().map(|body| BodyView {
            required: body.required,
            description: body.description.clone(),
            media: media(&body.media),
        }),
        outcomes: outcomes.collect(),
        security: needs
            .map(|need| need.schemes.iter().cloned().collect())
            .collect(),
        errors: errors.collect(),
        idempotency: format!("{:?}", one.idempotency).to_lowercase(),
        spot: (&one.spot).into(),
    }
}

/// Words by which callers find it: title, operations, path segments, field names.
fn searched(definition: &Definition, traits: &Traits) -> String {
    let mut words: BTreeSet<String> = BTreeSet::new();
    words.insert(definition.title.to_lowercase());
    for one in &definition.operations {
        words.insert(one.path.to_lowercase());
        words.extend(one.id.iter().map(|id| id.to_lowercase()));
        words.extend(one.summary.iter().map(|text| text.to_lowercase()));
    }
    words.extend(traits.fields.iter().cloned());
    let mut text = String::new();
    for word in words {
        if text.len() + word.len() >= MOST_SEARCH {
            break;
        }
        text.push_str(&word);
        text.push('\n');
    }
    text
}

/// The highest level among the labels of a definition.
fn highest_level(definition: &Definition) -> i64 {
    let known: BTreeMap<String, u8> = catalogue()
        .into_iter()
        .map(|label| (label.name, label.level))
        .collect();
    let mut highest = 1;
    let mut look = |node: &Node| {
        labels(node, &mut |label| {
            let level = known.get(label).copied().unwrap_or(UNLABELLED_LEVEL);
            highest = highest.max(level);
        });
    };
    definition.schemas.values().for_each(&mut look);
    for one in &definition.operations {
        let parameters = one.parameters.iter().filter_map(|one| one.schema.as_ref());
        parameters.for_each(&mut look);
        let bodies = one.body.iter().flat_map(|body| &body.media);
        let answers = one.outcomes.iter().flat_map(|one| &one.media);
        let schemas = bodies.chain(answers).filter_map(|one| one.schema.as_ref());
        schemas.for_each(&mut look);
    }
    i64::from(highest)
}

fn labels(node: &Node, found: &mut dyn FnMut(&str)) {
    match &node.value {
        NodeValue::List(items) => items.iter().for_each(|item| labels(item, found)),
        NodeValue::Map(map) => {
            for (name, member) in map {
                match member.node.text() {
                    Some(label) if &**name == "x-label" => found(label),
                    _ => labels(&member.node, found),
                }
            }
        }
        _ => {}
    }
}
