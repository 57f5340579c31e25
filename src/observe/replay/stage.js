// Draws the stage: queues as boxes, workers below them, and the tasks as tokens between them.
//
// Tokens know where they are drawn; at each frame they move a part of the way to where they
// belong. So they travel, however the cursor moves.
"use strict";
(function (L) {
  const { Kind, Where } = L;
  const RADIUS = 9;
  const PITCH = 22;
  const PAD = 8;
  const HEAD = 22;
  const SETTLED = 0.4;
  /** How far tokens are apart that have their names beside them. */
  const NAMED = 104;

  /** Shapes for queues, so that colour is not needed to tell them apart. */
  const SHAPES = [
    (c, x, y, r) => c.arc(x, y, r, 0, 2 * Math.PI),
    (c, x, y, r) => c.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8),
    (c, x, y, r) => polygon(c, x, y, r * 1.2, 3, -Math.PI / 2),
    (c, x, y, r) => polygon(c, x, y, r * 1.15, 4, -Math.PI / 2),
    (c, x, y, r) => polygon(c, x, y, r * 1.1, 6, 0),
    (c, x, y, r) => polygon(c, x, y, r * 1.2, 3, Math.PI / 2),
    (c, x, y, r) => polygon(c, x, y, r * 1.15, 5, -Math.PI / 2),
    (c, x, y, r) => c.rect(x - r * 1.1, y - r * 0.65, r * 2.2, r * 1.3),
  ];

  function polygon(c, x, y, r, corners, turn) {
    for (let i = 0; i < corners; i++) {
      const angle = turn + (2 * Math.PI * i) / corners;
      c.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
    }
    c.closePath();
  }

  L.drawToken = function (c, theme, queue, x, y, r) {
    c.beginPath();
    SHAPES[Math.max(0, queue) % SHAPES.length](c, x, y, r);
    c.fillStyle = theme.queue(queue);
    c.fill();
    c.strokeStyle = theme.ink;
    c.lineWidth = 1;
    c.stroke();
  };

  L.drawArrow = function (c, colour, x1, y1, x2, y2, alpha, dash = []) {
    const angle = Math.atan2(y2 - y1, x2 - x1);
    c.save();
    c.globalAlpha = alpha;
    c.strokeStyle = c.fillStyle = colour;
    c.lineWidth = 1.6;
    c.setLineDash(dash);
    c.beginPath();
    c.moveTo(x1, y1);
    c.lineTo(x2, y2);
    c.stroke();
    c.setLineDash([]);
    c.beginPath();
    c.moveTo(x2, y2);
    c.lineTo(x2 - 7 * Math.cos(angle - 0.45), y2 - 7 * Math.sin(angle - 0.45));
    c.lineTo(x2 - 7 * Math.cos(angle + 0.45), y2 - 7 * Math.sin(angle + 0.45));
    c.fill();
    c.restore();
  };

  /** A text cut to a width. */
  L.fit = function (c, text, width) {
    if (c.measureText(text).width <= width) return text;
    let length = Math.min(text.length, Math.ceil(width / 3));
    while (length > 0 && c.measureText(text.slice(0, length) + "\u2026").width > width) length--;
    return length > 0 ? text.slice(0, length) + "\u2026" : "";
  };

  /** The first of these texts that has room, or as much of the last as has. */
  L.fitOne = function (c, texts, width) {
    const whole = texts.find((text) => c.measureText(text).width <= width);
    return whole ?? L.fit(c, texts[texts.length - 1], width);
  };

  class Stage {
    constructor(recording) {
      this.recording = recording;
      this.digits = recording.digits();
      // As wide as a number needs, so that no two tokens in a row have the same.
      this.pitch = Math.max(PITCH, 5.2 * this.digits + 8);
      this.tokens = new Map();
      this.shown = -1;
    }

    // Where things are.

    layout(width) {
      const r = this.recording;
      this.width = width;
      this.arrived = false;
      const boxes = (count, least, y, height) => {
        const columns = Math.max(1, Math.min(count, Math.floor((width + PAD) / (least + PAD))));
        const w = (width - PAD * (columns - 1)) / columns;
        return Array.from({ length: count }, (_, i) => ({
          x: (i % columns) * (w + PAD),
          y: y + Math.floor(i / columns) * (height + PAD),
          w,
          h: height,
        }));
      };
      const below = (all) => all[all.length - 1].y + all[all.length - 1].h;
      const queueHeight = HEAD + 2 * PITCH + PAD;
      this.channelBoxes = boxes(Math.max(1, r.queues.length), width < 500 ? 120 : 220, 0, queueHeight);
      const workersTop = below(this.channelBoxes) + 18;
      const workerHeight = HEAD + 44 + PITCH + PAD;
      this.workerBoxes = boxes(Math.max(1, r.workers.length), 150, workersTop, workerHeight);
      const waitingTop = below(this.workerBoxes) + 18;
      const rest = width < 500 ? 0.62 : 0.75;
      const half = (width - PAD) * rest;
      const height = HEAD + PITCH + PAD;
      this.waitingBox = { x: 0, y: waitingTop, w: half, h: height };
      this.endedBox = { x: half + PAD, y: waitingTop, w: width - half - PAD, h: height };
      this.height = waitingTop + height + 2;
      return this.height;
    }

    /** The least distance of two tokens in a row: as wide as a number, or as the longest name on one. */
    apart() {
      const r = this.recording;
      if (!r.hasNames) return this.pitch;
      this.longest ??= Math.max(...r.tasks.map((_, task) => L.short(r, task).length));
      return Math.min(NAMED, 7.5 * this.longest + 18);
    }

    /** The places for tokens in a box, and how many tokens find none. */
    *grid(box, rows, count, top = HEAD) {
      const inRow = (pitch) => Math.max(1, Math.floor((box.w - PAD) / pitch));
      // Few tasks have room for their names.
      const named = inRow(NAMED) * rows;
      const pitch = count <= named ? NAMED : this.apart();
      const columns = inRow(pitch);
      const places = columns * rows;
      const fits = count > places ? places - Math.ceil(44 / pitch) : count;
      const room = pitch === NAMED ? Math.min(NAMED, box.w - PAD) - this.pitch - 4 : 0;
      for (let i = 0; i < fits; i++) {
        yield {
          x: box.x + PAD + this.pitch / 2 + (i % columns) * pitch - 2,
          y: box.y + top + PITCH / 2 + Math.floor(i / columns) * PITCH,
          room,
        };
      }
    }

    slot(worker) {
      const box = this.workerBoxes[worker];
      return { x: box.x + 30, y: box.y + HEAD + 20 };
    }

    /** Where every token belongs that can be seen. */
    targets(moment) {
      const targets = new Map();
      const counts = [];
      const place = (tasks, box, rows, top) => {
        const places = this.grid(box, rows, tasks.size, top);
        let placed = 0;
        for (const task of tasks) {
          const at = places.next();
          if (at.done) break;
          targets.set(task, at.value);
          placed++;
        }
        if (placed < tasks.size) counts.push({ box, top, rows, more: tasks.size - placed });
      };
      moment.channels.forEach((tasks, q) => place(tasks, this.channelBoxes[q], 2));
      place(moment.waiting, this.waitingBox, 1);
      moment.workers.forEach((worker, w) => {
        const slot = this.slot(w);
        place(worker.local, this.workerBoxes[w], 1, HEAD + 44);
        worker.blocked.forEach((task, n) => {
          targets.set(task, { x: this.workerBoxes[w].x + this.workerBoxes[w].w - 18 - 20 * n, y: slot.y });
        });
        if (worker.held >= 0) targets.set(worker.held, slot);
        worker.polling.forEach((task, n) => targets.set(task, { x: slot.x + 20 * n, y: slot.y }));
      });
      return { targets, counts };
    }

    /** Where a token comes from that was not to be seen before. */
    origin(task, target) {
      const r = this.recording;
      const spawner = r.worker[r.story(task)[0]];
      if (spawner >= 0) return this.slot(spawner);
      return { x: target.x, y: -RADIUS };
    }

    // Moving.

    /** Moves all tokens on by so many milliseconds. Gives whether there is more to come. */
    move(moment, elapsed, glides) {
      const { targets, counts } = this.targets(moment);
      const isNear = Math.abs(moment.applied - this.shown) <= 40;
      const jumps = !glides || !isNear || !this.arrived;
      const share = jumps ? 1 : 1 - Math.exp(-elapsed / 90);
      this.shown = moment.applied;
      this.arrived = true;
      this.counts = counts;
      let restless = false;
      for (const [task, target] of targets) {
        let token = this.tokens.get(task);
        if (!token) {
          token = jumps ? { ...target } : this.origin(task, target);
          this.tokens.set(task, token);
        }
        token.x += (target.x - token.x) * share;
        token.y += (target.y - token.y) * share;
        token.fades = 0;
        token.room = target.room ?? 0;
        if (Math.hypot(target.x - token.x, target.y - token.y) > SETTLED) restless = true;
      }
      for (const [task, token] of this.tokens) {
        if (targets.has(task)) continue;
        if (this.leave(moment, task, token, elapsed, jumps)) restless = true;
        else this.tokens.delete(task);
      }
      return restless;
    }

    /** An ended task's token goes to its box and fades. Gives whether it is still to be seen. */
    leave(moment, task, token, elapsed, jumps) {
      if (jumps || moment.where[task] !== Where.ENDED) return false;
      const box = this.endedBox;
      const share = 1 - Math.exp(-elapsed / 120);
      token.fades = (token.fades ?? 0) + elapsed / 450;
      token.x += (box.x + box.w / 2 - token.x) * share;
      token.y += (box.y + box.h / 2 - token.y) * share;
      return token.fades < 1;
    }

    // Drawing.

    draw(canvas, pixels, theme, moment, shows, selected) {
      const c = canvas.getContext("2d");
      c.setTransform(pixels, 0, 0, pixels, 0, 0);
      c.clearRect(0, 0, this.width, this.height);
      this.theme = theme;
      c.textBaseline = "middle";
      this.drawBoxes(c, moment);
      this.drawWorkers(c, moment);
      for (const { box, top = HEAD, rows, more } of this.counts) {
        c.font = theme.font(11);
        c.fillStyle = theme.text;
        c.textAlign = "right";
        const y = box.y + top + PITCH * (rows - 1) + PITCH / 2;
        c.fillText(`+${more.toLocaleString("en")}`, box.x + box.w - 6, y);
        c.textAlign = "left";
      }
      this.drawnTokens = 0;
      for (const [task, token] of this.tokens) {
        this.drawnTokens++;
        this.drawTask(c, moment, task, token, shows, task === selected);
      }
      this.drawLastSteal(c, moment);
    }

    drawBox(c, box, title, notes, isDashed = false) {
      const { theme } = this;
      c.fillStyle = theme.lane;
      c.strokeStyle = theme.line;
      c.lineWidth = 1;
      c.setLineDash(isDashed ? [4, 4] : []);
      c.beginPath();
      c.roundRect(box.x + 0.5, box.y + 0.5, box.w - 1, box.h - 1, 6);
      c.fill();
      c.stroke();
      c.setLineDash([]);
      c.font = theme.font(12, "600");
      c.fillStyle = theme.text;
      const words = L.fit(c, title, box.w - 2 * PAD);
      c.fillText(words, box.x + PAD, box.y + 13);
      const used = c.measureText(words).width + 2 * PAD + 6;
      c.font = theme.font(12);
      c.fillStyle = theme.quiet;
      c.fillText(L.fitOne(c, notes, box.w - used - PAD), box.x + used - 2, box.y + 13);
    }

    drawBoxes(c, moment) {
      const r = this.recording;
      r.queues.forEach((name, q) => {
        this.drawBox(c, this.channelBoxes[q], `${name} queue`, this.queueNotes(moment, q));
      });
      const waiting = moment.waiting.size === 1 ? "1 waits" : `${moment.waiting.size} wait`;
      this.drawBox(c, this.waitingBox, "pending", [`${waiting} to be woken`, waiting], true);
      this.drawBox(c, this.endedBox, "ended", [moment.ended.toLocaleString("en")], true);
    }

    queueNotes(moment, q) {
      const here = moment.channels[q].size;
      const elsewhere = moment.depth[q] - here;
      return elsewhere > 0
        ? [`${here} here, ${elsewhere} with workers`, `${here} + ${elsewhere}`]
        : [`${here} waiting`, `${here}`];
    }

    drawWorkers(c, moment) {
      const { theme } = this;
      this.recording.workers.forEach((worker, w) => {
        const state = moment.workers[w];
        const polls = state.polling.length > 0;
        const idles = state.parked ? ["sleeps"] : ["looks for work", "looks"];
        const takes = ["takes a task", "takes"];
        const notes = polls ? ["polls"] : state.held >= 0 ? takes : idles;
        this.drawBox(c, this.workerBoxes[w], worker.name, notes);
        const slot = this.slot(w);
        c.beginPath();
        // A name on a token is wider than the ring.
        const isCovered = this.recording.hasNames && (polls || state.held >= 0);
        if (!isCovered) c.arc(slot.x, slot.y, 16, 0, 2 * Math.PI);
        c.lineWidth = polls ? 3 : 1.5;
        c.setLineDash(polls ? [] : [3, 3]);
        c.strokeStyle = polls ? theme.text : theme.quiet;
        c.stroke();
        c.setLineDash([]);
        c.font = theme.font(11);
        c.fillStyle = theme.quiet;
        if (!polls && state.parked) c.fillText("zz", slot.x - 6, slot.y);
        if (polls) this.nameSlot(c, w, state.polling.at(-1), state.blocked.length);
        const box = this.workerBoxes[w];
        c.fillStyle = theme.line;
        c.fillRect(box.x + PAD, box.y + HEAD + 42, box.w - 2 * PAD, 1);
      });
    }

    /** What is being polled, beside the slot. */
    nameSlot(c, worker, task, blocked) {
      if (this.recording.hasNames) return;
      const box = this.workerBoxes[worker];
      const slot = this.slot(worker);
      const width = box.w - 60 - PAD - 22 * blocked;
      c.fillStyle = this.theme.text;
      const title = L.short(this.recording, task);
      c.fillText(L.fit(c, title || L.title(this.recording, task), width), slot.x + 24, slot.y);
    }

    drawTask(c, moment, task, token, shows, isSelected) {
      const { theme } = this;
      const r = this.recording;
      const queue = moment.queueOf[task] >= 0 ? moment.queueOf[task] : r.tasks[task].queue;
      c.globalAlpha = (shows(task, queue) ? 1 : 0.15) * (1 - Math.min(1, token.fades ?? 0));
      if (r.hasNames && r.tasks[task].name) {
        this.drawNamed(c, r.colourOf(task, queue), task, token, isSelected);
        c.globalAlpha = 1;
        return;
      }
      L.drawToken(c, theme, r.colourOf(task, queue), token.x, token.y, RADIUS);
      if (isSelected) {
        c.beginPath();
        c.arc(token.x, token.y, RADIUS + 4, 0, 2 * Math.PI);
        c.lineWidth = 2.5;
        c.strokeStyle = theme.cursor;
        c.stroke();
      }
      // Of a large number, what tells it from all others.
      const id = String(r.tasks[task].id).slice(-this.digits);
      c.font = theme.font(id.length > 2 ? 8.5 : 11, "600");
      c.textAlign = "center";
      if (id.length > 2) {
        // Wider than most shapes: with a seam of the token's colour.
        c.strokeStyle = theme.queue(queue);
        c.lineWidth = 3;
        c.strokeText(id, token.x, token.y + 0.5);
      }
      c.fillStyle = theme.ink;
      c.fillText(id, token.x, token.y + 0.5);
      c.textAlign = "left";
      if (token.room > 20 && !token.fades) {
        c.fillStyle = theme.text;
        c.font = theme.font(11);
        c.fillText(L.fit(c, L.short(r, task), token.room), token.x + this.pitch / 2 + 1, token.y + 0.5);
      }
      c.globalAlpha = 1;
    }

    /** A token as wide as the name on it. */
    drawNamed(c, colour, task, token, isSelected) {
      const { theme } = this;
      c.font = theme.font(12, "600");
      const words = L.fit(c, L.short(this.recording, task), NAMED - 24);
      const width = Math.max(2 * RADIUS, c.measureText(words).width + 14);
      token.room = width;
      c.beginPath();
      c.roundRect(token.x - RADIUS, token.y - RADIUS, width, 2 * RADIUS, RADIUS);
      c.fillStyle = theme.queue(colour);
      c.fill();
      c.lineWidth = isSelected ? 2.5 : 1;
      c.strokeStyle = isSelected ? theme.cursor : theme.ink;
      c.stroke();
      c.fillStyle = theme.ink;
      c.fillText(words, token.x - RADIUS + 7, token.y + 0.5);
    }

    /** If the last thing that happened was a steal, an arrow from the victim to the thief. */
    drawLastSteal(c, moment) {
      const r = this.recording;
      for (let i = moment.applied - 1; i >= Math.max(0, moment.applied - 2); i--) {
        if (r.kind[i] !== Kind.TAKEN) continue;
        const victim = r.victimOf(i);
        const thief = this.slot(r.worker[i]);
        const isForeign = r.workers[r.worker[i]].home !== r.queue[i];
        if (victim < 0 && !(isForeign && r.detail[i] === 1)) continue;
        const box = victim >= 0 ? this.workerBoxes[victim] : this.channelBoxes[r.queue[i]];
        const from = { x: box.x + box.w / 2, y: victim >= 0 ? box.y + box.h - 16 : box.y + box.h - 6 };
        L.drawArrow(c, this.theme.cursor, from.x, from.y, thief.x + 14, thief.y - 10, 1);
        c.font = this.theme.font(11, "600");
        c.strokeStyle = this.theme.lane;
        c.lineWidth = 4;
        c.fillStyle = this.theme.cursor;
        for (const write of ["strokeText", "fillText"]) {
          c[write]("stolen", (from.x + thief.x) / 2 + 8, (from.y + thief.y) / 2);
        }
        return;
      }
    }

    /** The task whose token is at a place on the canvas, or -1. */
    taskAt(x, y) {
      for (const [task, token] of this.tokens) {
        const isBeside = Math.abs(token.y - y) < RADIUS + 2 && x > token.x && x < token.x + token.room;
        if (isBeside || Math.hypot(token.x - x, token.y - y) < RADIUS + 3) return task;
      }
      return -1;
    }
  }

  L.Stage = Stage;
})(globalThis.LanewayReplay);
