//! Every telling as a row: when, whom, by which step and channel.

use std::{collections::HashMap, fs::File, io::Write, path::Path};

use anyhow::Context;
use jiff::{Timestamp, tz::TimeZone};
use vigie_domain::{
    incident::Incident,
    simulation::{Observer, Told},
};
use vigie_proto::{IncidentId, event::SignalRaisedV1};

const COLUMNS: [&str; 12] = [
    "at", "signal", "incident", "nature", "sector", "kind", "severity", "steps", "purpose", "channel", "body",
    "grouped",
];

/// A CSV file being written.
pub(crate) struct List<W: Write> {
    writer: ::csv::Writer<W>,
    zone: TimeZone,
    /// Reference of the signal that opened each incident.
    signals: HashMap<IncidentId, String>,
    failure: Option<::csv::Error>,
}

impl List<File> {
    /// Starts the file, or says why it cannot.
    pub(crate) fn create(path: &Path, zone: TimeZone) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Self::new(file, zone).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl<W: Write> List<W> {
    pub(crate) fn new(output: W, zone: TimeZone) -> Result<Self, ::csv::Error> {
        let mut writer = ::csv::Writer::from_writer(output);
        writer.write_record(COLUMNS)?;
        Ok(Self { writer, zone, signals: HashMap::new(), failure: None })
    }

    /// Writes what is left, or says what could not be written.
    pub(crate) fn finish(mut self) -> Result<(), ::csv::Error> {
        self.writer.flush()?;
        self.failure.map_or(Ok(()), Err)
    }
}

impl<W: Write> Observer for List<W> {
    fn opened(&mut self, _: Timestamp, incident: &Incident, signal: &SignalRaisedV1) {
        self.signals.insert(incident.snapshot.id, signal.reference.clone());
    }

    fn told(&mut self, told: &Told<'_>) {
        let (snapshot, telling) = (&told.incident.snapshot, told.telling);
        let at = told.at.to_zoned(self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        let row = [
            at.as_str(),
            self.signals.get(&snapshot.id).map_or("", String::as_str),
            &snapshot.reference,
            snapshot.nature.code(),
            snapshot.sector.as_str(),
            snapshot.kind.as_str(),
            snapshot.severity.code(),
            &telling.steps.join(" "),
            telling.purpose.code(),
            telling.channel.code(),
            telling.body.as_str(),
            if told.shares_message { "yes" } else { "no" },
        ];
        if self.failure.is_none() {
            self.failure = self.writer.write_record(row).err();
        }
    }
}
