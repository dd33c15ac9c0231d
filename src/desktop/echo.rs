//! The other end of a call with oneself: an installation of its own in this program, without a window, with a key that is made
//! for the purpose. It takes the call, and sends back what it sees at once, and what it hears half a second later, so that
//! nobody is confused by their own voice.

use std::{
    collections::{HashSet, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sightline_protocol::{
    NoRandomness,
    call::Media,
    keys::{Address, Identity},
    link::ServerAddress,
};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use crate::{
    adapters::headless::Headless,
    app::{DeviceWishes, Installation},
    engine::{
        api::{Command, Update},
        clock::{Beat, Clock},
        ports::{
            MediaMaker, PictureSink, PictureSource, SOUND_BLOCK, SOUND_BLOCK_TIME, SoundSink, SoundSource,
            SourceEnded,
        },
    },
    logic::{course::Stage, phone::Owner, units::MediaTime},
    media::{frame::Frame, voice::VoiceSettings},
};

/// How much later it is heard.
const LATER: Duration = Duration::from_millis(500);
/// Blocks of sound that wait for their time. The oldest makes room for one more.
const BLOCKS: usize = 60;
/// Pictures a second, at most.
const FPS: u32 = 30;
/// How long its server may take to know it.
const WITHIN: Duration = Duration::from_secs(10);
/// How long its last words may take.
const GOODBYE: Duration = Duration::from_secs(3);

/// It waits to be called, or is. Dropping it ends it.
pub(super) struct Echo {
    task: Option<JoinHandle<()>>,
}

/// It could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoEcho {
    /// No key.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// Nobody would be able to call it.
    #[error("the server does not answer; see how it does in the settings")]
    NoServer,
}

impl Echo {
    /// Makes it at this server, and gives its address once it can be called. Runs on the runtime that this is called from.
    pub(super) async fn start(
        server: ServerAddress,
        bind: Vec<IpAddr>,
        clock: Clock,
    ) -> Result<(Self, Address), NoEcho> {
        let identity = Identity::generate()?;
        let address = identity.address();
        let mut engine = Installation {
            identity,
            owner: Owner { name: Some("Echo test".to_owned()), ..Owner::default() },
            server: Some(server),
            hidden: true,
            media: Headless::silent(clock),
            devices: DeviceWishes::default(),
            glass: None,
            others: Some(Box::new(Mirror::new(clock))),
            path: crate::logic::path::PathPolicy::Any,
            bind,
            may_examine: HashSet::new(),
        }
        .start();
        let (up, is_up) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut up = Some(up);
            while let Some(update) = engine.next().await {
                match update {
                    Update::SwitchboardUp => {
                        up.take().map(|up| up.send(()).ok());
                    }
                    Update::Stage { stage: Stage::RingingHere, .. } => {
                        engine.say(Command::Accept { media: Media { audio: true, video: true } });
                    }
                    Update::Over { .. } => break,
                    Update::Home { .. }
                    | Update::Network { .. }
                    | Update::SwitchboardDown { .. }
                    | Update::SwitchboardRefused { .. }
                    | Update::Began { .. }
                    | Update::Agreed { .. }
                    | Update::NotDialled { .. }
                    | Update::Present { .. }
                    | Update::Stage { .. }
                    | Update::Link { .. }
                    | Update::Path { .. }
                    | Update::Standing { .. }
                    | Update::Statistics { .. }
                    | Update::TheirStatus { .. }
                    | Update::SpeakingWhileMuted { .. }
                    | Update::TurnedAway { .. }
                    | Update::Consulted { .. }
                    | Update::NoRelay { .. }
                    | Update::Chat { .. }
                    | Update::Files { .. }
                    | Update::Previewing(_)
                    | Update::Devices(_)
                    | Update::Device(_)
                    | Update::Problem { .. } => {}
                }
            }
            engine.say(Command::Close);
            let last = async { while engine.next().await.is_some() {} };
            timeout(GOODBYE, last).await.ok();
        });
        let echo = Self { task: Some(task) };
        match timeout(WITHIN, is_up).await {
            Ok(Ok(())) => Ok((echo, address)),
            Ok(Err(_)) | Err(_) => Err(NoEcho::NoServer),
        }
    }

    /// The call is over, and its last words are on their way: it goes by itself.
    pub(super) fn leave(mut self) {
        self.task.take();
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// What was heard and seen, and when.
#[derive(Default)]
struct Held {
    picture: Option<Frame>,
    blocks: VecDeque<(Instant, [f32; SOUND_BLOCK])>,
}

type Shared = Arc<Mutex<Held>>;

/// Both ends of its media: what goes into one comes out of the other, later.
struct Mirror {
    held: Shared,
    clock: Clock,
}

impl Mirror {
    fn new(clock: Clock) -> Self {
        Self { held: Shared::default(), clock }
    }

    fn end(&self) -> End {
        let every = Duration::from_secs(1) / FPS;
        End {
            held: self.held.clone(),
            clock: self.clock,
            sound: self.clock.beat(SOUND_BLOCK_TIME),
            pictures: self.clock.beat(every),
        }
    }
}

impl MediaMaker for Mirror {
    fn picture_source(&mut self) -> Result<Option<Box<dyn PictureSource>>, SourceEnded> {
        Ok(Some(Box::new(self.end())))
    }

    fn sound_source(&mut self) -> Result<Option<Box<dyn SoundSource>>, SourceEnded> {
        Ok(Some(Box::new(self.end())))
    }

    fn picture_sink(&mut self) -> Result<Box<dyn PictureSink>, SourceEnded> {
        Ok(Box::new(self.end()))
    }

    fn sound_sink(&mut self) -> Result<Box<dyn SoundSink>, SourceEnded> {
        Ok(Box::new(self.end()))
    }

    fn voice(&self) -> VoiceSettings {
        VoiceSettings::NOTHING
    }
}

struct End {
    held: Shared,
    clock: Clock,
    sound: Beat,
    pictures: Beat,
}

impl End {
    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PictureSource for End {
    fn next(&mut self) -> Result<Option<Frame>, SourceEnded> {
        self.pictures.wait();
        let now = self.clock.now();
        // It is taken now, for whoever measures how old it is.
        Ok(self.held().picture.take().map(|frame| frame.captured_at(self.clock.media(now))))
    }
}

impl SoundSource for End {
    fn read(&mut self, block: &mut [f32; SOUND_BLOCK]) -> Result<MediaTime, SourceEnded> {
        let began = self.sound.wait();
        let now = self.clock.now();
        let mut held = self.held();
        let is_due = held.blocks.front().is_some_and(|(at, _)| *at + LATER <= now);
        *block =
            is_due.then(|| held.blocks.pop_front()).flatten().map_or([0.0; SOUND_BLOCK], |(_, block)| block);
        Ok(self.clock.media(began))
    }
}

impl PictureSink for End {
    fn show(&mut self, frame: &Frame, _: MediaTime, _: MediaTime) {
        // The newest wins.
        self.held().picture = Some(frame.clone());
    }
}

impl SoundSink for End {
    fn wait(&mut self) -> Instant {
        self.sound.wait()
    }

    fn play(&mut self, block: &[f32; SOUND_BLOCK]) {
        let now = self.clock.now();
        let mut held = self.held();
        if held.blocks.len() >= BLOCKS {
            held.blocks.pop_front();
        }
        held.blocks.push_back((now, *block));
    }
}
