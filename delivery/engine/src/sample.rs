//! The sample house: a few users by role and the example projects, each a git repository with its
//! first commit taken in like any push.

use rialto_delivery_gate::default_rule_set;
use rialto_delivery_gate::rule::Measure;
use rialto_delivery_git::{CommitFile, NewCommit, RepositoryName, Signature};
use rialto_delivery_store::project;
use rialto_platform_identity::{Actor, Identity, IdentityError, NewUser, Role, User};
use rialto_platform_store::now;
use rust_embed::RustEmbed;

use crate::{Delivery, DeliveryError, NewProject};

/// The example projects as they stand in the source tree.
#[derive(RustEmbed)]
#[folder = "../../examples"]
#[exclude = "*/target/*"]
#[exclude = "*/__pycache__/*"]
#[exclude = "*/.pytest_cache/*"]
#[exclude = "*.pyc"]
struct Examples;

/// Namespace of the sample projects.
const NAMESPACE: &str = "sample";

/// Stable Rust measures coverage with tools that a newcomer's machine lacks, so this example's rules
/// are about its tests alone; the other example shows both coverage rules.
const WITHOUT_COVERAGE: &str = "quote-service";

/// Login, name, roles.
const USERS: [(&str, &str, &[Role]); 4] = [
    ("developer", "Sample developer", &[Role::Developer]),
    (
        "approver",
        "Sample release manager",
        &[Role::ReleaseManager, Role::QualityOwner],
    ),
    ("operator", "Sample operator", &[Role::Operations]),
    ("auditor", "Sample auditor", &[Role::Auditor]),
];

/// What loading the sample house made or found.
#[derive(Debug, Clone)]
pub struct SampleHouse {
    /// Sample users; they have no password, a one-time link lets them in.
    pub users: Vec<User>,
    /// Paths of the sample projects.
    pub projects: Vec<String>,
}

/// Loads the sample house. What is there already stays as it is.
///
/// # Errors
/// Store, git and identity errors.
pub async fn load(delivery: &Delivery, identity: &Identity) -> Result<SampleHouse, DeliveryError> {
    let system = Actor::system("sample");
    let mut users = Vec::new();
    for (login, name, roles) in USERS {
        users.push(sample_user(identity, &system, login, name, roles).await?);
    }
    let mut projects = Vec::new();
    for example in example_names() {
        projects.push(sample_project(delivery, &system, &example).await?);
    }
    Ok(SampleHouse { users, projects })
}

async fn sample_user(
    identity: &Identity,
    system: &Actor,
    login: &str,
    name: &str,
    roles: &[Role],
) -> Result<User, IdentityError> {
    if let Some(user) = identity.user_by_login(login).await? {
        return Ok(user);
    }
    let new = NewUser {
        login: login.to_owned(),
        name: name.to_owned(),
        email: format!("{login}@sample.invalid"),
        password: None,
        roles: roles.to_vec(),
        locale: None,
    };
    identity.create_user(system, new).await
}

/// Folders directly under `examples/` that hold a pipeline.
fn example_names() -> Vec<String> {
    let mut names: Vec<String> = Examples::iter()
        .filter_map(|path| path.strip_suffix("/.gitlab-ci.yml").map(str::to_owned))
        .filter(|name| !name.contains('/'))
        .collect();
    names.sort();
    names
}

async fn sample_project(
    delivery: &Delivery,
    system: &Actor,
    example: &str,
) -> Result<String, DeliveryError> {
    let path = format!("{NAMESPACE}/{example}");
    let row = match project::find_by_path(&mut delivery.db(), &path).await? {
        Some(row) => row,
        None => {
            let new = NewProject {
                path: path.clone(),
                name: None,
                description: description(example),
                default_branch: None,
            };
            let row = delivery.create_project(system, &new).await?;
            if example == WITHOUT_COVERAGE {
                let rules: Vec<_> = default_rule_set()
                    .rules
                    .into_iter()
                    .filter(|rule| rule.measure != Measure::CoverageLine)
                    .collect();
                let document = serde_json::json!({ "rules": rules });
                delivery.put_gate_rules(system, &row.id, &document).await?;
            }
            row
        }
    };
    let repository = delivery.git().repository(&RepositoryName::parse(&path)?)?;
    let head = format!("refs/heads/{}", row.default_branch);
    if repository.resolve(&head).await?.is_none() {
        let new = NewCommit {
            branch: row.default_branch.clone(),
            message: format!("{example}: first version\n"),
            author: Signature {
                name: "Rialto sample".to_owned(),
                email: "sample@sample.invalid".to_owned(),
                at: now().as_second(),
            },
            files: files(example),
        };
        repository.commit_files(&new).await?;
    }
    delivery.take_pushes(&row).await?;
    Ok(path)
}

/// First line of text after the heading of the example's README.
fn description(example: &str) -> String {
    let readme = Examples::get(&format!("{example}/README.md"));
    let text = readme.map(|file| String::from_utf8_lossy(&file.data).into_owned());
    text.unwrap_or_default()
        .lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}

fn files(example: &str) -> Vec<CommitFile> {
    let prefix = format!("{example}/");
    let mut files: Vec<CommitFile> = Examples::iter()
        .filter_map(|path| {
            let inner = path.strip_prefix(&prefix)?.to_owned();
            let content = Examples::get(&path)?.data.into_owned();
            // The embedded form has no mode: a script says itself that it is one.
            let executable = content.starts_with(b"#!");
            Some(CommitFile {
                path: inner,
                content: Some(content),
                executable,
            })
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

#[cfg(test)]
mod tests {
    use rialto_platform_identity::Permission;

    use super::*;

    #[test]
    fn whatever_delivery_asks_a_role_for_somebody_of_the_sample_house_may_do() {
        let of_delivery = |permission: &&Permission| permission.as_str().starts_with("delivery.");
        for permission in Permission::ALL.iter().filter(of_delivery) {
            let may = |roles: &[Role]| roles.iter().any(|role| permission.roles().contains(role));
            let somebody = USERS.iter().any(|(_, _, roles)| may(roles));
            assert!(
                somebody || permission.roles().is_empty(),
                "{}",
                permission.as_str()
            );
        }
    }

    #[test]
    fn each_example_is_whole_and_carries_no_build_output() {
        let names = example_names();
        assert!(names.len() >= 2, "{names:?}");
        for name in names {
            let files = files(&name);
            let has = |path: &str| files.iter().any(|file| file.path == path);
            assert!(has(".gitlab-ci.yml") && has("README.md"), "{name}");
            assert!(
                files
                    .iter()
                    .all(|f| !f.path.contains("target/") && !f.path.contains("__pycache__"))
            );
            assert!(!description(&name).is_empty());
        }
    }
}
