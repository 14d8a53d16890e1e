//! A Postgres of one's own. `initdb` and `postgres` refuse root: then they run as nobody.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use sqlx::{Connection, Executor, PgConnection};

use crate::{
    environment::given,
    process::{Process, free_port},
    wait,
};

const NOBODY: u32 = 65_534;
/// The superuser's.
const PASSWORD: &str = "superuser";

#[derive(Debug)]
pub struct Postgres {
    port: u16,
    data: PathBuf,
    log: PathBuf,
    process: Option<Process>,
}

impl Postgres {
    /// A new cluster in `folder` with an empty database `vigie`.
    pub async fn start(folder: &Path) -> Self {
        let data = folder.join("postgres");
        initialise(&data).await;
        let log = folder.join("postgres.log");
        let mut postgres = Self { port: free_port(), data, log, process: None };
        postgres.restart().await;
        let mut admin = PgConnection::connect(&postgres.url_of("postgres")).await.expect("Postgres takes a connection");
        admin.execute("create database vigie").await.expect("the database can be made");
        postgres
    }

    /// Dumps everything, and goes on as another cluster, on the same port, with what was dumped.
    pub async fn restore_elsewhere(&mut self) {
        let dump = self.data.with_extension("sql");
        let client = |name: &str| {
            let mut command = tokio::process::Command::new(given("VIGIE_TEST_PG_BIN").join(name));
            command.args(["-d", &self.url_of("postgres")]).env("PGPASSWORD", PASSWORD).stdout(Stdio::null());
            command
        };
        let dumped = client("pg_dumpall").arg("-f").arg(&dump).status().await;
        assert!(dumped.expect("pg_dumpall starts").success(), "pg_dumpall failed");
        // Its superuser is there already.
        let mut restoring = client("psql");
        restoring.args(["-q", "-X", "-f"]).arg(&dump).stderr(Stdio::null());
        self.stop();
        self.data.set_extension("restored");
        initialise(&self.data).await;
        self.restart().await;
        assert!(restoring.status().await.expect("psql starts").success(), "the dump cannot be read");
    }

    /// A copy of the cluster as it is now, which it can go back to; its folder.
    pub async fn backup(&self) -> PathBuf {
        self.copy("backup", &[]).await
    }

    /// Goes on from a backup, on the same port: what was written since is gone, and the timeline is another.
    pub async fn go_back(&mut self, backup: PathBuf) {
        self.stop();
        self.data = backup;
        fs::write(self.data.join("recovery.signal"), "").expect("the folder is ours");
        let only_so_far = "restore_command = false\nrecovery_target = immediate\nrecovery_target_action = promote\n";
        fs::write(self.data.join("postgresql.auto.conf"), only_so_far).expect("the folder is ours");
        self.restart().await;
    }

