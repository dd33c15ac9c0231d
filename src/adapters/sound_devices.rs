//! Microphones and speakers, by way of `cpal`.
//!
//! On Linux the sound server is asked first (PulseAudio, or PipeWire in its place): it knows devices by the names that people
//! gave them, shares them, and brings sound to any rate. Only where there is none, ALSA, of whose list most is nothing that
//! anybody would choose: plugins, and each card once for each way of mixing it.
//!
//! Buffers have a fixed size. What a device would take by itself is up to two seconds. A fixed size makes `cpal` ask
//! PulseAudio for twice as much and for the least that its device can do beyond.
//!
//! Callbacks copy, and nothing else. An error callback can be called some thousand times a second on a stream that is dead:
//! it counts, and whoever watches the numbers closes the stream.

use std::time::Duration;

use cpal::{
    BufferSize, FromSample, SampleFormat, SizedSample, StreamConfig, SupportedBufferSize,
    SupportedStreamConfigRange,
    traits::{DeviceTrait as _, HostTrait as _, StreamTrait as _},
};

use crate::{
    engine::ports::sound::{Complaints, MicrophoneEnd, OpenSound, SoundDevices, SoundStream, SpeakerEnd},
    logic::devices::{Cause, Device, DeviceId, DeviceKind, tell_apart},
};

/// The rate that nothing has to be done for.
const BEST_RATE_HZ: u32 = 48_000;
/// How long opening may take.
const OPEN_WITHIN: Duration = Duration::from_secs(4);
/// The host to ask first, where it is there.
const SOUND_SERVER: &str = "PulseAudio";
/// What a sound server calls a microphone that hears a speaker.
const MONITOR: &str = ".monitor";
/// The name of ALSA's own choice.
const ALSA_DEFAULT: &str = "default";
/// ALSA's cards, with all conversions.
const ALSA_CARD: &str = "plughw:CARD=";

/// The sound devices of this computer. Of one thread.
///
/// Streams are opened on two connections by turns: PulseAudio takes all streams of a connection for synchronised, as
/// `cpal` numbers them alike, and refuses a second one for another speaker with *invalid argument*. A new stream is opened
/// beside the one that it replaces, so there are never more than two.
#[derive(Default)]
pub struct CpalDevices {
    /// Lists.
    host: Option<cpal::Host>,
    openers: [Option<cpal::Host>; 2],
    turn: usize,
}

impl CpalDevices {
    /// Nothing is asked before it is needed.
    pub fn new() -> Self {
        Self::default()
    }

    fn is_on_server(&self) -> bool {
        self.host.as_ref().is_some_and(|host| host.id().name() == SOUND_SERVER)
    }

    /// The sound server as soon as there is one; the system's usual way until then.
    fn host(&mut self) -> &cpal::Host {
        if !self.is_on_server()
            && let Ok(host) = on_server()
        {
            self.host = Some(host);
        }
        self.host.get_or_insert_with(without_server)
    }

    /// The devices, each good for opening it.
    fn open_from(&mut self) -> Result<cpal::Devices, cpal::Error> {
        self.host();
        if !self.is_on_server() {
            return self.host().devices();
        }
        let opener = &mut self.openers[self.turn];
        if let Some(devices) = opener.as_ref().and_then(|host| host.devices().ok()) {
            return Ok(devices);
        }
        // None yet, or one to a server that is gone.
        opener.insert(on_server()?).devices()
    }

    fn find(&mut self, id: &DeviceId) -> Result<cpal::Device, Cause> {
        let devices = self.open_from().map_err(|error| cause(&error))?;
        let is_it = |device: &cpal::Device| device.id().is_ok_and(|known| known.to_string() == id.as_str());
        devices.into_iter().find(is_it).ok_or(Cause::Unplugged)
    }
}

fn on_server() -> Result<cpal::Host, cpal::Error> {
    let server = cpal::available_hosts().into_iter().find(|id| id.name() == SOUND_SERVER);
    server.ok_or_else(|| cpal::ErrorKind::HostUnavailable.into()).and_then(cpal::host_from_id)
}

fn without_server() -> cpal::Host {
    let known = cpal::available_hosts().into_iter().filter(|id| id.name() != SOUND_SERVER);
    known.into_iter().find_map(|id| cpal::host_from_id(id).ok()).unwrap_or_else(cpal::default_host)
}

