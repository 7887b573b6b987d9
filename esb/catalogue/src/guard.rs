//! Who asks, and why not.

use std::collections::BTreeSet;
use std::fmt;

use rialto_esb_contract::Words;

/// What somebody may do on the interface platform (specification, section 2).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Offers interfaces (接口提供方).
    Provider,
    /// Calls them (接口调用方).
    Caller,
    /// Governs them (管理方).
    Manager,
    /// Keeps keys and masking labels (安全管理员).
    Security,
    /// Runs the gateways (运维).
    Operator,
    /// The platform itself.
    System,
}

impl Role {
    /// Its name for people.
    #[must_use]
    pub fn words(self) -> Words {
        let (en, zh) = match self {
            Self::Provider => ("provider", "接口提供方"),
            Self::Caller => ("caller", "接口调用方"),
            Self::Manager => ("manager", "管理方"),
            Self::Security => ("security administrator", "安全管理员"),
            Self::Operator => ("operator", "运维人员"),
            Self::System => ("the platform", "平台"),
        };
        Words::new(en, zh)
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Id of the account.
    pub id: String,
    /// Roles it has in the scope of what it asks for.
    pub roles: BTreeSet<Role>,
}

impl Actor {
    /// Somebody with these roles.
    #[must_use]
    pub fn new(id: &str, roles: impl IntoIterator<Item = Role>) -> Self {
        Self {
            id: id.to_owned(),
            roles: roles.into_iter().collect(),
        }
    }
}

/// A guard that is not met.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unmet {
    /// Stable name of the guard, `lint_clean`.
    pub guard: &'static str,
    /// The fact that fails, and what to do.
    pub what: Words,
    /// Whether the fact is known; `false` when nothing has recorded it yet.
    pub recorded: bool,
}

/// Every reason why something may not happen; never empty.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// The reasons.
    pub unmet: Vec<Unmet>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, unmet) in self.unmet.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{}", unmet.what)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// Gathers guards that are not met.
#[derive(Debug, Default)]
pub(crate) struct Guards {
    unmet: Vec<Unmet>,
    waived: BTreeSet<String>,
}

impl Guards {
    /// Guards some of which are waived.
    pub(crate) fn waiving<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        Self {
            unmet: Vec::new(),
            waived: names.map(str::to_owned).collect(),
        }
    }

    fn tell(&mut self, guard: &'static str, what: Words, recorded: bool) {
        if !self.waived.contains(guard) {
            self.unmet.push(Unmet {
                guard,
                what,
                recorded,
            });
        }
    }

    /// A fact that may not be known yet: then it is not met, and said to be unknown.
    pub(crate) fn fact(
        &mut self,
        met: Option<bool>,
        guard: &'static str,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) {
        match met {
            Some(met) => self.require(met, guard, en, zh),
            None => {
                let (en, zh) = subject(guard);
                let what = Words::new(
                    format!("{en}: not yet recorded. A manager may waive it by name."),
                    format!("{zh}：尚无记录。管理方可具名豁免。"),
                );
                self.tell(guard, what, false);
            }
        }
    }

    pub(crate) fn require(
        &mut self,
        met: bool,
        guard: &'static str,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) {
        if !met {
            self.tell(guard, Words::new(en, zh), true);
        }
    }

    /// One of the roles is needed.
    pub(crate) fn role(&mut self, actor: &Actor, any_of: &[Role]) {
        let met = any_of.iter().any(|role| actor.roles.contains(role));
        let names: Vec<Words> = any_of.iter().map(|role| role.words()).collect();
        let join = |pick: fn(&Words) -> &str, with: &str| {
            names.iter().map(pick).collect::<Vec<_>>().join(with)
        };
        let en = format!("This is for: {}.", join(|words| &words.en, ", "));
        let zh = format!("此操作仅限：{}。", join(|words| &words.zh, "、"));
        self.require(met, "role", en, zh);
    }

    pub(crate) fn reason(&mut self, reason: &str) {
        let en = "A reason is needed.";
        self.require(!reason.trim().is_empty(), "reason", en, "请填写原因。");
    }

    pub(crate) fn met(self) -> Result<(), Refusal> {
        if self.unmet.is_empty() {
            Ok(())
        } else {
            Err(Refusal { unmet: self.unmet })
        }
    }
}

/// An event that the state knows nothing of.
pub(crate) fn not_from(state: &Words, event: &Words) -> Refusal {
    let what = Words::new(
        format!("{} is not possible while it is {}.", event.en, state.en),
        format!("当前状态为“{}”，不能{}。", state.zh, event.zh),
    );
    Refusal {
        unmet: vec![Unmet {
            guard: "state",
            what,
            recorded: true,
        }],
    }
}

/// What a guard is about, where its fact may be unknown.
fn subject(guard: &str) -> (&str, &str) {
    match guard {
        "sandbox_healthy" => ("Health of the sandbox binding", "沙箱绑定的健康状态"),
        "coverage" => ("Coverage of the interface's cells", "接口覆盖单元"),
        "pass_rate" => ("Pass rate of the tests", "用例通过率"),
        "baseline" => ("Baseline run at the declared peak", "声明峰值下的基线压测"),
        "canary_held" => ("Steps of the canary", "灰度步骤"),
        "no_calls" => ("Calls seen on all nodes", "各节点的调用情况"),
        other => (other, other),
    }
}
