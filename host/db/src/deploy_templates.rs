//! Deploy templates.

use ironbark_model::ident::Ident;
use ironbark_model::{DeployTemplate, Result};

use crate::page::{Conditions, Listing};
use crate::sql::{Columns, Statement, object_to_text, to_json};
use crate::standalone::{Common, Standalone};
use crate::{Database, Page};

/// What `sort_key` of a list of deploy templates may be.
pub const DEPLOY_TEMPLATE_SORT_KEYS: &[&str] = &["id", "uuid", "name", "created_at", "updated_at"];

impl Standalone for DeployTemplate {
    const LISTING: Listing = Listing {
        from: "deploy_templates",
        id: "id",
        marker: "uuid",
        what: "Deploy template",
        sort_keys: DEPLOY_TEMPLATE_SORT_KEYS,
        always_set: &["uuid", "name", "created_at"],
        prefix: "",
    };
    const ONE: &'static str = "A deploy template";
    const COLUMNS: &'static [&'static str] = &["name", "steps", "extra"];

    fn bind(&self, statement: Statement) -> Result<Statement> {
        Ok(statement
            .bind(self.name.as_str())
            .bind(to_json(&self.steps)?)
            .bind(object_to_text(&self.extra)?))
    }

    fn read(common: Common, columns: &mut Columns<'_>) -> Result<Self> {
        let read = Self {
            name: columns.text()?,
            steps: columns.json()?,
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
    /// The deploy template with this UUID or name.
    pub async fn deploy_template_get(&self, ident: &Ident) -> Result<Option<DeployTemplate>> {
        let column = match ident {
            Ident::Uuid(_) => "uuid",
            Ident::Name(_) => "name",
        };
        self.standalone_get(column, ident.as_str()).await
    }

    /// A page of all deploy templates.
    pub async fn deploy_template_list(&self, page: &Page) -> Result<Vec<DeployTemplate>> {
        self.standalone_list(page).await
    }

    /// The deploy templates that have one of these names, by name.
    pub async fn deploy_templates_named(&self, names: &[String]) -> Result<Vec<DeployTemplate>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = Conditions::default();
        all.one_of("name", names.iter().map(String::as_str));
        let limit = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let page = Page::first(limit).sorted_by("name", crate::SortDir::Ascending);
        self.standalone_matching(&all, &page).await
    }

    /// Stores a new deploy template. Its number is the database's, `created_at` is now. A UUID or name that another one
    /// has is a conflict.
    pub async fn deploy_template_create(&self, new: &DeployTemplate) -> Result<DeployTemplate> {
        self.standalone_create(new).await
    }

    /// Makes of the deploy template what `change` makes of it; `updated_at` becomes now. Nobody else changes it meanwhile.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` if another one has the name; those of `change`.
    pub async fn deploy_template_change(
        &self,
        uuid: &str,
        change: impl FnOnce(&DeployTemplate) -> Result<DeployTemplate> + Send,
    ) -> Result<DeployTemplate> {
        self.standalone_change(uuid, change).await
    }

    /// Deletes a deploy template; deployments under way have its steps already.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn deploy_template_delete(&self, uuid: &str) -> Result<()> {
        self.standalone_delete::<DeployTemplate>(uuid).await
    }
}
