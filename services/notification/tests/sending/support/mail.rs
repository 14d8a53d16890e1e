//! A mail server that answers as a test wants.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// How the server answers a recipient, or the end of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Takes,
    /// 451: try later.
    Busy,
    /// 550: no such user.
    Refuses,
    /// Takes the whole message, keeps it, and never answers.
    Mute,
}

/// The server; gone when dropped.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    mood: Arc<Mutex<Mood>>,
    taken: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl MailServer {
    pub(crate) async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mood = Arc::new(Mutex::new(mood));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        let (shared_mood, shared_taken) = (Arc::clone(&mood), Arc::clone(&taken));
        tasks.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (mood, taken) = (Arc::clone(&shared_mood), Arc::clone(&shared_taken));
                sessions.spawn(async move { session(stream, &mood, &taken).await.unwrap_or_default() });
            }
        });
        Self { port, mood, taken, _tasks: tasks }
    }

    pub(crate) fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// Every message received so far, even one that got no answer.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn session(stream: TcpStream, mood: &Mutex<Mood>, taken: &Mutex<Vec<String>>) -> Option<()> {
    let mood = || *mood.lock().unwrap_or_else(PoisonError::into_inner);
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 peer\r\n").await.ok()?;
    while let Some(line) = lines.next_line().await.ok()? {
        let verb = line.get(..4).unwrap_or(&line).to_ascii_uppercase();
        let answer = match (verb.as_str(), mood()) {
            ("EHLO", _) => "250 peer",
            ("RCPT", Mood::Busy) => "451 later <astreinte@mairie.example>",
            ("RCPT", Mood::Refuses) => "550 no such user <astreinte@mairie.example>",
            ("QUIT", _) => "221 bye",
            ("DATA", _) => {
                writer.write_all(b"354 go on\r\n").await.ok()?;
                let mut message = String::new();
                while let Some(line) = lines.next_line().await.ok()?.filter(|line| line != ".") {
                    message.push_str(&line);
                    message.push('\n');
                }
                taken.lock().unwrap_or_else(PoisonError::into_inner).push(message);
                if mood() == Mood::Mute {
                    std::future::pending::<()>().await;
                }
                "250 taken"
            }
            _ => "250 ok",
        };
        writer.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
    Some(())
}

/// The value of a header of `message`.
pub(crate) fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The parts of `message` as they read, its quoted-printable undone (RFC 2045, section 6.7).
pub(crate) fn body(message: &str) -> String {
    let (_, encoded) = message.split_once("\n\n").unwrap();
    assert!(!encoded.contains("base64"), "another encoding: {encoded}");
    let (mut read, mut bytes) = (Vec::new(), encoded.as_bytes().iter());
    while let Some(byte) = bytes.next() {
        match (*byte, bytes.as_slice()) {
            (b'=', [b'\n', ..]) => drop(bytes.next()),
            (b'=', [high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digits = [*high, *low];
                read.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                bytes.nth(1);
            }
            _ => read.push(*byte),
        }
    }
    String::from_utf8(read).unwrap()
}
