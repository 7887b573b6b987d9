//! `rialto git-hook`: what git itself calls in the middle of a push. Hidden from the help.

use std::collections::HashMap;

/// Arguments of the hidden command.
#[derive(Debug, clap::Args)]
pub struct GitHookArgs {
    /// Which hook git calls.
    #[arg(value_enum)]
    hook: Hook,
}

/// The hooks that are served.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Hook {
    /// Judges a push in quarantine.
    PreReceive,
}

impl GitHookArgs {
    /// Runs the hook. A refusal is printed for the person who pushes; the exit status tells git.
    #[must_use]
    pub fn execute(self) -> std::process::ExitCode {
        let env: HashMap<String, String> = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let now = jiff::Timestamp::now().as_microsecond();
        let Hook::PreReceive = self.hook;
        match rialto_delivery_git::hook::pre_receive(&mut std::io::stdin(), &env, now) {
            Ok(()) => std::process::ExitCode::SUCCESS,
            Err(refusal) => {
                eprintln!("{refusal}");
                std::process::ExitCode::FAILURE
            }
        }
    }
}
