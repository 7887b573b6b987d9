//! A server with a controller, a router, a supervisor and load.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rialto_delivery_engine::deployment::view::{DeploymentFilter, DeploymentView, EnvironmentView};
use rialto_delivery_engine::deployment::{Deployments, RouterAccess};
use rialto_delivery_engine::words::Text;
use rialto_delivery_engine::{Boxed, ManagedDeployments, ManagedJob};
use rialto_delivery_run::assignment::JobResult;
use rialto_delivery_run::state::Status;
use rialto_delivery_store::ids::JobId;
use rialto_delivery_supervisor::{Supervisor, http};
use rialto_esb_gateway::{Gateway, GatewayConfig, GatewayHandle};
use rialto_platform_identity::{Actor, Role};

use super::relay::Relay;
use super::service::archive;
use crate::world::{World, developer, person};

/// Hands jobs to the controller of the day, so that a test can replace it as a restart would.
#[derive(Clone, Default)]
pub struct Switchboard(Arc<Mutex<Option<Deployments>>>);

impl Switchboard {
    fn now(&self) -> Option<Deployments> {
        self.0.lock().unwrap().clone()
    }
}

impl ManagedDeployments for Switchboard {
    fn start(&self, job: ManagedJob) -> Boxed<'_, ()> {
        Box::pin(async move {
            if let Some(controller) = self.now() {
                ManagedDeployments::start(&controller, job).await;
            }
        })
    }

    fn cancel(&self, job: JobId) -> Boxed<'_, ()> {
        Box::pin(async move {
            if let Some(controller) = self.now() {
                ManagedDeployments::cancel(&controller, job).await;
            }
        })
    }
}

pub struct House {
    pub world: World,
    pub gateway: GatewayHandle,
    pub supervisor: Supervisor,
    /// Stands before the router's admin interface.
    pub relay: Relay,
    board: Switchboard,
}

pub const PIPELINE: &str = "
stages: [build, test-it, live]
package:
  stage: build
  script: [x]
  artifacts: {paths: [serve], reports: {junit: report.xml}}
to-test:
  stage: test-it
  script: [x]
  environment: {name: test}
to-production:
  stage: live
  script: [x]
  environment: {name: production}
";

/// The pipeline without production.
pub const TEST_ONLY: &str = "
stages: [build, test-it]
package:
  stage: build
  script: [x]
  artifacts: {paths: [serve], reports: {junit: report.xml}}
to-test:
  stage: test-it
  script: [x]
  environment: {name: test}
";

pub fn definition(bake: &str) -> String {
    format!(
        r#"
[artifact]
job = "package"
[service]
command = ["./serve"]
ready_timeout = "5s"
stop_timeout = "2s"
[health]
path = "/healthz"
interval = "50ms"
timeout = "1s"
consecutive = 2
failure_limit = 2
[environments.test]
tier = "testing"
bake = "{bake}"
smoke = ["/smoke"]
[environments.production]
tier = "production"
bake = "{bake}"
requires = "test"
approvals = 1
"#
    )
}

impl House {
    pub async fn new() -> Self {
        let mut worlds = World::all().await;
        Self::over(worlds.remove(0)).await
    }

    pub async fn over(world: World) -> Self {
        let gateway = Gateway::start(GatewayConfig {
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin_token: None,
            state_file: Some(world.folder().join("gateway/state.json")),
        })
        .await
        .unwrap();
        let supervisor = Supervisor::open(world.folder().join("services"))
            .await
            .unwrap();
        let rules = serde_json::json!([{
            "id": "tests", "measure": "tests.pass_rate", "scope": "overall", "op": ">=",
            "bound": "100", "on_missing": "fail", "effect": "block"
        }]);
        world
            .delivery
            .put_gate_rules(&developer(), &world.project.id, &rules)
            .await
            .unwrap();
        let board = Switchboard::default();
        world.delivery.set_controller(Arc::new(board.clone()));
        let relay = Relay::before(gateway.admin_address).await;
        let house = Self {
            world,
            gateway,
            supervisor,
            relay,
            board,
        };
        house.begin().await;
        house
    }

    async fn begin(&self) {
        let access = RouterAccess {
            admin: self.relay.address,
            token: self.gateway.token.clone(),
        };
        let controller =
            Deployments::new(self.world.delivery.clone(), self.supervisor.clone(), access);
        *self.board.0.lock().unwrap() = Some(controller.clone());
        controller.start().await.unwrap();
    }

    pub fn controller(&self) -> Deployments {
        self.board.now().unwrap()
    }

    /// The controller is gone where it stands; a new one takes over.
    pub async fn restart_controller(&self) {
        self.controller().stop();
        self.begin().await;
    }

    /// The whole server starts again over the same data; the router went on.
    pub async fn restart(&mut self) {
        let root = self.world.folder().join("services");
        self.supervisor = Supervisor::open(root).await.unwrap();
        self.world
            .restart_with(Some(Arc::new(self.board.clone())))
            .await;
        self.begin().await;
    }

    /// Pushes a version, builds it and passes its tests; its pipeline.
    pub async fn release(&self, pipeline: &str, bake: &str, behaviour: &str, mark: &str) -> String {
        self.release_tested(pipeline, bake, behaviour, mark, "")
            .await
    }

