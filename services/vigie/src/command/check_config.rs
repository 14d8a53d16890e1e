//! `vigie check-config`.

use crate::{Outcome, city, config::Config};

/// The options were read to come here; what is left is the city's files.
#[expect(clippy::unnecessary_wraps, reason = "every command ends the same way")]
pub(crate) fn run(config: &Config) -> anyhow::Result<Outcome> {
    let read = city::exercises(&config.paths.exercises).and_then(|_| city::read(&config.paths));
    match read {
        Ok(city) => {
            println!(
                "the configuration holds: {} circuits, {} bodies, {} sources, {} sectors and communes",
                city.doctrine.circuits.len(),
                city.directory.bodies().count(),
                city.directory.sources().count(),
                city.territory.sectors().len()
            );
            println!("doctrine  {}", city.doctrine.hash());
            println!("directory {}", city.directory.hash());
            println!("territory {}", city.territory.hash());
            Ok(Outcome::Done)
        }
        Err(error) => {
            eprintln!("{error:#}");
            Ok(Outcome::Found)
        }
    }
}
