// What a runtime does now, as far as batches tell: what the replay page's drawing code draws.
//
// A recording knows its events by their numbers. Here they pass by and are gone, so polls and steals
// hold times instead, in nanoseconds, and the horizontal axis is time alone. Everything is bounded:
// tasks live in a fixed number of slots, and what has left the longest window is forgotten.
"use strict";
(function (L) {
  const { Kind, Where } = L;
  const FIELDS = 6;
  const SLOTS = 1 << 17;
  const WAITS = 8192;
  const LONG = 10e6;
  const MOST_LONG = 6;
  const MOST_POLLS = 40_000;
  const MOST_BACKLOG = 60_000;
  /** The longest window, and how much of the past the figures are about. */
  const KEPT = (L.KEPT = 10e9);
  const UNMEASURED = 3;

  class LiveMoment extends L.Moment {
    /** Forgets a task whose slot another one gets. */
    forget(task) {
      this.unqueue(task);
      this.waiting.delete(task);
      for (const worker of this.workers) {
        worker.polling = worker.polling.filter((other) => other !== task);
        worker.blocked = worker.blocked.filter((other) => other !== task);
        if (worker.held === task) worker.held = -1;
      }
      this.where[task] = Where.NOWHERE;
    }

    isFree(task) {
      return this.where[task] === Where.NOWHERE || this.where[task] === Where.ENDED;
    }
  }

  L.Now = class Now {
    constructor(recorded) {
      // Names of queues and workers, as a recording has them.
      const shape = L.parse({ ...recorded, tasks: [], places: [], events: [] });
      this.queues = shape.queues;
      this.workers = shape.workers;
      this.tasks = new Array(SLOTS);
      this.slots = new Map();
      this.next = 0;
      this.moment = new LiveMoment(this);
      this.isSimulated = false;
      this.backlog = [];
      this.waitingEvents = 0;
      this.counters = undefined;
      this.applied = 0;
      this.shares = this.workers.map(() => ({ busy: 0, parked: 0 }));
      this.maxDepth = this.queues.map(() => 0);
      this.depths = [];
      this.long = [];
      this.missed = 0;
      this.begin();
    }

    begin() {
      this.ofWorker = this.workers.map(() => []);
      this.open = this.workers.map(() => []);
      this.parked = this.workers.map(() => []);
      this.steals = [];
      this.gaps = [];
      this.scheduledAt = new Float64Array(SLOTS).fill(-1);
      this.takenAs = new Array(SLOTS);
      this.waits = this.queues.map(() => ({ at: new Float64Array(WAITS), took: new Float64Array(WAITS), next: 0 }));
      this.cursor = 0;
      this.lastAt = 0;
    }

    colourOf(task, queue) {
      return queue;
    }

    digits() {
      return 4;
    }

    // Coming in.

    /** Takes a batch. What is in it happens when the cursor comes to it. */
    take(batch) {
      const raw = batch.recording;
      const slots = raw.tasks.map(([id, place, name]) => this.slotOf(id, place < 0 ? "" : raw.places[place], name));
      if (batch.missed) this.missed += batch.missed;
      this.backlog.push({ rows: raw.events, slots, row: 0, at: 0, gap: batch.missed > 0, to: batch.at, depth: batch.queues.map(([depth]) => depth) });
      this.waitingEvents += raw.events.length / FIELDS;
      this.lastAt = batch.at;
      this.count(batch);
      // A page that is not to be seen draws no frames.
      if (this.waitingEvents > MOST_BACKLOG) this.advance(batch.at);
    }

    /** The slot of a task, by its number. */
    slotOf(id, place, name) {
      let slot = this.slots.get(id);
      if (slot === undefined) {
        slot = this.freeSlot();
        const before = this.tasks[slot];
        if (before) this.slots.delete(before.id);
        if (before) this.moment.forget(slot);
        this.slots.set(id, slot);
        this.tasks[slot] = { id, name: "", place: "", queue: -1, by: -1 };
        this.scheduledAt[slot] = -1;
        this.takenAs[slot] = undefined;
      }
      if (name !== undefined) this.tasks[slot].name = L.clean(name);
      if (place) this.tasks[slot].place = L.clean(place);
      return slot;
    }

    freeSlot() {
      // Most slots are free: of those that are not, one has to give way at last.
      for (let tries = 0; tries < 64; tries++) {
        this.next = (this.next + 1) % SLOTS;
        if (this.moment.isFree(this.next)) break;
      }
      return this.next;
    }

    /** The counters of a batch: what each worker did, and how much happened, in the last second. */
    count(batch) {
      this.history ??= [];
      this.history.push({ at: batch.at, queues: batch.queues, workers: batch.workers });
      while (this.history.length > 2 && this.history[1].at < batch.at - 1e9) this.history.shift();
      const before = this.history[0];
      const span = batch.at - before.at;
      if (span <= 0) return;
      this.duration = span;
      this.shares = batch.workers.map(([busy, parked], w) => ({
        busy: Math.min(span, (busy - before.workers[w][0]) * 1e3),
        parked: Math.min(span, (parked - before.workers[w][1]) * 1e3),
      }));
      this.counters = batch.queues.map((now, q) => {
        const rate = (i) => ((now[i] - before.queues[q][i]) * 1e9) / span;
        return { depth: now[0], spawned: rate(1), ended: rate(2) + rate(3) + rate(4), polls: rate(5) };
      });
    }

    // Time.

    /** Lets happen what happened up to a time. */
    advance(until) {
      while (this.backlog.length) {
        const batch = this.backlog[0];
        if (batch.gap) this.tearAt(batch);
        if (!this.play(batch, until)) break;
        this.depths.push({ at: batch.to, depth: batch.depth });
        this.backlog.shift();
      }
      this.cursor = until;
      const peak = this.moment.depth.slice();
      const known = this.depths.at(-1)?.depth ?? peak;
      this.depths.push({ at: until, depth: peak.map((depth, q) => Math.max(depth, known[q])) });
      this.forget(until - KEPT);
    }

    /** Plays the rows of a batch up to a time, and gives whether that were all. */
    play(batch, until) {
      const { rows, slots } = batch;
      for (; batch.row < rows.length; batch.row += FIELDS) {
        const i = batch.row;
        const at = batch.at + rows[i];
        if (at > until) return false;
        batch.at = at;
        this.waitingEvents--;
        const slot = rows[i + 2] < 0 ? -1 : slots[rows[i + 2]];
        this.step(at, rows[i + 1], slot, rows[i + 3], rows[i + 4], rows[i + 5]);
      }
      return batch.to <= until;
    }

    /** Before a batch, something is missing: what was where is not known any more. */
    tearAt(batch) {
      batch.gap = false;
      const to = batch.rows.length ? batch.rows[0] : batch.to;
      this.tear(Math.min(this.cursor, to), to);
    }

    tear(from, to) {
      const { ended, applied } = this.moment;
      this.moment = new LiveMoment(this);
      Object.assign(this.moment, { ended, applied });
      for (const polls of this.open) {
        for (const poll of polls) poll.end = Math.max(from, poll.start);
        polls.length = 0;
      }
      for (const parks of this.parked) if (parks.length && parks.at(-1).to < 0) parks.at(-1).to = from;
      this.scheduledAt.fill(-1);
      const last = this.gaps.at(-1);
      if (last && from - last.to < 60e6) last.to = to;
      else this.gaps.push({ from, to });
    }

    step(at, kind, task, queue, worker, detail) {
      this.applied++;
      // So that the stage knows whether tokens can be followed by eye.
      this.moment.applied++;
      const known = task < 0 ? undefined : this.tasks[task];
      switch (kind) {
        case Kind.SPAWNED:
          known.queue = queue;
          known.by = worker;
          break;
        case Kind.SCHEDULED:
          this.scheduledAt[task] = at;
          if (known.queue < 0) known.queue = queue;
          break;
        case Kind.TAKEN:
          this.takenAs[task] = { queue, scheduled: this.scheduledAt[task], victim: detail - 2 };
          this.scheduledAt[task] = -1;
          if (detail >= 2) this.steals.push({ at, task, queue, victim: detail - 2, thief: worker });
          break;
        case Kind.POLL_STARTED:
          this.startPoll(at, task, worker);
          break;
        case Kind.POLL_ENDED:
          this.endPoll(at, task, worker, detail);
          break;
        case Kind.PARKED:
          this.parked[worker].push({ from: at, to: -1 });
          break;
        case Kind.UNPARKED: {
          const park = this.parked[worker].at(-1);
          if (park && park.to < 0) park.to = at;
          break;
        }
        case Kind.REPLACED:
          if (this.open[worker].length) this.open[worker].at(-1).replaced = at;
          break;
      }
      this.moment.step(kind, task, queue, worker, detail);
    }

    startPoll(at, task, worker) {
      const taken = this.takenAs[task];
      this.takenAs[task] = undefined;
      const poll = {
        task, worker, queue: taken?.queue ?? this.tasks[task].queue, start: at, end: -1, how: -1,
        replaced: -1, scheduled: taken?.scheduled ?? -1, victim: taken?.victim ?? -1,
      };
      this.ofWorker[worker].push(poll);
      this.open[worker].push(poll);
      const waits = this.waits[poll.queue];
      if (poll.scheduled < 0 || !waits) return;
      waits.at[waits.next % WAITS] = at;
      waits.took[waits.next % WAITS] = this.waited(poll);
      waits.next++;
    }

    endPoll(at, task, worker, how) {
      const open = this.open[worker];
      const place = open.findIndex((poll) => poll.task === task);
      if (place < 0) return; // Its start was missed.
      const [poll] = open.splice(place, 1);
      poll.end = at;
      poll.how = how;
      if (at - poll.start < LONG) return;
      this.long.unshift(poll);
      this.long.length = Math.min(this.long.length, MOST_LONG);
    }

    /** Forgets what is older than any window. */
    forget(before) {
      const drop = (all, isOld) => {
        if (!all.length || !isOld(all[Math.min(all.length - 1, 255)])) return;
        let first = 0;
        while (first < all.length && isOld(all[first])) first++;
        all.splice(0, first);
      };
      const isOver = ({ end }) => end >= 0 && end < before;
      for (const polls of this.ofWorker) {
        drop(polls, isOver);
        if (polls.length > MOST_POLLS * 1.1) polls.splice(0, polls.length - MOST_POLLS);
      }
      for (const parks of this.parked) drop(parks, ({ to }) => to >= 0 && to < before);
      drop(this.steals, ({ at }) => at < before);
      drop(this.depths, ({ at }) => at < before);
      drop(this.gaps, ({ to }) => to < before);
    }

    // Figures.

    waited(poll) {
      const waited = poll.start - poll.scheduled;
      return waited <= UNMEASURED ? 0 : waited;
    }

    lasted(poll) {
      return (poll.end < 0 ? this.cursor : poll.end) - poll.start;
    }

    /** How long tasks waited in a queue lately, in nanoseconds. */
    waitsOf(queue) {
      const { at, took, next } = this.waits[queue];
      const length = Math.min(next, WAITS);
      const recent = took.subarray(0, length).filter((_, i) => at[i] > this.cursor - KEPT).sort();
      const percentile = (p) => recent[Math.max(1, Math.ceil((recent.length * p) / 100)) - 1] ?? 0;
      return { count: recent.length, p50: percentile(50), p99: percentile(99), max: percentile(100) };
    }

    /** What kinds of tasks took most of the workers' time in the last seconds. */
    kinds(window) {
      const kinds = new Map();
      const from = this.cursor - window;
      for (const polls of this.ofWorker) {
        for (let i = polls.length - 1; i >= 0 && (polls[i].end < 0 || polls[i].end > from); i--) {
          const poll = polls[i];
          const name = L.short(this, poll.task) || "spawned before";
          let kind = kinds.get(name);
          if (!kind) kinds.set(name, (kind = { name, queue: poll.queue, polls: 0, busy: 0, longest: 0 }));
          const lasted = this.lasted(poll);
          kind.polls++;
          kind.busy += Math.min(lasted, this.cursor - from);
          kind.longest = Math.max(kind.longest, lasted);
        }
      }
      return [...kinds.values()].sort((a, b) => b.busy - a.busy);
    }

    /** The polls that are long, those that go on first. */
    longPolls() {
      const lasting = this.open.flat().filter((poll) => this.lasted(poll) >= LONG);
      return [...lasting, ...this.long].slice(0, MOST_LONG);
    }
  };

  /** The horizontal axis: times, of which the last are in view. */
  L.LiveScale = class LiveScale {
    constructor() {
      this.axis = "time";
      this.view = { from: 0, to: 1 };
      this.now = 0;
    }

    show(now, window) {
      this.now = now;
      this.view = { from: now - window, to: now };
    }

    position(at) {
      return at;
    }

    get max() {
      return this.now;
    }

    words(at) {
      const ago = this.now - at;
      return ago < 1e3 ? "now" : `\u2212${L.time(ago)}`;
    }

    tick(least) {
      const size = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
      return [1, 2, 5, 10].find((n) => n * size >= least) * size;
    }
  };

  /** How near to each other steals between two workers are drawn, in pixels. */
  const APART = 30;

  L.LiveLanes = class LiveLanes extends L.Lanes {
    constructor(now, scale) {
      super({ workers: now.workers, polls: [], queues: now.queues }, scale);
      this.recording = now;
      this.blockedLanes = now.workers.map(() => false);
      this.follow();
    }

    /** The polls are those of the recording, which replaces its list when it begins anew. */
    follow() {
      this.ofWorker = this.recording.ofWorker;
      const { from } = this.scale.view;
      this.recording.maxDepth = this.recording.queues.map((_, q) =>
        this.recording.depths.reduce((most, { at, depth }) => (at >= from && depth[q] > most ? depth[q] : most), 0));
    }

    *parks() {
      const { from, to } = this.scale.view;
      for (const [w, parks] of this.recording.parked.entries()) {
        for (const park of parks) {
          const end = park.to < 0 ? to : park.to;
          if (end > from) yield [w, Math.max(from, park.from), end];
        }
      }
    }

    *steals() {
      const last = new Map();
      for (const steal of this.recording.steals) {
        const x = this.x(steal.at);
        const pair = steal.victim * 4096 + steal.thief;
        if (steal.at < this.scale.view.from || x - (last.get(pair) ?? -APART) < APART) continue;
        last.set(pair, x);
        yield steal;
      }
    }

    drawRuler(c) {
      // Ticks stand still, and time passes behind them.
      const { view } = this.scale;
      const width = view.to - view.from;
      const step = this.scale.tick(width / Math.max(2, this.width / 130));
      c.font = this.theme.font(11);
      c.textBaseline = "middle";
      for (let ago = 0; ago < width; ago += step) {
        const x = Math.round(this.x(view.to - ago));
        c.fillStyle = this.theme.soft;
        c.fillRect(x, 18, 1, this.height - 22);
        c.fillStyle = this.theme.quiet;
        c.textAlign = ago ? "left" : "right";
        c.fillText(this.scale.words(view.to - ago), ago ? x + 4 : x - 8, 9);
      }
      c.textAlign = "left";
      this.drawGaps(c);
    }

    /** Where events were missed: hatched, so that it does not look like a rest. */
    drawGaps(c) {
      c.strokeStyle = this.theme.soft;
      c.lineWidth = 1;
      for (const { from, to } of this.recording.gaps) {
        const [left, right] = [Math.max(this.gutter, this.x(from)), this.x(to)];
        if (right < this.gutter) continue;
        c.save();
        c.beginPath();
        c.rect(left, 22, Math.max(2, right - left), this.height - 26);
        c.clip();
        c.beginPath();
        for (let x = left - this.height; x < right + 2; x += 8) {
          c.moveTo(x, this.height);
          c.lineTo(x + this.height, 0);
        }
        c.stroke();
        c.restore();
      }
    }

    drawDepths(c) {
      const { depths, maxDepth, queues } = this.recording;
      queues.forEach((_, q) => {
        const bottom = this.queueY[q] + 30;
        const y = (n) => bottom - (n / Math.max(1, maxDepth[q])) * 27;
        c.beginPath();
        c.moveTo(this.gutter, bottom);
        let before = 0;
        for (const { at, depth } of depths) {
          const x = Math.max(this.gutter, this.x(at));
          c.lineTo(x, y(before));
          c.lineTo(x, y((before = depth[q])));
        }
        c.lineTo(this.x(this.scale.now), y(before));
        c.lineTo(this.x(this.scale.now), bottom);
        c.fillStyle = this.theme.queue(q);
        c.fill();
      });
    }
  };

  L.LiveStage = class LiveStage extends L.Stage {
    queueNotes(moment, q) {
      const depth = this.recording.counters?.[q].depth ?? moment.depth[q];
      const words = Math.max(depth, moment.depth[q]).toLocaleString("en");
      return [`${words} waiting`, words];
    }

    origin(task, target) {
      const { by } = this.recording.tasks[task];
      return by >= 0 ? this.slot(by) : { x: target.x, y: -9 };
    }

    /** One of thousands a second would only flicker; the lanes show them. */
    drawLastSteal() {}
  };
})(globalThis.LanewayReplay);
