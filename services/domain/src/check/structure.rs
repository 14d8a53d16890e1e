//! What can be seen without a clock: bodies that do not exist, channels and roles that may not, quorums that cannot be
//! met, steps that never come.

use std::collections::BTreeSet;

use vigie_proto::{
    Channel, RoleId, SectorId,
    plan::{Expects, SatisfiedBy},
};

use super::finding::{Draft, Findings, Level};
use crate::city::City;
use crate::doctrine::{Audience, AudiencePlace, Circuit, Condition, Doctrine, Due, Outside, Step};

/// Looks at every circuit, kind and indicator.
pub(super) fn check(city: &City, sectors: &[SectorId], findings: &mut Findings) {
    let mut look = Look { city, doctrine: &city.doctrine, sectors, findings };
    for circuit in &city.doctrine.circuits {
        look.circuit(circuit);
    }
    look.kinds();
    look.rest();
}

struct Look<'a, 'f> {
    city: &'a City,
    doctrine: &'a Doctrine,
    sectors: &'a [SectorId],
    findings: &'f mut Findings,
}

impl Look<'_, '_> {
    fn add(
        &mut self,
        level: Level,
        code: &'static str,
        at: &crate::doctrine::Origin,
        message: String,
        remedy: &'static str,
    ) {
        self.add_in(level, code, at, message, None, remedy);
    }

    fn add_in(
        &mut self,
        level: Level,
        code: &'static str,
        at: &crate::doctrine::Origin,
        message: String,
        sector: Option<SectorId>,
        remedy: &'static str,
    ) {
        let draft = Draft { level, code, origin: at.clone(), message, sector, when: None, remedy };
        self.findings.add(draft, &self.doctrine.zone);
    }

    fn circuit(&mut self, circuit: &Circuit) {
        for step in &circuit.steps {
            self.step(circuit, step);
        }
        for owed in &circuit.owed {
            for sector in self.missing(&owed.by) {
                let what = format!("{}: `{}` is owed by {}, whom nobody is", circuit.id, owed.id, owed.by.role);
                let remedy = "give the sector a body of that role in bodies.csv, or let another role owe it";
                self.add_in(Level::Error, "owed-by-nobody", &circuit.origin, what, Some(sector), remedy);
            }
        }
        self.waiting(circuit);
        self.quorum(circuit);
    }

    fn step(&mut self, circuit: &Circuit, step: &Step) {
        let name = format!("{}/{}", circuit.id, step.id);
        let mut seen = BTreeSet::new();
        for audience in &step.tell {
            let key = (audience.role.clone(), format!("{:?}", audience.place), format!("{:?}", audience.rank));
            if !seen.insert(key) {
                let what = format!("{name} tells {} twice", audience.role);
                self.add(Level::Error, "target-twice", &step.origin, what, "keep one of the two");
            }
            self.audience(&name, step, audience);
        }
        // What is played is nobody's affair: its class holds for the real.
        let played = circuit.when.contains(&Condition::Exercise);
        for kind in circuit.kinds.iter().filter(|_| !played) {
            let Some(class) = self.doctrine.class_of(kind) else { continue };
            let (label, channels, roles) = (class.label.clone(), class.channels.clone(), class.roles.clone());
            for channel in step.channels.iter().chain(&step.fallback) {
                if !channels.contains(channel) {
                    let what = format!("{name} sends what is {label} ({kind}) by {channel}");
                    let remedy = "use a channel of the kind's class, or give the kind another class";
                    self.add(Level::Error, "confidential-channel", &step.origin, what, remedy);
                }
            }
            let outsiders: Vec<RoleId> =
                told(&step.tell).into_iter().filter(|role| !roles.is_empty() && !roles.contains(role)).collect();
            for role in outsiders {
                let what = format!("{name} tells {role} what is {label} ({kind})");
                let remedy = "tell a role of the kind's class, or add the role to the class after asking who may know";
                self.add(Level::Error, "confidential-role", &step.origin, what, remedy);
            }
        }
        let always = circuit.when.contains(&Condition::Expected);
        if matches!(step.due, Due::BeforeExpectedMin(_) | Due::AfterExpectedMin(_))
            && !always
            && circuit.steps.len() == 1
        {
            let what =
                format!("{name} counts from an hour that may not be announced, and its circuit has no other step");
            let remedy = "add when = [\"expected\"], or a step that comes in any case";
            self.add(Level::Warning, "may-never-come", &step.origin, what, remedy);
        }
        if step.unless_acknowledged && asking(circuit).next().is_none() {
            let what = format!("{name} waits for an acknowledgement nobody is asked for");
            let remedy = "let an earlier step expect an acknowledgement, or remove `unless`";
            self.add(Level::Error, "unless-never", &step.origin, what, remedy);
        }
    }

