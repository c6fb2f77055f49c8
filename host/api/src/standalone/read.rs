//! `GET` of a list, and of one.

use super::{Standalone, of_path};
use crate::context::Context;
use crate::error::ApiResult;
use crate::reply;
use crate::resource::{self, carried};

/// `GET /v1/…`.
pub(crate) async fn list<T: Standalone>(context: Context) -> ApiResult {
    let asked = T::resource().asked(&context, T::resource().filters)?;
    let items = T::list(context.state.db(), &context.query, &asked.paging.page).await?;
    let carried = carried(&context, T::resource().filters);
    T::resource().page(&context, &asked, &items, &carried)
}

/// `GET /v1/…/{…}`, with `fields=`.
pub(crate) async fn show<T: Standalone>(context: Context) -> ApiResult {
    let selection = T::resource().one(&context)?;
    let found: T = of_path(&context).await?;
    reply::shown(&selection.view(&found, &resource::scene(&context)))
}
