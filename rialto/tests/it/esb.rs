//! `rialto esb` from outside: findings, changes, exit codes.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{House, rialto, run};

fn example(name: &str) -> String {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/esb");
    root.join(name).display().to_string()
}

/// Runs `rialto esb …` in a folder, English unless told otherwise.
fn esb(folder: &Path, words: &[&str]) -> (i32, String, String) {
    let mut command = rialto(folder);
    for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    run(command.arg("esb").args(words))
}

#[test]
fn the_example_passes_every_rule() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["orders-v1.yaml", "orders-v2.yaml"] {
        let (code, out, err) = esb(
            folder.path(),
            &["lint", &example(name), "--fail-on", "info"],
        );
        assert_eq!(code, 0, "{out}{err}");
        assert!(
            out.contains("3 operation(s), 4 schema(s); 0 error(s)"),
            "{out}"
        );
    }
}

#[test]
fn findings_name_place_reason_and_cure_and_decide_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(example("orders-v1.yaml")).unwrap();
    let text = text.replace(
        "limit_price: '9.87'}\n      responses:",
        "limit_price: 9.87}\n      responses:",
    );
    let text = text.replace("      summary: One order\n", "");
    std::fs::write(folder.path().join("a.yaml"), text).unwrap();
    let (code, out, _) = esb(folder.path(), &["lint", "a.yaml"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("a.yaml:24:22: error LN03: The example `example` of the request of POST /orders does not fit its schema at /limit_price"), "{out}");
    assert!(
        out.contains(
            "a.yaml:50:7: warning LN02: GET /orders/{order_id} has neither summary nor description."
        ),
        "{out}"
    );
    let (code, out, _) = esb(
        folder.path(),
        &["lint", "a.yaml", "--output", "json", "--rule", "LN03=off"],
    );
    assert_eq!(code, 0, "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let finding = &report["findings"][0];
    assert_eq!(
        (finding["rule"].as_str(), finding["severity"].as_str()),
        (Some("LN02"), Some("warning"))
    );
    assert_eq!(finding["pointer"], "/paths/~1orders~1{order_id}/get");
    assert!(
        finding["why"]["zh"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    let (_, out, _) = esb(folder.path(), &["lint", "a.yaml", "--lang", "zh"]);
    assert!(
        out.contains("警告 LN02: GET /orders/{order_id} 没有摘要或说明。"),
        "{out}"
    );
}

#[test]
fn changes_that_break_callers_fail() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (example("orders-v1.yaml"), example("orders-v2.yaml"));
    let (code, out, err) = esb(folder.path(), &["diff", &old, &new, "--output", "json"]);
    assert_eq!(code, 1, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let told: Vec<String> = report["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|change| change["severity"] == "error")
        .map(|change| {
            format!(
                "{} {}",
                change["rule"].as_str().unwrap(),
                change["at"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "SE06 servers",
            "PA07 query:limit",
            "SC11 200:/*/state",
            "SC01 body:/account",
            "SC19 body:/remark"
        ]
    );
    let (code, out, _) = esb(folder.path(), &["diff", &old, &old, "--fail-on", "info"]);
    assert_eq!((code, out.as_str()), (0, "no changes\n"));
    let (code, _, _) = esb(folder.path(), &["diff", &old, &new, "--fail-on", "never"]);
    assert_eq!(code, 0);
}

#[test]
fn a_folder_and_a_zip_of_several_files_are_read_alike() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        (
            "openapi.yaml",
            "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /a: {$ref: 'paths/a.yaml'}\n",
        ),
        (
            "paths/a.yaml",
            "get:\n  responses: {'200': {description: ok}}\n",
        ),
    ];
    std::fs::create_dir_all(folder.path().join("api/paths")).unwrap();
    let mut archive =
        zip::ZipWriter::new(std::fs::File::create(folder.path().join("api.zip")).unwrap());
    for (name, text) in files {
        std::fs::write(folder.path().join("api").join(name), text).unwrap();
        archive
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
    let of = |name| {
        let (code, out, err) = esb(folder.path(), &["lint", name, "--output", "json"]);
        assert_eq!(code, 1, "{err}");
        out
    };
    assert_eq!(of("api"), of("api.zip"));
    assert!(of("api").contains("paths/a.yaml"));
}

#[test]
fn files_that_are_no_definition_end_with_2_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, told) in [
        (
            "a.wsdl",
            "<definitions xmlns=\"http://schemas.xmlsoap.org/wsdl/\"/>",
            "a.wsdl: this is WSDL, which is not imported yet",
        ),
        ("a.yaml", "openapi: 3.0.0\n x: [", "a.yaml:2:"),
        (
            "b.yaml",
            "log: {entries: []}",
            "a HAR recording, which is not imported yet",
        ),
        ("c.yaml", "a: 1", "neither `openapi` nor `swagger`"),
        (
            "bomb.yaml",
            "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
            "aliases stand for more than 1000000 values",
        ),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
        let (code, out, err) = esb(folder.path(), &["lint", name]);
        assert_eq!(code, 2, "{name}: {out}{err}");
        assert!(err.contains(told), "{name}: {err}");
    }
    std::fs::write(folder.path().join("latin.yaml"), b"openapi: \xff").unwrap();
    let (code, _, err) = esb(folder.path(), &["lint", "latin.yaml"]);
    assert_eq!(
        (code, err.as_str()),
        (
            2,
            "latin.yaml: byte 9 is not UTF-8; save the file as UTF-8\n"
        )
    );
    let (code, _, err) = esb(folder.path(), &["lint", "nowhere.yaml"]);
    assert_eq!(code, 2);
    assert!(err.starts_with("nowhere.yaml: No such file"), "{err}");
    let (code, _, err) = esb(folder.path(), &["lint", "a.yaml", "--rule", "LN99=off"]);
    assert_eq!(code, 2);
    assert!(err.contains("rules are LN01, LN02"), "{err}");
}

#[test]
fn coverage_cells_are_listed_by_operation() {
    let folder = tempfile::tempdir().unwrap();
    let file = example("orders-v1.yaml");
    let (code, out, err) = esb(folder.path(), &["cells", &file]);
    assert_eq!(code, 0, "{err}");
    for cell in [
        "POST /orders  bound:body:/quantity:maximum:over",
        "POST /orders  idem:conflict",
        "POST /orders  required:body:/symbol",
        "GET /orders/{order_id}  resp:404:application/problem+json",
    ] {
        assert!(out.lines().any(|line| line == cell), "{cell} in\n{out}");
    }
    let (_, json, _) = esb(folder.path(), &["cells", &file, "--output", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let count = json["cells"].as_array().unwrap().len();
    assert!(
        out.ends_with(&format!("{count} cell(s) of 3 operation(s)\n")),
        "{out}"
    );
}

/// A definition the rules have nothing to say of.
const FUNDS: &str = "
openapi: 3.1.0
info: {title: Funds, version: 1.0.0}
security: [{key: []}]
paths:
  /funds/{fund_id}:
    get:
      operationId: getFund
      summary: One fund
      x-error-codes: [{code: E1, status: 404, meaning: unknown fund}]
      parameters:
        - {name: fund_id, in: path, required: true, description: Its id, schema: {type: string, maxLength: 20, x-label: none}}
      responses:
        '200':
          description: the fund
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Fund'}
              example: {fund_id: A1}
        '404': {description: unknown}
components:
  securitySchemes: {key: {type: apiKey, name: X-API-Key, in: header}}
  schemas:
    Fund: {type: object, properties: {fund_id: {type: string, maxLength: 20, x-label: none}}}
";

/// A house with a system, its administrator being a provider and a manager too.
struct Catalogue {
    folder: tempfile::TempDir,
    house: House,
    token: String,
}

impl Catalogue {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = House::start(folder.path(), 0);
        let token = house.token("admin");
        let opened = Self {
            folder,
            house,
            token,
        };
        let me = opened.ok("GET", "/api/platform/v1/sessions/current", "");
        let path = format!(
            "/api/platform/v1/users/{}/roles",
            me["user"]["id"].as_str().unwrap()
        );
        let roles = r#"{"roles": ["administrator", "provider", "interface_manager", "caller"]}"#;
        opened.ok("PUT", &path, roles);
        let system = r#"{"code": "funds", "name": {"en": "Funds", "zh": "资金"}, "owner": "admin",
            "criticality": "core", "hours": "trading"}"#;
        opened.ok("POST", "/api/esb/v1/systems", system);
        let place = opened.folder.path();
        std::fs::create_dir(place.join("api")).unwrap();
        std::fs::write(place.join("api/openapi.yaml"), FUNDS).unwrap();
        let twice = "openapi: 3.0.3\nopenapi: 3.0.3\n";
        std::fs::write(place.join("broken.yaml"), twice).unwrap();
        opened
    }

    fn ok(&self, method: &str, path: &str, body: &str) -> Value {
        let head = format!("authorization: Bearer {}\r\nif-match: *\r\n", self.token);
        let (status, told) = self.house.request(method, path, &head, body);
        assert!((200..300).contains(&status), "{method} {path}: {told}");
        told
    }

    fn esb(&self, words: &[&str]) -> (i32, String, String) {
        self.esb_as(&self.token, words)
    }

    fn esb_as(&self, token: &str, words: &[&str]) -> (i32, String, String) {
        let mut command = rialto(self.folder.path());
        command
            .env("RIALTO_SERVER", self.house.url())
            .env("RIALTO_TOKEN", token)
            .env("LC_ALL", "C")
            .arg("esb")
            .args(words);
        run(&mut command)
    }

    fn hand_in(&self, file: &str, more: &[&str]) -> (i32, String, String) {
        let mut words = vec!["import", file, "--system", "funds"];
        words.extend_from_slice(&["--interface", "account.fund", "--taxonomy", "account/fund"]);
        words.extend_from_slice(more);
        self.esb(&words)
    }
}

#[test]
fn a_definition_is_handed_in_listed_and_shown_from_the_command_line() {
    let catalogue = Catalogue::open();
    let (code, out, err) = catalogue.hand_in("api", &[]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        out,
        "account.fund@1.0.0  a draft\n  1 operation(s), 1 schema(s); 0 error(s), 0 warning(s), \
         0 info; 0 loss(es); compared: none\n"
    );
    let (code, out, err) = catalogue.hand_in("api", &["--lang", "zh"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.ends_with("  定义未变\n"), "{out}");
    let (code, _, err) = catalogue.hand_in("broken.yaml", &[]);
    assert_eq!(code, 1);
    assert!(err.contains("broken.yaml:2:1: "), "{err}");
    let (code, out, _) = catalogue.esb(&["list", "getfund", "--output", "json"]);
    let listed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, listed[0]["state"].as_str()), (0, Some("draft")));
    let (code, out, _) = catalogue.esb(&["list", "nothing-like-it"]);
    assert_eq!((code, out.as_str()), (0, ""));
    let (code, out, _) = catalogue.esb(&["show", "account.fund@1.0.0"]);
    assert_eq!(code, 0);
    assert!(
        out.contains("  submit: in_review\n    sla: Agree on a service level"),
        "{out}"
    );
    assert_eq!(catalogue.esb(&["show", "account.fund@9.0.0"]).0, 3);
    assert_eq!(catalogue.esb(&["show", "none.none"]).0, 3);
}

#[test]
fn a_version_is_submitted_and_sent_back_from_the_command_line() {
    let catalogue = Catalogue::open();
    let (code, _, err) = catalogue.hand_in("api", &[]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = catalogue.esb(&["submit", "account.fund"]);
    assert_eq!(code, 5);
    assert!(err.contains("Agree on a service level"), "{err}");
    let shown = catalogue.ok("GET", "/api/esb/v1/interfaces/account.fund/versions", "");
    let id = shown["items"][0]["id"].as_str().unwrap();
    let sla = r#"{"latency_p99_ms": 5, "availability_percent": "99.9", "peak_per_second": 5}"#;
    catalogue.ok("PUT", &format!("/api/esb/v1/versions/{id}/sla"), sla);
    let (code, out, err) = catalogue.esb(&["submit", "account.fund"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("account.fund@1.0.0  in review\n"), "{out}");
    // Who handed it in cannot approve it, but anybody with the role may send it back.
    let (code, _, err) = catalogue.esb(&["approve", "account.fund"]);
    assert_eq!(code, 4);
    assert!(err.contains("cannot approve it"), "{err}");
    assert_eq!(catalogue.esb(&["refuse", "account.fund"]).0, 5);
    let (code, out, _) = catalogue.esb(&["refuse", "account.fund", "--reason", "name it better"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("account.fund@1.0.0  a draft\n"), "{out}");
}

#[test]
fn a_credential_is_made_fetched_rotated_and_revoked_from_the_command_line() {
    let catalogue = Catalogue::open();
    let app = r#"{"code": "mobile-app", "name": "Mobile app", "owner": "admin"}"#;
    catalogue.ok("POST", "/api/esb/v1/applications", app);
    let other = r#"{"login": "deployer", "name": "Deployer", "email": "deployer@example.com",
        "roles": ["caller"]}"#;
    let other = catalogue.ok("POST", "/api/platform/v1/users", other);
    let link = format!(
        "/api/platform/v1/users/{}/login-link",
        other["id"].as_str().unwrap()
    );
    let link = catalogue.ok("POST", &link, "");
    let deployer = catalogue.house.token_by(link["path"].as_str().unwrap());

    let until = (jiff::Zoned::now().date() + jiff::Span::new().days(90)).to_string();
    let rest = [
        "--until",
        &until,
        "--deliver-to",
        "deployer",
        "--output",
        "json",
    ];
    let create = ["credential", "create", "--application", "mobile-app"];
    let create = [&create[..], &["--environment", "production"], &rest].concat();
    let (code, out, err) = catalogue.esb(&create);
    assert_eq!(code, 0, "{err}");
    let id = |out: &str| {
        let made: Value = serde_json::from_str(out).unwrap();
        made["id"].as_str().unwrap().to_owned()
    };
    let first = id(&out);
    // Whoever asked for it does not get it.
    let (code, _, err) = catalogue.esb(&["credential", "fetch", &first]);
    assert_eq!(code, 4, "{err}");
    let (code, out, err) = catalogue.esb_as(&deployer, &["credential", "fetch", &first]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(&first) && out.contains("production"), "{out}");
    let (code, _, _) = catalogue.esb_as(&deployer, &["credential", "fetch", &first]);
    assert_eq!(code, 5, "told once");

    let rotate = ["credential", "rotate", &first, "--overlap", "3"];
    let (code, out, err) = catalogue.esb(&[&rotate[..], &rest].concat());
    assert_eq!(code, 0, "{err}");
    let second = id(&out);
    let revoke = [
        "credential",
        "revoke",
        &first,
        "--reason",
        "seen in a ticket",
    ];
    let (code, out, err) = catalogue.esb(&revoke);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("revoked"), "{out}");
    let (code, out, _) = catalogue.esb(&["credential", "list", "--application", "mobile-app"]);
    assert_eq!((code, out.lines().count()), (0, 2), "{out}");
    assert!(out.contains(&first) && out.contains(&second), "{out}");
}
