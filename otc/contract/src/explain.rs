//! The compiled contract in words, English and Chinese: what is remembered, which rules run when,
//! and the rows of each schedule.

use std::fmt::Write as _;

use crate::classify::reason;
use crate::compile::Compiled;
use crate::formula::grouped;
use crate::names;
use crate::plan::Carry;
use crate::program::{Action, Cond, Expr, On, PayAt, Rule, VarKind};
use crate::schedule::Term;
use crate::syntax::sign;
use crate::templates::NamedSchedule;

/// Most rows of a schedule that are listed one by one.
const MAX_ROWS: usize = 60;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

struct Teller<'c> {
    contract: &'c Compiled,
    language: Language,
}

/// The contract in words: a text of lines, the same in both languages but for the language.
#[must_use]
pub fn explain(contract: &Compiled, language: Language) -> String {
    let teller = Teller { contract, language };
    let mut out = String::new();
    teller.head(&mut out);
    teller.memory(&mut out);
    teller.rules(&mut out);
    for schedule in &contract.schedules {
        teller.schedule(schedule, &mut out);
    }
    for notice in &contract.notices {
        let text = teller.pick(&notice.en, &notice.zh);
        line(
            &mut out,
            &format!("{} {}: {text}", notice.code, notice.pointer),
        );
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

impl Teller<'_> {
    fn pick<'t>(&self, en: &'t str, zh: &'t str) -> &'t str {
        match self.language {
            Language::En => en,
            Language::Zh => zh,
        }
    }

    fn head(&self, out: &mut String) {
        let Compiled { plan, clocks, .. } = self.contract;
        let notional = grouped(plan.notional);
        let currency = &plan.currency;
        line(
            out,
            &format!(
                "{}: N = {notional} {currency}",
                self.pick("Notional", "名义本金")
            ),
        );
        for underlying in &plan.underlyings {
            let (code, initial) = (&underlying.code, grouped(underlying.initial));
            let mut text = format!(
                "{}: {code}, S0 = {initial}",
                self.pick("Underlying", "标的")
            );
            if plan.underlyings.len() > 1 {
                let weight = underlying.weight.normalize();
                let _ = write!(text, ", {} {weight}", self.pick("weight", "权重"));
            }
            line(out, &text);
        }
        let (start, end) = match self.contract.term {
            Term::Dated { start, last, .. } => (start.to_string(), last.to_string()),
            Term::Numeric { end } => ("0".to_owned(), end.rate.to_string()),
        };
        line(
            out,
            &format!("{}: {start} → {end}", self.pick("Term", "期限")),
        );
        let names = self.pick(
            "Clocks (variance, rate, coupon)",
            "时钟（方差、利率、票息）",
        );
        let text = format!(
            "{names}: {}, {}, {}",
            clocks.variance, clocks.rate, clocks.coupon
        );
        line(out, &text);
    }

    fn memory(&self, out: &mut String) {
        for var in &self.contract.plan.vars {
            let kind = match var.kind {
                VarKind::Flag => self.pick("flag", "标志").to_owned(),
                VarKind::Count { max } => format!("{} 0–{max}", self.pick("count", "计数")),
                VarKind::Sum => self.pick("sum", "累计值").to_owned(),
            };
            let carry = match var.carry {
                Carry::Discrete => self.pick("one value function for each value", "逐值估值"),
                Carry::Affine => self.pick("carried linearly", "线性携带"),
                Carry::Path => self.pick("path dependent", "路径依赖"),
            };
            let why = match (self.language, reason(var)) {
                (Language::En, Some(reason)) => format!(": {reason}"),
                _ => String::new(),
            };
            let (remembers, now) = (self.pick("Remembers", "记录"), self.pick("now", "当前"));
            let value = var.value.normalize();
            line(
                out,
                &format!(
                    "{remembers} {} ({kind}, {now} {value}; {carry}{why})",
                    var.name
                ),
            );
        }
    }

    fn rules(&self, out: &mut String) {
        let program = &self.contract.program;
        let mut order: Vec<&Rule> = program.rules.iter().collect();
        order.sort_by_key(|rule| rule.phase);
        for rule in order {
            let place = match &rule.on {
                On::Continuous => self.pick("At every instant", "连续观察").to_owned(),
                On::Schedule(name) => self.place(name),
            };
            let mut text = format!("{place} [{}]", rule.phase);
            if let Some(cond) = &rule.condition {
                let _ = write!(text, " {} {}", self.pick("if", "若"), self.cond(cond));
            }
            let _ = write!(
                text,
                "{}{}",
                self.pick(": ", "："),
                self.actions(&rule.actions)
            );
            line(out, text.trim_end());
        }
        let end = self.pick("At the end, when still alive", "到期且存续");
        let actions = self.actions(&program.terminal);
        line(out, &format!("{end}{}{actions}", self.pick(": ", "：")));
        if let Some(exercise) = &program.exercise {
            let place = match &exercise.on {
                On::Continuous => self.pick("At any time", "任意时刻").to_owned(),
                On::Schedule(name) => self.place(name),
            };
            let payoff = self.expr(&exercise.payoff, 0);
            let right = self.pick("the holder may exercise and receives", "持有人可行权并收取");
            line(out, &format!("{place} {right} {payoff}"));
        }
    }

    fn place(&self, name: &str) -> String {
        let found = self
            .contract
            .schedules
            .iter()
            .find(|schedule| schedule.name == name);
        let count = found.map_or(0, NamedSchedule::len);
        match self.language {
            Language::En if count == 1 => format!("On {name} (1 date)"),
            Language::En => format!("On {name} ({count} dates)"),
            Language::Zh => format!("在 {name}（{count} 个观察日）"),
        }
    }

    fn actions(&self, actions: &[Action]) -> String {
        let told = actions.iter().map(|action| match action {
            Action::Stop => self.pick("the contract ends", "合约终止").to_owned(),
            Action::Set { var, value } => format!("{var} := {}", self.expr(value, 0)),
            Action::Pay { amount, at, leg } => {
                let at = match at {
                    PayAt::Observation => self
                        .pick("on the payment date of the observation", "于观察对应付款日")
                        .to_owned(),
                    PayAt::End => self
                        .pick("on the final payment date", "于到期付款日")
                        .to_owned(),
                    PayAt::Date(date) => format!("{} {date}", self.pick("on", "于")),
                };
                format!(
                    "{} {} = {} {at}",
                    self.pick("pay", "支付"),
                    self.pick(names::leg_en(leg), names::leg_zh(leg)),
                    self.expr(amount, 0)
                )
            }
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() {
            return self.pick("nothing is paid", "无支付").to_owned();
        }
        told.join(self.pick("; ", "；"))
    }

    /// An expression as it is written on paper; `least` is the binding that needs no brackets.
    fn expr(&self, expr: &Expr, least: u8) -> String {
        let join = |terms: &[Expr], sign: &str, own: u8| {
            let pieces: Vec<String> = terms
                .iter()
                .enumerate()
                .map(|(n, term)| self.expr(term, if n == 0 { own } else { own + 1 }))
                .collect();
            let text = pieces.join(sign);
            if own < least {
                format!("({text})")
            } else {
                text
            }
        };
        let call = |name: &str, terms: &[Expr]| {
            let pieces: Vec<String> = terms.iter().map(|term| self.expr(term, 0)).collect();
            format!("{name}({})", pieces.join(", "))
        };
        match expr {
            Expr::Const(value) => grouped(*value),
            Expr::Level(fraction) => crate::value::percent_text(*fraction) + " S0",
            Expr::Notional => "N".to_owned(),
            Expr::Spot => "S".to_owned(),
            Expr::SpotOf(code) => format!("S[{code}]"),
            Expr::Initial => "S0".to_owned(),
            Expr::InitialOf(code) => format!("S0[{code}]"),
            Expr::Worst => self.pick("worst performance", "最差表现").to_owned(),
            Expr::Best => self.pick("best performance", "最好表现").to_owned(),
            Expr::Basket => self.pick("basket performance", "篮子表现").to_owned(),
            Expr::Var(name) => name.clone(),
            Expr::Time => "t".to_owned(),
            Expr::TimeStep => "dt".to_owned(),
            Expr::RowNumber => "k".to_owned(),
            Expr::RowsLeft => self.pick("rows left", "剩余观察数").to_owned(),
            Expr::Row(column) => format!("{column}(k)"),
            Expr::Add(terms) => join(terms, " + ", 1),
            Expr::Sub(terms) if terms.len() == 1 => {
                format!(
                    "-{}",
                    terms
                        .first()
                        .map_or(String::new(), |term| self.expr(term, 3))
                )
            }
            Expr::Sub(terms) => join(terms, " - ", 1),
            Expr::Mul(terms) => join(terms, " × ", 2),
            Expr::Div(terms) => join(terms, " / ", 2),
            Expr::Min(terms) => call("min", terms),
            Expr::Max(terms) => call("max", terms),
            Expr::If(cond, yes, no) => {
                let (cond, yes, no) = (self.cond(cond), self.expr(yes, 0), self.expr(no, 0));
                match self.language {
                    Language::En => format!("({yes} if {cond}, else {no})"),
                    Language::Zh => format!("（若 {cond} 则 {yes}，否则 {no}）"),
                }
            }
        }
    }

    fn cond(&self, cond: &Cond) -> String {
        let join = |terms: &[Cond], word: &str| {
            let pieces: Vec<String> = terms
                .iter()
                .map(|term| match term {
                    Cond::And(_) | Cond::Or(_) => format!("({})", self.cond(term)),
                    _ => self.cond(term),
                })
                .collect();
            pieces.join(word)
        };
        match cond {
            Cond::Compare(comparison, left, right) => {
                let sign = match sign(*comparison) {
                    ">=" => "≥",
                    "<=" => "≤",
                    other => other,
                };
                format!("{} {sign} {}", self.expr(left, 0), self.expr(right, 0))
            }
            Cond::And(terms) => join(terms, self.pick(" and ", " 且 ")),
            Cond::Or(terms) => join(terms, self.pick(" or ", " 或 ")),
            Cond::Not(inner) => format!("{} ({})", self.pick("not", "非"), self.cond(inner)),
            Cond::Flag(name) => name.clone(),
        }
    }

    fn schedule(&self, schedule: &NamedSchedule, out: &mut String) {
        let columns: Vec<&str> = schedule.columns.keys().map(String::as_str).collect();
        let heads = [
            self.pick("row", "行"),
            self.pick("observed", "观察"),
            self.pick("paid", "付款"),
        ];
        let heads = heads
            .iter()
            .chain(&columns)
            .copied()
            .collect::<Vec<_>>()
            .join(" | ");
        line(out, &format!("{}: {heads}", schedule.name));
        let rows = schedule.rows.len();
        for (n, row) in schedule.rows.iter().enumerate() {
            // Long schedules without columns say everything with their first and last row.
            let shown = match columns.is_empty() {
                true => n == 0 || n + 1 == rows,
                false => n < MAX_ROWS || n + 1 == rows,
            };
            if !shown {
                continue;
            }
            let when = |at: &crate::plan::Moment| match at.date {
                Some(date) => date.to_string(),
                None => at.rate.to_string(),
            };
            let mut text = format!("{} | {}", n + 1, when(&row.at));
            if row.projected {
                text.push_str(self.pick(" (projected)", "（推算）"));
            }
            let _ = write!(text, " | {}", when(&row.pay));
            for column in schedule.columns.values() {
                let entry = column.get(n).map_or(String::new(), |value| grouped(*value));
                let _ = write!(text, " | {entry}");
            }
            line(out, &text);
        }
    }
}
