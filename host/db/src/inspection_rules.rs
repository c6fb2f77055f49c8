//! Inspection rules. They belong to no node, so that nobody has to hold one to change them.

use ironbark_model::{Error, InspectionRule, Result, Timestamp};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::error::{told, told_of_write};
use crate::page::{Conditions, Listing, read_page};
use crate::sql::{Columns, Statement, to_json, within};
use crate::{Database, Page};

/// What `sort_key` of a list of rules may be.
pub const INSPECTION_RULE_SORT_KEYS: &[&str] = &[
    "id",
    "uuid",
    "created_at",
    "updated_at",
    "description",
    "priority",
    "phase",
    "sensitive",
];

/// The most rules that there are: all of them are looked at for every inspection.
pub const MOST_INSPECTION_RULES: i64 = 1000;

const COLUMNS: &str = "id, uuid, created_at, updated_at, description, priority, phase, sensitive, conditions, actions";

const LISTING: Listing = Listing {
    from: "inspection_rules",
    id: "id",
    marker: "uuid",
    what: "Inspection rule",
    sort_keys: INSPECTION_RULE_SORT_KEYS,
    always_set: &["uuid", "created_at", "priority", "phase", "sensitive"],
    prefix: "",
};

impl Database {
    /// The rule with this UUID.
    pub async fn inspection_rule_get(&self, uuid: &str) -> Result<Option<InspectionRule>> {
        let mut connection = self.reader().await?;
        read(&mut connection, uuid).await
    }

    /// A page of all rules.
    pub async fn inspection_rule_list(&self, page: &Page) -> Result<Vec<InspectionRule>> {
        let mut connection = self.reader().await?;
        let all = Conditions::default();
        let rows = read_page(&mut connection, &LISTING, COLUMNS, &all, page).await?;
        rows.iter().map(rule_from).collect()
    }

    /// The rules of this phase in the order in which they run: by priority, the older ones first.
    pub async fn inspection_rules_of(&self, phase: &str) -> Result<Vec<InspectionRule>> {
        let mut connection = self.reader().await?;
        let rows = Statement::new(
            "SELECT id, uuid, created_at, updated_at, description, priority, phase, sensitive, conditions, actions \
             FROM inspection_rules WHERE phase = $1 ORDER BY priority DESC, id",
        )
        .bind(phase)
        .rows(&mut connection)
        .await
        .map_err(told)?;
        rows.iter().map(rule_from).collect()
    }

    /// Stores a new rule. Its number is the database's, `created_at` is now. A UUID that another one has is a conflict, and so is
    /// one rule more than [`MOST_INSPECTION_RULES`].
    pub async fn inspection_rule_create(&self, rule: &InspectionRule) -> Result<InspectionRule> {
        let now = Timestamp::now();
        let statement = Statement::new(
            "INSERT INTO inspection_rules (uuid, created_at, description, priority, phase, sensitive, conditions, actions) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE (SELECT COUNT(*) FROM inspection_rules) < $9 RETURNING id",
        )
        .bind(rule.uuid.as_str())
        .bind(now.0)
        .bind(rule.description.as_deref())
        .bind(i64::from(rule.priority))
        .bind(rule.phase.as_str())
        .bind(i64::from(rule.sensitive))
        .bind(to_json(&rule.conditions)?)
        .bind(to_json(&rule.actions)?)
        .bind(MOST_INSPECTION_RULES);
        let mut connection = self.writer().await?;
        let row = statement
            .row(&mut connection)
            .await
            .map_err(|error| {
                told_of_write(error, |column| {
                    (column == "inspection_rules.uuid").then(|| {
                        format!("An inspection rule with UUID {} already exists.", rule.uuid)
                    })
                })
            })?
            .ok_or_else(|| {
                Error::conflict(format!(
                    "There are {MOST_INSPECTION_RULES} inspection rules already: delete one first."
                ))
            })?;
        Ok(InspectionRule {
            id: Columns::of(&row).int()?,
            created_at: Some(now),
            updated_at: None,
            ..rule.clone()
        })
    }

    /// Makes of the rule what `change` makes of it; `updated_at` becomes now. Nobody else changes it meanwhile.
    pub async fn inspection_rule_change(
        &self,
        uuid: &str,
        change: impl FnOnce(&InspectionRule) -> Result<InspectionRule> + Send,
    ) -> Result<InspectionRule> {
        let mut transaction = self.begin().await?;
        // Keeps everybody else from changing the row until the transaction ends.
        Statement::new("UPDATE inspection_rules SET uuid = uuid WHERE uuid = $1")
            .bind(uuid)
            .run(&mut transaction)
            .await
            .map_err(told)?;
        let before = read(&mut transaction, uuid)
            .await?
            .ok_or_else(|| not_found(uuid))?;
        let after = InspectionRule {
            id: before.id,
            uuid: before.uuid.clone(),
            created_at: before.created_at,
            updated_at: Some(Timestamp::now()),
            ..change(&before)?
        };
        Statement::new(
            "UPDATE inspection_rules SET description = $1, priority = $2, phase = $3, sensitive = $4, conditions = $5, \
             actions = $6, updated_at = $7 WHERE id = $8",
        )
        .bind(after.description.as_deref())
        .bind(i64::from(after.priority))
        .bind(after.phase.as_str())
        .bind(i64::from(after.sensitive))
        .bind(to_json(&after.conditions)?)
        .bind(to_json(&after.actions)?)
        .bind(after.updated_at.map(|time| time.0))
        .bind(after.id)
        .run(&mut transaction)
        .await
        .map_err(told)?;
        within(transaction.commit()).await.map_err(told)?;
        Ok(after)
    }

    /// Deletes a rule.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn inspection_rule_delete(&self, uuid: &str) -> Result<()> {
        let deleted = self
            .write(Statement::new("DELETE FROM inspection_rules WHERE uuid = $1").bind(uuid))
            .await?;
        if deleted > 0 {
            Ok(())
        } else {
            Err(not_found(uuid))
        }
    }
}

async fn read(connection: &mut AnyConnection, uuid: &str) -> Result<Option<InspectionRule>> {
    let row = Statement::new(
        "SELECT id, uuid, created_at, updated_at, description, priority, phase, sensitive, conditions, actions \
         FROM inspection_rules WHERE uuid = $1",
    )
    .bind(uuid)
    .row(connection)
    .await
    .map_err(told)?;
    row.as_ref().map(rule_from).transpose()
}

fn rule_from(row: &AnyRow) -> Result<InspectionRule> {
    let mut columns = Columns::of(row);
    Ok(InspectionRule {
        id: columns.int()?,
        uuid: columns.text()?,
        created_at: Some(columns.time()?),
        updated_at: columns.opt_time()?,
        description: columns.opt_text()?,
        priority: i32::try_from(columns.int()?).unwrap_or(i32::MAX),
        phase: columns.text()?,
        sensitive: columns.flag()?,
        conditions: columns.json()?,
        actions: columns.json()?,
    })
}

/// What a client is told that names a rule that isn't there.
fn not_found(uuid: &str) -> Error {
    Error::not_found(format!("Inspection rule {uuid} could not be found."))
}
