//! BIOS settings (DSP0268, Bios): read, changed with the next start, and set to what the factory made them.

use std::time::Duration;

use ironbark_driver::{
    Bios, BiosChange, BiosSetting, BiosValue, Error, Outcome, Result, call, read_cursor,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    power,
    registry::Registry,
    reset::{Reset, reset},
    resource::{at, link, text, text_at, texts},
    service::{Host, Resource, Service},
    system::System,
};

/// A restart takes minutes; some are soon done.
const SOON: Duration = Duration::from_secs(5);
const LATER: Duration = Duration::from_secs(15);
const SOON_POLLS: u32 = 12;
/// 20 minutes in all.
const MOST_POLLS: u32 = SOON_POLLS + 76;
/// For the host, which is to call again: more than the longest pause with a machine that is slow to answer.
const PATIENCE: Duration = Duration::from_secs(300);

/// Most settings that the contract lets through.
const MOST_SETTINGS: usize = 4096;

pub(crate) struct RedfishBios;

impl Bios for RedfishBios {
    fn apply_configuration(
        &self,
        settings: &[BiosChange],
        cursor: Option<&str>,
    ) -> Result<Outcome> {
        apply(&Host, settings, read_cursor(cursor)?, restarting()?)
    }

    fn factory_reset(&self, cursor: Option<&str>) -> Result<Outcome> {
        factory_reset(&Host, read_cursor(cursor)?, restarting()?)
    }

    fn cache_bios_settings(&self) -> Result<Vec<BiosSetting>> {
        settings(&Host)
    }
}

/// What a step remembers while the machine restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Restarting {
    /// How often it was looked at since.
    polls: u32,
    /// It was off before, and shall be again.
    was_off: bool,
    /// When the service last said how a change went, before this one.
    last_result: Option<String>,
}

/// How the node's machine is restarted.
fn restarting() -> Result<Reset> {
    Ok(power::how_to_restart(&call::node()?))
}

struct Attributes {
    path: String,
    resource: Resource,
    values: Map<String, Value>,
}

impl Attributes {
    fn read(service: &impl Service, system: &System) -> Result<Self> {
        let path = system.part("Bios");
        let Some(resource) = service.find(&path)? else {
            return Err(Error::unsupported(
                "the machine does not show its BIOS settings",
            ));
        };
        let values = resource.get("Attributes").and_then(Value::as_object);
        Ok(Self {
            values: values.cloned().unwrap_or_default(),
            path,
            resource,
        })
    }

    /// Where changes go.
    fn settings_path(&self) -> String {
        link(&self.resource, "@Redfish.Settings/SettingsObject")
            .unwrap_or_else(|| format!("{}/Settings", self.path))
    }

    /// When the service last said how a change went.
    fn last_result(&self) -> Option<String> {
        text_at(&self.resource, "@Redfish.Settings/Time").map(str::to_owned)
    }

    /// What the service says of a change that failed, since the step began (DSP0266 §9.10).
    fn failure(&self, step: &Restarting) -> Option<String> {
        if self.last_result() == step.last_result {
            return None;
        }
        let messages = at(&self.resource, "@Redfish.Settings/Messages").and_then(Value::as_array);
        messages
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .find(|message| {
                let severity = text(message, "MessageSeverity").or(text(message, "Severity"));
                severity == Some("Critical")
            })
            .map(|message| {
                text(message, "Message")
                    .or(text(message, "MessageId"))
                    .unwrap_or("it doesn't say why")
                    .to_owned()
            })
    }

    /// These changes as JSON of the types that the attributes have.
    fn wanted(&self, changes: &[BiosChange]) -> Result<Map<String, Value>> {
        let mut wanted = Map::new();
        let mut unknown = Vec::new();
        for change in changes {
            match self.values.get(&change.name) {
                Some(now) => {
                    wanted.insert(change.name.clone(), as_now(now, &change.value));
                }
                None => unknown.push(change.name.as_str()),
            }
        }
        if unknown.is_empty() {
            return Ok(wanted);
        }
        Err(Error::invalid_parameter(format!(
            "the machine has no BIOS settings {}",
            unknown.join(", ")
        )))
    }

    fn differing<'a>(&self, wanted: &'a Map<String, Value>) -> Vec<&'a str> {
        wanted
            .iter()
            .filter(|(name, value)| self.values.get(*name) != Some(*value))
            .map(|(name, _)| name.as_str())
            .collect()
    }
}

