//! The program as it is written in a term sheet: JSON prefix arrays (specification, section 5).

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::document::{Node, Value};
use crate::finding::Sink;
use crate::program::{
    Action, Comparison, Cond, Exercise, Expr, On, PayAt, Program, Rule, Var, VarKind,
};
use crate::reader::{Field, Fields, nearest};
use crate::value;

/// Most variables of a program.
pub const MAX_VARS: usize = 32;
/// Most rules of a program.
pub const MAX_RULES: usize = 200;
/// Most actions of one rule.
pub const MAX_ACTIONS: usize = 32;
/// Largest maximum of a count.
pub const MAX_COUNT: u32 = 10_000;

/// Words of the language, which no variable may be called.
const WORDS: [&str; 19] = [
    "N",
    "S",
    "S0",
    "worst",
    "best",
    "basket",
    "t",
    "dt",
    "k",
    "left",
    "min",
    "max",
    "if",
    "row",
    "and",
    "or",
    "not",
    "continuous",
    "stop",
];

/// What a program may speak of.
#[derive(Debug)]
pub struct Vocabulary<'a> {
    /// Codes of the underlyings.
    pub codes: Vec<&'a str>,
    /// Schedules and the names of their columns.
    pub schedules: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// Reads a program; `None` after a finding.
pub fn read(field: &Field<'_>, vocabulary: &Vocabulary<'_>) -> Option<Program> {
    let mut fields = field.fields()?;
    let vars = fields.optional("vars");
    let rules = fields.required("rules");
    let terminal = fields.optional("terminal");
    let exercise = fields.optional("exercise");
    fields.finish();
    let vars = match vars {
        Some(field) => read_vars(&field),
        None => Some(Vec::new()),
    };
    let vars_known = vars.is_some();
    let reader = Reader {
        vocabulary,
        vars: vars.unwrap_or_default(),
        vars_known,
    };
    let rules = rules.and_then(|field| reader.rules(&field));
    let terminal = match &terminal {
        Some(field) => reader.actions(field, &Stand::Terminal),
        None => Some(Vec::new()),
    };
    let exercise = match &exercise {
        Some(field) => reader.exercise(field).map(Some),
        None => Some(None),
    };
    let program = Program {
        vars: Vec::new(),
        rules: rules?,
        terminal: terminal?,
        exercise: exercise?,
    };
    vars_known.then_some(Program {
        vars: reader.vars,
        ..program
    })
}

fn read_vars(field: &Field<'_>) -> Option<Vec<Var>> {
    let items = field.list()?;
    if items.len() > MAX_VARS {
        let en = format!(
            "There are {} variables; at most {MAX_VARS} are carried.",
            items.len()
        );
        field.error("E-PROG-SIZE", en, format!("变量过多，最多 {MAX_VARS} 个。"));
        return None;
    }
    let vars: Vec<Option<Var>> = items.iter().map(read_var).collect();
    let vars: Vec<Var> = vars.into_iter().collect::<Option<_>>()?;
    let mut seen = BTreeSet::new();
    for (var, item) in vars.iter().zip(&items) {
        if !seen.insert(var.name.as_str()) {
            let en = format!("The variable {:?} is declared twice.", var.name);
            item.error("E-PROG-VAR", en, format!("变量 {:?} 重复声明。", var.name));
            return None;
        }
    }
    Some(vars)
}

fn read_var(field: &Field<'_>) -> Option<Var> {
    let mut fields = field.fields()?;
    let name = fields.required("name").and_then(|field| var_name(&field));
    let kind = fields
        .required("kind")
        .and_then(|f| f.choice(&["flag", "count", "sum"]));
    let max = fields.optional("max");
    let init = match fields.optional("init") {
        Some(field) => field.decimal().map(|init| (init, Some(field))),
        None => Some((Decimal::ZERO, None)),
    };
    let kind = match (kind?, max) {
        ("flag", None) => VarKind::Flag,
        ("sum", None) => VarKind::Sum,
        ("count", Some(max)) => VarKind::Count {
            max: max.whole(1, MAX_COUNT)?,
        },
        ("count", None) => {
            fields.required("max")?;
            return None;
        }
        (_, Some(max)) => {
            max.error(
                "E-PROG-VAR",
                "Only a count has a maximum.",
                "只有 count 变量有 max。",
            );
            return None;
        }
        (_, None) => return None,
    };
    fields.finish();
    let (init, place) = init?;
    let fits = match kind {
        VarKind::Flag => init == Decimal::ZERO || init == Decimal::ONE,
        VarKind::Count { max } => {
            init.is_integer() && init >= Decimal::ZERO && init <= Decimal::from(max)
        }
        VarKind::Sum => true,
    };
    if let (false, Some(field)) = (fits, place) {
        let en = "does not fit its kind: a flag is 0 or 1, a count is whole from 0 to its max.";
        let en = format!("The start value {init} {en}");
        field.error(
            "E-PROG-VAR",
            en,
            "初值与变量类型不符：flag 为 0 或 1，count 为 0 至 max 的整数。",
        );
        return None;
    }
    Some(Var {
        name: name?,
        kind,
        init,
    })
}

