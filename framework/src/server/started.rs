//! Whether a program that `evenkeel start` became has taken the settings that it was given.

use crate::error::Error;
use crate::plan::Plan;

/// The process that `evenkeel start` became. Another one that finds this in its environment is not meant.
pub const STARTED: &str = "EVENKEEL_STARTED";
/// What its application is called, among its settings.
const NAME: &str = "EVENKEEL_NAME";

/// Refuses to serve with other settings than those of the application, where nobody looks for it.
pub(super) fn check(plan: &Plan) -> Result<(), Error> {
    let variable = |name| std::env::var(name).ok();
    let meant = variable(STARTED).is_some_and(|pid| pid.parse() == Ok(std::process::id()));
    let name = plan.name.as_ref().map(ToString::to_string);
    match variable(NAME).filter(|wanted| meant && name.as_ref() != Some(wanted)) {
        Some(wanted) => Err(Error::config(text(&wanted, name.as_deref()))),
        None => Ok(()),
    }
}

fn text(wanted: &str, name: Option<&str>) -> String {
    let mend = "end what the program says of its server with .settings(&Settings::from_env()?), of the feature \
                `config`; or, if it has settings of its own, start it without `evenkeel start`";
    match name {
        None => format!(
            "it was started as {wanted}, and does not take its settings from the environment: {mend}"
        ),
        Some(name) => format!(
            "it was started as {wanted}, and calls itself {name}: leave the name to the environment; {mend}"
        ),
    }
}
