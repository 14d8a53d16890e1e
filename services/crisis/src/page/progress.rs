//! How far a mobilisation is, as steps one sees at a glance.

/// One step on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) label: &'static str,
    /// `done`, `here` or `ahead`.
    pub(super) state: &'static str,
}

/// The steps of a mobilisation at `stage`, by its code; `passed_on` when it went through somebody first.
pub(super) fn steps(stage: &str, passed_on: bool) -> Vec<Step> {
    let through = [("passing", "À transmettre")];
    let asked = if stage == "unanswered" { ("unanswered", "Sans réponse") } else { ("asked", "Demandé") };
    let rest =
        [asked, ("accepted", "Accepté"), ("under-way", "En route"), ("on-site", "Sur place"), ("released", "Libéré")];
    let all: Vec<_> = through.into_iter().filter(|_| passed_on).chain(rest).collect();
    let here = all.iter().position(|(code, _)| *code == stage).unwrap_or_default();
    let reached = |position: usize| match position.cmp(&here) {
        std::cmp::Ordering::Less => "done",
        std::cmp::Ordering::Equal => "here",
        std::cmp::Ordering::Greater => "ahead",
    };
    all.iter().enumerate().map(|(position, (_, label))| Step { label, state: reached(position) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mobilisation_is_at_one_step_after_those_that_are_done() {
        let states = |stage, passed_on| steps(stage, passed_on).iter().map(|step| step.state).collect::<Vec<_>>();
        assert_eq!(states("passing", true), ["here", "ahead", "ahead", "ahead", "ahead", "ahead"]);
        assert_eq!(states("accepted", false), ["done", "here", "ahead", "ahead", "ahead"]);
        assert_eq!(steps("unanswered", false)[0].label, "Sans réponse");
        assert_eq!(states("released", false).last(), Some(&"here"));
    }
}
