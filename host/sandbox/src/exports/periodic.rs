//! `periodic`.

use super::call;
use crate::{CallContext, CallError, Completed, Driver};

impl Driver {
    /// Runs the task of this name once.
    pub async fn run_periodic(
        &self,
        implementation: &str,
        context: CallContext,
        task: String,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, periodic.call_run(&task))
    }
}
