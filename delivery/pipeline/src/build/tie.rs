//! Ties `needs` to jobs of the plan.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::instances::matrix_name;
use crate::config::model::{NeedSpec, combinations};
use crate::diagnostic::Sink;
use crate::plan::{Need, PlannedJob};
use crate::yaml::Mark;

/// Most pairs of a job and one it needs, after `parallel` multiplied both.
const MAX_TIES: usize = 200_000;

/// Most names shown in one message.
const MAX_SHOWN: usize = 20;

/// Ties `needs` to jobs of the plan.
pub(super) struct Ties<'a> {
    jobs: &'a [PlannedJob],
    by_name: HashMap<&'a str, usize>,
    by_base: HashMap<&'a str, Vec<usize>>,
    tied: Vec<Option<Vec<usize>>>,
    /// The key `needs` of each job that needs any.
    keys: Vec<Option<Mark>>,
    total: usize,
}

impl<'a> Ties<'a> {
    /// Knows the jobs by name; two of one name are an error.
    pub(super) fn new(jobs: &'a [PlannedJob], marks: &[Mark], sink: &mut Sink) -> Self {
        let mut by_name: HashMap<&str, usize> = HashMap::with_capacity(jobs.len());
        let mut by_base: HashMap<&str, Vec<usize>> = HashMap::with_capacity(jobs.len());
        for (at, job) in jobs.iter().enumerate() {
            if let Some(first) = by_name.insert(&job.name, at) {
                let message = format!("two jobs are called `{}` after `parallel`", job.name);
                let other = sink.position(marks[first]).line;
                let fix = format!("rename one of them; the other is on line {other}");
                sink.error_fix(marks[at], "duplicate_job", message, fix);
            }
            by_base.entry(&job.base_name).or_default().push(at);
        }
        let tied = Vec::with_capacity(jobs.len());
        Self {
            jobs,
            by_name,
            by_base,
            tied,
            keys: Vec::with_capacity(jobs.len()),
            total: 0,
        }
    }

    /// Names of jobs in the plan; those that are not in it are left out.
    pub(super) fn names(&self, names: &[String]) -> Vec<String> {
        let mut out = Vec::with_capacity(names.len());
        for name in names {
            if let Some(members) = self.by_base.get(name.as_str()) {
                out.extend(members.iter().map(|at| self.jobs[*at].name.clone()));
            } else if self.by_name.contains_key(name.as_str()) {
                out.push(name.clone());
            }
        }
        out
    }

    /// The needs of the next job; to be called for each job in order.
    pub(super) fn needs(
        &mut self,
        wanted: Option<&[NeedSpec]>,
        sink: &mut Sink,
    ) -> Option<Vec<Need>> {
        self.keys
            .push(wanted.and_then(|needs| Some(needs.first()?.key)));
        let Some(wanted) = wanted else {
            self.tied.push(None);
            return None;
        };
        let mut out: Vec<Need> = Vec::with_capacity(wanted.len());
        let mut places: HashMap<usize, &NeedSpec> = HashMap::with_capacity(wanted.len());
        let mut indices = Vec::with_capacity(wanted.len());
        for need in wanted {
            let members = self.members(need);
            if members.is_empty() && !need.optional {
                let job = &self.jobs[self.tied.len()].base_name;
                if let Some(found) = self.other_members(need) {
                    let message = format!(
                        "job `{job}` needs {}, which is not in this pipeline",
                        wanted_members(need)
                    );
                    sink.error_fix(need.mark, "need_not_in_pipeline", message, found);
                    continue;
                }
                let message = format!(
                    "job `{job}` needs `{}`, which is not in this pipeline",
                    need.job
                );
                let fix = "give both the same rules, or write `optional: true`";
                sink.error_fix(need.mark, "need_not_in_pipeline", message, fix);
            }
            self.total += members.len();
            if self.total > MAX_TIES {
                let message =
                    format!("the jobs of this pipeline have more than {MAX_TIES} needs in all");
                let fix = "let stages order the jobs, or make fewer of them parallel";
                sink.error_fix(need.mark, "too_many_needs", message, fix);
                break;
            }
            for member in members {
                match places.entry(member) {
                    Entry::Occupied(first) => self.twice(first.get(), need, member, sink),
                    Entry::Vacant(place) => {
                        place.insert(need);
                        indices.push(member);
                        let job = self.jobs[member].name.clone();
                        out.push(Need {
                            job,
                            artifacts: need.artifacts,
                        });
                    }
                }
            }
        }
        self.tied.push(Some(indices));
        Some(out)
    }

