//! The real binary, as a child process.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tokio::sync::Mutex;
use uuid::Uuid;
use vigie_platform::database;
use vigie_proto::{consumer, permission};

use crate::{
    Caller, Message, Raised, Records, Stack,
    environment::{given, root},
    outbox,
    process::{Process, free_port},
    wait,
};

/// How Vigie is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    time_scale: Option<f64>,
    environment: Vec<(String, String)>,
    /// Services to run; all when empty.
    only: Vec<String>,
}

impl Options {
    /// Divides the doctrine's delays.
    #[must_use]
    pub fn time_scale(mut self, scale: f64) -> Self {
        self.time_scale = Some(scale);
        self
    }

    /// Sets an option by its variable, without the prefix: `INTAKE__RATE_BURST`.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts are given as they are")]
    pub fn set(mut self, option: &str, value: impl ToString) -> Self {
        self.environment.push((format!("VIGIE__{option}"), value.to_string()));
        self
    }

    /// Reads doctrine and directory from `folder`, as [`crate::small_city::write`] makes them.
    #[must_use]
    pub fn city(self, folder: &Path) -> Self {
        self.set("PATHS__DOCTRINE", folder.join("doctrine").display())
            .set("PATHS__DIRECTORY", folder.join("directory").display())
    }
}

#[derive(Debug)]
pub struct Vigie {
    options: Options,
    url: String,
    private_url: String,
    log: PathBuf,
    /// Where the logins to the database are.
    logins: PathBuf,
    process: Option<Process>,
    tokens: Mutex<HashMap<String, String>>,
    records: Records,
}

impl Vigie {
    /// Makes the logins, migrates the database, starts every service, waits until it is ready.
    pub async fn start(stack: &Stack, options: Options) -> Self {
        let mut vigie = Self::prepared(stack, options).await;
        vigie.restart().await;
        vigie
    }

    /// Everything up to the start of the services.
    pub async fn prepared(stack: &Stack, options: Options) -> Self {
        let (port, private_port) = (free_port(), free_port());
        let url = format!("http://127.0.0.1:{port}");
        let private_url = format!("http://127.0.0.1:{private_port}");
        let ports = stack.outbox.ports();
        let logins = stack.folder().join("database");
        let own = |user: &str| stack.nats.key_file(user).display().to_string();
        let mut base = Options::default();
        for service in database::LOGINS {
            let login = logins.join(format!("{service}.url"));
            base = base.set(&format!("DATABASE__SERVICES__{}", service.to_uppercase()), login.display());
        }
        for service in consumer::services() {
            base = base.set(&format!("BUS__SERVICES__{}", service.to_uppercase()), own(service));
        }
        let options = base
            .set("HTTP__LISTEN", format!("127.0.0.1:{port}"))
            .set("HTTP__PRIVATE_LISTEN", format!("127.0.0.1:{private_port}"))
            .set("HTTP__PUBLIC_URL", &url)
            .set("BUS__URL", stack.nats.url())
            .set("BUS__NKEY_SEED_FILE", own(permission::RELAY))
            .set("EMAIL__PORT", ports.smtp)
            .set("EMAIL__TLS", "none")
            .set("EMAIL__RETRY_FIRST_MS", 250)
            .set("SMS__URL", format!("smpp://127.0.0.1:{}", ports.smpp))
            .set("SMS__SYSTEM_ID", outbox::SYSTEM_ID)
            .set("SMS__PASSWORD", outbox::PASSWORD)
            .set("LINKS__KEY", "0123456789abcdef0123456789abcdef")
            .set("TELEMETRY__LOG_FORMAT", "text")
            .merged(options);
        let log = stack.folder().join("vigie.log");
        let records = Records::new(&stack.postgres.url());
        let tokens = Mutex::default();
        let vigie = Self { options, url, private_url, log, logins, process: None, tokens, records };
        let out = vigie.logins.display().to_string();
        vigie.prepare(&["database", "logins", "--out", &out], &stack.postgres.url()).await;
        vigie.prepare(&["migrate"], &vigie.login("owner")).await;
        vigie
    }

    /// Runs a command that prepares the database, as `url`, which no service is ever given.
    async fn prepare(&self, arguments: &[&str], url: &str) {
        let mut command = self.program();
        // The logins are not there before they are made.
        for service in database::LOGINS {
            command.env_remove(format!("VIGIE__DATABASE__SERVICES__{}", service.to_uppercase()));
        }
        command.env("VIGIE__DATABASE__URL", url);
        ran(command, arguments).await;
    }

