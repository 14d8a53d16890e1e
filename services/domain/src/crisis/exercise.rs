//! A script whose events happen on a clock that can be stopped and hastened; played by the machinery of reality.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use vigie_proto::{
    CrisisRegime, Kind, Nature, SectorId, Severity, SourceId,
    crisis::{CrisisExerciseMovedV1, CrisisSnapshot, ExerciseMoved},
    event::{Actor, Event},
    signal::LocationFields,
};

use super::{Crisis, Effect, Moment, Refused};

/// Minutes of a script that may pass in a minute.
pub const SPEEDS: std::ops::RangeInclusive<u32> = 1..=600;

/// What happens in an exercise, as somebody wrote it. Unknown keys are errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// French.
    pub title: String,
    pub sector: SectorId,
    pub regime: CrisisRegime,
    #[serde(rename = "inject")]
    pub injects: Vec<Inject>,
}

/// One event of a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inject {
    pub id: String,
    pub after_min: u32,
    /// What the players read, in French.
    pub say: String,
    /// Raised as a signal of nature `exercise`.
    #[serde(default)]
    pub signal: Option<PlayedSignal>,
}

/// A signal of a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlayedSignal {
    /// Who is played.
    pub source: SourceId,
    pub kind: Kind,
    pub severity: Severity,
    pub at: LocationFields,
}

/// A script that cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {}", .faults.join("; "))]
pub struct ScriptError {
    pub file: String,
    pub faults: Vec<String>,
}

impl Script {
    /// Reads a script from its file (`file` names it in errors).
    pub fn read(file: &str, text: &str) -> Result<Self, ScriptError> {
        let error = |faults| ScriptError { file: file.to_owned(), faults };
        let script: Self = toml::from_str(text).map_err(|e| error(vec![e.message().replace('\n', " ")]))?;
        let mut faults = Vec::new();
        if script.injects.is_empty() {
            faults.push("nothing happens: add an [[inject]]".to_owned());
        }
        for pair in script.injects.windows(2) {
            if let [first, second] = pair
                && second.after_min < first.after_min
            {
                faults.push(format!("inject `{}` comes before `{}`: write them in order", second.id, first.id));
            }
        }
        for (position, inject) in script.injects.iter().enumerate() {
            if script.injects.iter().take(position).any(|other| other.id == inject.id) {
                faults.push(format!("inject `{}` is there twice", inject.id));
            }
        }
        if script.regime == CrisisRegime::None {
            faults.push("regime is `none`: local, city or national".to_owned());
        }
        if faults.is_empty() { Ok(script) } else { Err(error(faults)) }
    }
}

/// A script being played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Play {
    /// Name of its file, without extension.
    pub name: String,
    pub script: Script,
    /// Whoever started it: links are made in its name.
    pub by: Actor,
    pub speed: u32,
    /// None while the clock stands.
    pub running_since: Option<Timestamp>,
    /// Milliseconds of the script that had passed then.
    elapsed_ms: i64,
    /// Events that have happened, in order.
    pub played: usize,
}

/// What somebody does to an exercise's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do", deny_unknown_fields)]
pub enum Control {
    Pause,
    Resume,
    Speed { speed: u32 },
}

impl Play {
    /// A script that starts now.
    pub fn start(name: &str, script: Script, speed: u32, by: &Actor, now: Timestamp) -> Self {
        let speed = speed.clamp(*SPEEDS.start(), *SPEEDS.end());
        let (name, by) = (name.to_owned(), by.clone());
        Self { name, script, by, speed, running_since: Some(now), elapsed_ms: 0, played: 0 }
    }

    /// How much of the script has passed.
    pub fn elapsed(&self, now: Timestamp) -> SignedDuration {
        let running = self.running_since.map_or(0, |since| now.duration_since(since).as_millis());
        let running = i64::try_from(running).unwrap_or(i64::MAX);
        SignedDuration::from_millis(self.elapsed_ms.saturating_add(running.saturating_mul(i64::from(self.speed))))
    }