    /// A standby that has followed takes over, on the same port: nothing is lost, and the timeline is another.
    pub async fn fail_over(&mut self) {
        let data = self.copy("standby", &["--write-recovery-conf"]).await;
        let log = self.log.with_extension("standby.log");
        let mut standby = Self { port: free_port(), data, log, process: None };
        standby.restart().await;
        let asked = async |url: &str, question: &'static str| -> String {
            let mut admin = PgConnection::connect(url).await.expect("Postgres takes a connection");
            sqlx::query_scalar(question).fetch_one(&mut admin).await.expect("it answers")
        };
        self.stop();
        // What the former wrote as it stopped has arrived when its stream has ended.
        let (url, follows) = (standby.url_of("postgres"), "select count(*)::text from pg_stat_wal_receiver");
        wait::until("the standby has all of it", wait::PATIENCE, || async { asked(&url, follows).await == "0" }).await;
        assert_eq!(asked(&url, "select pg_promote()::text").await, "true", "the standby takes over");
        standby.stop();
        self.data.clone_from(&standby.data);
        self.restart().await;
    }

    /// A copy of the running cluster, beside it.
    async fn copy(&self, name: &str, options: &[&str]) -> PathBuf {
        let copy = self.data.with_extension(name);
        fs::create_dir(&copy).expect("the folder can be made");
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o700)).expect("the folder is ours");
        let mut backup = program("pg_basebackup", &copy);
        backup.args(["-d", &self.url_of("postgres"), "-X", "stream", "-c", "fast", "-N"]).args(options);
        backup.arg("-D").arg(&copy);
        let made = tokio::process::Command::from(backup).stdout(Stdio::null()).status().await;
        assert!(made.expect("pg_basebackup starts").success(), "no copy of {}", self.data.display());
        copy
    }

    /// In order: whoever follows has everything.
    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop("INT", Duration::from_secs(10));
        }
    }

    /// As the superuser.
    pub fn url(&self) -> String {
        self.url_of("vigie")
    }

    /// As somebody else.
    pub fn url_as(&self, login: &str, password: &str) -> String {
        format!("postgres://{login}:{password}@127.0.0.1:{}/vigie", self.port)
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://vigie:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// SIGKILL, as when the machine's power fails as far as Postgres can tell.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it on the same port and data, and waits until it answers.
    pub async fn restart(&mut self) {
        self.process = None;
        let url = self.url_of("postgres");
        wait::until("Postgres answers", wait::PATIENCE, || {
            // After a kill, workers of the former server may hold its memory a moment longer: then the new one gives up.
            if self.process.as_mut().is_none_or(Process::has_ended) {
                self.process = Some(Process::start(&mut self.server(), &self.log));
            }
            let url = url.clone();
            async move { PgConnection::connect(&url).await.is_ok() }
        })
        .await;
    }

    fn server(&self) -> Command {
        let mut server = program("postgres", &self.data);
        server.arg("-D").arg(&self.data).args(["-p", &self.port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"] {
            server.args(["-c", setting]);
        }
        server
    }
}

/// A new cluster in `data`.
async fn initialise(data: &Path) {
    fs::create_dir(data).expect("the data folder can be made");
    let password_file = data.with_extension("password");
    fs::write(&password_file, PASSWORD).expect("the password can be written");
    let mut initdb = program("initdb", data);
    // Not synchronised: a machine that fails during the set-up of a test may lose it. A password is hashed once, as every
    // connection of every test would pay for more.
    initdb.args(["-N", "-U", "vigie", "-A", "scram-sha-256", "-c", "scram_iterations=1", "-E", "UTF8", "--locale=C"]);
    initdb.arg("--pwfile").arg(&password_file).arg("-D").arg(data);
    let made = tokio::process::Command::from(initdb).stdout(Stdio::null()).status().await;
    assert!(made.expect("initdb starts").success(), "initdb failed in {}", data.display());
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Immediate shutdown; a kill would leave its shared memory behind.
        if let Some(process) = &mut self.process {
            process.stop("QUIT", Duration::from_secs(5));
        }
    }
}

/// A program of Postgres, as a user it accepts; `data` is made that user's.
fn program(name: &str, data: &Path) -> Command {
    let path = given("VIGIE_TEST_PG_BIN").join(name);
    if fs::metadata("/proc/self").map_or(NOBODY, |own| own.uid()) != 0 {
        return Command::new(path);
    }
    let mapped = ["--user".to_owned(), format!("--map-user={NOBODY}"), format!("--map-group={NOBODY}")];
    let probe = Command::new("unshare").args(&mapped).arg("true").stderr(Stdio::null()).status();
    // Without a fork, so that the process keeps its id.
    if probe.is_ok_and(|status| status.success()) {
        let mut command = Command::new("unshare");
        command.args(&mapped).arg(path);
        return command;
    }
    chown(data, Some(NOBODY), Some(NOBODY)).expect("root may give a folder away");
    let mut command = Command::new(path);
    command.uid(NOBODY).gid(NOBODY);
    command
}
