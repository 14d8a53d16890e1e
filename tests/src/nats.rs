//! A NATS server of one's own, with JetStream in files and the users of the house.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
};

use crate::{
    environment::{given, root},
    process::{Process, free_port},
    wait,
};

#[derive(Debug)]
pub struct Nats {
    port: u16,
    store: PathBuf,
    log: PathBuf,
    /// Where the users' keys are; none when the bus asks nobody who it is.
    keys: Option<PathBuf>,
    process: Option<Process>,
}

impl Nats {
    /// User and password of whoever administers the bus of a test: may do everything, as nobody of the house may.
    pub const ADMINISTRATOR: (&str, &str) = ("admin", "admin-of-the-test");

    /// With users and permissions made by the commands that make them in earnest.
    pub async fn start(folder: &Path) -> Self {
        let keys = folder.join("nats-keys");
        vigie(&["keys".as_ref(), "nats".as_ref(), "--out".as_ref(), keys.as_os_str()]).await;
        let block =
            vigie(&["contract".as_ref(), "nats-permissions".as_ref(), "--keys".as_ref(), keys.as_os_str()]).await;
        let (user, password) = Self::ADMINISTRATOR;
        let administrator = format!("users: [\n    {{ user: {user}, password: {password} }}");
        let users = block.replacen("users: [", &administrator, 1);
        fs::write(folder.join("nats.conf"), users).expect("the users can be written");
        Self::of(folder, Some(keys)).await
    }

    /// Without users: whoever connects may do everything.
    pub async fn start_open(folder: &Path) -> Self {
        Self::of(folder, None).await
    }

    async fn of(folder: &Path, keys: Option<PathBuf>) -> Self {
        let (store, log) = (folder.join("nats"), folder.join("nats.log"));
        let mut nats = Self { port: free_port(), store, log, keys, process: None };
        nats.restart().await;
        nats
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The file of a user's seed.
    pub fn key_file(&self, user: &str) -> PathBuf {
        self.keys.as_ref().expect("this bus has users").join(format!("{user}.nk"))
    }

    /// The seed of a user: whoever has it is that user.
    pub fn key(&self, user: &str) -> String {
        fs::read_to_string(self.key_file(user)).expect("the key is there").trim().to_owned()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it on the same port and store, and waits until it answers.
    pub async fn restart(&mut self) {
        self.process = None;
        let mut command = Command::new(given("VIGIE_TEST_NATS_BIN"));
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"]).arg(&self.store);
        if self.keys.is_some() {
            command.arg("-c").arg(self.store.with_file_name("nats.conf"));
        }
        self.process = Some(Process::start(&mut command, &self.log));
        let port = self.port;
        wait::until("NATS answers", wait::PATIENCE, || async move {
            let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await else { return false };
            let mut greeting = String::new();
            BufReader::new(stream).read_line(&mut greeting).await.is_ok() && greeting.starts_with("INFO")
        })
        .await;
    }

    /// Kills it and deletes everything it kept.
    pub fn wipe(&mut self) {
        self.kill();
        fs::remove_dir_all(&self.store).expect("the store of a stopped server can be removed");
    }
}

/// What a command that needs no server prints.
async fn vigie(arguments: &[&std::ffi::OsStr]) -> String {
    let mut command = tokio::process::Command::new(given("VIGIE_TEST_BIN"));
    let done = command.current_dir(root()).args(arguments).output().await.expect("vigie starts");
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("it prints text")
}
