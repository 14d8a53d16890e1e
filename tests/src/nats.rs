//! A NATS server of one's own, with JetStream in files.

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
    environment::given,
    process::{Process, free_port},
    wait,
};

#[derive(Debug)]
pub struct Nats {
    port: u16,
    store: PathBuf,
    log: PathBuf,
    process: Option<Process>,
}

impl Nats {
    pub async fn start(folder: &Path) -> Self {
        let (store, log) = (folder.join("nats"), folder.join("nats.log"));
        let mut nats = Self { port: free_port(), store, log, process: None };
        nats.restart().await;
        nats
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
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
