//! Sessions, people, tokens and evidence over HTTP.

use rialto_platform_identity::{Actor, Role};
use serde_json::json;

use crate::world::{Browser, PASSWORD, World, set_cookie};

#[tokio::test]
async fn a_person_signs_in_looks_round_and_signs_out() {
    for world in World::on_each_engine().await {
        world.person("dev", &[Role::Developer]).await;
        let body = json!({"login": "dev", "password": PASSWORD}).to_string();
        let answer = world.post("/api/platform/v1/sessions", &body).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        let cookie = set_cookie(&answer).to_owned();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );
        assert!(!cookie.contains("Secure"), "loopback without https");
        let signed_in = answer.json();
        assert_eq!(signed_in["user"]["roles"], json!(["developer"]));
        let browser = Browser {
            cookie: cookie.split(';').next().unwrap().to_owned(),
            csrf: signed_in["csrf_token"].as_str().unwrap().to_owned(),
        };
        let current = world
            .by(&browser, "GET", "/api/platform/v1/sessions/current", "")
            .await;
        assert_eq!(current.json(), signed_in);
        let out = world
            .by(&browser, "DELETE", "/api/platform/v1/sessions/current", "")
            .await;
        assert_eq!(out.status, 204);
        assert!(set_cookie(&out).contains("Max-Age=0"));
        let gone = world
            .by(&browser, "GET", "/api/platform/v1/sessions/current", "")
            .await;
        assert_eq!(gone.code(), "unauthenticated");
    }
}

#[tokio::test]
async fn a_token_learns_whose_it_is() {
    for world in World::on_each_engine().await {
        let token = world.token("dev", &[Role::Developer]).await;
        let request = http::Request::get("/api/platform/v1/sessions/current")
            .header("authorization", format!("Bearer {token}"));
        let answer = world
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await
            .json();
        assert_eq!(
            (&answer["user"]["login"], &answer["csrf_token"]),
            (&json!("dev"), &json!(null))
        );
    }
}

#[tokio::test]
async fn wrong_passwords_are_refused_and_then_have_to_wait() {
    for world in World::on_each_engine().await {
        world.person("dev", &[]).await;
        let body = json!({"login": "dev", "password": "wrong"}).to_string();
        for _ in 0..5 {
            let answer = world.post("/api/platform/v1/sessions", &body).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (401, "invalid_credentials")
            );
        }
        // The first wait is a second, which a busy machine spends on checking a password; each
        // further failure doubles it.
        let mut answer = world.post("/api/platform/v1/sessions", &body).await;
        for _ in 0..6 {
            if answer.status.as_u16() != 401 {
                break;
            }
            answer = world.post("/api/platform/v1/sessions", &body).await;
        }
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (429, "too_many_requests")
        );
        assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
    }
}

#[tokio::test]
async fn a_login_link_signs_in_once() {
    for world in World::on_each_engine().await {
        let user = world.person("dev", &[]).await;
        let system = Actor::system("test");
        let link = world
            .web
            .identity()
            .create_login_link(&system, &user.id)
            .await
            .unwrap();
        let body = json!({"link": link}).to_string();
        let first = world.post("/api/platform/v1/sessions/redeem", &body).await;
        assert_eq!(
            (first.status.as_u16(), &first.json()["user"]["login"]),
            (201, &json!("dev"))
        );
        let second = world.post("/api/platform/v1/sessions/redeem", &body).await;
        assert_eq!(second.code(), "invalid_link");
    }
}

