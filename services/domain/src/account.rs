//! The feedback as a document: what happened, told from the journal, and what people made of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use vigie_proto::{
    BodyId, IncidentId, MobilisationId,
    crisis::{CareMoved, ExerciseMoved, Mobilised, RelayMoved, ReportMoved, RetexMoved},
    event::{Actor, Event},
};

use crate::crisis::{Crisis, mark};
use crate::{city::City, french};

/// A fact of the crisis or of its incidents, as the journal has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub at: Timestamp,
    pub event: Event,
}

/// One piece of a document; Markdown and PDF are made of the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    Title(String),
    Heading(String),
    Paragraph(String),
    Table { header: Vec<String>, rows: Vec<Vec<String>> },
}

/// The document of a crisis: `story` oldest first, `words` what people wrote, by key (`retex/<section>`, `action/<n>`).
pub fn blocks(crisis: &Crisis, story: &[Told], words: &BTreeMap<String, String>, city: &City) -> Vec<Block> {
    let teller = Teller { crisis, story, city };
    let mut blocks = teller.head();
    blocks.extend(section("Chronologie", &["Heure", "Fait"], teller.timeline()));
    blocks.extend(section("Délais", &["Quoi", "Prévu", "Constaté"], teller.delays()));
    blocks.extend(section("Qui a été joint", &["Service", "Alertes", "Envoyées", "Pris en compte"], teller.reached()));
    blocks.extend(section("Personnes accueillies (nombres)", &["C.A.RE", "Catégorie", "Nombre"], teller.people()));
    blocks.extend(section("Décisions", &["Heure", "Décision", "Par"], teller.decisions()));
    let Some(retex) = &crisis.retex else { return blocks };
    for rule in &retex.rules.sections {
        let text = words.get(&format!("retex/{}", rule.id));
        blocks.push(Block::Heading(rule.label.clone()));
        blocks.push(Block::Paragraph(text.cloned().unwrap_or_else(|| "À compléter.".to_owned())));
    }
    let actions = retex.actions.iter().map(|action| {
        let what = words.get(&format!("action/{}", action.number)).cloned().unwrap_or_default();
        let state = if action.done { "Fait" } else { "À faire" };
        let owner = city.directory.role_label(&action.owner).to_owned();
        vec![what, owner, action.due_on.strftime("%d/%m/%Y").to_string(), state.to_owned()]
    });
    blocks.extend(section("Actions", &["Action", "Responsable", "Échéance", "État"], actions.collect()));
    blocks
}

/// The story in French, oldest first: when, and what.
pub fn log(crisis: &Crisis, story: &[Told], city: &City) -> Vec<(String, String)> {
    let teller = Teller { crisis, story, city };
    story.iter().filter_map(|told| Some((teller.clock(told.at), teller.sentence(&told.event)?))).collect()
}

/// The blocks as Markdown, tables included.
pub fn markdown(blocks: &[Block]) -> String {
    blocks.iter().map(written).collect()
}

fn written(block: &Block) -> String {
    match block {
        Block::Title(title) => format!("# {}\n\n", plain(title)),
        Block::Heading(heading) => format!("## {}\n\n", plain(heading)),
        Block::Paragraph(paragraph) => format!("{}\n\n", plain(paragraph)),
        Block::Table { header, rows } => {
            let rule: Vec<String> = header.iter().map(|_| "---".to_owned()).collect();
            let rows: String =
                rows.iter().map(|row| line(&row.iter().map(|cell| plain(cell)).collect::<Vec<_>>())).collect();
            format!("{}{}{rows}\n", line(header), line(&rule))
        }
    }
}

/// One line, with what Markdown or HTML would take for a mark escaped: people's words stay words.
fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        if matches!(c, '\\' | '|' | '<' | '>' | '*' | '_' | '`' | '#' | '[' | ']') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// A heading and its table, or the word that there is nothing.
fn section(heading: &str, header: &[&str], rows: Vec<Vec<String>>) -> [Block; 2] {
    let body = if rows.is_empty() {
        Block::Paragraph("Néant.".to_owned())
    } else {
        Block::Table { header: header.iter().map(|h| (*h).to_owned()).collect(), rows }
    };
    [Block::Heading(heading.to_owned()), body]
}

struct Teller<'a> {
    crisis: &'a Crisis,
    story: &'a [Told],
    city: &'a City,
}

