//! Fetching artifact archives over HTTP, for the blocking executor.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;

use crate::executor::FetchArtifact;

/// Downloads with the lease of the asking job; the runner's token goes to its own server only.
#[derive(Debug, Clone)]
pub struct HttpArtifacts {
    server: String,
    token: String,
}

impl HttpArtifacts {
    /// `server` is the base address whose artifacts need the token.
    #[must_use]
    pub fn new(server: String, token: String) -> Self {
        Self {
            server: server.trim_end_matches('/').to_owned(),
            token,
        }
    }

    fn is_own(&self, url: &str) -> bool {
        !self.server.is_empty()
            && url
                .strip_prefix(&self.server)
                .is_some_and(|rest| rest.starts_with('/'))
    }

    async fn download(&self, url: &str, lease: &str, target: &Path) -> Result<(), String> {
        let client = crate::agent::client::http_client().map_err(|e| e.to_string())?;
        let mut request = client.get(url).timeout(Duration::from_secs(600));
        if self.is_own(url) {
            request = request
                .bearer_auth(&self.token)
                .header("X-Job-Lease", lease);
        }
        let response = request
            .send()
            .await
            .map_err(|e| e.without_url().to_string())?;
        if !response.status().is_success() {
            return Err(format!("the server answered {}", response.status()));
        }
        let mut file = std::fs::File::create(target).map_err(|e| e.to_string())?;
        let mut body = response.bytes_stream();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|e| e.without_url().to_string())?;
            file.write_all(&chunk).map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}

impl FetchArtifact for HttpArtifacts {
    fn fetch(&self, url: &str, lease: &str, target: &Path) -> Result<(), String> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| e.to_string())?
            .block_on(self.download(url, lease, target))
            .map_err(|e| format!("artifacts could not be downloaded: {e}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_to_the_own_server_only() {
        let artifacts = HttpArtifacts::new("http://127.0.0.1:80/".into(), "t".into());
        assert!(artifacts.is_own("http://127.0.0.1:80/api/x"));
        assert!(!artifacts.is_own("http://127.0.0.1:8080/api/x"));
        assert!(!artifacts.is_own("http://127.0.0.1.example.org/api/x"));
    }
}