    /// The same with a test case that ends as given.
    pub async fn release_tested(
        &self,
        pipeline: &str,
        bake: &str,
        behaviour: &str,
        mark: &str,
        case: &str,
    ) -> String {
        self.release_defined(pipeline, &definition(bake), behaviour, mark, case)
            .await
    }

    /// The same with a release definition of its own.
    pub async fn release_defined(
        &self,
        pipeline: &str,
        definition: &str,
        behaviour: &str,
        mark: &str,
        case: &str,
    ) -> String {
        let files = [
            (".gitlab-ci.yml", pipeline),
            (".rialto/release.toml", definition),
            ("mark", mark),
        ];
        let id = self.world.push("main", &files).await.summary.id;
        let work = self.world.take().await.expect("the package job waits");
        assert_eq!(work.assignment.job_name, "package");
        work.upload(
            &self.world,
            "archive",
            "artifacts.zip",
            &archive(behaviour, mark),
        )
        .await
        .unwrap();
        let report =
            format!("<testsuite name=\"s\"><testcase name=\"t\">{case}</testcase></testsuite>");
        work.upload(&self.world, "junit", "report.xml", report.as_bytes())
            .await
            .unwrap();
        work.finish(&self.world, JobResult::Success).await.unwrap();
        id
    }

    pub async fn job_is(&self, pipeline: &str, name: &str, wanted: Status) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let job = self.world.job(pipeline, name).await;
            if job.status == wanted {
                return;
            }
            let now = tokio::time::Instant::now();
            assert!(
                now < deadline && !job.status.is_completed(),
                "{name} is {} and not {wanted}: {:?} {:#?}",
                job.status,
                job.failure_message,
                self.deployments().await.first()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn newest_deployment_is(&self, state: &str) {
        self.world
            .until(state, || async {
                let all = self.deployments().await;
                all.first().is_some_and(|newest| newest.state == state)
            })
            .await;
    }

    pub async fn deployments(&self) -> Vec<DeploymentView> {
        let all = self
            .controller()
            .deployments(&auditor(), &DeploymentFilter::default(), 100)
            .await
            .unwrap();
        all.into_iter()
            .map(|(view, _)| view)
            .inspect(in_both_languages)
            .collect()
    }

    pub async fn environment(&self, name: &str) -> EnvironmentView {
        let all = self.controller().environments(None).await.unwrap();
        all.into_iter().find(|e| e.name == name).unwrap()
    }

    pub async fn public_address(&self, environment: &str) -> SocketAddr {
        let url = self.environment(environment).await.url.unwrap();
        url.strip_prefix("http://").unwrap().parse().unwrap()
    }

    /// Stops the service processes; what is left is removed with the folder.
    pub async fn close(self) {
        self.controller().stop();
        self.supervisor.stop_all().await;
    }
}

pub fn auditor() -> Actor {
    person("audit", &[Role::Auditor])
}

/// Clients that ask without pause until stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<(u64, Vec<String>)>>,
}

impl Load {
    pub fn start(at: SocketAddr) -> Self {
        Self::of(4, at)
    }

    pub fn of(clients: u32, at: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..clients)
            .map(|_| {
                let stop = Arc::clone(&stop);
                tokio::spawn(async move {
                    let (mut count, mut failures) = (0, Vec::new());
                    while !stop.load(Ordering::Relaxed) {
                        count += 1;
                        if let Err(error) = http::probe(at, "/", Duration::from_secs(10)).await {
                            failures.push(error);
                        }
                    }
                    (count, failures)
                })
            })
            .collect();
        Self { stop, tasks }
    }

    /// Stops and insists that no request failed; how many there were.
    pub async fn end_without_failure(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let (mut count, mut failures) = (0, Vec::new());
        for task in self.tasks {
            let (c, f) = task.await.unwrap();
            count += c;
            failures.extend(f);
        }
        assert_eq!(failures, Vec::<String>::new(), "of {count}");
        assert!(count > 50, "the load was no load: {count}");
        count
    }
}

/// The one slot of a role.
pub fn slot<'a>(
    environment: &'a EnvironmentView,
    role: &str,
) -> &'a rialto_delivery_engine::deployment::view::SlotView {
    let found: Vec<_> = environment
        .slots
        .iter()
        .filter(|s| s.role == role)
        .collect();
    assert_eq!(found.len(), 1, "one {role} in {environment:#?}");
    found[0]
}

/// Whatever a deployment tells, the console can tell it in Chinese. Words of others stay: the
/// command of a service, and what a person gave as a reason to go back.
fn in_both_languages(view: &DeploymentView) {
    for step in &view.steps {
        let command = step.name == "start" && step.outcome == "started";
        let said = step.text.as_ref().is_none_or(Text::is_known);
        assert!(said || command || asked(&step.detail), "{step:?}");
    }
    assert_eq!(view.reasons.len(), view.reasons_text.len());
    for (reason, text) in view.reasons.iter().zip(&view.reasons_text) {
        assert_eq!(reason, &text.en);
        assert!(text.is_known() || asked(reason), "{reason}");
    }
}

/// A person asked to go back, with these words.
fn asked(words: &str) -> bool {
    words.starts_with("OPS: ")
}
