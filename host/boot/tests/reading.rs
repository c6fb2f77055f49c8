//! Our images, read by others: libarchive's `bsdtar`, and the kernel where this machine lets us mount.
//!
//! What is left out without `bsdtar`, or where nobody may mount, fails if `IRONBARK_TEST_REQUIRE` lists `bsdtar` or `mount`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use flate2::read::GzDecoder;
use ironbark_boot::config_drive;
use ironbark_boot::iso9660::{Image, SECTOR};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Path and content of everything in a folder.
type Tree = BTreeMap<String, Vec<u8>>;

fn have_bsdtar() -> bool {
    let there = Command::new("bsdtar")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !there {
        leave_out(
            "bsdtar",
            "there is none here: apt-get install libarchive-tools",
        );
    }
    there
}

/// Says why something is left out, which is a failure where it is required.
fn leave_out(name: &str, why: &str) {
    let required = std::env::var("IRONBARK_TEST_REQUIRE").unwrap_or_default();
    if required.split(',').any(|required| required == name) {
        panic!("IRONBARK_TEST_REQUIRE asks for {name}, and {why}");
    }
    eprintln!("left out what needs {name}: {why}");
}

fn stored(image: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image.iso");
    std::fs::write(&file, image).unwrap();
    (folder, file)
}

fn tree(folder: &Path) -> Tree {
    let mut found = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap();
                let content = std::fs::read(&path).unwrap();
                found.insert(name.to_str().unwrap().to_owned(), content);
            }
        }
    }
    found
}

/// What `bsdtar` finds with these options.
fn unpacked(image: &[u8], options: &str) -> Tree {
    let (folder, file) = stored(image);
    let to = folder.path().join("to");
    std::fs::create_dir(&to).unwrap();
    let status = Command::new("bsdtar")
        .args(["--options", options, "-xf"])
        .arg(&file)
        .arg("-C")
        .arg(&to)
        .status()
        .unwrap();
    assert!(status.success(), "bsdtar {options}");
    // The image's folders are read-only, and so are they here: for root that is no matter, others need leave to remove them.
    let _ = Command::new("chmod").args(["-R", "u+w"]).arg(&to).status();
    tree(&to)
}

fn image_of(files: &Tree, label: &str) -> Vec<u8> {
    let mut image = Image::new();
    for (path, content) in files {
        image.file(path, content).unwrap();
    }
    image.write(label, 64 << 20).unwrap()
}

/// Folders that are deep, wide and empty-handed; files of every size around a sector.
fn many() -> Tree {
    let mut files = Tree::new();
    for size in [0, 1, SECTOR - 1, SECTOR, SECTOR + 1, 5 * SECTOR] {
        let content = (0..size).map(|at| u8::try_from(at % 251).unwrap());
        files.insert(format!("sizes/{size}.bin"), content.collect());
    }
    for number in 0..200 {
        let name = format!("wide/a-file-with-a-name-{number:03}");
        files.insert(name, vec![u8::try_from(number).unwrap()]);
        files.insert(format!("folders/f{number:03}/x"), b"x".to_vec());
    }
    files.insert("a/b/c/d/e/f/deep".to_owned(), b"down here".to_vec());
    files.insert("Zero".to_owned(), Vec::new());
    files
}

#[test]
fn bsdtar_reads_every_file_under_its_own_name() {
    if !have_bsdtar() {
        return;
    }
    let files = many();
    let image = image_of(&files, "test");
    assert_eq!(image.len() % SECTOR, 0);
    for options in ["iso9660:!joliet", "iso9660:!rockridge"] {
        let found = unpacked(&image, options);
        assert!(found == files, "{options}: {:?}", found.keys());
    }
    let plain = unpacked(&image, "iso9660:!joliet,iso9660:!rockridge");
    assert_eq!(plain.len(), files.len());
    // It leaves out the dot that a name without an extension ends with.
    assert_eq!(plain["A/B/C/D/E/F/DEEP"], b"down here");
}

#[test]
fn the_kernel_mounts_it_where_it_can() {
    let files = many();
    let (folder, file) = stored(&image_of(&files, "test"));
    let to = folder.path().join("to");
    std::fs::create_dir(&to).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "iso9660", "-o", "loop,ro"])
        .args([&file, &to])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        return leave_out("mount", "this machine doesn't let us mount ISO 9660");
    }
    let found = tree(&to);
    let unmounted = Command::new("umount").arg(&to).status().unwrap();
    assert!(unmounted.success());
    assert!(found == files);
}

#[test]
fn a_config_drive_has_what_an_instance_looks_for() {
    if !have_bsdtar() {
        return;
    }
    let drive = json!({
        "meta_data": {"hostname": "h", "public_keys": {"k": "ssh-ed25519 AAAA"}},
        "network_data": {"links": []},
        "user_data": "#cloud-config\n",
        "vendor_data": {"a": [1]},
    });
    let text = config_drive::encoded(drive.as_object().unwrap(), "u-u", Some("rack-1")).unwrap();
    let compressed = base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap();
    let mut image = Vec::new();
    GzDecoder::new(&compressed[..])
        .read_to_end(&mut image)
        .unwrap();
    for descriptor in [16, 17] {
        let label = &image[descriptor * SECTOR + 40..descriptor * SECTOR + 72];
        let label: Vec<u8> = label.iter().copied().filter(|byte| *byte != 0).collect();
        assert_eq!(
            String::from_utf8(label).unwrap().trim(),
            config_drive::LABEL
        );
    }
    let found = unpacked(&image, "iso9660:rockridge");
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "openstack/2012-08-10/meta_data.json",
            "openstack/2012-08-10/network_data.json",
            "openstack/2012-08-10/user_data",
            "openstack/2012-08-10/vendor_data2.json",
            "openstack/latest/meta_data.json",
            "openstack/latest/network_data.json",
            "openstack/latest/user_data",
            "openstack/latest/vendor_data2.json",
        ]
    );
    let json = |name: &str| -> Value { serde_json::from_slice(&found[name]).unwrap() };
    assert_eq!(
        json("openstack/latest/meta_data.json"),
        json!({
            "hostname": "h", "public_keys": {"k": "ssh-ed25519 AAAA"}, "uuid": "u-u", "name": "rack-1",
        })
    );
    assert_eq!(
        json("openstack/latest/vendor_data2.json"),
        json!({"a": [1]})
    );
    assert_eq!(found["openstack/latest/user_data"], b"#cloud-config\n");
}