impl SoundDevices for CpalDevices {
    fn list(&mut self, kind: DeviceKind) -> Result<Vec<Device>, String> {
        let on_server = self.is_on_server();
        let host = self.host();
        let listed = host.devices();
        let Ok(devices) = listed else {
            if on_server {
                // It may be gone for good, or come back as another.
                self.host = None;
            }
            return listed.map(|_| Vec::new()).map_err(|error| error.to_string());
        };
        let usual = match kind {
            DeviceKind::Microphone => host.default_input_device(),
            DeviceKind::Speaker => host.default_output_device(),
            DeviceKind::Camera => None,
        };
        let usual = usual.and_then(|device| device.id().ok());
        let mut known: Vec<Device> = Vec::new();
        for device in devices {
            let Ok(id) = device.id() else { continue };
            let fits = match kind {
                DeviceKind::Microphone => device.supports_input() && !id.id().ends_with(MONITOR),
                DeviceKind::Speaker => device.supports_output(),
                DeviceKind::Camera => false,
            };
            let is_alsa = id.host().name() == "ALSA";
            if !fits || (is_alsa && !is_meant(id.id())) {
                continue;
            }
            let name =
                device.description().map_or_else(|_| id.id().to_owned(), |words| words.name().to_owned());
            let is_default = usual.as_ref() == Some(&id);
            let id = DeviceId::new(id.to_string());
            if known.iter().all(|device| device.id != id) {
                known.push(Device { kind, id, name, is_default });
            }
        }
        tell_apart(&mut known);
        Ok(known)
    }

    fn open_microphone(
        &mut self,
        id: &DeviceId,
        end: MicrophoneEnd,
        buffer: Duration,
    ) -> Result<OpenSound, Cause> {
        let device = self.find(id)?;
        let ranges = device.supported_input_configs().map_err(|error| cause(&error))?;
        let (config, format) = best(ranges, 1, buffer).ok_or_else(no_format)?;
        let stream = match format {
            SampleFormat::I8 => listen::<i8>(&device, config, end),
            SampleFormat::I16 => listen::<i16>(&device, config, end),
            SampleFormat::I24 => listen::<cpal::I24>(&device, config, end),
            SampleFormat::I32 => listen::<i32>(&device, config, end),
            SampleFormat::I64 => listen::<i64>(&device, config, end),
            SampleFormat::U8 => listen::<u8>(&device, config, end),
            SampleFormat::U16 => listen::<u16>(&device, config, end),
            SampleFormat::U24 => listen::<cpal::U24>(&device, config, end),
            SampleFormat::U32 => listen::<u32>(&device, config, end),
            SampleFormat::U64 => listen::<u64>(&device, config, end),
            SampleFormat::F64 => listen::<f64>(&device, config, end),
            SampleFormat::F32 | SampleFormat::DsdU8 | SampleFormat::DsdU16 | SampleFormat::DsdU32 | _ => {
                listen::<f32>(&device, config, end)
            }
        };
        let open = open(stream, config)?;
        self.turn ^= 1;
        Ok(open)
    }

    fn open_speaker(&mut self, id: &DeviceId, end: SpeakerEnd, buffer: Duration) -> Result<OpenSound, Cause> {
        let device = self.find(id)?;
        let ranges = device.supported_output_configs().map_err(|error| cause(&error))?;
        let (config, format) = best(ranges, 2, buffer).ok_or_else(no_format)?;
        let stream = match format {
            SampleFormat::I8 => speak::<i8>(&device, config, end),
            SampleFormat::I16 => speak::<i16>(&device, config, end),
            SampleFormat::I24 => speak::<cpal::I24>(&device, config, end),
            SampleFormat::I32 => speak::<i32>(&device, config, end),
            SampleFormat::I64 => speak::<i64>(&device, config, end),
            SampleFormat::U8 => speak::<u8>(&device, config, end),
            SampleFormat::U16 => speak::<u16>(&device, config, end),
            SampleFormat::U24 => speak::<cpal::U24>(&device, config, end),
            SampleFormat::U32 => speak::<u32>(&device, config, end),
            SampleFormat::U64 => speak::<u64>(&device, config, end),
            SampleFormat::F64 => speak::<f64>(&device, config, end),
            SampleFormat::F32 | SampleFormat::DsdU8 | SampleFormat::DsdU16 | SampleFormat::DsdU32 | _ => {
                speak::<f32>(&device, config, end)
            }
        };
        let open = open(stream, config)?;
        self.turn ^= 1;
        Ok(open)
    }

