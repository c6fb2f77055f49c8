//! `ironbark driver check`

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use ironbark_drivers::{
    ActivationPlan, Drivers, DriversConfig, Grants, PackageError, PreparedPackage,
};
use ironbark_sandbox::{Engine, EngineConfig};
use serde_json::json;

use super::package_signature::PackageSignature;
use crate::cli::Output;

/// One is started; the pool that it gets its parts from is sized by the calls, and some components have many parts.
const LIVE_CALLS: u32 = 16;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ironbark driver check acme.wasm\n  ironbark driver check acme.wasm --key vendor.pub\n\nNothing of the driver is called: it is compiled and started once in the sandbox, as installing does.\nWhether a name is taken, only the service knows that it is installed in, and whom it trusts: --key says what it would say of a signature if it trusted that key alone."
)]
pub(crate) struct Args {
    /// The package.
    file: PathBuf,
    /// The publisher's public key (`.pub`): verify the signature with it.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Says what a service would say to the package.
pub(crate) fn run(args: &Args) -> Result<()> {
    let bytes = std::fs::read(&args.file)
        .with_context(|| format!("{} can't be read", args.file.display()))?;
    let signature = PackageSignature::beside(&args.file, &bytes, args.key.as_deref())?;
    let would_be_refused = || format!("{} would be refused", args.file.display());
    let refused = |error: &anyhow::Error| {
        if args.output == Output::Json {
            let answer = json!({
                "file": args.file, "ok": false, "signature": signature.to_json(), "error": error.to_string(),
            });
            println!("{answer}");
        }
    };
    // As a service does: a signature that doesn't count is the end of it.
    if args.key.is_some()
        && let Some(reason) = signature.refusal()
    {
        let error = anyhow!("it isn't signed by that key: {reason}");
        refused(&error);
        return Err(error).with_context(would_be_refused);
    }
    let runtime = tokio::runtime::Runtime::new()?;
    match runtime.block_on(check(bytes.into()))? {
        Ok((prepared, plan)) => {
            accepted(args, &signature, &prepared, &plan);
            Ok(())
        }
        Err(error) => {
            let error = error.into();
            refused(&error);
            Err(error).with_context(would_be_refused)
        }
    }
}

/// What installing does before it activates; the outer error is about this machine, not about the package.
async fn check(
    bytes: Arc<[u8]>,
) -> Result<Result<(PreparedPackage, ActivationPlan), PackageError>> {
    let engine = EngineConfig {
        max_live_calls: LIVE_CALLS,
        ..EngineConfig::default()
    };
    let engine = Engine::new(engine, tokio::runtime::Handle::current())
        .context("the sandbox can't be started")?;
    let drivers = Drivers::new(engine, DriversConfig::default());
    let prepared = match drivers.prepare(bytes, &Grants::AsAsked).await {
        Ok(prepared) => prepared,
        Err(error) => return Ok(Err(error)),
    };
    match drivers.check_activation(&prepared) {
        Ok(plan) => Ok(Ok((prepared, plan))),
        Err(error) => Ok(Err(error)),
    }
}

fn accepted(
    args: &Args,
    signature: &PackageSignature,
    prepared: &PreparedPackage,
    plan: &ActivationPlan,
) {
    let (file, package) = (&args.file, prepared.package());
    if args.output == Output::Json {
        println!(
            "{}",
            json!({
                "file": file, "ok": true, "name": package.name(), "version": package.version(),
                "size": package.size(), "digest": package.digest(), "signature": signature.to_json(), "asks_for": package.granted(),
                "hardware_types": plan.hardware_types_added, "notes": plan.report,
            })
        );
        return;
    }
    println!(
        "{}: {} {} would be accepted",
        file.display(),
        package.name(),
        package.version()
    );
    print!("{signature}");
    let asks = Vec::from_iter(package.granted().iter().map(String::as_str));
    let list = |names: &[&str]| match names {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    };
    println!("  asks for: {}", list(&asks));
    let types = Vec::from_iter(plan.hardware_types_added.iter().map(String::as_str));
    println!(
        "  hardware types, without any other package: {}",
        list(&types)
    );
    for note in &plan.report {
        println!("  note: {note}");
    }
}
