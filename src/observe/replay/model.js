// Reads a recording and knows what was where at each moment. Touches no page.
//
// The format is described in src/observe/FORMAT.md. Nothing in a recording is trusted to be
// short, printable or consistent: a recording may begin in the middle of a run.
"use strict";
globalThis.LanewayReplay ??= {};
(function (L) {
  const Kind = (L.Kind = {
    SPAWNED: 0, SCHEDULED: 1, TAKEN: 2, POLL_STARTED: 3, POLL_ENDED: 4, PARKED: 5,
    UNPARKED: 6, REPLACED: 7, CANCELLED: 8, ESCALATED: 9, TIMER_ARMED: 10, TIMER_FIRED: 11,
  });
  const End = (L.End = { PENDING: 0, YIELDED: 1, READY: 2, PANICKED: 3, CANCELLED: 4 });
  const Placement = { NEXT_SLOT: 0, DEQUE: 1, CHANNEL: 2 };
  const Source = { LOCAL: 0, CHANNEL: 1, FIRST_WORKER: 2 };
  const Where = (L.Where = { NOWHERE: 0, QUEUED: 1, RUNNING: 2, WAITING: 3, ENDED: 4 });
  const FIELDS = 6;
  const KEYFRAMES = 64;
  // Events that share a look at the clock are a nanosecond apart. A task that yields alone is
  // scheduled, left, taken and polled again within one look: that long, no time was measured.
  const UNMEASURED = 3;
  // What is longer than this part of a recording, and empty, is idle.
  const IDLE_PARTS = 100;

  // Control characters and those that turn the direction of text would make a label lie.
  const UNFIT = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  const clean = (L.clean = (text) => String(text).replace(UNFIT, "\u00b7"));

  /** Reads the JSON of a recording. Throws an Error that a reader understands. */
  L.parse = function (json) {
    const raw = typeof json === "string" ? JSON.parse(json) : json;
    if (raw?.format !== "laneway-replay") throw new Error("this is no recording of Laneway");
    if (raw.version !== 1) {
      throw new Error(`this player knows version 1 of the format, not ${clean(raw.version)}`);
    }
    return new Recording(raw);
  };

  class Recording {
    constructor(raw) {
      const rows = raw.events;
      const n = (this.length = Math.floor(rows.length / FIELDS));
      this.dropped = raw.dropped ?? 0;
      this.isSimulated = raw.clock === "simulated";
      this.at = new Float64Array(n);
      this.kind = new Uint8Array(n);
      this.task = new Int32Array(n);
      this.queue = new Int16Array(n);
      this.worker = new Int16Array(n);
      this.detail = new Float64Array(n);
      let at = 0;
      for (let i = 0, r = 0; i < n; i++, r += FIELDS) {
        at += rows[r];
        this.at[i] = at;
        this.kind[i] = rows[r + 1];
        this.task[i] = rows[r + 2];
        this.queue[i] = rows[r + 3];
        this.worker[i] = rows[r + 4];
        this.detail[i] = rows[r + 5];
      }
      this.duration = at;
      this.readTables(raw);
      this.findPolls();
      this.findStories();
      this.findWaits();
      this.makeKeyframes();
      this.findShares();
    }

    /** Which of the colours and shapes a task's token has: those of its queue, or its own. */
    colourOf(task, queue) {
      return this.hasTaskColours ? task : queue;
    }

    readTables(raw) {
      const most = (numbers) => numbers.reduce((a, b) => (b > a ? b : a), -1);
      const queues = Math.max(raw.queues.length, most(this.queue) + 1);
      const workers = Math.max(raw.homes.length, most(this.worker) + 1);
      const ofHome = new Map();
      this.queues = Array.from({ length: queues }, (_, q) => clean(raw.queues[q] ?? `queue ${q}`));
      this.workers = Array.from({ length: workers }, (_, w) => {
        const home = raw.homes[w] ?? -1;
        // The member is missing where threads have no names of their own.
        const thread = raw.threads?.[w];
        if (thread !== undefined) return { home, name: clean(thread) };
        // The member is missing where there are none.
        const standby = (raw.standbys ?? []).indexOf(w);
        if (standby >= 0) {
          return { home, name: `standby ${standby}` };
        }
        const number = ofHome.get(home) ?? 0;
        ofHome.set(home, number + 1);
        return { home, name: home < 0 ? `worker ${w}` : `${this.queues[home]} ${number}` };
      });
      this.tasks = raw.tasks.map(([id, place, name]) => ({
        id,
        name: name === undefined ? "" : clean(name),
        place: place < 0 ? "" : clean(raw.places[place]),
        queue: -1,
      }));
    }

    /** Every poll: which events began and ended it, on which worker, and how it came about. */
    findPolls() {
      this.polls = [];
      this.pollAt = new Int32Array(this.length).fill(-1);
      // The task that the event's worker polls at that moment, or -1.
      this.poller = new Int32Array(this.length).fill(-1);
      const taken = new Map();
      const scheduled = new Map();
      const open = new Map();
      const current = new Map();
      for (let i = 0; i < this.length; i++) {
        const task = this.task[i];
        const worker = this.worker[i];
        const key = worker * 4294967296 + task;
        this.poller[i] = current.get(worker)?.task ?? -1;
        switch (this.kind[i]) {
          case Kind.SCHEDULED:
            scheduled.set(task, i);
            if (this.tasks[task].queue < 0) this.tasks[task].queue = this.queue[i];
            break;
          case Kind.SPAWNED:
            this.tasks[task].queue = this.queue[i];
            break;
          case Kind.TAKEN:
            taken.set(task, { at: i, scheduled: scheduled.get(task) ?? -1 });
            scheduled.delete(task);
            break;
          case Kind.POLL_STARTED: {
            const how = taken.get(task);
            taken.delete(task);
            const queue = how ? this.queue[how.at] : this.tasks[task].queue;
            const from = how ? this.detail[how.at] : Source.LOCAL;
            const poll = {
              number: this.polls.length, task, worker, queue, start: i, end: -1, how: -1,
              replaced: -1, taken: how?.at ?? -1, scheduled: how?.scheduled ?? -1,
              victim: from >= Source.FIRST_WORKER ? from - Source.FIRST_WORKER : -1,
            };
            this.pollAt[i] = poll.number;
            this.polls.push(poll);
            if (open.has(key)) open.get(key).push(poll);
            else open.set(key, [poll]);
            current.set(worker, poll);
            break;
          }
          case Kind.POLL_ENDED: {
            const poll = open.get(key)?.shift();
            if (!poll) break; // Its start was dropped.
            poll.end = i;
            poll.how = this.detail[i];
            this.pollAt[i] = poll.number;
            if (current.get(worker) === poll) current.delete(worker);
            break;
          }
          case Kind.REPLACED:
            if (current.has(worker)) current.get(worker).replaced = i;
            current.delete(worker);
            break;
        }
      }
    }

    /** For each task, its events; in one array, since there may be many tasks. */
    findStories() {
      const first = (this.storyFirst = new Int32Array(this.tasks.length + 1));
      for (const task of this.task) if (task >= 0) first[task + 1]++;
      for (let t = 0; t < this.tasks.length; t++) first[t + 1] += first[t];
      const next = first.slice();
      const story = (this.storyEvents = new Int32Array(first[this.tasks.length]));
      for (let i = 0; i < this.length; i++) {
        if (this.task[i] >= 0) story[next[this.task[i]]++] = i;
      }
    }

    story(task) {
      return this.storyEvents.subarray(this.storyFirst[task], this.storyFirst[task + 1]);
    }

    /** How long tasks waited in each queue, in nanoseconds. */
    findWaits() {
      const waits = this.queues.map(() => []);
      for (const poll of this.polls) {
        if (poll.scheduled >= 0) waits[poll.queue]?.push(this.waited(poll));
      }
      this.waits = waits.map((of) => {
        of.sort((a, b) => a - b);
        const percentile = (p) => of[Math.max(1, Math.ceil((of.length * p) / 100)) - 1] ?? 0;
        return { count: of.length, p50: percentile(50), p99: percentile(99), max: percentile(100) };
      });
    }

    /** How long a task waited before a poll; 0 if no time was measured. */
    waited(poll) {
      const waited = this.at[poll.start] - this.at[poll.scheduled];
      return waited <= UNMEASURED ? 0 : waited;
    }

    /** How long a poll lasted, or lasts. */
    lasted(poll) {
      return (poll.end < 0 ? this.duration : this.at[poll.end]) - this.at[poll.start];
    }

    /** What each worker did with its time: how long it polled and slept, and its longest poll. */
    findShares() {
      this.shares = this.workers.map(() => ({ polls: 0, busy: 0, parked: 0, longest: 0 }));
      for (const poll of this.polls) {
        const share = this.shares[poll.worker];
        const until = poll.replaced >= 0 ? this.at[poll.replaced] : this.at[poll.start] + this.lasted(poll);
        share.polls++;
        share.busy += until - this.at[poll.start];
        share.longest = Math.max(share.longest, this.lasted(poll));
      }
      const since = this.workers.map(() => -1);
      const wake = (worker, at) => {
        if (since[worker] >= 0) this.shares[worker].parked += at - since[worker];
        since[worker] = -1;
      };
      for (let i = 0; i < this.length; i++) {
        if (this.kind[i] === Kind.PARKED) since[this.worker[i]] = this.at[i];
        if (this.kind[i] === Kind.UNPARKED) wake(this.worker[i], this.at[i]);
      }
      since.forEach((_, worker) => wake(worker, this.duration));
    }

    /** Where a task was stolen from, or -1. */
    victimOf(event) {
      const stolen = this.kind[event] === Kind.TAKEN && this.detail[event] >= Source.FIRST_WORKER;
      return stolen ? this.detail[event] - Source.FIRST_WORKER : -1;
    }

    // Moments.

    makeKeyframes() {
      this.every = Math.max(1024, Math.ceil(this.length / KEYFRAMES));
      this.keyframes = [];
      this.maxDepth = this.queues.map(() => 0);
      // How many events have happened when most tasks are queued or polled.
      this.busiest = 0;
      // Where nothing happens for long and no worker polls.
      this.idle = [];
      const long = this.duration / IDLE_PARTS;
      const moment = new Moment(this);
      let most = 0;
      for (let i = 0; i < this.length; i++) {
        if (i % this.every === 0) this.keyframes.push(moment.copy());
        const polls = moment.workers.reduce((n, w) => n + w.polling.length + w.blocked.length, 0);
        const before = i > 0 ? this.at[i - 1] : 0;
        if (!polls && this.at[i] - before > long) this.idle.push({ from: before, to: this.at[i] });
        moment.apply(i);
        const depth = moment.depth;
        let tasks = polls;
        for (let q = 0; q < depth.length; q++) {
          tasks += depth[q];
          if (depth[q] > this.maxDepth[q]) this.maxDepth[q] = depth[q];
        }
        if (tasks > most) [most, this.busiest] = [tasks, i + 1];
      }
      this.idleTime = this.idle.reduce((sum, gap) => sum + gap.to - gap.from, 0);
      if (!this.keyframes.length) this.keyframes.push(moment.copy());
    }

    /** The time without idle stretches around a time. */
    stretch(at) {
      const from = this.idle.findLast((gap) => gap.to <= at)?.to ?? 0;
      const to = this.idle.find((gap) => gap.from >= at)?.from ?? this.duration;
      return { from, to: Math.max(to, from) };
    }

    /** The least number of digits by which all tasks are told apart. */
    digits() {
      const ids = this.tasks.map((task) => String(task.id));
      const longest = ids.reduce((most, id) => Math.max(most, id.length), 1);
      for (let digits = Math.min(2, longest); digits < longest; digits++) {
        if (new Set(ids.map((id) => id.slice(-digits))).size === ids.length) return digits;
      }
      return longest;
    }

    /** What was where after the first `applied` events. */
    moment(applied) {
      const before = Math.min(Math.floor(applied / this.every), this.keyframes.length - 1);
      const moment = this.keyframes[before].copy();
      while (moment.applied < applied) moment.apply(moment.applied);
      return moment;
    }
  }

  /** What is where. */
  class Moment {
    constructor(recording) {
      this.recording = recording;
      this.applied = 0;
      this.where = new Uint8Array(recording.tasks.length);
      // The queue of each task that is queued, and the worker in whose own queue it lies.
      this.queueOf = new Int16Array(recording.tasks.length).fill(-1);
      this.localOf = new Int16Array(recording.tasks.length).fill(-1);
      this.depth = new Int32Array(recording.queues.length);
      this.channels = recording.queues.map(() => new Set());
      this.workers = recording.workers.map(() => ({
        local: new Set(), held: -1, polling: [], blocked: [], parked: false,
      }));
      this.waiting = new Set();
      this.ended = 0;
    }

    copy() {
      const copy = Object.create(Moment.prototype);
      copy.recording = this.recording;
      copy.applied = this.applied;
      copy.where = this.where.slice();
      copy.queueOf = this.queueOf.slice();
      copy.localOf = this.localOf.slice();
      copy.depth = this.depth.slice();
      copy.channels = this.channels.map((tasks) => new Set(tasks));
      copy.workers = this.workers.map((worker) => ({
        local: new Set(worker.local),
        held: worker.held,
        polling: worker.polling.slice(),
        blocked: worker.blocked.slice(),
        parked: worker.parked,
      }));
      copy.waiting = new Set(this.waiting);
      copy.ended = this.ended;
      return copy;
    }

    apply(i) {
      const r = this.recording;
      this.applied = i + 1;
      this.step(r.kind[i], r.task[i], r.queue[i], r.worker[i], r.detail[i]);
    }

    /** Does what an event tells of. */
    step(kind, task, queue, teller, detail) {
      const worker = this.workers[teller];
      switch (kind) {
        case Kind.SCHEDULED: {
          this.unqueue(task);
          this.waiting.delete(task);
          const local = worker && detail !== Placement.CHANNEL;
          this.queueOf[task] = queue;
          this.localOf[task] = local ? teller : -1;
          this.depth[queue]++;
          (local ? worker.local : this.channels[queue]).add(task);
          // Who told of the end of its poll may come later than who woke it meanwhile.
          if (this.where[task] !== Where.RUNNING) this.where[task] = Where.QUEUED;
          break;
        }
        case Kind.TAKEN:
          this.unqueue(task);
          this.waiting.delete(task);
          worker.held = task;
          break;
        case Kind.POLL_STARTED:
          this.unqueue(task);
          this.waiting.delete(task);
          worker.held = -1;
          worker.polling.push(task);
          worker.parked = false;
          this.where[task] = Where.RUNNING;
          break;
        case Kind.POLL_ENDED:
          this.endPoll(task, worker, detail);
          break;
        case Kind.PARKED:
        case Kind.UNPARKED:
          worker.parked = kind === Kind.PARKED;
          break;
        case Kind.REPLACED: {
          const blocked = worker.polling.pop();
          if (blocked !== undefined) worker.blocked.push(blocked);
          break;
        }
        case Kind.CANCELLED:
          if (worker?.held === task) worker.held = -1;
          if (this.where[task] === Where.RUNNING || this.where[task] === Where.ENDED) break;
          this.unqueue(task);
          this.end(task);
          break;
      }
    }

    endPoll(task, worker, how) {
      const drop = (from) => {
        const place = from.indexOf(task);
        if (place >= 0) from.splice(place, 1);
        return place >= 0;
      };
      if (!drop(worker.blocked)) drop(worker.polling);
      if (how >= End.READY) this.end(task);
      else if (this.queueOf[task] >= 0) this.where[task] = Where.QUEUED;
      else if (!this.workers.some((w) => w.polling.includes(task))) {
        this.where[task] = Where.WAITING;
        this.waiting.add(task);
      }
    }

    end(task) {
      this.waiting.delete(task);
      this.where[task] = Where.ENDED;
      this.ended++;
    }

    unqueue(task) {
      const queue = this.queueOf[task];
      if (queue < 0) return;
      const local = this.localOf[task];
      (local < 0 ? this.channels[queue] : this.workers[local].local).delete(task);
      this.depth[queue]--;
      this.queueOf[task] = -1;
      this.localOf[task] = -1;
    }
  }

  L.Moment = Moment;
})(globalThis.LanewayReplay);
