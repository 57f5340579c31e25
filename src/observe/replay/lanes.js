// Draws the timeline: a lane for each worker with its polls, and one for each queue's length.
//
// What does not change with the cursor is drawn once to a canvas of its own and copied from there.
"use strict";
(function (L) {
  const { Kind, End } = L;
  const RULER = 22;
  const LANE = 28;
  const BLOCKED = 8;
  const QUEUE = 30;
  const GAP = 6;
  /** From when on a poll is marked as long, in milliseconds: from when on a runtime warns of it. */
  const LONG = 10;

  class Lanes {
    constructor(recording, scale, longFrom = LONG) {
      this.recording = recording;
      this.scale = scale;
      this.longFrom = longFrom * 1e6;
      this.still = document.createElement("canvas");
      this.drawn = { polls: 0, arrows: 0, parks: 0, long: 0 };
      // The polls of each worker, to find the one under the pointer.
      this.ofWorker = recording.workers.map(() => []);
      for (const poll of recording.polls) this.ofWorker[poll.worker].push(poll);
      this.blockedLanes = this.ofWorker.map((polls) => polls.some((p) => p.replaced >= 0));
    }

    layout(width) {
      this.width = width;
      this.gutter = width < 500 ? 66 : 136;
      let y = RULER;
      this.laneY = this.ofWorker.map((_, worker) => {
        const top = y;
        y += LANE + (this.blockedLanes[worker] ? BLOCKED + 2 : 0) + GAP;
        return top;
      });
      this.queueY = this.recording.queues.map(() => {
        const top = y;
        y += QUEUE + GAP;
        return top;
      });
      this.height = y + 2;
      return this.height;
    }

    x(position) {
      const { from, to } = this.scale.view;
      return this.gutter + ((position - from) / (to - from)) * (this.width - this.gutter - 8);
    }

    position(x) {
      const { from, to } = this.scale.view;
      return from + ((x - this.gutter) / (this.width - this.gutter - 8)) * (to - from);
    }

    /** Where the first `applied` events end. */
    edge(event) {
      return this.x(this.scale.position(event));
    }

    /** Draws everything but the cursor. `shows(task, queue)` is the filter. */
    drawStill(pixels, theme, shows) {
      this.still.width = this.width * pixels;
      this.still.height = this.height * pixels;
      const c = this.still.getContext("2d");
      c.scale(pixels, pixels);
      this.theme = theme;
      this.drawn = { polls: 0, arrows: 0, parks: 0, long: 0 };
      this.drawFrame(c);
      c.save();
      c.beginPath();
      c.rect(this.gutter, 0, this.width - this.gutter, this.height);
      c.clip();
      this.drawRuler(c);
      this.drawParks(c);
      this.drawPolls(c, shows);
      this.drawDepths(c);
      this.drawSteals(c, shows);
      c.restore();
    }

    drawFrame(c) {
      const { theme } = this;
      c.font = theme.font(12);
      c.textBaseline = "middle";
      const label = (text, y) => {
        c.fillStyle = theme.text;
        c.fillText(L.fit(c, text, this.gutter - 8), 2, y);
      };
      const lane = (y, height) => {
        c.fillStyle = theme.lane;
        c.fillRect(this.gutter, y, this.width - this.gutter, height);
      };
      this.recording.workers.forEach((worker, w) => {
        lane(this.laneY[w], LANE);
        label(worker.name, this.laneY[w] + LANE / 2 - 5);
        const { busy, parked } = this.recording.shares[w];
        const [polls, sleeps] = [L.share(this.recording, busy), L.share(this.recording, parked)];
        c.font = theme.font(10);
        c.fillStyle = theme.quiet;
        const shares = [`${polls} busy, ${sleeps} parked`, `${polls} busy`];
        c.fillText(L.fitOne(c, shares, this.gutter - 6), 2, this.laneY[w] + LANE / 2 + 8);
        c.font = theme.font(12);
        if (this.blockedLanes[w]) lane(this.laneY[w] + LANE + 2, BLOCKED);
      });
      this.recording.queues.forEach((name, q) => {
        lane(this.queueY[q], QUEUE);
        if (!this.recording.hasTaskColours) L.drawToken(c, theme, q, 8, this.queueY[q] + 9, 5.5);
        c.font = theme.font(12);
        c.fillStyle = theme.text;
        c.fillText(L.fit(c, name, this.gutter - 26), 20, this.queueY[q] + 9);
        c.font = theme.font(10);
        c.fillStyle = theme.quiet;
        const most = this.recording.maxDepth[q].toLocaleString("en");
        c.fillText(L.fitOne(c, [`up to ${most}`, `\u2264 ${most}`], this.gutter - 22), 20, this.queueY[q] + 23);
      });
    }

    drawRuler(c) {
      const { from, to } = this.scale.view;
      const step = this.scale.tick((to - from) / Math.max(2, this.width / 130));
      c.font = this.theme.font(11);
      c.textBaseline = "middle";
      for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
        const x = Math.round(this.x(at));
        c.fillStyle = this.theme.soft;
        c.fillRect(x, RULER - 4, 1, this.height - RULER);
        c.fillStyle = this.theme.quiet;
        // At the right end the words stand before their line.
        const words = this.scale.words(at);
        const width = c.measureText(words).width;
        c.fillText(words, x + 4 + width <= this.width ? x + 4 : x - 4 - width, RULER / 2 - 2);
      }
    }

    drawParks(c) {
      c.fillStyle = this.theme.parked;
      for (const [worker, from, to] of this.parks()) {
        this.drawn.parks++;
        const y = this.laneY[worker] + LANE / 2;
        const x = this.x(from);
        const width = this.x(to) - x;
        if (width > 2) for (let dot = x + 3; dot < x + width - 2; dot += 7) c.fillRect(dot, y, 3, 1.5);
      }
    }

    /** The times in view in which workers are parked. */
    *parks() {
      const r = this.recording;
      const { first, last } = this.scale.visible();
      const since = r.workers.map(() => -1);
      // One that began before the view counts as well.
      const asleep = r.moment(first).workers.map((worker) => worker.parked);
      asleep.forEach((parked, w) => (since[w] = parked ? this.scale.view.from : -1));
      for (let i = first; i < last; i++) {
        const worker = r.worker[i];
        if (r.kind[i] === Kind.PARKED) since[worker] = this.scale.position(i);
        if (r.kind[i] === Kind.UNPARKED && since[worker] >= 0) {
          yield [worker, since[worker], this.scale.position(i)];
          since[worker] = -1;
        }
      }
      for (const [w, from] of since.entries()) if (from >= 0) yield [w, from, this.scale.view.to];
    }

    drawPolls(c, shows) {
      const { from, to } = this.scale.view;
      for (let w = 0; w < this.ofWorker.length; w++) {
        // Thin polls in one column of pixels are one to see, and columns side by side a bar.
        const thin = new Map();
        for (const poll of this.ofWorker[w]) {
          const [start, end] = this.span(poll);
          if (end < from) continue;
          if (start > to) break;
          const shown = shows(poll.task, poll.queue, poll);
          this.drawn.polls += shown ? 1 : 0;
          const [left, right] = [this.x(start), this.x(end)];
          const colour = this.recording.colourOf(poll.task, poll.queue) * 2 + (shown ? 1 : 0);
          if (right - left < 1 && poll.replaced < 0 && !this.isLong(poll)) {
            let columns = thin.get(colour);
            if (!columns) thin.set(colour, (columns = new Uint8Array(Math.ceil(this.width) + 1)));
            columns[Math.max(0, Math.floor(left))] = 1;
            continue;
          }
          c.globalAlpha = shown ? 1 : 0.12;
          this.drawPoll(c, poll, left, right);
        }
        for (const [colour, columns] of thin) this.drawThin(c, w, colour, columns);
      }
      c.globalAlpha = 1;
    }

    /** Polls that are thinner than a pixel, as bars over the columns that they are in. */
    drawThin(c, worker, colour, columns) {
      const queue = colour >> 1;
      c.globalAlpha = colour & 1 ? 1 : 0.12;
      for (let x = columns.indexOf(1); x >= 0; x = columns.indexOf(1, x)) {
        const end = columns.indexOf(0, x);
        const width = (end < 0 ? columns.length : end) - x;
        c.fillStyle = this.theme.queue(queue);
        c.fillRect(x, this.laneY[worker] + 2, width, LANE - 4);
        this.markQueue(c, queue, x, this.laneY[worker] + 2, width, LANE - 4);
        x += width;
      }
    }

    /** Where a poll begins and ends, in positions. */
    span(poll) {
      const end = poll.end < 0 ? this.scale.max : this.scale.position(poll.end);
      return [this.scale.position(poll.start), end];
    }

    drawPoll(c, poll, left, right) {
      const { theme } = this;
      const y = this.laneY[poll.worker] + 2;
      const height = LANE - 4;
      const until = poll.replaced < 0 ? right : this.x(this.scale.position(poll.replaced));
      const width = Math.max(1.2, until - left);
      const colour = this.recording.colourOf(poll.task, poll.queue);
      c.fillStyle = theme.queue(colour);
      c.fillRect(left, y, width, height);
      this.markQueue(c, colour, left, y, width, height);
      if (this.isLong(poll)) this.markLong(c, left, width, y);
      if (poll.replaced >= 0) {
        c.fillRect(until, y + height + 4, Math.max(1.2, right - until), BLOCKED - 2);
        c.fillStyle = theme.text;
        c.fillRect(until - 1, y + height - 4, 2, 10);
      }
      if (width < 5) return;
      c.strokeStyle = theme.ground;
      c.lineWidth = 1;
      c.strokeRect(left + 0.5, y + 0.5, width - 1, height - 1);
      this.markEnd(c, poll, left, y, width, height);
      if (width > 26) {
        c.fillStyle = theme.ink;
        c.font = theme.font(11);
        c.textBaseline = "middle";
        const title = L.title(this.recording, poll.task);
        const room = width - 12;
        const number = this.recording.hasNames ? title : `#${this.recording.tasks[poll.task].id}`;
        const isLong = c.measureText(title).width > room;
        const words = isLong && c.measureText(number).width > 0.6 * room ? number : title;
        if (c.measureText(number).width <= room) c.fillText(L.fit(c, words, room), left + 4, y + height / 2);
      }
    }

    isLong(poll) {
      return this.recording.lasted(poll) >= this.longFrom;
    }

    /** A long poll's upper edge, which shows in a lane of any width. */
    markLong(c, left, width, y) {
      this.drawn.long++;
      c.fillStyle = this.theme.cursor;
      c.fillRect(left, y - 2, Math.max(3, width), 3);
    }

    /** Queues beyond the number of colours have stripes, one more each time around. */
    markQueue(c, queue, left, y, width, height) {
      c.fillStyle = this.theme.ink;
      for (let stripe = 1; stripe <= this.theme.round(queue); stripe++) {
        c.fillRect(left, y + height - 3 * stripe, width, 1);
      }
    }

    /** A poll's end by its shape, besides its colour: a bar, a notch, a cross, a hatch. */
    markEnd(c, poll, left, y, width, height) {
      const right = left + width;
      const ink = this.theme.ink;
      c.save();
      c.beginPath();
      c.rect(left, y, width, height);
      c.clip();
      c.strokeStyle = c.fillStyle = ink;
      c.lineWidth = 2;
      c.beginPath();
      switch (poll.how) {
        case End.READY:
          c.fillRect(right - 5, y, 3, height);
          break;
        case End.YIELDED:
          c.moveTo(right, y);
          c.lineTo(right - 5, y);
          c.lineTo(right, y + 7);
          c.fill();
          break;
        case End.PANICKED:
          c.moveTo(right - 9, y + 3);
          c.lineTo(right - 2, y + height - 3);
          c.moveTo(right - 2, y + 3);
          c.lineTo(right - 9, y + height - 3);
          c.stroke();
          break;
        case End.CANCELLED:
          c.lineWidth = 1;
          for (let x = left - height; x < right; x += 6) {
            c.moveTo(x, y + height);
            c.lineTo(x + height, y);
          }
          c.stroke();
          break;
      }
      c.restore();
    }

    drawDepths(c) {
      const r = this.recording;
      const { first, last } = this.scale.visible();
      const before = r.moment(first);
      const depth = before.depth.slice();
      const queueOf = before.queueOf.slice();
      const paths = r.queues.map((_, q) => {
        const bottom = this.queueY[q] + QUEUE;
        const y = (n) => bottom - (n / Math.max(1, r.maxDepth[q])) * (QUEUE - 3);
        const path = new Path2D();
        path.moveTo(this.gutter, bottom);
        path.lineTo(this.gutter, y(depth[q]));
        return { path, y, bottom };
      });
      for (let i = first; i < last; i++) {
        const kind = r.kind[i];
        const leaves = kind === Kind.TAKEN || kind === Kind.POLL_STARTED || kind === Kind.CANCELLED;
        if (kind !== Kind.SCHEDULED && !leaves) continue;
        const from = queueOf[r.task[i]];
        const to = leaves ? -1 : r.queue[i];
        if (from === to) continue;
        queueOf[r.task[i]] = to;
        for (const [queue, by] of [[from, -1], [to, 1]]) {
          if (queue < 0) continue;
          const { path, y } = paths[queue];
          const x = this.edge(i);
          path.lineTo(x, y(depth[queue]));
          depth[queue] += by;
          path.lineTo(x, y(depth[queue]));
        }
      }
      paths.forEach(({ path, y, bottom }, q) => {
        path.lineTo(this.width, y(depth[q]));
        path.lineTo(this.width, bottom);
        c.fillStyle = this.recording.hasTaskColours ? this.theme.soft : this.theme.queue(q);
        c.fill(path);
      });
    }

    drawSteals(c, shows) {
      const steals = [...this.steals()];
      // Many arrows are drawn faintly.
      const alpha = steals.length > 60 ? 0.35 : 0.85;
      for (const { at, task, queue, victim, thief } of steals) {
        if (!shows(task, queue)) continue;
        this.drawn.arrows++;
        const x = this.x(at);
        const from = this.laneY[victim] + LANE / 2;
        const to = this.laneY[thief] + LANE / 2;
        L.drawArrow(c, this.theme.text, x - 3, from, x, to + (from < to ? -9 : 9), alpha);
      }
    }

    /** What workers took from each other, as far as it is in view. */
    *steals() {
      const r = this.recording;
      const { first, last } = this.scale.visible();
      for (let i = first; i < last; i++) {
        const victim = r.victimOf(i);
        const [at, task, queue, thief] = [this.scale.position(i), r.task[i], r.queue[i], r.worker[i]];
        if (victim >= 0) yield { at, task, queue, victim, thief };
      }
    }

    // What changes with the cursor.

    draw(canvas, pixels, cursor, selected, focused) {
      const c = canvas.getContext("2d");
      c.setTransform(1, 0, 0, 1, 0, 0);
      c.clearRect(0, 0, canvas.width, canvas.height);
      c.drawImage(this.still, 0, 0);
      c.scale(pixels, pixels);
      if (selected >= 0) this.drawSelected(c, selected);
      if (focused) this.drawFocus(c, focused);
      const x = this.x(cursor);
      if (x < this.gutter - 1) return;
      c.fillStyle = this.theme.cursor;
      c.fillRect(x - 1, 4, 2, this.height - 6);
      c.beginPath();
      c.moveTo(x - 6, 2);
      c.lineTo(x + 6, 2);
      c.lineTo(x, 11);
      c.fill();
    }

    /** A task's polls framed, and what woke it. */
    drawSelected(c, task) {
      const r = this.recording;
      const { from, to } = this.scale.view;
      c.save();
      c.beginPath();
      c.rect(this.gutter, 0, this.width - this.gutter, this.height);
      c.clip();
      for (const event of r.story(task)) {
        if (r.kind[event] !== Kind.POLL_STARTED) continue;
        const poll = r.polls[r.pollAt[event]];
        const [start, end] = this.span(poll);
        if (end < from || start > to) continue;
        this.drawFocus(c, poll);
        if (poll.scheduled < 0 || r.worker[poll.scheduled] < 0) continue;
        const waker = this.laneY[r.worker[poll.scheduled]] + LANE / 2;
        const y = this.laneY[poll.worker] + LANE / 2;
        L.drawArrow(c, this.theme.cursor, this.edge(poll.scheduled), waker, this.x(start), y, 1, [4, 3]);
      }
      c.restore();
    }

    drawFocus(c, poll) {
      const [start, end] = this.span(poll);
      const left = this.x(start);
      c.strokeStyle = this.theme.cursor;
      c.lineWidth = 2;
      const width = Math.max(4, this.x(end) - left);
      c.strokeRect(left - 1, this.laneY[poll.worker], width + 2, LANE);
    }

    /** The poll at a place on the canvas, with some tolerance for thin ones. */
    pollAt(x, y) {
      const worker = this.laneY.findIndex((top) => y >= top && y < top + LANE + BLOCKED);
      if (worker < 0 || x < this.gutter) return undefined;
      let best;
      let nearest = 5;
      for (const poll of this.ofWorker[worker]) {
        const [start, end] = this.span(poll);
        const off = Math.max(this.x(start) - x, x - this.x(end), 0);
        if (off < nearest) [best, nearest] = [poll, off];
        if (off === 0 || this.x(start) > x + 5) break;
      }
      return best;
    }
  }

  L.Lanes = Lanes;
})(globalThis.LanewayReplay);
