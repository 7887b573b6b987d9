# Turns the output of `cargo test` into JUnit XML.
#   cargo test 2>&1 | tee /dev/stderr | awk -v suite=unit -f ci/junit.awk > junit.xml
function escape(text) {
    gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
    gsub(/"/, "\\&quot;", text); gsub(/[\001-\010\013\014\016-\037]/, "", text)
    return text
}
$1 == "test" && $NF == "ok" { name[++n] = $2; state[n] = "ok" }
$1 == "test" && $NF == "ignored" { name[++n] = $2; state[n] = "ignored" }
$1 == "test" && $NF == "FAILED" { name[++n] = $2; state[n] = "failed" }
/^---- .* stdout ----$/ { current = $2; next }
/^(failures:|test result:)/ { current = "" }
current != "" { message[current] = message[current] $0 "\n" }
END {
    for (i = 1; i <= n; i++) { failed += state[i] == "failed"; ignored += state[i] == "ignored" }
    print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
    printf "<testsuites>\n<testsuite name=\"%s\" tests=\"%d\" failures=\"%d\" skipped=\"%d\">\n", escape(suite), n, failed, ignored
    for (i = 1; i <= n; i++) {
        parts = split(name[i], path, "::")
        class = suite
        for (p = 1; p < parts; p++) class = class "." path[p]
        printf "<testcase classname=\"%s\" name=\"%s\">", escape(class), escape(path[parts])
        if (state[i] == "failed") printf "<failure message=\"the test failed\">%s</failure>", escape(message[name[i]])
        if (state[i] == "ignored") printf "<skipped/>"
        print "</testcase>"
    }
    print "</testsuite>\n</testsuites>"
}
