// The player: controls, panels, and what keys and pointers do.
//
// Every `<div class="laneway-replay">` that holds a recording, in a script element of the type
// `application/json`, becomes a player when the page has loaded. It may carry
//
//   data-axis="steps" or "time"    what the horizontal axis is at first
//   data-theme="dark" or "light"   instead of what the system prefers
//   data-compact                   fewer panels, for a place in a text
//   data-names                     tasks are called by their names, without their numbers
//   data-colours="tasks"           a colour for each task, not for each queue
//   data-at="busiest" or "start"   where to open: when most tasks are queued or polled, or, as
//                                  where it is compact, before the first event
//   data-long="10"                 from how many milliseconds on a poll is marked as long
//   data-source="https://host/path/{file}#L{line}"   makes links of places in the source
//
// `LanewayReplay.mount(element, recording)` does it by hand, and gives the player.
//
// A page's address leads to a moment: `#event=1200` is after so many events, `#event=1200&task=41`
// tells the story of that task besides, and `&player=2` means the second player of the page.
"use strict";
(function (L) {
  const { Kind } = L;
  const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 16];
  const STORY_LINES = 40;
  const MATCHES = 50;

  L.players = [];

  L.mount = function (element, json) {
    const data = json ?? element.querySelector('script[type="application/json"]').textContent;
    let recording;
    try {
      recording = L.parse(data);
    } catch (error) {
      const note = document.createElement("p");
      note.setAttribute("role", "alert");
      note.textContent = `The recording cannot be shown: ${error.message}`;
      element.append(note);
      return undefined;
    }
    const player = new Player(element, recording);
    L.players.push(player);
    return player;
  };

  const { make } = L;

  const ICONS = {
    start: "M4 3h2v10H4zM13 3v10L7 8z",
    back: "M11 3v10L4 8zM12 3h2v10h-2z",
    play: "M4 2.5v11L13 8z",
    pause: "M4 3h3v10H4zM9 3h3v10H9z",
    forward: "M2 3h2v10H2zM5 3v10l7-5z",
    closer: "M7 3h2v4h4v2H9v4H7V9H3V7h4z",
    farther: "M3 7h10v2H3z",
  };

  function icon(name) {
    const ns = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(ns, "svg");
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(ns, "path");
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
  }

  class Player {
    constructor(root, recording) {
      this.root = root;
      this.recording = recording;
      recording.hasNames = root.dataset.names !== undefined;
      recording.hasTaskColours = root.dataset.colours === "tasks";
      const asked = root.dataset.axis;
      const bySteps = recording.isSimulated || recording.length <= 5000;
      const axis = asked === "time" || asked === "steps" ? asked : bySteps ? "steps" : "time";
      this.scale = new L.Scale(recording, axis);
      this.lanes = new L.Lanes(recording, this.scale, Number(root.dataset.long ?? 10));
      this.stage = new L.Stage(recording);
      this.applied = 0;
      this.cursor = 0;
      this.playing = false;
      this.speed = 1;
      this.selected = -1;
      this.focused = undefined;
      this.filter = { text: "", queue: -1, found: undefined };
      this.hit = -1;
      this.moment = recording.moment(0);
      this.frames = 0;
      this.calm = matchMedia("(prefers-reduced-motion: reduce)");
      this.build();
      this.readTheme();
      this.resize();
      this.watch();
      const isCompact = root.dataset.compact !== undefined;
      const at = root.dataset.at ?? (isCompact ? "start" : "busiest");
      this.seek(at === "busiest" ? recording.busiest : 0);
      if (at === "busiest") this.scale.showStretch(this.cursor);
    }

    // Building.

    build() {
      const { root, recording: r } = this;
      root.querySelector("script")?.remove();
      root.classList.add("laneway-replay");
      const lost = r.dropped ? `, ${r.dropped.toLocaleString("en")} older ones lost` : "";
      this.summary = make("p", { class: "lr-summary" }, [
        L.count(r.length, "event", "events") + lost,
        L.count(r.tasks.length, "task", "tasks"),
        L.count(r.polls.length, "poll", "polls"),
        L.span(r, r.duration) + (r.isSimulated ? " of simulated time" : ""),
      ].map((part) => part.replaceAll(" ", "\u00a0")).join(" \u00b7 "));
      this.said = make("p", { class: "lr-said" });
      this.stageCanvas = make("canvas", { class: "lr-stage", role: "img" });
      this.lanesCanvas = make("canvas", {
        class: "lr-lanes", tabindex: 0, role: "application",
        "aria-label": "Timeline. Left and right go from poll to poll of a worker, up and down "
          + "from worker to worker, plus and minus zoom.",
      });
      this.tip = make("div", { class: "lr-tip", hidden: true });
      const timeline = make("div", { class: "lr-timeline" }, this.lanesCanvas, this.tip);
      const main = make("div", { class: "lr-main" },
        this.stageCanvas, this.said, this.buildControls(), this.buildScrubber(), timeline,
        this.buildLegend());
      const side = make("div", { class: "lr-side" },
        this.buildFilter(), this.buildStory(), this.buildWaits(), this.buildShares());
      const head = make("div", { class: "lr-head" }, this.summary, this.buildTheme());
      root.append(head, make("div", { class: "lr-body" }, main, side));
      this.listen();
    }

    button(name, label, act) {
      return make("button", { type: "button", "aria-label": label, title: label, onclick: act },
        icon(name));
    }

    buildControls() {
      this.playButton = this.button("play", "Play (space)", () => this.toggle());
      const speed = make("select", { "aria-label": "Speed" },
        ...SPEEDS.map((s) => make("option", { value: s, selected: s === 1 }, `${s}\u00d7`)));
      speed.addEventListener("change", () => (this.speed = Number(speed.value)));
      this.axisButtons = ["steps", "time"].map((axis) =>
        make("button", { type: "button", onclick: () => this.setAxis(axis) }, `by ${axis}`));
      const group = make("span", { class: "lr-group", role: "group", "aria-label": "Axis" },
        ...this.axisButtons);
      const link = make("button", { type: "button", class: "lr-link",
        title: "Puts this moment, and the chosen task, into the page's address",
        onclick: () => this.link() }, "Link");
      return make("div", { class: "lr-controls" },
        this.button("start", "To the beginning (Home)", () => this.seek(0)),
        this.button("back", "One event back (,)", () => this.step(-1)),
        this.playButton,
        this.button("forward", "One event on (.)", () => this.step(1)),
        speed, group,
        this.button("closer", "Zoom in (+)", () => this.zoom(0.5)),
        this.button("farther", "Zoom out (-)", () => this.zoom(2)), link);
    }

    buildScrubber() {
      this.scrubber = make("input", {
        type: "range", class: "lr-scrubber", min: 0, max: 1, step: "any", value: 0,
        "aria-label": "Moment",
      });
      this.density = make("canvas", { class: "lr-density", "aria-hidden": "true" });
      this.clock = make("output", { class: "lr-clock" });
      const track = make("div", { class: "lr-track" }, this.density, this.scrubber);
      return make("div", { class: "lr-scrub" }, track, this.clock);
    }

    buildTheme() {
      this.themeButton = make("button", { type: "button", class: "lr-theme",
        onclick: () => this.setTheme(this.isDark() ? "light" : "dark") });
      return this.themeButton;
    }

    buildFilter() {
      const text = make("input", { type: "search", "aria-label": "Find tasks",
        placeholder: "name, polls over 1 ms" });
      text.addEventListener("input", () => this.setFilter({ text: text.value }));
      text.addEventListener("keydown", (event) => {
        if (event.key === "Enter") this.stepHits(event.shiftKey ? -1 : 1);
      });
      const queue = make("select", { "aria-label": "Queue" },
        make("option", { value: -1 }, "all queues"),
        ...this.recording.queues.map((name, q) => make("option", { value: q }, L.clean(name))));
      queue.addEventListener("change", () => this.setFilter({ queue: Number(queue.value) }));
      this.matches = make("ul", { class: "lr-matches" });
      this.hitCount = make("output", { class: "lr-hits" });
      this.hitSteps = make("div", { class: "lr-steps", hidden: true },
        make("button", { type: "button", "aria-label": "The hit before (shift enter)",
          onclick: () => this.stepHits(-1) }, "\u2039"),
        make("button", { type: "button", "aria-label": "The next hit (enter)",
          onclick: () => this.stepHits(1) }, "\u203a"), this.hitCount);
      const hint = "Also: a queue's name, polls over 1 ms, waits over 5 ms, panicked, cancelled, stolen.";
      return make("section", { "aria-label": "Filter" },
        make("h2", {}, "Find"), make("div", { class: "lr-find", title: hint }, text, queue),
        this.hitSteps, this.matches);
    }

    buildShares() {
      const r = this.recording;
      const heads = ["worker", "polls", "busy", "parked", "longest"];
      const rows = r.workers.map(({ name }, w) => {
        const { polls, busy, parked, longest } = r.shares[w];
        const cells = [polls.toLocaleString("en"), L.share(r, busy), L.share(r, parked),
          polls ? L.span(r, longest) : "\u2013"];
        const isLong = longest >= this.lanes.longFrom;
        return make("tr", {}, make("th", { scope: "row", title: name }, name),
          ...cells.map((cell, i) => make("td", { class: isLong && i === 3 ? "lr-long" : false }, cell)));
      });
      const head = make("tr", {}, ...heads.map((h) => make("th", { scope: "col" }, h)));
      return make("section", { class: "lr-shares" }, make("h2", {}, "What each worker did with its time"),
        make("div", { class: "lr-wide" },
          make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows))));
    }

    buildWaits() {
      const r = this.recording;
      const heads = ["queue", "now", "most", "waits", "p50", "p99"];
      const rows = r.queues.map((name, q) => {
        const glyph = make("canvas", { class: "lr-glyph", "aria-hidden": "true", width: 36, height: 36 });
        const now = make("td", {}, "0");
        const { count, p50, p99 } = r.waits[q];
        const wait = (nanos) => (count ? L.span(r, nanos) : "\u2013");
        const cells = [r.maxDepth[q].toLocaleString("en"), count.toLocaleString("en"), wait(p50), wait(p99)];
        const row = make("tr", {}, make("th", { scope: "row", title: name }, glyph, name), now,
          ...cells.map((cell) => make("td", {}, cell)));
        return { row, glyph, now };
      });
      this.waitRows = rows;
      const head = make("tr", {}, ...heads.map((h) => make("th", { scope: "col" }, h)));
      return make("section", {}, make("h2", {}, "How long tasks wait in each queue"),
        make("div", { class: "lr-wide" },
          make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows.map((r) => r.row)))));
    }

    buildStory() {
      this.storyTitle = make("h2", {}, "A task's story");
      this.storyPlace = make("p", { class: "lr-place" });
      this.storyList = make("ol", { class: "lr-story" },
        make("li", { class: "lr-hint" }, "Choose a task: a token, a poll, or by its number."));
      const close = make("button", { type: "button", class: "lr-close", "aria-label": "Close the story",
        onclick: () => this.select(-1) }, "\u00d7");
      this.told = make("section", { class: "lr-told", "aria-label": "Story" },
        close, this.storyTitle, this.storyPlace, this.storyList);
      return this.told;
    }

    buildLegend() {
      const sample = (how, words) => {
        const canvas = make("canvas", { width: 60, height: 40, class: "lr-sample", "data-how": how,
          "aria-hidden": "true" });
        return make("li", {}, canvas, words);
      };
      this.legend = make("ul", { class: "lr-legend" },
        sample(0, "pending"), sample(1, "yielded"), sample(2, "ready"), sample(3, "panicked"),
        sample(4, "cancelled"), sample("parked", "parked"), sample("steal", "stolen"),
        sample("long", `long: ${L.time(this.lanes.longFrom)} or more`));
      const keys = "Space plays. Comma and full stop step. In the timeline: left and right go "
        + "from poll to poll, up and down from worker to worker, plus and minus zoom. Escape "
        + "lets go of the chosen task.";
      return make("details", { class: "lr-help", open: this.root.dataset.compact === undefined },
        make("summary", {}, "Signs and keys"), this.legend, make("p", {}, keys));
    }

    // Events of the page.

    listen() {
      const { root, lanesCanvas, stageCanvas, scrubber } = this;
      root.addEventListener("keydown", (event) => this.onKey(event));
      scrubber.addEventListener("input", () => {
        this.pause();
        this.moveTo(Number(scrubber.value) * this.scale.max);
      });
      scrubber.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
        if (!step) return;
        event.preventDefault();
        this.step(step);
      });
      lanesCanvas.addEventListener("keydown", (event) => this.onLaneKey(event));
      lanesCanvas.addEventListener("focus", () => this.focused || this.focusPoll(this.firstPoll()));
      lanesCanvas.addEventListener("pointermove", (event) => this.onHover(event));
      lanesCanvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
      lanesCanvas.addEventListener("pointerdown", (event) => this.onGrab(event));
      lanesCanvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
      stageCanvas.addEventListener("pointerdown", (event) => {
        const task = this.stage.taskAt(event.offsetX, event.offsetY);
        if (task < 0) return;
        this.select(task);
        this.keepInSight(event.clientY);
      });
      stageCanvas.addEventListener("pointermove", (event) => {
        const task = this.stage.taskAt(event.offsetX, event.offsetY);
        stageCanvas.title = task < 0 ? "" : this.taskWords(task);
      });
    }

    /** Follows the size of the element and what the system prefers. */
    watch() {
      this.resizes = new ResizeObserver(() => this.resize());
      this.resizes.observe(this.root);
      const again = () => {
        this.readTheme();
        this.redraw();
      };
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
      addEventListener("hashchange", () => this.followLink());
    }

    // Links.

    get number() {
      return L.players.indexOf(this) + 1;
    }

    /** Goes to the moment that the page's address names, if it names one of this player. */
    followLink() {
      const asked = new URLSearchParams(location.hash.slice(1));
      const event = asked.get("event");
      if (!/^\d+$/.test(event ?? "") || Number(asked.get("player") ?? 1) !== this.number) return;
      this.pause();
      this.seek(Number(event));
      if (!asked.has("task")) return;
      const task = this.recording.tasks.findIndex(({ id }) => String(id) === asked.get("task"));
      this.select(task);
    }

    link() {
      this.pause();
      const parts = [`event=${this.applied}`];
      if (this.selected >= 0) parts.push(`task=${this.recording.tasks[this.selected].id}`);
      if (this.number > 1) parts.push(`player=${this.number}`);
      location.hash = parts.join("&");
      // Not every page may write there; the address has it in any case.
      navigator.clipboard?.writeText(location.href).catch(() => {});
    }

    /** Where a story comes up from below, what was tapped is not to be behind it. */
    keepInSight(y) {
      if (getComputedStyle(this.told).position !== "fixed") return;
      const limit = innerHeight - this.told.offsetHeight - 40;
      if (y > limit) scrollBy({ top: y - limit, behavior: "instant" });
    }

    onKey(event) {
      const inField = /^(INPUT|SELECT|BUTTON|SUMMARY)$/.test(event.target.tagName);
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const isText = event.target.type === "search";
      const acts = { ",": () => this.step(-1), ".": () => this.step(1), Escape: () => this.select(-1) };
      if (!inField) acts[" "] = () => this.toggle();
      const act = isText ? undefined : acts[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    }

    onLaneKey(event) {
      const acts = {
        ArrowLeft: () => this.neighbour(-1), ArrowRight: () => this.neighbour(1),
        ArrowUp: () => this.otherLane(-1), ArrowDown: () => this.otherLane(1),
        "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2),
        Home: () => this.seek(0), End: () => this.seek(this.recording.length),
      };
      if (!acts[event.key]) return;
      event.preventDefault();
      acts[event.key]();
    }

    firstPoll() {
      const { first } = this.scale.visible();
      return this.recording.polls.find((poll) => poll.start >= first);
    }

    neighbour(by) {
      const polls = this.focused ? this.lanes.ofWorker[this.focused.worker] : [];
      const next = polls[polls.indexOf(this.focused) + by];
      if (next) this.focusPoll(next);
    }

    otherLane(by) {
      const { ofWorker } = this.lanes;
      if (!this.focused) return;
      const { start } = this.focused;
      for (let w = this.focused.worker + by; ofWorker[w]; w += by) {
        const next = ofWorker[w].find((poll) => poll.start >= start) ?? ofWorker[w].at(-1);
        if (next) return void this.focusPoll(next);
      }
    }

    focusPoll(poll) {
      if (!poll) return;
      this.pause();
      this.focused = poll;
      this.seek(poll.start + 1);
      this.select(poll.task);
    }

    onHover(event) {
      if (event.buttons && this.grabbed) {
        const { from, to } = this.grabbed.view;
        const perPixel = (to - from) / (this.lanes.width - this.lanes.gutter);
        const moved = event.offsetX - this.grabbed.x;
        if (Math.abs(moved) > 3) this.grabbed.moved = true;
        this.scale.setView(from - moved * perPixel, to - from);
        return this.redraw();
      }
      const poll = this.lanes.pollAt(event.offsetX, event.offsetY);
      this.tip.hidden = !poll;
      if (!poll) return undefined;
      this.tip.replaceChildren(...L.pollWords(this.recording, poll).map((line) => make("div", {}, line)));
      const left = Math.min(event.offsetX + 14, this.lanes.width - this.tip.offsetWidth - 4);
      this.tip.style.left = `${Math.max(0, left)}px`;
      this.tip.style.top = `${event.offsetY + 18}px`;
      return undefined;
    }

    onGrab(event) {
      const { lanesCanvas } = this;
      const hit = this.lanes.pollAt(event.offsetX, event.offsetY);
      this.grabbed = { x: event.offsetX, view: this.scale.view, moved: false };
      const release = () => {
        const { moved, x } = this.grabbed;
        this.grabbed = undefined;
        lanesCanvas.removeEventListener("pointerup", release);
        if (moved) return;
        this.pause();
        if (hit) {
          this.focusPoll(hit);
          this.keepInSight(event.clientY);
        } else if (x > this.lanes.gutter) this.moveTo(this.lanes.position(x));
      };
      lanesCanvas.addEventListener("pointerup", release);
    }

    onWheel(event) {
      // A plain wheel scrolls the page.
      if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
      event.preventDefault();
      const { from, to } = this.scale.view;
      if (event.ctrlKey) {
        this.scale.zoom(2 ** (event.deltaY / 200), this.lanes.position(event.offsetX));
      } else {
        const moved = (event.deltaX || event.deltaY) / this.lanes.width;
        this.scale.setView(from + moved * (to - from), to - from);
      }
      this.redraw();
    }

    // Time.

    /** Shows what was after the first `applied` events. */
    seek(applied) {
      this.applied = Math.max(0, Math.min(this.recording.length, applied));
      this.cursor = this.applied > 0 ? this.scale.position(this.applied - 1) : 0;
      this.arrive();
    }

    /** Shows what was at a position of the axis. */
    moveTo(position) {
      this.cursor = Math.max(0, Math.min(this.scale.max, position));
      this.applied = this.scale.appliedAt(this.cursor);
      this.arrive();
    }

    step(by) {
      this.pause();
      this.seek(this.applied + by);
    }

    arrive() {
      const near = this.applied - this.moment.applied;
      if (near >= 0 && near < 200) while (this.moment.applied < this.applied) this.moment.apply(this.moment.applied);
      else this.moment = this.recording.moment(this.applied);
      if (this.scale.follow(this.cursor)) this.stale = true;
      this.scrubber.value = this.cursor / this.scale.max;
      this.sayMoment();
      this.wake();
    }

    sayMoment() {
      const r = this.recording;
      const at = this.applied > 0 ? r.at[this.applied - 1] : 0;
      const time = this.scale.axis === "time" ? this.cursor : at;
      this.clock.textContent = `${L.span(r, time)} \u00b7 ${this.applied.toLocaleString("en")} / ${
        r.length.toLocaleString("en")}`;
      this.scrubber.setAttribute("aria-valuetext", `${L.span(r, time)}, event ${this.applied}`);
      const words = this.applied > 0 ? L.sentence(r, this.applied - 1) : "Nothing has happened yet.";
      // A screen reader is told of single steps, not of a film.
      this.said.setAttribute("aria-live", this.playing ? "off" : "polite");
      this.said.textContent = words;
      this.waitRows.forEach(({ now }, q) => (now.textContent = this.moment.depth[q].toLocaleString("en")));
      if (this.selected >= 0) this.markStory();
    }

    /** How far the cursor goes in a second at speed 1: through all that is not idle in half a minute. */
    get pace() {
      const { max, axis } = this.scale;
      if (axis === "steps") return Math.max(6, Math.min(max / 30, 200));
      return Math.max(1, (this.recording.duration - this.recording.idleTime) / 30);
    }

    /** From a position in an idle stretch, the end of it. */
    afterIdle(position) {
      if (this.scale.axis !== "time") return position;
      if (position >= this.recording.duration) return this.scale.max;
      const gap = this.recording.idle.find(({ from, to }) => from <= position && position < to);
      return gap ? gap.to : position;
    }

    toggle() {
      if (this.playing) return this.pause();
      if (this.applied >= this.recording.length) this.seek(0);
      this.playing = true;
      this.nowPlaying();
      return this.wake();
    }

    pause() {
      if (!this.playing) return;
      this.playing = false;
      this.nowPlaying();
    }

    nowPlaying() {
      const label = this.playing ? "Pause (space)" : "Play (space)";
      this.playButton.replaceChildren(icon(this.playing ? "pause" : "play"));
      this.playButton.setAttribute("aria-label", label);
      this.playButton.title = label;
    }

    /** Draws the next frame, and goes on for as long as something moves. */
    wake() {
      if (this.frame) return;
      this.frame = requestAnimationFrame((now) => {
        this.frame = 0;
        const elapsed = Math.min(100, now - (this.before ?? now - 16));
        this.before = now;
        this.advance(elapsed);
        const restless = this.drawFrame(elapsed);
        if (restless || this.playing) this.wake();
        else this.before = undefined;
      });
    }

    advance(elapsed) {
      if (!this.playing) return;
      const moved = this.cursor + (this.pace * this.speed * elapsed) / 1000;
      const position = this.afterIdle(moved);
      if (position >= this.scale.max) this.pause();
      this.moveTo(position);
    }

    setAxis(axis) {
      const r = this.recording;
      this.scale = new L.Scale(r, axis);
      this.lanes.scale = this.scale;
      this.drawDensity();
      this.seek(this.applied);
      this.redraw();
    }

    zoom(factor) {
      const { from, to } = this.scale.view;
      const inView = this.cursor >= from && this.cursor <= to;
      this.scale.zoom(factor, inView ? this.cursor : (from + to) / 2);
      this.redraw();
    }

    // Choosing.

    setFilter(change) {
      Object.assign(this.filter, change);
      this.filter.found = L.find(this.recording, this.filter.text);
      this.hit = -1;
      this.listMatches();
      this.redraw();
    }

    shows(task, queue, poll) {
      const { found, queue: wanted } = this.filter;
      return (!found || found.shows(task, queue, poll)) && (wanted < 0 || queue === wanted);
    }

    /** What was found, and is in the queue that was chosen. */
    hits() {
      const { found, queue } = this.filter;
      const { tasks } = this.recording;
      const isIn = (hit) => queue < 0
        || (hit.poll?.queue ?? (hit.task < 0 ? hit.queue : tasks[hit.task].queue)) === queue;
      return found ? found.hits.filter(isIn) : [];
    }

    listMatches() {
      const hits = this.hits();
      const first = Math.max(0, Math.min(this.hit - MATCHES / 2, hits.length - MATCHES));
      const items = hits.slice(first, first + MATCHES).map((hit, i) => {
        const [title, note] = L.hitWords(this.recording, hit);
        const words = [make("span", { class: "lr-hit-title" }, title), make("span", { class: "lr-hit-note" }, note)];
        const act = () => this.goToHit(first + i);
        const item = make("li", {}, make("button", { type: "button", onclick: act }, ...words));
        if (first + i === this.hit) item.setAttribute("aria-current", "true");
        return item;
      });
      if (this.filter.found && !hits.length) items.push(make("li", { class: "lr-hint" }, "Nothing is like that."));
      this.matches.replaceChildren(...items);
      this.matches.querySelector("[aria-current]")?.scrollIntoView?.({ block: "nearest" });
      this.hitSteps.hidden = !hits.length;
      const all = L.count(hits.length, "hit", "hits");
      this.hitCount.textContent = this.hit < 0 ? all : `${(this.hit + 1).toLocaleString("en")} of ${all}`;
    }

    stepHits(by) {
      const { length } = this.hits();
      if (!length) return;
      this.goToHit(this.hit < 0 && by < 0 ? length - 1 : (this.hit + by + length) % length);
    }

    goToHit(number) {
      const hit = this.hits()[number];
      this.pause();
      this.hit = number;
      this.focused = hit.poll;
      this.seek(hit.event);
      this.select(hit.task);
      this.listMatches();
    }

    select(task) {
      this.selected = task;
      this.root.toggleAttribute("data-chosen", task >= 0);
      if (task < 0) this.focused = undefined;
      this.tellStory();
      this.wake();
    }

    tellStory() {
      const { recording: r, selected } = this;
      this.storyTitle.textContent = selected < 0 ? "A task's story" : L.title(r, selected);
      this.storyPlace.replaceChildren();
      this.storyLines = undefined;
      if (selected < 0) {
        this.storyList.replaceChildren(make("li", { class: "lr-hint" }, "Choose a task."));
        return;
      }
      if (r.tasks[selected].place) this.storyPlace.append("spawned at ", this.place(r.tasks[selected].place));
      this.markStory();
    }

    /** A place in the source, as a link where the page knows where the source is. */
    place(place) {
      const template = this.root.dataset.source;
      const parts = /^(.*):(\d+):(\d+)$/.exec(place);
      if (!template || !parts) return place;
      const file = parts[1].split("/").map(encodeURIComponent).join("/");
      const href = template.replace("{file}", () => file).replace("{line}", parts[2]);
      return make("a", { href }, place);
    }

    /** Lists the part of the story around the cursor, and marks where that is. */
    markStory() {
      const story = this.recording.story(this.selected);
      const done = L.upperBound(story, this.applied - 1);
      const first = Math.max(0, Math.min(done - STORY_LINES / 2, story.length - STORY_LINES));
      if (this.storyLines?.first !== first || this.storyLines.task !== this.selected) this.listStory(story, first);
      this.storyLines.items.forEach((item, i) => {
        const isNow = first + i === done - 1;
        item.classList.toggle("lr-future", first + i >= done);
        if (isNow) item.setAttribute("aria-current", "step");
        else item.removeAttribute("aria-current");
      });
    }

    listStory(story, first) {
      const r = this.recording;
      const born = r.at[story[0]];
      const shown = story.subarray(first, first + STORY_LINES);
      const items = Array.from(shown, (event) => make("li", {},
        make("button", { type: "button", onclick: () => this.seek(event + 1) },
          make("span", { class: "lr-when" }, `+${L.span(r, r.at[event] - born)}`),
          make("span", {}, L.predicate(r, event)))));
      const hint = (count, words) => count > 0
        ? [make("li", { class: "lr-hint" }, `${count.toLocaleString("en")} ${words}`)] : [];
      this.storyList.replaceChildren(...hint(first, "before"), ...items,
        ...hint(story.length - first - shown.length, "after"));
      this.storyLines = { task: this.selected, first, items };
    }

    // Looks.

    isDark() {
      return L.isDark(this.root);
    }

    setTheme(theme) {
      this.root.dataset.theme = theme;
      // The page around the player follows, where it is the player's own.
      if (document.body.classList.contains("laneway-page")) document.body.dataset.theme = theme;
      this.readTheme();
      this.redraw();
    }

    readTheme() {
      this.theme = L.readTheme(this.root);
      this.themeButton.textContent = this.isDark() ? "Light" : "Dark";
      this.themeButton.setAttribute("aria-label", this.isDark() ? "Use light colours" : "Use dark colours");
      this.drawSamples();
    }

    drawSamples() {
      for (const canvas of this.legend.querySelectorAll("canvas")) this.drawSample(canvas);
      this.waitRows.forEach(({ glyph }, q) => {
        const c = glyph.getContext("2d");
        c.clearRect(0, 0, 36, 36);
        L.drawToken(c, this.theme, q, 18, 18, 12);
      });
    }

    drawSample(canvas) {
      const { how } = canvas.dataset;
      const c = canvas.getContext("2d");
      c.setTransform(2, 0, 0, 2, 0, 0);
      c.clearRect(0, 0, 30, 20);
      this.lanes.theme = this.theme;
      if (how === "steal") return L.drawArrow(c, this.theme.text, 4, 16, 24, 5, 1);
      if (how === "parked") {
        c.fillStyle = this.theme.parked;
        for (let x = 3; x < 27; x += 7) c.fillRect(x, 10, 3, 1.5);
        return undefined;
      }
      c.fillStyle = this.theme.queue(1);
      c.fillRect(1, 1, 28, 18);
      if (how === "long") return this.lanes.markLong(c, 1, 28, 3);
      return this.lanes.markEnd(c, { how: Number(how) }, 1, 1, 28, 18);
    }

    resize() {
      const width = Math.floor(this.stageCanvas.parentElement.clientWidth);
      if (!width || (width === this.size && devicePixelRatio === this.pixels)) return;
      this.size = width;
      this.pixels = devicePixelRatio || 1;
      this.fitCanvas(this.stageCanvas, width, this.stage.layout(width));
      this.fitCanvas(this.lanesCanvas, width, this.lanes.layout(width));
      this.fitCanvas(this.density, this.density.parentElement.clientWidth, 26);
      this.redraw();
    }

    fitCanvas(canvas, width, height) {
      canvas.width = Math.round(width * this.pixels);
      canvas.height = Math.round(height * this.pixels);
      canvas.style.height = `${height}px`;
    }

    redraw() {
      this.stale = true;
      this.drawDensity();
      this.wake();
    }

    /** Behind the scrubber: how much happened when, and which part the timeline shows. */
    drawDensity() {
      const r = this.recording;
      const c = this.density.getContext("2d");
      const width = this.density.width;
      const height = this.density.height;
      const columns = new Uint32Array(Math.max(1, Math.ceil(width / 2)));
      for (let i = 0; i < r.length; i++) {
        if (r.kind[i] !== Kind.POLL_STARTED) continue;
        columns[Math.min(columns.length - 1, Math.floor((this.scale.position(i) / this.scale.max) * columns.length))]++;
      }
      const most = Math.max(1, ...columns);
      c.clearRect(0, 0, width, height);
      c.fillStyle = this.theme.soft;
      columns.forEach((n, i) => c.fillRect(i * 2, height - (n / most) * height, 2, height));
      const { from, to } = this.scale.view;
      if (to - from > this.scale.max * 0.999) return;
      c.strokeStyle = this.theme.text;
      c.lineWidth = this.pixels;
      const left = (from / this.scale.max) * width;
      c.strokeRect(left + 0.5, 0.5, Math.max(3, ((to - from) / this.scale.max) * width - 1), height - 1);
    }

    /** Gives whether tokens are still on their way. */
    drawFrame(elapsed) {
      const shows = (task, queue, poll) => this.shows(task, queue, poll);
      if (this.stale) {
        this.lanes.drawStill(this.pixels, this.theme, shows);
        this.axisButtons.forEach((button, i) =>
          button.setAttribute("aria-pressed", String(this.scale.axis === ["steps", "time"][i])));
        this.drawDensity();
        this.stale = false;
      }
      const restless = this.stage.move(this.moment, elapsed, !this.calm.matches);
      this.stage.draw(this.stageCanvas, this.pixels, this.theme, this.moment, shows, this.selected);
      this.lanes.draw(this.lanesCanvas, this.pixels, this.cursor, this.selected, this.focused);
      this.stageCanvas.setAttribute("aria-label", this.stageWords());
      this.frames++;
      return restless;
    }

    stageWords() {
      const { moment, recording: r } = this;
      const queues = r.queues.map((name, q) => `${moment.depth[q]} in the ${name} queue`);
      const busy = moment.workers.filter((worker) => worker.polling.length).length;
      return `${queues.join(", ")}; ${busy} of ${moment.workers.length} workers poll; `
        + `${moment.waiting.size} tasks are pending, ${moment.ended} have ended.`;
    }

    /** A task in a few words: what it is, and what happened to it last. */
    taskWords(task) {
      const story = this.recording.story(task);
      const last = story[L.upperBound(story, this.applied - 1) - 1];
      const { place } = this.recording.tasks[task];
      const lines = [L.title(this.recording, task), place];
      if (last !== undefined) lines.push(L.predicate(this.recording, last));
      return lines.filter(Boolean).join("\n");
    }

    /** What was drawn, for whoever wants to check it. */
    stats() {
      const { drawn } = this.lanes;
      return { ...drawn, tokens: this.stage.drawnTokens, applied: this.applied, frames: this.frames };
    }
  }

  function mountAll() {
    for (const element of document.querySelectorAll(".laneway-replay")) {
      if (element.querySelector(':scope > script[type="application/json"]')) L.mount(element);
    }
    // When all are there, since an address may mean any of them.
    for (const player of L.players) player.followLink();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mountAll);
  else mountAll();
})(globalThis.LanewayReplay);
