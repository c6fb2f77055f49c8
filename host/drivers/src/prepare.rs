//! From bytes to a package that could be activated. Nothing active changes here.

use std::collections::BTreeSet;
use std::sync::Arc;

use ironbark_model::package::MAX_PACKAGE_BYTES;
use ironbark_package::{CodeSize, Contents, Metadata};
use ironbark_sandbox::{Engine, PackageName};
use tokio::sync::Notify;

use crate::config::DriversConfig;
use crate::error::PackageError;
use crate::grants::{Grants, sandbox_grants};
use crate::package::{Package, PreparedPackage, digest_of};
use crate::periodic::check_schedules;
use crate::properties::PropertyRules;

/// Most code that is compiled, all functions together and one alone, in bytes: compiling a package holds up the changes of
/// others. A driver with a whole Python in it has some 6 MiB.
pub(crate) const MAX_CODE: usize = 16 * 1024 * 1024;
pub(crate) const MAX_FUNCTION: usize = 1024 * 1024;

pub(crate) async fn prepare(
    engine: &Engine,
    config: &DriversConfig,
    bytes: Arc<[u8]>,
    grants: &Grants,
    alarm: Arc<Notify>,
) -> Result<PreparedPackage, PackageError> {
    let checked = {
        let (bytes, grants) = (Arc::clone(&bytes), grants.clone());
        // Up to 64 MiB are looked at and hashed: not on the runtime's own threads.
        tokio::task::spawn_blocking(move || Checked::read(&bytes, &grants))
            .await
            .map_err(|_| PackageError::Interrupted)??
    };
    let name = PackageName {
        name: checked.metadata.name.as_str().into(),
        version: checked.metadata.version.as_str().into(),
    };
    let driver = engine
        .load(
            name,
            sandbox_grants(&checked.granted, &checked.metadata),
            Arc::clone(&bytes),
        )
        .await?;
    let package = Package::new(
        checked,
        bytes.len(),
        driver,
        config.quarantine.clone(),
        alarm,
    );
    Ok(PreparedPackage(Arc::new(package)))
}

/// What is known of a package without compiling it.
pub(crate) struct Checked {
    pub(crate) metadata: Metadata,
    pub(crate) digest: String,
    pub(crate) granted: BTreeSet<String>,
    pub(crate) rules: PropertyRules,
}

impl Checked {
    fn read(bytes: &[u8], grants: &Grants) -> Result<Self, PackageError> {
        if bytes.len() > MAX_PACKAGE_BYTES {
            return Err(PackageError::TooLarge { size: bytes.len() });
        }
        let contents = Contents::read(bytes)?;
        let metadata = Metadata::parse(&contents.metadata)?;
        metadata.check_agreement(&contents)?;
        check_code(CodeSize::of(bytes)?)?;
        check_schedules(&metadata)?;
        let rules = PropertyRules::new(&metadata)?;
        let granted = grants.resolve(&metadata)?;
        Ok(Self {
            metadata,
            digest: digest_of(bytes),
            granted,
            rules,
        })
    }
}

/// Compiling takes time in proportion to the code, and more than that for a single large function.
fn check_code(size: CodeSize) -> Result<(), PackageError> {
    if size.total > MAX_CODE || size.largest_function > MAX_FUNCTION {
        return Err(PackageError::TooMuchCode {
            total: size.total,
            largest_function: size.largest_function,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_bounded_in_total_and_in_each_function() {
        let size = |total, largest_function| CodeSize {
            total,
            largest_function,
        };
        assert!(check_code(size(MAX_CODE, MAX_FUNCTION)).is_ok());
        for large in [
            size(MAX_CODE + 1, 1),
            size(MAX_FUNCTION + 1, MAX_FUNCTION + 1),
        ] {
            assert!(matches!(
                check_code(large),
                Err(PackageError::TooMuchCode { .. })
            ));
        }
    }
}
