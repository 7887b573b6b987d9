//! Whether a server takes connections at all.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

/// A server that takes longer to accept a connection is not there.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens a connection to the server of an `http` or `https` address and drops it. Other addresses,
/// files for instance, are always there.
///
/// # Errors
/// When nobody takes the connection, or the name of the server leads nowhere.
pub(super) fn knock(url: &str) -> io::Result<()> {
    let Ok(url) = reqwest::Url::parse(url) else {
        return Ok(());
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Ok(());
    }
    let mut last = io::Error::other("its name leads to no address");
    for address in url.socket_addrs(|| None)? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn only_a_server_that_listens_is_reached() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "http://ci:token@{}/git/a.git",
            listener.local_addr().unwrap()
        );
        assert!(knock(&url).is_ok());
        // Nobody may listen at port 1 without being asked to.
        assert!(knock("http://127.0.0.1:1/git/a.git").is_err());
        assert!(knock("file:///nowhere").is_ok());
        assert!(knock("/nowhere").is_ok());
    }
}
