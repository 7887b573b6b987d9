//! A throw-away PostgreSQL cluster for the tests.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{step, system};

/// A running cluster; stopped and removed when dropped.
pub struct Cluster {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    /// For tests, where durability is not the point: the cluster is thrown away.
    pub fn start() -> Result<Self> {
        Self::with("-c fsync=off -c synchronous_commit=off -c full_page_writes=off")
    }

    /// One that keeps what it acknowledged, also when it is killed.
    pub fn durable() -> Result<Self> {
        Self::with("")
    }

    /// Installs PostgreSQL and PgBouncer if they are missing, makes a cluster and starts it.
    fn with(settings: &str) -> Result<Self> {
        let bin = match server_binaries() {
            Some(bin) => bin,
            None => {
                system::install(&["postgresql"])?;
                server_binaries().context("PostgreSQL was installed but `initdb` is not there")?
            }
        };
        // A pooler, which servers that share a database must tell from PostgreSQL itself.
        if !Path::new("/usr/sbin/pgbouncer").is_file() {
            system::install(&["pgbouncer"])?;
        }
        // Outside the checkout: the server's own user must be able to reach it.
        let folder = std::env::temp_dir().join(format!("rialto-postgres-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        if system::is_root() {
            step::run_quietly(Command::new("chown").arg("postgres").arg(&folder))?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let cluster = Self { bin, folder, port };
        let data = cluster.folder.join("data");
        step::run_quietly(cluster.program("initdb").arg("-D").arg(&data).args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]))?;
        let socket = cluster.folder.display();
        let options =
            format!("-p {port} -k {socket} -h 127.0.0.1 -c max_connections=300 {settings}");
        let log = cluster.folder.join("log");
        let started = step::run_quietly(
            cluster
                .program("pg_ctl")
                .args(["-w", "-D"])
                .arg(&data)
                .arg("-l")
                .arg(&log)
                .args(["-o", &options, "start"]),
        );
        if started.is_err() {
            bail!(
                "PostgreSQL did not start:\n{}",
                fs::read_to_string(&log).unwrap_or_default()
            );
        }
        Ok(cluster)
    }

    /// Where tests find it, with the right to make databases.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The command that controls the server, without its verb.
    pub fn control(&self) -> String {
        let command = self.program("pg_ctl");
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        let data = self.folder.join("data");
        let log = self.folder.join("log");
        format!(
            "{} -D {} -l {}",
            words.join(" "),
            data.display(),
            log.display()
        )
    }

    /// A server program, run by a user the server accepts: it refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let path = self.bin.join(name);
        let mut command = if system::is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(&self.folder);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.folder.join("data");
        let mut stop = self.program("pg_ctl");
        stop.args(["-w", "-m", "immediate", "-D"])
            .arg(data)
            .arg("stop");
        if let Err(error) = step::run_quietly(&mut stop) {
            eprintln!("PostgreSQL was not stopped: {error:#}");
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} was not removed: {error}", self.folder.display());
        }
    }
}

/// Newest installed server: Debian keeps its programs off the PATH.
fn server_binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let bin = |entry: fs::DirEntry| entry.path().join("bin");
    let has_server = |bin: &PathBuf| Path::new(bin).join("initdb").is_file();
    versions.flatten().map(bin).filter(has_server).max()
}
