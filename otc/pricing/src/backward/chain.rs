//! Which value functions are carried, and what each date does to them.
//!
//! When every state leads only to itself or to one other (not knocked in → knocked in), the others
//! are priced as differences `D_s = V_s − V_next(s)`: both obey the same knock-outs and coupons, so
//! the difference is zero wherever a date makes the two equal, and the absorbing state needs only
//! the few dates that matter to it.

use std::rc::Rc;

use rialto_otc_contract::plan::{Action, Cond, Expr, Plan};

use super::dates::{Cell, Dates, Outcome};

/// Value functions solved together on one grid.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    /// Dates that do something, by index into the plan's instants.
    pub(crate) active: Vec<usize>,
    /// For each active date, for each layer, what it does by log-spot. Neighbouring dates with
    /// equal rules share.
    pub(crate) pieces: Vec<Rc<Vec<Vec<Piece<'a>>>>>,
    /// Layers whose sum is the value now.
    pub(crate) wanted: Vec<usize>,
}

/// What a date does to one layer in a range of log-spots.
#[derive(Debug, Clone)]
pub(crate) struct Piece<'a> {
    /// Range of the log-spot.
    pub(crate) lo: f64,
    /// Its end.
    pub(crate) hi: f64,
    /// Layer that goes on, if any.
    pub(crate) from: Option<usize>,
    /// Outcome whose payments and updates count.
    pub(crate) plus: Option<&'a Outcome>,
    /// Outcome whose payments are taken off.
    pub(crate) minus: Option<&'a Outcome>,
}

impl Piece<'_> {
    fn is_idle(&self, layer: usize) -> bool {
        self.from == Some(layer) && self.plus.is_none() && self.minus.is_none()
    }
}

/// The chains whose wanted layers add up to the value: one, or the absorbing state and the
/// differences that lead to it.
pub(crate) fn chains<'a>(plan: &Plan<f64>, dates: &'a Dates) -> Vec<Chain<'a>> {
    differences(plan, dates).unwrap_or_else(|| vec![values(dates, &reachable(dates))])
}

/// Every state as a layer of its own, whatever could be saved.
#[cfg(test)]
pub(crate) fn values_for_tests(dates: &Dates) -> Chain<'_> {
    values(dates, &reachable(dates))
}

/// States met from the first one on.
fn reachable(dates: &Dates) -> Vec<usize> {
    let mut met = vec![0];
    let mut next = 0;
    while next < met.len() {
        for row in &dates.table {
            for cell in &row[met[next]] {
                if let Some(state) = cell.outcome.next
                    && !met.contains(&state)
                {
                    met.push(state);
                }
            }
        }
        next += 1;
    }
    met
}

/// Every state as a layer of its own.
fn values<'a>(dates: &'a Dates, states: &[usize]) -> Chain<'a> {
    let layer = |state: usize| states.iter().position(|known| *known == state);
    let mut chain = Chain {
        active: Vec::new(),
        pieces: Vec::new(),
        wanted: vec![0],
    };
    for (instant, row) in dates.table.iter().enumerate() {
        if chain.repeat(dates, instant) {
            continue;
        }
        let layers: Vec<Vec<Piece<'a>>> = states
            .iter()
            .map(|state| {
                row[*state]
                    .iter()
                    .map(|cell| Piece {
                        lo: cell.lo.ln(),
                        hi: cell.hi.ln(),
                        from: cell.outcome.next.and_then(layer),
                        plus: (!cell.outcome.actions.is_empty()).then_some(&cell.outcome),
                        minus: None,
                    })
                    .collect()
            })
            .collect();
        chain.push(instant, layers);
    }
    chain
}

impl<'a> Chain<'a> {
    fn push(&mut self, instant: usize, layers: Vec<Vec<Piece<'a>>>) {
        let idle = layers
            .iter()
            .enumerate()
            .all(|(layer, pieces)| pieces.iter().all(|piece| piece.is_idle(layer)));
        if !idle {
            self.active.push(instant);
            self.pieces.push(Rc::new(layers));
        }
    }

    /// Whether the date has the rules of the one before, which was then taken over.
    fn repeat(&mut self, dates: &Dates, instant: usize) -> bool {
        let same = instant > 0 && Rc::ptr_eq(&dates.table[instant], &dates.table[instant - 1]);
        if same && self.active.last() == Some(&(instant - 1)) {
            let pieces = Rc::clone(&self.pieces[self.pieces.len() - 1]);
            self.active.push(instant);
            self.pieces.push(pieces);
        }
        // One that was idle is idle again.
        same
    }
}

/// The one other state each state may become; `None` when some state has several.
fn successors(dates: &Dates, states: &[usize]) -> Option<Vec<Option<usize>>> {
    let mut successors = vec![None; dates.states.len()];
    for state in states {
        for row in &dates.table {
            for cell in &row[*state] {
                match (cell.outcome.next, successors[*state]) {
                    (Some(next), None) if next != *state => successors[*state] = Some(next),
                    (Some(next), Some(known)) if next != *state && next != known => return None,
                    _ => {}
                }
            }
        }
    }
    Some(successors)
}

