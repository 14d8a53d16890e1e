//! A journey in a real Chromium: a script of `tests/browser/journeys`, and what it asks for on the way.

use std::{path::PathBuf, process::Stdio};

use serde_json::{Map, Value};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{
    Vigie,
    environment::{given, optional, root},
};

/// A script under way; killed when dropped.
#[derive(Debug)]
pub struct Journey {
    name: String,
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    answers: ChildStdin,
}

impl Journey {
    /// Starts the script `name`, which may open one personal link of each of `sources`.
    pub async fn start(vigie: &Vigie, name: &str, sources: &[&str]) -> Self {
        let mut links = Map::new();
        for source in sources {
            let link = vigie.command(&["token", "link", "--source", source]).await;
            links.insert((*source).to_owned(), Value::String(link));
        }
        let script = root().join("tests/browser/journeys").join(name).with_extension("mjs");
        let mut child = Command::new("node")
            .arg(script)
            .env("VIGIE_TEST_URL", vigie.url())
            .env("VIGIE_TEST_LINKS", Value::Object(links).to_string())
            .env("VIGIE_TEST_CHROMIUM", given("VIGIE_TEST_CHROMIUM"))
            .env("VIGIE_TEST_SCREENSHOTS", screenshots())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let said = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let answers = child.stdin.take().expect("it is piped");
        Self { name: name.to_owned(), child, said, answers }
    }

    /// What it asks for next; none once it has ended well. Its figures are printed; the test ends when it fails.
    pub async fn asks(&mut self) -> Option<String> {
        while let Some(line) = self.said.next_line().await.expect("what it says can be read") {
            match line.strip_prefix("ask ") {
                Some(what) => return Some(what.to_owned()),
                None => println!("{}: {line}", self.name),
            }
        }
        let ended = self.child.wait().await.expect("it ends");
        assert!(ended.success(), "the journey {} failed: {ended}", self.name);
        None
    }

    /// Tells it that what it asked for is done.
    pub async fn done(&mut self) {
        self.answer("done").await;
    }

    /// Tells it what it asked for, one line.
    pub async fn answer(&mut self, text: &str) {
        self.answers.write_all(format!("{text}\n").as_bytes()).await.expect("it listens");
    }

    /// Walks it to the end; it asks for nothing.
    pub async fn walk(mut self) {
        let asked = self.asks().await;
        assert_eq!(asked, None, "nobody can do that");
    }
}

/// Where pictures are kept: beside what cargo builds.
fn screenshots() -> PathBuf {
    optional("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from).join("screenshots")
}

/// How long the load of the board lasts: 10 s, or what `VIGIE_BOARD_SECONDS` says.
pub fn board_seconds() -> u64 {
    optional("VIGIE_BOARD_SECONDS").map_or(10, |text| text.parse().expect("VIGIE_BOARD_SECONDS is a number"))
}
