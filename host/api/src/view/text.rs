//! Writing JSON text into a buffer, for the few forms that make up most of an answer.

use serde_json::Result;

/// A buffer that JSON text is written into.
pub(crate) trait Text {
    /// Text that is JSON already.
    fn raw(&mut self, text: &str);

    /// Text as a JSON string.
    fn string(&mut self, text: &str) -> Result<()>;
}

impl Text for Vec<u8> {
    fn raw(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }

    fn string(&mut self, text: &str) -> Result<()> {
        if is_plain(text) {
            self.push(b'"');
            self.extend_from_slice(text.as_bytes());
            self.push(b'"');
            Ok(())
        } else {
            serde_json::to_writer(self, text)
        }
    }
}

/// Whether nothing in it has to be escaped.
pub(crate) fn is_plain(text: &str) -> bool {
    // Without a way out in the middle, so that many bytes are compared at once.
    let special =
        |found: bool, byte: &u8| found | (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
    text.as_bytes()
        .chunks(64)
        .all(|bytes| !bytes.iter().fold(false, special))
}