    /// The URL of a login, such as that of `intake`, or `owner`.
    pub fn login(&self, name: &str) -> String {
        let path = self.logins.join(format!("{name}.url"));
        std::fs::read_to_string(path).expect("the login was made").trim().to_owned()
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Another process beside this one that runs some of the services, with the same options.
    pub async fn beside(&self, only: &[&str]) -> Self {
        let (port, private_port) = (free_port(), free_port());
        let url = format!("http://127.0.0.1:{port}");
        let own = Options::default()
            .set("HTTP__LISTEN", format!("127.0.0.1:{port}"))
            .set("HTTP__PRIVATE_LISTEN", format!("127.0.0.1:{private_port}"))
            .set("HTTP__PUBLIC_URL", &url);
        let mut beside = Self {
            options: self
                .options
                .clone()
                .merged(Options { only: only.iter().map(|&name| name.to_owned()).collect(), ..own }),
            url,
            private_url: format!("http://127.0.0.1:{private_port}"),
            log: self.log.with_file_name("beside.log"),
            logins: self.logins.clone(),
            process: None,
            tokens: Mutex::default(),
            records: self.records.clone(),
        };
        beside.restart().await;
        beside
    }

    /// Starts it again as it was, and waits until it is ready.
    pub async fn restart(&mut self) {
        self.launch();
        self.ready().await;
    }

    /// Starts it again without waiting.
    pub fn launch(&mut self) {
        self.process = None;
        let mut arguments = vec!["serve".to_owned()];
        if let Some(scale) = self.options.time_scale {
            arguments.push(format!("--time-scale={scale}"));
        }
        if !self.options.only.is_empty() {
            arguments.push(format!("--only={}", self.options.only.join(",")));
        }
        self.process = Some(Process::start(self.program().args(arguments), &self.log));
    }

    pub async fn ready(&self) {
        let operator = self.operator();
        wait::until("Vigie is ready", wait::PATIENCE, || async {
            operator.try_get("/readyz").await.is_ok_and(|answer| answer.status == 200)
        })
        .await;
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Sends a signal by its name, such as `STOP`.
    pub fn signal(&self, name: &str) {
        self.process.as_ref().expect("it is running").signal(name);
    }

    /// SIGTERM, and whatever is in flight is finished.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop("TERM", Duration::from_secs(25));
        }
    }

    /// What one of Vigie's commands prints.
    pub async fn command(&self, arguments: &[&str]) -> String {
        ran(self.program(), arguments).await
    }

    /// What it says on standard error when it does not start with `environment` over its own: it must end by itself.
    pub async fn refused_to_serve(&self, environment: &[(&str, &str)]) -> String {
        let mut command = self.program();
        command.envs(environment.iter().copied()).arg("serve").stdin(Stdio::null());
        let done = tokio::process::Command::from(command).kill_on_drop(true).output();
        let done = tokio::time::timeout(wait::PATIENCE, done).await.expect("it ends").expect("vigie starts");
        assert!(!done.status.success(), "it served");
        String::from_utf8_lossy(&done.stderr).into_owned()
    }

    /// What one of Vigie's commands says when it refuses to do what it was told.
    pub async fn refused(&self, arguments: &[&str]) -> String {
        let mut command = tokio::process::Command::from(self.program());
        let done = command.args(arguments).stdin(Stdio::null()).output().await.expect("vigie starts");
        assert!(!done.status.success(), "vigie {} did what it was told", arguments.join(" "));
        String::from_utf8_lossy(&done.stderr).into_owned()
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Somebody without a token.
    pub fn anyone(&self) -> Caller {
        Caller::new(&self.url, None)
    }

    /// Whoever runs the machine: readiness in full, and metrics.
    pub fn operator(&self) -> Caller {
        Caller::new(&self.private_url, None)
    }

    /// The source of that name, with a token of its own.
    pub async fn caller(&self, source: &str) -> Caller {
        let mut tokens = self.tokens.lock().await;
        if !tokens.contains_key(source) {
            let token = self.command(&["token", "issue", "--source", source]).await;
            tokens.insert(source.to_owned(), token);
        }
        Caller::new(&self.url, tokens.get(source).cloned())
    }

    /// The cookie of a browser that has opened a fresh personal link of `source`.
    pub async fn browser(&self, source: &str) -> String {
        let link = self.command(&["token", "link", "--source", source]).await;
        let key = link.split_once("/ouvrir?cle=").expect("a link that opens a session").1;
        let opened = self.anyone().post_form("/ouvrir", &[("cle", key)], None).await.expect(303);
        opened.header("set-cookie").split(';').next().expect("a cookie").to_owned()
    }

    /// The incident a signal belongs to, as soon as it does.
    pub async fn incident_of(&self, raised: &Raised) -> Uuid {
        let id = &raised.signal_id;
        wait::for_some("the signal has its incident", wait::PATIENCE, || self.records.incident_of(id)).await
    }

    /// Everything that left, once everything accepted has had its consequences and every alert is a message.
    pub async fn all_sent(&self, stack: &Stack) -> Vec<Message> {
        wait::for_some("every alert has left", wait::PATIENCE, || async {
            if !self.records.is_quiet().await {
                return None;
            }
            let alerts = self.records.alerts_to_send().await;
            let messages = stack.outbox.messages().await;
            (i64::try_from(messages.len()) == Ok(alerts)).then_some(messages)
        })
        .await
    }

    /// Every step of an incident with its outcome, once none is left to settle but those that come whatever happens or
    /// after the closing.
    pub async fn whole_plan(&self, incident: Uuid) -> Vec<(String, String)> {
        wait::until("every step is settled", wait::PATIENCE, || async {
            self.records.is_quiet().await && self.records.open_steps(incident).await == 0
        })
        .await;
        self.records.steps(incident).await
    }

    /// What the database holds.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The value of a series of `/metrics`, such as `vigie_signals_accepted_total`; 0 when it has none yet.
    pub async fn metric(&self, series: &str) -> f64 {
        let text = self.operator().get("/metrics").await.text;
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or(0.0)
    }

    fn program(&self) -> Command {
        let mut command = Command::new(given("VIGIE_TEST_BIN"));
        command.current_dir(root());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VIGIE_")) {
            command.env_remove(name);
        }
        command.envs(self.options.environment.iter().cloned());
        command
    }
}

async fn ran(command: Command, arguments: &[&str]) -> String {
    let mut command = tokio::process::Command::from(command);
    let done = command.args(arguments).stdin(Stdio::null()).output().await.expect("vigie starts");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "vigie {} failed: {said}", arguments.join(" "));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

impl Options {
    fn merged(mut self, over: Self) -> Self {
        self.environment.extend(over.environment);
        Self { time_scale: over.time_scale.or(self.time_scale), only: over.only, ..self }
    }
}
