//! A request as code a caller can start from: curl, Rust, Python, Java and TypeScript.
//!
//! Each stands alone: standard library or the client everybody of that language knows, the address
//! and the key from the environment, so that no secret gets into a file.

use std::fmt::Write as _;

use crate::call::Call;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// The command line.
    Curl,
    /// With reqwest.
    Rust,
    /// With the standard library.
    Python,
    /// With `java.net.http` (11 and later).
    Java,
    /// With `fetch`.
    TypeScript,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Curl,
        Self::Rust,
        Self::Python,
        Self::Java,
        Self::TypeScript,
    ];

    /// Its name, as it is asked for.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Java => "java",
            Self::TypeScript => "typescript",
        }
    }
}

/// Environment variable a sample reads the API key from.
const KEY: &str = "RIALTO_API_KEY";
/// Header of the key.
const HEADER: &str = "X-API-Key";

/// A request in a language. `base` is the address of the interface, without a slash at its end;
/// `keyed` sends an API key.
#[must_use]
pub fn sample(language: Language, call: &Call, base: &str, keyed: bool) -> String {
    let url = format!("{base}{}", call.target);
    match language {
        Language::Curl => curl(call, &url, keyed),
        Language::Rust => rust(call, &url, keyed),
        Language::Python => python(call, &url, keyed),
        Language::Java => java(call, &url, keyed),
        Language::TypeScript => typescript(call, &url, keyed),
    }
}

/// A text between single quotes of a POSIX shell.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A text between double quotes, as JSON writes it: Python, Java and TypeScript read it the same.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text as a Rust literal.
fn literal(text: &str) -> String {
    format!("{text:?}")
}

fn curl(call: &Call, url: &str, keyed: bool) -> String {
    let mut out = format!("curl --fail-with-body -X {} {}", call.method, shell(url));
    if keyed {
        let _ = write!(out, " \\\n  -H \"{HEADER}: ${KEY}\"");
    }
    for (name, value) in &call.headers {
        let _ = write!(out, " \\\n  -H {}", shell(&format!("{name}: {value}")));
    }
    if let Some(body) = &call.body {
        let _ = write!(out, " \\\n  --data-binary {}", shell(body));
    }
    out.push('\n');
    out
}

fn rust(call: &Call, url: &str, keyed: bool) -> String {
    let mut out = String::from(
        "// Cargo.toml: reqwest = { version = \"0.12\", features = [\"blocking\"] }\n\
         fn main() -> Result<(), Box<dyn std::error::Error>> {\n",
    );
    let _ = writeln!(
        out,
        "    let response = reqwest::blocking::Client::new()\n        \
         .request(reqwest::Method::{}, {})",
        call.method,
        literal(url)
    );
    if keyed {
        let _ = writeln!(
            out,
            "        .header({}, std::env::var({})?)",
            literal(HEADER),
            literal(KEY)
        );
    }
    for (name, value) in &call.headers {
        let _ = writeln!(
            out,
            "        .header({}, {})",
            literal(name),
            literal(value)
        );
    }
    if let Some(body) = &call.body {
        let _ = writeln!(out, "        .body({})", literal(body));
    }
    out.push_str("        .send()?\n        .error_for_status()?;\n");
    out.push_str("    println!(\"{}\", response.text()?);\n    Ok(())\n}\n");
    out
}

fn python(call: &Call, url: &str, keyed: bool) -> String {
    let mut out = String::from("import os\nimport urllib.request\n\n");
    let _ = writeln!(
        out,
        "request = urllib.request.Request(\n    {},",
        quoted(url)
    );
    let _ = writeln!(out, "    method={},", quoted(&call.method));
    out.push_str("    headers={\n");
    if keyed {
        let _ = writeln!(
            out,
            "        {}: os.environ[{}],",
            quoted(HEADER),
            quoted(KEY)
        );
    }
    for (name, value) in &call.headers {
        let _ = writeln!(out, "        {}: {},", quoted(name), quoted(value));
    }
    out.push_str("    },\n");
    if let Some(body) = &call.body {
        let _ = writeln!(out, "    data={}.encode(),", quoted(body));
    }
    out.push_str(")\nwith urllib.request.urlopen(request) as response:\n");
    out.push_str("    print(response.status, response.read().decode())\n");
    if !keyed {
        out = out.replace("import os\n", "");
    }
    out
}

fn java(call: &Call, url: &str, keyed: bool) -> String {
    let mut out = String::from(
        "import java.net.URI;\n\
         import java.net.http.HttpClient;\n\
         import java.net.http.HttpRequest;\n\
         import java.net.http.HttpResponse;\n\n\
         public class Call {\n    \
         public static void main(String[] args) throws Exception {\n",
    );
    let publisher = match &call.body {
        Some(body) => format!("HttpRequest.BodyPublishers.ofString({})", quoted(body)),
        None => "HttpRequest.BodyPublishers.noBody()".to_owned(),
    };
    let _ = writeln!(
        out,
        "        HttpRequest request = HttpRequest.newBuilder(URI.create({}))",
        quoted(url)
    );
    if keyed {
        let _ = writeln!(
            out,
            "            .header({}, System.getenv({}))",
            quoted(HEADER),
            quoted(KEY)
        );
    }
    for (name, value) in &call.headers {
        let _ = writeln!(
            out,
            "            .header({}, {})",
            quoted(name),
            quoted(value)
        );
    }
    let _ = writeln!(
        out,
        "            .method({}, {publisher})\n            .build();",
        quoted(&call.method)
    );
    out.push_str(
        "        HttpResponse<String> response = HttpClient.newHttpClient()\n            \
         .send(request, HttpResponse.BodyHandlers.ofString());\n        \
         System.out.println(response.statusCode() + \" \" + response.body());\n    }\n}\n",
    );
    out
}

fn typescript(call: &Call, url: &str, keyed: bool) -> String {
    let mut out = format!("const response = await fetch({}, {{\n", quoted(url));
    let _ = writeln!(out, "  method: {},", quoted(&call.method));
    out.push_str("  headers: {\n");
    if keyed {
        let _ = writeln!(out, "    {}: process.env.{KEY} ?? \"\",", quoted(HEADER));
    }
    for (name, value) in &call.headers {
        let _ = writeln!(out, "    {}: {},", quoted(name), quoted(value));
    }
    out.push_str("  },\n");
    if let Some(body) = &call.body {
        let _ = writeln!(out, "  body: {},", quoted(body));
    }
    out.push_str("});\nconsole.log(response.status, await response.text());\n");
    out
}

#[cfg(test)]
mod tests;
