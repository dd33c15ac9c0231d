//! Camera and microphone without a call: one looks at oneself, and sees the meter move.
//!
//! Nothing is kept of what they give: the ends of media that are read here show it on the glass by themselves.

use std::{io, time::Duration};

use crate::engine::{
    ports::{MediaMaker, PictureSource, SOUND_BLOCK, SoundSource, SourceEnded},
    thread::{Stop, Thread},
};

/// The least time between two looks at a camera that gives nothing and does not wait.
const NO_PICTURE: Duration = Duration::from_millis(5);

/// Both, while it exists. Dropping it closes them and waits for that.
pub(crate) struct Preview {
    stop: Stop,
    threads: Vec<Thread>,
}

impl Preview {
    /// Opens what there is. Says what of it does not work.
    pub(crate) fn start(media: &mut dyn MediaMaker) -> (Self, Vec<String>) {
        let mut preview = Self { stop: Stop::default(), threads: Vec::new() };
        let mut problems = Vec::new();
        let stop = &preview.stop;
        let camera = media.picture_source().and_then(|source| look(source, stop));
        let microphone = media.sound_source().and_then(|source| listen(source, stop));
        for (what, started) in
            [("The camera shows nothing", camera), ("The microphone hears nothing", microphone)]
        {
            match started {
                Ok(thread) => preview.threads.extend(thread),
                Err(why) => problems.push(format!("{what}: {why}")),
            }
        }
        (preview, problems)
    }

    /// Tells both to end, and waits for nothing.
    pub(crate) fn stop(&self) {
        self.stop.stop();
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        self.stop.stop();
        self.threads.clear();
    }
}

fn look(source: Option<Box<dyn PictureSource>>, stop: &Stop) -> Result<Option<Thread>, SourceEnded> {
    let Some(mut source) = source else { return Ok(None) };
    let stop = stop.clone();
    let look = move || {
        while !stop.is_set() {
            match source.next() {
                Ok(Some(_)) => {}
                Ok(None) => std::thread::sleep(NO_PICTURE),
                Err(ended) => {
                    tracing::warn!(why = %ended, "no more pictures to look at");
                    return;
                }
            }
        }
    };
    Thread::spawn("camera", look).map(Some).map_err(no_thread)
}

fn listen(source: Option<Box<dyn SoundSource>>, stop: &Stop) -> Result<Option<Thread>, SourceEnded> {
    let Some(mut source) = source else { return Ok(None) };
    let stop = stop.clone();
    let listen = move || {
        let mut block = [0.0; SOUND_BLOCK];
        while !stop.is_set() {
            if let Err(ended) = source.read(&mut block) {
                tracing::warn!(why = %ended, "no more sound to listen to");
                return;
            }
        }
    };
    Thread::spawn("listen", listen).map(Some).map_err(no_thread)
}

fn no_thread(error: io::Error) -> SourceEnded {
    SourceEnded(format!("the system gave no thread ({error}); close other programs and try again"))
}
