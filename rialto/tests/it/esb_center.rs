//! `rialto esb service` and `rialto esb config` against a house.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{House, rialto, run};

/// A house with a provider, who may write, and an auditor, who may look.
struct Center {
    folder: tempfile::TempDir,
    house: House,
    admin: String,
    provider: String,
    auditor: String,
}

impl Center {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = House::start(folder.path(), 0);
        let admin = house.token("admin");
        let mut opened = Self {
            folder,
            house,
            admin,
            provider: String::new(),
            auditor: String::new(),
        };
        opened.provider = opened.person("provider");
        opened.auditor = opened.person("auditor");
        opened
    }

    /// A token of a new person with this role.
    fn person(&self, role: &str) -> String {
        let ok = |method: &str, path: &str, body: &str| {
            let head = format!("authorization: Bearer {}\r\n", self.admin);
            let (status, told) = self.house.request(method, path, &head, body);
            assert!((200..300).contains(&status), "{method} {path}: {told}");
            told
        };
        let user = json!({"login": role, "name": role, "email": format!("{role}@example.com"),
            "roles": [role]});
        let user = ok("POST", "/api/platform/v1/users", &user.to_string());
        let id = user["id"].as_str().unwrap();
        let link = ok(
            "POST",
            &format!("/api/platform/v1/users/{id}/login-link"),
            "",
        );
        self.house.token_by(link["path"].as_str().unwrap())
    }

    fn file(&self, name: &str, content: &str) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    fn esb_as(&self, token: &str, words: &str) -> (i32, String, String) {
        let mut command = rialto(self.folder.path());
        command
            .env("RIALTO_SERVER", self.house.url())
            .env("RIALTO_TOKEN", token)
            .env("LC_ALL", "C")
            .arg("esb")
            .args(words.split(' '));
        run(&mut command)
    }

    /// What the provider's command prints, which must succeed.
    fn ok(&self, words: &str) -> String {
        let (code, out, err) = self.esb_as(&self.provider, words);
        assert_eq!(code, 0, "{words}: {out}{err}");
        out
    }

    fn json(&self, words: &str) -> Value {
        let out = self.ok(&format!("{words} --output json"));
        serde_json::from_str(&out).unwrap()
    }

    /// The provider's command is refused with this exit code for this reason.
    fn no(&self, words: &str, code: i32, why: &str) {
        self.no_as(&self.provider, words, code, why);
    }

    fn no_as(&self, token: &str, words: &str, code: i32, why: &str) {
        let (ended, out, err) = self.esb_as(token, words);
        assert!(
            ended == code && err.contains(why),
            "{words}: {ended} {out}{err}"
        );
    }
}

#[test]
fn instances_are_registered_drained_changed_and_removed_from_the_command_line() {
    let center = Center::open();
    center.no("service show quote", 3, "nobody registered");
    let first = "service register quote 10.0.0.1:80 --weight 2.5 --zone sh --metadata rack=a1";
    let out = center.ok(first);
    assert!(
        out.starts_with("public/DEFAULT_GROUP/quote  revision "),
        "{out}"
    );
    center.ok("service register quote [::1]:81 --cluster C2 --unhealthy");
    let out = center.ok("service show quote");
    let lines: Vec<&str> = out.lines().collect();
    let line = lines[1].split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        line,
        "10.0.0.1:80 DEFAULT sh weight 2.5 healthy persistent rack=a1"
    );
    assert!(
        lines[2].contains("[::1]:81") && lines[2].contains("unhealthy"),
        "{out}"
    );
    assert!(
        center
            .ok("service show quote --lang zh")
            .contains("权重 2.5  健康  持久实例")
    );
    assert!(center.ok("service list").contains("quote"), "listed");
    assert!(center.ok("service list --lang zh").ends_with("健康 1/2\n"));
    assert_eq!(center.ok("service list --namespace none"), "");
    let of_c2 = center.json("service show quote --cluster C2");
    assert_eq!(of_c2["instances"].as_array().unwrap().len(), 1);

    // What is not named stays as it was.
    let drained = center.ok("service drain quote 10.0.0.1:80");
    assert!(
        drained.contains("disabled") && drained.contains("rack=a1"),
        "{drained}"
    );
    let usable = center.json("service show quote --usable");
    assert_eq!(usable["instances"], json!([]));
    center.ok("service set quote 10.0.0.1:80 --enabled true --weight 7");
    let usable = center.json("service show quote --usable");
    let one = &usable["instances"][0];
    assert_eq!((&one["weight"], &one["zone"]), (&json!(7.0), &json!("sh")));
    center.ok("service set quote [::1]:81 --cluster C2 --healthy true");
    assert_eq!(center.json("service list")[0]["healthy"], 2);
    let guarded = center.json("service protect quote 0.5");
    assert_eq!(guarded["protection_threshold"], 0.5);

    let gone = center.ok("service deregister quote 10.0.0.1:80 --lang zh");
    assert_eq!(gone, "quote  10.0.0.1:80  已注销\n");
    center.no("service deregister quote 10.0.0.1:80", 3, "10.0.0.1:80");
    center.no("service drain quote 10.0.0.1:80", 3, "has no instance");
}

