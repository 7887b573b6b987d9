//! Smart HTTP: the two services as streams.

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::mpsc;

use crate::hook::PushPolicy;
use crate::oversize::Oversize;
use crate::{GitError, Repository};

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Fetch and clone.
    UploadPack,
    /// Push.
    ReceivePack,
}

impl Service {
    /// Reads `git-upload-pack` or `git-receive-pack`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "git-upload-pack" => Some(Self::UploadPack),
            "git-receive-pack" => Some(Self::ReceivePack),
            _ => None,
        }
    }

    /// Name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }

    const fn command(self) -> &'static str {
        match self {
            Self::UploadPack => "upload-pack",
            Self::ReceivePack => "receive-pack",
        }
    }

    /// Content type of the answer to `info/refs`.
    #[must_use]
    pub const fn advertisement_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-advertisement",
            Self::ReceivePack => "application/x-git-receive-pack-advertisement",
        }
    }

    /// Content type of the answer to the service's POST.
    #[must_use]
    pub const fn result_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-result",
            Self::ReceivePack => "application/x-git-receive-pack-result",
        }
    }
}

/// Limits of git processes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest pack of one push, bytes.
    pub push_bytes: u64,
    /// Largest request of a fetch (after decompression), bytes.
    pub fetch_request_bytes: u64,
    /// A reading command may take this long.
    pub read_timeout: Duration,
    /// An exchange may take this long.
    pub exchange_timeout: Duration,
    /// A client may stay silent this long.
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            push_bytes: 512 << 20,
            fetch_request_bytes: 32 << 20,
            read_timeout: Duration::from_secs(30),
            exchange_timeout: Duration::from_secs(900),
            idle_timeout: Duration::from_secs(120),
        }
    }
}

/// A running exchange.
pub struct Exchange {
    /// What goes back to the client. Ends when git has closed its output.
    pub output: mpsc::Receiver<Result<Bytes, std::io::Error>>,
    /// Ends when the process is gone; git's own complaint if it failed. The exchange runs to its
    /// end even when the client goes away, so a push is never half-noticed.
    pub finished: tokio::task::JoinHandle<Result<(), GitError>>,
}

impl Exchange {
    /// Waits for git's first word. A git that ends without one, and not well, found the request to
    /// be none: that is told instead of an empty answer.
    ///
    /// # Errors
    /// [`GitError::Malformed`] with git's complaint; other errors of the exchange as they are.
    pub async fn begun(self) -> Result<Begun, GitError> {
        let Self {
            mut output,
            finished,
        } = self;
        let first = output.recv().await;
        if first.is_some() {
            return Ok(Begun {
                first,
                output,
                finished: Some(finished),
            });
        }
        // An empty answer of a git that ended well: a flush packet asks for nothing.
        let ended = finished.await.unwrap_or_else(|error| {
            Err(GitError::Unreadable {
                command: "exchange".to_owned(),
                detail: error.to_string(),
            })
        });
        match ended {
            Ok(()) => Ok(Begun {
                first: None,
                output,
                finished: None,
            }),
            Err(GitError::Failed {
                command, stderr, ..
            }) => {
                let said = stderr.lines().next().unwrap_or("it gave no reason");
                Err(GitError::Malformed {
                    command,
                    detail: said.to_owned(),
                })
            }
            Err(other) => Err(other),
        }
    }
}

/// An exchange that git answers.
#[derive(Debug)]
pub struct Begun {
    /// The first piece of the answer; `None` when git ended well without a word.
    pub first: Option<Result<Bytes, std::io::Error>>,
    /// The rest.
    pub output: mpsc::Receiver<Result<Bytes, std::io::Error>>,
    /// As in [`Exchange`]; `None` when it ended already.
    pub finished: Option<tokio::task::JoinHandle<Result<(), GitError>>>,
}

/// The room for what the pack itself does not count: commands, options, certificates.
const PUSH_OVERHEAD: u64 = 4 << 20;

