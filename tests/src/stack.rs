//! The servers Vigie stands on, for one test.

use std::path::Path;

use crate::{Nats, Outbox, Postgres, folder::Folder};

/// Fields are dropped in order: the servers first, then the folder they write in.
#[derive(Debug)]
pub struct Stack {
    pub postgres: Postgres,
    pub nats: Nats,
    pub outbox: Outbox,
    folder: Folder,
}

impl Stack {
    pub async fn start() -> Self {
        let folder = Folder::new();
        let path = folder.path();
        let (postgres, nats, outbox) = tokio::join!(Postgres::start(path), Nats::start(path), Outbox::start(path));
        Self { postgres, nats, outbox, folder }
    }

    /// With a bus that asks nobody who it is, for tests that stand in for the house.
    pub async fn start_open() -> Self {
        let folder = Folder::new();
        let path = folder.path();
        let (postgres, nats, outbox) = tokio::join!(Postgres::start(path), Nats::start_open(path), Outbox::start(path));
        Self { postgres, nats, outbox, folder }
    }

    /// Where everything of this test is kept.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
