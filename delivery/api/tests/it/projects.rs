//! Projects, variables, gate rules, pipelines and lists.

use rialto_platform_identity::Role;
use serde_json::json;

use crate::world::{PIPELINE, World};

#[tokio::test]
async fn a_project_is_made_shown_and_listed() {
    for world in World::on_each_engine().await {
        let token = world.token("dev", &[Role::Developer]).await;
        let body = json!({"path": "equities/quotes", "name": "Quotes", "description": "prices"});
        let made = world
            .call(&token, "POST", "/projects", Some(body.clone()))
            .await;
        assert_eq!(made.status, 201, "{}", made.text());
        let project = made.json();
        assert_eq!(
            project["clone_url"],
            "http://rialto.test/git/equities/quotes.git"
        );
        assert_eq!(project["light"]["state"], "none");
        let id = project["id"].as_str().unwrap();
        assert_eq!(
            world.get(&token, &format!("/projects/{id}")).await.json(),
            project
        );
        let listed = world.get(&token, "/projects").await.json();
        assert_eq!(listed["items"], json!([project]));
        assert_eq!(listed["next_page_token"], json!(null));

        let again = world.call(&token, "POST", "/projects", Some(body)).await;
        assert_eq!(
            again.refusal(),
            (422, "invalid".into()),
            "the path is taken"
        );
        for path in ["", "a", "../../etc", "a/b/c", "a/..", "a/b c"] {
            let answer = world
                .call(&token, "POST", "/projects", Some(json!({"path": path})))
                .await;
            assert_eq!(answer.refusal(), (422, "invalid".into()), "{path}");
            assert_eq!(answer.json()["errors"][0]["pointer"], "/path");
        }
        let unknown = json!({"path": "a/b", "visibility": "public"});
        let answer = world.call(&token, "POST", "/projects", Some(unknown)).await;
        assert_eq!(answer.json()["errors"][0]["code"], "unknown_field");
    }
}

#[tokio::test]
async fn a_masked_variable_is_never_shown() {
    for world in World::on_each_engine().await {
        let dev = world.token("dev", &[Role::Developer]).await;
        let ops = world.token("ops", &[Role::Operations]).await;
        let id = world.project(&dev, "a/b", PIPELINE).await;
        let path = format!("/projects/{id}/variables");
        let body = json!({"value": "s3cret-value", "masked": true, "protected": true,
            "file": false, "environment_scope": "*"});
        let put = world
            .call(&ops, "PUT", &format!("{path}/TOKEN"), Some(body))
            .await;
        assert_eq!(put.status, 200, "{}", put.text());
        let listed = world.get(&ops, &path).await;
        assert_eq!(listed.json()["items"][0]["value"], json!(null));
        assert!(!put.text().contains("s3cret") && !listed.text().contains("s3cret"));
        let gone = world
            .call(&ops, "DELETE", &format!("{path}/TOKEN"), None)
            .await;
        assert_eq!(gone.status, 204);
        let gone = world
            .call(&ops, "DELETE", &format!("{path}/TOKEN"), None)
            .await;
        assert_eq!(gone.refusal(), (404, "not_found".into()));
    }
}

#[tokio::test]
async fn variables_that_say_who_runs_what_are_not_set_from_outside() {
    for world in World::on_each_engine().await {
        let dev = world.token("dev", &[Role::Developer]).await;
        let ops = world.token("ops", &[Role::Operations]).await;
        let id = world.project(&dev, "a/b", PIPELINE).await;
        let body = json!({"value": "x", "masked": false, "protected": false,
            "file": false, "environment_scope": "*"});
        for key in ["CI_JOB_TOKEN", "CI_COMMIT_SHA", "GITLAB_USER_LOGIN", "CI"] {
            let path = format!("/projects/{id}/variables/{key}");
            let put = world.call(&ops, "PUT", &path, Some(body.clone())).await;
            assert_eq!(put.refusal(), (422, "invalid".into()), "{key}");
            let error = put.json()["errors"][0].clone();
            assert_eq!(error["code"], "reserved_name", "{error}");
            assert!(error["message"].as_str().unwrap().contains(key), "{error}");
            let run = json!({"ref": "main", "variables": {(key): "x"}});
            let path = format!("/projects/{id}/pipelines");
            let run = world.call(&dev, "POST", &path, Some(run)).await;
            assert_eq!(
                run.json()["errors"][0]["code"],
                "reserved_name",
                "{}",
                run.text()
            );
        }
        let path = format!("/projects/{id}/variables/CI_REGISTRY_USER");
        assert_eq!(world.call(&ops, "PUT", &path, Some(body)).await.status, 200);
    }
}