impl Teller<'_> {
    fn head(&self) -> Vec<Block> {
        let crisis = &self.crisis.snapshot;
        let sectors: Vec<&str> = crisis.sectors.iter().map(|sector| self.city.sector_label(sector)).collect();
        let date_time = |at: Timestamp| french::date_time(at, &self.city.doctrine.zone);
        let rules = self.city.doctrine.crisis.as_ref().and_then(|rules| rules.regime(crisis.regime));
        let bodies = |ids: &[BodyId]| ids.iter().map(|id| self.body(id)).collect::<Vec<_>>().join(", ");
        let mut facts = vec![
            ("Régime", crisis.regime.label().to_owned()),
            ("Dirigée par", rules.map(|rule| rule.directed_by.clone()).unwrap_or_default()),
            ("Secteurs", sectors.join(", ")),
            ("Ouverte", date_time(crisis.opened_at)),
        ];
        if let Some(retex) = &self.crisis.retex {
            facts.push(("Close", date_time(retex.closed_at)));
            facts.push(("Durée", lasted(crisis.opened_at, retex.closed_at)));
        }
        facts.push(("Scénario", self.crisis.play.as_ref().map(|play| play.script.title.clone()).unwrap_or_default()));
        facts.push(("Interlocuteur de la CIAV", bodies(self.crisis.correspondent.as_slice())));
        facts.push(("Cellule Centrale de Crise", bodies(&self.crisis.cell)));
        facts.retain(|(_, fact)| !fact.is_empty());
        let rows = facts.into_iter().map(|(name, fact)| vec![name.to_owned(), fact]).collect();
        vec![
            Block::Title(format!("{}Retour d'expérience, crise {}", mark(crisis.nature), crisis.reference)),
            Block::Paragraph("Document à vocation interne. Aucune personne n'y est nommée.".to_owned()),
            Block::Table { header: vec!["La crise".to_owned(), "L'essentiel".to_owned()], rows },
        ]
    }

    /// The reference people read of an incident of the story.
    #[expect(clippy::wildcard_enum_match_arm, reason = "an incident is first told of when it opens")]
    fn reference(&self, id: IncidentId) -> &str {
        let known = self.story.iter().find_map(|told| match &told.event {
            Event::IncidentOpened(e) if e.incident.id == id => Some(e.incident.reference.as_str()),
            _ => None,
        });
        known.unwrap_or("antérieur")
    }

    fn timeline(&self) -> Vec<Vec<String>> {
        log(self.crisis, self.story, self.city).into_iter().map(|(at, what)| vec![at, what]).collect()
    }

    /// What a person decided: everything of the crisis that somebody did.
    fn decisions(&self) -> Vec<Vec<String>> {
        let decided = |told: &Told| {
            let by = decider(&told.event)?;
            Some(vec![self.clock(told.at), self.sentence(&told.event)?, self.body(&by.body)])
        };
        self.story.iter().filter_map(decided).collect()
    }

    /// Each wait against what the doctrine allows for it.
    fn delays(&self) -> Vec<Vec<String>> {
        let mut rows: Vec<Vec<String>> =
            self.crisis.incidents.iter().filter_map(|id| self.acknowledged_after(*id)).collect();
        for mobilisation in &self.crisis.mobilisations {
            let rule = &mobilisation.rule;
            let requested = self.moved(mobilisation.id, |m| m == Mobilised::Requested);
            let accepted = self.moved(mobilisation.id, |m| m == Mobilised::Accepted);
            let arrived = self.moved(mobilisation.id, |m| m == Mobilised::OnSite);
            let through = rule.through.as_ref().map_or(0, |through| through.within_min);
            let answer = through + rule.choices.first().map_or(0, |choice| choice.within_min);
            let row = |what: &str, target: u32, from: Option<Timestamp>, to: Option<Timestamp>| {
                let took = from.zip(to).map_or_else(|| "jamais".to_owned(), |(from, to)| lasted(from, to));
                vec![format!("{} : {what}", rule.label), format!("{target} min"), took]
            };
            rows.push(row("de la demande à l'accord", answer, requested, accepted));
            rows.push(row("de l'accord à l'arrivée", rule.on_site_within_min, accepted, arrived));
        }
        for reporting in &self.crisis.reports {
            rows.push(vec![
                format!("Points de situation, {}", self.city.sector_label(&reporting.sector)),
                format!("toutes les {} min", reporting.rules.every_min),
                format!("rendus : {}, manqués : {}", reporting.given, reporting.missed),
            ]);
        }
        rows
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "two facts of one incident")]
    fn acknowledged_after(&self, id: IncidentId) -> Option<Vec<String>> {
        let mut opened = None;
        for told in self.story {
            match &told.event {
                Event::IncidentOpened(e) if e.incident.id == id => {
                    opened = Some((told.at, e.incident.reference.clone()));
                }
                Event::IncidentAcknowledged(e) if e.incident.id == id => {
                    let (at, reference) = opened?;
                    let what = format!("Événement {reference} : de l'ouverture à la prise en compte");
                    return Some(vec![what, "–".to_owned(), lasted(at, told.at)]);
                }
                _ => {}
            }
        }
        let (_, reference) = opened?;
        Some(vec![format!("Événement {reference} : prise en compte"), "–".to_owned(), "jamais".to_owned()])
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "one kind of fact")]
    fn moved(&self, id: MobilisationId, is: impl Fn(Mobilised) -> bool) -> Option<Timestamp> {
        self.story.iter().find_map(|told| match &told.event {
            Event::CrisisMobilisationMoved(e) if e.mobilisation == id && is(e.moved) => Some(told.at),
            _ => None,
        })
    }

    /// Alerts issued, messages sent and whether it took charge, by body.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only what tells of a body's messages")]
    fn reached(&self) -> Vec<Vec<String>> {
        let mut bodies: BTreeMap<&BodyId, (u32, u32, bool)> = BTreeMap::new();
        for told in self.story {
            match &told.event {
                Event::AlertIssued(e) => bodies.entry(&e.body).or_default().0 += 1,
                Event::DeliverySent(e) => bodies.entry(&e.body).or_default().1 += 1,
                Event::IncidentAcknowledged(e) => bodies.entry(&e.by.body).or_default().2 = true,
                _ => {}
            }
        }
        let row = |(body, (alerts, sent, charge)): (&BodyId, (u32, u32, bool))| {
            vec![self.body(body), alerts.to_string(), sent.to_string(), if charge { "oui" } else { "–" }.to_owned()]
        };
        bodies.into_iter().map(row).collect()
    }

    fn people(&self) -> Vec<Vec<String>> {
        let of = |care: &crate::crisis::care::Care| {
            let label = |id: &String| care.rules.category(id).map_or_else(|| id.clone(), |rule| rule.label.clone());
            let place = care.place_label().to_owned();
            let rows: Vec<_> =
                care.people.iter().map(|(id, number)| vec![place.clone(), label(id), number.to_string()]).collect();
            rows
        };
        self.crisis.cares.iter().flat_map(of).collect()
    }

    /// One fact in French; none when it is not part of the story.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the story leaves out what services say to each other")]
    fn sentence(&self, event: &Event) -> Option<String> {
        Some(match event {
            Event::IncidentOpened(e) => {
                format!("Événement {} ouvert ({})", e.incident.reference, e.incident.kind_label)
            }
            Event::IncidentAggravated(e) => format!("Événement {} aggravé", e.incident.reference),
            Event::IncidentAcknowledged(e) => {
                format!("Événement {} pris en compte par {}", e.incident.reference, self.body(&e.by.body))
            }
            Event::IncidentClosed(e) => format!("Événement {} clos", e.incident.reference),
            Event::CrisisOpened(e) => format!("Crise ouverte : {}", e.crisis.regime.label()),
            Event::CrisisRegimeChanged(e) => {
                format!("Régime : {} devient {}", e.from.label(), e.crisis.regime.label())
            }
            Event::CrisisIncidentLinked(e) => {
                format!("Événement {} rattaché à la crise", self.reference(e.incident))
            }
            Event::CrisisRolesSet(e) => {
                let ciav = e.correspondent.as_ref().map_or_else(|| "non désigné".to_owned(), |body| self.body(body));
                let cell = e.cell.iter().map(|body| self.body(body)).collect::<Vec<_>>().join(", ");
                let cell = if cell.is_empty() { "non réunie" } else { &cell };
                format!("Interlocuteur de la CIAV : {ciav}. Cellule Centrale de Crise : {cell}")
            }
            Event::CrisisMobilisationMoved(e) => {
                let rule = self.crisis.mobilisations.iter().find(|m| m.id == e.mobilisation);
                let label = rule.map_or(e.resource.as_str(), |m| m.rule.label.as_str());
                format!("{label} : {}", mobilised(e.moved))
            }
            Event::CrisisCareMoved(e) => match &e.moved {
                CareMoved::Opened { .. } => "C.A.RE ouvert".to_owned(),
                CareMoved::Task { task, state } => {
                    let rules = self.crisis.cares.iter().find(|care| care.id == e.care).map(|care| &care.rules);
                    let rule = rules.and_then(|rules| rules.tasks.iter().find(|rule| rule.id == *task));
                    format!("C.A.RE, {} : {}", rule.map_or(task.as_str(), |rule| &rule.label), state.label())
                }
                CareMoved::Counted { people } => {
                    format!("C.A.RE : comptage mis à jour ({} catégories)", people.len())
                }
                CareMoved::Closed => "C.A.RE fermé".to_owned(),
            },
            Event::CrisisReportMoved(e) => {
                let what = match &e.moved {
                    ReportMoved::Owed { .. } => "attendu",
                    ReportMoved::Reminded => "en retard",
                    ReportMoved::Given { .. } => "rendu",
                };
                format!("Point de situation n° {} {what} ({})", e.number, self.city.sector_label(&e.sector))
            }
            Event::CrisisRelayMoved(e) => {
                let what = match e.moved {
                    RelayMoved::Received { .. } => "reçu",
                    RelayMoved::Withdrawn => "retiré",
                };
                format!("Texte à relayer n° {} {what}", e.number)
            }
            Event::CrisisClosed(_) => "Crise close".to_owned(),
            Event::CrisisRetexMoved(e) => match &e.moved {
                RetexMoved::Completed => "Retour d'expérience terminé".to_owned(),
                RetexMoved::Reminded { day } => format!("Retour d'expérience : relance à J+{day}"),
                RetexMoved::Written { .. } | RetexMoved::ActionAdded { .. } | RetexMoved::ActionDone { .. } => {
                    return None;
                }
            },
            Event::CrisisExerciseMoved(e) => match &e.moved {
                ExerciseMoved::Running { speed } => format!("Exercice en cours, {speed} fois le temps réel"),
                ExerciseMoved::Paused => "Exercice en pause".to_owned(),
                ExerciseMoved::Injected { inject, .. } => {
                    let play = self.crisis.play.as_ref();
                    let known = play.and_then(|play| play.script.injects.iter().find(|known| known.id == *inject));
                    known.map_or_else(|| inject.clone(), |known| known.say.clone())
                }
                ExerciseMoved::Played => "Scénario joué en entier".to_owned(),
            },
            _ => return None,
        })
    }

    fn body(&self, id: &BodyId) -> String {
        self.city.directory.body(id).map_or_else(|| id.to_string(), |body| body.name.clone())
    }

    fn clock(&self, at: Timestamp) -> String {
        at.to_zoned(self.city.doctrine.zone.clone()).strftime("%d/%m %H:%M:%S").to_string()
    }
}

