//! One end of the link: a TUN device in a network namespace.
//!
//! The device lives as long as its descriptor, so nothing is left when the emulator ends, however it ends.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::thread::sleep;
use std::time::Duration;

use ipnet::IpNet;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tun_rs::{DeviceBuilder, SyncDevice};

use crate::emulator::Error;
use crate::notation::Misread;

/// How many packets the kernel keeps for us while we are busy. Beyond it they are dropped, and counted as strays. The usual
/// 500 were too few for a burst at full speed.
const KERNEL_QUEUE: u32 = 10_000;

/// What an Ethernet carries.
const USUAL_MTU: u16 = 1500;

/// How often a device that is taken is tried again, and after which time.
const PATIENCE: u32 = 50;
const A_MOMENT: Duration = Duration::from_millis(10);

/// The longest name of a network device, in bytes.
const LONGEST_NAME: usize = 15;

/// Where `ip netns` keeps its names.
const NAMED: &str = "/run/netns";

/// Where an end is, and what it is called there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    namespace: Namespace,
    device: String,
    addresses: Vec<IpNet>,
    mtu: u16,
}

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// The one of whoever starts the emulator.
    Own,
    /// One that `ip netns add` made.
    Named(String),
    /// One by its file, such as `/proc/PID/ns/net`.
    At(PathBuf),
}

impl End {
    /// A device that will be made, without an address yet.
    pub fn new(namespace: Namespace, device: impl Into<String>) -> Self {
        Self { namespace, device: device.into(), addresses: Vec::new(), mtu: USUAL_MTU }
    }

    /// Gives it an address: at most one of IPv4, any number of IPv6. The address's net is reached through the device.
    #[must_use]
    pub fn address(mut self, address: IpNet) -> Self {
        self.addresses.push(address);
        self
    }

    /// What the system believes to fit into a packet there; 1500 by default. That longer ones vanish on the way without a
    /// word is `mtu=` of a change.
    #[must_use]
    pub fn mtu(mut self, mtu: u16) -> Self {
        self.mtu = mtu;
        self
    }
}

/// `NETNS:DEVICE`, where `NETNS` is a name, a path, or nothing for one's own.
impl FromStr for End {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        let (namespace, device) = text.rsplit_once(':').unwrap_or(("", text));
        let is_name = |byte: u8| byte.is_ascii_graphic() && byte != b'/' && byte != b':';
        if device.is_empty() || device.len() > LONGEST_NAME || !device.bytes().all(is_name) {
            return Err(Misread::new("NETNS:DEVICE, with a device name of 1 to 15 letters", text));
        }
        let namespace = match namespace {
            "" => Namespace::Own,
            path if path.contains('/') => Namespace::At(path.into()),
            name => Namespace::Named(name.to_owned()),
        };
        Ok(Self::new(namespace, device))
    }
}

/// An end that is there.
pub(crate) struct Device {
    name: String,
    tun: SyncDevice,
    /// The kernel's own figures of the namespace's devices, opened inside it.
    figures: File,
}

impl Device {
    /// Makes both. The calling thread is in another namespace afterwards, so it should be one that does nothing else.
    pub(crate) fn open_both(ends: &[End; 2]) -> Result<[Self; 2], Error> {
        let home = own_namespace()?;
        let [a, b] = ends;
        let a = Self::open(a, &home)?;
        let b = Self::open(b, &home)?;
        Ok([a, b])
    }

    fn open(end: &End, home: &File) -> Result<Self, Error> {
        match &end.namespace {
            Namespace::Own => enter(home, "of this process")?,
            Namespace::Named(name) => enter(&find(&Path::new(NAMED).join(name))?, name)?,
            Namespace::At(path) => enter(&find(path)?, &path.display().to_string())?,
        }
        let failed = |source| device_error(&end.device, source);
        let tun = build_patiently(end).map_err(failed)?;
        let figures = File::open("/proc/thread-self/net/dev").map_err(failed)?;
        Ok(Self { name: end.device.clone(), tun, figures })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The next packet, or nothing if there is none now.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.tun.recv(buffer) {
            Ok(size) => Ok(Some(size)),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.tun.send(packet).map(|_| ())
    }

    /// What the kernel dropped: of what it received from us, and of what it had for us.
    pub(crate) fn strays(&self) -> (u64, u64) {
        let mut text = vec![0; 65_536];
        let length = self.figures.read_at(&mut text, 0).unwrap_or(0);
        strays(&String::from_utf8_lossy(&text[..length]), &self.name).unwrap_or_default()
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tun.as_fd()
    }
}

fn own_namespace() -> Result<File, Error> {
    find(Path::new("/proc/thread-self/ns/net"))
}

fn find(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|source| {
        if source.kind() == io::ErrorKind::NotFound {
            Error::NoNamespace { path: path.to_owned() }
        } else if source.kind() == io::ErrorKind::PermissionDenied {
            Error::NotAllowed { doing: "opening a network namespace", right: "CAP_SYS_ADMIN" }
        } else {
            Error::Namespace { name: path.display().to_string(), source }
        }
    })
}

