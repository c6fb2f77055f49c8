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

/// Most that is compiled, all functions together and one alone, as bytes of code: compiling a package holds up the changes of
/// others. A driver with a whole Python in it has some 6 MiB.
pub(crate) const MAX_CODE: u64 = 16 * 1024 * 1024;
pub(crate) const MAX_FUNCTION: u64 = 1024 * 1024;
/// Most blocks within blocks, which cost with their depth squared. A `match` has as many as it has arms.
pub(crate) const MAX_BLOCKS: u64 = 5_000;
/// Most parts of a component, all of its instances expanded. One in Python has some thousands; memory goes with this.
pub(crate) const MAX_PARTS: u64 = 100_000;

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

/// Compiling takes time in proportion to the code, and more than that for a single large or deep function.
fn check_code(size: CodeSize) -> Result<(), PackageError> {
    let bounds = [
        (size.total, MAX_CODE, "to compile, as bytes of code"),
        (
            size.largest_function,
            MAX_FUNCTION,
            "to compile in its largest function, as bytes of code",
        ),
        (
            size.deepest_blocks,
            MAX_BLOCKS,
            "blocks within blocks in a function",
        ),
        (size.parts, MAX_PARTS, "parts when it is instantiated"),
    ];
    match bounds.into_iter().find(|(is, most, _)| is > most) {
        Some((is, most, what)) => Err(PackageError::TooMuchCode { is, most, what }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_compiling_costs_by_is_bounded() {
        let most = CodeSize {
            total: MAX_CODE,
            largest_function: MAX_FUNCTION,
            deepest_blocks: MAX_BLOCKS,
            parts: MAX_PARTS,
        };
        assert!(check_code(most).is_ok());
        for change in [
            |size: &mut CodeSize| size.total += 1,
            |size: &mut CodeSize| size.largest_function += 1,
            |size: &mut CodeSize| size.deepest_blocks += 1,
            |size: &mut CodeSize| size.parts += 1,
        ] {
            let mut large = most;
            change(&mut large);
            assert!(matches!(
                check_code(large),
                Err(PackageError::TooMuchCode { .. })
            ));
        }
    }
}
