//! `$[[ matrix.NAME ]]` in `needs:parallel:matrix`: the value the needing job itself has.
//!
//! GitLab's CI/CD YAML reference, "Matrix expressions in `needs:parallel:matrix`".

use crate::config::model::NeedSpec;
use crate::diagnostic::Sink;

const OPEN: &str = "$[[";

/// Whether any of the needs asks for a value of the needing job's own matrix.
pub(super) fn any(needs: Option<&[NeedSpec]>) -> bool {
    let mut values = needs
        .into_iter()
        .flatten()
        .filter_map(|need| need.matrix.as_ref())
        .flatten()
        .flat_map(|matrix| matrix.values())
        .flatten();
    values.any(|value| value.contains(OPEN))
}

/// The needs of one member of `job`, its own matrix `values` put in.
pub(super) fn filled(
    mut needs: Vec<NeedSpec>,
    job: &str,
    values: &[(String, String)],
    sink: &mut Sink,
) -> Vec<NeedSpec> {
    for need in &mut needs {
        for value in need
            .matrix
            .iter_mut()
            .flatten()
            .flat_map(|matrix| matrix.values_mut())
            .flatten()
        {
            match fill(value, values) {
                Ok(text) => *value = text,
                Err(wrong) => {
                    let message = format!("job `{job}` needs `{}`: {}", need.job, wrong.message);
                    sink.error_fix(need.mark, "unknown_matrix_value", message, wrong.fix);
                }
            }
        }
    }
    needs
}

struct Wrong {
    message: String,
    fix: String,
}

/// One text with its blocks replaced.
fn fill(text: &str, values: &[(String, String)]) -> Result<String, Wrong> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once(OPEN) {
        out.push_str(head);
        let Some((block, after)) = tail.split_once("]]") else {
            return Err(Wrong {
                message: "the closing `]]` of `$[[` is missing".to_owned(),
                fix: "write `$[[ matrix.NAME ]]`".to_owned(),
            });
        };
        let name = block.trim().strip_prefix("matrix.").unwrap_or_default();
        let Some((_, value)) = values.iter().find(|(known, _)| known == name) else {
            return Err(unknown(block.trim(), values));
        };
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn unknown(block: &str, values: &[(String, String)]) -> Wrong {
    let known: Vec<String> = values
        .iter()
        .map(|(name, _)| format!("`$[[ matrix.{name} ]]`"))
        .collect();
    let fix = if known.is_empty() {
        "give this job a `parallel: matrix` with that name, or write the value".to_owned()
    } else {
        format!("this job has {}", known.join(", "))
    };
    Wrong {
        message: format!("`$[[ {block} ]]` is no value of its own `parallel: matrix`"),
        fix,
    }
}
