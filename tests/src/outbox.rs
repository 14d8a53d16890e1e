//! The outbox: a mail server and an SMS centre that keep what they are given.

use std::{fs, path::Path, process::Command};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{environment::given, process::Process, wait};

/// What Vigie binds to the SMS centre with.
pub(crate) const SYSTEM_ID: &str = "vigie";
pub(crate) const PASSWORD: &str = "secret";

#[derive(Debug)]
pub struct Outbox {
    ports: Ports,
    http: reqwest::Client,
    _process: Process,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Ports {
    pub(crate) smtp: u16,
    pub(crate) smpp: u16,
    http: u16,
}

/// An e-mail or an SMS that left.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    pub channel: String,
    pub to: String,
    pub subject: Option<String>,
    pub text: String,
    #[serde(default)]
    pub html: Option<String>,
    pub links: Vec<String>,
    pub received_at: Timestamp,
    pub message_id: String,
}

impl Message {
    /// The path of its acknowledgement link.
    pub fn acknowledgement(&self) -> Option<&str> {
        self.links.iter().find_map(|link| link.find("/a/").map(|start| &link[start..]))
    }
}

impl Message {
    /// The path of the link it carries to answer a request for a resource.
    pub fn request(&self) -> Option<&str> {
        self.links.iter().find_map(|link| link.find("/m/").map(|start| &link[start..]))
    }
}

impl Outbox {
    pub async fn start(folder: &Path) -> Self {
        let log = folder.join("outbox.log");
        let mut command = Command::new("node");
        command.arg(given("VIGIE_TEST_OUTBOX")).args(["--host", "127.0.0.1"]);
        command.args(["--smtp-port", "0", "--smpp-port", "0", "--http-port", "0"]);
        command.args(["--system-id", SYSTEM_ID, "--password", PASSWORD]);
        let process = Process::start(&mut command, &log);
        let ports = wait::for_some("the outbox says its ports", wait::PATIENCE, || async {
            fs::read_to_string(&log).ok()?.lines().find_map(|line| serde_json::from_str(line).ok())
        })
        .await;
        Self { ports, http: reqwest::Client::new(), _process: process }
    }

    pub(crate) fn ports(&self) -> Ports {
        self.ports
    }

    /// Everything that left, oldest first.
    pub async fn messages(&self) -> Vec<Message> {
        let answer = self.http.get(self.at("/messages")).send().await.expect("the outbox answers");
        answer.json().await.expect("the outbox lists messages")
    }

    /// Everything that left by `channel` to an address that starts with `to`.
    pub async fn messages_to(&self, channel: &str, to: &str) -> Vec<Message> {
        let mut messages = self.messages().await;
        messages.retain(|message| message.channel == channel && message.to.starts_with(to));
        messages
    }

    /// How it treats addresses from now on, such as `{"email": {"scop@*": "refuse"}}`.
    pub async fn behave(&self, rules: &Value) {
        let answer = self.http.put(self.at("/behaviour")).json(rules).send().await.expect("the outbox answers");
        assert!(answer.status().is_success(), "the outbox does not know {rules}");
    }

    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.http)
    }
}