#[tokio::test]
async fn gate_rules_are_versioned_and_bad_ones_pointed_at() {
    for world in World::on_each_engine().await {
        let dev = world.token("dev", &[Role::Developer]).await;
        let owner = world.token("owner", &[Role::QualityOwner]).await;
        let id = world.project(&dev, "a/b", PIPELINE).await;
        let path = format!("/projects/{id}/gate-rules");
        let rules = world.get(&dev, &path).await.json();
        assert!(
            !rules["rules"].as_array().unwrap().is_empty(),
            "a project begins with rules"
        );
        let mut versions = Vec::new();
        for _ in 0..2 {
            let same = json!({"rules": rules["rules"]});
            let tag = world.get(&dev, &path).await.header("etag").to_owned();
            let put = world.put_if(&owner, &path, &tag, &same).await;
            assert_eq!(put.status, 200, "{}", put.text());
            let version = put.json()["version"].as_u64().unwrap();
            assert_eq!(put.header("etag"), format!("\"v{version}\""));
            // Whoever read before that would overwrite it unseen.
            let late = world.put_if(&owner, &path, &tag, &same).await;
            assert_eq!(late.refusal(), (412, "stale_version".into()));
            assert_eq!(late.json()["version"], version);
            let blind = world.call(&owner, "PUT", &path, Some(same)).await;
            assert_eq!(blind.refusal(), (428, "precondition_required".into()));
            versions.push(put.json()["version"].as_u64().unwrap());
        }
        assert_eq!(
            versions[1],
            versions[0] + 1,
            "each change is a version of its own"
        );
        assert_eq!(world.get(&dev, &path).await.json()["version"], versions[1]);
        let mut bad = rules["rules"].clone();
        bad[0]["measure"] = json!("happiness");
        let answer = world
            .put_if(&owner, &path, "*", &json!({"rules": bad}))
            .await;
        assert_eq!(answer.refusal(), (422, "invalid".into()));
        assert!(
            answer.json()["errors"][0]["pointer"]
                .as_str()
                .unwrap()
                .starts_with("/rules/0")
        );
    }
}

#[tokio::test]
async fn a_pipeline_is_started_shown_listed_and_cancelled() {
    for world in World::on_each_engine().await {
        let dev = world.token("dev", &[Role::Developer]).await;
        let id = world.project(&dev, "a/b", PIPELINE).await;
        let pipeline = world.pipeline(&dev, &id).await;
        assert_eq!(pipeline["status"], "pending");
        assert_eq!(pipeline["stages"][0]["jobs"][0]["name"], "unit");
        let this = format!("/pipelines/{}", pipeline["id"].as_str().unwrap());
        let cancelled = world
            .call(&dev, "POST", &format!("{this}/cancel"), Some(json!({})))
            .await;
        assert_eq!(
            cancelled.json()["status"],
            "canceled",
            "{}",
            cancelled.text()
        );
        let listed = world
            .get(&dev, &format!("/pipelines?project_id={id}&status=canceled"))
            .await;
        assert_eq!(listed.json()["items"].as_array().unwrap().len(), 1);
        let none = world.get(&dev, "/pipelines?status=success").await.json();
        assert!(none["items"].as_array().unwrap().is_empty());
        for (query, pointer) in [
            ("status=green", "status"),
            ("project_id=x", "project_id"),
            ("page_size=0", "page_size"),
        ] {
            let answer = world.get(&dev, &format!("/pipelines?{query}")).await;
            assert_eq!(answer.refusal(), (422, "invalid".into()), "{query}");
            assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
        }
        let path = format!("/projects/{id}/pipelines");
        let answer = world
            .call(&dev, "POST", &path, Some(json!({"ref": "nothing"})))
            .await;
        assert!(answer.status.is_client_error(), "{}", answer.text());
    }
}

#[tokio::test]
async fn lists_are_paged_without_repeating_or_skipping() {
    for world in World::on_each_engine().await {
        let dev = world.token("dev", &[Role::Developer]).await;
        let id = world.project(&dev, "a/b", PIPELINE).await;
        for _ in 0..5 {
            world.pipeline(&dev, &id).await;
        }
        let (mut numbers, mut token) = (Vec::new(), String::new());
        loop {
            let path = format!("/pipelines?project_id={id}&page_size=2&page_token={token}");
            let page = world.get(&dev, &path).await.json();
            for item in page["items"].as_array().unwrap() {
                numbers.push(item["no"].as_i64().unwrap());
            }
            match page["next_page_token"].as_str() {
                Some(next) => token = next.to_owned(),
                None => break,
            }
            // A pipeline that comes in between is newer than every page still to come.
            if numbers.len() == 2 {
                world.pipeline(&dev, &id).await;
            }
        }
        assert_eq!(numbers, [5, 4, 3, 2, 1]);
        let other = world
            .get(&dev, &format!("/pipelines?page_token={token}"))
            .await;
        assert_eq!(
            other.refusal(),
            (400, "invalid_page_token".into()),
            "another filter"
        );
    }
}

#[tokio::test]
async fn deployments_and_environments_answer_without_a_router() {
    for world in World::on_each_engine().await {
        let dev = world.token("dev", &[Role::Developer]).await;
        for noun in ["environments", "releases", "deployments", "incidents"] {
            let answer = world.get(&dev, &format!("/{noun}")).await;
            assert_eq!(answer.status, 200, "{noun}: {}", answer.text());
            assert!(answer.json()["items"].as_array().unwrap().is_empty());
        }
        let answer = world.get(&dev, "/incidents?state=burning").await;
        assert_eq!(
            answer.json()["errors"][0]["allowed"],
            json!(["open", "closed"])
        );
    }
}
