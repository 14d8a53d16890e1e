//! Takes connections and speaks HTTP/1.1 over them, within limits: how long a head may take, how long nothing may move,
//! how many there may be.
//!
//! [`activity`] is what one connection is doing, [`watched`] the socket that ends with an error when it does it too long.

mod activity;
mod watched;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Body, extract::Request};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::Service;

use activity::Activity;
use watched::Watched;

use crate::config::HttpConfig;

/// Headers a request may have; browsers send some twenty.
const MAX_HEADERS: usize = 64;
/// Bytes kept of what was read and not yet understood: the largest head.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Wait before accepting again when the system refuses a connection: too many open files, most of the time.
const REFUSED_PAUSE: Duration = Duration::from_millis(200);

/// Where a connection comes from: the client, or the proxy before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote(pub IpAddr);

/// Tells an answer that has no end of its own, such as a live stream, that the server stops.
#[derive(Debug, Clone)]
pub struct Stopping(pub CancellationToken);

/// How much a listener bears.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub header_timeout: Duration,
    pub idle_timeout: Duration,
    pub connections: usize,
}

impl From<&HttpConfig> for Limits {
    fn from(config: &HttpConfig) -> Self {
        Self {
            header_timeout: config.header_timeout(),
            idle_timeout: config.idle_timeout(),
            connections: config.connections,
        }
    }
}

/// Serves `router` until stopped, then lets requests under way finish.
pub async fn serve(
    router: Router,
    listener: TcpListener,
    limits: Limits,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let (room, open) = (Arc::new(Semaphore::new(limits.connections)), Open::default());
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let (socket, from) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(REFUSED_PAUSE).await;
                    continue;
                }
            },
        };
        while connections.try_join_next().is_some() {}
        if room.available_permits() == 0 {
            open.close_longest_waiting();
        }
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = Arc::clone(&room).acquire_owned() => permit?,
        };
        let (router, entry, watcher) = (router.clone(), open.enter(), graceful.watcher());
        let stopping = Stopping(stop.clone());
        connections.spawn(async move {
            speak(router, socket, (from, stopping), limits, &entry, watcher).await;
            drop((entry, permit));
        });
    }
    // No new ones: whoever comes now is refused by the system, not left waiting.
    drop(listener);
    graceful.shutdown().await;
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// One connection, from its first byte to its end.
async fn speak(
    router: Router,
    socket: TcpStream,
    (from, stopping): (SocketAddr, Stopping),
    limits: Limits,
    entry: &Entry,
    watcher: Watcher,
) {
    // Small answers leave at once.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it began");
        return;
    }
    let activity = &entry.activity;
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let answered = activity.request_begins();
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(Remote(from.ip().to_canonical()));
        request.extensions_mut().insert(stopping.clone());
        let mut router = router.clone();
        async move {
            let response = Service::call(&mut router, request).await?;
            // The request ends when the last of its body was handed over, or nobody wants it any more.
            let whole = |body: Body| {
                Body::new(body.map_frame(move |frame| {
                    let _ = &answered;
                    frame
                }))
            };
            Ok::<_, Infallible>(response.map(whole))
        }
    });
    let io = TokioIo::new(Watched::new(socket, Arc::clone(activity), limits));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(io, service);
    let spoken = tokio::select! {
        spoken = watcher.watch(connection) => spoken,
        () = entry.closed.cancelled() => return,
    };
    if let Err(error) = spoken {
        // Clients go away all the time; it is of interest to whoever looks for it only.
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The connections that are open.
#[derive(Debug, Clone, Default)]
struct Open(Arc<Mutex<Connections>>);

#[derive(Debug, Default)]
struct Connections {
    entered: u64,
    by_number: BTreeMap<u64, (Arc<Activity>, CancellationToken)>,
}

/// One of them; leaves when dropped.
#[derive(Debug)]
struct Entry {
    open: Open,
    number: u64,
    activity: Arc<Activity>,
    closed: CancellationToken,
}

impl Open {
    fn enter(&self) -> Entry {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connections.entered += 1;
        let (number, activity, closed) = (connections.entered, Arc::<Activity>::default(), CancellationToken::new());
        connections.by_number.insert(number, (Arc::clone(&activity), closed.clone()));
        Entry { open: self.clone(), number, activity, closed }
    }

    /// Makes room: whoever says nothing must not keep out those who have something to say.
    fn close_longest_waiting(&self) {
        let connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = connections.by_number.values().filter(|(_, closed)| !closed.is_cancelled());
        let waiting = waiting.filter_map(|(activity, closed)| Some((activity.waiting_since()?, closed)));
        if let Some((_, closed)) = waiting.min_by_key(|(since, _)| *since) {
            closed.cancel();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.open.0.lock().unwrap_or_else(PoisonError::into_inner).by_number.remove(&self.number);
    }
}