    /// The event that comes next.
    pub fn next(&self) -> Option<&Inject> {
        self.script.injects.get(self.played)
    }

    /// When it comes; none while the clock stands or when nothing is left.
    pub fn next_due(&self) -> Option<Timestamp> {
        let (since, next) = (self.running_since?, self.next()?);
        let left = i64::from(next.after_min) * 60_000 - self.elapsed_ms;
        let speed = i64::from(self.speed);
        // Rounded up: an event never happens before its time.
        Some(since + SignedDuration::from_millis(left.max(0).saturating_add(speed - 1) / speed))
    }

    /// Stops counting, at any time; from then on, `running_since` says whether it runs.
    fn rebase(&mut self, now: Timestamp) {
        let elapsed = self.elapsed(now).as_millis();
        self.elapsed_ms = i64::try_from(elapsed).unwrap_or(i64::MAX);
        self.running_since = self.running_since.map(|_| now);
    }

    fn control(&mut self, control: Control, now: Timestamp) -> Result<ExerciseMoved, Refused> {
        self.rebase(now);
        match control {
            Control::Pause if self.running_since.is_none() => return Err(Refused::Unchanged),
            Control::Pause => self.running_since = None,
            Control::Resume if self.running_since.is_some() => return Err(Refused::Unchanged),
            Control::Resume => self.running_since = Some(now),
            Control::Speed { speed } if !SPEEDS.contains(&speed) => return Err(Refused::Unknown("speed")),
            Control::Speed { speed } => self.speed = speed,
        }
        Ok(match self.running_since {
            Some(_) => ExerciseMoved::Running { speed: self.speed },
            None => ExerciseMoved::Paused,
        })
    }
}

impl Crisis {
    /// Plays a script in this exercise from now on.
    pub fn play(&mut self, play: Play, by: &Actor, at: Moment<'_>) -> Result<Vec<Effect>, Refused> {
        self.conduct(by, at)?;
        if self.snapshot.nature != Nature::Exercise {
            return Err(Refused::OtherNature);
        }
        if self.play.is_some() {
            return Err(Refused::Unchanged);
        }
        let running = ExerciseMoved::Running { speed: play.speed };
        let fact = moved(&self.snapshot, &play.name, running, Some(by), at);
        self.play = Some(play);
        Ok(vec![fact])
    }

    /// Stops, starts again or hastens the script.
    pub fn control(&mut self, control: Control, by: &Actor, at: Moment<'_>) -> Result<Vec<Effect>, Refused> {
        self.conduct(by, at)?;
        let play = self.play.as_mut().ok_or(Refused::Unknown("exercise"))?;
        let done = play.control(control, at.now)?;
        Ok(vec![moved(&self.snapshot, &play.name, done, Some(by), at)])
    }

    /// Every event of the script that is due by now, in order.
    pub(super) fn play_on(&mut self, at: Moment<'_>) -> Vec<Effect> {
        let (crisis, mut effects) = (&self.snapshot, Vec::new());
        let Some(play) = &mut self.play else { return effects };
        while play.next_due().is_some_and(|due| due <= at.now) {
            let Some(inject) = play.next().cloned() else { break };
            play.played += 1;
            effects.push(Effect::Inject(inject));
            if play.next().is_none() {
                effects.push(moved(crisis, &play.name, ExerciseMoved::Played, None, at));
            }
        }
        effects
    }
}

/// The fact that an exercise moved.
pub fn moved(
    crisis: &CrisisSnapshot,
    script: &str,
    moved: ExerciseMoved,
    by: Option<&Actor>,
    at: Moment<'_>,
) -> Effect {
    let (crisis, script, by) = (crisis.clone(), script.to_owned(), by.cloned());
    Effect::Fact(Event::from(CrisisExerciseMovedV1 { crisis, script, moved, by, at: at.now }))
}
