//! Puts an installation together: adapters, engine and the handle that a command line or a window holds.

use std::{collections::HashSet, net::IpAddr, sync::Arc};

use anyhow::Context as _;
use sightline_protocol::{
    keys::{Address, Identity},
    link::{CallLink, ServerAddress},
};
use sightline_server::Config;
use tokio::{runtime::Handle as Runtime, sync::mpsc};

use crate::{
    adapters::{
        camera::{self, Cameras, WithCamera},
        headless::Headless,
        network_watch::Watch,
        peer::WebRtc,
        probe::{self, Subject},
        processor::OwnProcess,
        sound_devices::CpalDevices,
        switchboard::Switchboard,
    },
    engine::{
        api::Handle,
        clock::Clock,
        device_media::DeviceMedia,
        glass::{Glass, OnGlass},
        ports::{DeviceNews, Doctor, Exchange, Mail, MailEvent, MediaMaker, sound::MakeDevices},
        run::{Parts, start},
    },
    logging,
    logic::{devices::Choice, path::PathPolicy, phone::Owner},
    settings::Profile,
};

/// Changes of the network waiting for the engine. When it is full the next one is found later, with what came after it.
const CHANGES: usize = 8;

/// News of devices waiting for the engine. When it is full whoever watches over devices waits.
const DEVICE_NEWS: usize = 16;

/// The port of a server that somebody is for a call. Always the same, so that a link given away holds; another one where it
/// is taken.
const PORT_HERE: u16 = 7443;

/// A server for calls within this network, in this program.
pub fn server_here(profile: &Profile, bind: &[IpAddr]) -> Config {
    let mut config = Config::lan(bind);
    for address in &mut config.https {
        address.set_port(PORT_HERE);
    }
    Config { https_instead: vec![0], data: Some(profile.server_folder()), ..config }
}

/// In place of a link: everybody who is a contact.
pub const CONTACTS: &str = "contacts";

/// Who may ask what this network looks like, by link or by address alone, or all contacts.
pub fn may_examine(named: &[String], contacts: &HashSet<Address>) -> anyhow::Result<HashSet<Address>> {
    let mut may = HashSet::new();
    for text in named {
        if text == CONTACTS {
            may.extend(contacts);
            continue;
        }
        let link = text.parse::<CallLink>().map(|link| link.address);
        let address = link.or_else(|error| text.parse::<Address>().map_err(|_| error));
        may.insert(address.with_context(|| format!("may_examine in settings.toml: `{text}`"))?);
    }
    Ok(may)
}

/// What an installation is started with.
pub struct Installation {
    /// Who it is.
    pub identity: Identity,
    /// What it calls itself, and which links are good.
    pub owner: Owner,
    /// Where it is reached; nothing where that is said later.
    pub server: Option<ServerAddress>,
    /// Whoever asks the server hears that we are not connected; calls come through.
    pub hidden: bool,
    /// Its media.
    pub media: Headless,
    /// What is neither file nor device, in the place of all that.
    pub others: Option<Box<dyn MediaMaker>>,
    /// Which devices stand in for it.
    pub devices: DeviceWishes,
    /// Where a window sees its media.
    pub glass: Option<Arc<Glass>>,
    /// Which paths are allowed.
    pub path: PathPolicy,
    /// The local addresses to use; all usable ones where empty.
    pub bind: Vec<IpAddr>,
    /// Who may ask what this computer's network looks like.
    pub may_examine: HashSet<Address>,
}

/// Devices that somebody wants; where nothing is said, none is opened.
#[derive(Clone, Debug, Default)]
pub struct DeviceWishes {
    /// To be heard with.
    pub microphone: Option<Choice>,
    /// To hear with.
    pub speaker: Option<Choice>,
    /// To be seen with.
    pub camera: Option<Choice>,
}

impl DeviceWishes {
    /// Puts them in the place of what `others` makes.
    fn wrap(self, others: Headless, news: &mpsc::Sender<DeviceNews>) -> Box<dyn MediaMaker> {
        let (clock, size, fps) = (others.clock, others.size, others.fps);
        let mut others: Box<dyn MediaMaker> = Box::new(others);
        if let Some(choice) = self.camera {
            match Cameras::start(camera::native(), choice, clock, news.clone()) {
                Ok(cameras) => others = Box::new(WithCamera::new(others, cameras, size, fps)),
                Err(error) => {
                    tracing::error!(%error, "the system gave no thread for cameras; close other programs and start again");
                }
            }
        }
        let mut media = DeviceMedia::new(others, clock);
        let make = || -> MakeDevices { Box::new(|| Box::new(CpalDevices::new())) };
        let started = self
            .microphone
            .map_or(Ok(()), |choice| media.use_microphone(choice, make(), news.clone()))
            .and(self.speaker.map_or(Ok(()), |choice| media.use_speaker(choice, make(), news.clone())));
        if let Err(error) = started {
            tracing::error!(%error, "the system gave no thread for sound devices; close other programs and start again");
        }
        Box::new(media)
    }
}

impl Installation {
    /// Starts it on the runtime that this is called from.
    pub fn start(self) -> Handle {
        let runtime = Runtime::current();
        let identity = Arc::new(self.identity);
        let exchange = Switchboards { runtime: runtime.clone(), identity: identity.clone() };
        let (changes, network_events) = mpsc::channel(CHANGES);
        let network = Watch::start(&runtime, self.bind.clone(), changes);
        let (news, device_news) = mpsc::channel(DEVICE_NEWS);
        let (clock, fps) = (self.media.clock, self.media.fps);
        let doctor = NetworkDoctor { runtime: runtime.clone(), clock };
        start(Parts {
            identity,
            owner: self.owner,
            server: self.server,
            hidden: self.hidden,
            path: self.path,
            bind: self.bind,
            fps,
            clock,
            exchange: Box::new(exchange),
            network: Box::new(network),
            network_events,
            may_examine: self.may_examine,
            doctor: Box::new(doctor),
            peers: Box::new(WebRtc::new(runtime, clock)),
            media: self.others.unwrap_or_else(|| seen(self.devices.wrap(self.media, &news), self.glass)),
            device_news,
            processor: Box::new(OwnProcess),
            journal: logging::journal(),
        })
    }
}

/// Lines to servers, each under this installation's key.
struct Switchboards {
    runtime: Runtime,
    identity: Arc<Identity>,
}

impl Exchange for Switchboards {
    fn open(&self, server: ServerAddress, hidden: bool, events: mpsc::Sender<MailEvent>) -> Box<dyn Mail> {
        Box::new(Switchboard::connect(&self.runtime, server, self.identity.clone(), hidden, events))
    }
}

fn seen(media: Box<dyn MediaMaker>, glass: Option<Arc<Glass>>) -> Box<dyn MediaMaker> {
    match glass {
        Some(glass) => Box::new(OnGlass::new(media, glass)),
        None => media,
    }
}

/// Looks at the network around the server that this installation is reached at.
struct NetworkDoctor {
    runtime: Runtime,
    clock: Clock,
}

impl Doctor for NetworkDoctor {
    fn examine(&self, server: Option<ServerAddress>, seen: mpsc::Sender<Option<String>>) {
        let clock = self.clock;
        self.runtime.spawn(async move {
            let Some(subject) = server.map(Subject::new) else {
                seen.send(None).await.ok();
                return;
            };
            let told = probe::examine(&subject, clock).await.for_others();
            seen.send(serde_json::to_string(&told).ok()).await.ok();
        });
    }
}
