//! What the log says and never says.

use rialto_delivery_run::assignment::Source;

use crate::world::World;

#[test]
fn masked_values_never_reach_the_log() {
    let mut world = World::new(&[
        "echo \"password: $PASSWORD\"",
        "for (( i=0; i<${#PASSWORD}; i++ )); do printf %s \"${PASSWORD:$i:1}\"; sleep 0.01; done; echo",
        "echo -n \"$PASSWORD\" | base64",
        "echo -n \"ci:$CI_JOB_TOKEN\" | base64 -w0",
        "echo \"$CI_JOB_TOKEN\" >&2",
    ]);
    world.variable("PASSWORD", "hunter2hunter2").masked = true;
    world.variable("CI_JOB_TOKEN", "rlt_1_abcdefghijkl");
    world.run();
    let text = world.log.text();
    assert!(text.contains("password: [MASKED]\n[MASKED]") || text.contains("password: [MASKED]\n"));
    assert_eq!(text.matches("[MASKED]").count(), 5, "{text}");
    for secret in [
        "hunter2",
        "abcdefghijkl",
        "aHVudGVyMmh1bnRlcjI",
        "hYmNkZWZnaGlqa2",
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn sections_open_and_close_in_order() {
    let mut world = World::new(&["true"]);
    world.assignment.after_script = vec!["true".to_owned()];
    world.run();
    let text = world.log.text();
    let names: Vec<String> = text
        .split("section_")
        .skip(1)
        .filter_map(|part| {
            let (kind, rest) = part.split_once(':')?;
            let (_, rest) = rest.split_once(':')?;
            Some(format!("{kind} {}", rest.split('\r').next()?))
        })
        .collect();
    assert_eq!(
        names,
        [
            "start prepare_executor",
            "end prepare_executor",
            "start get_sources",
            "end get_sources",
            "start step_script",
            "end step_script",
            "start after_script",
            "end after_script",
        ]
    );
    assert!(text.contains("\r\u{1b}[0K\u{1b}[36;1mRunning the script\u{1b}[0;m\n"));
}

#[test]
fn credentials_of_the_repository_never_reach_the_log() {
    let mut world = World::new(&["true"]);
    world.assignment.source = Source::Git {
        url: "http://ci:very-secret-token@127.0.0.1:9/a/b.git".to_owned(),
        sha: "a".repeat(40),
        git_ref: "refs/heads/main".to_owned(),
    };
    // Nobody is there: the job waits until its time is over.
    world.assignment.timeout_s = 1;
    let outcome = world.run();
    let text = world.log.text();
    assert!(text.contains("127.0.0.1"), "{text}");
    assert!(text.contains("the server cannot be reached"), "{text}");
    assert!(!text.contains("very-secret-token"));
    assert!(!format!("{outcome:?}").contains("very-secret-token"));
}