    fn list_every(&self) -> Duration {
        // ALSA looks into every card for it.
        Duration::from_secs(if self.is_on_server() { 1 } else { 3 })
    }
}

/// Whether anybody would choose this one of ALSA's.
fn is_meant(id: &str) -> bool {
    let card = id.strip_prefix(ALSA_CARD);
    // Cards by number are there by name as well, and numbers change with the order of plugging in.
    id == ALSA_DEFAULT || card.is_some_and(|card| !card.starts_with(|first: char| first.is_ascii_digit()))
}

/// Our rate where it can be had, else the nearest; a format that loses nothing; about as many channels as are good for
/// something.
fn best(
    ranges: impl Iterator<Item = SupportedStreamConfigRange>,
    channels: u16,
    buffer: Duration,
) -> Option<(StreamConfig, SampleFormat)> {
    let judged = ranges.filter_map(|range| {
        let format = rank(range.sample_format())?;
        let rate = BEST_RATE_HZ.clamp(range.min_sample_rate(), range.max_sample_rate());
        let missed = (u32::from(rate < BEST_RATE_HZ), rate.abs_diff(BEST_RATE_HZ));
        let (fewer, more) = (range.channels() < channels, range.channels().abs_diff(channels));
        Some(((missed, format, fewer, more), range, rate))
    });
    let (_, range, rate) = judged.min_by_key(|(badness, ..)| *badness)?;
    let frames = (f64::from(rate) * buffer.as_secs_f64()).round() as u32;
    let frames = match range.buffer_size() {
        SupportedBufferSize::Range { min, max } => frames.clamp(*min, (*max).max(*min)),
        SupportedBufferSize::Unknown => frames,
    };
    let config = StreamConfig {
        channels: range.channels(),
        sample_rate: rate,
        buffer_size: BufferSize::Fixed(frames),
    };
    Some((config, range.sample_format()))
}

/// The lower the better; nothing for what is no sound in samples.
fn rank(format: SampleFormat) -> Option<u32> {
    const BY_WORTH: [SampleFormat; 12] = [
        SampleFormat::F32,
        SampleFormat::I32,
        SampleFormat::I24,
        SampleFormat::I16,
        SampleFormat::F64,
        SampleFormat::U32,
        SampleFormat::U24,
        SampleFormat::U16,
        SampleFormat::I64,
        SampleFormat::U64,
        SampleFormat::I8,
        SampleFormat::U8,
    ];
    (0..).zip(BY_WORTH).find(|(_, known)| *known == format).map(|(rank, _)| rank)
}

fn listen<T>(
    device: &cpal::Device,
    config: StreamConfig,
    mut end: MicrophoneEnd,
) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let complaints = end.complaints();
    let (channels, rate) = (usize::from(config.channels.max(1)), f64::from(config.sample_rate));
    // More than two are an array, or a mixer; the first two are what is meant.
    let heard = channels.min(2);
    device.build_input_stream::<T, _, _>(
        config,
        move |samples, info| {
            let frames = samples.len() / channels;
            let mono = samples.chunks_exact(channels).map(|frame| {
                frame[..heard].iter().map(|sample| sample.to_sample::<f32>()).sum::<f32>() / heard as f32
            });
            let at = info.timestamp();
            // What the system tells is of the first frame.
            let delay = at.callback.duration_since(at.capture);
            let lasts = Duration::from_secs_f64(frames as f64 / rate);
            end.hear(frames, mono, delay.saturating_sub(lasts));
        },
        move |error| complain(&complaints, &error),
        Some(OPEN_WITHIN),
    )
}