fn var_name(field: &Field<'_>) -> Option<String> {
    let name = field.text()?;
    let plain = name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain && !WORDS.contains(&name) {
        return Some(name.to_owned());
    }
    let en = format!(
        "{name:?} cannot name a variable. Use a letter, then letters, digits or _, at most 32, and no word of the language."
    );
    field.error(
        "E-PROG-VAR",
        en,
        format!(
            "{name:?} 不能作变量名：以字母开头，仅含字母、数字和 _，不超过 32 个字符，且非保留字。"
        ),
    );
    None
}

/// Where an expression stands: what it may speak of depends on it.
enum Stand<'a> {
    Row(&'a str),
    Continuous,
    Terminal,
}

struct Reader<'a> {
    vocabulary: &'a Vocabulary<'a>,
    vars: Vec<Var>,
    /// Whether the variables could be read; else unknown names are not told a second time.
    vars_known: bool,
}

impl Reader<'_> {
    fn rules(&self, field: &Field<'_>) -> Option<Vec<Rule>> {
        let items = field.list()?;
        if items.len() > MAX_RULES {
            let en = format!(
                "There are {} rules; at most {MAX_RULES} are read.",
                items.len()
            );
            field.error(
                "E-PROG-SIZE",
                en,
                format!("规则过多，最多 {MAX_RULES} 条。"),
            );
            return None;
        }
        let rules: Vec<_> = items.iter().map(|item| self.rule(item)).collect();
        rules.into_iter().collect()
    }

    fn rule(&self, field: &Field<'_>) -> Option<Rule> {
        let mut fields = field.fields()?;
        let on = fields.required("on").and_then(|field| self.on(&field));
        let phase = fields.required("phase").and_then(|field| {
            let phase = field.whole(10, 50)?;
            u8::try_from(phase).ok()
        });
        let condition = fields.optional("if");
        let actions = fields.required("do");
        fields.finish();
        let on = on?;
        let stand = match &on {
            On::Schedule(name) => Stand::Row(name),
            On::Continuous => Stand::Continuous,
        };
        let condition = match &condition {
            Some(field) => self.cond(field, &stand).map(Some),
            None => Some(None),
        };
        let actions = actions.and_then(|field| self.actions(&field, &stand));
        let (condition, actions) = (condition?, actions?);
        Some(Rule {
            on,
            phase: phase?,
            condition,
            actions,
        })
    }

    fn on(&self, field: &Field<'_>) -> Option<On> {
        let name = field.text()?;
        if name == "continuous" {
            return Some(On::Continuous);
        }
        if self.vocabulary.schedules.contains_key(name) {
            return Some(On::Schedule(name.to_owned()));
        }
        let names: Vec<&str> = self.vocabulary.schedules.keys().copied().collect();
        self.unknown(field, "E-PROG-SCHEDULE", "schedule", "日程", name, &names);
        None
    }

    fn unknown(
        &self,
        field: &Field<'_>,
        code: &'static str,
        kind: &str,
        kind_zh: &str,
        name: &str,
        names: &[&str],
    ) {
        let (en, zh) = match nearest(name, names) {
            Some(name) => (
                format!("Did you mean {name:?}?"),
                format!("是否应为 {name:?}？"),
            ),
            None if names.is_empty() => ("There are none.".to_owned(), "尚未定义。".to_owned()),
            None => {
                let list = names.join(", ");
                (format!("Known: {list}."), format!("可用：{list}。"))
            }
        };
        field.error(
            code,
            format!("There is no {kind} {name:?}. {en}"),
            format!("没有{kind_zh} {name:?}。{zh}"),
        );
    }

    fn exercise(&self, field: &Field<'_>) -> Option<Exercise> {
        let mut fields = field.fields()?;
        let on = fields.required("on").and_then(|field| self.on(&field));
        let payoff = fields.required("payoff");
        fields.finish();
        let on = on?;
        let stand = match &on {
            On::Schedule(name) => Stand::Row(name),
            On::Continuous => Stand::Continuous,
        };
        let payoff = self.expr(&payoff?, &stand)?;
        Some(Exercise { on, payoff })
    }

    fn actions(&self, field: &Field<'_>, stand: &Stand<'_>) -> Option<Vec<Action>> {
        let items = field.list()?;
        if items.len() > MAX_ACTIONS {
            let en = format!(
                "There are {} actions; at most {MAX_ACTIONS} are read.",
                items.len()
            );
            field.error(
                "E-PROG-SIZE",
                en,
                format!("动作过多，最多 {MAX_ACTIONS} 个。"),
            );
            return None;
        }
        let actions: Vec<_> = items.iter().map(|item| self.action(item, stand)).collect();
        actions.into_iter().collect()
    }

    fn action(&self, field: &Field<'_>, stand: &Stand<'_>) -> Option<Action> {
        let items = field.list()?;
        let word = items
            .first()
            .and_then(|head| head.node().scalar())
            .unwrap_or_default();
        match (word, &items[..]) {
            ("stop", [_]) => Some(Action::Stop),
            ("set", [_, var, value]) => {
                let found = self.var(var);
                let value = self.expr(value, stand)?;
                Some(Action::Set { var: found?, value })
            }
            ("pay", [_, amount, at]) => self.pay(amount, at, None, stand),
            ("pay", [_, amount, at, leg]) => self.pay(amount, at, Some(leg), stand),
            _ => {
                let en = "This is no action. Write [\"pay\", amount, \"obs\" | \"end\" | date, leg?], [\"set\", variable, value] or [\"stop\"].";
                field.error("E-PROG-ACTION", en, "不是合法动作：应为 [\"pay\", 金额, \"obs\"|\"end\"|日期, 名称?]、[\"set\", 变量, 值] 或 [\"stop\"]。");
                None
            }
        }
    }

    fn pay(
        &self,
        amount: &Field<'_>,
        at: &Field<'_>,
        leg: Option<&Field<'_>>,
        stand: &Stand<'_>,
    ) -> Option<Action> {
        let amount = self.expr(amount, stand);
        let at = match at.node().scalar() {
            Some("obs") => Some(PayAt::Observation),
            Some("end") => Some(PayAt::End),
            _ => at.date().map(PayAt::Date),
        };
        let leg = match leg {
            Some(field) => field.text()?.to_owned(),
            None => default_leg(stand).to_owned(),
        };
        Some(Action::Pay {
            amount: amount?,
            at: at?,
            leg,
        })
    }

    fn var(&self, field: &Field<'_>) -> Option<String> {
        let name = field.text()?;
        if self.vars.iter().any(|var| var.name == name) {
            return Some(name.to_owned());
        }
        if self.vars_known {
            let names: Vec<&str> = self.vars.iter().map(|var| var.name.as_str()).collect();
            self.unknown(field, "E-PROG-VAR", "variable", "变量", name, &names);
        }
        None
    }

    fn expr(&self, field: &Field<'_>, stand: &Stand<'_>) -> Option<Expr> {
        match &field.node().value {
            Value::Number(_) => field.decimal().map(Expr::Const),
            Value::Text(text) => self.word(field, text, stand),
            Value::List(_) => self.call(field, stand),
            _ => {
                let kind = field.node().kind();
                let en = format!("{kind} stands where a number is wanted.");
                field.error("E-PROG-EXPR", en, "此处应为数值表达式。");
                None
            }
        }
    }

    fn word(&self, field: &Field<'_>, text: &str, stand: &Stand<'_>) -> Option<Expr> {
        if value::decimal(text).is_some() {
            return field.decimal().map(Expr::Const);
        }
        if let Some(fraction) = value::percentage(text) {
            return self.level(field, fraction);
        }
        if let Some(code) = text.strip_prefix("S:") {
            return self.code(field, code).map(Expr::SpotOf);
        }
        if let Some(code) = text.strip_prefix("S0:") {
            return self.code(field, code).map(Expr::InitialOf);
        }
        let in_row = matches!(stand, Stand::Row(_));
        Some(match text {
            "N" => Expr::Notional,
            "S" => Expr::Spot,
            "S0" => Expr::Initial,
            "worst" => Expr::Worst,
            "best" => Expr::Best,
            "basket" => Expr::Basket,
            "t" if !matches!(stand, Stand::Continuous) => Expr::Time,
            "dt" if in_row => Expr::TimeStep,
            "k" if in_row => Expr::RowNumber,
            "left" if in_row => Expr::RowsLeft,
            "t" | "dt" | "k" | "left" => {
                let en =
                    format!("{text:?} has no meaning here: it belongs to the row of a schedule.");
                field.error(
                    "E-PROG-ROW",
                    en,
                    format!("{text:?} 只能用于日程行内的规则。"),
                );
                return None;
            }
            _ => Expr::Var(self.var(field)?),
        })
    }

    fn level(&self, field: &Field<'_>, fraction: Decimal) -> Option<Expr> {
        if self.vocabulary.codes.len() == 1 {
            return Some(Expr::Level(fraction));
        }
        let en = "A percentage here is a level of the only underlying, and there are several. Write a performance against \"worst\", \"best\" or \"basket\", or a price.";
        field.error(
            "E-PROG-LEVEL",
            en,
            "百分比表示唯一标的的水平，而此处有多个标的；请改用 worst、best、basket 的表现或价格。",
        );
        None
    }

    fn code(&self, field: &Field<'_>, code: &str) -> Option<String> {
        if self.vocabulary.codes.contains(&code) {
            return Some(code.to_owned());
        }
        let codes = &self.vocabulary.codes;
        self.unknown(
            field,
            "E-PROG-UNDERLYING",
            "underlying",
            "标的",
            code,
            codes,
        );
        None
    }

    fn call(&self, field: &Field<'_>, stand: &Stand<'_>) -> Option<Expr> {
        let items = field.list()?;
        let head = items
            .first()
            .and_then(|head| head.node().scalar())
            .unwrap_or_default();
        let rest = items.get(1..).unwrap_or_default();
        match (head, rest) {
            ("if", [cond, yes, no]) => {
                let cond = self.cond(cond, stand);
                let (yes, no) = (self.expr(yes, stand), self.expr(no, stand));
                Some(Expr::If(Box::new(cond?), Box::new(yes?), Box::new(no?)))
            }
            ("row", [column]) => self.row(column, stand),
            ("*" | "/", [_, _, ..]) => {
                for item in rest {
                    no_level_product(item)?;
                }
                let terms = self.terms(rest, stand)?;
                Some(if head == "*" {
                    Expr::Mul(terms)
                } else {
                    Expr::Div(terms)
                })
            }
            ("+", [_, ..]) => self.terms(rest, stand).map(Expr::Add),
            ("-", [_, ..]) => self.terms(rest, stand).map(Expr::Sub),
            ("min", [_, ..]) => self.terms(rest, stand).map(Expr::Min),
            ("max", [_, ..]) => self.terms(rest, stand).map(Expr::Max),
            ("*" | "/" | "+" | "-" | "min" | "max" | "if" | "row", _) => {
                let count = rest.len();
                let en = format!("{head:?} does not take {count} values.");
                field.error(
                    "E-PROG-ARITY",
                    en,
                    format!("{head:?} 的参数个数不对（{count} 个）。"),
                );
                None
            }
            _ => {
                let words = ["+", "-", "*", "/", "min", "max", "if", "row"];
                let target = items.first().unwrap_or(field);
                self.unknown(target, "E-PROG-EXPR", "operation", "运算", head, &words);
                None
            }
        }
    }

    fn terms(&self, items: &[Field<'_>], stand: &Stand<'_>) -> Option<Vec<Expr>> {
        let terms: Vec<_> = items.iter().map(|item| self.expr(item, stand)).collect();
        terms.into_iter().collect()
    }

    fn row(&self, field: &Field<'_>, stand: &Stand<'_>) -> Option<Expr> {
        let column = field.text()?;
        let columns = match stand {
            Stand::Row(schedule) => self.vocabulary.schedules.get(schedule),
            Stand::Continuous | Stand::Terminal => None,
        };
        let Some(columns) = columns else {
            let en = "[\"row\", …] has no meaning here: it belongs to the row of a schedule.";
            field.error("E-PROG-ROW", en, "[\"row\", …] 只能用于日程行内的规则。");
            return None;
        };
        if columns.contains(column) {
            return Some(Expr::Row(column.to_owned()));
        }
        let names: Vec<&str> = columns.iter().copied().collect();
        self.unknown(field, "E-PROG-COLUMN", "column", "列", column, &names);
        None
    }

    fn cond(&self, field: &Field<'_>, stand: &Stand<'_>) -> Option<Cond> {
        if let Value::Text(_) = field.node().value {
            let name = self.var(field)?;
            let flag = self
                .vars
                .iter()
                .any(|v| v.name == name && v.kind == VarKind::Flag);
            if !flag {
                let en = format!("{name:?} is no flag; compare it with a number.");
                field.error(
                    "E-PROG-COND",
                    en,
                    format!("{name:?} 不是 flag，请与数值比较。"),
                );
                return None;
            }
            return Some(Cond::Flag(name));
        }
        let items = field.list()?;
        let head = items
            .first()
            .and_then(|head| head.node().scalar())
            .unwrap_or_default();
        let rest = items.get(1..).unwrap_or_default();
        let comparison = comparison(head);
        match (head, rest) {
            (_, [left, right]) if comparison.is_some() => {
                let (left, right) = (self.expr(left, stand), self.expr(right, stand));
                Some(Cond::Compare(
                    comparison?,
                    Box::new(left?),
                    Box::new(right?),
                ))
            }
            ("and", [_, ..]) => self.conds(rest, stand).map(Cond::And),
            ("or", [_, ..]) => self.conds(rest, stand).map(Cond::Or),
            ("not", [inner]) => Some(Cond::Not(Box::new(self.cond(inner, stand)?))),
            _ => {
                let en = "This is no condition. Write [\">=\" | \">\" | \"<=\" | \"<\", number, number], [\"and\" | \"or\", …], [\"not\", …] or the name of a flag.";
                field.error("E-PROG-COND", en, "不是合法条件：应为 [\">=\"|\">\"|\"<=\"|\"<\", 数值, 数值]、[\"and\"|\"or\", …]、[\"not\", …] 或 flag 名。");
                None
            }
        }
    }

    fn conds(&self, items: &[Field<'_>], stand: &Stand<'_>) -> Option<Vec<Cond>> {
        let conds: Vec<_> = items.iter().map(|item| self.cond(item, stand)).collect();
        conds.into_iter().collect()
    }
}

/// `["*", "N", "14.7%"]` would multiply by a price: refused.
fn no_level_product(field: &Field<'_>) -> Option<()> {
    let text = field.node().scalar().unwrap_or_default();
    let Some(fraction) = value::percentage(text) else {
        return Some(());
    };
    let en = format!(
        "{text:?} is a price level (of the initial fixing) in a program and is not multiplied or divided. Write the fraction {fraction}."
    );
    field.error(
        "E-PROG-LEVEL",
        en,
        format!("程序中 {text:?} 表示价格水平，不能直接乘除；请写成小数 {fraction}。"),
    );
    None
}

fn default_leg(stand: &Stand<'_>) -> &'static str {
    match stand {
        Stand::Terminal => "redemption",
        Stand::Row(_) | Stand::Continuous => "payment",
    }
}

fn comparison(word: &str) -> Option<Comparison> {
    Some(match word {
        ">=" => Comparison::AtLeast,
        ">" => Comparison::Above,
        "<=" => Comparison::AtMost,
        "<" => Comparison::Below,
        _ => return None,
    })
}

/// The sign of a comparison.
#[must_use]
pub fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::AtLeast => ">=",
        Comparison::Above => ">",
        Comparison::AtMost => "<=",
        Comparison::Below => "<",
    }
}

