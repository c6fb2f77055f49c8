//! The row of driver calls: a new instance for each, in a sandbox within this program, so that nothing else is counted.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use ironbark_sandbox::{CallContext, Driver, Engine, EngineConfig, Granted, PackageName};
use tokio::runtime::Handle;

use crate::meter::Meter;
use crate::report::Report;

/// What a call may cost on a machine that does nothing else, in microseconds of CPU time.
const MUST: f64 = 60.0;

/// Makes `calls` calls of the driver `fake`, one after another.
pub(crate) async fn instance_per_call(
    drivers: &Path,
    calls: usize,
    report: &mut Report,
) -> Result<()> {
    let file = drivers.join("fake.wasm");
    let component: Arc<[u8]> = std::fs::read(&file)
        .with_context(|| format!("{} can't be read", file.display()))?
        .into();
    // As in a service: where I/O happens is not where this program waits.
    let io = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let measured = io.spawn(measure(component, calls)).await;
    // Runtimes must not be dropped on an asynchronous task.
    io.shutdown_background();
    report.row(
        "driver call, an instance each",
        Some(MUST),
        measured??,
        "CPU-µs",
    );
    Ok(())
}

async fn measure(component: Arc<[u8]>, calls: usize) -> Result<f64> {
    let engine = Engine::new(EngineConfig::default(), Handle::current())?;
    let name = PackageName {
        name: "fake".into(),
        version: "0.0.0".into(),
    };
    let granted = Granted {
        state: true,
        ..Granted::default()
    };
    let driver = engine.load(name, granted, component).await?;
    let meter = Meter::new(std::process::id())?;
    one_by_one(&driver, calls / 10).await?;
    let before = meter.cpu()?;
    one_by_one(&driver, calls).await?;
    let used = meter.cpu()?.saturating_sub(before);
    Ok(used.as_secs_f64() * 1e6 / calls.max(1) as f64)
}

async fn one_by_one(driver: &Driver, calls: usize) -> Result<()> {
    let node: Arc<str> = r#"{"uuid":"u","driver_info":{},"ports":[]}"#.into();
    let request_id: Arc<str> = "req-measure".into();
    for _ in 0..calls {
        let mut context = CallContext::without_node(Arc::clone(&request_id));
        context.node = Some(Arc::clone(&node));
        // What the driver answers is no matter here (it finds no notes): only that it was run.
        if let Err(error) = driver.get_power_state("fake", context).await
            && error.fault().is_some()
        {
            return Err(error.into());
        }
    }
    Ok(())
}
