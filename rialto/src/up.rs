//! `rialto up` and `rialto serve`: a house on this machine.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use rialto_esb_manager::sample::OwnInterface;
use rialto_platform_config::{Origin, Settings, telemetry};
use rialto_platform_identity::{Actor, Role};
use tokio::net::TcpListener;

use crate::house::{House, Roles};
use crate::settings::ConfigArgs;
use crate::standby::{self, Lead, Leading};

/// Exit code of a server that lost the lead; `EX_TEMPFAIL` of sysexits.
const LOST: i32 = 75;

/// Start everything in one process on loopback, with embedded storage.
#[derive(Debug, clap::Args)]
pub struct UpArgs {
    #[command(flatten)]
    source: ConfigArgs,
    /// Load the sample house: two example projects, an OTC book of 300 contracts, the house's own
    /// interfaces, and people of several roles.
    #[arg(long)]
    sample: bool,
}

/// Start the server, and further roles beside it when asked.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    #[command(flatten)]
    source: ConfigArgs,
    /// Roles of this process, separated by commas.
    #[arg(
        long = "role",
        value_enum,
        value_delimiter = ',',
        default_value = "delivery"
    )]
    roles: Vec<Part>,
}

/// What a process can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The delivery server with API and console.
    Delivery,
    /// Runs jobs in this process's care.
    Runner,
    /// Carries the traffic of deployed services.
    Gateway,
}

impl UpArgs {
    /// Runs until SIGINT or SIGTERM.
    pub async fn execute(self) -> Result<ExitCode> {
        let loaded = self.source.load()?;
        telemetry::start(&quiet(
            &loaded.settings,
            &loaded.origins["telemetry.filter"],
        ))?;
        let chosen = loaded.origins["server.listen"] != Origin::Default;
        let listener = listen(loaded.settings.server.listen, !chosen).await?;
        let roles = Roles {
            runner: true,
            gateway: true,
        };
        let (listener, leading) = match standby::lead(&loaded.settings, listener).await? {
            Lead::Here(listener, leading) => (listener, leading),
            Lead::Stopped => return Ok(ExitCode::SUCCESS),
        };
        let house = House::start(&loaded.settings, roles, listener, leading.as_ref()).await?;
        // Before the sample people: an empty house gets an administrator first.
        let mut logins = first_login(&house).await?;
        if self.sample {
            logins.extend(sample_logins(&house).await?);
        }
        greet(&house, &logins, self.sample);
        run(house, leading).await
    }
}

impl ServeArgs {
    /// Runs until SIGINT or SIGTERM.
    pub async fn execute(self) -> Result<ExitCode> {
        let settings = self.source.load()?.settings;
        telemetry::start(&settings.telemetry)?;
        if !self.roles.contains(&Part::Delivery) {
            bail!(
                "`rialto serve` is the server; a runner or a gateway alone is `rialto runner` or \
                 `rialto gateway`"
            );
        }
        let public = settings.server.public_url.as_deref().unwrap_or_default();
        if !settings.server.listen.ip().is_loopback() && !public.starts_with("https://") {
            bail!(
                "server.listen is {}, which other machines can reach: set server.public_url to \
                 the https address people use, or listen on loopback behind a proxy",
                settings.server.listen
            );
        }
        let roles = Roles {
            runner: self.roles.contains(&Part::Runner),
            gateway: self.roles.contains(&Part::Gateway),
        };
        let listener = listen(settings.server.listen, false).await?;
        let (listener, leading) = match standby::lead(&settings, listener).await? {
            Lead::Here(listener, leading) => (listener, leading),
            Lead::Stopped => return Ok(ExitCode::SUCCESS),
        };
        let house = House::start(&settings, roles, listener, leading.as_ref()).await?;
        let logins = first_login(&house).await?;
        greet(&house, &logins, false);
        run(house, leading).await
    }
}

/// On a terminal the greeting must stay readable: only warnings unless a filter was chosen.
fn quiet(settings: &Settings, origin: &Origin) -> rialto_platform_config::TelemetrySettings {
    let mut telemetry = settings.telemetry.clone();
    if *origin == Origin::Default && std::io::stderr().is_terminal() {
        "warn".clone_into(&mut telemetry.filter);
    }
    telemetry
}

/// Opens the address; a busy default port gives way to a free one.
async fn listen(address: SocketAddr, may_move: bool) -> Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if may_move && error.kind() == std::io::ErrorKind::AddrInUse => {
            let free = SocketAddr::new(address.ip(), 0);
            TcpListener::bind(free)
                .await
                .context("no free port on loopback")
        }
        Err(error) => Err(error).with_context(|| {
            format!("cannot listen on {address}; choose another port with --port")
        }),
    }
}

/// Login names and one-time links.
type Logins = Vec<(String, String)>;

/// The first administrator's link, until that person has a password.
async fn first_login(house: &House) -> Result<Logins> {
    let roles = [Role::Administrator, Role::Developer];
    let link = house.identity.first_login_link(&roles).await?;
    Ok(link
        .map(|link| ("admin".to_owned(), link))
        .into_iter()
        .collect())
}

