//! A small writer of ISO 9660 images (ECMA-119), with the names as they are in Rock Ridge (RRIP 1.09) and Joliet.
//!
//! For images with a few files that a machine reads as it boots. The same files always give the same bytes.

mod descriptor;
mod hierarchy;
mod record;

use std::collections::BTreeMap;

use descriptor::{Volume, path_table};
use hierarchy::{Hierarchy, Naming};

/// Bytes of one sector.
pub const SECTOR: usize = 2048;

/// The first sectors, which belong to the system that boots from the image; zero here.
const SYSTEM_SECTORS: usize = 16;

/// The longest name of a file or folder, in bytes: what is left in the strictest of the three naming schemes.
const LONGEST_NAME: usize = 28;

/// The longest label, in bytes: what Joliet has room for.
const LONGEST_LABEL: usize = 16;

/// Why an image can't be written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IsoError {
    /// The label has no place in the volume's descriptor.
    #[error("the label {0:?} must be 1 to {LONGEST_LABEL} ASCII letters, digits, '-' and '_'")]
    Label(String),
    /// A path has an element that can't be a name.
    #[error(
        "the path {0:?} must be names of 1 to {LONGEST_NAME} ASCII letters, digits, '.', '-' and '_'"
    )]
    Path(String),
    /// Two paths exclude each other, or differ in nothing that all naming schemes keep.
    #[error("the path {0:?} clashes with another one")]
    Clash(String),
    /// There is more than an image may hold.
    #[error("the image would be larger than {0} bytes")]
    TooLarge(usize),
}

/// Files to be written into an image.
#[derive(Debug, Default)]
pub struct Image<'a> {
    files: BTreeMap<Vec<&'a str>, &'a [u8]>,
}

impl<'a> Image<'a> {
    /// An image without files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file; folders on the way to it come by themselves. `path` has `/` between names.
    ///
    /// # Errors
    /// [`IsoError::Path`] and [`IsoError::Clash`].
    pub fn file(&mut self, path: &'a str, content: &'a [u8]) -> Result<(), IsoError> {
        let names: Vec<&str> = path.split('/').collect();
        if !names.iter().all(|name| is_name(name)) {
            return Err(IsoError::Path(path.to_owned()));
        }
        if self.files.insert(names, content).is_some() {
            return Err(IsoError::Clash(path.to_owned()));
        }
        Ok(())
    }

    /// The image's bytes, at most `limit` of them.
    ///
    /// # Errors
    /// [`IsoError::Label`], [`IsoError::Clash`] and [`IsoError::TooLarge`].
    pub fn write(&self, label: &str, limit: usize) -> Result<Vec<u8>, IsoError> {
        if label.is_empty() || label.len() > LONGEST_LABEL || !label.bytes().all(is_label_byte) {
            return Err(IsoError::Label(label.to_owned()));
        }
        let contents: usize = self.files.values().map(|file| file.len()).sum();
        // Also keeps every number below within 32 bits.
        if contents > limit.min(1 << 30) {
            return Err(IsoError::TooLarge(limit));
        }
        let paths: Vec<&[&str]> = self.files.keys().map(Vec::as_slice).collect();
        let mut next = SYSTEM_SECTORS + 3;
        let primary = Part::place(Hierarchy::of(&paths, Naming::Primary)?, &mut next);
        let joliet = Part::place(Hierarchy::of(&paths, Naming::Joliet)?, &mut next);
        let mut extents = Vec::with_capacity(paths.len());
        for content in self.files.values() {
            let first = if content.is_empty() { 0 } else { next };
            extents.push((number(first), number(content.len())));
            next += content.len().div_ceil(SECTOR);
        }
        if next * SECTOR > limit {
            return Err(IsoError::TooLarge(limit));
        }

        let mut image = Vec::with_capacity(next * SECTOR);
        image.resize(SYSTEM_SECTORS * SECTOR, 0);
        for part in [&primary, &joliet] {
            descriptor::write(&mut image, &part.volume(label, next));
        }
        descriptor::write_terminator(&mut image);
        for part in [&primary, &joliet] {
            part.write(&mut image, &extents);
        }
        for content in self.files.values() {
            image.extend_from_slice(content);
            fill_sector(&mut image);
        }
        Ok(image)
    }
}

