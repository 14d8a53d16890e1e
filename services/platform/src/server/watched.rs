//! A socket that ends with an error when its client takes too long.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep_until},
};

use super::{Limits, activity::Activity};

pub(super) struct Watched {
    socket: TcpStream,
    activity: Arc<Activity>,
    limits: Limits,
    alarm: Pin<Box<Sleep>>,
}

impl Watched {
    pub(super) fn new(socket: TcpStream, activity: Arc<Activity>, limits: Limits) -> Self {
        let alarm = Box::pin(sleep_until(activity.deadline(limits)));
        Self { socket, activity, limits, alarm }
    }

    /// Pending until the connection has taken too long; then an error.
    fn too_long(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let deadline = self.activity.deadline(self.limits);
            // Reset only when it rings: the deadline moves with every byte, the alarm seldom.
            if self.alarm.as_mut().poll(context).is_pending() && self.alarm.deadline() <= deadline {
                return Poll::Pending;
            }
            if deadline <= tokio::time::Instant::now() {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.alarm.as_mut().reset(deadline);
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut this.socket).poll_read(context, buffer) {
            Poll::Pending => this.too_long(context).map(Err),
            read @ Poll::Ready(_) => {
                if buffer.filled().len() > before {
                    this.activity.received();
                }
                read
            }
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.socket).poll_write(context, bytes) {
            Poll::Pending => this.too_long(context).map(Err),
            written @ Poll::Ready(_) => {
                this.activity.sent();
                written
            }
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.socket).poll_write_vectored(context, bytes) {
            Poll::Pending => this.too_long(context).map(Err),
            written @ Poll::Ready(_) => {
                this.activity.sent();
                written
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}