fn speak<T>(
    device: &cpal::Device,
    config: StreamConfig,
    mut end: SpeakerEnd,
) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample + FromSample<f32>,
{
    let complaints = end.complaints();
    let channels = usize::from(config.channels.max(1));
    device.build_output_stream::<T, _, _>(
        config,
        move |samples, info| {
            let frames = samples.len() / channels;
            let at = info.timestamp();
            let delay = at.playback.duration_since(at.callback);
            let mut frame = samples.chunks_exact_mut(channels);
            end.play(frames, delay, |sample| {
                let sample = T::from_sample(sample);
                for (channel, out) in frame.next().into_iter().flatten().enumerate() {
                    *out = if channel < 2 { sample } else { T::EQUILIBRIUM };
                }
            });
        },
        move |error| complain(&complaints, &error),
        Some(OPEN_WITHIN),
    )
}

fn open(stream: Result<cpal::Stream, cpal::Error>, config: StreamConfig) -> Result<OpenSound, Cause> {
    let stream = stream.map_err(|error| cause(&error))?;
    stream.play().map_err(|error| cause(&error))?;
    Ok(OpenSound { stream: Box::new(Running(stream)), rate_hz: config.sample_rate })
}

struct Running(#[expect(dead_code, reason = "dropping it closes the device")] cpal::Stream);

impl SoundStream for Running {}

fn no_format() -> Cause {
    Cause::Broken("it offers no format of sound that is known here".to_owned())
}

fn complain(complaints: &Complaints, error: &cpal::Error) {
    let kind = error.kind();
    if kind == cpal::ErrorKind::DeviceNotAvailable {
        complaints.fatal(&Cause::Unplugged);
    } else if kind == cpal::ErrorKind::DeviceBusy {
        complaints.fatal(&Cause::Busy);
    } else if kind == cpal::ErrorKind::PermissionDenied {
        complaints.fatal(&Cause::Forbidden);
    } else if kind == cpal::ErrorKind::StreamInvalidated || kind == cpal::ErrorKind::HostUnavailable {
        complaints.fatal(&Cause::Silent);
    } else if kind != cpal::ErrorKind::RealtimeDenied && kind != cpal::ErrorKind::DeviceChanged {
        complaints.note();
    }
}

fn cause(error: &cpal::Error) -> Cause {
    let kind = error.kind();
    if kind == cpal::ErrorKind::DeviceNotAvailable {
        Cause::Unplugged
    } else if kind == cpal::ErrorKind::DeviceBusy {
        Cause::Busy
    } else if kind == cpal::ErrorKind::PermissionDenied {
        Cause::Forbidden
    } else {
        Cause::Broken(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_would_choose_is_not_listed() {
        for hidden in ["lavrate", "speexrate", "upmix", "jack", "oss", "null", "pulse", "hw:CARD=PCH,DEV=0"] {
            assert!(!is_meant(hidden), "{hidden}");
        }
        assert!(!is_meant("plughw:CARD=0,DEV=0"), "by number");
        assert!(is_meant("default") && is_meant("plughw:CARD=PCH,DEV=0"));
    }

    fn offer(channels: u16, rates: (u32, u32), format: SampleFormat) -> SupportedStreamConfigRange {
        let buffer = SupportedBufferSize::Range { min: 64, max: 4096 };
        SupportedStreamConfigRange::new(channels, rates.0, rates.1, buffer, format)
    }

    fn chosen(offers: &[SupportedStreamConfigRange], channels: u16) -> Option<(u16, u32, SampleFormat)> {
        best(offers.iter().copied(), channels, Duration::from_millis(10))
            .map(|(config, format)| (config.channels, config.sample_rate, format))
    }

    #[test]
    fn our_rate_comes_first_then_the_format_then_the_channels() {
        use SampleFormat::{DsdU8, F32, I16, U8};
        let offers = [
            offer(1, (44_100, 44_100), F32),
            offer(8, (8_000, 192_000), I16),
            offer(2, (8_000, 192_000), I16),
            offer(2, (8_000, 192_000), U8),
        ];
        assert_eq!(chosen(&offers, 1), Some((2, 48_000, I16)));
        assert_eq!(
            chosen(&[offer(1, (96_000, 96_000), F32), offer(1, (8_000, 44_100), F32)], 1),
            Some((1, 96_000, F32))
        );
        assert_eq!(
            chosen(&[offer(1, (48_000, 48_000), F32), offer(6, (48_000, 48_000), F32)], 2),
            Some((6, 48_000, F32))
        );
        assert_eq!(chosen(&[offer(2, (48_000, 48_000), DsdU8)], 2), None);
    }
}
