//! What runs commands, so that whatever needs a hypervisor can be tested without one.

use ironbark_driver::{Result, ssh};

/// Something that runs the operator's commands for this node's machine.
pub(crate) trait Hypervisor {
    /// What the command wrote.
    ///
    /// # Errors
    /// It could not be run, or didn't succeed.
    fn run(&self, template: &str) -> Result<String>;
}

/// The node's own.
pub(crate) struct Own;

impl Hypervisor for Own {
    fn run(&self, template: &str) -> Result<String> {
        ssh::succeed(template)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;

    use super::*;

    type Answers = dyn Fn(&str) -> Result<String>;

    /// A hypervisor that answers with a function, and remembers what was run.
    pub(crate) struct Scripted {
        pub(crate) run: RefCell<Vec<String>>,
        answers: Box<Answers>,
    }

    impl Scripted {
        pub(crate) fn new(answers: impl Fn(&str) -> Result<String> + 'static) -> Self {
            Self {
                run: RefCell::default(),
                answers: Box::new(answers),
            }
        }
    }

    impl Hypervisor for Scripted {
        fn run(&self, template: &str) -> Result<String> {
            self.run.borrow_mut().push(template.to_owned());
            (self.answers)(template)
        }
    }
}
