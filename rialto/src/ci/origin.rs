//! The project's path on its server, as the remote `origin` names it.

use std::path::Path;

/// The path of the project (`group/project`) from the `origin` of a git folder's `config`;
/// `None` without such a remote, or when it is a folder of this machine.
///
/// Read without starting git, because every command on a pipeline file needs it.
pub(super) fn project_path(git: &Path) -> Option<String> {
    let config = std::fs::read_to_string(git.join("config")).ok()?;
    path_of_url(url_of_origin(&config)?)
}

/// The first `url` of the section `[remote "origin"]`.
fn url_of_origin(config: &str) -> Option<&str> {
    let mut inside = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[remote \"origin\"]";
        } else if let Some((key, value)) = line.split_once('=')
            && inside
            && key.trim().eq_ignore_ascii_case("url")
        {
            return Some(value.trim().trim_matches('"'));
        }
    }
    None
}

/// The path of `scheme://host/path` or `host:path` (scp's form), without `.git` and slashes.
fn path_of_url(url: &str) -> Option<String> {
    let path = match url.split_once("://") {
        Some(("file", _)) => return None,
        Some((_, rest)) => rest.split_once('/')?.1,
        None => {
            let (host, path) = url.split_once(':')?;
            // A slash before the colon means a folder; one letter, a drive of Windows.
            if host.contains('/') || host.len() == 1 {
                return None;
            }
            path
        }
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    // A project lies in a namespace; anything else is no address of a project.
    path.split_once('/').is_some().then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_address_is_without_server_and_suffix() {
        for url in [
            "https://git.example.org/tools/deep/quotes.git",
            "https://user:secret@git.example.org:8443/tools/deep/quotes/",
            "ssh://git@git.example.org:2222/tools/deep/quotes.git",
            "git@git.example.org:tools/deep/quotes.git",
        ] {
            assert_eq!(
                path_of_url(url).as_deref(),
                Some("tools/deep/quotes"),
                "{url}"
            );
        }
    }

    #[test]
    fn a_folder_is_no_project_path() {
        for url in [
            "/srv/git/quotes.git",
            "../a:b/quotes",
            "file:///srv/git/quotes.git",
            "C:/git/quotes",
            "https://git.example.org/quotes.git",
            "https://git.example.org",
            "",
        ] {
            assert_eq!(path_of_url(url), None, "{url}");
        }
    }

    #[test]
    fn only_the_remote_origin_counts() {
        let config = "[core]\n\turl = https://h/a/wrong\n[remote \"fork\"]\n\turl = https://h/b/fork\n\
                      [remote \"origin\"]\n\tfetch = +refs\n\tURL = https://h/a/right.git\n";
        assert_eq!(url_of_origin(config), Some("https://h/a/right.git"));
        assert_eq!(url_of_origin("[remote \"fork\"]\n\turl = x:y/z\n"), None);
    }
}
