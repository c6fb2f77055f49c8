//! Inspection rules.

use ironbark_model::{InspectionRule, Result};
use sqlx::AssertSqlSafe;

use crate::error::told;
use crate::page::Listing;
use crate::sql::{Columns, Statement, to_json};
use crate::standalone::{Common, Standalone, from_row, selected};
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

impl Standalone for InspectionRule {
    const LISTING: Listing = Listing {
        from: "inspection_rules",
        id: "id",
        marker: "uuid",
        what: "Inspection rule",
        sort_keys: INSPECTION_RULE_SORT_KEYS,
        always_set: &["uuid", "created_at", "priority", "phase", "sensitive"],
        prefix: "",
    };
    const ONE: &'static str = "An inspection rule";
    const COLUMNS: &'static [&'static str] = &[
        "description",
        "priority",
        "phase",
        "sensitive",
        "conditions",
        "actions",
    ];
    const MOST: Option<i64> = Some(MOST_INSPECTION_RULES);

    fn bind(&self, statement: Statement) -> Result<Statement> {
        Ok(statement
            .bind(self.description.as_deref())
            .bind(i64::from(self.priority))
            .bind(self.phase.as_str())
            .bind(i64::from(self.sensitive))
            .bind(to_json(&self.conditions)?)
            .bind(to_json(&self.actions)?))
    }

    fn read(common: Common, columns: &mut Columns<'_>) -> Result<Self> {
        let read = Self {
            description: columns.opt_text()?,
            priority: i32::try_from(columns.int()?).unwrap_or(i32::MAX),
            phase: columns.text()?,
            sensitive: columns.flag()?,
            conditions: columns.json()?,
            actions: columns.json()?,
            ..Self::default()
        };
        Ok(read.with_common(common))
    }

    fn common(&self) -> Common {
        Common {
            id: self.id,
            uuid: self.uuid.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn with_common(self, common: Common) -> Self {
        Self {
            id: common.id,
            uuid: common.uuid,
            created_at: common.created_at,
            updated_at: common.updated_at,
            ..self
        }
    }
}

impl Database {
    /// The rule with this UUID.
    pub async fn inspection_rule_get(&self, uuid: &str) -> Result<Option<InspectionRule>> {
        self.standalone_get("uuid", uuid).await
    }

    /// A page of all rules.
    pub async fn inspection_rule_list(&self, page: &Page) -> Result<Vec<InspectionRule>> {
        self.standalone_list(page).await
    }

    /// The rules of this phase in the order in which they run: by priority, the older ones first.
    pub async fn inspection_rules_of(&self, phase: &str) -> Result<Vec<InspectionRule>> {
        let text = format!(
            "SELECT {} FROM inspection_rules WHERE phase = $1 ORDER BY priority DESC, id",
            selected::<InspectionRule>()
        );
        let mut connection = self.reader().await?;
        let rows = Statement::new(AssertSqlSafe(text))
            .bind(phase)
            .rows(&mut connection)
            .await
            .map_err(told)?;
        rows.iter().map(from_row).collect()
    }

    /// Stores a new rule. Its number is the database's, `created_at` is now. A UUID that another one has is a conflict, and so is
    /// one rule more than [`MOST_INSPECTION_RULES`].
    pub async fn inspection_rule_create(&self, new: &InspectionRule) -> Result<InspectionRule> {
        self.standalone_create(new).await
    }

    /// Makes of the rule what `change` makes of it; `updated_at` becomes now. Nobody else changes it meanwhile.
    ///
    /// # Errors
    /// `NotFound`; those of `change`.
    pub async fn inspection_rule_change(
        &self,
        uuid: &str,
        change: impl FnOnce(&InspectionRule) -> Result<InspectionRule> + Send,
    ) -> Result<InspectionRule> {
        self.standalone_change(uuid, change).await
    }

    /// Deletes a rule.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn inspection_rule_delete(&self, uuid: &str) -> Result<()> {
        self.standalone_delete::<InspectionRule>(uuid).await
    }
}