fn differences<'a>(plan: &Plan<f64>, dates: &'a Dates) -> Option<Vec<Chain<'a>>> {
    let states = reachable(dates);
    if states.len() < 2 {
        return None;
    }
    let successors = successors(dates, &states)?;
    // From the first state to the one that stays: every state met must lie on this way.
    let mut way = vec![0];
    while let Some(next) = successors[way[way.len() - 1]] {
        if way.contains(&next) {
            return None;
        }
        way.push(next);
    }
    if way.len() != states.len() {
        return None;
    }
    let root = way.pop()?;
    let mut chain = Chain {
        active: Vec::new(),
        pieces: Vec::new(),
        wanted: (0..way.len()).collect(),
    };
    let upper = |layer: usize| way.get(layer + 1).copied().unwrap_or(root);
    for (instant, row) in dates.table.iter().enumerate() {
        if chain.repeat(dates, instant) {
            continue;
        }
        let mut layers = Vec::new();
        for (layer, state) in way.iter().enumerate() {
            let pair = Pair {
                plan,
                dates,
                instant,
                way: &way,
                root,
            };
            layers.push(pair.pieces(&row[*state], &row[upper(layer)])?);
        }
        chain.push(instant, layers);
    }
    Some(vec![chain, values(dates, &[root])])
}

/// Two neighbouring states on one date.
struct Pair<'a, 'b> {
    plan: &'b Plan<f64>,
    dates: &'a Dates,
    instant: usize,
    way: &'b [usize],
    root: usize,
}

impl<'a> Pair<'a, '_> {
    fn pieces(&self, these: &'a [Cell], those: &'a [Cell]) -> Option<Vec<Piece<'a>>> {
        let mut pieces: Vec<Piece<'a>> = Vec::new();
        let (mut i, mut j) = (0, 0);
        while i < these.len() && j < those.len() {
            let (a, b) = (&these[i], &those[j]);
            let (lo, hi) = (a.lo.max(b.lo), a.hi.min(b.hi));
            if hi > lo {
                pieces.push(self.piece(lo, hi, &a.outcome, &b.outcome)?);
            }
            if a.hi <= hi {
                i += 1;
            }
            if b.hi <= hi {
                j += 1;
            }
        }
        Some(pieces)
    }

    fn piece(&self, lo: f64, hi: f64, a: &'a Outcome, b: &'a Outcome) -> Option<Piece<'a>> {
        if self.updates(a) != self.updates(b) {
            return None;
        }
        let from = match (a.next, b.next) {
            (None, None) => None,
            (Some(a), Some(b)) if a == b => None,
            (Some(a), Some(b)) => {
                let layer = self.way.iter().position(|state| *state == a)?;
                let next = self.way.get(layer + 1).copied().unwrap_or(self.root);
                (next == b).then_some(layer)?;
                Some(layer)
            }
            _ => return None,
        };
        let equal = self.same_payments(a, b);
        let updates = from.is_some() && !self.updates(a).is_empty();
        Some(Piece {
            lo: lo.ln(),
            hi: hi.ln(),
            from,
            plus: (!equal || updates).then_some(a),
            minus: (!equal || updates).then_some(b),
        })
    }

    /// Actions that change affine variables.
    fn updates(&self, outcome: &Outcome) -> Vec<(usize, usize)> {
        let rules = &self.plan.instants[self.instant].rules;
        outcome
            .actions
            .iter()
            .filter(|(rule, action, _)| {
                matches!(rules[*rule].actions[*action], Action::Set { var, .. }
                    if self.dates.affine[var].is_some())
            })
            .map(|(rule, action, _)| (*rule, *action))
            .collect()
    }

    fn same_payments(&self, a: &Outcome, b: &Outcome) -> bool {
        let rules = &self.plan.instants[self.instant].rules;
        a.actions.len() == b.actions.len()
            && a.actions.iter().zip(&b.actions).all(|(a, b)| {
                let plain = match &rules[a.0].actions[a.1] {
                    Action::Pay { amount, .. } => !remembers(amount, &self.dates.affine),
                    _ => true,
                };
                (a.0, a.1) == (b.0, b.1) && (plain || a.2 == b.2)
            })
    }
}

/// Whether an amount looks at a discrete variable.
fn remembers(expr: &Expr<f64>, affine: &[Option<usize>]) -> bool {
    let any = |terms: &[Expr<f64>]| terms.iter().any(|term| remembers(term, affine));
    match expr {
        Expr::Const(_) | Expr::Spot(_) | Expr::Worst | Expr::Best | Expr::Basket => false,
        Expr::Var(index) => affine[*index].is_none(),
        Expr::Add(terms)
        | Expr::Sub(terms)
        | Expr::Mul(terms)
        | Expr::Div(terms)
        | Expr::Min(terms)
        | Expr::Max(terms) => any(terms),
        Expr::If(condition, yes, no) => {
            condition_remembers(condition, affine)
                || remembers(yes, affine)
                || remembers(no, affine)
        }
    }
}

fn condition_remembers(condition: &Cond<f64>, affine: &[Option<usize>]) -> bool {
    match condition {
        Cond::Always(_) => false,
        Cond::Flag(_) => true,
        Cond::Compare(_, left, right) => remembers(left, affine) || remembers(right, affine),
        Cond::And(parts) | Cond::Or(parts) => {
            parts.iter().any(|part| condition_remembers(part, affine))
        }
        Cond::Not(part) => condition_remembers(part, affine),
    }
}
