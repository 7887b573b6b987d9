//! From term sheet to plan.

pub use crate::compiled::{Compiled, PendingFlow};
pub use crate::standing_in::compile_standing_in;
use std::collections::BTreeMap;

use rialto_otc_time::{
    Calendars, Clocks, Date, Exchange, NumericRows, PaymentRule, Roll, Rows, ScheduleContext,
};
use rust_decimal::Decimal;

use crate::document::{Node, Value};
use crate::envelope::{Initial, Size, When};
use crate::finding::{Findings, Place, Sink};
use crate::lower::{self, Input};
use crate::plan::{Moment, Plan, Underlying};
use crate::program::Program;
use crate::reader::{Field, join};
use crate::remaining::misfit;
use crate::schedule::{Known, Resolver, Term, find, read_spec, years};
use crate::sheet::{Product, TermSheet};
use crate::templates::{self, Built, Context, NamedSchedule};
use crate::trouble;

/// Official fixings that are known: initial fixings by code.
pub type Initials = BTreeMap<String, Decimal>;

/// Compiles a sheet whose initial fixings it holds itself.
///
/// # Errors
/// All findings at once.
pub fn compile(sheet: &TermSheet, calendars: &Calendars) -> Result<Plan<Decimal>, Findings> {
    Ok(compile_with(sheet, calendars, &Initials::new())?.plan)
}

/// Compiles a sheet; `initials` gives initial fixings that the sheet leaves to the market.
///
/// # Errors
/// All findings at once.
pub fn compile_with(
    sheet: &TermSheet,
    calendars: &Calendars,
    initials: &Initials,
) -> Result<Compiled, Findings> {
    let sink = Sink::default();
    let written;
    let root = match &sheet.source.0.value {
        Value::Map(_) => &sheet.source.0,
        _ => {
            written = sheet.to_node();
            &written
        }
    };
    let compiled = Compiler {
        sheet,
        root,
        calendars,
        initials,
        sink: &sink,
    }
    .run();
    let notices = sink.into_findings();
    match compiled {
        Some(compiled) if !notices.has_errors() => Ok(Compiled {
            notices,
            ..compiled
        }),
        _ => Err(notices),
    }
}

struct Compiler<'a> {
    sheet: &'a TermSheet,
    root: &'a Node,
    calendars: &'a Calendars,
    initials: &'a Initials,
    sink: &'a Sink,
}

impl<'a> Compiler<'a> {
    fn run(&self) -> Option<Compiled> {
        crate::validate::envelope(self.sheet, self.calendars, self.sink);
        let underlyings = self.underlyings();
        let numeric = self.numeric();
        let exchange = if numeric {
            Some(Exchange::Xshg)
        } else {
            self.exchange()
        };
        let clocks = match (self.sheet.clocks, exchange) {
            (Some(clocks), _) => Some(clocks),
            // Times of a numeric contract are years on all clocks: there is nothing else to choose.
            (None, _) if numeric => Some(Clocks::TIMES),
            (None, exchange) => exchange.map(|exchange| self.standard_clocks(exchange)),
        };
        let (exchange, clocks) = (exchange?, clocks?);
        let payment = self.payment(numeric)?;
        let mut known = Known::new();
        let grid = self.grid(numeric, exchange, &mut known)?;
        let term = match numeric {
            true => self.numeric_term(exchange, grid.as_ref(), &mut known),
            false => self.dated_term(exchange),
        };
        let underlyings = underlyings?;
        let named = self
            .sheet
            .schedules
            .keys()
            .filter_map(|name| Some((name.as_str(), self.at(&join("/schedules", name))?)));
        let resolver = Resolver {
            calendars: self.calendars,
            clocks,
            exchange,
            roll: Roll::Following,
            term: term?,
            payment,
            accrue_to_payment: self.sheet.accrue_to_payment,
            named: named.collect(),
            grid,
            known,
        };
        let units: Vec<Option<Decimal>> = self
            .sheet
            .underlyings
            .iter()
            .map(|underlying| underlying.units)
            .collect();
        let context = Context {
            size: self.sheet.size,
            underlyings: &underlyings,
            units: &units,
            rounding: self.sheet.rounding,
            resolver: &resolver,
            sink: self.sink,
        };
        let built = self.built(&context)?;
        let notional = context.notional().or_else(|| self.oversized())?;
        let exchange = (!numeric).then_some(exchange);
        self.lowered(built, &resolver, &underlyings, notional, exchange)
    }

