//! Definitions from files, folders, zip archives and standard input.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use rialto_esb_contract::{Bundle, Import, foreign_format, import};
use rialto_esb_manager::artefact::{Artefact, ReadArtefactError, is_text, most_bytes};

/// Reads and imports a definition.
///
/// `file` is a JSON or YAML file, a folder or zip archive of them, or `-`; `root` names the
/// definition's own file within a folder or archive.
///
/// # Errors
/// A text for people: what is wrong with which file.
pub fn definition(file: &Path, root: Option<&str>) -> Result<Import, String> {
    let Artefact { root, texts } = artefact(file, root)?;
    if let Some(format) = texts.get(&root).and_then(|text| foreign_format(text)) {
        return Err(format!(
            "{root}: this is {format}, which is not imported yet; OpenAPI 2.0, 3.0 and 3.1 are"
        ));
    }
    let bundle = Bundle::read(&root, &texts).map_err(|error| error.to_string())?;
    import(&bundle).map_err(|error| error.to_string())
}

fn artefact(file: &Path, root: Option<&str>) -> Result<Artefact, String> {
    let shown = file.display().to_string();
    let told = |error: std::io::Error| format!("{shown}: {error}");
    let name = if shown == "-" { "<stdin>" } else { &shown };
    let refused = |error: ReadArtefactError| match error {
        // It names its file itself.
        ReadArtefactError::NotUtf8 { .. } => error.to_string(),
        ReadArtefactError::Several(_) => format!("{shown} {error} with --root"),
        ReadArtefactError::None | ReadArtefactError::NoRoot(_) => format!("{shown} {error}"),
        other => format!("{shown}: {other}"),
    };
    if file.is_dir() {
        return Artefact::among(files(file).map_err(told)?, root).map_err(refused);
    }
    let mut bytes = Vec::new();
    let limit = most_bytes() as u64 + 1;
    if shown == "-" {
        let read = std::io::stdin().lock().take(limit).read_to_end(&mut bytes);
        read.map_err(told)?;
    } else {
        let opened = fs::File::open(file).map_err(told)?;
        opened.take(limit).read_to_end(&mut bytes).map_err(told)?;
    }
    Artefact::read(name, bytes, root).map_err(refused)
}

/// Files of definitions below a folder by path, links not followed.
///
/// # Errors
/// What cannot be read.
pub fn files(top: &Path) -> std::io::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    folder(top, top, &mut found)?;
    Ok(found)
}

/// Files below a folder, links not followed.
fn folder(top: &Path, within: &Path, found: &mut BTreeMap<String, String>) -> std::io::Result<()> {
    for entry in fs::read_dir(within)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if kind.is_dir() && !hidden {
            folder(top, &path, found)?;
        } else if kind.is_file()
            && let Some(name) = path.strip_prefix(top).ok().and_then(Path::to_str)
            && is_text(name)
        {
            found.insert(name.to_owned(), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
