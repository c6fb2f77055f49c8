//! Debian's `ipmi_sim` as a BMC that others wrote.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU8, Ordering},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::support::have;

pub(crate) const USERNAME: &str = "admin";
pub(crate) const PASSWORD: &str = "secret-word";
/// A user that may not do everything.
pub(crate) const OPERATOR: &str = "oper";

/// Without a GUID it speaks only IPMI 1.5.
const GUID: &str = "00112233445566778899aabbccddeeff";

/// What the simulator runs to ask or set a machine's state: FILE get NAME… | FILE set NAME VALUE…
const CHASSIS: &str = r#"#!/bin/sh
file=$1
verb=$2
shift 2
if [ "$verb" = get ]; then
    for name in "$@"; do
        value=0
        [ "$name" = power ] && value=$(cat "$file")
        [ "$name" = boot ] && value=default
        echo "$name:$value"
    done
elif [ "$verb" = set ]; then
    while [ "$#" -gt 1 ]; do
        [ "$1" = power ] && echo "$2" >"$file"
        shift 2
    done
fi
exit 0
"#;

const MANAGEMENT_CONTROLLER: &str = "mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 100 0x0a
mc_enable 0x20
mc_add 0x30 0x07 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
mc_enable 0x30
sel_add 0x20 0x02 1 2 3 4 0x20 0 4 1 0x01 0x01 0x59 0x55 0x50
";

/// What the board's inventory says: manufacturer, product, serial number, part number and file of the inventory.
pub(crate) const BOARD: [&str; 5] = ["Acme", "Anvil 9000", "SN-0042", "PN-7", "fru.xml"];

/// An inventory with a board and nothing else (FRU Information Storage Definition 1.0, sections 8 and 11), as a command of the simulator's.
fn inventory() -> String {
    // The common header names the board's area, at 8 bytes; English, and no date.
    let mut bytes = vec![1, 0, 0, 1, 0, 0, 0, 0xfe];
    let mut board = vec![1, 0, 0x19, 0, 0, 0];
    for field in BOARD {
        board.push(0xc0 | u8::try_from(field.len()).unwrap());
        board.extend(field.bytes());
    }
    board.push(0xc1);
    while !(board.len() + 1).is_multiple_of(8) {
        board.push(0);
    }
    board[1] = u8::try_from((board.len() + 1) / 8).unwrap();
    let sum = board.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    board.push(sum);
    bytes.extend(board);
    let digits: String = bytes.iter().map(|byte| format!(" 0x{byte:02x}")).collect();
    format!("mc_add_fru_data 0x20 0 {} data{digits}\n", bytes.len())
}

/// A running simulator; it ends when this is dropped.
pub(crate) struct IpmiSim {
    process: Child,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

impl IpmiSim {
    /// Starts one that speaks IPMI 2.0, on a loopback address of its own, as one on 0.0.0.0 answers from another address than it was asked at.
    /// `None` if there is no `ipmi_sim`.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&format!("    guid {GUID}\n"), "")
    }

    /// As [`IpmiSim::start`], with a machine whose serial line leads to this TCP address.
    pub(crate) fn start_with_console(line: SocketAddr) -> Option<Self> {
        let sol = format!("  sol \"tcp:{}:{}\" 115200\n", line.ip(), line.port());
        Self::start_with(&format!("    guid {GUID}\n"), &sol)
    }

    /// Starts one that speaks only IPMI 1.5.
    pub(crate) fn start_old() -> Option<Self> {
        Self::start_with("", "")
    }

    fn start_with(guid: &str, more: &str) -> Option<Self> {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        if !have("ipmi_sim", "openipmi") {
            return None;
        }
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let ip = Ipv4Addr::new(127, high | 0x80, low, COUNT.fetch_add(1, Ordering::Relaxed));
        let address = SocketAddr::new(IpAddr::V4(ip), 9001);
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("power"), "0\n").unwrap();
        fs::write(at("chassis"), CHASSIS).unwrap();
        fs::set_permissions(at("chassis"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(at("mc"), MANAGEMENT_CONTROLLER.to_owned() + &inventory()).unwrap();
        let kinds = "none md2 md5 straight";
        let allowed: String = ["callback", "user", "operator", "admin"]
            .map(|level| format!("    allowed_auths_{level} {kinds}\n"))
            .concat();
        let lan = format!(
            "name \"test\"\nset_working_mc 0x20\n  startlan 1\n    addr {ip} {port}\n    priv_limit admin\n{allowed}{guid}  endlan\n  \
             chassis_control \"{chassis} {power}\"\n  user 2 true \"{USERNAME}\" \"{PASSWORD}\" admin 10 {kinds}\n  \
             user 3 true \"{OPERATOR}\" \"{PASSWORD}\" operator 10 {kinds}\n{more}",
            port = address.port(),
            chassis = at("chassis").display(),
            power = at("power").display(),
        );
        fs::write(at("lan"), lan).unwrap();
        let process = Command::new("ipmi_sim")
            .arg("-n")
            .arg("-c")
            .arg(at("lan"))
            .arg("-f")
            .arg(at("mc"))
            .arg("-s")
            .arg(at("state"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut simulator = Self {
            process,
            address,
            _folder: folder,
        };
        simulator.wait_until_it_answers();
        Some(simulator)
    }

    fn wait_until_it_answers(&mut self) {
        // Get Channel Authentication Capabilities, outside of a session.
        const QUESTION: [u8; 23] = [
            0x06, 0x00, 0xff, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x20, 0x18, 0xc8, 0x81, 0x00,
            0x38, 0x8e, 0x04, 0xb5,
        ];
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut buffer = [0; 256];
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("ipmi_sim ended: {status}");
            }
            let _ = socket.send_to(&QUESTION, self.address);
            if socket.recv_from(&mut buffer).is_ok() {
                return;
            }
        }
        panic!("ipmi_sim does not answer at {}", self.address);
    }
}

impl Drop for IpmiSim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
