// One end of a call between two browsers, and all that is measured of it. Times are milliseconds since 1970.
'use strict';

const now = at => performance.timeOrigin + (at ?? performance.now());
let pc, connected;
const seen = [], looks = [];

async function open(offers) {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: true,
    video: { width: WIDTH, height: HEIGHT, frameRate: 30 },
  });
  pc = new RTCPeerConnection();
  pc.onconnectionstatechange = () => {
    if (pc.connectionState === 'connected') connected ??= now();
  };
  pc.ontrack = ({ track }) => show(track);
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
  if (!offers) return;
  const { codecs } = RTCRtpReceiver.getCapabilities('video');
  const of = type => codecs.filter(codec => codec.mimeType === `video/${type}`);
  const video = pc.getTransceivers().find(one => one.sender.track?.kind === 'video');
  video.setCodecPreferences([...of('H264'), ...of('rtx')]);
}

function show(track) {
  const element = document.createElement(track.kind);
  element.autoplay = true;
  element.srcObject = new MediaStream([track]);
  document.body.append(element);
  if (track.kind === 'video') element.requestVideoFrameCallback(note);
  function note(_, { captureTime, presentationTime, expectedDisplayTime, width }) {
    seen.push([now(expectedDisplayTime), now(presentationTime), captureTime && now(captureTime), width]);
    element.requestVideoFrameCallback(note);
  }
}

// With all candidates in it: they are of this computer alone, and there at once.
async function description() {
  if (pc.iceGatheringState !== 'complete') {
    await new Promise(done => {
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done();
    });
  }
  return pc.localDescription.sdp;
}

async function offer() {
  await open(true);
  await pc.setLocalDescription();
  return description();
}

async function answer(sdp) {
  await open(false);
  await pc.setRemoteDescription({ type: 'offer', sdp });
  await pc.setLocalDescription();
  return description();
}

async function take(sdp) {
  await pc.setRemoteDescription({ type: 'answer', sdp });
  return true;
}

const connection = () => connected ?? 0;

async function look() {
  const all = [...(await pc.getStats()).values()];
  const rtp = (type, kind) => all.find(one => one.type === type && one.kind === kind) ?? {};
  const out = rtp('outbound-rtp', 'video'), into = rtp('inbound-rtp', 'video'), sound = rtp('inbound-rtp', 'audio');
  looks.push({
    at: now(),
    sent: (out.bytesSent ?? 0) - (out.retransmittedBytesSent ?? 0),
    received: (into.bytesReceived ?? 0) - (into.retransmittedBytesReceived ?? 0),
    freezes: into.freezeCount,
    frozen_s: into.totalFreezesDuration,
    encoder: out.encoderImplementation,
    limited_by: out.qualityLimitationReason,
    concealed: sound.concealedSamples,
    samples: sound.totalSamplesReceived,
    waited_s: sound.jitterBufferDelay,
    emitted: sound.jitterBufferEmittedCount,
  });
}
setInterval(() => pc?.connectionState === 'connected' && look(), 500);

async function story() {
  await look();
  return { seen, looks, connected };
}
