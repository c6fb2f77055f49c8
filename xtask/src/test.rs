//! `cargo xtask test`: every test there is.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::command::{answers, cargo, program, step};
use crate::prerequisites::{self, Prerequisites};
use crate::summary::Summary;
use crate::{drivers, example, lint, suites, tools};

/// Seconds that each fuzz target runs.
const FUZZ_SECONDS: &str = "10";
const CARGO_FUZZ: &str = "0.13.2";

/// What `cargo xtask test` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask test\n  cargo xtask test --quick power_sync")]
pub(crate) struct Args {
    /// Only the tests: no formatting, lints, documentation, dependency rules or fuzzing.
    #[arg(long)]
    quick: bool,
    /// Only tests whose name contains this.
    filter: Option<String>,
}

/// Installs what is needed, checks, builds, fuzzes, tests.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !args.quick {
        lint::formatting()?;
    }
    let mut found = built_and_found()?;
    if found.present.contains(&"jco") {
        example::build()?;
    }
    if !args.quick {
        lint::run()?;
        if !fuzz()? {
            let advice = "fuzzing: rustup toolchain install nightly --profile minimal";
            found.left_out.push(advice.to_owned());
        }
    }
    let summary = tests(args, &found)?;
    found.say_left_out();
    // Far above by now: other programs ran after it.
    for line in summary.said.iter().flatten() {
        println!("{line}");
    }
    println!("{} passed, {} failed", summary.passed, summary.failed);
    if summary.failed > 0 {
        bail!("{} tests failed", summary.failed);
    }
    if summary.passed == 0 {
        bail!("no test ran");
    }
    Ok(())
}

/// Builds host and drivers while what tests need is looked for: the one computes, the other downloads.
fn built_and_found() -> Result<Prerequisites> {
    std::thread::scope(|scope| {
        let found = scope.spawn(prerequisites::ensure);
        drivers::build_all()?;
        match found.join() {
            Ok(found) => found,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn tests(args: &Args, found: &Prerequisites) -> Result<Summary> {
    eprintln!("── Building the tests");
    let suites = suites::build(cargo([
        "test",
        "--workspace",
        "--no-run",
        "--message-format=json-render-diagnostics",
    ]))?;
    eprintln!("── Tests");
    let prepare = |test: &mut Command| {
        if let Some(filter) = &args.filter {
            test.arg(filter);
        }
        environment(test, found);
    };
    let mut summary = suites::run(suites, &prepare)?;
    if args.filter.is_none() {
        let mut examples = cargo(["test", "--workspace", "--doc", "--no-fail-fast"]);
        environment(&mut examples, found);
        let (shown, success) = watch(examples)?;
        summary.passed += shown.passed;
        summary.failed += shown.failed.max(u64::from(!success));
        summary.said.extend(shown.said);
    }
    Ok(summary)
}

/// Tells a test where everything is.
fn environment(test: &mut Command, found: &Prerequisites) {
    let target = crate::command::target();
    test.env("IRONBARK_TEST_REQUIRE", found.present.join(","))
        .env("IRONBARK_TEST_DRIVERS", target.join("drivers"))
        .env("IRONBARK_TEST_FIXTURES", target.join("fixtures"))
        .env("IRONBARK_TEST_BINARY", drivers::host_binary());
    let environments = [
        ("IRONBARK_TEST_CLIENTS", &found.clients),
        ("IRONBARK_TEST_SUSHY", &found.sushy),
        ("IRONBARK_TEST_SCHEMATHESIS", &found.schemathesis),
        ("IRONBARK_TEST_AGENT", &found.agent),
    ];
    for (name, folder) in environments {
        if let Some(folder) = folder {
            test.env(name, folder.join("bin"));
        }
    }
}

/// Runs the test runner, shows all it prints, and counts.
fn watch(mut test: Command) -> Result<(Summary, bool)> {
    let mut child = test
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo can't be started")?;
    let output = child
        .stdout
        .take()
        .context("the test runner has no output")?;
    let mut summary = Summary::default();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        summary.read(&line);
    }
    Ok((summary, child.wait()?.success()))
}

/// Short runs of every fuzz target, where a nightly compiler is at hand; whether it is.
fn fuzz() -> Result<bool> {
    if !answers("cargo", &["+nightly", "--version"]) {
        return Ok(false);
    }
    let fuzz = tools::ensure("cargo-fuzz", CARGO_FUZZ)?;
    let listed = nightly(&fuzz).arg("list").output()?;
    for name in String::from_utf8_lossy(&listed.stdout).lines() {
        let mut run = nightly(&fuzz);
        run.args([
            "run",
            // All of it is safe code: there is nothing for a sanitizer to find.
            "--sanitizer",
            "none",
            name,
            "--",
            &format!("-max_total_time={FUZZ_SECONDS}"),
        ]);
        step(&format!("Fuzzing {name}"), run)?;
    }
    Ok(true)
}

/// A cargo-fuzz command with the nightly compiler.
fn nightly(fuzz: &Path) -> Command {
    let mut command = program(fuzz);
    // What cargo told us of its own toolchain must not reach the other one.
    command
        .arg("fuzz")
        .env_remove("CARGO")
        .env("RUSTUP_TOOLCHAIN", "nightly");
    command
}