/// Whoever decided what a fact of the crisis tells.
#[expect(clippy::wildcard_enum_match_arm, reason = "facts of incidents are not decisions of the crisis")]
fn decider(event: &Event) -> Option<&Actor> {
    match event {
        Event::CrisisOpened(e) => Some(&e.by),
        Event::CrisisRegimeChanged(e) => Some(&e.by),
        Event::CrisisRolesSet(e) => Some(&e.by),
        Event::CrisisMobilisationMoved(e) => e.by.as_ref(),
        Event::CrisisCareMoved(e) => match &e.moved {
            CareMoved::Opened { .. } | CareMoved::Closed => Some(&e.by),
            CareMoved::Task { .. } | CareMoved::Counted { .. } => None,
        },
        Event::CrisisRelayMoved(e) => Some(&e.by),
        Event::CrisisClosed(e) => Some(&e.by),
        _ => None,
    }
}

/// What became of a request, in French.
pub fn mobilised(moved: Mobilised) -> String {
    match moved {
        Mobilised::Requested => "demandé".to_owned(),
        Mobilised::Asked { choice: 1, .. } => "demande transmise".to_owned(),
        Mobilised::Asked { choice, .. } => format!("demande passée au choix n° {choice}"),
        Mobilised::Overdue { .. } => "délai dépassé".to_owned(),
        Mobilised::Accepted => "accepté".to_owned(),
        Mobilised::Refused { reason } => format!("refusé ({})", reason.label().to_lowercase()),
        Mobilised::Unanswered => "aucune réponse, à décider".to_owned(),
        Mobilised::UnderWay => "en route".to_owned(),
        Mobilised::OnSite => "sur place".to_owned(),
        Mobilised::Released => "libéré".to_owned(),
    }
}

/// `3 min 20 s`.
pub fn lasted(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}
