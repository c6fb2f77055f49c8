//! The folders of an image in the order in which its tables have them, under the names of one scheme.

use std::collections::VecDeque;

use super::{IsoError, SECTOR, record};

/// How names are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// Upper case with a version; the real name stands beside it, for Rock Ridge.
    Primary,
    /// UCS-2, as it is.
    Joliet,
}

/// All folders, those nearest to the root first; the root is the first of all.
pub(super) struct Hierarchy<'a> {
    pub(super) naming: Naming,
    pub(super) folders: Vec<Folder<'a>>,
}

/// Files below a folder: their numbers and paths.
type Below<'p, 'a> = Vec<(usize, &'p [&'a str])>;

/// One folder.
pub(super) struct Folder<'a> {
    /// As the tables have it.
    pub(super) identifier: Vec<u8>,
    /// Index of the folder that it is in; the root is in itself.
    pub(super) parent: usize,
    entries: Vec<Entry<'a>>,
}

struct Entry<'a> {
    identifier: Vec<u8>,
    name: &'a str,
    target: Target,
}

#[derive(Clone, Copy)]
enum Target {
    Folder(usize),
    File(usize),
}

impl Naming {
    fn identifier(self, name: &str, is_file: bool) -> Vec<u8> {
        let mut text = match self {
            Self::Joliet => name.to_owned(),
            Self::Primary => plain(name, is_file),
        };
        if is_file {
            text.push_str(";1");
        }
        self.text(&text)
    }

    /// Text as descriptors have it.
    pub(super) fn text(self, text: &str) -> Vec<u8> {
        match self {
            Self::Primary => text.as_bytes().to_vec(),
            Self::Joliet => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        }
    }
}

impl<'a> Hierarchy<'a> {
    /// The folders of these paths, which are sorted. The number of a file is its place in the list.
    pub(super) fn of(paths: &[&[&'a str]], naming: Naming) -> Result<Self, IsoError> {
        let files = paths.iter().copied().enumerate().collect();
        let mut waiting: VecDeque<(Vec<u8>, usize, usize, Below<'_, 'a>)> =
            VecDeque::from([(vec![0], 0, 0, files)]);
        let mut folders: Vec<Folder<'a>> = Vec::new();
        let mut known = 1;
        while let Some((identifier, parent, depth, below)) = waiting.pop_front() {
            let index = folders.len();
            let mut entries: Vec<Entry<'a>> = Vec::new();
            let mut inner: Vec<Below<'_, 'a>> = Vec::new();
            for (file, path) in below {
                let Some(name) = path.get(depth).copied() else {
                    continue;
                };
                let is_file = path.len() == depth + 1;
                let last = entries.last().map(|entry| (entry.name, entry.target));
                match (last, inner.last_mut()) {
                    (Some((last, Target::Folder(_))), Some(inner)) if last == name && !is_file => {
                        inner.push((file, path));
                        continue;
                    }
                    _ => {}
                }
                let target = if is_file {
                    Target::File(file)
                } else {
                    inner.push(vec![(file, path)]);
                    Target::Folder(inner.len() - 1)
                };
                entries.push(Entry {
                    identifier: naming.identifier(name, is_file),
                    name,
                    target,
                });
            }
            entries.sort_by(|one, other| one.identifier.cmp(&other.identifier));
            let plain = |entry: &Entry<'a>| plain(entry.name, true);
            for (position, entry) in entries.iter().enumerate() {
                let clashes = entries
                    .iter()
                    .skip(position + 1)
                    .any(|other| other.name == entry.name || plain(other) == plain(entry));
                if clashes {
                    return Err(IsoError::Clash(entry.name.to_owned()));
                }
            }
            for entry in &mut entries {
                if let Target::Folder(place) = entry.target {
                    entry.target = Target::Folder(known);
                    known += 1;
                    let below = inner.get_mut(place).map(std::mem::take).unwrap_or_default();
                    waiting.push_back((entry.identifier.clone(), index, depth + 1, below));
                }
            }
            folders.push(Folder {
                identifier,
                parent,
                entries,
            });
        }
        Ok(Self { naming, folders })
    }
}

impl Folder<'_> {
    /// The folder's sectors. `own` is its place among the `folders`, which say where each is and how long; so do `files`.
    pub(super) fn write(
        &self,
        naming: Naming,
        own: usize,
        folders: &[(u32, u32)],
        files: &[(u32, u32)],
    ) -> Vec<u8> {
        let place_of = |folder: usize| folders.get(folder).copied().unwrap_or_default();
        let with_names = naming == Naming::Primary;
        let is_root = self.identifier == [0];
        let mut sectors = Vec::new();
        let links = if with_names {
            record::own_attributes(is_root)
        } else {
            Vec::new()
        };
        append(
            &mut sectors,
            &record::record(&[0], place_of(own), true, &links),
        );
        let links = if with_names {
            record::attributes(None, true)
        } else {
            Vec::new()
        };
        append(
            &mut sectors,
            &record::record(&[1], place_of(self.parent), true, &links),
        );
        for entry in &self.entries {
            let (place, is_folder) = match entry.target {
                Target::Folder(index) => (place_of(index), true),
                Target::File(index) => (files.get(index).copied().unwrap_or_default(), false),
            };
            let attributes = if with_names {
                record::attributes(Some(entry.name), is_folder)
            } else {
                Vec::new()
            };
            append(
                &mut sectors,
                &record::record(&entry.identifier, place, is_folder, &attributes),
            );
        }
        super::fill_sector(&mut sectors);
        sectors
    }
}

/// Appends a record; one that doesn't fit into the sector begins the next one.
fn append(sectors: &mut Vec<u8>, record: &[u8]) {
    if sectors.len() % SECTOR + record.len() > SECTOR {
        super::fill_sector(sectors);
    }
    sectors.extend_from_slice(record);
}

/// The name as ECMA-119 has it: upper case, digits and underscores; a file has exactly one dot.
fn plain(name: &str, is_file: bool) -> String {
    let fit = |part: &str| -> String {
        part.chars()
            .map(|letter| match letter.to_ascii_uppercase() {
                plain if plain.is_ascii_alphanumeric() => plain,
                _ => '_',
            })
            .collect()
    };
    if !is_file {
        return fit(name);
    }
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    format!("{}.{}", fit(stem), fit(extension))
}