    /// Bodies of an audience, and of those told instead.
    fn audience(&mut self, name: &str, step: &Step, audience: &Audience) {
        let mut missing = self.missing(audience);
        // Where the others of the step stand in for it, a sector without it is not without anybody.
        missing.retain(|sector| !step.tell.iter().any(|other| self.stands_in(other, audience, sector)));
        for sector in missing {
            let what = format!("{name} tells {}, and no body has that role there", audience.role);
            let remedy = "add the body to bodies.csv with a contact point, or tell another role";
            self.add_in(Level::Error, "no-body", &step.origin, what, Some(sector), remedy);
        }
        if let Outside::Tell(others) = &audience.outside {
            for other in others {
                self.audience(name, step, other);
            }
        }
    }

    /// Whether `other` is an alternative of `audience` (a school's and a site's, say) that exists in the sector.
    fn stands_in(&self, other: &Audience, audience: &Audience, sector: &SectorId) -> bool {
        let told = |audience: &Audience| audience.place == AudiencePlace::Raiser;
        told(audience) && other.role != audience.role && self.exists(other, sector)
    }

    /// Sectors in which an audience has no body; the whole city counts as every sector.
    fn missing(&self, audience: &Audience) -> Vec<SectorId> {
        match audience.place {
            AudiencePlace::Sector | AudiencePlace::City => {
                self.sectors.iter().filter(|sector| !self.exists(audience, sector)).cloned().collect()
            }
            AudiencePlace::Neighbours
            | AudiencePlace::School
            | AudiencePlace::SchoolsAround
            | AudiencePlace::Raiser => Vec::new(),
        }
    }

    fn exists(&self, audience: &Audience, sector: &SectorId) -> bool {
        super::bodies(self.city, audience, sector).next().is_some()
    }

    /// Circuits that may be in one plan with `circuit`, itself included.
    fn together<'c>(&'c self, circuit: &'c Circuit) -> impl Iterator<Item = &'c Circuit> {
        self.doctrine.circuits.iter().filter(move |other| {
            other.kinds.iter().any(|kind| circuit.kinds.contains(kind))
                && other.severities.iter().any(|severity| circuit.severities.contains(severity))
                && other.regimes.iter().any(|regime| circuit.regimes.contains(regime))
        })
    }

    /// Steps that wait for somebody's answer: that somebody is asked, and not only by those who wait for it.
    fn waiting(&mut self, circuit: &Circuit) {
        let steps: Vec<&Step> = self.together(circuit).flat_map(|other| &other.steps).collect();
        let asks = |step: &&&Step| step.expects == Expects::Acknowledgement;
        let waits = |step: &Step| matches!(&step.due, Due::AfterAcknowledgement { .. });
        let mut asked: BTreeSet<RoleId> =
            steps.iter().filter(asks).filter(|step| !waits(step)).flat_map(|step| told(&step.tell)).collect();
        loop {
            let before = asked.len();
            for step in steps.iter().filter(asks) {
                if let Due::AfterAcknowledgement { by, .. } = &step.due
                    && by.iter().any(|role| asked.contains(role))
                {
                    asked.extend(told(&step.tell));
                }
            }
            if asked.len() == before {
                break;
            }
        }
        let somewhere: BTreeSet<RoleId> = steps.iter().filter(asks).flat_map(|step| told(&step.tell)).collect();
        let mut stuck = Vec::new();
        for step in &circuit.steps {
            if let Due::AfterAcknowledgement { by, .. } = &step.due
                && !by.iter().any(|role| asked.contains(role))
            {
                stuck.push((step.clone(), by.clone(), by.iter().any(|role| somewhere.contains(role))));
            }
        }
        for (step, by, in_a_loop) in stuck {
            let roles = by.iter().map(RoleId::as_str).collect::<Vec<_>>().join(", ");
            let (code, what) = if in_a_loop {
                ("loop", format!("{}/{} waits for {roles}, asked only by steps that wait for it", circuit.id, step.id))
            } else {
                ("never-due", format!("{}/{} waits for {roles}, whom no step asks to take charge", circuit.id, step.id))
            };
            let remedy = "let a step that waits for nothing ask that role to take charge";
            self.add(Level::Error, code, &step.origin, what, remedy);
        }
    }