#[test]
fn what_is_wrong_of_an_instance_or_not_allowed_is_refused() {
    let center = Center::open();
    let register = "service register quote 10.0.0.1:80";
    center.no_as(&center.auditor, register, 4, "esb.instance.register");
    center.no(
        &format!("{register} --weight 10001"),
        1,
        "a weight is 0 to 10,000",
    );
    center.no("service register quote nowhere", 2, "is not ADDRESS:PORT");
    center.no(
        &format!("{register} --metadata rack"),
        2,
        "is not NAME=VALUE",
    );
    center.no(&format!("{register} --beat 5"), 2, "--ephemeral");
    center.no("service protect quote 1.5", 1, "a threshold is 0 to 1");
    center.no("service set quote 10.0.0.1:80", 2, "--weight");
    center.ok(register);
    let again = format!("{register} --ephemeral");
    center.no(&again, 5, "this instance is persistent");
    let (code, _, _) = center.esb_as(&center.auditor, "service show quote");
    assert_eq!(code, 0, "an auditor may look");
}

#[test]
fn an_ephemeral_instance_lives_by_its_beats_and_a_silent_one_is_not_woken_by_a_change() {
    let center = Center::open();
    center.no("service beat quote 10.0.0.1:80", 3, "10.0.0.1:80");
    let told = "--ephemeral --beat 1 --unhealthy-after 60 --removed-after 120 --output json";
    let out = center.ok(&format!("service register quote 10.0.0.1:80 {told}"));
    let service: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(service["instances"][0]["unhealthy_after_s"], 60);
    let out = center.ok("service beat quote 10.0.0.1:80");
    assert_eq!(out, "quote  10.0.0.1:80  heard of\n");
    center.no(
        "service set quote 10.0.0.1:80 --healthy false",
        5,
        "lives by its beats",
    );
    let drained = center.json("service drain quote 10.0.0.1:80");
    let one = &drained["instances"][0];
    assert_eq!(
        (&one["enabled"], &one["ephemeral"], &one["removed_after_s"]),
        (&json!(false), &json!(true), &json!(120))
    );

    let told = "--ephemeral --beat 1 --unhealthy-after 1 --removed-after 120";
    center.ok(&format!("service register quote 10.0.0.2:80 {told}"));
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while center.json("service show quote")["instances"][1]["healthy"] == true {
        assert!(
            std::time::Instant::now() < end,
            "a silent instance stays healthy"
        );
    }
    center.no("service drain quote 10.0.0.2:80", 5, "nothing was changed");
    assert_eq!(
        center.json("service show quote")["instances"][1]["enabled"],
        true
    );
}

#[test]
fn an_item_is_added_and_changed_by_who_saw_it() {
    let center = Center::open();
    center.file("one.yaml", "limit: 1\n");
    center.file("two.yaml", "limit: 2\n");
    center.file("broken.yaml", "a: [1\n");
    let set = "config set limits.yaml --file";
    center.no(
        &format!("{set} broken.yaml --new --reason x"),
        1,
        "content: line ",
    );
    center.no(
        &format!("{set} nowhere.yaml --new --reason x"),
        1,
        "nowhere.yaml",
    );
    center.no(&format!("{set} one.yaml --reason x"), 2, "--revision");
    center.no(
        &format!("{set} one.yaml --revision 1 --reason x"),
        3,
        "limits.yaml",
    );
    let made = center.json(&format!("{set} one.yaml --new --reason first"));
    assert_eq!(
        (&made["type"], &made["revision"]),
        (&json!("yaml"), &json!(1))
    );
    center.no(
        &format!("{set} one.yaml --new --reason x"),
        5,
        "is there already",
    );
    center.ok(&format!("{set} two.yaml --revision 1 --reason second"));
    center.no(
        &format!("{set} one.yaml --revision 1 --reason x"),
        5,
        "revision 2",
    );
    assert_eq!(center.ok("config get limits.yaml"), "limit: 2\n");
    let list = center.ok("config list --group DEFAULT_GROUP --lang zh");
    assert!(
        list.contains("limits.yaml") && list.contains("修订 2"),
        "{list}"
    );
    assert_eq!(center.ok("config list --group none"), "");
    assert!(
        center
            .ok("config show limits.yaml")
            .contains("  provider\n")
    );
    center.no("config get none", 3, "none");
}