/// Writes a program as it is read.
#[must_use]
pub fn write(program: &Program) -> Node {
    let vars = program.vars.iter().map(|var| {
        let kind = match var.kind {
            VarKind::Flag => "flag",
            VarKind::Count { .. } => "count",
            VarKind::Sum => "sum",
        };
        let mut pairs = vec![("name", Node::text(&*var.name)), ("kind", Node::text(kind))];
        pairs.push(("init", number(var.init)));
        if let VarKind::Count { max } = var.kind {
            pairs.push(("max", number(Decimal::from(max))));
        }
        Node::map(pairs)
    });
    let rules = program.rules.iter().map(|rule| {
        let mut pairs = vec![
            ("on", on(&rule.on)),
            ("phase", number(Decimal::from(rule.phase))),
        ];
        if let Some(condition) = &rule.condition {
            pairs.push(("if", write_cond(condition)));
        }
        pairs.push(("do", Node::list(rule.actions.iter().map(action))));
        Node::map(pairs)
    });
    let mut pairs = vec![
        ("vars", Node::list(vars)),
        ("rules", Node::list(rules)),
        ("terminal", Node::list(program.terminal.iter().map(action))),
    ];
    if let Some(exercise) = &program.exercise {
        let payoff = write_expr(&exercise.payoff);
        pairs.push((
            "exercise",
            Node::map([("on", on(&exercise.on)), ("payoff", payoff)]),
        ));
    }
    Node::map(pairs)
}