/// Loads the sample house; links of its people who have no password yet.
async fn sample_logins(house: &House) -> Result<Logins> {
    let sample = rialto_delivery_engine::sample::load(&house.delivery, &house.identity).await?;
    let system = Actor::system("start");
    let people = rialto_otc_desk::sample::people(&house.identity).await?;
    if house.desk.load_sample().await? {
        // Values of the whole book take a while; nobody has to wait for them.
        let desk = house.desk.clone();
        tokio::spawn(async move {
            match desk.mark_book(&Actor::system("sample"), None).await {
                Ok(report) => tracing::info!(valued = report.valued, "the sample book is valued"),
                Err(error) => tracing::warn!(%error, "the sample book was not valued"),
            }
        });
    }
    let interfaces = rialto_esb_manager::sample::people(&house.identity).await?;
    house.platform.load_own(own_interfaces()?).await?;
    let mut logins = Vec::new();
    let users = sample.users.iter().chain(&people).chain(&interfaces);
    for user in users.filter(|user| !user.has_password()) {
        let link = house.identity.create_login_link(&system, &user.id).await?;
        logins.push((user.login.clone(), link));
    }
    Ok(logins)
}

/// The interfaces of this program itself, by the documents of its own code.
fn own_interfaces() -> Result<Vec<OwnInterface>> {
    let own = |system, name, code, taxonomy, document: serde_json::Value| {
        Ok(OwnInterface {
            system,
            name,
            code,
            taxonomy,
            document: serde_json::to_string_pretty(&document)?,
        })
    };
    let names = [
        ("Software delivery", "软件交付"),
        ("OTC desk", "场外衍生品"),
        ("Interface platform", "接口管理平台"),
        ("House platform", "公共平台"),
    ];
    let [delivery, otc, esb, platform] = names;
    [
        own(
            "delivery",
            delivery,
            "delivery.api",
            "common/delivery",
            rialto_delivery_api::document(),
        ),
        own(
            "otc",
            otc,
            "otc.desk",
            "trade/otc",
            rialto_otc_api::document(),
        ),
        own(
            "esb",
            esb,
            "esb.platform",
            "common/integration",
            rialto_esb_api::document(),
        ),
        own(
            "platform",
            platform,
            "platform.access",
            "common/access",
            crate::openapi::platform(),
        ),
    ]
    .into_iter()
    .collect()
}

/// Tells people where to go, and programs (in `ready.json`) where the house is.
fn greet(house: &House, logins: &[(String, String)], sample: bool) {
    let url = &house.url;
    let ready = serde_json::json!({
        "url": url,
        "pid": std::process::id(),
        "version": env!("CARGO_PKG_VERSION"),
        "login_links": logins.iter().map(|(login, link)| {
            (login.clone(), serde_json::Value::from(format!("{url}/login?link={link}")))
        }).collect::<serde_json::Map<_, _>>(),
    });
    if let Err(error) = house.folder.write_private("ready.json", &ready.to_string()) {
        tracing::warn!(%error, "ready.json was not written");
    }
    let mut text = format!("\nRialto is ready at {url}\n");
    for (login, link) in logins {
        text.push_str(&format!(
            "  sign in once as {login:<10} {url}/login?link={link}\n"
        ));
    }
    text.push_str(&format!(
        "  data folder             {}\n",
        house.folder.root().display()
    ));
    if sample {
        text.push_str(&format!(
            "\nThree things to try (a token comes from Access tokens in the console):\n\
             \x20 1. git clone {url}/git/sample/quote-service.git    (any user, token as password)\n\
             \x20 2. change a price in src/market.rs and in the test that names it, commit, push, and watch {url}/delivery/pipelines\n\
             \x20 3. break a test, push again, and see who broke what: {url}/delivery/incidents\n"
        ));
    }
    text.push_str(
        "\nCtrl-C stops the server; jobs under way go on and are taken up at the next start.\n",
    );
    // A closed standard output is no reason to stop.
    let _ = std::io::stdout().write_all(text.as_bytes());
    let _ = std::io::stdout().flush();
}

/// Another server may lead by now and have taken up the jobs and services: an orderly stop would end
/// what is no longer this server's. What looks after this process starts it again, and it stands by.
fn ended_by_another() -> ! {
    tracing::error!("this server leads no more and ends at once; started again, it stands by");
    std::process::exit(LOST)
}

async fn run(mut house: House, mut leading: Option<Leading>) -> Result<ExitCode> {
    let drilled = leading.as_mut().map(Leading::drilled);
    let drilled = async {
        match drilled {
            Some(drilled) => drilled.await,
            None => std::future::pending().await,
        }
    };
    let lost = async {
        match &leading {
            Some(leading) => leading.lost().await,
            None => std::future::pending().await,
        }
    };
    let failed = tokio::select! {
        () = crate::runner::stop_signal() => None,
        () = drilled => None,
        error = house.failed() => Some(error),
        () = lost => ended_by_another(),
    };
    tracing::info!("stopping");
    let stopped = house.stop().await;
    if let Some(leading) = leading {
        leading.release().await;
    }
    match failed {
        Some(error) => Err(error),
        None => stopped.map(|()| ExitCode::SUCCESS),
    }
}
