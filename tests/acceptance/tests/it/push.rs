//! From a push to production: the good way, the red light, and the version that fails there.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::house::{DEVELOPER, House, Person, RELEASE_MANAGER, text};
use crate::load::Load;

const QUOTES: &str = "sample/quote-service";

/// Pushes an edit of the quote service and brings it to production.
async fn deploy(
    developer: &Person,
    manager: &Person,
    project: &str,
    sha: &str,
    end: &str,
) -> Result<Value> {
    let pipeline = developer.pipeline(project, sha, &["manual"]).await?;
    let waiting = ["awaiting_approval"];
    let deployment = developer
        .deployment(project, "production", &pipeline, &waiting)
        .await?;
    let approve = format!("/deployments/{}/approve", text(&deployment["id"]));
    let (status, answer) = manager
        .post(&approve, json!({"comment": "looks good"}))
        .await?;
    ensure!(status == 200, "the release manager may approve: {answer}");
    developer
        .deployment(project, "production", &pipeline, &[end])
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_reaches_production_without_a_failed_request_and_with_evidence() -> Result<()> {
    let house = House::start().await?;
    let (developer, manager) = (
        house.person(DEVELOPER).await?,
        house.person(RELEASE_MANAGER).await?,
    );
    let project = developer.project(QUOTES).await?;
    let project = text(&project["id"]).to_owned();
    let copy = developer.clone_project(QUOTES, &house.folder.path().join("quotes"))?;

    copy.edit("README.md", "in seconds", "in a few seconds")?;
    let first = copy.push("docs: say how few")?;
    let deployment = deploy(&developer, &manager, &project, &first, "succeeded").await?;
    let production = developer.environment(&project, "production").await?;
    let url = text(&production["url"]).to_owned();
    ensure!(
        text(&production["active_release"]["version"]) == text(&deployment["release"]["version"])
    );

    // A second version replaces the first under load.
    copy.edit("src/market.rs", "last: 1020", "last: 1021")?;
    copy.edit("tests/api.rs", "10.20", "10.21")?;
    let second = copy.push("quotes: a new price")?;
    let load = Load::start(&format!("{url}/quotes/600000"));
    let pipeline = developer.pipeline(&project, &second, &["manual"]).await?;
    let waiting = ["awaiting_approval"];
    let held = developer
        .deployment(&project, "production", &pipeline, &waiting)
        .await?;
    let approve = format!("/deployments/{}/approve", text(&held["id"]));
    let (status, _) = developer.post(&approve, json!({"comment": "mine"})).await?;
    ensure!(
        status == 403,
        "an author must not approve, but got {status}"
    );
    deploy(&developer, &manager, &project, &second, "succeeded").await?;
    let (sent, failed) = load.stop().await?;
    ensure!(
        failed == 0,
        "{failed} of {sent} requests failed during the switch"
    );
    ensure!(sent > 500, "the load was no load: {sent} requests");
    let answer = reqwest::get(format!("{url}/quotes/600000"))
        .await?
        .text()
        .await?;
    ensure!(
        answer.contains("10.21"),
        "production serves the new version: {answer}"
    );
    let production = developer.environment(&project, "production").await?;
    let slots = production["slots"].as_array().context("slots")?;
    let standby = slots
        .iter()
        .find(|slot| slot["role"] == "standby")
        .context("a standby")?;
    ensure!(
        standby["health"] == "healthy",
        "the old version stays warm: {standby}"
    );

    reports_and_verdict(&developer, &pipeline).await?;
    evidence(&house, &developer, &held)
}

async fn reports_and_verdict(developer: &Person, pipeline: &Value) -> Result<()> {
    let id = text(&pipeline["id"]);
    let tests = developer
        .get(&format!("/pipelines/{id}/test-report"))
        .await?;
    ensure!(tests["total"] == 12 && tests["failed"] == 0, "{tests}");
    let verdict = developer.get(&format!("/pipelines/{id}/verdict")).await?;
    ensure!(verdict["overall"] == "passed", "{verdict}");
    ensure!(
        verdict["artifact_digest"].is_string(),
        "the verdict names the digest: {verdict}"
    );
    Ok(())
}

/// Export, verify, alter one byte, verify again: the record is named.
fn evidence(house: &House, developer: &Person, deployment: &Value) -> Result<()> {
    let bundle = house.folder.path().join("release.tar.zst");
    let bundle = bundle.to_str().context("a path in UTF-8")?;
    let release = text(&deployment["release"]["id"]);
    let export =
        developer.rialto(&["evidence", "export", "--release", release, "--file", bundle])?;
    ensure!(
        export.status.success(),
        "{}",
        String::from_utf8_lossy(&export.stderr)
    );
    let verify = developer.rialto(&["evidence", "verify", bundle])?;
    ensure!(
        verify.status.success(),
        "{}",
        String::from_utf8_lossy(&verify.stderr)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_test_turns_the_light_red_and_the_repair_turns_it_green() -> Result<()> {
    let house = House::start().await?;
    let developer = house.person(DEVELOPER).await?;
    let path = "sample/nav-report";
    let project = developer.project(path).await?;
    let project = text(&project["id"]).to_owned();
    let copy = developer.clone_project(path, &house.folder.path().join("nav"))?;

    copy.edit("nav/fund.py", "/ 365", "/ 360")?;
    let broken = copy.push("fees over 360 days")?;
    let pipeline = developer.pipeline(&project, &broken, &["failed"]).await?;
    let red = developer
        .until("an open incident", async |me| {
            let open = me
                .get(&format!("/incidents?project_id={project}&state=open"))
                .await?;
            Ok(open["items"].get(0).cloned())
        })
        .await?;
    ensure!(red["failing_jobs"][0]["name"] == "test", "{red}");
    ensure!(
        red["commits"][0]["sha"] == broken,
        "who broke it is named: {red}"
    );
    let deployments = developer
        .get(&format!("/deployments?project_id={project}"))
        .await?;
    let items = deployments["items"].as_array().context("items")?;
    ensure!(
        items.iter().all(|d| d["pipeline_id"] != pipeline["id"]),
        "nothing is deployed"
    );
    let told = developer.rialto(&["delivery", "light", "list", "--project", path])?;
    let told = String::from_utf8(told.stdout)?;
    ensure!(
        told.contains("red") && told.contains("test"),
        "the command line tells it: {told}"
    );

    copy.edit("nav/fund.py", "/ 360", "/ 365")?;
    let repaired = copy.push("fees over 365 days again")?;
    developer
        .pipeline(&project, &repaired, &["manual", "success"])
        .await?;
    let green = developer
        .until("the incident to close", async |me| {
            let closed = me
                .get(&format!("/incidents?project_id={project}&state=closed"))
                .await?;
            Ok(closed["items"].get(0).cloned())
        })
        .await?;
    ensure!(green["close_kind"] == "repaired", "{green}");
    ensure!(
        green["repair_ms"].as_u64().is_some_and(|ms| ms > 0),
        "{green}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_fails_in_production_is_rolled_back_without_a_failed_request() -> Result<()>
{
    let house = House::start().await?;
    let (developer, manager) = (
        house.person(DEVELOPER).await?,
        house.person(RELEASE_MANAGER).await?,
    );
    let project = developer.project(QUOTES).await?;
    let project = text(&project["id"]).to_owned();
    let copy = developer.clone_project(QUOTES, &house.folder.path().join("quotes"))?;
    copy.edit("README.md", "in seconds", "in a few seconds")?;
    let good = copy.push("docs: say how few")?;
    let kept = deploy(&developer, &manager, &project, &good, "succeeded").await?;
    let url = text(&developer.environment(&project, "production").await?["url"]).to_owned();

    // Well at first, also on its health check; then every quote is a 500, and soon it is unwell.
    copy.edit("src/service.rs", "from_secs(3600)", "from_secs(8)")?;
    copy.edit(
        "src/service.rs",
        "[\"quotes\", code] => find(code, quote),",
        "[\"quotes\", _] if since_refresh > Duration::from_secs(6) => error(500, \"no feed\"),\n            \
         [\"quotes\", code] => find(code, quote),",
    )?;
    let bad = copy.push("a feed is stale after eight seconds")?;
    let load = Load::start(&format!("{url}/quotes/600000"));
    let back = deploy(&developer, &manager, &project, &bad, "rolled_back").await?;
    let (sent, failed) = load.stop().await?;
    ensure!(failed == 0, "{failed} of {sent} requests failed");
    ensure!(
        back["rollback_ms"].as_u64().is_some(),
        "the time of the roll-back is shown: {back}"
    );
    let production = developer.environment(&project, "production").await?;
    let traffic = &production["traffic"];
    ensure!(
        traffic["failed_requests"] == 0 && traffic["rescued"].as_u64() > Some(0),
        "the standby answered what the new version failed: {traffic}"
    );
    ensure!(
        production["active_release"]["version"] == kept["release"]["version"],
        "{production}"
    );
    developer.pipeline(&project, &bad, &["failed"]).await?;
    Ok(())
}
