//! `ironbark driver test`

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ironbark_model::JsonObject;
use ironbark_testkit::{Check, Kit, Options, Report};
use serde_json::json;

use crate::cli::Output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ironbark driver test acme.wasm\n  ironbark driver test acme.wasm --driver-info '{\"acme_slot\": 3}' --output json\n\nIt runs the driver in the sandbox, on machines with simulated BMCs that fail in many ways, and needs no hardware.\nThe exit code is 0 if nothing failed."
)]
pub(crate) struct Args {
    /// The package.
    file: PathBuf,
    /// The driver's own keys of a node's driver_info, as a JSON object. Connection keys (ipmi_*, redfish_*) are there anyway.
    #[arg(long, value_name = "JSON", value_parser = object)]
    driver_info: Option<JsonObject>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Checks what every driver must keep.
pub(crate) fn run(args: &Args) -> Result<()> {
    let bytes = std::fs::read(&args.file)
        .with_context(|| format!("{} can't be read", args.file.display()))?;
    let options = Options {
        driver_info: args.driver_info.clone().unwrap_or_default(),
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let report = runtime.block_on(async {
        let kit = Kit::load(bytes.into(), options)
            .await
            .with_context(|| format!("{} can't be tested", args.file.display()))?;
        let print = args.output == Output::Text;
        let mut each = |check: &Check| {
            if print {
                println!("{check}");
            }
        };
        let report = ironbark_testkit::conformance(&kit, &mut each).await;
        if !print {
            println!("{}", answer(&kit, &report));
        }
        anyhow::Ok(report)
    })?;
    let (passed, failed, left_out) = (report.passed(), report.failed(), report.left_out());
    if args.output == Output::Text {
        println!("{passed} passed, {failed} failed, {left_out} left out");
    }
    if !report.is_good() {
        bail!(
            "{} does not keep what every driver must",
            args.file.display()
        );
    }
    Ok(())
}

fn answer(kit: &Kit, report: &Report) -> serde_json::Value {
    json!({
        "name": kit.metadata().name, "version": kit.metadata().version, "ok": report.is_good(),
        "passed": report.passed(), "failed": report.failed(), "left_out": report.left_out(),
        "checks": report.checks,
    })
}

fn object(text: &str) -> Result<JsonObject, String> {
    serde_json::from_str(text).map_err(|error| format!("this is no JSON object: {error}"))
}