impl Repository {
    /// The answer to `GET info/refs?service=…`. `protocol` is the `Git-Protocol` header.
    ///
    /// # Errors
    /// When git fails.
    pub async fn advertise(
        &self,
        service: Service,
        protocol: Option<&str>,
    ) -> Result<Vec<u8>, GitError> {
        let mut command = self.git.command(None);
        let protocol = protocol.filter(|p| is_plain_protocol(p));
        if let Some(protocol) = protocol {
            command.env("GIT_PROTOCOL", protocol);
        }
        command
            .arg(service.command())
            .args(["--stateless-rpc", "--http-backend-info-refs"])
            .arg(&self.path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let output = tokio::time::timeout(self.git.limits().read_timeout, command.output());
        let seconds = self.git.limits().read_timeout.as_secs();
        let name = service.command().to_owned();
        let output = output
            .await
            .map_err(|_| GitError::TimedOut {
                command: name.clone(),
                seconds,
            })?
            .map_err(|e| self.git.start_error(e))?;
        if !output.status.success() {
            return Err(GitError::Failed {
                command: name,
                status: output.status.to_string(),
                stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
        let version_2 = protocol.is_some_and(|p| p.split(':').any(|word| word == "version=2"));
        if version_2 && service == Service::UploadPack {
            return Ok(output.stdout);
        }
        let line = format!("# service={}\n", service.name());
        let mut answer = format!("{:04x}{line}0000", line.len() + 4).into_bytes();
        answer.extend_from_slice(&output.stdout);
        Ok(answer)
    }

    /// Starts the service on a request body. A push needs a policy; a fetch ignores it.
    ///
    /// # Errors
    /// When git cannot be started, or a push comes without a policy.
    pub fn exchange<B>(
        &self,
        service: Service,
        protocol: Option<&str>,
        gzip: bool,
        policy: Option<&PushPolicy>,
        body: B,
    ) -> Result<Exchange, GitError>
    where
        B: Stream<Item = Result<Bytes, std::io::Error>> + Send + Unpin + 'static,
    {
        let mut command = self.git.command(None);
        if let Some(protocol) = protocol.filter(|p| is_plain_protocol(p)) {
            command.env("GIT_PROTOCOL", protocol);
        }
        match (service, policy) {
            (Service::ReceivePack, Some(policy)) => {
                command.env(crate::hook::POLICY_VARIABLE, policy.to_json());
            }
            (Service::ReceivePack, None) => {
                return Err(GitError::Failed {
                    command: "receive-pack".to_owned(),
                    status: "refused".to_owned(),
                    stderr: "a push needs a policy".to_owned(),
                });
            }
            (Service::UploadPack, _) => {}
        }
        command
            .arg(service.command())
            .arg("--stateless-rpc")
            .arg(&self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().map_err(|e| self.git.start_error(e))?;
        let (sender, output) = mpsc::channel(16);
        let limits = self.git.limits().clone();
        let finished = tokio::spawn(carry(service, child, body, gzip, limits, sender));
        Ok(Exchange { output, finished })
    }
}

/// Moves bytes both ways until git ends.
async fn carry<B>(
    service: Service,
    mut child: Child,
    body: B,
    gzip: bool,
    limits: Limits,
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
) -> Result<(), GitError>
where
    B: Stream<Item = Result<Bytes, std::io::Error>> + Send + Unpin + 'static,
{
    let limit = match service {
        Service::UploadPack => limits.fetch_request_bytes,
        Service::ReceivePack => limits.push_bytes.saturating_add(PUSH_OVERHEAD),
    };
    let (Some(stdin), Some(mut stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(GitError::Unreadable {
            command: service.command().to_owned(),
            detail: "its pipes are missing".to_owned(),
        });
    };
    let feed = feed(service, stdin, body, gzip, limit, limits.idle_timeout);
    let pack_limit = (service == Service::ReceivePack).then_some(limits.push_bytes);
    let drain = drain(&mut stdout, pack_limit, sender);
    let complaint = async {
        let mut text = Vec::new();
        let _ = stderr.take(4096).read_to_end(&mut text).await;
        String::from_utf8_lossy(&text).trim().to_owned()
    };
    let work = async {
        let (fed, drained, complaint) = tokio::join!(feed, drain, complaint);
        let status = child.wait().await;
        (fed, drained, complaint, status)
    };
    let Ok((fed, drained, complaint, status)) =
        tokio::time::timeout(limits.exchange_timeout, work).await
    else {
        let seconds = limits.exchange_timeout.as_secs();
        return Err(GitError::TimedOut {
            command: service.command().to_owned(),
            seconds,
        });
    };
    let unreadable = |detail: String| GitError::Unreadable {
        command: service.command().to_owned(),
        detail,
    };
    let status = status.map_err(|e| unreadable(e.to_string()))?;
    fed?;
    if drained.map_err(|e| unreadable(e.to_string()))? {
        return Err(GitError::TooLarge {
            what: "the pack of the push".to_owned(),
            limit: usize::try_from(limits.push_bytes).unwrap_or(usize::MAX),
        });
    }
    if status.success() {
        return Ok(());
    }
    Err(GitError::Failed {
        command: service.command().to_owned(),
        status: status.to_string(),
        stderr: complaint,
    })
}

/// Hands git's answer to the client; true when a pack over `pack_limit` was refused in it. A client
/// that goes away changes nothing: git is read to its end.
async fn drain(
    stdout: &mut ChildStdout,
    pack_limit: Option<u64>,
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
) -> std::io::Result<bool> {
    let mut oversize = pack_limit.map(Oversize::new);
    let mut client_is_there = true;
    let mut buffer = vec![0_u8; 64 << 10];
    loop {
        let count = stdout.read(&mut buffer).await?;
        let bytes = match (&mut oversize, count) {
            (None, _) => buffer[..count].to_vec(),
            (Some(oversize), 0) => oversize.rest(),
            (Some(oversize), _) => oversize.pass(&buffer[..count]),
        };
        if client_is_there && !bytes.is_empty() {
            client_is_there = sender.send(Ok(bytes.into())).await.is_ok();
        }
        if count == 0 {
            return Ok(oversize.is_some_and(|oversize| oversize.met()));
        }
    }
}

/// Feeds the request to git, decompressing when asked, within the limit.
async fn feed<B>(
    service: Service,
    mut stdin: ChildStdin,
    mut body: B,
    gzip: bool,
    limit: u64,
    idle: Duration,
) -> Result<(), GitError>
where
    B: Stream<Item = Result<Bytes, std::io::Error>> + Send + Unpin,
{
    let broken = |detail: String| GitError::Malformed {
        command: service.command().to_owned(),
        detail,
    };
    let mut inflater = gzip.then(|| flate2::write::GzDecoder::new(Vec::new()));
    let mut total: u64 = 0;
    loop {
        let next =
            tokio::time::timeout(idle, body.next())
                .await
                .map_err(|_| GitError::TimedOut {
                    command: "request".to_owned(),
                    seconds: idle.as_secs(),
                })?;
        let Some(chunk) = next else { break };
        let chunk = chunk.map_err(|e| broken(e.to_string()))?;
        let plain = match &mut inflater {
            None => chunk,
            Some(inflater) => {
                let plain = inflate(inflater, &chunk, limit.saturating_sub(total))
                    .map_err(|e| broken(format!("the gzip body is damaged: {e}")))?;
                Bytes::from(plain)
            }
        };
        total += plain.len() as u64;
        if total > limit {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            return Err(GitError::TooLarge {
                what: "the request".to_owned(),
                limit,
            });
        }
        // A git that stops reading has its reason; its status and stderr will say so.
        if stdin.write_all(&plain).await.is_err() {
            return Ok(());
        }
    }
    if let Some(mut inflater) = inflater {
        inflater
            .try_finish()
            .map_err(|e| broken(format!("the gzip body is damaged: {e}")))?;
        let rest = std::mem::take(inflater.get_mut());
        let _ = stdin.write_all(&rest).await;
    }
    let _ = stdin.shutdown().await;
    Ok(())
}

/// Decompresses a chunk in small steps so that a bomb is noticed before it fills the memory.
fn inflate(
    inflater: &mut flate2::write::GzDecoder<Vec<u8>>,
    chunk: &[u8],
    room: u64,
) -> std::io::Result<Vec<u8>> {
    use std::io::Write as _;
    let mut plain = Vec::new();
    for piece in chunk.chunks(4096) {
        inflater.write_all(piece)?;
        plain.append(inflater.get_mut());
        if plain.len() as u64 > room {
            break;
        }
    }
    Ok(plain)
}

/// `Git-Protocol` goes into an environment variable: only the form git itself sends is let through.
fn is_plain_protocol(header: &str) -> bool {
    header.len() <= 128
        && header
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"=:-_.".contains(&b))
}
