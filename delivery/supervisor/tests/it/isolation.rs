//! What a service in its cage reaches, tried by a real one before it serves.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rialto_delivery_release::SlotName;
use rialto_delivery_supervisor::{
    Health, IsolationMode, ServiceCage, SlotStatus, Supervisor, serve_cage,
};

use crate::world::{World, is_alive, key, run, until};

/// The cage is this very test binary, too. A shell leaves a file open on the way.
pub fn program() -> Vec<OsString> {
    let mut words: Vec<OsString> = ["sh", "-c", "exec 9</etc/passwd; exec \"$@\"", "sh"]
        .map(OsString::from)
        .to_vec();
    words.push(std::env::current_exe().unwrap().into_os_string());
    let entry = ["--ignored", "--nocapture", "--exact"];
    words.extend(entry.map(OsString::from));
    words.push("isolation::service_cage_entry".into());
    words
}

#[test]
#[ignore = "the body of the cage processes that other tests start"]
fn service_cage_entry() {
    let order = std::env::args_os().next_back().unwrap();
    panic!("{}", serve_cage(&order).unwrap_err());
}

/// A process that stands for the server.
struct Server(Child);

impl Server {
    fn start() -> Self {
        let sleep = Command::new("sleep")
            .arg("300")
            .env("SECRET_OF_THE_SERVER", "hunter2")
            .stdin(Stdio::null())
            .spawn();
        Self(sleep.unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Tries each of these and then serves; `DATA` and `SERVER` are filled in.
fn tries(reached: &[&str], needed: &[&str]) -> String {
    let mut script = String::new();
    for line in reached {
        script.push_str(&format!(
            "if ({line}) > $TMPDIR/out 2>&1; then echo 'REACHED: {line}'; cat $TMPDIR/out; fi\n"
        ));
    }
    for line in needed {
        script.push_str(&format!("({line}) || echo 'MISSED: {line}'\n"));
    }
    script
}

fn fill(world: &mut World, script: &str, server: &Server) {
    let script = script
        .replace("DATA", &world.data().to_string_lossy())
        .replace("SERVER", &server.0.id().to_string());
    let service = crate::world::script(&script);
    let entries: [(&str, u32, &[u8]); 2] = [
        ("service", 0o755, service.as_bytes()),
        ("data/x", 0o644, b"x"),
    ];
    crate::world::zip(&world.archive, &entries);
    world.digest = crate::world::sha256(&world.archive);
    for folder in ["secrets", "services"] {
        std::fs::create_dir_all(world.data().join(folder)).unwrap();
    }
    std::fs::write(world.data().join("secrets/evidence.pem"), "THE-SIGNING-KEY").unwrap();
    std::fs::write(world.data().join("rialto.db"), "rows").unwrap();
}

async fn served(world: &World, supervisor: &Supervisor) -> (SlotStatus, String) {
    let key = world.install(supervisor, SlotName::Blue).await;
    supervisor.start(&key, run("well")).await.unwrap();
    let healthy = |s: &SlotStatus| s.health == Health::Healthy;
    let status = until(supervisor, &key, "healthy", healthy).await;
    let log = world
        .data()
        .join("services/sample%2Fquotes/test/blue/log/stdout.log");
    (status, std::fs::read_to_string(log).unwrap())
}

#[tokio::test]
async fn a_service_reaches_nothing_of_the_server_and_serves_all_the_same() {
    let mut world = World::new();
    let mut server = Server::start();
    let mut reached = vec![
        "cat DATA/secrets/evidence.pem",
        "ls DATA",
        "ls DATA/services",
        "echo x >> DATA/rialto.db",
        "touch DATA/secrets/new",
        "cat /proc/SERVER/environ",
        "ls -l /proc/SERVER/fd/",
        "kill -0 SERVER",
        "kill -9 SERVER",
        // What its keeper reads, follows or runs.
        "cat ../../process.json",
        "echo {} > ../../process.json",
        "mv ../../log ../../tmp/",
        "ln -sfn DATA/rialto.db ../../log/stdout.log",
        "rm ../../log/stdout.log",
        "touch new",
        "echo x >> service",
        "touch /etc/rialto-service",
        "touch ~root/rialto-service",
        // What was left open on the way here.
        "read line <&9",
        "ls /proc/$$/fd/9",
    ];
    let root = nix::unistd::geteuid().is_root();
    if root {
        reached.extend([
            "chmod 777 DATA/secrets",
            "chown 1 DATA/secrets",
            "chmod 777 /etc/hostname",
            "date -s 2001-01-01",
        ]);
    }
    let needed = [
        "cat data/x",
        "echo kept > $HOME/file && mv $HOME/file $HOME/other",
        "file=$(mktemp) && echo x > $file && test -e $TMPDIR/${file##*/} && rm $file",
        "echo again > /proc/self/fd/1",
        "cat /etc/passwd > /dev/null && ls /usr/bin > /dev/null",
    ];
    fill(&mut world, &tries(&reached, &needed), &server);
    let supervisor = world.caged(IsolationMode::Landlock).await;
    let (_, log) = served(&world, &supervisor).await;
    for word in ["REACHED", "MISSED", "THE-SIGNING-KEY", "hunter2"] {
        assert!(!log.contains(word), "{log}");
    }
    assert!(log.contains("again") && log.contains("serving on"), "{log}");
    assert_eq!(server.0.try_wait().unwrap(), None);
    let kept = std::fs::read_to_string(world.data().join("rialto.db")).unwrap();
    assert_eq!(kept, "rows");
    supervisor.stop(&key(SlotName::Blue)).await.unwrap();
}

#[tokio::test]
async fn a_service_without_a_cage_reaches_what_its_user_does() {
    let mut world = World::new();
    let server = Server::start();
    let reached = ["cat DATA/secrets/evidence.pem"];
    fill(&mut world, &tries(&reached, &[]), &server);
    let supervisor = world.caged(IsolationMode::Off).await;
    let (status, log) = served(&world, &supervisor).await;
    assert!(log.contains("THE-SIGNING-KEY"), "{log}");
    supervisor.stop(&key(SlotName::Blue)).await.unwrap();
    assert!(!is_alive(status.pid.unwrap()));
}

#[tokio::test]
async fn a_caged_service_is_one_process_that_is_adopted_and_ended_like_any_other() {
    let mut world = World::new();
    let server = Server::start();
    fill(&mut world, "sleep 1000 &\necho child $!", &server);
    let supervisor = world.caged(IsolationMode::Landlock).await;
    let (before, log) = served(&world, &supervisor).await;
    let pid = before.pid.unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let session = after_name.split_whitespace().nth(3).unwrap();
    assert_eq!(session, pid.to_string(), "its session is its own: {stat}");
    drop(supervisor);
    let supervisor = world.caged(IsolationMode::Landlock).await;
    let key = key(SlotName::Blue);
    let healthy = |s: &SlotStatus| s.health == Health::Healthy;
    let after = until(&supervisor, &key, "healthy", healthy).await;
    assert_eq!((after.pid, after.address), (before.pid, before.address));
    supervisor.stop(&key).await.unwrap();
    assert!(!is_alive(pid));
    let child = log.lines().find_map(|line| line.strip_prefix("child "));
    let child: i32 = child.unwrap().parse().unwrap();
    while is_alive(child) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn services_write_to_folders_an_operator_names_but_never_to_the_servers() {
    let mut world = World::new();
    let server = Server::start();
    let shared = world.folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    let needed = format!("echo x > {}/file", shared.display());
    fill(&mut world, &tries(&[], &[&needed]), &server);
    let mut cage = ServiceCage::new(IsolationMode::Landlock, vec![world.data()]).unwrap();
    let why = cage.allow_writing(&[world.data().join("secrets")]);
    assert!(why.unwrap_err().contains("is hidden from them"));
    let why = cage.allow_writing(&[Path::new("/").to_owned()]);
    assert!(why.unwrap_err().contains("the running program"));
    cage.allow_writing(std::slice::from_ref(&shared)).unwrap();
    cage.program = program();
    let root = world.data().join("services");
    let supervisor = Supervisor::open_caged(root, cage).await.unwrap();
    let (_, log) = served(&world, &supervisor).await;
    assert!(!log.contains("MISSED"), "{log}");
    assert!(shared.join("file").exists());
    supervisor.stop(&key(SlotName::Blue)).await.unwrap();
}