#[tokio::test]
async fn an_administrator_adds_people_and_pages_through_them() {
    for world in World::on_each_engine().await {
        let admin = world.browser("admin", &[Role::Administrator]).await;
        for login in ["eve", "bob", "carol", "dan"] {
            let body = json!({"login": login, "name": login, "email": format!("{login}@x.org"),
                "password": PASSWORD, "roles": ["tester"]});
            let answer = world
                .by(&admin, "POST", "/api/platform/v1/users", &body.to_string())
                .await;
            assert_eq!(answer.status, 201, "{:?}", answer.body);
        }
        let (mut logins, mut token) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/platform/v1/users?page_size=2&page_token={token}");
            let page = world.by(&admin, "GET", &path, "").await.json();
            for user in page["items"].as_array().unwrap() {
                logins.push(user["login"].as_str().unwrap().to_owned());
            }
            match page["next_page_token"].as_str() {
                Some(next) => token = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(logins, ["admin", "bob", "carol", "dan", "eve"]);
        let other = world.browser("zed", &[Role::Auditor]).await;
        let path = format!("/api/platform/v1/users?page_token={token}");
        assert_eq!(
            world.by(&other, "GET", &path, "").await.code(),
            "invalid_page_token"
        );
    }
}

#[tokio::test]
async fn bad_fields_of_a_new_person_are_pointed_at() {
    for world in World::on_each_engine().await {
        let admin = world.browser("admin", &[Role::Administrator]).await;
        let add = |change: serde_json::Value| {
            let mut body =
                json!({"login": "eve", "name": "Eve", "email": "eve@x.org", "roles": []});
            for (name, value) in change.as_object().unwrap() {
                body[name] = value.clone();
            }
            let (world, admin) = (&world, admin.clone());
            async move {
                let body = body.to_string();
                world
                    .by(&admin, "POST", "/api/platform/v1/users", &body)
                    .await
                    .json()
            }
        };
        let problem = add(json!({"roles": ["tester", "root"]})).await;
        assert_eq!(problem["errors"][0]["pointer"], "/roles/1");
        let allowed = problem["errors"][0]["allowed"].as_array().unwrap();
        assert_eq!(allowed.len(), Role::ALL.len());
        assert_eq!(
            add(json!({"login": "ADMIN"})).await["errors"][0]["code"],
            "taken"
        );
        assert_eq!(
            add(json!({"password": "12345678"})).await["errors"][0]["pointer"],
            "/password"
        );
    }
}

#[tokio::test]
async fn tokens_are_shown_once_listed_and_revoked() {
    let path = "/api/platform/v1/tokens";
    for world in World::on_each_engine().await {
        let dev = world.browser("dev", &[Role::Developer]).await;
        let body = json!({"name": "laptop", "expires_in_days": 30}).to_string();
        let answer = world.by(&dev, "POST", path, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("cache-control")),
            (201, "no-store")
        );
        let issued = answer.json();
        let text = issued["token"].as_str().unwrap().to_owned();
        let listed = world.by(&dev, "GET", path, "").await;
        assert_eq!(listed.json()["items"][0]["name"], "laptop");
        assert!(
            !String::from_utf8_lossy(&listed.body).contains(&text[22..]),
            "shown once only"
        );
        let id = issued["id"].as_str().unwrap();
        let gone = world.by(&dev, "DELETE", &format!("{path}/{id}"), "").await;
        assert_eq!(gone.status, 204);
        assert!(
            world.by(&dev, "GET", path, "").await.json()["items"]
                .as_array()
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn the_evidence_log_is_read_paged_and_checked() {
    for world in World::on_each_engine().await {
        let auditor = world.browser("auditor", &[Role::Auditor]).await;
        for number in 0..4 {
            world.person(&format!("person-{number}"), &[]).await;
        }
        let get = |path: String| {
            let (world, auditor) = (&world, auditor.clone());
            async move { world.by(&auditor, "GET", &path, "").await.json() }
        };
        let base = "/api/platform/v1/evidence";
        let size = get(format!("{base}/head")).await["size"].as_u64().unwrap();
        assert_eq!(size, 6, "five people and one sign-in");
        for (direction, expected) in [
            ("", vec![5, 4, 3, 2, 1, 0]),
            ("&from_seq=1", vec![1, 2, 3, 4, 5]),
        ] {
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let path = format!("{base}/records?page_size=2{direction}&page_token={token}");
                let page = get(path).await;
                seen.extend(
                    page["items"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|r| r["seq"].as_u64().unwrap()),
                );
                match page["next_page_token"].as_str() {
                    Some(next) => token = next.to_owned(),
                    None => break,
                }
            }
            assert_eq!(seen, expected);
        }
        let found = get(format!("{base}/records?type=signed_in")).await;
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
        assert_eq!(found["items"][0]["actor"]["name"], "auditor");
        assert_eq!(found["items"][0]["hash"].as_str().unwrap().len(), 64);
        assert_eq!(get(format!("{base}/check")).await["ok"], true);
    }
}