    /// Refuses a job that is needed whole and as one of its members, or by two matrices; the same
    /// need written twice was refused with the definitions.
    fn twice(&self, first: &NeedSpec, need: &NeedSpec, member: usize, sink: &mut Sink) {
        if first.job == need.job && first.matrix == need.matrix && first.mark != need.mark {
            return;
        }
        let job = &self.jobs[self.tied.len()].base_name;
        let message = format!("job `{job}` needs `{}` twice", self.jobs[member].name);
        sink.error_fix(need.mark, "need_twice", message, "remove one of the two");
    }

    /// Reports circles, each at the `needs` of the first of its jobs.
    pub(super) fn check(&self, sink: &mut Sink) {
        for circle in circles(&self.tied) {
            let Some(first) = circle.first() else {
                continue;
            };
            let mark = self.keys[*first].unwrap_or_default();
            let round = circle.iter().chain([first]);
            let names: Vec<&str> = round.map(|job| self.jobs[*job].name.as_str()).collect();
            let message = format!("`needs` goes in a circle: {}", names.join(" -> "));
            sink.error_fix(mark, "needs_cycle", message, "remove one of these needs");
        }
    }

    /// What there is of a job of whose matrix nothing was found, in words. `None`: no such job.
    fn other_members(&self, need: &NeedSpec) -> Option<String> {
        need.matrix.as_ref()?;
        let members = self.by_base.get(need.job.as_str())?;
        let jobs: Vec<&PlannedJob> = members.iter().map(|at| &self.jobs[*at]).collect();
        if jobs.iter().all(|job| job.name == job.base_name) {
            return Some(format!(
                "`{}` has no `parallel: matrix`; need it by its name alone",
                need.job
            ));
        }
        let shown = jobs
            .iter()
            .take(MAX_SHOWN)
            .map(|job| format!("`{}`", job.name));
        let mut shown: Vec<String> = shown.collect();
        if jobs.len() > MAX_SHOWN {
            shown.push(format!("{} more", jobs.len() - MAX_SHOWN));
        }
        let shown = shown.join(", ");
        Some(format!(
            "there are {shown}; names and their order must be as `matrix` has them"
        ))
    }

    fn members(&self, need: &NeedSpec) -> Vec<usize> {
        if let Some(matrix) = &need.matrix {
            return matrix
                .iter()
                .flat_map(combinations)
                .filter_map(|values| {
                    let values = values.iter().map(|(_, value)| value.as_str());
                    self.by_name
                        .get(matrix_name(&need.job, values).as_str())
                        .copied()
                })
                .collect();
        }
        if let Some(members) = self.by_base.get(need.job.as_str()) {
            return members.clone();
        }
        self.by_name
            .get(need.job.as_str())
            .map(|at| vec![*at])
            .unwrap_or_default()
    }
}

/// The names a need with a matrix asks for.
fn wanted_members(need: &NeedSpec) -> String {
    let all: Vec<String> = need
        .matrix
        .iter()
        .flatten()
        .flat_map(combinations)
        .take(MAX_SHOWN)
        .map(|values| {
            let values = values.iter().map(|(_, value)| value.as_str());
            format!("`{}`", matrix_name(&need.job, values))
        })
        .collect();
    all.join(", ")
}

/// Circles of needs, each from its first job on (walks without recursion: chains may be long).
fn circles(tied: &[Option<Vec<usize>>]) -> Vec<Vec<usize>> {
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut found = Vec::new();
    let mut state = vec![NEW; tied.len()];
    for start in 0..tied.len() {
        if state[start] != NEW {
            continue;
        }
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        state[start] = OPEN;
        while let Some((at, next)) = path.last_mut() {
            let at = *at;
            let Some(target) = tied[at]
                .as_ref()
                .and_then(|needs| needs.get(*next))
                .copied()
            else {
                state[at] = DONE;
                path.pop();
                continue;
            };
            *next += 1;
            match state[target] {
                NEW => {
                    state[target] = OPEN;
                    path.push((target, 0));
                }
                OPEN => {
                    let from = path.iter().position(|(job, _)| *job == target).unwrap_or(0);
                    let mut circle: Vec<usize> = path[from..].iter().map(|(job, _)| *job).collect();
                    let first = circle.iter().zip(0..).min().map_or(0, |(_, at)| at);
                    circle.rotate_left(first);
                    found.push(circle);
                }
                _ => {}
            }
        }
    }
    found
}
