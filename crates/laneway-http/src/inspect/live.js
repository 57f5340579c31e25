// The live page: it draws each frame what the stream has told, and says how the stream is.
"use strict";
(function (L) {
  const { make } = L;
  /** How far the drawing is behind, so that batches that come unevenly are drawn evenly. */
  const BEHIND = 150e6;
  const WINDOWS = [1, 2, 5, 10];
  const TABLES_EVERY = 400;
  /** Where motion is unwelcome, the picture changes so often. */
  const CALM_EVERY = 500;
  const TASK_ROWS = 8;
  const STATES = {
    connecting: "connecting", live: "live", paused: "paused",
    lost: "connection lost, trying again",
  };

  class Page {
    constructor(root) {
      this.root = root;
      this.window = innerWidth < 500 ? 2e9 : 5e9;
      this.paused = false;
      this.connection = "connecting";
      this.skipped = 0;
      this.frames = 0;
      this.cost = 0;
      this.calm = matchMedia("(prefers-reduced-motion: reduce)");
      this.build();
      this.look();
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.look());
      addEventListener("keydown", (event) => this.onKey(event));
      new ResizeObserver(() => this.resize()).observe(root);
      this.stream = new L.Stream(`events${location.search}`,
        (state) => this.tell(state), (batch, number) => this.take(batch, number));
      requestAnimationFrame((at) => this.frame(at));
    }

    // Building.

    build() {
      this.state = make("span", { class: "ll-state", role: "status" });
      this.rates = make("span", { class: "ll-rates" });
      this.pauseButton = make("button", { type: "button", class: "ll-pause", onclick: () => this.toggle() });
      this.windows = make("select", { "aria-label": "How much of the past is shown" },
        ...WINDOWS.map((s) => make("option", { value: s }, `${s} s`)));
      this.windows.value = this.window / 1e9;
      this.windows.addEventListener("change", () => this.setWindow(Number(this.windows.value)));
      this.themeButton = make("button", { type: "button", class: "lr-theme", onclick: () => this.changeTheme() });
      const controls = make("div", { class: "ll-controls" }, this.pauseButton, this.windows, this.themeButton);
      const head = make("header", { class: "ll-head" },
        make("h1", {}, "Laneway live"), this.state, this.rates, controls);
      this.stageCanvas = make("canvas", { class: "lr-stage", role: "img", "aria-label": "Queues and workers" });
      this.lanesCanvas = make("canvas", { class: "lr-lanes", role: "img", "aria-label": "Timeline" });
      this.tip = make("div", { class: "lr-tip", hidden: true });
      this.lanesCanvas.addEventListener("pointermove", (event) => this.onHover(event));
      this.lanesCanvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
      const keys = make("p", { class: "ll-keys" }, "Space pauses, plus and minus change how much of the past is shown. "
        + "What is hatched was missed: more happened than was sent.");
      const main = make("div", { class: "lr-main" }, this.stageCanvas,
        make("div", { class: "lr-timeline" }, this.lanesCanvas, this.tip), keys);
      const side = make("div", { class: "lr-side" }, this.buildWaits(), this.buildLong(), this.buildTasks());
      this.root.append(head, make("div", { class: "lr-body" }, main, side));
      this.tell("connecting");
    }

    table(kind, title, heads) {
      const body = make("tbody", {});
      const head = make("tr", {}, ...heads.map((h) => make("th", { scope: "col" }, h)));
      const section = make("section", { class: kind }, make("h2", {}, title),
        make("div", { class: "lr-wide" }, make("table", {}, make("thead", {}, head), body)));
      return { section, body };
    }

    buildWaits() {
      const { section, body } = this.table("ll-waits", "How long tasks wait in each queue",
        ["queue", "now", "polls/s", "p50", "p99", "max"]);
      this.waitRows = body;
      return section;
    }

    buildLong() {
      this.longList = make("ul", { class: "ll-long" });
      return make("section", {}, make("h2", {}, "Polls of 10 ms and longer"), this.longList);
    }

    buildTasks() {
      const { section, body } = this.table("ll-tasks", "Tasks that take most time",
        ["name or place", "polls/s", "busy", "longest"]);
      this.taskRows = body;
      return section;
    }

    // What comes in.

    tell(state) {
      this.connection = state;
      const shown = this.paused && state === "live" ? "paused" : state;
      if (this.root.dataset.state === shown) return;
      this.root.dataset.state = this.state.dataset.state = shown;
      this.state.textContent = STATES[shown];
      this.pauseButton.textContent = this.paused ? "Resume" : "Pause";
      this.pauseButton.setAttribute("aria-pressed", String(this.paused));
    }

    take(batch, number) {
      const isNew = !this.now || !(batch.at >= this.now.lastAt) || number <= this.number;
      if (isNew) this.begin(batch);
      const isNext = number === this.number + 1;
      this.number = number;
      this.viewers = batch.viewers;
      this.keepTime(batch.at);
      if (this.paused) {
        this.skipped++;
        return;
      }
      // Batches that did not come, or came while the page was paused, are missing.
      if (!isNew && (!isNext || this.skipped)) this.now.tear(this.now.cursor, batch.at - 50e6);
      this.skipped = 0;
      this.now.take(batch);
    }

    /** A runtime that is seen for the first time, or again after the recording had ended. */
    begin(batch) {
      this.now = new L.Now(batch.recording);
      this.scale = new L.LiveScale();
      this.lanes = new L.LiveLanes(this.now, this.scale);
      this.stage = new L.LiveStage(this.now);
      this.offset = undefined;
      this.size = undefined;
      this.resize();
    }

    /** How far the server's clock is from this one: by the batches that were fastest. */
    keepTime(at) {
      const offset = performance.now() * 1e6 - at;
      if (this.offset === undefined || offset < this.offset) this.offset = offset;
      else this.offset += (offset - this.offset) * 0.005;
    }

    // Drawing.

    frame(at) {
      requestAnimationFrame((next) => this.frame(next));
      const elapsed = Math.min(100, at - (this.before ?? at - 16));
      const isCalm = this.calm.matches;
      if (isCalm && at - (this.before ?? 0) < CALM_EVERY) return;
      this.before = at;
      if (!this.now || !this.size) return;
      const began = performance.now();
      if (!this.paused && this.connection === "live") {
        const cursor = performance.now() * 1e6 - this.offset - BEHIND;
        this.now.advance(Math.max(this.now.cursor, Math.min(cursor, this.now.lastAt)));
        this.scale.show(this.now.cursor, this.window);
      }
      this.draw(elapsed, isCalm);
      if (at - (this.tablesAt ?? 0) > TABLES_EVERY) this.fill(at);
      this.cost += (performance.now() - began - this.cost) * 0.05;
      this.frames++;
    }

    draw(elapsed, isCalm) {
      const all = () => true;
      this.lanes.follow();
      this.stage.move(this.now.moment, elapsed, !isCalm);
      this.stage.draw(this.stageCanvas, this.pixels, this.theme, this.now.moment, all, -1);
      this.lanes.drawStill(this.pixels, this.theme, all);
      this.lanes.draw(this.lanesCanvas, this.pixels, this.now.cursor, -1, undefined);
    }

    /** The tables and words, which no eye could follow at each frame. */
    fill(at) {
      this.tablesAt = at;
      const { now } = this;
      const number = (n) => Math.round(n).toLocaleString("en");
      const sum = (what) => number((now.counters ?? []).reduce((all, queue) => all + queue[what], 0));
      const parts = [`${sum("spawned")} tasks/s spawned`, `${sum("polls")} polls/s`];
      if (this.viewers > 1) parts.push(`${this.viewers} viewers`);
      this.rates.replaceChildren(parts.join(" \u00b7 "));
      if (now.missed) this.rates.append(" \u00b7 ", make("b", {}, `${number(now.missed)} events missed`));
      this.fillWaits(number);
      this.fillLong();
      this.fillTasks(number);
      this.stageCanvas.setAttribute("aria-label", this.words());
    }

    fillWaits(number) {
      const { now } = this;
      this.waitRows.replaceChildren(...now.queues.map((name, q) => {
        const glyph = make("canvas", { class: "lr-glyph", "aria-hidden": "true", width: 36, height: 36 });
        L.drawToken(glyph.getContext("2d"), this.theme, q, 18, 18, 12);
        const { count, p50, p99, max } = now.waitsOf(q);
        const wait = (nanos) => (count ? L.span(now, nanos) : "\u2013");
        const { depth, polls } = now.counters?.[q] ?? { depth: 0, polls: 0 };
        const cells = [number(depth), number(polls), wait(p50), wait(p99), wait(max)];
        return make("tr", {}, make("th", { scope: "row", title: name }, glyph, name),
          ...cells.map((cell) => make("td", {}, cell)));
      }));
    }

    fillLong() {
      const { now } = this;
      const items = now.longPolls().map((poll) => {
        const lasts = poll.end < 0;
        const words = `${L.time(now.lasted(poll))} ${lasts ? "so far" : ""} on ${now.workers[poll.worker].name}: `;
        const title = L.short(now, poll.task) || L.title(now, poll.task);
        return make("li", { "data-lasts": lasts, title: L.pollWords(now, poll).join("\n") }, words, title);
      });
      const none = () => make("li", { class: "ll-none" }, "None so far.");
      this.longList.replaceChildren(...(items.length ? items : [none()]));
    }

    fillTasks(number) {
      const window = Math.min(this.window, 5e9);
      const kinds = this.now.kinds(window).slice(0, TASK_ROWS);
      this.taskRows.replaceChildren(...kinds.map(({ name, polls, busy, longest }) => {
        const share = (100 * busy) / window;
        const cells = [number((polls * 1e9) / window), `${share.toFixed(share < 10 ? 1 : 0)}%`, L.span(this.now, longest)];
        return make("tr", {}, make("th", { scope: "row", title: name }, name),
          ...cells.map((cell) => make("td", {}, cell)));
      }));
    }

    words() {
      const { now } = this;
      const queues = now.queues.map((name, q) => `${now.counters?.[q].depth ?? 0} in the ${name} queue`);
      const busy = now.moment.workers.filter((worker) => worker.polling.length).length;
      return `${queues.join(", ")}; ${busy} of ${now.workers.length} workers poll.`;
    }

    // What the reader does.

    onKey(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const inField = /^(BUTTON|SELECT|INPUT)$/.test(event.target.tagName);
      const place = WINDOWS.indexOf(this.window / 1e9);
      const acts = {
        "+": () => this.setWindow(WINDOWS[place - 1]), "=": () => this.setWindow(WINDOWS[place - 1]),
        "-": () => this.setWindow(WINDOWS[place + 1]),
      };
      if (!inField) acts[" "] = () => this.toggle();
      if (!acts[event.key]) return;
      event.preventDefault();
      acts[event.key]();
    }

    toggle() {
      this.paused = !this.paused;
      this.root.dataset.state = "";
      this.tell(this.connection);
    }

    setWindow(seconds) {
      if (!seconds) return;
      this.window = seconds * 1e9;
      this.windows.value = seconds;
      this.scale?.show(this.now.cursor, this.window);
    }

    onHover(event) {
      const poll = this.lanes?.pollAt(event.offsetX, event.offsetY);
      this.tip.hidden = !poll;
      if (!poll) return;
      this.tip.replaceChildren(...L.pollWords(this.now, poll).map((line) => make("div", {}, line)));
      const left = Math.min(event.offsetX + 14, this.lanes.width - this.tip.offsetWidth - 4);
      this.tip.style.left = `${Math.max(0, left)}px`;
      this.tip.style.top = `${event.offsetY + 18}px`;
    }

    changeTheme() {
      const theme = L.isDark(this.root) ? "light" : "dark";
      this.root.dataset.theme = document.body.dataset.theme = theme;
      this.look();
    }

    look() {
      this.theme = L.readTheme(this.root);
      this.themeButton.textContent = L.isDark(this.root) ? "Light" : "Dark";
    }

    resize() {
      const width = Math.floor(this.stageCanvas.parentElement.clientWidth);
      if (!this.now || !width || (width === this.size && this.pixels === devicePixelRatio)) return;
      this.size = width;
      this.pixels = devicePixelRatio || 1;
      for (const [canvas, part] of [[this.stageCanvas, this.stage], [this.lanesCanvas, this.lanes]]) {
        const height = part.layout(width);
        canvas.width = Math.round(width * this.pixels);
        canvas.height = Math.round(height * this.pixels);
        canvas.style.height = `${height}px`;
      }
    }

    /** What the page has done, for those who want to check it. */
    stats() {
      const { now } = this;
      return {
        state: this.root.dataset.state, frames: this.frames, cost: this.cost, batch: this.number,
        applied: now?.applied ?? 0, missed: now?.missed ?? 0, gaps: now?.gaps.length ?? 0,
        polls: now?.ofWorker.reduce((all, polls) => all + polls.length, 0) ?? 0,
        backlog: now?.backlog.length ?? 0, drawn: this.lanes?.drawn,
      };
    }
  }

  L.live = new Page(document.querySelector(".ll-live"));
})(globalThis.LanewayReplay);