    /// Those who can stop a circuit intervene, are asked by it, and are enough, in every sector.
    fn quorum(&mut self, circuit: &Circuit) {
        if asking(circuit).next().is_none() {
            return;
        }
        self.watchers(circuit);
        let asked: BTreeSet<RoleId> = asking(circuit).flat_map(|step| told(&step.tell)).collect();
        let remedy = "ask those roles in a step of the circuit, or change satisfied_by";
        match &circuit.satisfied_by {
            SatisfiedBy::AnyOf(roles) if !roles.iter().any(|role| asked.contains(role)) => {
                let roles = roles.iter().map(RoleId::as_str).collect::<Vec<_>>().join(", ");
                let what = format!("{} is satisfied by any of {roles}, and none of them is asked", circuit.id);
                self.add(Level::Error, "never-satisfied", &circuit.origin, what, remedy);
            }
            SatisfiedBy::AllOf(roles) => {
                for role in roles.iter().filter(|role| !asked.contains(role)) {
                    let what = format!("{} is satisfied only with {role}, which is not asked", circuit.id);
                    self.add(Level::Error, "never-satisfied", &circuit.origin, what, remedy);
                }
                for role in roles.iter().filter(|role| asked.contains(role)) {
                    self.enough(circuit, 1, std::slice::from_ref(role));
                }
            }
            SatisfiedBy::AnyOf(roles) => self.enough(circuit, 1, roles),
            SatisfiedBy::AtLeast { count, of } => self.enough(circuit, *count, of),
            SatisfiedBy::Anyone | SatisfiedBy::EachAsked => self.enough(circuit, 1, &[]),
        }
    }

    /// Nobody who does not intervene can stop the circuit.
    fn watchers(&mut self, circuit: &Circuit) {
        let directory = &self.city.directory;
        let watches = |role: &RoleId| directory.role(role).is_some() && !directory.intervenes(role);
        let remedy = "let a step of its own tell that role and expect nothing, name in satisfied_by those who intervene, or give it intervenes = true in roles.toml";
        match &circuit.satisfied_by {
            SatisfiedBy::AnyOf(roles) | SatisfiedBy::AllOf(roles) | SatisfiedBy::AtLeast { of: roles, .. }
                if !roles.is_empty() =>
            {
                let stopping: Vec<RoleId> = roles.iter().filter(|role| watches(role)).cloned().collect();
                for role in stopping {
                    let what = format!("{} can be stopped by {role}, which does not intervene", circuit.id);
                    self.add(Level::Error, "stopped-by-watcher", &circuit.origin, what, remedy);
                }
            }
            SatisfiedBy::Anyone
            | SatisfiedBy::EachAsked
            | SatisfiedBy::AnyOf(_)
            | SatisfiedBy::AllOf(_)
            | SatisfiedBy::AtLeast { .. } => {
                for step in asking(circuit) {
                    let asked: BTreeSet<RoleId> = told(&step.tell).into_iter().filter(|role| watches(role)).collect();
                    for role in asked {
                        let (circuit, step_id) = (&circuit.id, &step.id);
                        let what = format!(
                            "{circuit}/{step_id} asks {role} to take charge, which does not intervene: it could stop {circuit}"
                        );
                        self.add(Level::Error, "stopped-by-watcher", &step.origin, what, remedy);
                    }
                }
            }
        }
    }

