//! Script files for bash (specification §6.2).

use std::fmt::Write as _;

/// A script that runs each element in order in one shell: each is echoed in green, then run
/// verbatim, so that exports, directory changes and functions persist.
#[must_use]
pub fn job_script(elements: &[&str], trace: bool, file_blocks: Option<u64>) -> String {
    let mut text = String::from("builtin ulimit -c 0\n");
    if let Some(blocks) = file_blocks {
        let _ = writeln!(text, "builtin ulimit -f {blocks}");
    }
    text.push_str("set -eo pipefail; set +o noclobber\n");
    if trace {
        text.push_str("set -x\n");
    }
    for element in elements {
        let mut lines = element.trim_end().lines();
        let first = lines.next().unwrap_or_default();
        let more = if lines.next().is_some() {
            " # collapsed multi-line command"
        } else {
            ""
        };
        let echo = format!("\u{1b}[32;1m$ {first}{more}\u{1b}[0;m");
        let _ = writeln!(text, "builtin printf '%s\\n' {}", quote(&echo));
        text.push_str(element);
        text.push('\n');
    }
    text
}

/// A word that bash reads back as exactly `text`.
#[must_use]
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_echoed_then_run_verbatim() {
        let text = job_script(
            &["echo 'a'", "for x in 1; do\n  echo $x\ndone"],
            false,
            None,
        );
        assert_eq!(
            text,
            "builtin ulimit -c 0\nset -eo pipefail; set +o noclobber\n\
             builtin printf '%s\\n' '\u{1b}[32;1m$ echo '\\''a'\\''\u{1b}[0;m'\necho 'a'\n\
             builtin printf '%s\\n' '\u{1b}[32;1m$ for x in 1; do # collapsed multi-line command\
             \u{1b}[0;m'\nfor x in 1; do\n  echo $x\ndone\n"
        );
    }
}
