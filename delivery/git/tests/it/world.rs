//! A hosting service in a folder of its own, whose hook is this very test program.

use std::collections::HashMap;

use rialto_delivery_git::hook::{ProtectedBranch, PushPolicy, Pusher};
use rialto_delivery_git::{
    CommitFile, Git, GitSettings, NewCommit, Repository, RepositoryName, Signature,
};

/// A folder with a service and one repository.
pub struct World {
    pub folder: tempfile::TempDir,
    pub repository: Repository,
}

/// The hook: git starts this test program with `--exact world::hook_entry`, which does nothing
/// unless the policy is in the environment.
#[test]
fn hook_entry() {
    let env: HashMap<String, String> = std::env::vars().collect();
    if !env.contains_key(rialto_delivery_git::hook::POLICY_VARIABLE) {
        return;
    }
    let judged = rialto_delivery_git::hook::pre_receive(&mut std::io::stdin(), &env, 1);
    match judged {
        Ok(()) => std::process::exit(0),
        Err(refusal) => {
            eprintln!("{refusal}");
            std::process::exit(1);
        }
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut GitSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap().display().to_string();
        let command = vec![
            program,
            "--exact".into(),
            "world::hook_entry".into(),
            "--nocapture".into(),
            // The hook's own name arrives after this and is only a further, unused filter.
            "--skip".into(),
        ];
        let mut settings = GitSettings::new(folder.path(), command);
        change(&mut settings);
        let git = Git::open(settings).await.unwrap();
        let name = RepositoryName::parse("sample/quote-service").unwrap();
        let repository = git.create(&name, "main").await.unwrap();
        Self { folder, repository }
    }

    pub fn policy(&self) -> PushPolicy {
        PushPolicy {
            push_id: "push-1".into(),
            pusher: Pusher {
                id: "u1".into(),
                login: "lin".into(),
                name: "Lin".into(),
                email: "lin@example.test".into(),
                auth: "token".into(),
            },
            may_push: true,
            protected: vec![ProtectedBranch {
                pattern: "main".into(),
                may_push: true,
                allow_force: false,
                allow_delete: false,
            }],
            receipts: self.repository.receipts_folder(),
            reserved_variables: vec!["CI_JOB_*".into()],
        }
    }

    pub async fn commit(&self, branch: &str, path: &str, content: &str) -> String {
        let new = NewCommit {
            branch: branch.into(),
            message: format!("change {path}\n\nbody"),
            author: Signature {
                name: "Lin".into(),
                email: "lin@example.test".into(),
                at: 1_700_000_000,
            },
            files: vec![CommitFile {
                path: path.into(),
                content: Some(content.into()),
                executable: false,
            }],
        };
        self.repository.commit_files(&new).await.unwrap()
    }
}
