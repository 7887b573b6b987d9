//! The rules.

use crate::finding::Severity::{self, Error, Info, Warning};

/// A rule of the house.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Stable id.
    pub id: &'static str,
    /// Its weight unless the firm says otherwise.
    pub severity: Severity,
    /// What it is about, in English and Chinese.
    pub title: (&'static str, &'static str),
    /// Why it exists.
    pub why: (&'static str, &'static str),
    /// What to do.
    pub cure: (&'static str, &'static str),
}

macro_rules! rules {
    ($($name:ident = $severity:ident $title:expr, $why:expr, $cure:expr;)*) => {
        $(pub(super) const $name: Rule = Rule {
            id: stringify!($name),
            severity: $severity,
            title: $title,
            why: $why,
            cure: $cure,
        };)*
        /// All rules by id.
        pub const RULES: &[Rule] = &[$($name),*];
    };
}

rules! {
    LN01 = Error ("unique operationId", "operationId 唯一"),
        ("Code, tests and call edges name operations by it.", "代码、用例与调用关系都以它指称操作。"),
        ("Give every operation an operationId of its own.", "请为每个操作指定互不相同的 operationId。");
    LN02 = Warning ("descriptions", "说明完整"),
        ("Callers choose an interface by what it says of itself.", "调用方依据说明选择接口。"),
        ("Say in a line what it does.", "请用一句话说明用途。");
    LN03 = Error ("examples fit their schema", "示例符合结构"),
        ("Mocks and documentation show examples to callers.", "模拟与文档会把示例展示给调用方。"),
        ("Mend the example or the schema.", "请更正示例或结构。");
    LN04 = Warning ("texts and lists have a limit", "文本与列表有上限"),
        ("Unlimited input fills memory; fixed-size columns at callers overflow.", "无上限的输入会耗尽内存，也会撑破下游定长字段。"),
        ("Add `maxLength` or `maxItems` (or `enum`, `pattern` with a length, a `format`).", "请补充 `maxLength` 或 `maxItems`（或 `enum`、`format`）。");
    LN05 = Error ("money is no binary float", "金额不用二进制浮点"),
        ("A double cannot hold 0.1; sums drift.", "双精度无法精确表示 0.1，累计会出现误差。"),
        ("Use `type: string, format: decimal`, or integers of the smallest unit.", "请使用 `type: string, format: decimal`，或以最小单位的整数表示。");
    LN06 = Warning ("one way of writing names", "命名风格一致"),
        ("Callers guess names; two styles in one interface make them guess wrong.", "同一接口混用两种命名风格会让调用方出错。"),
        ("Use the style most of this interface uses.", "请统一为本接口的主要风格。");
    LN07 = Error ("security is declared", "已声明安全要求"),
        ("An operation without security is open to anybody who reaches the gateway.", "未声明安全要求的操作对所有能到达网关者开放。"),
        ("Declare `security`, or `security: []` when it is meant to be open.", "请声明 `security`；确需开放时写 `security: []`。");
    LN08 = Warning ("the error table is complete", "错误码表完整"),
        ("Callers must tell business errors apart to act on them.", "调用方需要区分业务错误才能处理。"),
        ("List the codes under `x-error-codes`: code, status, meaning.", "请在 `x-error-codes` 中列出 code、status、meaning。");
    LN09 = Error ("every field has a masking label", "字段均有脱敏标签"),
        ("Unlabelled fields count as level 3 and are masked everywhere (JR/T 0158 classes).", "无标签字段按 3 级处理，各处都会脱敏（JR/T 0158 分级）。"),
        ("Add `x-label` (`none` is a label) to the field or to its schema.", "请为字段或其结构补充 `x-label`（`none` 也是标签）。");
    LN10 = Error ("success is described", "成功响应已定义"),
        ("Nothing can be mocked, tested or checked without.", "否则无法模拟、测试与校验。"),
        ("Describe a 2xx answer (or 3xx, 101).", "请定义 2xx（或 3xx、101）响应。");
    LN11 = Warning ("refusals are described", "拒绝响应已定义"),
        ("Callers of an operation with input must know how a refusal looks.", "带输入的操作应说明拒绝时的响应。"),
        ("Describe a 4xx answer or `default`.", "请定义 4xx 或 `default` 响应。");
    LN12 = Error ("title and version", "标题与版本"),
        ("The catalogue lists interfaces by them.", "目录以此列出接口。"),
        ("Fill `info.title` and `info.version`.", "请填写 `info.title` 与 `info.version`。");
    LN13 = Warning ("examples of bodies", "报文示例"),
        ("Reviewers and callers read examples first; the mock answers with them.", "评审与调用方首先看示例，模拟也以示例应答。"),
        ("Add an example that fits the schema.", "请补充符合结构的示例。");
    LN14 = Info ("unused shared schemas", "未使用的公共结构"),
        ("What nothing uses is kept up by nobody.", "无人使用的定义无人维护。"),
        ("Use it or take it out.", "请使用或删除。");
    LN15 = Warning ("paths without a slash at the end", "路径末尾无斜杠"),
        ("`/a` and `/a/` are two paths to the gateway.", "网关视 `/a` 与 `/a/` 为两个路径。"),
        ("Take the last slash out.", "请去掉末尾斜杠。");
}
