//! A pooler between a server and its database.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use rialto_platform_lease::{Lease, LeaseSettings};
use sqlx::{Connection as _, PgConnection};

use crate::world::{ROLE, postgres, until};

struct Pooler(Child);

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// PgBouncer before a database; its address in place of PostgreSQL's.
async fn pooler(url: &str, folder: &std::path::Path, mode: &str) -> (Pooler, String) {
    let (_, rest) = url.split_once('@').expect("a user");
    let (host, name) = rest.split_once('/').expect("a database");
    let (address, port) = host.split_once(':').expect("a port");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let own = free.local_addr().expect("bound").port();
    drop(free);
    // It refuses to run as root and takes another user then, who must be able to read this.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("opened");
    let users = folder.join("users");
    fs::write(&users, "\"postgres\" \"\"\n").expect("written");
    let settings = folder.join("pgbouncer.ini");
    let text = format!(
        "[databases]\n* = host={address} port={port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         listen_port = {own}\nauth_type = trust\nauth_file = {}\npool_mode = {mode}\n\
         unix_socket_dir =\nignore_startup_parameters = options,extra_float_digits\n",
        users.display()
    );
    fs::write(&settings, text).expect("written");
    let mut command = Command::new("/usr/sbin/pgbouncer");
    if nix::unistd::Uid::effective().is_root() {
        command.args(["-u", "postgres"]);
    }
    let child = command
        .arg(settings)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("PgBouncer is installed: Debian's package `pgbouncer`");
    let pooler = Pooler(child);
    let url = format!("postgres://postgres@127.0.0.1:{own}/{name}");
    until("the pooler to answer", async || {
        let mut connection = PgConnection::connect(&url).await.ok()?;
        let answer = sqlx::raw_sql("SELECT 1").execute(&mut connection).await;
        answer.ok()
    })
    .await;
    (pooler, url)
}

#[tokio::test]
async fn a_pooler_of_transactions_is_refused_and_one_of_sessions_is_not() {
    let Some(db) = postgres().await else { return };
    let settings = LeaseSettings::default();
    let folder = tempfile::tempdir().expect("a folder");
    let (_pooler, url) = pooler(&db.url, folder.path(), "transaction").await;
    let refused = Lease::start(&db.db, &url, ROLE, "one", settings).await;
    let told = refused.expect_err("a pooler").to_string();
    assert!(told.contains("another session"), "{told}");
    let folder = tempfile::tempdir().expect("a folder");
    let (_pooler, url) = pooler(&db.url, folder.path(), "session").await;
    let lease = Lease::start(&db.db, &url, ROLE, "one", settings).await;
    let lease = lease.expect("its sessions are PostgreSQL's own");
    until("leadership", async || lease.token()).await;
}
