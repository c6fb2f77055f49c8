//! Moving the metadata section to the top level of a component.
//!
//! A section that a compiler emits (`#[link_section = "ironbark-driver"]`) lands in the core module inside of
//! the component; a package has it at the top, where it can be read without looking inside.

use wasm_encoder::{Component, ComponentSection, CustomSection, Module, RawSection};
use wasmparser::{BinaryReader, BinaryReaderError};

use crate::{MAX_METADATA_BYTES, Metadata, MetadataError, SECTION};

const CUSTOM: u8 = 0;
/// Of a component: a core module, with its own header, is the section's content (component model, binary format).
const CORE_MODULE: u8 = 1;
const COMPONENT: u8 = 4;
const HEADER: usize = 8;
const MAX_DEPTH: usize = 16;

/// Why the metadata section can't be put at the top level.
#[derive(Debug, thiserror::Error)]
pub enum LiftError {
    /// Not WebAssembly, or damaged.
    #[error("this is not a WebAssembly component, or it is damaged (at byte {})", .0.offset())]
    Malformed(BinaryReaderError),
    /// A core module, or something newer than this program knows.
    #[error("this is not a WebAssembly component: build it for wasm32-wasip2")]
    NotAComponent,
    /// No section anywhere.
    #[error(
        "no driver metadata found: neither the component nor a module inside has a custom section '{SECTION}'"
    )]
    NoMetadata,
    /// Several that differ.
    #[error("the component has several '{SECTION}' sections with different contents: keep one")]
    Several,
    /// Components inside of components, deeper than anybody needs.
    #[error("components are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// What was found is no valid metadata.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

// No source of its own: what the parser says beyond the place is about bytes, on many lines.
impl From<BinaryReaderError> for LiftError {
    fn from(error: BinaryReaderError) -> Self {
        Self::Malformed(error)
    }
}

/// The same component with its metadata section at the top level, and nowhere else. The metadata is checked.
pub fn lift(component: &[u8]) -> Result<Vec<u8>, LiftError> {
    let mut found = Vec::new();
    let stripped = strip_component(component, &mut found, 0)?;
    let mut sections = found.into_iter();
    let metadata = sections.next().ok_or(LiftError::NoMetadata)?;
    if sections.any(|other| other != metadata) {
        return Err(LiftError::Several);
    }
    Metadata::parse(&metadata)?;
    Ok(append(stripped, &metadata))
}

/// The same component with `metadata` at the top level instead of whatever metadata it had.
pub fn embed(component: &[u8], metadata: &[u8]) -> Result<Vec<u8>, LiftError> {
    Metadata::parse(metadata)?;
    let stripped = strip_component(component, &mut Vec::new(), 0)?;
    Ok(append(stripped, metadata))
}

fn append(mut component: Vec<u8>, metadata: &[u8]) -> Vec<u8> {
    let section = CustomSection {
        name: SECTION.into(),
        data: metadata.into(),
    };
    section.append_to_component(&mut component);
    component
}

fn strip_component(
    bytes: &[u8],
    found: &mut Vec<Vec<u8>>,
    depth: usize,
) -> Result<Vec<u8>, LiftError> {
    if depth > MAX_DEPTH {
        return Err(LiftError::TooDeep);
    }
    let mut rebuilt = Component::new();
    if bytes.get(..HEADER) != Some(rebuilt.as_slice()) {
        return Err(LiftError::NotAComponent);
    }
    for_each_section(bytes, |id, data| {
        match id {
            CUSTOM if take_metadata(data, found)? => {}
            CORE_MODULE => {
                let module = strip_module(data, found)?;
                rebuilt.section(&RawSection { id, data: &module });
            }
            COMPONENT => {
                let nested = strip_component(data, found, depth + 1)?;
                rebuilt.section(&RawSection { id, data: &nested });
            }
            _ => {
                rebuilt.section(&RawSection { id, data });
            }
        }
        Ok(())
    })?;
    Ok(rebuilt.finish())
}

fn strip_module(bytes: &[u8], found: &mut Vec<Vec<u8>>) -> Result<Vec<u8>, LiftError> {
    let mut rebuilt = Module::new();
    if bytes.get(..HEADER) != Some(rebuilt.as_slice()) {
        return Err(LiftError::NotAComponent);
    }
    for_each_section(bytes, |id, data| {
        if id != CUSTOM || !take_metadata(data, found)? {
            rebuilt.section(&RawSection { id, data });
        }
        Ok(())
    })?;
    Ok(rebuilt.finish())
}

/// Walks the sections after the header: an identifier, a length, and so many bytes.
fn for_each_section(
    bytes: &[u8],
    mut visit: impl FnMut(u8, &[u8]) -> Result<(), LiftError>,
) -> Result<(), LiftError> {
    let body = bytes.get(HEADER..).unwrap_or(&[]);
    let mut reader = BinaryReader::new(body, 0);
    while !reader.eof() {
        let id = reader.read_u8()?;
        let size = reader.read_var_u32()?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        visit(id, reader.read_bytes(size)?)?;
    }
    Ok(())
}

/// Takes the content of a custom section if it is the metadata section.
fn take_metadata(section: &[u8], found: &mut Vec<Vec<u8>>) -> Result<bool, LiftError> {
    let mut reader = BinaryReader::new(section, 0);
    if reader.read_string()? != SECTION {
        return Ok(false);
    }
    let rest = reader.bytes_remaining();
    if rest > MAX_METADATA_BYTES {
        return Err(MetadataError::TooLarge { size: rest }.into());
    }
    found.push(reader.read_bytes(rest)?.to_vec());
    Ok(true)
}
