//! `/v1/deploy_templates`, `/v1/runbooks`, `/v1/inspection_rules` (facts §2.9, §2.10, §2.15). They belong to no node, so
//! that no conductor has to be asked: the API writes them.

pub(crate) mod change;
mod kinds;
pub(crate) mod read;
pub(crate) mod runbook_traits;

use ironbark_db::{Database, Page};
use ironbark_model::ident::Ident;
use ironbark_model::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::{Context, ident};
use crate::error::ApiError;
use crate::query::Query;
use crate::resource::{self, Resource};
use crate::versions::Version;

/// One kind of them.
pub(crate) trait Standalone:
    Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// In messages, as a sentence begins with it.
    const WHAT: &'static str;
    /// The element of a path that names one.
    const PARAM: &'static str;
    /// Whether a path may name one by something else than its UUID.
    const NAMED: bool;

    fn resource() -> &'static Resource<Self>;

    fn uuid(&mut self) -> &mut String;

    /// What has to be right about all of it, and follows from the whole; `touched` says what a patch is about.
    fn settle(
        self,
        before: Option<&Self>,
        touched: &dyn Fn(&str) -> bool,
        version: Version,
    ) -> Result<Self>;

    fn get(db: &Database, ident: &Ident) -> impl Future<Output = Result<Option<Self>>> + Send;

    /// A page of those that the query asks for.
    fn list(
        db: &Database,
        query: &Query,
        page: &Page,
    ) -> impl Future<Output = Result<Vec<Self>>> + Send;

    fn create(db: &Database, new: &Self) -> impl Future<Output = Result<Self>> + Send;

    fn change(
        db: &Database,
        uuid: &str,
        change: impl FnOnce(&Self) -> Result<Self> + Send,
    ) -> impl Future<Output = Result<Self>> + Send;

    fn delete(db: &Database, uuid: &str) -> impl Future<Output = Result<()>> + Send;
}

/// The one that the path names; 404 if there is none.
pub(crate) async fn of_path<T: Standalone>(context: &Context) -> std::result::Result<T, ApiError> {
    let written = context.param(T::PARAM);
    if let Some(stripped) = context.without_suffix(T::PARAM)
        && let Ok(found) = find(context, stripped).await
    {
        return Ok(found);
    }
    find(context, written).await
}

/// The one of this UUID or name; 404 if there is none.
pub(crate) async fn find<T: Standalone>(
    context: &Context,
    written: &str,
) -> std::result::Result<T, ApiError> {
    let ident = if T::NAMED {
        ident(written)?
    } else {
        Ident::Uuid(resource::uuid(written)?)
    };
    let found = T::get(context.state.db(), &ident).await?;
    Ok(found
        .ok_or_else(|| Error::not_found(format!("{} {written} could not be found.", T::WHAT)))?)
}
