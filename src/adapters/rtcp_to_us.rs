//! Lets the RTCP through that is for us: requests for a key frame, and goodbyes.
//!
//! `webrtc` hands no RTCP to an application unless an interceptor vouches for it. Without this one a lost key frame would
//! never be replaced, and an end that goes while the switchboard is gone would be missed only when its silence shows.

use rtc::{
    interceptor::{Attribute, Interceptor, Packet, StreamInfo, TaggedPacket},
    rtcp::{
        goodbye::Goodbye,
        payload_feedbacks::{
            full_intra_request::FullIntraRequest, picture_loss_indication::PictureLossIndication,
        },
    },
    sansio::Protocol,
    shared::error::Error,
};

use super::passing::{Passing, hands_over};

/// Passes everything on, and vouches for what is for us.
#[derive(Default)]
pub(super) struct RtcpToUs {
    passing: Passing,
}

/// Whether this packet asks for a key frame.
pub(super) fn asks_for_key_frame(packet: &dyn rtc::rtcp::Packet) -> bool {
    let packet = packet.as_any();
    packet.is::<PictureLossIndication>() || packet.is::<FullIntraRequest>()
}

/// Whether this packet says that its sender goes.
pub(super) fn says_goodbye(packet: &dyn rtc::rtcp::Packet) -> bool {
    packet.as_any().is::<Goodbye>()
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for RtcpToUs {
    hands_over!();

    fn handle_read(&mut self, mut tagged: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &mut tagged.message.packet {
            packets.retain(|packet| asks_for_key_frame(packet.as_ref()) || says_goodbye(packet.as_ref()));
            if packets.is_empty() {
                return Ok(());
            }
            tagged.message.add(Attribute::DeliverToApplication);
        }
        self.passing.incoming.push_back(tagged);
        Ok(())
    }

    fn handle_write(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        self.passing.outgoing.push_back(tagged);
        Ok(())
    }
}

impl Interceptor for RtcpToUs {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
