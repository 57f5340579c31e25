"use strict";
// Names come from anyone: they reach the page as text alone, by textContent.

const at = (id) => document.getElementById(id);

// The health check, as a live line.

const SAMPLES = 150;
const samples = [];

// From the request's first byte to the answer's, by the browser's own clock for that: what the
// page itself has to do meanwhile does not count.
new PerformanceObserver((list) => {
  for (const entry of list.getEntries().filter((entry) => entry.name.endsWith("/healthz"))) {
    samples.push(entry.responseStart - entry.requestStart);
  }
  samples.splice(0, samples.length - SAMPLES);
  if (samples.length) {
    drawHealth();
  }
}).observe({ type: "resource" });

async function measure() {
  try {
    const answer = await fetch("/healthz", { cache: "no-store" });
    await answer.text();
  } catch {
    at("latency").textContent = "–";
  }
}

function drawHealth() {
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

setInterval(() => document.hidden || measure(), 200);
measure();

// The tasks, by server-sent events. A row stays the same element, so that it keeps the focus.

const rows = new Map();

function newRow(task) {
  const row = document.createElement("tr");
  const cells = [0, 1, 2, 3].map(() => row.appendChild(document.createElement("td")));
  const state = cells[2].appendChild(document.createElement("div"));
  state.className = "state";
  const word = state.appendChild(document.createElement("span"));
  const bar = state.appendChild(document.createElement("progress"));
  bar.setAttribute("aria-label", `progress of task ${task.id}`);
  const cancel = cells[3].appendChild(document.createElement("button"));
  cells[0].textContent = task.id;
  cells[1].textContent = task.name;
  cancel.textContent = "Cancel";
  cancel.setAttribute("aria-label", `Cancel task ${task.id}`);
  cancel.addEventListener("click", () => fetch(`/tasks/${task.id}`, { method: "DELETE" }));
  return { row, word, bar, cancel };
}

function showTask(task) {
  if (!rows.has(task.id)) {
    rows.set(task.id, newRow(task));
  }
  const { row, word, bar, cancel } = rows.get(task.id);
  const runs = task.state === "running";
  row.dataset.state = task.state;
  row.title = task.message ?? "";
  word.textContent = runs ? `${task.state} ${Math.round(task.progress * 100)}%` : task.state;
  bar.hidden = !runs;
  bar.value = task.progress ?? 0;
  cancel.hidden = !runs && task.state !== "queued";
  return row;
}

function showAll(state) {
  for (const name of ["queued", "running", "done", "refused"]) {
    at(name).textContent = state[name];
  }
  const focused = document.activeElement;
  const known = new Set(state.tasks.map((task) => task.id));
  for (const [id, { row }] of rows) {
    if (!known.has(id)) {
      row.remove();
      rows.delete(id);
    }
  }
  // What runs comes first, then what waits. What stands at its place already is not moved.
  const rank = { running: 0, queued: 1 };
  const sorted = state.tasks.sort((a, b) => (rank[a.state] ?? 2) - (rank[b.state] ?? 2));
  let next = at("rows").firstElementChild;
  for (const row of sorted.map(showTask)) {
    if (row === next) {
      next = next.nextElementSibling;
    } else {
      at("rows").insertBefore(row, next);
    }
  }
  at("none").hidden = state.tasks.length > 0;
  keepFocus(focused);
}

// A row that moves loses the focus, and so does a button that goes.
function keepFocus(focused) {
  const stays = focused.isConnected && !focused.hidden;
  if (focused === document.activeElement && stays) {
    return;
  }
  const next = document.querySelector("#rows button:not([hidden])");
  (stays ? focused : (next ?? document.querySelector("#order button"))).focus();
}

function setLink(text, kind) {
  at("link").textContent = text;
  at("link").className = kind;
}

const events = new EventSource("/events");
events.onopen = () => setLink("live", "");
events.onerror = () => setLink("no connection; it is tried again", "lost");
events.onmessage = (event) => showAll(JSON.parse(event.data));

// The button. Three requests at a time, so that the browser has a connection for the health check.

async function order(form) {
  const fields = new FormData(form);
  const path = `/tasks/${fields.get("where")}`;
  const work = fields.get("work");
  const body = JSON.stringify({ ms: Number(fields.get("ms")), name: `${work} of the page`, work });
  const count = Number(fields.get("count"));
  let [sent, taken, refusal] = [0, 0, ""];
  const sender = async () => {
    while (sent++ < count) {
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch(path, { method: "POST", headers, body });
      const text = await answer.json();
      answer.ok ? taken++ : (refusal = text.error);
    }
  };
  await Promise.all([sender(), sender(), sender()]);
  const refused = refusal && `; ${count - taken} refused: ${refusal}`;
  at("said").textContent = `${taken} of ${count} tasks taken${refused}`;
}

at("order").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  // Not disabled as such: it would lose the focus.
  if (button.getAttribute("aria-disabled")) {
    return;
  }
  button.setAttribute("aria-disabled", "true");
  at("said").textContent = "Sending…";
  await order(event.target).catch(() => (at("said").textContent = "The server does not answer."));
  button.removeAttribute("aria-disabled");
});
