//! Server-sent events, one by one.

use std::time::Duration;

use serde_json::Value;

#[derive(Debug)]
pub struct Live {
    response: reqwest::Response,
    buffer: String,
}

/// One event of the stream.
#[derive(Debug, Clone)]
pub struct Told {
    pub id: String,
    pub name: String,
    pub data: Value,
}

impl Live {
    pub(crate) fn new(response: reqwest::Response) -> Self {
        Self { response, buffer: String::new() }
    }

    /// The next event; the test ends when none comes in time.
    pub async fn next(&mut self, within: Duration) -> Told {
        tokio::time::timeout(within, self.read()).await.expect("an event comes in time")
    }

    /// Everything it tells until it says that it is alive.
    pub async fn until_alive(&mut self, within: Duration) -> Vec<Told> {
        let mut heard = Vec::new();
        let alive = async {
            loop {
                let told = self.any().await;
                if told.name == "alive" {
                    return;
                }
                heard.push(told);
            }
        };
        tokio::time::timeout(within, alive).await.expect("the stream says in time that it is alive");
        heard
    }

    /// Waits until the stream says that it is alive.
    pub async fn alive(&mut self, within: Duration) {
        let alive = async { while self.any().await.name != "alive" {} };
        tokio::time::timeout(within, alive).await.expect("the stream says in time that it is alive");
    }

    /// Waits until the server ends the stream.
    pub async fn ended(&mut self, within: Duration) {
        let over = async { while let Ok(Some(_)) = self.response.chunk().await {} };
        tokio::time::timeout(within, over).await.expect("the stream ends in time");
    }

    async fn read(&mut self) -> Told {
        loop {
            let told = self.any().await;
            if told.name != "alive" {
                return told;
            }
        }
    }

    async fn any(&mut self) -> Told {
        loop {
            while let Some(end) = self.buffer.find("\n\n") {
                let told = parse(&self.buffer[..end]);
                self.buffer.drain(..end + 2);
                // Comments only keep the connection open.
                if !told.name.is_empty() {
                    return told;
                }
            }
            let chunk = self.response.chunk().await.expect("the stream goes on").expect("the stream does not end");
            self.buffer.push_str(&String::from_utf8_lossy(&chunk));
        }
    }
}

fn parse(block: &str) -> Told {
    let field = |name: &str| {
        let value = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(|value| value.trim_start().to_owned()).unwrap_or_default()
    };
    Told { id: field("id"), name: field("event"), data: serde_json::from_str(&field("data")).unwrap_or_default() }
}
