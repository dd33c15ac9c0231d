// A peer in a page. It is told what to do by `hear(…)`, and tells what happens by `say(…)`.
//
// Its pictures are drawn and its sound is computed: with no camera granted, the browser hides the addresses of its
// computer behind names of multicast DNS.
'use strict';

const say = message => tell(JSON.stringify(message));
let pc, theirVideo;
let channel;

const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
const brush = canvas.getContext('2d');
let drawn = 0;

// White on the left, black on the right, and something that moves.
function draw() {
  drawn += 1;
  brush.fillStyle = 'white';
  brush.fillRect(0, 0, 160, 240);
  brush.fillStyle = 'black';
  brush.fillRect(160, 0, 160, 240);
  brush.fillStyle = 'grey';
  brush.fillRect(drawn * 4 % 320, 110, 20, 20);
}

function media() {
  draw();
  setInterval(draw, 33);
  const sound = new AudioContext();
  const oscillator = new OscillatorNode(sound, { frequency: 440 });
  const out = sound.createMediaStreamDestination();
  oscillator.connect(out);
  oscillator.start();
  return new MediaStream([...out.stream.getTracks(), ...canvas.captureStream(30).getTracks()]);
}

function show(track) {
  const element = document.createElement(track.kind);
  element.autoplay = true;
  element.srcObject = new MediaStream([track]);
  document.body.append(element);
  if (track.kind === 'video') theirVideo = element;
}

function take(opened) {
  channel = opened;
  channel.onopen = () => say({ channel: 'open' });
  channel.onclose = () => say({ channel: 'closed' });
  channel.binaryType = 'arraybuffer';
  channel.onmessage = ({ data }) => say({ message: new TextDecoder().decode(data) });
}

// How bright the darkest and the brightest spot of their picture are.
function look() {
  const eye = new OffscreenCanvas(64, 36).getContext('2d');
  eye.drawImage(theirVideo, 0, 0, 64, 36);
  const greens = eye.getImageData(0, 0, 64, 36).data.filter((_, index) => index % 4 === 1);
  return { darkest: Math.min(...greens), brightest: Math.max(...greens) };
}

const deeds = {
  open({ servers, policy, with_media, with_channel, words }) {
    pc = new RTCPeerConnection({ iceServers: servers, iceTransportPolicy: policy });
    pc.onicecandidate = ({ candidate }) => say({ candidate: candidate && candidate.toJSON() });
    pc.onicecandidateerror = ({ url, errorCode, errorText }) => say({ server: url, errorCode, errorText });
    pc.onconnectionstatechange = () => say({ state: pc.connectionState });
    pc.ontrack = ({ track }) => show(track);
    // Their other one is for files.
    pc.ondatachannel = event => {
      if (event.channel.label === words) take(event.channel);
    };
    const stream = with_media ? media() : new MediaStream();
    for (const track of stream.getTracks()) pc.addTrack(track, stream);
    if (with_channel) take(pc.createDataChannel(with_channel));
  },
  async make_offer() {
    await pc.setLocalDescription();
    say({ offer: pc.localDescription.sdp });
  },
  async take_offer({ sdp }) {
    await pc.setRemoteDescription({ type: 'offer', sdp });
    await pc.setLocalDescription();
    say({ answer: pc.localDescription.sdp });
  },
  async take_answer({ sdp }) {
    await pc.setRemoteDescription({ type: 'answer', sdp });
  },
  async add_candidate({ candidate }) {
    await pc.addIceCandidate(candidate);
  },
  async stats() {
    say({ stats: [...(await pc.getStats()).values()] });
  },
  look() {
    say({ look: look() });
  },
  close() {
    pc.close();
  },
  send({ text }) {
    channel.send(new TextEncoder().encode(text));
  },
};

// One after the other, in the order in which they came.
let before = Promise.resolve();
function hear(message) {
  before = before
    .then(() => deeds[message.do](message))
    .catch(error => say({ trouble: `${message.do}: ${error}` }));
}
