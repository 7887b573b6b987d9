use proptest::prelude::*;
use rialto_delivery_report::diff::{Change, Side};
use rialto_delivery_report::{Diff, new_lines};

fn read(text: &str) -> Diff<'_> {
    Diff::read(text.as_bytes()).unwrap()
}

fn numbers(text: &str, path: &str) -> Vec<u32> {
    let lines = new_lines(&read(text));
    lines
        .files
        .get(path)
        .map(|file| file.lines.iter().map(|line| line.number).collect())
        .unwrap_or_default()
}

const TWO_HUNKS: &str = "\
diff --git a/src/a.rs b/src/a.rs
index 1111111..2222222 100644
--- a/src/a.rs
+++ b/src/a.rs
@@ -1,4 +1,5 @@ fn a
 one
-two
+TWO
+two and a half
 three
 four
@@ -10 +11,0 @@ fn b
-ten
@@ -20,0 +21 @@
+twenty
\\ No newline at end of file
";

#[test]
fn added_and_changed_lines_are_new() {
    assert_eq!(numbers(TWO_HUNKS, "src/a.rs"), [2, 3, 21]);
}

#[test]
fn text_that_looks_like_a_header_stays_text() {
    let text = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n--- a/x\n-@@ -1 +1 @@\n+++ b/x\n+diff --git a/q b/q\n";
    let diff = read(text);
    assert_eq!(diff.files.len(), 1);
    let sides: Vec<Side> = diff.files[0].hunks[0]
        .lines
        .iter()
        .map(|line| line.side)
        .collect();
    assert_eq!(
        sides,
        [Side::Deleted, Side::Deleted, Side::Added, Side::Added]
    );
}

const EVERY_KIND: &str = "\
diff --git a/old name.rs b/new name.rs
similarity index 90%
rename from old name.rs
rename to new name.rs
index 1..2 100644
--- a/old name.rs\t
+++ b/new name.rs\t
@@ -1 +1 @@
-x
+y
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
diff --git a/logo.png b/logo.png
new file mode 100644
index 0000000..1111111
Binary files /dev/null and b/logo.png differ
diff --git a/blob b/blob
index 1..2 100644
GIT binary patch
literal 5
McmZQzU|?ckU|
+++ not a header
@@ nor this

literal 0
HcmV?d00001

diff --git \"a/\\350\\241\\214.rs\" \"b/\\350\\241\\214.rs\"
new file mode 100644
--- /dev/null
+++ \"b/\\350\\241\\214.rs\"
@@ -0,0 +1 @@
+fn main() {}
diff --git a/gone.rs b/gone.rs
deleted file mode 100644
--- a/gone.rs
+++ /dev/null
@@ -1 +0,0 @@
-bye
diff --git a/vendor/lib b/vendor/lib
index 1..2 160000
--- a/vendor/lib
+++ b/vendor/lib
@@ -1 +1 @@
-Subproject commit 1
+Subproject commit 2
diff --git a/link b/link
new file mode 120000
--- /dev/null
+++ b/link
@@ -0,0 +1 @@
+target
\\ No newline at end of file
";

#[test]
fn renames_modes_binaries_and_quoted_paths_are_understood() {
    let diff = read(EVERY_KIND);
    let told: Vec<String> = diff
        .files
        .iter()
        .map(|file| {
            format!(
                "{:?} {:?} -> {:?} mode {:?} -> {:?} binary {} hunks {}",
                file.change,
                file.old_path,
                file.new_path,
                file.old_mode.map(|mode| format!("{mode:o}")),
                file.new_mode.map(|mode| format!("{mode:o}")),
                file.binary,
                file.hunks.len()
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    let new = new_lines(&diff);
    let paths: Vec<&String> = new.files.keys().collect();
    assert_eq!(paths, ["new name.rs", "行.rs"]);
}

#[test]
fn diffs_without_prefixes_or_git_headers_are_read() {
    let plain = "--- src/a.py\t2026-01-01\n+++ src/a.py\t2026-01-02\n@@ -0,0 +1 @@\n+x\n--- b.py\n+++ b.py\n@@ -1 +1 @@\n-y\n+z\n";
    assert_eq!(numbers(plain, "src/a.py"), [1]);
    assert_eq!(numbers(plain, "b.py"), [1]);
    let no_prefix = "diff --git a/x.py a/x.py\n--- a/x.py\n+++ a/x.py\n@@ -0,0 +3,2 @@\n+x\n+y\n";
    assert_eq!(numbers(no_prefix, "a/x.py"), [3, 4]);
    let mnemonic = "diff --git c/x.py i/x.py\n--- c/x.py\n+++ i/x.py\n@@ -0,0 +1 @@\n+x\n";
    assert_eq!(numbers(mnemonic, "x.py"), [1]);
}

#[test]
fn a_mailed_patch_is_read_without_its_letter() {
    let text = "From 1234 Mon Sep 17\nSubject: [PATCH] x\n---\n a.py | 1 +\n\ndiff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -0,0 +1 @@\n+x\n-- \n2.47\n\n";
    assert_eq!(numbers(text, "a.py"), [1]);
    assert_eq!(read(text).files[0].change, Change::Modified);
}

#[test]
fn an_empty_diff_has_no_files() {
    assert!(read("").files.is_empty());
    assert!(read("\n").files.is_empty());
}

#[test]
fn what_is_no_plain_diff_is_refused_with_its_line() {
    let head = "diff --git a/a b/a\n--- a/a\n+++ b/a\n";
    let told: Vec<String> = [
        "diff --cc a\nindex 1,2..3\n".to_owned(),
        "diff --combined a\n".to_owned(),
        "\u{1b}[1mdiff --git a/a b/a\u{1b}[m\n".to_owned(),
        "hello\nworld\n".to_owned(),
        "@@ -1 +1 @@\n-a\n+b\n".to_owned(),
        format!("{head}@@ -1 @@\n"),
        format!("{head}@@ -1,99999999999 +1 @@\n"),
        format!("{head}@@ -1 +4294967295,2 @@\n-a\n+b\n+c\n"),
        format!("{head}@@ -1,2 +1,2 @@\n a\n"),
        format!("{head}@@ -1 +1 @@\n*a\n"),
        format!("{head}@@ -1 +1 @@\n-a\n+b\n+c\n"),
        format!("{head}@@ -1 +1 @@\n-a\n+b\n@@@ -1 -1 +1 @@@\n"),
        "diff --git a/a b/a\nnonsense\n".to_owned(),
        "diff --git a/a b/a\n--- a/a\nnonsense\n".to_owned(),
        "diff --git a/a b/a\n--- \"a/\\q\"\n+++ b/a\n".to_owned(),
    ]
    .iter()
    .map(|text| Diff::read(text.as_bytes()).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(diff) = Diff::read(&bytes) {
            new_lines(&diff);
        }
    }

    #[test]
    fn arbitrary_diff_lines_never_panic(
        lines in prop::collection::vec(
            "(diff --git a/x b/x|--- a/x|\\+\\+\\+ b/x|@@ -[0-3](,[0-9]{1,2})? \\+[0-9]{1,10}(,[0-3])? @@|[ +-][ab]?|rename (from|to) x|index 1..2 1[26]0000|GIT binary patch|-- )",
            0..30,
        )
    ) {
        if let Ok(diff) = Diff::read(lines.join("\n").as_bytes()) {
            new_lines(&diff);
        }
    }
}