/// One naming of the same files, and where its tables and folders are.
struct Part<'a> {
    hierarchy: Hierarchy<'a>,
    /// First sectors of the path tables, the little-endian and the big-endian one.
    tables: [usize; 2],
    /// First sector and bytes of each folder.
    folders: Vec<(u32, u32)>,
}

impl<'a> Part<'a> {
    fn place(hierarchy: Hierarchy<'a>, next: &mut usize) -> Self {
        let table = path_table(&hierarchy, &[], u32::to_le_bytes, u16::to_le_bytes);
        let sectors = table.len().div_ceil(SECTOR);
        let tables = [*next, *next + sectors];
        *next += 2 * sectors;
        let mut folders = Vec::with_capacity(hierarchy.folders.len());
        for folder in &hierarchy.folders {
            // How long a record is doesn't depend on what it points at.
            let bytes = folder.write(hierarchy.naming, 0, &[], &[]).len();
            folders.push((number(*next), number(bytes)));
            *next += bytes / SECTOR;
        }
        Self {
            hierarchy,
            tables,
            folders,
        }
    }

    fn volume<'v>(&self, label: &'v str, sectors: usize) -> Volume<'v> {
        let table = path_table(&self.hierarchy, &[], u32::to_le_bytes, u16::to_le_bytes);
        Volume {
            naming: self.hierarchy.naming,
            label,
            sectors: number(sectors),
            table_bytes: number(table.len()),
            tables: self.tables.map(number),
            root: self.folders.first().copied().unwrap_or_default(),
        }
    }

    fn write(&self, image: &mut Vec<u8>, files: &[(u32, u32)]) {
        let Self {
            hierarchy, folders, ..
        } = self;
        image.extend(path_table(
            hierarchy,
            folders,
            u32::to_le_bytes,
            u16::to_le_bytes,
        ));
        fill_sector(image);
        image.extend(path_table(
            hierarchy,
            folders,
            u32::to_be_bytes,
            u16::to_be_bytes,
        ));
        fill_sector(image);
        for (index, folder) in hierarchy.folders.iter().enumerate() {
            image.extend(folder.write(hierarchy.naming, index, folders, files));
        }
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name != "."
        && name != ".."
        && name.bytes().all(fits)
}

fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-".contains(&byte)
}

/// Fills up the last sector with zeros.
fn fill_sector(image: &mut Vec<u8>) {
    image.resize(image.len().next_multiple_of(SECTOR), 0);
}

/// A number that is known to have 32 bits: images are smaller than that.
fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn paths_and_labels_that_a_reader_could_mistake_are_refused() {
        for path in [
            "",
            "/a",
            "a//b",
            "a/../b",
            ".",
            "a b",
            "ä",
            "name-of-more-than-28-characters",
        ] {
            let refused = Image::new().file(path, b"").unwrap_err();
            assert_eq!(refused, IsoError::Path(path.to_owned()));
        }
        let image = Image::new();
        for label in ["", "a b", "seventeen-letters"] {
            assert!(matches!(
                image.write(label, 1 << 20),
                Err(IsoError::Label(_))
            ));
        }
        assert!(image.write("config-2", 1 << 20).is_ok());
    }

    #[test]
    fn what_would_be_one_file_in_some_naming_is_refused() {
        let clash = |one: &str, other: &str| {
            let mut image = Image::new();
            let first = image.file(one, b"");
            let second = image.file(other, b"");
            first
                .and(second)
                .and_then(|()| image.write("l", 1 << 20))
                .is_err()
        };
        assert!(clash("a", "a"));
        assert!(clash("a", "a/b"));
        assert!(clash("a/b", "A/c"));
        assert!(clash("x-y", "x_y"));
        assert!(!clash("a/b", "a/c"));
    }

    #[test]
    fn an_image_has_a_bound() {
        let content = vec![0; 100 * SECTOR];
        let mut image = Image::new();
        image.file("a", &content).unwrap();
        let whole = image.write("l", usize::MAX).unwrap().len();
        assert_eq!(image.write("l", whole).unwrap().len(), whole);
        assert_eq!(
            image.write("l", whole - 1),
            Err(IsoError::TooLarge(whole - 1))
        );
        assert_eq!(image.write("l", SECTOR), Err(IsoError::TooLarge(SECTOR)));
    }
}