    /// Whether the circuit asks at least `count` bodies of the roles `of` (of those that intervene when none is named), in
    /// every sector. Audiences whose place depends on the point are not counted against it.
    fn enough(&mut self, circuit: &Circuit, count: u32, of: &[RoleId]) {
        let directory = &self.city.directory;
        let counts = |role: &RoleId| {
            if of.is_empty() { directory.intervenes(role) } else { of.contains(role) }
        };
        let audiences: Vec<Audience> = asking(circuit)
            .flat_map(|step| &step.tell)
            .flat_map(|audience| std::iter::once(audience).chain(instead(audience)))
            .filter(|audience| counts(&audience.role))
            .cloned()
            .collect();
        let by_point =
            audiences.iter().any(|audience| !matches!(audience.place, AudiencePlace::City | AudiencePlace::Sector));
        if by_point {
            return;
        }
        for sector in self.sectors {
            let bodies: BTreeSet<_> = audiences
                .iter()
                .flat_map(|audience| super::bodies(self.city, audience, sector))
                .map(|body| body.id.clone())
                .collect();
            if u32::try_from(bodies.len()).unwrap_or(u32::MAX) < count {
                let asks = bodies.len();
                let what = format!("{} wants {count} bodies to take charge and asks {asks} that may", circuit.id);
                let remedy = "ask more bodies, or lower the count";
                self.add_in(Level::Error, "quorum-out-of-reach", &circuit.origin, what, Some(sector.clone()), remedy);
            }
        }
    }

    fn kinds(&mut self) {
        for (kind, rule) in &self.doctrine.kinds {
            let raised = self.city.directory.role_rules().any(|(_, role)| role.raises.contains(kind));
            if !raised {
                let remedy = "add it to `raises` of a role, or remove the kind";
                let what = format!("no role may raise `{kind}`");
                self.add(Level::Warning, "never-raised", &rule.origin, what, remedy);
            }
        }
    }

    fn rest(&mut self) {
        let file = crate::doctrine::Origin { file: "doctrine.toml".to_owned(), line: 1 };
        if self.doctrine.emergency.is_empty() {
            let remedy = "add [[emergency]] with number and label: Vigie is not an emergency line";
            let what = "no emergency number is shown before the forms".to_owned();
            self.add(Level::Error, "no-emergency-number", &file, what, remedy);
        }
        let counted: BTreeSet<&String> = self
            .doctrine
            .circuits
            .iter()
            .flat_map(|circuit| &circuit.counts)
            .chain(self.doctrine.counted.iter().flat_map(|circuit| &circuit.indicators))
            .collect();
        let forgotten: Vec<&String> = self.doctrine.indicators.keys().filter(|id| !counted.contains(id)).collect();
        for id in forgotten {
            let what = format!("indicator `{id}` is declared and nothing counts in it");
            self.add(Level::Warning, "never-counted", &file, what, "name it in `counts` of a circuit, or remove it");
        }
        for (name, class) in &self.doctrine.classes {
            let own =
                if class.undeliverable.is_empty() { &self.doctrine.undeliverable.tell } else { &class.undeliverable };
            let somebody = own.iter().any(|audience| class.admits(&audience.role));
            let some_way = self.doctrine.undeliverable.channels.iter().any(|channel| class.channels.contains(channel));
            if !somebody || !some_way {
                let what =
                    format!("that somebody could not be reached for what is {name} is told to nobody who may know");
                let remedy = "give the class an `undeliverable` of its own, of its roles, by a channel of its own";
                self.findings.add(
                    Draft {
                        level: Level::Error,
                        code: "undeliverable-withheld",
                        origin: file.clone(),
                        message: what,
                        sector: None,
                        when: None,
                        remedy,
                    },
                    &self.doctrine.zone,
                );
            }
        }
        let by_sms_only = self.doctrine.undeliverable.channels.iter().all(|channel| *channel == Channel::Sms);
        if by_sms_only {
            let what = "that somebody could not be reached is told by SMS only".to_owned();
            self.add(Level::Warning, "undeliverable-thin", &file, what, "add screen or email to [undeliverable]");
        }
    }
}

/// Steps of a circuit that ask somebody to take charge.
fn asking(circuit: &Circuit) -> impl Iterator<Item = &Step> {
    circuit.steps.iter().filter(|step| step.expects == Expects::Acknowledgement)
}

/// Those told instead of an audience, at any depth.
fn instead(audience: &Audience) -> Vec<&Audience> {
    match &audience.outside {
        Outside::Tell(others) => others.iter().flat_map(|other| std::iter::once(other).chain(instead(other))).collect(),
        Outside::Skip | Outside::Wait => Vec::new(),
    }
}

/// Roles of audiences, those told instead included.
fn told(audiences: &[Audience]) -> Vec<RoleId> {
    audiences
        .iter()
        .flat_map(|audience| {
            let instead = match &audience.outside {
                Outside::Tell(others) => told(others),
                Outside::Skip | Outside::Wait => Vec::new(),
            };
            std::iter::once(audience.role.clone()).chain(instead)
        })
        .collect()
}
