//! What answers commands, so that whatever talks to a BMC can be tested without one.

use ironbark_driver::{
    Result,
    ipmi::{Response, Session, completion_error},
};

/// Something that answers IPMI commands to LUN 0.
pub(crate) trait Bmc {
    /// The answer's data.
    ///
    /// # Errors
    /// No answer, or what the completion code means.
    fn request(&self, netfn: u8, command: u8, data: &[u8]) -> Result<Vec<u8>> {
        let response = self.raw(netfn, 0, command, data)?;
        match response.completion_code {
            0 => Ok(response.data),
            code => Err(completion_error(netfn, command, code)),
        }
    }

    /// The answer as it is.
    ///
    /// # Errors
    /// No answer.
    fn raw(&self, netfn: u8, lun: u8, command: u8, data: &[u8]) -> Result<Response>;
}

impl Bmc for Session {
    fn request(&self, netfn: u8, command: u8, data: &[u8]) -> Result<Vec<u8>> {
        Self::request(self, netfn, command, data)
    }

    fn raw(&self, netfn: u8, lun: u8, command: u8, data: &[u8]) -> Result<Response> {
        Self::raw(self, netfn, lun, command, data)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;

    use super::*;

    type Answers = dyn Fn(u8, u8, &[u8]) -> (u8, Vec<u8>);

    /// A BMC that answers with a function, and remembers what it was asked: network function, command, data.
    pub(crate) struct Scripted {
        pub(crate) asked: RefCell<Vec<Vec<u8>>>,
        answers: Box<Answers>,
    }

    impl Scripted {
        pub(crate) fn new(answers: impl Fn(u8, u8, &[u8]) -> (u8, Vec<u8>) + 'static) -> Self {
            Self {
                asked: RefCell::default(),
                answers: Box::new(answers),
            }
        }
    }

    impl Bmc for Scripted {
        fn raw(&self, netfn: u8, _lun: u8, command: u8, data: &[u8]) -> Result<Response> {
            let mut asked = vec![netfn, command];
            asked.extend(data);
            self.asked.borrow_mut().push(asked);
            let (completion_code, data) = (self.answers)(netfn, command, data);
            Ok(Response {
                completion_code,
                data,
            })
        }
    }
}
