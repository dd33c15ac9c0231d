"""A peer made of aiortc. It is told what to do by lines of JSON, and tells what happens in lines of JSON.

Its candidates come with its descriptions, and it wants ours with ours: it does not trickle.
"""

import asyncio
import json
import sys

import numpy
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from av import AudioFrame, VideoFrame

SAMPLES = 960


def say(**message):
    print(json.dumps(message), flush=True)


class Picture(VideoStreamTrack):
    """White on the left, black on the right."""

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        pixels = numpy.zeros((240, 320, 3), numpy.uint8)
        pixels[:, :160] = 255
        place = pts // 3000 * 4 % 300
        pixels[110:130, place : place + 20] = 128
        frame = VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


class Sound(AudioStreamTrack):
    """A tone of 440 Hz. The base class keeps the time, at a rate of its own."""

    sent = 0

    async def recv(self):
        await super().recv()
        at = numpy.arange(self.sent, self.sent + SAMPLES) / 48000
        self.sent += SAMPLES
        samples = (numpy.sin(at * 440 * 2 * numpy.pi) * 10000).astype(numpy.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48000, self.sent
        return frame


class Peer:
    def __init__(self):
        self.video = {"type": "inbound-rtp", "kind": "video", "framesDecoded": 0}
        self.audio = {"type": "inbound-rtp", "kind": "audio", "totalAudioEnergy": 0.0}
        self.pc = RTCPeerConnection()
        self.pc.on("track", lambda track: asyncio.ensure_future(self.take(track)))
        self.pc.on("connectionstatechange", lambda: say(state=self.pc.connectionState))
        self.pc.on("datachannel", self.take_channel)
        self.channel = None

    def take_channel(self, channel):
        self.channel = channel
        channel.on("open", lambda: say(channel="open"))
        channel.on("message", lambda text: say(message=text))

    async def take(self, track):
        """Like a browser, it asks for a key frame when pictures come that it cannot decode. aiortc itself does not."""
        (receiver,) = [receiver for receiver in self.pc.getReceivers() if receiver.track == track]
        while True:
            try:
                frame = await asyncio.wait_for(track.recv(), 0.5)
            except asyncio.TimeoutError:
                for source in receiver.getSynchronizationSources():
                    if track.kind == "video":
                        await receiver._send_rtcp_pli(source.source)
                continue
            if track.kind == "video":
                self.video["framesDecoded"] += 1
                self.video.update(frameWidth=frame.width, frameHeight=frame.height)
            else:
                samples = frame.to_ndarray() / 32768
                self.audio["totalAudioEnergy"] += float((samples**2).mean()) * SAMPLES / 48000

    async def open(self, with_channel, **_):
        self.pc.addTrack(Sound())
        self.pc.addTrack(Picture())
        if with_channel:
            self.take_channel(self.pc.createDataChannel("words"))

    async def make_offer(self):
        await self.pc.setLocalDescription(await self.pc.createOffer())
        say(offer=self.pc.localDescription.sdp)

    async def take_offer(self, sdp):
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        say(answer=self.pc.localDescription.sdp)

    async def take_answer(self, sdp):
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def stats(self):
        say(stats=[self.video, self.audio])

    async def close(self):
        await self.pc.close()

    async def send(self, text):
        self.channel.send(text)


async def main():
    peer = Peer()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        message = json.loads(line)
        what = message.pop("do")
        try:
            await getattr(peer, what)(**message)
        except Exception as error:
            say(trouble=f"{what}: {error!r}")


asyncio.run(main())