fn apply(
    service: &impl Service,
    changes: &[BiosChange],
    step: Option<Restarting>,
    how: Reset,
) -> Result<Outcome> {
    let system = System::read(service)?;
    let bios = Attributes::read(service, &system)?;
    let wanted = bios.wanted(changes)?;
    let differing = bios.differing(&wanted);
    if differing.is_empty() {
        return finish(service, &system, step);
    }
    if let Some(step) = step {
        if let Some(why) = bios.failure(&step) {
            return Err(Error::failed(format!(
                "the machine did not take the BIOS settings: {why}"
            )));
        }
        return again(step, || {
            format!(
                "the machine has not taken the BIOS settings {} with its restart",
                differing.join(", ")
            )
        });
    }
    let to_change: Map<String, Value> = wanted
        .iter()
        .filter(|(name, _)| differing.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut body = json!({ "Attributes": to_change });
    let at_reset = texts(&bios.resource, "@Redfish.Settings/SupportedApplyTimes")
        .is_some_and(|times| times.iter().any(|time| time == "OnReset"));
    if at_reset && let Value::Object(body) = &mut body {
        body.insert(
            "@Redfish.SettingsApplyTime".to_owned(),
            json!({"ApplyTime": "OnReset"}),
        );
    }
    service.patch(&bios.settings_path(), &body)?;
    begin(service, &system, &bios, how)
}

fn factory_reset(service: &impl Service, step: Option<Restarting>, how: Reset) -> Result<Outcome> {
    let system = System::read(service)?;
    let bios = Attributes::read(service, &system)?;
    let Some(step) = step else {
        let target = text_at(&bios.resource, "Actions/#Bios.ResetBios/target").map_or_else(
            || format!("{}/Actions/Bios.ResetBios", bios.path),
            str::to_owned,
        );
        service.post(&target, &json!({}))?;
        return begin(service, &system, &bios, how);
    };
    if let Some(why) = bios.failure(&step) {
        return Err(Error::failed(format!(
            "the machine did not reset its BIOS settings: {why}"
        )));
    }
    // Which settings the factory made is for the machine to know. It has them when nothing is left for the next start.
    let pending = service.find(&bios.settings_path())?.unwrap_or_default();
    let pending = pending.get("Attributes").and_then(Value::as_object);
    let is_left = pending.is_some_and(|pending| !bios.differing(pending).is_empty());
    if system.is_settled(true) && !is_left && step.polls > 0 {
        return finish(service, &system, Some(step));
    }
    again(step, || {
        "the machine has not reset its BIOS settings with its restart".to_owned()
    })
}

/// Restarts the machine, and has the host call again.
fn begin(
    service: &impl Service,
    system: &System,
    bios: &Attributes,
    how: Reset,
) -> Result<Outcome> {
    let was_off = system.is_settled(false);
    power::restart(service, system, how)?;
    wait(&Restarting {
        polls: 0,
        was_off,
        last_result: bios.last_result(),
    })
}

fn again(step: Restarting, what_failed: impl FnOnce() -> String) -> Result<Outcome> {
    if step.polls >= MOST_POLLS {
        return Err(Error::failed(what_failed()));
    }
    wait(&Restarting {
        polls: step.polls + 1,
        ..step
    })
}

fn wait(step: &Restarting) -> Result<Outcome> {
    let pause = if step.polls < SOON_POLLS { SOON } else { LATER };
    let outcome = Outcome::poll_after(pause, PATIENCE, step)?;
    Ok(outcome.saying("the machine restarts to take its BIOS settings"))
}

/// A machine that was off is switched off again.
fn finish(service: &impl Service, system: &System, step: Option<Restarting>) -> Result<Outcome> {
    if step.is_some_and(|step| step.was_off) {
        reset(service, system, Reset::Off)?;
    }
    Ok(Outcome::Done)
}

fn settings(service: &impl Service) -> Result<Vec<BiosSetting>> {
    let bios = Attributes::read(service, &System::read(service)?)?;
    let registry = Registry::read(service, text(&bios.resource, "AttributeRegistry"))?;
    Ok(bios
        .values
        .iter()
        .take(MOST_SETTINGS)
        .map(|(name, value)| registry.describe(name, value))
        .collect())
}

/// A value in the type that the attribute has now: operators write numbers and switches as text, too.
fn as_now(now: &Value, wanted: &BiosValue) -> Value {
    let plain = match wanted {
        BiosValue::Text(text) => Value::from(text.as_str()),
        BiosValue::Integer(number) => Value::from(*number),
        BiosValue::Boolean(set) => Value::from(*set),
    };
    let read = match (now, &plain) {
        (Value::Number(_), Value::String(text)) => text.trim().parse::<i64>().ok().map(Value::from),
        (Value::Bool(_), Value::String(text)) => text
            .trim()
            .to_lowercase()
            .parse::<bool>()
            .ok()
            .map(Value::from),
        (Value::String(_), Value::Number(_) | Value::Bool(_)) => {
            Some(Value::from(plain.to_string()))
        }
        _ => None,
    };
    read.unwrap_or(plain)
}

#[cfg(test)]
mod tests;
