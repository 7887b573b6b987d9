//! Every endpoint without login and without right, from the one table.

use axum::body::Body;
use http::Request;
use rialto_platform_identity::{Permission, Role};
use rialto_platform_web::Access;

use crate::world::World;

const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

fn concrete(path: &str) -> String {
    path.replace("{id}", ID)
        .replace("{key}", "KEY")
        .replace("{kind}", "archive")
        .replace("{code}", "invalid")
        .replace("{namespace}", "a")
        .replace("{repository}", "b.git")
}

#[tokio::test]
async fn without_login_nothing_but_public_endpoints_answers() {
    for world in World::on_each_engine().await {
        for endpoint in world.endpoints.clone() {
            let path = concrete(endpoint.path);
            let query = if path.ends_with("info/refs") {
                "?service=git-upload-pack"
            } else {
                ""
            };
            let request = Request::builder()
                .method(endpoint.method)
                .uri(format!("{path}{query}"));
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            let refused = answer.status.as_u16() == 401;
            let public = endpoint.access == Access::Public;
            assert_eq!(
                refused, !public,
                "{} {path}: {}",
                endpoint.method, answer.status
            );
        }
    }
}

#[tokio::test]
async fn each_role_is_let_through_exactly_where_the_table_of_permissions_says() {
    for world in World::on_each_engine().await {
        for role in Role::ALL {
            let token = world.token(&format!("is-{role}"), &[role]).await;
            for endpoint in world.endpoints.clone() {
                let Access::Needs(permission) = endpoint.access else {
                    continue;
                };
                // A stream does not end by itself; its own refusals are tested elsewhere.
                if endpoint.path.ends_with("/events") && permission.roles().contains(&role) {
                    continue;
                }
                let answer = world
                    .call(&token, endpoint.method, &concrete(endpoint.path), None)
                    .await;
                let denied = answer.status.as_u16() == 403;
                let may = permission.roles().contains(&role);
                assert_eq!(
                    denied, !may,
                    "{role}: {} {}",
                    endpoint.method, endpoint.path
                );
                assert_ne!(
                    answer.status.as_u16(),
                    500,
                    "{} {}",
                    endpoint.method,
                    endpoint.path
                );
            }
        }
    }
}

#[tokio::test]
async fn a_runner_reaches_its_own_endpoints_and_no_others() {
    for world in World::on_each_engine().await {
        let token = world.runner_token().await;
        for endpoint in world.endpoints.clone() {
            let Access::Needs(permission) = endpoint.access else {
                continue;
            };
            let answer = world
                .call(&token, endpoint.method, &concrete(endpoint.path), None)
                .await;
            let denied = answer.status.as_u16() == 403;
            let own = permission == Permission::RunnerWork;
            assert_eq!(
                denied, !own,
                "{} {}: {}",
                endpoint.method, endpoint.path, answer.status
            );
        }
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_whatever_the_text() {
    for world in World::on_each_engine().await {
        let token = world.token("dev", &[Role::Developer]).await;
        for id in [ID, "x", "..%2f..", "%00", "一"] {
            for noun in [
                "projects",
                "pipelines",
                "jobs",
                "releases",
                "deployments",
                "environments",
            ] {
                let path = format!("/{noun}/{}", id.replace('一', "%E4%B8%80"));
                let answer = world.get(&token, &path).await;
                assert_eq!(answer.refusal(), (404, "not_found".into()), "{path}");
            }
        }
    }
}
