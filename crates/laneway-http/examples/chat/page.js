"use strict";
// The lines of guests come from anyone: they reach the page as text alone, by textContent.

const at = (id) => document.getElementById(id);

// The time there and back, as a live line.

const SAMPLES = 150;
const samples = [];

function drawTrips() {
  const sorted = [...samples].sort((a, b) => a - b);
  const slowest = sorted.at(-1);
  const top = Math.max(2, Math.ceil(slowest));
  const points = samples.map((ms, place) => {
    const x = 300 - (samples.length - 1 - place) * (300 / (SAMPLES - 1));
    return `${x.toFixed(1)} ${(79 - (ms / top) * 78).toFixed(1)}`;
  });
  at("samples").setAttribute("d", "M" + points.join("L"));
  at("latency").textContent = samples.at(-1).toFixed(1);
  at("count").textContent = samples.length;
  at("half").textContent = sorted[sorted.length >> 1].toFixed(1);
  at("slowest").textContent = slowest.toFixed(1);
  at("top").textContent = top;
}

// The room. A line below the others is scrolled to, unless the reader is elsewhere.

const LINES = 200;
let own = 0;

function addLine(from, text) {
  const lines = at("lines");
  const follows = lines.scrollTop + lines.clientHeight > lines.scrollHeight - 40;
  const line = lines.appendChild(document.createElement("li"));
  line.className = from === own ? "own" : "";
  const name = line.appendChild(document.createElement("b"));
  name.textContent = from === own ? "you" : `guest ${from}`;
  line.append(text);
  if (lines.children.length > LINES) {
    lines.firstElementChild.remove();
  }
  if (follows) {
    lines.scrollTop = lines.scrollHeight;
  }
}

function setLink(text, kind) {
  at("link").textContent = text;
  at("link").className = kind;
}

let socket;

function send(message) {
  if (socket.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify(message));
  }
}

function show(message) {
  if ("pong" in message) {
    own = message.you;
    samples.push(performance.now() - message.pong);
    samples.splice(0, samples.length - SAMPLES);
    at("left").textContent = message.work;
    drawTrips();
  } else if ("here" in message) {
    setLink(message.here === 1 ? "you alone are here" : `${message.here} are here`, "");
  } else {
    addLine(message.from, message.text);
  }
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/room`);
  socket.onopen = measure;
  socket.onmessage = (event) => show(JSON.parse(event.data));
  socket.onclose = (event) => {
    at("latency").textContent = "–";
    setLink(`${event.reason || "no connection"}; it is tried again`, "lost");
    setTimeout(connect, 1000);
  };
}

function measure() {
  send({ ping: performance.now() });
}

setInterval(measure, 250);
connect();

at("work").addEventListener("click", () => send({ work: 64 }));
at("say").addEventListener("submit", (event) => {
  event.preventDefault();
  send({ say: at("text").value });
  at("text").value = "";
});
