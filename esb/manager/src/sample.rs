//! The sample house: its people of the interface platform, and its own systems as the first
//! interfaces of the catalogue.

use rialto_esb_store::{interface, version};
use rialto_platform_identity::{Actor, Identity, IdentityError, NewUser, Role, User};

use crate::view::Words;
use crate::{DefinitionInput, InterfaceInput, InterfacePlatform, PlatformError, SystemInput};

/// Login, name and role of the people of the interface platform.
const PEOPLE: [(&str, &str, Role); 3] = [
    ("provider", "Sample interface provider", Role::Provider),
    ("caller", "Sample interface caller", Role::Caller),
    (
        "interfaces",
        "Sample interface manager",
        Role::InterfaceManager,
    ),
];

/// One of the house's own interfaces.
#[derive(Debug, Clone)]
pub struct OwnInterface {
    /// Code of its system.
    pub system: &'static str,
    /// Name of its system in English and Chinese.
    pub name: (&'static str, &'static str),
    /// Code of the interface.
    pub code: &'static str,
    /// Its place in the taxonomy.
    pub taxonomy: &'static str,
    /// Its OpenAPI document, JSON.
    pub document: String,
}

/// The people of the interface platform; those that are there already stay as they are. They have
/// no password, a one-time link lets them in.
///
/// # Errors
/// Identity errors.
pub async fn people(identity: &Identity) -> Result<Vec<User>, IdentityError> {
    let system = Actor::system("sample");
    let mut users = Vec::new();
    for (login, name, role) in PEOPLE {
        if let Some(user) = identity.user_by_login(login).await? {
            users.push(user);
            continue;
        }
        let new = NewUser {
            login: login.to_owned(),
            name: name.to_owned(),
            email: format!("{login}@sample.invalid"),
            password: None,
            roles: vec![role],
            locale: None,
        };
        users.push(identity.create_user(&system, new).await?);
    }
    Ok(users)
}

impl InterfacePlatform {
    /// Adds the house's own systems and interfaces that are not there yet; how many were added.
    /// What somebody changed since stays as it is.
    ///
    /// # Errors
    /// As [`InterfacePlatform::import`].
    pub async fn load_own(&self, all: Vec<OwnInterface>) -> Result<usize, PlatformError> {
        let actor = Actor::system("sample");
        let mut added = 0;
        for own in all {
            if interface::find(&mut self.db(), own.code).await?.is_none() {
                self.add_own(&actor, &own).await?;
            }
            // A stop in between leaves an interface without a definition: it is brought now.
            let versions = version::of_interface(&mut self.db(), own.code).await?;
            let Some(bare) = versions.iter().find(|one| one.definition.is_none()) else {
                continue;
            };
            if versions.len() > 1 {
                continue;
            }
            let input = DefinitionInput {
                name: format!("{}.json", own.system),
                bytes: own.document.into_bytes(),
                root: None,
            };
            self.import(&actor, &bare.id, None, input).await?;
            added += 1;
        }
        Ok(added)
    }

    async fn add_own(&self, actor: &Actor, own: &OwnInterface) -> Result<(), PlatformError> {
        if rialto_esb_store::system::find(&mut self.db(), own.system)
            .await?
            .is_none()
        {
            let system = SystemInput {
                code: own.system.to_owned(),
                name: Words::new(own.name.0, own.name.1),
                description: String::new(),
                owner: "provider".to_owned(),
                criticality: "important".to_owned(),
                hours: "always".to_owned(),
            };
            self.add_system(actor, &system).await?;
        }
        let interface = InterfaceInput {
            code: own.code.to_owned(),
            system: own.system.to_owned(),
            title: own.name.0.to_owned(),
            description: own.name.1.to_owned(),
            taxonomy: own.taxonomy.to_owned(),
            pattern: "request-reply".to_owned(),
            protocol: "http".to_owned(),
            version: None,
        };
        self.add_interface(actor, &interface).await?;
        Ok(())
    }
}
