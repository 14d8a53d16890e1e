//! A script being played.

use jiff::Timestamp;
use serde::Serialize;
use vigie_domain::crisis::exercise::Play;

/// A script being played.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PlayView {
    pub(crate) script: String,
    pub(crate) title: String,
    pub(crate) speed: u32,
    pub(crate) running: bool,
    /// Minutes of the script that have passed.
    pub(crate) minute: i64,
    /// What the players have been told, oldest first.
    pub(crate) told: Vec<String>,
    /// When the next event comes, in minutes of the script; none when nothing is left.
    pub(crate) next_min: Option<u32>,
    /// When the last event comes, in minutes of the script.
    pub(crate) lasts_min: u32,
    /// Events still to come.
    pub(crate) left: usize,
}

pub(super) fn play(one: &Play, now: Timestamp) -> PlayView {
    PlayView {
        script: one.name.clone(),
        title: one.script.title.clone(),
        speed: one.speed,
        running: one.running_since.is_some(),
        minute: one.elapsed(now).as_mins(),
        told: one.script.injects.iter().take(one.played).map(|inject| inject.say.clone()).collect(),
        next_min: one.next().map(|next| next.after_min),
        lasts_min: one.script.injects.last().map_or(0, |last| last.after_min),
        left: one.script.injects.len() - one.played,
    }
}
