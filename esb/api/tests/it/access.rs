//! The table of endpoints.

use rialto_esb_api::ENDPOINTS;
use rialto_platform_identity::Role;
use rialto_platform_web::Access;

use crate::world::{Calls, World};

/// Nobody without the permission comes in, whoever they are.
#[tokio::test]
async fn every_role_has_exactly_the_endpoints_of_its_permissions() {
    for world in World::on_each_engine(&Calls::default()).await {
        for role in Role::ALL {
            let login = format!("only-{}", role.as_str().replace('_', "-"));
            let token = world.token(&login, &[role]).await;
            for endpoint in ENDPOINTS {
                let Access::Needs(permission) = endpoint.access else {
                    panic!("{} is open to everybody", endpoint.path);
                };
                let path = endpoint.path.replace("/api/esb/v1", "");
                let path = path.replace('{', "x").replace('}', "");
                let answer = world
                    .call_if(&token, endpoint.method, &path, None, None)
                    .await;
                let refused = answer.status == 403 && answer.text.contains("needs the permission");
                let allowed = permission.roles().contains(&role);
                assert_eq!(
                    refused, !allowed,
                    "{role} {} {path}: {}",
                    endpoint.method, answer.text
                );
                assert_ne!(answer.status, 401, "{}", answer.text);
            }
        }
    }
}
