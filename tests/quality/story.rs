//! What was seen in one direction of one call. All times are milliseconds since the receiving end was connected.

/// A picture as a person sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen {
    /// When.
    pub(crate) at_ms: f64,
    /// How long ago it was captured, where that is known.
    pub(crate) delay_ms: Option<f64>,
    /// The same, until it was handed over to be shown.
    pub(crate) handed_ms: Option<f64>,
    pub(crate) width: u32,
}

/// How much of the pictures had been sent or received until then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Volume {
    pub(crate) at_ms: f64,
    pub(crate) bytes: f64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    pub(crate) seen: Vec<Seen>,
    /// Without headers and repetitions.
    pub(crate) sent: Vec<Volume>,
    /// Without headers.
    pub(crate) received: Vec<Volume>,
    pub(crate) concealed_percent: Option<f64>,
    /// How long sound waits before it is played, on average.
    pub(crate) sound_buffer_ms: Option<f64>,
    /// Each that was heard.
    pub(crate) mouth_to_ear_ms: Vec<f64>,
    /// Of the end that receives here, which sends as much the other way.
    pub(crate) cores: Option<f64>,
}
