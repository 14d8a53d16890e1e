//! A child process that ends with the test, and ports for it.

use std::{
    fs::File,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

/// Ports below those the system gives to outgoing connections, so that a restarted server finds its own free again.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port nobody listens on.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let span = PORTS.end - PORTS.start;
    // Tests run as processes beside each other: each begins somewhere else.
    let begin = u16::try_from(std::process::id().wrapping_mul(61) % u32::from(span)).expect("less than the span");
    let mut ports = (0..span).map(|_| PORTS.start + (begin + NEXT.fetch_add(1, Ordering::Relaxed) % span) % span);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("some port is free")
}

#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts `command`, its output added to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let output = File::options().append(true).create(true).open(log).expect("the log can be written");
        let errors = output.try_clone().expect("a file handle can be copied");
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        Self { child: child.unwrap_or_else(|error| unstartable(command, &error)) }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Sends the signal of that name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{name} cannot be sent");
    }

    /// SIGKILL: no goodbye, nothing flushed.
    pub(crate) fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Asks by `signal`, and kills when that does not help.
    pub(crate) fn stop(&mut self, signal: &str, within: Duration) {
        let asked = Command::new("sh").args(["-c", &format!("kill -{signal} {}", self.child.id())]).status();
        let deadline = Instant::now() + within;
        while asked.is_ok() && !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
    }
}

#[expect(clippy::panic, reason = "a server that cannot be started ends the test")]
fn unstartable(command: &Command, error: &std::io::Error) -> Child {
    panic!("{command:?} cannot be started: {error}")
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
