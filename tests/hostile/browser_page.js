// What a hostile page tries. The test puts `settings` before it: target, host, port, attempts. Each attempt's end is
// reported to the server that the page came from; the test then looks at what has arrived at hdaemon.
"use strict";

const TEXT = "hello from a page";
const JSON_HEADERS = { "Content-Type": "application/json" };

function channel(name, base = settings.target) {
  return `${base}/channels/${name}`;
}

function until(run, ms = 6000) {
  return Promise.race([run, new Promise((done) => setTimeout(done, ms, "nothing happened"))]);
}

function loaded(element, parent = document.body) {
  return new Promise((done) => {
    element.onload = () => done("loaded");
    element.onerror = () => done("error");
    parent.append(element);
  });
}

function made(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

async function form(name, enctype, base = settings.target) {
  const frame = made("iframe", { name: `frame-${name}` });
  document.body.append(frame);
  const sender = made("form", { action: channel(name, base), method: "post", enctype, target: frame.name });
  sender.append(made("input", { name: "field", value: TEXT }));
  document.body.append(sender);
  const end = new Promise((done) => (frame.onload = () => done("answered")));
  sender.submit();
  return end;
}

function socket(url, protocols, then = () => {}) {
  return new Promise((done) => {
    const ws = new WebSocket(url, protocols);
    ws.onopen = () => {
      ws.send(TEXT);
      then(ws);
      done(`open, protocol ${ws.protocol || "none"}`);
    };
    ws.onerror = () => done("refused");
  });
}

async function read(answer) {
  return `${answer.type} ${answer.status} ${await answer.text()}`;
}

async function turn() {
  const peer = new RTCPeerConnection({
    iceServers: [{ urls: `turn:127.0.0.1:${settings.port}?transport=tcp`, username: TEXT, credential: TEXT }],
    iceTransportPolicy: "relay",
  });
  peer.createDataChannel("a");
  await peer.setLocalDescription();
  await new Promise((done) => {
    peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && done();
  });
  peer.close();
  return "gathered";
}

async function ice() {
  const [one, two] = [new RTCPeerConnection(), new RTCPeerConnection()];
  one.createDataChannel("a");
  await one.setLocalDescription();
  await two.setRemoteDescription(one.localDescription);
  await two.setLocalDescription();
  await one.setRemoteDescription(two.localDescription);
  await one.addIceCandidate({
    candidate: `candidate:1 1 tcp 1518280447 127.0.0.1 ${settings.port} typ host tcptype passive`,
    sdpMid: "0",
  });
  await new Promise((done) => setTimeout(done, 2500));
  one.close();
  two.close();
  return "tried";
}

const noCors = { method: "POST", mode: "no-cors", body: TEXT };
const asJson = { method: "PUT", headers: JSON_HEADERS, body: '{"x": 1}' };
const sandboxed = (name) => `<script>fetch("${channel(name)}", ${JSON.stringify(noCors)})</` + "script>";

const attempts = {
  "no-cors": (name) => fetch(channel(name), noCors).then(read),
  "cors-text": (name) => fetch(channel(name), { method: "POST", body: TEXT }).then(read),
  "form-urlencoded": (name) => form(name, "application/x-www-form-urlencoded"),
  "form-multipart": (name) => form(name, "multipart/form-data"),
  "form-text": (name) => form(name, "text/plain"),
  beacon: async (name) => `queued: ${navigator.sendBeacon(channel(name), TEXT)}`,
  keepalive: (name) => fetch(channel(name), { ...noCors, keepalive: true }).then(read),
  image: (name) => loaded(made("img", { src: channel(name) })),
  script: (name) => loaded(made("script", { src: channel(name) })),
  style: (name) => loaded(made("link", { rel: "stylesheet", href: channel(name) })),
  frame: (name) => loaded(made("iframe", { src: channel(name) })),
  sandbox: (name) => loaded(made("iframe", { sandbox: "allow-scripts", srcdoc: sandboxed(name) })),
  "json-put": (name) => fetch(channel(name), asJson).then(read),
  "mode-put": () => fetch(`${settings.target}/mode`, { method: "PUT", body: '"print"' }).then(read),
  status: () => fetch(`${settings.target}/status`).then(read),
  xhr: (name) =>
    new Promise((done) => {
      const request = new XMLHttpRequest();
      request.onloadend = () => done(`status ${request.status}`);
      request.open("POST", channel(name));
      request.send(TEXT);
    }),
  events: (name) =>
    new Promise((done) => {
      const source = new EventSource(channel(name));
      source.onerror = () => done(source.close() || "error");
    }),
  websocket: (name) => socket(channel(name, settings.target.replace("http", "ws"))),
  "websocket-listen": (name) => socket(`${channel(name, settings.target.replace("http", "ws"))}?subscribe=1`),
  localhost: (name) => fetch(channel(name, `http://localhost:${settings.port}`), noCors).then(read),
  zero: (name) => fetch(channel(name, `http://0.0.0.0:${settings.port}`), noCors).then(read),
  decimal: (name) => fetch(channel(name, `http://2130706433:${settings.port}`), noCors).then(read),
  rebound: (name) => fetch(channel(name, `http://evil.test:${settings.port}`), noCors).then(read),
  "rebound-websocket": (name) => socket(channel(name, `ws://evil.test:${settings.port}`)),
  tls: (name) => fetch(channel(name, `https://127.0.0.1:${settings.port}`), noCors).then(read),
  turn,
  ice,
  // What a page does after its name was made to point at hdaemon: all of it is of the same origin.
  "same-put": (name) => fetch(`/channels/${name}`, asJson).then(read),
  "same-get": (name) => fetch(`/channels/${name}`).then(read),
  "same-form": (name) => form(name, "text/plain", location.origin),
  "same-websocket": (name) => socket(`ws://${location.host}/channels/${name}`),
  // With the token, of a page that is allowed.
  "token-put": (name) =>
    fetch(channel(name), { ...asJson, headers: { ...JSON_HEADERS, Authorization: `Bearer ${settings.token}` } }).then(read),
  "token-websocket": (name) =>
    socket(channel(name, settings.target.replace("http", "ws")), ["hdaemon", `bearer.${settings.token}`]),
};

async function report(attempt, end) {
  await fetch(`${settings.control}/report`, { method: "POST", mode: "no-cors", body: JSON.stringify([attempt, end]) });
}

(async () => {
  await report("page", location.origin);
  await fetch(`${settings.control}/go`, { mode: "no-cors" });
  for (const name of settings.attempts) {
    let end;
    try {
      end = await until(attempts[name](name));
    } catch (error) {
      end = `${error}`;
    }
    await report(name, `${end}`.slice(0, 300));
  }
  await report("done", "");
})();
