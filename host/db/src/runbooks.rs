//! Runbooks.

use ironbark_model::ident::Ident;
use ironbark_model::{Result, Runbook};

use crate::page::Listing;
use crate::sql::{Columns, Statement, object_to_text, to_json};
use crate::standalone::{Common, Standalone};
use crate::{Database, Page};

/// What `sort_key` of a list of runbooks may be.
pub const RUNBOOK_SORT_KEYS: &[&str] = &[
    "id",
    "uuid",
    "name",
    "description",
    "public",
    "owner",
    "disable_ramdisk",
    "created_at",
    "updated_at",
];

impl Standalone for Runbook {
    const LISTING: Listing = Listing {
        from: "runbooks",
        id: "id",
        marker: "uuid",
        what: "Runbook",
        sort_keys: RUNBOOK_SORT_KEYS,
        always_set: &["uuid", "name", "public", "disable_ramdisk", "created_at"],
        prefix: "",
    };
    const ONE: &'static str = "A runbook";
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "description",
        "public",
        "owner",
        "disable_ramdisk",
        "steps",
        "traits",
        "extra",
    ];

    fn bind(&self, statement: Statement) -> Result<Statement> {
        Ok(statement
            .bind(self.name.as_str())
            .bind(self.description.as_deref())
            .bind(i64::from(self.public))
            .bind(self.owner.as_deref())
            .bind(i64::from(self.disable_ramdisk))
            .bind(to_json(&self.steps)?)
            .bind(to_json(&self.traits)?)
            .bind(object_to_text(&self.extra)?))
    }

    fn read(common: Common, columns: &mut Columns<'_>) -> Result<Self> {
        let read = Self {
            name: columns.text()?,
            description: columns.opt_text()?,
            public: columns.flag()?,
            owner: columns.opt_text()?,
            disable_ramdisk: columns.flag()?,
            steps: columns.json()?,
            traits: columns.json()?,
            extra: columns.object()?,
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

    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }
}

impl Database {
    /// The runbook with this UUID or name.
    pub async fn runbook_get(&self, ident: &Ident) -> Result<Option<Runbook>> {
        let column = match ident {
            Ident::Uuid(_) => "uuid",
            Ident::Name(_) => "name",
        };
        self.standalone_get(column, ident.as_str()).await
    }

    /// A page of the runbooks.
    pub async fn runbook_list(&self, page: &Page) -> Result<Vec<Runbook>> {
        self.standalone_list(page).await
    }

    /// Stores a new runbook. Its number is the database's, `created_at` is now. A UUID or name that another one
    /// has is a conflict.
    pub async fn runbook_create(&self, new: &Runbook) -> Result<Runbook> {
        self.standalone_create(new).await
    }

    /// Makes of the runbook what `change` makes of it; `updated_at` becomes now. Nobody else changes it meanwhile.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if another one has the name; those of `change`.
    pub async fn runbook_change(
        &self,
        uuid: &str,
        change: impl FnOnce(&Runbook) -> Result<Runbook> + Send,
    ) -> Result<Runbook> {
        self.standalone_change(uuid, change).await
    }

    /// Deletes a runbook; what is under way has its steps already.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn runbook_delete(&self, uuid: &str) -> Result<()> {
        self.standalone_delete::<Runbook>(uuid).await
    }
}
