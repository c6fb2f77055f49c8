//! Recording what was seen of a node that nobody holds.

use ironbark_model::{ProvisionState, Result, Timestamp};
use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::error::told;
use crate::page::Conditions;
use crate::sql::{Bind, Columns, Statement, object_from, object_to_text};
use crate::{Database, Observation};

impl Database {
    /// Writes what was seen, unless the node was acquired (and perhaps changed) since `fence` was read: then it is
    /// dropped, and the answer is false. One compare-and-set statement, which needs no reservation.
    pub async fn observe(&self, uuid: &str, fence: i64, observation: &Observation) -> Result<bool> {
        let mut connection = self.writer().await?;
        let properties = match &observation.vendor {
            Some(vendor) => match with_vendor(&mut connection, uuid, vendor).await? {
                Some(change) => change,
                None => return Ok(false),
            },
            None => Properties::Unchanged,
        };

        let mut all = Conditions::default();
        let mut assignments = Vec::new();
        for (column, value) in observed(observation) {
            let value = match value {
                Some(bind) => all.bind(bind),
                None => "NULL".to_owned(),
            };
            assignments.push(format!("{column} = {value}"));
        }
        if let Some(time) = observation.heartbeat_at {
            assignments.push(restart_wait(&mut all, time));
        }
        if let Properties::Changed { from, to } = properties {
            let to = all.bind(Bind::Text(to));
            assignments.push(format!("properties = {to}"));
            all.equals("properties", &from);
        }
        if assignments.is_empty() {
            // Nothing to write; whether the node is still as it was read is the answer all the same.
            assignments.push("fence = fence".to_owned());
        } else {
            let now = all.bind(Bind::Int(Timestamp::now().0));
            assignments.push(format!("updated_at = {now}, revision = revision + 1"));
        }
        all.equals("uuid", uuid);
        let fence = all.bind(Bind::Int(fence));
        all.add(format!("fence = {fence}"));
        all.add("reservation IS NULL");
        let text = format!("UPDATE nodes SET {}{}", assignments.join(", "), all.text());
        let written = Statement::new(AssertSqlSafe(text))
            .bind_all(all.into_binds())
            .run(&mut connection)
            .await
            .map_err(told)?;
        Ok(written > 0)
    }
}

/// What becomes of `properties`.
enum Properties {
    Unchanged,
    Changed { from: String, to: String },
}

/// Columns and what they become; `None` is NULL.
fn observed(observation: &Observation) -> Vec<(&'static str, Option<Bind>)> {
    let text = |value: Option<String>| value.map(Bind::Text);
    let mut columns = Vec::new();
    if let Some(state) = observation.power_state {
        let state = state.map(|state| state.as_str().to_owned());
        columns.push(("power_state", text(state)));
    }
    if let Some(error) = &observation.last_error {
        columns.push(("last_error", text(error.clone())));
    }
    if let Some(health) = &observation.health {
        columns.push(("health", text(health.clone())));
    }
    if let Some(mode) = &observation.boot_mode {
        columns.push(("boot_mode", text(mode.clone())));
    }
    if let Some(on) = observation.secure_boot {
        columns.push(("secure_boot", on.map(|on| Bind::Int(i64::from(on)))));
    }
    if let Some(time) = observation.heartbeat_at {
        columns.push(("agent_heartbeat_at", Some(Bind::Int(time.0))));
    }
    columns
}

/// A heartbeat in a state that waits for the agent makes the wait's time-out begin anew.
fn restart_wait(all: &mut Conditions, time: Timestamp) -> String {
    let waiting: Vec<String> = ProvisionState::ALL
        .iter()
        .filter(|state| state.is_waiting())
        .map(|state| format!("'{state}'"))
        .collect();
    let time = all.bind(Bind::Int(time.0));
    format!(
        "provision_updated_at = CASE WHEN provision_state IN ({}) THEN {time} ELSE provision_updated_at END",
        waiting.join(", ")
    )
}

/// `properties` with this vendor in it; `None` if there is no such node.
async fn with_vendor(
    connection: &mut AnyConnection,
    uuid: &str,
    vendor: &str,
) -> Result<Option<Properties>> {
    let row = Statement::new("SELECT properties FROM nodes WHERE uuid = $1")
        .bind(uuid)
        .row(connection)
        .await
        .map_err(told)?;
    let Some(row) = row else {
        return Ok(None);
    };
    let from = Columns::of(&row).text()?;
    let mut properties = object_from(&from)?;
    let value = Value::String(vendor.to_owned());
    if properties.get("vendor") == Some(&value) {
        return Ok(Some(Properties::Unchanged));
    }
    properties.insert("vendor".to_owned(), value);
    Ok(Some(Properties::Changed {
        from,
        to: object_to_text(&properties)?,
    }))
}
