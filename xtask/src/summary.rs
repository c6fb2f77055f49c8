//! Adding up what the test runner says, and keeping what failing tests said: thousands of lines follow it.

/// Lines kept of what a failing test said: its message comes first, then the log of what it started.
const KEPT: usize = 60;

/// Tests counted over all test programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
    /// What failing tests said, each beginning with a line that names it.
    pub(crate) said: Vec<Vec<String>>,
    /// Whether the lines being read are what a failing test said.
    saying: bool,
}

impl Summary {
    /// Reads one line of output; lines that aren't a result change nothing.
    pub(crate) fn read(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            self.keep(line);
            return;
        };
        self.saying = false;
        for part in result.split([';', '.']) {
            let mut words = part.split_whitespace();
            if let (Some(Ok(count)), Some(what)) =
                (words.next().map(str::parse::<u64>), words.next())
            {
                match what {
                    "passed" => self.passed += count,
                    "failed" => self.failed += count,
                    _ => {}
                }
            }
        }
    }
}

impl Summary {
    fn keep(&mut self, line: &str) {
        if line.starts_with("---- ") && line.ends_with(" stdout ----") {
            self.saying = true;
            self.said.push(Vec::new());
        } else if line == "failures:" {
            // The list of names that comes last, or the heading of what was said.
            self.saying = false;
        }
        if let (true, Some(last)) = (self.saying, self.said.last_mut())
            && last.len() < KEPT
        {
            last.push(line.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up() {
        let mut summary = Summary::default();
        summary.read("running 3 tests");
        summary.read("test result: ok. 17 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.07s");
        summary.read("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.07s");
        assert_eq!((summary.passed, summary.failed), (18, 2));
        assert!(summary.said.is_empty());
    }

    #[test]
    fn keeps_the_beginning_of_what_failing_tests_said() {
        let mut summary = Summary::default();
        for line in ["test a ... FAILED", "", "failures:", ""] {
            summary.read(line);
        }
        for name in ["a", "b"] {
            summary.read(&format!("---- {name} stdout ----"));
            (0..100).for_each(|line| summary.read(&format!("{name} {line}")));
        }
        for line in ["", "failures:", "    a", "    b", ""] {
            summary.read(line);
        }
        summary.read("test result: FAILED. 1 passed; 2 failed; 0 ignored");
        summary.read("test c ... ok");
        let said: Vec<(usize, &str, &str)> = summary
            .said
            .iter()
            .map(|lines| (lines.len(), &*lines[0], &*lines[KEPT - 1]))
            .collect();
        assert_eq!(
            said,
            [
                (60, "---- a stdout ----", "a 58"),
                (60, "---- b stdout ----", "b 58"),
            ]
        );
    }
}
