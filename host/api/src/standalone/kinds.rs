//! What differs between deploy templates, runbooks and inspection rules.

use ironbark_db::{Database, Page};
use ironbark_model::ident::Ident;
use ironbark_model::{DeployTemplate, Error, InspectionRule, Result, Runbook};

use super::Standalone;
use crate::gates::standalone as gate;
use crate::query::{Query, parse_flag};
use crate::resource::Resource;
use crate::versions::Version;
use crate::view::inspection_rule;
use crate::view::standalone::{DEPLOY_TEMPLATES, RUNBOOKS};

impl Standalone for DeployTemplate {
    const WHAT: &'static str = "Deploy template";
    const PARAM: &'static str = "template";
    const NAMED: bool = true;

    fn resource() -> &'static Resource<Self> {
        DEPLOY_TEMPLATES
    }

    fn uuid(&mut self) -> &mut String {
        &mut self.uuid
    }

    fn settle(self, _: Option<&Self>, _: &dyn Fn(&str) -> bool, _: Version) -> Result<Self> {
        Ok(self)
    }

    async fn get(db: &Database, ident: &Ident) -> Result<Option<Self>> {
        db.deploy_template_get(ident).await
    }

    async fn list(db: &Database, _: &Query, page: &Page) -> Result<Vec<Self>> {
        db.deploy_template_list(page).await
    }

    async fn create(db: &Database, new: &Self) -> Result<Self> {
        db.deploy_template_create(new).await
    }

    async fn change(
        db: &Database,
        uuid: &str,
        change: impl FnOnce(&Self) -> Result<Self> + Send,
    ) -> Result<Self> {
        db.deploy_template_change(uuid, change).await
    }

    async fn delete(db: &Database, uuid: &str) -> Result<()> {
        db.deploy_template_delete(uuid).await
    }
}

impl Standalone for Runbook {
    const WHAT: &'static str = "Runbook";
    const PARAM: &'static str = "runbook";
    const NAMED: bool = true;

    fn resource() -> &'static Resource<Self> {
        RUNBOOKS
    }

    fn uuid(&mut self) -> &mut String {
        &mut self.uuid
    }

    /// A public one has no owner: who makes it public gives it up. For clients that don't know of traits, the name is one.
    fn settle(
        mut self,
        before: Option<&Self>,
        touched: &dyn Fn(&str) -> bool,
        version: Version,
    ) -> Result<Self> {
        if before.is_some() && touched("public") && !touched("owner") {
            self.owner = None;
        }
        if self.public && self.owner.is_some() {
            return Err(Error::invalid(
                "A public runbook has no owner: set public to false, or leave out the owner.",
            ));
        }
        let old_name = before.map(|before| &before.name);
        if !version.has(gate::RUNBOOK_TRAITS_SINCE) && old_name != Some(&self.name) {
            self.traits.retain(|name| Some(name) != old_name);
            if !self.traits.contains(&self.name) {
                self.traits.push(self.name.clone());
            }
        }
        Ok(self)
    }

    async fn get(db: &Database, ident: &Ident) -> Result<Option<Self>> {
        db.runbook_get(ident).await
    }

    async fn list(db: &Database, query: &Query, page: &Page) -> Result<Vec<Self>> {
        // Whether only those of the caller's project are wanted. Nobody who calls us has one.
        if let Some(written) = query.get("project")
            && parse_flag(written).is_none()
        {
            return Err(Error::invalid(format!(
                "project is true or false, and not {written:?}."
            )));
        }
        db.runbook_list(page).await
    }

    async fn create(db: &Database, new: &Self) -> Result<Self> {
        db.runbook_create(new).await
    }

    async fn change(
        db: &Database,
        uuid: &str,
        change: impl FnOnce(&Self) -> Result<Self> + Send,
    ) -> Result<Self> {
        db.runbook_change(uuid, change).await
    }

    async fn delete(db: &Database, uuid: &str) -> Result<()> {
        db.runbook_delete(uuid).await
    }
}

impl Standalone for InspectionRule {
    const WHAT: &'static str = "Inspection rule";
    const PARAM: &'static str = "rule";
    const NAMED: bool = false;

    fn resource() -> &'static Resource<Self> {
        inspection_rule::RESOURCE
    }

    fn uuid(&mut self) -> &mut String {
        &mut self.uuid
    }

    /// What is hidden can't be brought to light again by a change.
    fn settle(self, before: Option<&Self>, _: &dyn Fn(&str) -> bool, _: Version) -> Result<Self> {
        if before.is_some_and(|before| before.sensitive) && !self.sensitive {
            return Err(Error::invalid(
                "A sensitive rule stays sensitive: delete it and create another one.",
            ));
        }
        self.check()?;
        Ok(self)
    }

    async fn get(db: &Database, ident: &Ident) -> Result<Option<Self>> {
        db.inspection_rule_get(ident.as_str()).await
    }

    async fn list(db: &Database, _: &Query, page: &Page) -> Result<Vec<Self>> {
        db.inspection_rule_list(page).await
    }

    async fn create(db: &Database, new: &Self) -> Result<Self> {
        db.inspection_rule_create(new).await
    }

    async fn change(
        db: &Database,
        uuid: &str,
        change: impl FnOnce(&Self) -> Result<Self> + Send,
    ) -> Result<Self> {
        db.inspection_rule_change(uuid, change).await
    }

    async fn delete(db: &Database, uuid: &str) -> Result<()> {
        db.inspection_rule_delete(uuid).await
    }
}
