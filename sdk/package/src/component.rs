//! Reading a component's outside (metadata section, imports, exports) without compiling or running it.

use wasmparser::{Encoding, Parser, Payload};

use crate::{MAX_METADATA_BYTES, SECTION};

/// Most names of imports, or of exports, that are read.
const MAX_NAMES: usize = 1024;

/// What a component shows on its outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The metadata document, unread.
    pub metadata: Vec<u8>,
    /// Full names of what it imports, such as `ironbark:driver/call@0.1.0`, in their order.
    pub imports: Vec<String>,
    /// Full names of what it exports.
    pub exports: Vec<String>,
}

/// Why a file is no driver package.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// Not WebAssembly, or damaged.
    #[error("this is not a WebAssembly component, or it is damaged (at byte {})", .0.offset())]
    Malformed(wasmparser::BinaryReaderError),
    /// A core module.
    #[error("this is a core WebAssembly module and not a component: build it for wasm32-wasip2")]
    CoreModule,
    /// No metadata section at the top level.
    #[error(
        "the component has no driver metadata (custom section '{SECTION}' at the top level): write it with 'ironbark driver pack'"
    )]
    NoMetadata,
    /// More than one metadata section at the top level.
    #[error("the component has more than one '{SECTION}' section at the top level")]
    SecondMetadata,
    /// The metadata section is too large.
    #[error("the driver metadata has {size} bytes; at most {MAX_METADATA_BYTES} are accepted")]
    MetadataTooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// Too many imports or exports.
    #[error("the component has more than {MAX_NAMES} imports or exports")]
    TooManyNames,
}

// No source of its own: what the parser says beyond the place is about bytes, on many lines.
impl From<wasmparser::BinaryReaderError> for ContentsError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed(error)
    }
}

impl Contents {
    /// Reads the top level of `component`. Nested modules and components are skipped, not read.
    ///
    /// Takes time in proportion to the number of sections, and never panics, whatever the bytes are. That what is
    /// inside is valid is found out when it is compiled.
    pub fn read(component: &[u8]) -> Result<Self, ContentsError> {
        let mut metadata: Option<Vec<u8>> = None;
        let (mut imports, mut exports) = (Vec::new(), Vec::new());
        for payload in TopLevel::new(component) {
            match payload? {
                Payload::Version { encoding, .. } if encoding != Encoding::Component => {
                    return Err(ContentsError::CoreModule);
                }
                Payload::CustomSection(section) if section.name() == SECTION => {
                    let data = section.data();
                    if data.len() > MAX_METADATA_BYTES {
                        return Err(ContentsError::MetadataTooLarge { size: data.len() });
                    }
                    if metadata.replace(data.to_vec()).is_some() {
                        return Err(ContentsError::SecondMetadata);
                    }
                }
                Payload::ComponentImportSection(section) => {
                    for import in section {
                        push(&mut imports, import?.name.name)?;
                    }
                }
                Payload::ComponentExportSection(section) => {
                    for export in section {
                        push(&mut exports, export?.name.name)?;
                    }
                }
                _ => {}
            }
        }
        Ok(Self {
            metadata: metadata.ok_or(ContentsError::NoMetadata)?,
            imports,
            exports,
        })
    }
}

fn push(names: &mut Vec<String>, name: &str) -> Result<(), ContentsError> {
    if names.len() >= MAX_NAMES {
        return Err(ContentsError::TooManyNames);
    }
    names.push(name.to_owned());
    Ok(())
}

/// The payloads of a component's own level: what is nested is stepped over.
struct TopLevel<'a> {
    parser: Parser,
    rest: &'a [u8],
    ended: bool,
}

impl<'a> TopLevel<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            parser: Parser::new(0),
            rest: bytes,
            ended: false,
        }
    }

    fn step(&mut self) -> Result<Option<Payload<'a>>, wasmparser::BinaryReaderError> {
        let (consumed, payload) = match self.parser.parse(self.rest, true)? {
            wasmparser::Chunk::Parsed { consumed, payload } => (consumed, payload),
            // Can't be: all the data is there.
            wasmparser::Chunk::NeedMoreData(_) => return Ok(None),
        };
        let nested = match &payload {
            Payload::ModuleSection {
                unchecked_range, ..
            }
            | Payload::ComponentSection {
                unchecked_range, ..
            } => unchecked_range.end.saturating_sub(unchecked_range.start),
            _ => 0,
        };
        let next = consumed.checked_add(nested);
        self.rest = next.and_then(|at| self.rest.get(at..)).unwrap_or(&[]);
        if let Payload::CodeSectionStart { .. } = &payload {
            // Only core modules have one, and those are refused at their header.
            self.parser.skip_section();
        }
        if matches!(payload, Payload::End(_)) {
            self.ended = true;
        }
        Ok(Some(payload))
    }
}

impl<'a> Iterator for TopLevel<'a> {
    type Item = Result<Payload<'a>, wasmparser::BinaryReaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let step = self.step().transpose();
        if !matches!(step, Some(Ok(_))) {
            self.ended = true;
        }
        step
    }
}
