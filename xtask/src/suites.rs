//! Test programs: built by cargo, run here, several at a time where they don't measure time. Most of them wait more than they
//! work, and cargo runs one after the other.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::summary::Summary;

/// Runs alone: it has tests that hold latencies against bounds.
const ALONE: &str = "e2e";

/// These begin first, for they take longest.
const LONG: &[&str] = &["vendor", "conformance", "queries"];

/// How many of the others run at a time.
const AT_ONCE: usize = 3;

/// Tests of one program that run at a time, unless `RUST_TEST_THREADS` says otherwise: they wait for conditions most of the time.
const THREADS: &str = "4";

/// A test program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    name: String,
    program: PathBuf,
    /// The crate's folder, in which cargo would run it.
    folder: PathBuf,
}

/// Builds all test programs: `build` is a cargo command that says what it made as JSON.
pub(crate) fn build(mut build: Command) -> Result<Vec<Suite>> {
    let mut child = build
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo can't be started")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut suites = Vec::new();
    for line in BufReader::new(output).lines() {
        suites.extend(suite(&line?));
    }
    if !child.wait()?.success() {
        bail!("the tests could not be built");
    }
    suites.sort_by_key(|suite| {
        let place = LONG.iter().position(|name| *name == suite.name);
        (place.unwrap_or(LONG.len()), suite.program.clone())
    });
    Ok(suites)
}

/// Runs them all and counts; each is shown when it ends, the one that runs alone at once. `prepare` gives a program what it
/// needs.
pub(crate) fn run(suites: Vec<Suite>, prepare: &(dyn Fn(&mut Command) + Sync)) -> Result<Summary> {
    let (alone, others): (Vec<Suite>, Vec<Suite>) =
        suites.into_iter().partition(|suite| suite.name == ALONE);
    let mut summary = Summary::default();
    let queue = Mutex::new(others.iter());
    let (ended, ends) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            let (queue, ended) = (&queue, ended.clone());
            scope.spawn(move || {
                let next = || queue.lock().ok().and_then(|mut queue| queue.next());
                while let Some(suite) = next() {
                    let start = Instant::now();
                    let output = suite.command(prepare).output();
                    // Nobody listens any more if a program could not be started.
                    if ended.send((suite, output, start.elapsed())).is_err() {
                        return;
                    }
                }
            });
        }
        drop(ended);
        for (suite, output, took) in ends {
            let output = output.with_context(|| format!("{} can't be started", suite.name))?;
            println!("── {} ({:.1} s)", suite.name, took.as_secs_f64());
            let text = String::from_utf8_lossy(&output.stdout);
            print!("{text}");
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            count(&mut summary, suite, text.lines(), output.status.success());
        }
        Ok::<(), anyhow::Error>(())
    })?;
    for suite in &alone {
        println!("── {}", suite.name);
        let mut child = suite
            .command(prepare)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} can't be started", suite.name))?;
        let output = child.stdout.take().context("a test has no output")?;
        let mut lines = Vec::new();
        for line in BufReader::new(output).lines() {
            let line = line?;
            println!("{line}");
            lines.push(line);
        }
        let success = child.wait()?.success();
        count(
            &mut summary,
            suite,
            lines.iter().map(String::as_str),
            success,
        );
    }
    Ok(summary)
}

fn count<'l>(
    summary: &mut Summary,
    suite: &Suite,
    lines: impl Iterator<Item = &'l str>,
    success: bool,
) {
    let before = summary.failed;
    lines.for_each(|line| summary.read(line));
    // One that is killed or aborts says nothing at the end.
    if !success && summary.failed == before {
        let said = format!("{} ended without a result", suite.name);
        println!("{said}");
        summary.said.push(vec![said]);
        summary.failed += 1;
    }
}

impl Suite {
    fn command(&self, prepare: &(dyn Fn(&mut Command) + Sync)) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", &self.folder)
            .stdin(Stdio::null());
        if std::env::var_os("RUST_TEST_THREADS").is_none() {
            command.env("RUST_TEST_THREADS", THREADS);
        }
        prepare(&mut command);
        command
    }
}

/// The test program that a line of cargo's output tells of.
fn suite(line: &str) -> Option<Suite> {
    let told: Value = serde_json::from_str(line).ok()?;
    let text = |pointer: &str| told.pointer(pointer).and_then(Value::as_str);
    if told.pointer("/profile/test") != Some(&Value::Bool(true)) {
        return None;
    }
    let mut folder = PathBuf::from(text("/manifest_path")?);
    folder.pop();
    Some(Suite {
        name: text("/target/name")?.to_owned(),
        program: PathBuf::from(text("/executable")?),
        folder,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_test_programs_are_suites() {
        let told = |test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/r/host/api/Cargo.toml","target":{{"name":"api"}},"profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        assert_eq!(
            suite(&told(true, r#""/t/api-1""#)),
            Some(Suite {
                name: "api".to_owned(),
                program: PathBuf::from("/t/api-1"),
                folder: PathBuf::from("/r/host/api"),
            })
        );
        assert_eq!(suite(&told(false, r#""/t/api""#)), None);
        assert_eq!(suite(&told(true, "null")), None);
        assert_eq!(suite("no JSON"), None);
    }

    #[test]
    fn what_ends_without_a_result_has_failed() {
        let one = Suite {
            name: "a".to_owned(),
            program: PathBuf::new(),
            folder: PathBuf::new(),
        };
        let mut summary = Summary::default();
        let failed = ["test result: FAILED. 3 passed; 1 failed; 0 ignored"];
        count(&mut summary, &one, failed.into_iter(), false);
        count(&mut summary, &one, ["running 3 tests"].into_iter(), false);
        assert_eq!((summary.passed, summary.failed), (3, 2));
    }
}