fn on(on: &On) -> Node {
    Node::text(match on {
        On::Schedule(name) => name,
        On::Continuous => "continuous",
    })
}

fn number(value: Decimal) -> Node {
    Value::Number(value.normalize().to_string()).into()
}

fn action(action: &Action) -> Node {
    match action {
        Action::Stop => Node::list([Node::text("stop")]),
        Action::Set { var, value } => {
            Node::list([Node::text("set"), Node::text(var), write_expr(value)])
        }
        Action::Pay { amount, at, leg } => {
            let at = match at {
                PayAt::Observation => "obs".to_owned(),
                PayAt::End => "end".to_owned(),
                PayAt::Date(date) => date.to_string(),
            };
            let (at, leg) = (Node::text(at), Node::text(leg));
            Node::list([Node::text("pay"), write_expr(amount), at, leg])
        }
    }
}

/// Writes an expression as it is read.
#[must_use]
pub fn write_expr(expr: &Expr) -> Node {
    let call = |head: &str, terms: &[Expr]| {
        Node::list(std::iter::once(Node::text(head)).chain(terms.iter().map(write_expr)))
    };
    match expr {
        Expr::Const(value) => number(*value),
        Expr::Level(fraction) => {
            let percent = (*fraction * Decimal::ONE_HUNDRED).normalize();
            Node::text(format!("{percent}%"))
        }
        Expr::Notional => Node::text("N"),
        Expr::Spot => Node::text("S"),
        Expr::SpotOf(code) => Node::text(format!("S:{code}")),
        Expr::Initial => Node::text("S0"),
        Expr::InitialOf(code) => Node::text(format!("S0:{code}")),
        Expr::Worst => Node::text("worst"),
        Expr::Best => Node::text("best"),
        Expr::Basket => Node::text("basket"),
        Expr::Var(name) => Node::text(name),
        Expr::Time => Node::text("t"),
        Expr::TimeStep => Node::text("dt"),
        Expr::RowNumber => Node::text("k"),
        Expr::RowsLeft => Node::text("left"),
        Expr::Row(column) => Node::list([Node::text("row"), Node::text(column)]),
        Expr::Add(terms) => call("+", terms),
        Expr::Sub(terms) => call("-", terms),
        Expr::Mul(terms) => call("*", terms),
        Expr::Div(terms) => call("/", terms),
        Expr::Min(terms) => call("min", terms),
        Expr::Max(terms) => call("max", terms),
        Expr::If(cond, yes, no) => Node::list([
            Node::text("if"),
            write_cond(cond),
            write_expr(yes),
            write_expr(no),
        ]),
    }
}

/// Writes a condition as it is read.
#[must_use]
pub fn write_cond(cond: &Cond) -> Node {
    let call = |head: &str, terms: &[Cond]| {
        Node::list(std::iter::once(Node::text(head)).chain(terms.iter().map(write_cond)))
    };
    match cond {
        Cond::Compare(comparison, left, right) => Node::list([
            Node::text(sign(*comparison)),
            write_expr(left),
            write_expr(right),
        ]),
        Cond::And(terms) => call("and", terms),
        Cond::Or(terms) => call("or", terms),
        Cond::Not(inner) => Node::list([Node::text("not"), write_cond(inner)]),
        Cond::Flag(name) => Node::text(name),
    }
}

/// Reads a program that stands alone: for tests and tools.
pub fn read_node(node: &Node, vocabulary: &Vocabulary<'_>, sink: &Sink) -> Option<Program> {
    Fields::new(node, "", sink)?;
    read(&Field::new(node, "", sink), vocabulary)
}
