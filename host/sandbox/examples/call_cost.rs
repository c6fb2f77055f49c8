//! Measures what calls of a component cost: `cargo run --release -p ironbark-sandbox --example call_cost -- driver.wasm [calls]`.
//!
//! The component must export `power`. Prints CPU time of the whole process per call, which is what counts on a busy
//! conductor, and wall-clock time per call, one after another and many at a time.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ironbark_sandbox::{CallContext, Driver, Engine, EngineConfig, Granted, PackageName};

const AT_A_TIME: u32 = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("which component?")?;
    let calls: u32 = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let component: Arc<[u8]> = std::fs::read(&file)?.into();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let engine = Engine::new(EngineConfig::default(), runtime.handle().clone())?;
        let name = PackageName {
            name: "measured".into(),
            version: "0.0.0".into(),
        };
        let began = Instant::now();
        let granted = Granted {
            state: true,
            ..Granted::default()
        };
        let driver = engine.load(name, granted, component).await?;
        println!("loaded in {:.1} ms", milliseconds(began.elapsed()));
        one_by_one(&driver, calls / 10).await?;
        let (began, cpu) = (Instant::now(), cpu_time()?);
        one_by_one(&driver, calls).await?;
        report(
            "one by one",
            calls,
            began.elapsed(),
            cpu_time()?.saturating_sub(cpu),
        );
        let (began, cpu) = (Instant::now(), cpu_time()?);
        let tasks: Vec<_> = (0..AT_A_TIME)
            .map(|_| {
                let driver = driver.clone();
                tokio::spawn(async move { one_by_one(&driver, calls / AT_A_TIME).await.is_ok() })
            })
            .collect();
        for task in tasks {
            if !task.await? {
                return Err("a call failed".into());
            }
        }
        report(
            "100 at a time",
            calls,
            began.elapsed(),
            cpu_time()?.saturating_sub(cpu),
        );
        Ok(())
    })
}

async fn one_by_one(driver: &Driver, calls: u32) -> Result<(), Box<dyn Error>> {
    let node: Arc<str> = r#"{"uuid":"u","driver_info":{},"ports":[]}"#.into();
    let request_id: Arc<str> = "req-measure".into();
    for _ in 0..calls {
        let mut context = CallContext::without_node(Arc::clone(&request_id));
        context.node = Some(Arc::clone(&node));
        // What the driver answers is no matter here: only that it was run.
        if let Err(error) = driver.get_power_state("fake", context).await
            && error.fault().is_some()
        {
            return Err(error.into());
        }
    }
    Ok(())
}

fn report(what: &str, calls: u32, wall: Duration, cpu: Duration) {
    let each = |duration: Duration| duration.as_secs_f64() * 1e6 / f64::from(calls);
    println!(
        "{what}: {:.1} µs wall, {:.1} µs CPU a call",
        each(wall),
        each(cpu)
    );
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// User and system time of this process, from `/proc/self/schedstat` of its threads.
fn cpu_time() -> Result<Duration, Box<dyn Error>> {
    let mut total = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        total += text
            .split(' ')
            .next()
            .ok_or("no schedstat")?
            .parse::<u64>()?;
    }
    Ok(Duration::from_nanos(total))
}
