//! From a definition to a call: published by the house, called with a key through its gateway,
//! gone back, served on while the house is gone.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{House, rialto, run};

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

/// An upstream that answers with its name and the path it was asked for.
fn upstream(name: &'static str) -> SocketAddr {
    upstream_with(move |path| ("text/plain", format!("{name} {path}")))
}

/// An upstream that answers as `told` says, by path: media type and body.
fn upstream_with(told: impl Fn(&str) -> (&'static str, String) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if !matches!(stream.read(&mut byte), Ok(1)) {
                    break;
                }
                seen.extend(byte);
            }
            let head = String::from_utf8_lossy(&seen);
            let path = head.split(' ').nth(1).unwrap_or_default();
            let (kind, body) = told(path);
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            // Whoever asked may have gone away meanwhile.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// Status and body of a call for the fund `A1`.
fn call(gateway: &str, key: Option<&str>) -> (u16, String) {
    call_for("A1", gateway, key)
}

fn call_for(fund: &str, gateway: &str, key: Option<&str>) -> (u16, String) {
    let mut stream = TcpStream::connect(gateway).unwrap();
    let key = key.map(|key| format!("X-API-Key: {key}\r\n"));
    let request = format!(
        "GET /account.fund/v1/funds/{fund} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{}\r\n",
        key.unwrap_or_default()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// People of a house, each with a token.
struct Story {
    folder: tempfile::TempDir,
    house: House,
    admin: String,
    provider: String,
    manager: String,
    operator: String,
    caller: String,
    deployer: String,
}

fn send(house: &House, token: &str, method: &str, path: &str, body: &Value) -> Value {
    let head = format!("authorization: Bearer {token}\r\nif-match: *\r\n");
    let (status, told) = house.request(method, path, &head, &body.to_string());
    assert!(
        (200..300).contains(&status),
        "{method} {path}: {status} {told}"
    );
    told
}

fn person(house: &House, admin: &str, login: &str, role: &str) -> String {
    let body = json!({"login": login, "name": login, "email": format!("{login}@example.com"),
        "roles": [role]});
    let made = send(house, admin, "POST", "/api/platform/v1/users", &body);
    let id = made["id"].as_str().unwrap();
    let path = format!("/api/platform/v1/users/{id}/login-link");
    let link = send(house, admin, "POST", &path, &json!({}));
    house.token_by(link["path"].as_str().unwrap())
}

impl Story {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = House::start(folder.path(), 0);
        let admin = house.token("admin");
        let of = |login: &str, role: &str| person(&house, &admin, login, role);
        Self {
            provider: of("provider", "provider"),
            manager: of("manager", "interface_manager"),
            operator: of("operator", "operations"),
            caller: of("app-owner", "caller"),
            deployer: of("deployer", "caller"),
            admin,
            house,
            folder,
        }
    }

    fn esb(&self, token: &str, words: &[&str]) -> (i32, String, String) {
        let mut command = rialto(self.folder.path());
        command
            .env("RIALTO_SERVER", self.house.url())
            .env("RIALTO_TOKEN", token)
            .env("LC_ALL", "C")
            .arg("esb")
            .args(words);
        run(&mut command)
    }

    fn ok(&self, token: &str, method: &str, path: &str, body: &Value) -> Value {
        send(
            &self.house,
            token,
            method,
            &format!("/api/esb/v1{path}"),
            body,
        )
    }

    /// From a file to a version in use; its id.
    fn offer(&self, address: SocketAddr) -> String {
        self.offer_text(FUNDS, address)
    }

    fn offer_text(&self, definition: &str, address: SocketAddr) -> String {
        let system = json!({"code": "funds", "name": {"en": "Funds", "zh": "资金"},
            "owner": "provider", "criticality": "core", "hours": "trading"});
        self.ok(&self.admin, "POST", "/systems", &system);
        std::fs::write(self.folder.path().join("funds.yaml"), definition).unwrap();
        let (code, _, err) = self.esb(
            &self.provider,
            &[
                "import",
                "funds.yaml",
                "--system",
                "funds",
                "--interface",
                "account.fund",
                "--taxonomy",
                "account/fund",
            ],
        );
        assert_eq!(code, 0, "{err}");
        let versions = "/interfaces/account.fund/versions";
        let shown = self.ok(&self.provider, "GET", versions, &Value::Null);
        let id = shown["items"][0]["id"].as_str().unwrap().to_owned();
        let sla =
            json!({"latency_p99_ms": 5, "availability_percent": "99.9", "peak_per_second": 5});
        self.ok(&self.provider, "PUT", &format!("/versions/{id}/sla"), &sla);
        for environment in ["sandbox", "production"] {
            self.bind(&id, environment, address);
        }
        let step = |token: &str, event: &str| {
            let path = format!("/versions/{id}/transitions");
            self.ok(token, "POST", &path, &json!({"event": event}));
        };
        step(&self.provider, "submit");
        step(&self.manager, "approve");
        // The sandbox took a connection: that guard needs nobody's word.
        step(&self.provider, "test");
        for guard in ["coverage", "pass_rate", "baseline", "canary_held"] {
            let until = (jiff::Zoned::now().date() + jiff::Span::new().days(30)).to_string();
            let body = json!({"guard": guard, "reason": "no runs yet", "until": until});
            self.ok(
                &self.manager,
                "POST",
                &format!("/versions/{id}/waivers"),
                &body,
            );
        }
        step(&self.manager, "open_grey");
        step(&self.operator, "publish");
        id
    }

    fn bind(&self, version: &str, environment: &str, address: SocketAddr) {
        self.bind_checked(version, environment, address, &json!({}));
    }

    fn bind_checked(&self, version: &str, environment: &str, address: SocketAddr, checks: &Value) {
        let body = json!({"upstreams": [{"address": address}], "base_path": "/api",
            "validation": checks});
        let path = format!("/versions/{version}/bindings/{environment}");
        let bound = self.ok(&self.provider, "PUT", &path, &body);
        assert_eq!(bound["answered"], true, "{bound}");
    }

    /// An application with a key for production.
    fn application(&self, code: &str) -> String {
        let app = json!({"code": code, "name": code, "owner": "app-owner"});
        self.ok(&self.caller, "POST", "/applications", &app);
        self.credential(code, "api_key").1
    }

    /// A credential for production, fetched: its id and its secret.
    fn credential(&self, code: &str, kind: &str) -> (String, String) {
        let until = (jiff::Zoned::now().date() + jiff::Span::new().days(90)).to_string();
        let wish = json!({"application": code, "environment": "production", "kind": kind,
            "until": until, "deliver_to": "deployer"});
        let made = self.ok(&self.caller, "POST", "/credentials", &wish);
        let id = made["id"].as_str().unwrap();
        let path = format!("/credentials/{id}/secret");
        let told = self.ok(&self.deployer, "POST", &path, &json!({}));
        (id.to_owned(), told["secret"].as_str().unwrap().to_owned())
    }

    /// Agreed to by two people.
    fn subscribe(&self, application: &str) -> String {
        self.subscribe_cleared(application, 1)
    }

    fn subscribe_cleared(&self, application: &str, clearance: u8) -> String {
        self.subscribe_in("production", application, clearance)
    }

    fn subscribe_in(&self, environment: &str, application: &str, clearance: u8) -> String {
        let until = (jiff::Zoned::now().date() + jiff::Span::new().days(90)).to_string();
        let wish = json!({"application": application, "interface": "account.fund", "major": 1,
            "environment": environment, "until": until,
            "request": {"purpose": "funds of the app", "clearance": clearance,
                "quota": {"rate_per_second": 100, "burst": 100, "daily": 1000, "concurrency": 8}}});
        let asked = self.ok(&self.caller, "POST", "/subscriptions", &wish);
        let path = format!("/subscriptions/{}", asked["id"].as_str().unwrap());
        for token in [&self.provider, &self.manager] {
            let event = json!({"event": "approve"});
            self.ok(token, "POST", &format!("{path}/transitions"), &event);
        }
        path
    }

    fn publish(&self, reason: &str) -> Value {
        let words = ["publish", "--reason", reason, "--output", "json"];
        let (code, out, err) = self.esb(&self.operator, &words);
        assert_eq!(code, 0, "{out}{err}");
        serde_json::from_str(&out).unwrap()
    }
}

fn address_of(told: &Value, node: &str) -> String {
    let mut nodes = told["nodes"].as_array().unwrap().iter();
    let found = nodes.find(|one| one["node"] == node).unwrap();
    found["address"].as_str().unwrap().to_owned()
}

fn curl(words: &[&str]) -> String {
    let done = std::process::Command::new("curl")
        .args(["--silent", "--show-error"])
        .args(words)
        .output()
        .expect("curl is installed");
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn a_client_gets_tokens_of_the_gateway_until_it_is_taken_away() {
    let story = Story::open();
    story.offer(upstream("first"));
    story.application("app");
    story.subscribe("app");
    let (client, secret) = story.credential("app", "oauth2_client");
    let gateway = address_of(&story.publish("clients"), "house");
    let token_at = format!("http://{gateway}/oauth2/token");
    let fund_at = format!("http://{gateway}/account.fund/v1/funds/A1");
    let who = format!("{client}:{secret}");
    let grant = ["-u", &who, "-d", "grant_type=client_credentials", &token_at];
    let given: Value = serde_json::from_str(&curl(&grant)).unwrap();
    let bearer = format!(
        "Authorization: Bearer {}",
        given["access_token"].as_str().unwrap()
    );
    let call = || curl(&["-w", " %{http_code}", "-H", &bearer, &fund_at]);
    assert_eq!(call(), "first /api/funds/A1 200");
    let why = json!({"reason": "the secret was seen"});
    let path = format!("/credentials/{client}/revocation");
    story.ok(&story.manager, "POST", &path, &why);
    story.publish("without the client");
    let refused = call();
    assert!(
        refused.contains("auth-invalid") && refused.ends_with("401"),
        "{refused}"
    );
    assert_eq!(story.house.end("-TERM"), 0);
}

#[test]
fn fields_above_a_caller_s_clearance_are_masked() {
    let story = Story::open();
    let labelled = FUNDS.replace(
        "{fund_id: {type: string, maxLength: 20, x-label: none}}",
        "{fund_id: {type: string, maxLength: 20, x-label: none}, owner: {type: string, maxLength: 20, x-label: name}}",
    );
    assert_ne!(labelled, FUNDS);
    let body = "{\"fund_id\": \"A1\", \"owner\": \"欧阳修\", \"more\": 1}";
    let address = upstream_with(move |_| ("application/json", body.to_owned()));
    story.offer_text(&labelled, address);
    let (low, high) = (story.application("app"), story.application("risk"));
    story.subscribe("app");
    story.subscribe_cleared("risk", 2);
    let told = story.publish("masked");
    assert_eq!(told["left_out"], json!([]), "{told}");
    let gateway = address_of(&told, "house");
    // A field nobody declared counts as level 3.
    let seen = |owner: &str| {
        let body = format!("{{\"fund_id\": \"A1\", \"owner\": \"{owner}\", \"more\": \"***\"}}");
        (200, body)
    };
    assert_eq!(call(&gateway, Some(&high)), seen("欧阳修"));
    assert_eq!(call(&gateway, Some(&low)), seen("欧**"));
    assert_eq!(story.house.end("-TERM"), 0);
}

/// The upstream answers with a text, and JSON is declared.
fn what_does_not_fit_is_refused_either_way(story: &Story, version: &str, at: &str, key: &str) {
    let long = "A".repeat(21);
    let address = upstream("second");
    for (checks, good, bad) in [
        (
            json!({"request": "observe", "response": "observe"}),
            200,
            200,
        ),
        (json!({"request": "enforce"}), 200, 422),
        (
            json!({"request": "enforce", "response": "enforce"}),
            502,
            422,
        ),
    ] {
        story.bind_checked(version, "production", address, &checks);
        assert_eq!(story.publish("checked")["left_out"], json!([]));
        let (status, told) = call_for("A1", at, Some(key));
        assert_eq!(status, good, "{checks}: {told}");
        let (status, told) = call_for(&long, at, Some(key));
        assert_eq!(status, bad, "{checks}: {told}");
        if bad == 422 {
            assert!(told.contains("path parameter fund_id"), "{told}");
        }
    }
    let words = ["rollback", "--to", "2", "--reason", "it was right"];
    let (code, out, err) = story.esb(&story.manager, &words);
    assert_eq!(code, 0, "{out}{err}");
}

fn a_publish_is_foretold(story: &Story) {
    let (code, out, err) = story.esb(&story.operator, &["publish", "--dry-run"]);
    assert_eq!(code, 0, "{out}{err}");
    for line in [
        "+ route        account.fund@1.0.0/getFund\n",
        "+ subscription app → account.fund v1\n",
        " change(s), ",
    ] {
        assert!(out.contains(line), "{out}");
    }
    let (code, _, err) = story.esb(&story.operator, &["publish"]);
    assert!(code == 2 && err.contains("--reason"), "{code} {err}");
}

#[test]
fn what_is_published_is_called_with_a_key_and_taken_back_in_one_call() {
    let story = Story::open();
    let version = story.offer(upstream("first"));
    let (mine, other) = (story.application("app"), story.application("other"));
    let subscription = story.subscribe("app");
    // Nobody but an operator or a manager.
    let (code, _, err) = story.esb(&story.provider, &["publish", "--reason", "mine"]);
    assert_eq!(code, 4, "{err}");
    a_publish_is_foretold(&story);
    let told = story.publish("go live");
    assert_eq!(told["left_out"], json!([]), "{told}");
    assert_eq!(told["nodes"][0]["state"], "active");
    let gateway = address_of(&told, "house");
    let served = call(&gateway, Some(&mine));
    assert_eq!(served, (200, "first /api/funds/A1".to_owned()));
    assert_eq!(call(&gateway, None).0, 401);
    assert_eq!(call(&gateway, Some(&other)).0, 403);
    let began = story.ok(&story.caller, "GET", &subscription, &Value::Null);
    assert_eq!(began["state"], "active");

    story.bind(&version, "production", upstream("second"));
    assert_eq!(call(&gateway, Some(&mine)).1, "first /api/funds/A1");
    story.publish("moved");
    assert_eq!(call(&gateway, Some(&mine)).1, "second /api/funds/A1");
    let begun = Instant::now();
    let path = "/environments/production/rollback";
    let back = story.ok(
        &story.operator,
        "POST",
        path,
        &json!({"reason": "wrong machine"}),
    );
    println!("gone back in {:?}", begun.elapsed());
    assert_eq!(back["nodes"][0]["state"], "active");
    assert_eq!(call(&gateway, Some(&mine)).1, "first /api/funds/A1");

    let (code, out, err) = story.esb(&story.operator, &["snapshots"]);
    assert_eq!(code, 0, "{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].starts_with("      2  ") && lines[0].ends_with("operator  moved"),
        "{out}"
    );
    assert!(
        lines[1].starts_with("*     1  ") && lines[1].contains("1/1/2 route(s)"),
        "{out}"
    );
    let (code, out, err) = story.esb(
        &story.manager,
        &["rollback", "--to", "2", "--reason", "it was right"],
    );
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(call(&gateway, Some(&mine)).1, "second /api/funds/A1");
    what_does_not_fit_is_refused_either_way(&story, &version, &gateway, &mine);
    let Story {
        folder,
        house,
        operator,
        ..
    } = story;
    assert_eq!(house.end("-TERM"), 0);

    // The house comes back and its gateway serves what was in force.
    let again = House::start(folder.path(), 0);
    let head = format!("authorization: Bearer {operator}\r\n");
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let (_, told) = again.request("GET", "/api/esb/v1/environments/production", &head, "");
        let gateway = address_of(&told, "house");
        if told["nodes"][0]["state"] == "active" && call(&gateway, Some(&mine)).0 == 200 {
            assert_eq!(told["nodes"][0]["version"], 2, "{told}");
            break;
        }
        assert!(Instant::now() < end, "{told}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A gateway's process; killed when dropped.
struct Process {
    child: Child,
    admin: String,
    interfaces: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gateway(folder: &Path) -> Process {
    let mut command = rialto(folder);
    command.args([
        "esb",
        "gateway",
        "--environment",
        "production",
        "--node",
        "second",
    ]);
    command.args(["--key", "data/esb-snapshots.public.pem"]);
    command.args(["--group-key", "data/secrets/esb-group-production.key"]);
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command.args(["--token-file", "node.token", "--folder", "kept"]);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut admin, mut interfaces) = (String::new(), String::new());
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    while interfaces.is_empty() {
        let line = lines.next().expect("it starts").unwrap();
        if let Some(address) = line.strip_prefix("gateway: admin interface at ") {
            address.clone_into(&mut admin);
        }
        if let Some(address) = line.strip_prefix("gateway: interfaces at ") {
            address.clone_into(&mut interfaces);
        }
    }
    Process {
        child,
        admin,
        interfaces,
    }
}

#[test]
fn a_further_gateway_is_brought_up_to_date_and_serves_while_the_house_is_gone() {
    let story = Story::open();
    story.offer(upstream("first"));
    let mine = story.application("app");
    story.subscribe("app");
    story.publish("go live");
    let Story {
        folder,
        house,
        operator,
        ..
    } = story;
    assert_eq!(house.end("-TERM"), 0);
    let second = gateway(folder.path());
    // Nothing was published to it yet.
    assert_ne!(call(&second.interfaces, Some(&mine)).0, 200);
    let place = folder.path().display();
    let line = format!("production second {} {place}/node.token", second.admin);
    let house = House::start_with(folder.path(), 0, &[("RIALTO__GATEWAY__NODES", &line)]);
    let end = Instant::now() + Duration::from_secs(30);
    while call(&second.interfaces, Some(&mine)).0 != 200 {
        assert!(
            Instant::now() < end,
            "the further gateway is not brought up to date"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let head = format!("authorization: Bearer {operator}\r\n");
    let body = json!({"reason": "to both"}).to_string();
    let path = "/api/esb/v1/environments/production/snapshots";
    let (status, told) = house.request("POST", path, &head, &body);
    assert_eq!(status, 201, "{told}");
    let states: Vec<&Value> = told["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["state"])
        .collect();
    assert_eq!(states, ["active", "active"], "{told}");
    drop(house);
    let served = call(&second.interfaces, Some(&mine));
    assert_eq!(served, (200, "first /api/funds/A1".to_owned()));
    assert_eq!(call(&second.interfaces, None).0, 401);

    // What was called meanwhile is told to the house that comes back: one call each before and after
    // it was gone, none that was refused.
    let house = House::start_with(folder.path(), 0, &[("RIALTO__GATEWAY__NODES", &line)]);
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let path = "/api/esb/v1/calls?environment=production";
        let (_, told) = house.request("GET", path, &head, "");
        let edge = &told["edges"][0];
        if edge["requests"] == 2 {
            assert_eq!(
                (&edge["application"], &edge["succeeded"]),
                (&json!("app"), &json!(2)),
                "{told}"
            );
            assert_eq!(told["unused"], json!([]), "{told}");
            break;
        }
        assert!(Instant::now() < end, "{told}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_request_is_tried_through_the_sandbox_with_a_key_nobody_sees() {
    let story = Story::open();
    let version = story.offer(upstream("first"));
    for code in ["app", "other"] {
        story.application(code);
    }
    story.subscribe_in("sandbox", "app", 1);
    let path = format!("/versions/{version}/operations");
    let listed = story.ok(&story.caller, "GET", &path, &Value::Null);
    let path = format!("{path}/{}/trials", listed["items"][0]["no"]);
    let head = |token: &str| format!("authorization: Bearer {token}\r\n");
    let tried = |token: &str, body: &Value| {
        let path = format!("/api/esb/v1{path}");
        story
            .house
            .request("POST", &path, &head(token), &body.to_string())
    };
    let wish =
        |application: &str, target: &str| json!({"application": application, "target": target});
    // Nothing was published to the sandbox yet.
    let (status, told) = tried(&story.caller, &wish("app", "/funds/A1"));
    assert_eq!((status, &told["status"]), (200, &json!(503)), "{told}");
    let words = ["publish", "--environment", "sandbox", "--reason", "try"];
    let (code, out, err) = story.esb(&story.operator, &words);
    assert_eq!(code, 0, "{out}{err}");

    let (status, told) = tried(&story.caller, &wish("app", "/funds/A1"));
    assert_eq!((status, &told["status"]), (200, &json!(200)), "{told}");
    assert_eq!(told["body"], "first /api/funds/A1");
    assert!(
        told["url"]
            .as_str()
            .unwrap()
            .ends_with("/account.fund/v1/funds/A1")
    );
    let sent = told["sent"].to_string();
    assert!(
        sent.contains("rk_…") && !told.to_string().contains("rk_sandbox"),
        "{sent}"
    );
    // The answer is no JSON, as the definition wants it.
    assert_eq!(told["findings"][0]["direction"], "response", "{told}");
    // It counts as a call of the application, which is subscribed; another is not.
    let (_, told) = tried(&story.caller, &wish("other", "/funds/A1"));
    assert_eq!(told["status"], 403, "{told}");
    let problem: Value = serde_json::from_str(told["body"].as_str().unwrap()).unwrap();
    assert_eq!(problem["code"], "not-subscribed");
    for (token, body, status) in [
        (&story.caller, wish("app", "/elsewhere/A1"), 422),
        (&story.caller, wish("app", "//evil.example/funds/A1"), 422),
        (&story.caller, wish("nobody", "/funds/A1"), 422),
        (
            &story.caller,
            json!({"application": "app", "target": "/funds/A1", "headers": [["X-API-Key", "k"]]}),
            422,
        ),
        // Who does not answer for the application, and who has no right at all.
        (&story.deployer, wish("app", "/funds/A1"), 403),
        (&story.operator, wish("app", "/funds/A1"), 403),
    ] {
        let (got, told) = tried(token, &body);
        assert_eq!(got, status, "{body}: {told}");
    }
}