    /// The clocks of a dated contract that names none; a notice tells which.
    fn standard_clocks(&self, exchange: Exchange) -> Clocks {
        let clocks = Clocks::standard(exchange);
        let Clocks {
            variance,
            rate,
            coupon,
        } = &clocks;
        let written =
            format!("{{\"variance\":\"{variance}\",\"rate\":\"{rate}\",\"coupon\":\"{coupon}\"}}");
        let en = format!(
            "The sheet names no clocks; those that are usual on {} were taken: {written}. Other \
             clocks give another value: write \"clocks\" into the sheet.",
            exchange.code()
        );
        let zh = format!(
            "条款未写明时钟，已按 {} 的惯例采用 {written}。时钟不同，估值不同，请在条款中写明 clocks。",
            exchange.code()
        );
        let place = Place {
            pointer: "/clocks".to_owned(),
            ..Place::default()
        };
        self.sink.notice("N-TERM-CLOCKS", &place, en, zh);
        clocks
    }

    fn oversized(&self) -> Option<Decimal> {
        let en = "Quantity times initial fixing is too large.";
        self.error("E-TERM-SIZE", "/quantity", en, "数量与初始价之积过大。");
        None
    }

    /// The field a pointer leads to in the sheet as written.
    fn at(&self, pointer: &str) -> Option<Field<'a>> {
        find(self.root, pointer).map(|node| Field::new(node, pointer, self.sink))
    }

    fn error(
        &self,
        code: &'static str,
        pointer: &str,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) {
        let place = match self.at(pointer) {
            Some(field) => field.place(),
            None => Place {
                pointer: pointer.to_owned(),
                ..Place::default()
            },
        };
        self.sink.error(code, &place, en, zh);
    }

    fn numeric(&self) -> bool {
        let dates = &self.sheet.dates;
        !matches!(dates.start, Some(When::Date(_))) && !matches!(dates.end, Some(When::Date(_)))
    }

    fn underlying_pointer(&self, index: usize) -> String {
        match self.root.get("underlying") {
            Some(_) => "/underlying".to_owned(),
            None => format!("/underlyings/{index}"),
        }
    }

    fn underlyings(&self) -> Option<Vec<Underlying<Decimal>>> {
        let count = Decimal::from(self.sheet.underlyings.len().max(1));
        let each = self.sheet.underlyings.iter().enumerate();
        let read: Vec<Option<Underlying<Decimal>>> = each
            .map(|(index, written)| {
                let known = self.initials.get(&written.code).copied();
                let initial = match &written.initial {
                    Initial::Price(price) => Some(*price),
                    Initial::Fixing { value, .. } => value.or(known),
                };
                let Some(initial) = initial.filter(|price| *price > Decimal::ZERO) else {
                    let code = &written.code;
                    let en = format!("The initial fixing of {code} is not known yet. Give it as \"value\" beside the rule, or among the fixings.");
                    let pointer = self.underlying_pointer(index) + "/initial";
                    self.error("E-TERM-INITIAL", &pointer, en, format!("{code} 的初始价未知，请在规则旁给出 value，或提供定盘价。"));
                    return None;
                };
                let weight = written.weight.or_else(|| Decimal::ONE.checked_div(count))?;
                Some(Underlying { code: written.code.clone(), weight, initial })
            })
            .collect();
        read.into_iter().collect()
    }

    fn exchange(&self) -> Option<Exchange> {
        let mut first = None;
        for (index, underlying) in self.sheet.underlyings.iter().enumerate() {
            let code = &underlying.code;
            match code
                .split_once(':')
                .and_then(|(prefix, _)| prefix.parse::<Exchange>().ok())
            {
                Some(exchange) => first = first.or(Some(exchange)),
                None => {
                    let en = format!(
                        "{code:?} names no known exchange. Write exchange and code, like \"XSHG:000905\"."
                    );
                    let pointer = self.underlying_pointer(index) + "/code";
                    self.error(
                        "E-TERM-UNDERLYING",
                        &pointer,
                        en,
                        format!("{code:?} 的交易所无法识别，请写成 \"XSHG:000905\"。"),
                    );
                    return None;
                }
            }
        }
        first
    }

    fn payment(&self, numeric: bool) -> Option<Option<PaymentRule>> {
        match (numeric, self.sheet.payment) {
            (false, rule) => Some(Some(rule.unwrap_or_default())),
            (true, None) => Some(None),
            (true, Some(rule)) if rule.lag == 0 => Some(None),
            (true, Some(_)) => {
                let en = "A numeric contract pays at once; a lag in business days needs dates.";
                self.error(
                    "E-TERM-PAYMENT",
                    "/payment/lag",
                    en,
                    "数值合约即时支付，付款间隔天数须用日期合约。",
                );
                None
            }
        }
    }

    fn dated_term(&self, exchange: Exchange) -> Option<Term> {
        let (Some(When::Date(start)), Some(When::Date(end))) =
            (self.sheet.dates.start, self.sheet.dates.end)
        else {
            let en = "A contract on dates needs \"start\" and \"end\".";
            self.error("E-TERM-DATES", "/dates", en, "日期合约须有 start 与 end。");
            return None;
        };
        let last = match self.calendars.get(exchange).roll(end, Roll::Following) {
            Ok(last) => last,
            Err(error) => {
                let en = format!("The calendars do not reach the end: {error}.");
                self.error(
                    "E-CAL-COVERAGE",
                    "/dates/end",
                    en,
                    "日历未覆盖到期日，请缩短期限或载入更新的日历。",
                );
                return None;
            }
        };
        if let (true, Some(field)) = (last != end, self.at("/dates/end")) {
            let en =
                format!("The end {end} is no session of {exchange}; the contract ends on {last}.");
            let zh = format!("到期日 {end} 非 {exchange} 交易日，顺延至 {last}。");
            self.sink.notice("N-TERM-END", &field.place(), en, zh);
        }
        Some(Term::Dated { start, end, last })
    }

    fn numeric_context<'c>(
        &'c self,
        exchange: Exchange,
        grid: Option<&'c NumericRows>,
    ) -> ScheduleContext<'c> {
        ScheduleContext {
            pointer: "",
            start: None,
            end: None,
            calendar: exchange,
            roll: Roll::None,
            calendars: self.calendars,
            grid,
            end_time: None,
        }
    }

    /// The grid of a numeric contract; `None` after a finding, `Some(None)` when it has none.
    fn grid(
        &self,
        numeric: bool,
        exchange: Exchange,
        known: &mut Known<'a>,
    ) -> Option<Option<NumericRows>> {
        let Some(field) = self.at("/schedules/grid").filter(|_| numeric) else {
            return Some(None);
        };
        let spec = read_spec(&field)?;
        let mut context = self.numeric_context(exchange, None);
        context.pointer = "/schedules/grid";
        let expanded = spec.expand(&context);
        known.extend(find(self.root, "/schedules/grid").map(|node| (node, spec)));
        match expanded {
            Ok(expansion) => match expansion.rows {
                Rows::Numeric(rows) => Some(Some(rows)),
                Rows::Dated(_) => {
                    field.error(
                        "E-SCHED-GRID",
                        "The grid is given in years.",
                        "grid 须以年为单位。",
                    );
                    None
                }
            },
            Err(findings) => {
                crate::schedule::adopt(&findings.0, &field);
                None
            }
        }
    }

    fn numeric_term(
        &self,
        exchange: Exchange,
        grid: Option<&NumericRows>,
        known: &mut Known<'a>,
    ) -> Option<Term> {
        let mut latest: Option<Moment> = None;
        let mut each = |rows: &NumericRows| {
            let last = rows
                .variance
                .last()
                .zip(rows.rate.last())
                .zip(rows.coupon.last());
            let Some(((variance, rate), coupon)) = last else {
                return;
            };
            let at = Moment {
                date: None,
                variance: *variance,
                rate: *rate,
                coupon: *coupon,
            };
            if latest.is_none_or(|latest| at.rate > latest.rate) {
                latest = Some(at);
            }
        };
        if let Some(grid) = grid {
            each(grid);
        }
        let quiet = Sink::default();
        for root in ["/schedules", "/terms"] {
            let Some(node) = find(self.root, root) else {
                continue;
            };
            for node in time_schedules(node) {
                // The grid was read already.
                if known.iter().any(|(known, _)| std::ptr::eq(*known, node)) {
                    continue;
                }
                // Schedules that do not read or expand are told where they are resolved.
                let Some(spec) = read_spec(&Field::new(node, "", &quiet)) else {
                    continue;
                };
                let rows = spec.expand(&self.numeric_context(exchange, grid));
                if let Ok(Rows::Numeric(rows)) = rows.map(|expansion| expansion.rows) {
                    each(&rows);
                }
                known.push((node, spec));
            }
        }
        let end = match self.sheet.dates.end {
            Some(When::Years(end)) => {
                let end = crate::number::binary(end);
                let same = latest.filter(|at| (at.rate - end).abs() <= 1e-10);
                Some(same.unwrap_or_else(|| years(end)))
            }
            _ => latest,
        };
        if end.is_none() {
            let en = "The contract has no end: give \"start\" and \"end\" as dates, or an end in years, or a schedule with times.";
            self.error(
                "E-TERM-DATES",
                "/dates",
                en,
                "合约没有到期：请给出起止日期，或以年数给出 end，或给出含 times 的日程。",
            );
        }
        end.map(|end| Term::Numeric { end })
    }

    fn built(&self, context: &Context<'_>) -> Option<Built> {
        match &self.sheet.product {
            Product::Template { name, preset, .. } => {
                let terms = self.at("/terms")?;
                templates::build(name, preset.as_deref(), &terms, context)
            }
            Product::Program(program) => {
                let schedules: Vec<_> = self
                    .sheet
                    .schedules
                    .keys()
                    .filter(|name| name.as_str() != "grid")
                    .map(|name| self.named_schedule(name, context))
                    .collect();
                let schedules = schedules.into_iter().collect::<Option<_>>()?;
                Some(Built {
                    program: program.clone(),
                    schedules,
                    shape: None,
                })
            }
        }
    }

    fn named_schedule(&self, name: &str, context: &Context<'_>) -> Option<NamedSchedule> {
        let field = self.at(&join("/schedules", name))?;
        let mut schedule = context.schedule(name, &field)?;
        let Some(columns) = self.at(&(join("/schedules", name) + "/columns")) else {
            return Some(schedule);
        };
        for (column, field) in columns.entries()? {
            let rows = schedule.len();
            let values = match field.node().get("levels").or(field.node().get("ratios")) {
                None => field.decimals(rows)?,
                Some(_) => {
                    let mut fields = field.fields()?;
                    let (levels, ratios) = (fields.optional("levels"), fields.optional("ratios"));
                    fields.finish();
                    match (levels, ratios) {
                        (Some(levels), _) => context.levels(&levels, rows, 0)?,
                        (None, Some(ratios)) => ratios.ratios(rows)?,
                        (None, None) => return None,
                    }
                }
            };
            schedule = schedule.with_column(column, values);
        }
        Some(schedule)
    }

    fn lowered(
        &self,
        built: Built,
        resolver: &Resolver<'_>,
        underlyings: &[Underlying<Decimal>],
        notional: Decimal,
        exchange: Option<Exchange>,
    ) -> Option<Compiled> {
        let Built {
            program,
            schedules,
            shape,
        } = built;
        let nowhere = Node::from(Value::Null);
        let ends = self.at("/dates/end");
        let ends = ends.unwrap_or_else(|| Field::new(&nowhere, "/dates/end", self.sink));
        let end = resolver.end_row(&ends)?;
        let quiet = Sink::default();
        let start = match resolver.term {
            Term::Dated { start, .. } => Moment {
                date: Some(start),
                ..years(0.0)
            },
            Term::Numeric { .. } => years(0.0),
        };
        let moment = |date: Date| {
            let Term::Dated { start, .. } = resolver.term else {
                return None;
            };
            resolver.moment(start, date, date, &Field::new(&nowhere, "", &quiet))
        };
        let input = Input {
            program: &program,
            schedules: &schedules,
            underlyings,
            notional,
            currency: &self.sheet.currency,
            level_decimals: self.sheet.rounding.level,
            start,
            end,
            moment: &moment,
            shape,
        };
        let (plan, origins) = match lower::lower(&input) {
            Ok(lowered) => lowered,
            Err(troubles) => {
                for found in troubles {
                    let product = &self.sheet.product;
                    let at = trouble::pointer(&found, product, &program, &schedules);
                    let (code, en, zh) = trouble::text(&found.kind);
                    self.error(code, &at, en, zh);
                }
                return None;
            }
        };
        self.check_state(&program);
        Some(Compiled {
            plan,
            rounding: self.sheet.rounding,
            clocks: resolver.clocks,
            term: resolver.term,
            exchange,
            payment: resolver.payment,
            end,
            state: self.sheet.state.clone(),
            pending: Vec::new(),
            notices: Findings::default(),
            origins,
            program,
            schedules,
        })
    }

    fn check_state(&self, program: &Program) {
        let Some(state) = &self.sheet.state else {
            return;
        };
        for (name, value) in &state.values {
            let known = program.vars.iter().find(|var| var.name == *name);
            let misfit = known.and_then(|var| misfit(name, var.kind, *value));
            if let Some((en, zh)) = misfit {
                self.error("E-STATE-VALUE", &join("/state", name), en, zh);
            }
            if known.is_none() {
                let names: Vec<&str> = program.vars.iter().map(|var| var.name.as_str()).collect();
                let known = if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                };
                let en = format!("The contract remembers no {name:?}. Known: {known}.");
                let zh = format!("合约没有状态变量 {name:?}。可用：{known}。");
                self.error("E-STATE-UNKNOWN", &join("/state", name), en, zh);
            }
        }
    }
}

/// Every schedule in years within a part of a sheet.
fn time_schedules(node: &Node) -> Vec<&Node> {
    let mut found = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        match &node.value {
            Value::Map(pairs) => {
                let keys = ["times", "n", "rows", "variance"];
                if keys.iter().any(|key| node.get(key).is_some()) {
                    found.push(node);
                }
                open.extend(pairs.iter().map(|(_, node)| node));
            }
            Value::List(items) => open.extend(items),
            _ => {}
        }
    }
    found
}

/// The notional a size stands for, for callers without a context.
#[must_use]
pub fn notional(size: Size, initial: Decimal) -> Option<Decimal> {
    match size {
        Size::Notional(notional) => Some(notional),
        Size::Quantity(quantity) => quantity.checked_mul(initial),
    }
}
