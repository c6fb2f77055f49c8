//! Whose packages may be installed and activated here.

use std::sync::Arc;

use ironbark_db::PackagesTx;
use ironbark_drivers::{SignatureError, verify_signature};
use ironbark_model::lifecycle::{PackageVersion, Publisher};
use ironbark_model::package::PackageSource;
use ironbark_model::{Error, Result, Timestamp};

use crate::config::SignaturePolicy;
use crate::context::Context;

/// The trusted publisher that signed a package that is about to be installed.
///
/// What ships with Ironbark is trusted as Ironbark is. Otherwise a signature that doesn't count is refused, or, if the
/// policy is to warn, reported.
pub(super) async fn publisher_of(
    ctx: &Context,
    bytes: &Arc<[u8]>,
    signature: Option<&str>,
    package: &str,
    source: PackageSource,
) -> Result<Option<Publisher>> {
    if source == PackageSource::Bundled {
        return Ok(None);
    }
    let publishers = ctx.db.publishers().await?;
    match check(bytes, signature, package, publishers).await? {
        Ok(publisher) => Ok(Some(publisher)),
        Err(error) if ctx.config.signatures == SignaturePolicy::Require => Err(error.into()),
        Err(error) => {
            tracing::warn!(package, reason = %error, "a driver package without a trusted signature is accepted, because [drivers] signatures is \"warn\"");
            Ok(None)
        }
    }
}

/// Refuses to activate what nobody vouches for any more: a version whose publisher was removed, or, if signatures are
/// required, one that was installed without.
pub(super) async fn check_still(ctx: &Context, version: &PackageVersion) -> Result<()> {
    check_among(ctx, version, &ctx.db.publishers().await?)
}

/// The same together with the change for which it is checked: a publisher that is removed at the same moment is seen.
pub(super) async fn check_inside(
    ctx: &Context,
    tx: &mut PackagesTx,
    version: &PackageVersion,
) -> Result<()> {
    check_among(ctx, version, &tx.publishers().await?)
}

fn check_among(ctx: &Context, version: &PackageVersion, publishers: &[Publisher]) -> Result<()> {
    let what = format!("{}@{}", version.package, version.version);
    match &version.publisher {
        Some(publisher) => {
            let named = publishers.iter().find(|one| one.name == *publisher);
            // The name is the operator's, and may mean somebody else by now: it is the key that signed.
            let same_key =
                |one: &Publisher| version.publisher_key.as_ref() == Some(&one.public_key);
            match named {
                Some(named) if !same_key(named) => Err(Error::conflict(format!(
                    "{what} was signed with another key than the one with which publisher '{publisher}' is trusted now. \
                     Get it signed with that key and install it again, or activate a version that is."
                ))),
                Some(named) if named.may_sign(&version.package) => Ok(()),
                _ => Err(Error::conflict(format!(
                    "{what} was signed by publisher '{publisher}', which is not trusted with it any more. Trust that \
                     publisher again, or activate a version of one that is."
                ))),
            }
        }
        None if version.source != PackageSource::Bundled
            && ctx.config.signatures == SignaturePolicy::Require =>
        {
            Err(Error::conflict(format!(
                "{what} was installed without a trusted signature, and [drivers] signatures is \"require\". Install it \
                 again with its .minisig."
            )))
        }
        None => Ok(()),
    }
}

/// Hashing takes a while: not on the threads that serve others.
async fn check(
    bytes: &Arc<[u8]>,
    signature: Option<&str>,
    package: &str,
    publishers: Vec<Publisher>,
) -> Result<Result<Publisher, SignatureError>> {
    let (bytes, package) = (Arc::clone(bytes), package.to_owned());
    let signature = signature.map(str::to_owned);
    tokio::task::spawn_blocking(move || {
        verify_signature(
            &bytes,
            signature.as_deref(),
            &package,
            &publishers,
            Timestamp::now(),
        )
        .cloned()
    })
    .await
    .map_err(|error| Error::internal("The signature couldn't be checked.").caused_by(error))
}