#[test]
fn an_item_is_gone_back_with_and_removed_from_the_command_line() {
    let center = Center::open();
    center.file("one.yaml", "limit: 1\n");
    center.file("two.yaml", "limit: 2\n");
    center.ok("config set limits.yaml --file one.yaml --new --reason first");
    center.ok("config set limits.yaml --file two.yaml --any --reason second");
    center.no(
        "config rollback limits.yaml --to 9 --any --reason x",
        3,
        "9",
    );
    center.ok("config rollback limits.yaml --to 1 --revision 2 --reason wrong");
    assert_eq!(center.ok("config get limits.yaml"), "limit: 1\n");
    let history = center.ok("config history limits.yaml");
    let events: Vec<&str> = history.lines().collect();
    assert!(
        events[0].contains("rolled back") && events[0].ends_with("wrong"),
        "{history}"
    );
    assert!(
        events[1].contains("changed") && events[2].contains("added"),
        "{history}"
    );
    let newest = center.ok("config history limits.yaml --limit 1 --lang zh");
    assert!(
        newest.contains("回滚") && newest.lines().count() == 1,
        "{newest}"
    );

    center.no(
        "config delete limits.yaml --revision 2 --reason x",
        5,
        "revision 3",
    );
    let gone = center.ok("config delete limits.yaml --revision 3 --reason over");
    assert_eq!(gone, "limits.yaml  removed\n");
    center.no("config show limits.yaml", 3, "limits.yaml");
    assert!(center.ok("config history limits.yaml").contains("removed"));
    center.no("config history none", 3, "there never was");
}

#[test]
fn a_content_comes_from_standard_input_and_goes_to_some_clients_first() {
    let center = Center::open();
    let mut command = rialto(center.folder.path());
    command.env("RIALTO_SERVER", center.house.url());
    command.env("RIALTO_TOKEN", &center.provider);
    let words = "esb config set app.json --file - --new --reason first";
    command.args(words.split(' ')).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"{\"a\": 1}")
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(center.ok("config get app.json"), "{\"a\": 1}");

    center.file("grey.json", "{\"a\": 2}");
    center.no("config get app.json --grey", 3, "no grey release");
    let start = "config grey start app.json --file grey.json --reason try";
    center.no(&format!("{start} --any"), 1, "address");
    center.no(&format!("{start} --any --address host"), 1, "addresses/0");
    let whom = "--address 10.1.0.0/16 --label zone=sh --label zone=sz";
    let begun = center.ok(&format!("{start} --revision 1 {whom}"));
    assert!(
        begun.ends_with("  grey release for: 10.1.0.0/16 zone=sh zone=sz\n"),
        "{begun}"
    );
    assert_eq!(center.ok("config get app.json --grey"), "{\"a\": 2}");
    assert_eq!(center.ok("config get app.json"), "{\"a\": 1}");
    center.no(
        "config grey withdraw app.json --revision 1 --reason x",
        5,
        "revision 2",
    );
    center.ok("config grey withdraw app.json --revision 2 --reason no");
    center.no(
        "config grey release app.json --any --reason x",
        5,
        "no grey release",
    );
    assert_eq!(center.ok("config get app.json"), "{\"a\": 1}");
    center.ok(&format!("{start} --any {whom}"));
    assert!(center.ok("config list --lang zh").contains("灰度中"));
    center.ok("config grey release app.json --any --reason good");
    assert_eq!(center.ok("config get app.json"), "{\"a\": 2}");
    assert!(
        center
            .ok("config history app.json --lang zh")
            .contains("全量发布")
    );
}

#[test]
fn a_secret_is_printed_by_right_and_when_asked_for_only() {
    let center = Center::open();
    center.file("key", "hunter2");
    center.file("grey", "hunter3");
    let made = center.json("config set key --file key --secret --new --reason first");
    assert_eq!(
        (&made["secret"], &made["content"]),
        (&json!(true), &Value::Null)
    );
    let grey = "config grey start key --file grey --address ::1 --any --reason x --output json";
    for words in [
        "config set key --file key --any --reason again --output json",
        grey,
        "config show key --output json",
        "config list --output json",
        "config history key --output json",
    ] {
        let out = center.ok(words);
        assert!(
            out.contains("\"secret\": true") && !out.contains("hunter"),
            "{words}: {out}"
        );
    }
    center.no("config get key", 2, "--open prints its content");
    assert_eq!(center.ok("config get key --open"), "hunter2");
    assert_eq!(center.ok("config get key --open --grey"), "hunter3");
    let opened = center.ok("config history key --open --output json");
    assert!(opened.contains("\"content\": \"hunter2\""), "{opened}");
    let auditor = &center.auditor;
    center.no_as(auditor, "config get key --open", 4, "esb.config.open");
    let (code, out, _) = center.esb_as(auditor, "config history key --open --output json");
    assert!(code == 0 && !out.contains("hunter"), "{out}");
    let set = "config set key --file key --any --reason x";
    center.no_as(auditor, set, 4, "esb.config.write");
}
