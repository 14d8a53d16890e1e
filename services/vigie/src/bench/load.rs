//! Posts signals: as many as are taken, or so many a second whatever happens.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Mutex, mpsc},
    task::JoinSet,
};
use uuid::Uuid;

use super::{city, report::Durations};

/// Longest answer read.
const ANSWER_BYTES: usize = 16 * 1024;

/// Whom to post to, and as whom; numbers the signals of one bench.
#[derive(Debug, Clone)]
pub(crate) struct Poster {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) next: Arc<AtomicU64>,
}

/// A signal answered `202`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted {
    pub(crate) signal: Uuid,
    /// When it was due to be sent: waiting for a free connection counts.
    pub(crate) due: Instant,
    pub(crate) answered: Instant,
}

/// What became of a load.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub(crate) accepted: Vec<Accepted>,
    /// Other answers, by status.
    pub(crate) refused: BTreeMap<u16, usize>,
}

impl Load {
    /// From due to answered.
    pub(crate) fn answers(&self) -> Durations {
        Durations::new(self.accepted.iter().map(|a| a.answered - a.due).collect())
    }

    fn add(&mut self, due: Instant, answer: &Answer) {
        match answer.signal {
            Some(signal) => self.accepted.push(Accepted { signal, due, answered: Instant::now() }),
            None => *self.refused.entry(answer.status).or_default() += 1,
        }
    }

    fn join(mut self, other: Self) -> Self {
        self.accepted.extend(other.accepted);
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
        self
    }

    /// Fails when anything was refused: a figure of a half-refused load would mislead.
    pub(crate) fn all_accepted(self) -> anyhow::Result<Self> {
        anyhow::ensure!(self.refused.is_empty(), "signals were refused, by status: {:?}", self.refused);
        Ok(self)
    }
}

impl Poster {
    /// Signals posted so far.
    pub(crate) fn posted(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Closed loop: each of `connections` posts again as soon as it is answered, for `how_long`.
    pub(crate) async fn flood(&self, connections: usize, how_long: Duration) -> anyhow::Result<Load> {
        let until = Instant::now() + how_long;
        let mut workers = JoinSet::new();
        for _ in 0..connections {
            let poster = self.clone();
            workers.spawn(async move {
                let (mut connection, mut load) = (Connection::open(&poster).await?, Load::default());
                while Instant::now() < until {
                    let due = Instant::now();
                    load.add(due, &connection.post(&poster).await?);
                }
                anyhow::Ok(load)
            });
        }
        gather(workers).await?.all_accepted()
    }

    /// Open loop: `rate` a second for `how_long`, over up to `connections`; a signal that waits for one is late.
    pub(crate) async fn pace(&self, rate: f64, how_long: Duration, connections: usize) -> anyhow::Result<Load> {
        let (tickets, queue) = mpsc::channel(65_536);
        let queue = Arc::new(Mutex::new(queue));
        let mut workers = JoinSet::new();
        for _ in 0..connections {
            let (poster, queue) = (self.clone(), Arc::clone(&queue));
            workers.spawn(async move {
                let (mut connection, mut load) = (Connection::open(&poster).await?, Load::default());
                loop {
                    let ticket = queue.lock().await.recv().await;
                    let Some(due) = ticket else { return anyhow::Ok(load) };
                    load.add(due, &connection.post(&poster).await?);
                }
            });
        }
        drop(queue);
        workers.spawn_blocking(move || {
            issue(&tickets, rate, how_long);
            Ok(Load::default())
        });
        gather(workers).await?.all_accepted()
    }
}

/// Issues tickets on time. On a thread of its own: the runtime's timer only knows milliseconds.
fn issue(tickets: &mpsc::Sender<Instant>, rate: f64, how_long: Duration) {
    let (started, gap) = (Instant::now(), Duration::from_secs_f64(1.0 / rate));
    let mut due = started;
    while due < started + how_long {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        // Late by the sleep's own jitter is not the server's fault, being behind by more would be: keep the plan.
        let woken = Instant::now();
        let sent = if woken - due < Duration::from_millis(1) { woken } else { due };
        if tickets.blocking_send(sent).is_err() {
            return;
        }
        due += gap;
    }
}

async fn gather(mut workers: JoinSet<anyhow::Result<Load>>) -> anyhow::Result<Load> {
    let mut all = Load::default();
    while let Some(load) = workers.join_next().await {
        all = all.join(load.context("a connection of the load died")??);
    }
    Ok(all)
}

/// Status, and the signal's id when there is one.
struct Answer {
    status: u16,
    signal: Option<Uuid>,
}

/// One kept-alive HTTP/1.1 connection with one request under way; just what this load needs.
struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(poster: &Poster) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(poster.address).await.context("cannot connect to the served Vigie")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::with_capacity(1_024), answer: vec![0; ANSWER_BYTES] })
    }

    async fn post(&mut self, poster: &Poster) -> anyhow::Result<Answer> {
        let body = city::report(poster.next.fetch_add(1, Ordering::Relaxed));
        self.request.clear();
        let (token, length) = (&poster.token, body.len());
        self.request.extend_from_slice(
            format!("POST /api/v1/signals HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes(),
        );
        self.stream.write_all(&self.request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.answer[filled..]).await?;
            anyhow::ensure!(read > 0, "the served Vigie hung up");
            filled += read;
            if let Some(answer) = complete(&self.answer[..filled])? {
                return Ok(answer);
            }
        }
    }
}

/// The answer, if all of it is there.
fn complete(bytes: &[u8]) -> anyhow::Result<Option<Answer>> {
    let Some(head_end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..head_end]).context("an answer is not HTTP")?;
    let status = head.get(9..12).and_then(|s| s.parse().ok()).context("an answer has no status")?;
    let length: usize = head
        .lines()
        .find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")))
        .and_then(|(_, value)| value.trim().parse().ok())
        .context("an answer has no length")?;
    let body = &bytes[head_end + 4..];
    if body.len() < length {
        return Ok(None);
    }
    let signal = (status == 202).then(|| signal_id(body)).flatten();
    Ok(Some(Answer { status, signal }))
}

/// The value of `"signal_id":"…"`, without parsing the rest.
fn signal_id(body: &[u8]) -> Option<Uuid> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("\"signal_id\":\"")?;
    rest.get(..36)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::complete;

    #[test]
    fn an_answer_is_taken_when_its_last_byte_is_there() {
        let whole = b"HTTP/1.1 202 Accepted\r\nContent-Length: 52\r\n\r\n{\"signal_id\":\"0198f2a1-7c3e-7000-8000-000000000001\"}";
        for end in 0..whole.len() {
            assert!(complete(&whole[..end]).unwrap().is_none(), "complete after {end} bytes");
        }
        let answer = complete(whole).unwrap().unwrap();
        assert_eq!((answer.status, answer.signal.is_some()), (202, true));
    }
}
