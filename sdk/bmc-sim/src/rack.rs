//! Many BMCs in one process: a socket and a small task each.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{net::UdpSocket, task::AbortHandle};

use crate::{
    BmcHandle, OldAuthentication, PrivilegeLevel, Satellite, User,
    bmc::{self, Bmc, BmcConfig},
};

/// How many BMCs, where, and what they are like.
#[derive(Debug, Clone)]
pub struct RackConfig {
    /// How many BMCs. Each takes one open file. Default 1.
    pub count: usize,
    /// Where they listen. Default 127.0.0.1.
    pub bind: IpAddr,
    /// The first one's UDP port; the others have the next ones. 0 takes any that are free. Default 0.
    pub port: u16,
    /// Whether each has an address of its own, counting up from `bind`, all with the same port.
    /// On Linux every address of 127.0.0.0/8 can be used.
    pub one_address_each: bool,
    /// Their users. Default `admin` with `password`, an administrator.
    pub users: Vec<User>,
    /// Their Kg key, at most 20 bytes. Default none.
    pub kg: Option<Vec<u8>>,
    /// Cipher suites they offer: 17, 16, 15, 3, 2, 1, 0. Default 17 and 3. Without any they don't speak IPMI 2.0.
    pub cipher_suites: Vec<u8>,
    /// How they authenticate sessions of IPMI 1.5. Default none: they speak only IPMI 2.0.
    pub ipmi_1_5: Option<OldAuthentication>,
    /// How many sessions each has room for. Default 16.
    pub session_slots: usize,
    /// A session without a packet for so long is dropped. Default 60 s (IPMI 2.0 §6.12.15).
    pub session_timeout: Duration,
    /// How long a BMC is away when it is told to reset itself. Default 1 s.
    pub reset_time: Duration,
    /// Controllers behind each BMC, with machines of their own, off at the start. Default none.
    pub satellites: Vec<Satellite>,
    /// Whether the machines have power at the start. Default false.
    pub power: bool,
}

impl Default for RackConfig {
    fn default() -> Self {
        Self {
            count: 1,
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            one_address_each: false,
            users: vec![User {
                name: "admin".to_owned(),
                password: "password".to_owned(),
                privilege: PrivilegeLevel::Administrator,
            }],
            kg: None,
            cipher_suites: vec![17, 3],
            ipmi_1_5: None,
            session_slots: 16,
            session_timeout: Duration::from_secs(60),
            reset_time: Duration::from_secs(1),
            satellites: Vec::new(),
            power: false,
        }
    }
}

/// A rack of running BMCs. They stop when it is dropped.
#[derive(Debug)]
pub struct Rack {
    bmcs: Vec<BmcHandle>,
    tasks: Vec<AbortHandle>,
}

impl Rack {
    /// Opens the sockets and starts the BMCs on the current runtime.
    ///
    /// Fails if a socket can't be opened: an address in use, or more BMCs than open files are allowed (`ulimit -n`).
    pub async fn start(config: RackConfig) -> io::Result<Self> {
        let mut rack = Self {
            bmcs: Vec::with_capacity(config.count),
            tasks: Vec::with_capacity(config.count),
        };
        for index in 0..config.count {
            let socket = UdpSocket::bind(place(&config, index)?).await?;
            let address = socket.local_addr()?;
            let mut own = bmc_config(&config, index);
            own.port = address.port();
            let bmc = Arc::new(Bmc::new(address, own, config.power));
            rack.tasks
                .push(tokio::spawn(bmc::run(socket, Arc::clone(&bmc))).abort_handle());
            rack.bmcs.push(BmcHandle::new(bmc));
        }
        Ok(rack)
    }

    /// A BMC by its number, counted from 0.
    pub fn bmc(&self, index: usize) -> Option<BmcHandle> {
        self.bmcs.get(index).cloned()
    }

    /// All BMCs.
    pub fn bmcs(&self) -> &[BmcHandle] {
        &self.bmcs
    }
}

impl Drop for Rack {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

pub(crate) fn bmc_config(config: &RackConfig, index: usize) -> BmcConfig {
    let mut guid = *b"ironbark sim\0\0\0\0";
    if let Some(last) = guid.last_chunk_mut() {
        *last = u32::try_from(index).unwrap_or(u32::MAX).to_be_bytes();
    }
    BmcConfig {
        users: config.users.clone(),
        kg: config.kg.clone(),
        guid,
        suites: config.cipher_suites.clone(),
        old: config.ipmi_1_5,
        session_slots: config.session_slots,
        session_timeout: config.session_timeout,
        reset_time: config.reset_time,
        satellites: config.satellites.clone(),
        port: config.port,
    }
}

fn place(config: &RackConfig, index: usize) -> io::Result<SocketAddr> {
    let too_many = || {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "more BMCs than there are addresses or ports",
        )
    };
    if config.one_address_each {
        let address = match config.bind {
            IpAddr::V4(first) => u32::try_from(index)
                .ok()
                .and_then(|index| first.to_bits().checked_add(index))
                .map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
            IpAddr::V6(first) => u128::try_from(index)
                .ok()
                .and_then(|index| first.to_bits().checked_add(index))
                .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        };
        return Ok(SocketAddr::new(address.ok_or_else(too_many)?, config.port));
    }
    let port = match config.port {
        0 => 0,
        first => u16::try_from(index)
            .ok()
            .and_then(|index| first.checked_add(index))
            .ok_or_else(too_many)?,
    };
    Ok(SocketAddr::new(config.bind, port))
}
