//! The city of the benches: one kind whose signals never join, one circuit, one body told by e-mail.

use std::{fs, path::Path};

use anyhow::Context;

/// The one source; it may raise as often as it likes.
pub(crate) const SOURCE: &str = "bench";

const DOCTRINE: &str = r#"timezone = "Europe/Paris"

[kinds.essai]
label = "Essai"
default_severity = "serious"
schools_within_m = 500
neighbours_within_m = 300
correlation = { radius_m = 0, window_min = 0 }

[undeliverable]
tell = [{ role = "veille", in = "city" }]
channels = ["email"]
"#;

const FICHE: &str = r#"[fiche]
id = "B.1"
title = "Essai"
lines = "1-1"

[[circuit]]
id = "ESS-1"
title = "Essai"
lines = "1-1"
kinds = ["essai"]
severities = ["serious"]
satisfied_by = "anyone"

[[circuit.step]]
id = "veille"
after_min = 0
expects = "acknowledgement"
channels = ["email"]
timing = "default"
tell = [{ role = "veille", in = "city" }]
"#;

const ROLES: &str = r#"[veille]
label = "Veille"
intervenes = true
raises = ["essai"]
sees = "everything"
may = ["acknowledge"]
"#;

/// Writes `doctrine/` and `directory/` under `folder`.
pub(crate) fn write(folder: &Path) -> anyhow::Result<()> {
    let files = [
        ("doctrine/doctrine.toml", DOCTRINE),
        ("doctrine/b-1.toml", FICHE),
        ("directory/roles.toml", ROLES),
        ("directory/bodies.csv", "id,role,territory,name\nveille,veille,city,Veille\n"),
        ("directory/contacts.csv", "id,body,channel,address,duty\nveille-email,veille,email,veille@example.org,\n"),
        ("directory/rosters.toml", "timezone = \"Europe/Paris\"\n"),
        ("directory/sources.csv", "id,role,body,territory,name\nbench,veille,veille,city,Banc d'essai\n"),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        let parent = path.parent().context("every file has a folder")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Body of the signal number `index`: places spread evenly over the middle of Paris, no two alike.
pub(crate) fn report(index: u64) -> String {
    // Two irrational steps fill the rectangle evenly, in the same order in every run.
    #[expect(clippy::cast_precision_loss, reason = "indices stay far below 2^53")]
    let along = |step: f64| (index as f64 * step).fract();
    let (lon, lat) = (2.29 + 0.10 * along(0.754_877_666_246_693), 48.835 + 0.05 * along(0.569_840_290_998_053));
    format!(
        r#"{{"kind":"essai","severity":"serious","summary":"Un groupe devant la porte, essai {index}","location":{{"lon":{lon:.7},"lat":{lat:.7},"accuracy_m":10}}}}"#
    )
}