fn enter(namespace: &File, name: &str) -> Result<(), Error> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|error| {
        if error == rustix::io::Errno::PERM {
            Error::NotAllowed { doing: "entering a network namespace", right: "CAP_SYS_ADMIN" }
        } else {
            Error::Namespace { name: name.to_owned(), source: error.into() }
        }
    })
}

/// A device that was let go of a moment ago can still be held: by a program that is just being started and has not closed
/// what it inherited.
fn build_patiently(end: &End) -> io::Result<SyncDevice> {
    for _ in 0..PATIENCE {
        match build(end) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => sleep(A_MOMENT),
            built => return built,
        }
    }
    build(end)
}

fn build(end: &End) -> io::Result<SyncDevice> {
    let (ipv4, ipv6): (Vec<_>, Vec<_>) =
        end.addresses.iter().partition(|address| matches!(address, IpNet::V4(_)));
    if ipv4.len() > 1 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "more than one IPv4 address"));
    }
    let mut builder = DeviceBuilder::new().name(&end.device).mtu(end.mtu).tx_queue_len(KERNEL_QUEUE);
    if let Some(IpNet::V4(net)) = ipv4.first() {
        builder = builder.ipv4(net.addr(), net.prefix_len(), None);
    }
    let tun = builder.enable(false).build_sync()?;
    tun.set_nonblocking(true)?;
    keep_quiet(&end.device);
    for address in ipv6 {
        tun.add_address_v6(address.addr(), address.prefix_len())?;
    }
    tun.enabled(true)?;
    Ok(tun)
}

/// Without a link-local address the system asks for no routers there, and chance is not thrown for packets that nobody
/// sent. Where it cannot be had, nothing is lost but the same fates from the same seed.
fn keep_quiet(device: &str) {
    fs::write(format!("/proc/sys/net/ipv6/conf/{device}/addr_gen_mode"), "1").ok();
}

fn device_error(device: &str, source: io::Error) -> Error {
    let is = |kind| source.kind() == kind;
    if is(io::ErrorKind::PermissionDenied) {
        Error::NotAllowed { doing: "making a network device", right: "CAP_NET_ADMIN" }
    } else if is(io::ErrorKind::NotFound) {
        Error::NoTun { source }
    } else if is(io::ErrorKind::ResourceBusy) {
        Error::DeviceTaken { device: device.to_owned() }
    } else {
        Error::Device { device: device.to_owned(), source }
    }
}

/// The two columns `drop` of `/proc/net/dev`: received, transmitted.
fn strays(table: &str, device: &str) -> Option<(u64, u64)> {
    let figures = table.lines().find_map(|line| line.trim_start().strip_prefix(device)?.strip_prefix(':'))?;
    let figures: Vec<u64> = figures.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    Some((*figures.get(3)?, *figures.get(11)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_named_by_its_namespace_and_its_device() {
        let end = |text: &str| text.parse::<End>().map(|end| (end.namespace, end.device));
        assert_eq!(end("lab-a:up0"), Ok((Namespace::Named("lab-a".into()), "up0".into())));
        assert_eq!(end("/proc/7/ns/net:up0"), Ok((Namespace::At("/proc/7/ns/net".into()), "up0".into())));
        assert_eq!(end("up0"), Ok((Namespace::Own, "up0".into())));
        for wrong in ["lab-a:", "", "a:sixteen-letters-", "a:b/c", "a:b c"] {
            assert!(end(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_kernels_drops_are_read_from_its_table() {
        let table = "Inter-|   Receive | Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes\n    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n  up00: 0 0 0 9 0 0 0 0 0 0 0 9 0 0 0 0\n   up0:  1 2 3 40 5 6 7 8 9 10 11 120 13 14 15 16\n";
        assert_eq!(strays(table, "up0"), Some((40, 120)));
        assert_eq!(strays(table, "up1"), None);
    }
}
