//! A mail server that takes everything at once and remembers when.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// When each mail was complete, by the reference of the incident it names.
type Arrivals = Arc<Mutex<HashMap<String, Instant>>>;

/// Listens on a port of its own until dropped.
#[derive(Debug)]
pub(crate) struct Sink {
    address: SocketAddr,
    arrivals: Arrivals,
    /// Dropping it ends the server.
    _server: JoinSet<()>,
}

impl Sink {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (address, arrivals) = (listener.local_addr()?, Arrivals::default());
        let mut server = JoinSet::new();
        server.spawn(accept(listener, Arc::clone(&arrivals)));
        Ok(Self { address, arrivals, _server: server })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Mails that named an incident, so far.
    pub(crate) fn count(&self) -> usize {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Takes what has arrived so far.
    pub(crate) fn take(&self) -> HashMap<String, Instant> {
        std::mem::take(&mut self.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn accept(listener: TcpListener, arrivals: Arrivals) {
    let mut sessions = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let arrivals = Arc::clone(&arrivals);
        sessions.spawn(async move {
            // A client that hangs up in the middle is its own business.
            drop(session(stream, &arrivals).await);
        });
        while sessions.try_join_next().is_some() {}
    }
}

/// One connection, many mails, one command at a time.
async fn session(stream: TcpStream, arrivals: &Arrivals) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    stream.write_all(b"220 bench ESMTP\r\n").await?;
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or(&line).to_ascii_uppercase();
        match verb.as_slice() {
            b"EHLO" => stream.write_all(b"250-bench\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n").await?,
            b"DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let reference = message(&mut stream, &mut line).await?;
                let at = Instant::now();
                stream.write_all(b"250 taken\r\n").await?;
                if let Some(reference) = reference {
                    // The first of two mails counts: an alert sent twice must not look faster or slower.
                    arrivals.lock().unwrap_or_else(PoisonError::into_inner).entry(reference).or_insert(at);
                }
            }
            b"QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => stream.write_all(b"250 ok\r\n").await?,
        }
    }
}

/// Reads a message to its final dot; the incident's reference if it holds one.
async fn message(stream: &mut BufReader<TcpStream>, line: &mut Vec<u8>) -> std::io::Result<Option<String>> {
    let mut reference = None;
    loop {
        line.clear();
        if stream.read_until(b'\n', line).await? == 0 || line.as_slice() == b".\r\n" {
            return Ok(reference);
        }
        if reference.is_none() {
            reference = find_reference(line);
        }
    }
}

/// `R-2026-000123` somewhere in `line`.
fn find_reference(line: &[u8]) -> Option<String> {
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    line.windows(2).enumerate().filter(|(_, start)| start == b"R-").find_map(|(at, _)| {
        let rest = &line[at + 2..];
        let (year, dash) = (digits(rest), rest.get(4));
        if year != 4 || dash != Some(&b'-') {
            return None;
        }
        let number = digits(&rest[5..]);
        (number >= 6).then(|| String::from_utf8_lossy(&line[at..at + 7 + number]).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::find_reference;

    #[test]
    fn a_reference_is_found_wherever_it_stands_and_nothing_else_is_one() {
        assert_eq!(find_reference(b"Subject: [R-2026-000123] Essai").as_deref(), Some("R-2026-000123"));
        assert_eq!(find_reference(b"R-x R-2026-1234567.").as_deref(), Some("R-2026-1234567"));
        assert_eq!(find_reference(b"S-2026-000123 R-26-000123 R-2026-12 R-"), None);
    }
}
