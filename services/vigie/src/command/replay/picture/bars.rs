//! Who receives most, by channel.

use vigie_proto::Channel;

use super::{
    BLUES, float, nth,
    svg::{Anchor, Style, Svg, cut},
};
use crate::command::replay::{
    figures::{BodyLoad, Figures},
    french::{count, counted, decimal, share},
    wording::channel,
};

const SHOWN: usize = 15;
const ROW: f64 = 28.0;
const LEFT: f64 = 330.0;
const WIDTH: f64 = 430.0;
const RIGHT: f64 = 160.0;

fn fill(of: Channel) -> &'static str {
    match of {
        Channel::Email => BLUES[5],
        Channel::Sms => BLUES[3],
        Channel::Screen => BLUES[2],
    }
}

pub(super) fn draw(run: &Figures) -> String {
    let bodies: Vec<&BodyLoad> = run.bodies.iter().take(SHOWN).collect();
    let most = bodies.first().map_or(0, |body| body.messages);
    let title = match bodies.first() {
        Some(body) => format!("{} reçoit {} des messages", cut(&body.name, 60), share(most, run.messages)),
        None => "Personne ne reçoit de message".to_owned(),
    };
    let subtitle = format!(
        "Messages reçus par les {} plus sollicités, sur {} ; à droite, le total et la moyenne par jour",
        bodies.len(),
        counted(u64::try_from(run.bodies.len()).unwrap_or(0), "destinataire")
    );
    let list: Vec<String> = bodies.iter().map(|body| format!("{} : {}", body.name, count(body.messages))).collect();
    let height = nth(bodies.len()) * ROW + 22.0;
    let mut svg = Svg::new("destinataires", (LEFT + WIDTH + RIGHT, height), &title, &subtitle, &list.join(" ; "));
    let end = float(most.max(1));
    channels(&mut svg, run);
    for (place, body) in bodies.iter().enumerate() {
        let y = 20.0 + nth(place) * ROW;
        svg.text(LEFT - 10.0, y + 17.0, Style::LABEL.at(Anchor::End), &cut(&body.name, 46));
        let mut x = LEFT;
        for of in Channel::ALL {
            let messages = body.by_channel.get(&of).copied().unwrap_or(0);
            let width = WIDTH * float(messages) / end;
            let says = format!("{}, {} : {}", body.name, channel(of), counted(messages, "message"));
            svg.telling_rect((x, y + 3.0), (width, ROW - 8.0), fill(of), &says);
            x += width;
        }
        let total = format!("{} · {} / j", count(body.messages), decimal(body.messages_a_day));
        svg.text(x + 8.0, y + 17.0, Style::LABEL, &total);
    }
    svg.finish()
}

/// The names of the channels in use, each in front of its shade.
fn channels(svg: &mut Svg, run: &Figures) {
    let mut x = LEFT;
    for of in Channel::ALL.into_iter().filter(|of| run.by_channel.contains_key(of)) {
        svg.rect((x, 2.0), (12.0, 12.0), fill(of));
        let total = run.by_channel.get(&of).copied().unwrap_or(0);
        let text = format!("{} {}", channel(of), share(total, run.messages));
        svg.text(x + 18.0, 12.5, Style::SMALL, &text);
        x += 140.0;
    }
}
