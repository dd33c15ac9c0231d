// One end of a call between two browsers, and all that is measured of it. Times are milliseconds since 1970.
'use strict';

const now = at => performance.timeOrigin + (at ?? performance.now());
let pc, connected;
const seen = [], looks = [];

// The mouth and the ear are nodes of one audio graph, because a file that plays as a microphone does not say when. `behind` is
// how far the graph's clock, in milliseconds, lies behind the page's; it is seen a little too late each time, so the least is right.
const graph = new AudioContext({ sampleRate: 48000 });
const heard = [];
let behind = Infinity, said, heard_from;
const when = seconds => now(seconds * 1000 + behind);

const EAR = `registerProcessor('ear', class extends AudioWorkletProcessor {
  constructor() { super(); this.block = new Int16Array(4800); this.length = 0; }
  process([[sound]]) {
    if (!sound) return true;
    if (this.length === 0) this.from = currentTime;
    for (const sample of sound) this.block[this.length++] = Math.max(-1, Math.min(1, sample)) * 32767;
    if (this.length + 128 > 4800) {
      this.port.postMessage([this.from, this.block.slice(0, this.length)]);
      this.length = 0;
    }
    return true;
  }
})`;

function mouth() {
  const bytes = Uint8Array.from(atob(SOUND), letter => letter.charCodeAt(0));
  const samples = Float32Array.from(new Int16Array(bytes.buffer), sample => sample / 32768);
  const buffer = new AudioBuffer({ length: samples.length, sampleRate: 48000 });
  buffer.copyToChannel(samples, 0);
  const voice = new AudioBufferSourceNode(graph, { buffer, loop: true });
  const out = new MediaStreamAudioDestinationNode(graph, { channelCount: 1 });
  voice.connect(out);
  said = graph.currentTime + 0.1;
  voice.start(said);
  return out.stream.getAudioTracks()[0];
}

async function listen(track) {
  // A page from a file may not load what it has made itself from anywhere else.
  await graph.audioWorklet.addModule('data:text/javascript,' + encodeURIComponent(EAR));
  const ear = new AudioWorkletNode(graph, 'ear', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
  ear.port.onmessage = ({ data: [from, block] }) => {
    behind = Math.min(behind, performance.now() - graph.currentTime * 1000);
    heard_from ??= from;
    heard.push(block);
  };
  new MediaStreamAudioSourceNode(graph, { mediaStream: new MediaStream([track]) }).connect(ear);
}

// As Base64, which is the shortest that JSON can carry.
function samples_heard() {
  let text = '';
  for (const block of heard) {
    for (const byte of new Uint8Array(block.buffer)) text += String.fromCharCode(byte);
  }
  return btoa(text);
}

async function open(offers) {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { width: WIDTH, height: HEIGHT, frameRate: 30 },
  });
  stream.addTrack(mouth());
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
  else listen(track);
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
  return { seen, looks, connected, said: when(said), heard: samples_heard(), heard_from: when(heard_from ?? 0) };
}
